"""A second opinion about a plan: every constraint judged from plain data, without a line of the solver's code.

It reads a problem and a solution as dictionaries (``dataclasses.asdict``) and two matrices, drives each route by itself from
what the problem says alone, and answers in sentences what it found wrong; an empty list is a plan that holds. What the solver
says of its own plan (times, loads, sums) is compared with what comes out here, never believed.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Plain = Mapping[str, Any]
DIMENSIONS = ("weight_grams", "volume_cm3", "items")


def faults(problem: Any, solution: Any) -> list[str]:
    """What is wrong with ``solution``, which holds routes and the ids of what was left out."""
    tables = {name: (pair.durations, pair.distances) for name, pair in problem.matrices.items()}
    orders = {order.id: asdict(order) for order in problem.orders}
    vehicles = {vehicle.id: asdict(vehicle) for vehicle in problem.vehicles}
    routes = [asdict(route) for route in solution.routes]
    found = list(_once_each(orders, routes, solution.unassigned))
    found += list(_relations([asdict(relation) for relation in problem.relations], routes))
    used = Counter(route["vehicle_id"] for route in routes)
    found += [f"{name} has {times} routes" for name, times in used.items() if times > 1]
    money = 0
    for route in routes:
        if route["vehicle_id"] not in vehicles:
            found.append(f"{route['vehicle_id']} is no vehicle")
            continue
        vehicle = vehicles[route["vehicle_id"]]
        tour = Tour(vehicle, orders, tables[vehicle["profile"]], route["steps"])
        found += [f"{vehicle['id']}: {fault}" for fault in tour.judge()]
        money += tour.price()
        if abs(route["summary"]["cost"] - tour.price()) > 1:
            found.append(f"{vehicle['id']}: costs {tour.price():.1f}, not {route['summary']['cost']}")
    if abs(solution.summary.cost - money) > len(routes):
        found.append(f"the plan costs {money:.1f}, not {solution.summary.cost}")
    return found


def _once_each(orders: Mapping[str, Plain], routes: Sequence[Plain], left: Sequence[str]) -> Iterator[str]:
    brought = Counter(step["order_id"] for route in routes for step in route["steps"] if step["kind"] == "DELIVERY")
    for name in {*orders, *brought, *left}:
        times = brought[name] + list(left).count(name)
        if name not in orders:
            yield f"{name} is no order"
        elif times != 1:
            yield f"{name} is brought or left out {times} times"


def _relations(relations: Sequence[Plain], routes: Sequence[Plain]) -> Iterator[str]:
    """Where and when everybody is delivered decides; who is left out is nowhere."""
    at = {
        step["order_id"]: (number, position)
        for number, route in enumerate(routes)
        for position, step in enumerate(route["steps"])
        if step["kind"] == "DELIVERY"
    }
    for relation in relations:
        places = [at.get(name) for name in relation["order_ids"]]
        known = [place for place in places if place is not None]
        on = [route for route, _ in known]
        holds = {
            "SAME_ROUTE": not known or (len(known) == len(places) and len(set(on)) == 1),
            "DIFFERENT_ROUTES": len(set(on)) == len(on),
            "IN_SEQUENCE": known == places[: len(known)] and len(set(on)) < 2 and known == sorted(known),
        }[relation["kind"]]
        if not holds:
            yield f"{relation['kind']} does not hold for {relation['order_ids']}"


def _amount(load: Plain, size: tuple[str, str]) -> int:
    """Grams, volume or items of a load: of all of it, or of what lies in a compartment."""
    compartment, name = size
    part = dict(load["compartments"]).get(compartment, {}) if compartment else load
    return int(part.get(name, 0))


@dataclass
class Tour:
    """One route, driven again."""

    vehicle: Plain
    orders: Mapping[str, Plain]
    table: tuple[Any, Any]
    steps: Sequence[Plain]
    found: list[str] = field(default_factory=list)
    driven: int = 0
    meters: int = 0
    rested: int = 0

    def judge(self) -> list[str]:
        """All that does not hold."""
        stops = [step for step in self.steps if step["kind"] in ("PICKUP", "DELIVERY")]
        if not stops or any(step["order_id"] not in self.orders for step in stops):
            return ["serves nobody, or somebody unknown"]
        if self.steps[0]["location"] != self.vehicle["start"]:
            self.found.append("sets out from elsewhere")
        if self.vehicle["end"] is not None and self.steps[-1]["location"] != self.vehicle["end"]:
            self.found.append("does not come home")
        self._drive()
        self._carry(stops)
        self._rest()
        self._may(stops)
        self._limits(stops)
        return self.found

    def price(self) -> float:
        """What it costs by the vehicle's prices."""
        prices = self.vehicle["costs"]
        tasks = sum(step["kind"] in ("PICKUP", "DELIVERY") for step in self.steps)
        paid = self.steps[-1]["departure"] - self.steps[0]["arrival"] - self.rested
        per = paid / 3600 * prices["per_hour"] + self.meters / 1000 * prices["per_kilometer"]
        return float(prices["fixed"] + tasks * prices["per_task"] + per)

    def _leg(self, start: int, end: int) -> tuple[int, int] | None:
        if start == end:
            return 0, 0
        seconds = float(self.table[0][start, end]) / round(self.vehicle["speed_factor"], 2)
        meters = float(self.table[1][start, end])
        if not (math.isfinite(seconds) and math.isfinite(meters)) or max(seconds, meters) >= 2**31:
            return None
        return round(seconds), round(meters)

    def _drive(self) -> None:
        """Places one after the other: a way there, time for it and for what is done there, within windows and shift."""
        here, clock, pauses = self.vehicle["start"], self.steps[0]["arrival"], 0
        if clock < self.vehicle["window"]["start"]:
            self.found.append("sets out before the shift")
        for step in self.steps[1:]:
            if step["kind"] == "BREAK":
                pauses += step["departure"] - step["service_start"] + (step["service_start"] - step["arrival"])
                continue
            leg = self._leg(here, step["location"])
            if leg is None:
                self.found.append(f"no way leads from {here} to {step['location']}")
                return
            self.driven, self.meters = self.driven + leg[0], self.meters + leg[1]
            if step["arrival"] != clock + leg[0] + pauses:
                self.found.append(f"is at {step['location']} at {step['arrival']}, not at {clock + leg[0] + pauses}")
            stay = self._stay(step, here) if step["order_id"] else self._stay_at_depot(step)
            if step["departure"] != step["service_start"] + stay or step["service_start"] < step["arrival"]:
                self.found.append(f"stays {step['departure'] - step['service_start']} s, not {stay} s")
            here, clock, pauses = step["location"], step["departure"], 0
        if self.steps[-1]["departure"] > self.vehicle["window"]["end"]:
            self.found.append("comes home after the shift")

    def _end(self, step: Plain) -> Plain:
        order = self.orders[step["order_id"]]
        if "pickup" in order:
            end: Plain = order["pickup" if step["kind"] == "PICKUP" else "delivery"]
            return end
        return order

    def _stay(self, step: Plain, before: int) -> int:
        end = self._end(step)
        if end["location"] != step["location"]:
            self.found.append(f"serves {step['order_id']} at {step['location']}, not at {end['location']}")
        self._window(step, end)
        times = next((one for one in end["by_kind"] if one["kind"] == self.vehicle["kind"]), end)
        setup = 0 if before == step["location"] else times["setup_seconds"]
        return int(setup + times["service_seconds"])

    def _stay_at_depot(self, step: Plain) -> int:
        if step["kind"] != "RELOAD":
            return 0
        if step["location"] != self.vehicle["start"]:
            self.found.append("loads anew away from its depot")
        return int(self.vehicle["reload_seconds"])

    def _window(self, step: Plain, end: Plain) -> None:
        windows, at = end["windows"], step["service_start"]
        if not windows or any(one["start"] <= at <= one["end"] for one in windows):
            return
        aboard = "vehicle" in self.orders[step["order_id"]]
        if not aboard or at < min(one["start"] for one in windows):  # what lies aboard is brought also when it is late
            self.found.append(f"serves {step['order_id']} at {at}, in no window")

    def _carry(self, stops: Sequence[Plain]) -> None:
        """Nothing is brought before it is aboard, and it never lies more in the vehicle than fits."""
        rooms = dict(self.vehicle["capacity"]["compartments"])
        inside = {name for step in stops for name, _ in self._order(step)["load"]["compartments"]}
        self.found += [f"has no {name}" for name in sorted(inside - set(rooms))]
        every = [("", size) for size in DIMENSIONS] + [(name, size) for name in sorted(inside) for size in DIMENSIONS]
        for size in every:
            room = self.vehicle["capacity"] if not size[0] else rooms.get(size[0], dict.fromkeys(DIMENSIONS, 0))
            most = room[size[1]]
            load, peak = 0, 0
            for number, step in enumerate(self.steps):
                load += self._change(number, size)
                peak = max(peak, load)
                if size[1] == "items" and _amount(step["load_after"], size) != load:
                    self.found.append(f"carries {load} {size}, not {_amount(step['load_after'], size)}")
            if most is not None and peak > most:
                self.found.append(f"carries {peak} {size}, and {most} fit")
            if load:
                self.found.append(f"comes home with {load} {size}")
        aboard: set[str] = set()
        for step in stops:
            if step["kind"] == "PICKUP":
                aboard.add(step["order_id"])
            elif "pickup" in self._order(step) and step["order_id"] not in aboard:
                self.found.append(f"brings {step['order_id']} before it has it")

    def _change(self, number: int, size: tuple[str, str]) -> int:
        step = self.steps[number]
        if step["kind"] in ("START", "RELOAD"):
            return self._taken(number, size)
        if not step["order_id"]:
            return 0
        load = _amount(self._order(step)["load"], size)
        return load if step["kind"] == "PICKUP" else -load

    def _taken(self, number: int, size: tuple[str, str]) -> int:
        """What is put in at this step: the depot's orders of the tour that begins, at the start also what lay in it before."""
        later = self.steps[number + 1 :]
        end = next((n for n, step in enumerate(later) if step["kind"] == "RELOAD"), len(later))
        tour = [self._order(step) for step in later[:end] if step["order_id"]]
        brought = [order for order in tour if "pickup" not in order and "vehicle" not in order]
        if number:
            if not brought:
                self.found.append("comes back to load nothing")
            return sum(_amount(order["load"], size) for order in brought)
        every = [self._order(step) for step in later if step["order_id"]]
        return sum(_amount(order["load"], size) for order in [*brought, *(one for one in every if "vehicle" in one)])

    def _order(self, step: Plain) -> Plain:
        return self.orders[step["order_id"]]

    def _rest(self) -> None:
        """Each break begins in its window and lasts; left out only when the tour is over before, or begins after it."""
        taken = {step["break_id"]: step for step in self.steps if step["kind"] == "BREAK"}
        self.rested = sum(step["departure"] - step["service_start"] for step in taken.values())
        for pause in self.vehicle["breaks"]:
            step = taken.pop(pause["id"], None)
            first = min(one["start"] for one in pause["windows"])
            last = max(one["end"] for one in pause["windows"])
            if step is None:
                begun, over = self.steps[0]["departure"], self.steps[-1]["arrival"]
                if over > last and begun < first + pause["duration_seconds"]:
                    self.found.append(f"leaves out {pause['id']}")
                continue
            at = step["service_start"]
            if not any(one["start"] <= at <= one["end"] for one in pause["windows"]):
                self.found.append(f"takes {pause['id']} at {at}")
            if step["departure"] - at != pause["duration_seconds"]:
                self.found.append(f"cuts {pause['id']} short")
            most = pause["max_load"]
            if most and any(step["load_after"][size] > most[size] for size in DIMENSIONS):
                self.found.append(f"takes {pause['id']} with too much aboard")
        self.found += [f"takes {name}, which it does not have" for name in taken]

    def _may(self, stops: Sequence[Plain]) -> None:
        """Skill, kind, depot, and whose it is."""
        for order in (self._order(step) for step in stops):
            mine = {self.vehicle["id"]}
            demands = {
                "lies elsewhere": "vehicle" in order and order["vehicle"] not in mine,
                "is another's": bool(order.get("vehicles")) and not mine & set(order["vehicles"]),
                "needs a skill": bool(set(order.get("skills", ())) - set(self.vehicle["skills"])),
                "needs another kind": bool(order.get("vehicle_kinds"))
                and self.vehicle["kind"] not in order["vehicle_kinds"],
                "is at another depot": order.get("depot") not in (None, self.vehicle["start"]),
            }
            self.found += [f"{order['id']} {what}" for what, holds in demands.items() if holds]

    def _limits(self, stops: Sequence[Plain]) -> None:
        for name, used in (
            ("max_stops", len(stops)), ("max_distance_meters", self.meters), ("max_driving_seconds", self.driven),
            ("max_tours", 1 + sum(step["kind"] == "RELOAD" for step in self.steps)),
        ):  # fmt: skip
            if self.vehicle[name] is not None and used > self.vehicle[name]:
                self.found.append(f"{name}: {used} of {self.vehicle[name]}")
