"""Public instances as the solver's problems, and a check of answers that knows the instance's text alone.

Solomon and Gehring & Homberger (time windows), Li & Lim (pickup and delivery), the city sets (JSON). Times and distances are
whole numbers: tenths, truncated, for the first two, as in the DIMACS challenge; thousandths for Li & Lim; seconds for cities.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import (
    Costs,
    Delivery,
    Matrices,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
)

_TENTHS: Final = 10
_THOUSANDTHS: Final = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One place of an instance, in its own whole units. ``partner``: where goods that are fetched here are brought."""

    demand: int
    ready: int
    due: int
    service: int
    partner: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An instance: place 0 is the depot. ``best`` is the best known cost in the text's units, ``scale`` what divides ours."""

    name: str
    kind: str
    rows: tuple[Row, ...]
    matrix: npt.NDArray[np.int64]
    vehicles: int
    capacity: int
    scale: int
    best: float | None

    @property
    def stops(self) -> int:
        """Places to be visited."""
        return len(self.rows) - 1

    def problem(self) -> Problem:
        """The same for the solver."""
        matrix = self.matrix.astype(np.float32)
        shift = Window(0, self.rows[0].due)
        fleet = tuple(
            VehicleShift(f"v{n}", 0, shift, 0, Capacity(items=self.capacity), costs=Costs(0, 3600, 0))
            for n in range(self.vehicles)
        )
        return Problem(tuple(self._orders()), fleet, {"car": Matrices(matrix, matrix)})

    def _orders(self) -> Iterable[Order]:
        for place, row in enumerate(self.rows):
            if row.partner:
                yield PickupDelivery(str(place), self._visit(place), self._visit(row.partner), Load(items=row.demand))
            elif place and self.kind != "li_lim":
                visit = self._visit(place)
                yield Delivery(str(place), place, visit.service_seconds, Load(items=row.demand), visit.windows)

    def _visit(self, place: int) -> Visit:
        row = self.rows[place]
        return Visit(place, row.service, (Window(row.ready, row.due),))

    def measure(self, routes: Sequence[Sequence[int]]) -> tuple[int, int, list[str]]:
        """Distance of routes (sequences of places), how many places they leave out, and every rule that they break."""
        faults: list[str] = []
        total = 0
        for number, route in enumerate(routes):
            total += self._drive(number, route, faults)
        visited = [place for route in routes for place in route]
        if len(set(visited)) != len(visited):
            faults.append("a place is visited twice")
        if len(routes) > self.vehicles:
            faults.append(f"{len(routes)} routes for {self.vehicles} vehicles")
        return total, self.stops - len(set(visited)), faults

    def _drive(self, number: int, route: Sequence[int], faults: list[str]) -> int:
        load = 0 if self.kind == "li_lim" else sum(self.rows[place].demand for place in route)
        clock = here = total = 0
        for place in [*route, 0]:
            row = self.rows[place]
            leg = int(self.matrix[here, place])
            clock, total, here = max(clock + leg, row.ready), total + leg, place
            if clock > row.due:
                faults.append(f"route {number} is {clock - row.due} late at {place}")
            load += self._taken(place, route, number, faults)
            if not 0 <= load <= self.capacity:
                faults.append(f"route {number} carries {load} after {place}")
            clock += row.service
        return total

    def _taken(self, place: int, route: Sequence[int], number: int, faults: list[str]) -> int:
        if not place or self.kind != "li_lim":
            return -self.rows[place].demand if place else 0
        partner = self.rows[place].partner
        if partner and (partner not in route or route.index(partner) < route.index(place)):
            faults.append(f"route {number} never brings what it fetches at {place}")
        return self.rows[place].demand


class UnknownSet(ValueError):
    """There is no such set of instances; the message names those that there are."""


def load_instances(folder: Path, sets: Sequence[str], most: int) -> list[Instance]:
    """The first ``most`` instances of each set, spread over it: ``solomon``, ``homberger``, ``li_lim_100``, ``city``.

    Raises `UnknownSet` for a set that the folder does not have.
    """
    best = json.loads((folder / "best-known.json").read_text())
    found: list[Instance] = []
    unknown = [name for name in sets if not _files(folder, name)]
    if unknown or not sets:
        known = [entry.name for entry in sorted(folder.iterdir()) if _files(folder, entry.name)]
        raise UnknownSet(f"{folder} has no set {' or '.join(unknown) or 'without a name'}: it has {', '.join(known)}.")
    for name in sets:
        files = _files(folder, name)
        step = max(1, len(files) / most)
        chosen = [files[int(number * step)] for number in range(min(most, len(files)))]
        found += [_city(file) if name == "city" else _text(file, name, best) for file in chosen]
    return found


def _files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / name).glob("*.json" if name == "city" else "*.txt"), key=_size_then_name)


def _size_then_name(file: Path) -> tuple[int, str]:
    return (len(file.name), file.name)


def _text(file: Path, kind: str, best: Mapping[str, Any]) -> Instance:
    rows = [line.split() for line in file.read_text().splitlines()]
    numbers = [[float(word) for word in row] for row in rows if row and all(_is_number(word) for word in row)]
    is_pairs = kind.startswith("li_lim")
    scale = _THOUSANDTHS if is_pairs else _TENTHS
    vehicles, capacity = int(numbers[0][0]), int(numbers[0][1])
    points = np.array([[row[1], row[2]] for row in numbers[1:]])
    far = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) * scale
    matrix = (np.rint(far) if is_pairs else np.floor(far + 1e-9)).astype(np.int64)
    places = tuple(
        Row(int(row[3]), int(row[4] * scale), int(row[5] * scale), int(row[6] * scale), int(row[8]) if is_pairs else 0)
        for row in numbers[1:]
    )
    known = best.get(file.stem, {}) | best.get(file.stem.upper(), {})
    of_pairs = known.get("pdptw", {}).get("best_known_cost")
    cost = of_pairs if is_pairs else known.get("dimacs_distance_1_decimal_truncated")
    return Instance(file.stem, "li_lim" if is_pairs else kind, places, matrix, vehicles, capacity, scale, cost)


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _city(file: Path) -> Instance:
    told = json.loads(file.read_text())
    points = np.array(told["points"])
    meters = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) * told["detour_factor"]
    matrix = np.rint(meters / told["speed_meters_per_second"]).astype(np.int64)
    rows = [
        Row(int(demand), int(window[0]), int(window[1]), int(service))
        for demand, window, service in zip(told["demand"], told["window"], told["service_seconds"], strict=True)
    ]
    rows[0] = Row(0, 0, told["horizon_seconds"], 0)
    return Instance(file.stem, "city", tuple(rows), matrix, told["vehicles"], told["capacity"], 1, None)
