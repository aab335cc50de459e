"""Problems for the solver's tests: by hand, generated, and read from the public instances."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.pool import Outcome, SolveStatus
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    Delivery,
    KindTimes,
    Matrices,
    OnBoard,
    Order,
    PickupDelivery,
    Problem,
    VehicleShift,
    Visit,
    Window,
)
from doorstep.planning.solver.solution import Solution

DAY = Window(0, 8 * 3600)
CITY_SPEED = 25 / 3.6


def solved(outcome: Outcome) -> Solution:
    """The solution of a solve that has one."""
    assert outcome.status is SolveStatus.OK, outcome.reason
    assert outcome.solution is not None
    return outcome.solution


def matrices(points: Any, speed: float = CITY_SPEED, detour: float = 1.3) -> Matrices:
    """Travel between points in metres on a plane."""
    xy = np.asarray(points, dtype=np.float64)
    distances = np.sqrt(((xy[:, None] - xy[None]) ** 2).sum(axis=2)) * detour
    return Matrices((distances / speed).astype(np.float32), distances.astype(np.float32))


def line(count: int, step_seconds: int = 60, step_meters: int = 500) -> Matrices:
    """Places in a row, each a minute and 500 m from the next."""
    places = np.arange(count, dtype=np.float32)
    steps = np.abs(places[:, None] - places[None])
    return Matrices(steps * step_seconds, steps * step_meters)


def problem(orders: Sequence[Order], vehicles: Sequence[VehicleShift], places: Matrices | None = None) -> Problem:
    """A problem on a line of ten places, unless told otherwise."""
    return Problem(tuple(orders), tuple(vehicles), {"car": places or line(10)})


def van(name: str = "van", **changes: Any) -> VehicleShift:
    """A vehicle that starts and ends at place 0 and works for eight hours."""
    return replace(VehicleShift(name, start=0, window=DAY, end=0), **changes)


def parcel(name: str, location: int, **changes: Any) -> Delivery:
    """A delivery of one item that takes two minutes at the door."""
    return replace(Delivery(name, location, service_seconds=120, load=Load(items=1)), **changes)


def town(
    count: int,
    *,
    vehicles: int = 12,
    seed: int = 0,
    capacity: int = 62,
    pickups: float = 0.0,
    costs: Costs | None = None,
) -> Problem:
    """A clustered town around one depot; two in five orders have a window of two to four hours."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 4000, (12, 2))
    points = np.vstack([[0.0, 0.0], centers[rng.integers(12, size=count)] + rng.normal(0, 700, (count, 2))])
    orders: list[Order] = []
    for place in range(1, count + 1):
        windows: tuple[Window, ...] = ()
        if rng.random() < 0.4:
            length = int(rng.choice([2, 3, 4])) * 3600
            start = int(rng.random() * (DAY.end - length)) // 1800 * 1800
            windows = (Window(start, start + length),)
        load = Load(int(rng.integers(500, 9000)), 0, int(rng.integers(1, 5)))
        service = int(rng.integers(120, 300))
        if rng.random() < pickups:
            source = Visit(int(rng.integers(1, count + 1)), 60)
            orders.append(PickupDelivery(f"order-{place}", source, Visit(place, service, windows), load))
        else:
            orders.append(Delivery(f"order-{place}", place, service, load, windows))
    paid = costs or Costs(0, 2000, 30)
    fleet = [van(f"van-{n}", capacity=Capacity(items=capacity), costs=paid) for n in range(vehicles)]
    return Problem(tuple(orders), tuple(fleet), {"car": matrices(points)})


def wild(seed: int, count: int = 24) -> Problem:
    """A small problem that uses every feature at once, some of it impossible; the same for the same seed."""
    rng = np.random.default_rng(seed)
    size = count + 6
    by_car = matrices(rng.normal(0, 4000, (size, 2)))
    holes = rng.random((size, size)) < 0.04
    by_car.durations[holes] = np.nan
    by_car.durations[size - 1, :] = np.nan
    by_car.durations[:, size - 1] = np.nan
    by_bike = Matrices(by_car.durations * 1.7, by_car.distances)
    orders: list[Order] = [_wild_order(rng, f"o{number}", size) for number in range(count)]
    vehicles = tuple(_wild_vehicle(rng, number) for number in range(5))
    for number in range(3):
        carrier = vehicles[int(rng.integers(5))].id
        windows = _windows(rng) if rng.random() < 0.5 else ()
        orders.append(OnBoard(f"aboard{number}", carrier, int(rng.integers(1, size)), 90, Load(1000, 0, 1), windows))
    plain = Problem(tuple(orders), vehicles, {"car": by_car, "bike": by_bike}, epoch=1_790_000_000)
    return with_compartments(plain) if seed % 3 == 0 else plain


def with_compartments(given: Problem) -> Problem:
    """Every fourth order wholly or in part frozen, every fifth chilled; two vehicles of three have a freezer, one a small box."""
    orders = []
    for number, order in enumerate(given.orders):
        load = order.load
        part = Load(load.weight_grams // 2, load.volume_cm3, load.items)
        names = [name for name, every in (("chilled", 5), ("frozen", 4)) if number % every == 0]
        parts = tuple((name, part if len(names) == 1 else Load(0, 0, load.items)) for name in names)
        orders.append(replace(order, load=replace(load, compartments=parts)))
    vehicles = []
    for number, vehicle in enumerate(given.vehicles):
        rooms = (("chilled", Capacity(items=3)),) if number % 2 else ()
        rooms += (("frozen", Capacity(9000, None, 6)),) if number % 3 else ()
        vehicles.append(replace(vehicle, capacity=replace(vehicle.capacity, compartments=rooms)))
    return replace(given, orders=tuple(orders), vehicles=tuple(vehicles))


def _windows(rng: np.random.Generator) -> tuple[Window, ...]:
    starts = rng.integers(-3600, 9 * 3600, size=int(rng.integers(1, 4)))
    return tuple(Window(int(s), int(s + rng.integers(0, 3 * 3600))) for s in starts)


def _wild_order(rng: np.random.Generator, name: str, size: int) -> Order:
    def visit() -> Visit:
        windows = _windows(rng) if rng.random() < 0.4 else ()
        return Visit(int(rng.integers(1, size)), int(rng.integers(0, 400)), windows)

    shared: dict[str, Any] = {
        "load": Load(int(rng.integers(0, 9000)), int(rng.integers(0, 50_000)), int(rng.integers(0, 4))),
        "skills": frozenset(["cold"]) if rng.random() < 0.15 else frozenset(),
        "priority": int(rng.integers(0, 101)) if rng.random() < 0.3 else 0,
        "vehicle_kinds": frozenset(["BIKE", "CAR"]) if rng.random() < 0.2 else frozenset(),
    }
    if rng.random() < 0.3:
        return PickupDelivery(name, visit(), visit(), **shared)
    if rng.random() < 0.3:
        shared |= {"setup_seconds": 120, "by_kind": (KindTimes("BIKE", 0, 45), KindTimes("VAN", 200, 90))}
    to = visit()
    depot = int(rng.integers(0, 2)) if rng.random() < 0.3 else None
    return Delivery(name, to.location, to.service_seconds, windows=to.windows, depot=depot, **shared)


def _wild_vehicle(rng: np.random.Generator, number: int) -> VehicleShift:
    start = int(rng.integers(0, 2))
    shift = Window(int(rng.integers(0, 2)) * 3600, int(rng.integers(5, 10)) * 3600)
    pause = Break(f"pause{number}", (Window(2 * 3600, 3 * 3600), Window(4 * 3600, 5 * 3600)), 1200)
    return VehicleShift(
        f"v{number}",
        start,
        shift,
        end=start if rng.random() < 0.6 else None,
        capacity=Capacity(30_000, None if rng.random() < 0.5 else 200_000, int(rng.integers(5, 15))),
        skills=frozenset(["cold"]) if rng.random() < 0.5 else frozenset(),
        kind=str(rng.choice(["BIKE", "CAR", "VAN"])),
        breaks=(pause,) if rng.random() < 0.5 else (),
        costs=Costs(
            int(rng.integers(0, 2)) * 500,
            int(rng.integers(0, 3)) * 1000,
            int(rng.integers(0, 3)) * 20,
            int(rng.integers(0, 2)) * 50,
        ),
        speed_factor=float(rng.choice([0.8, 1.0, 1.35])),
        max_stops=int(rng.integers(4, 12)) if rng.random() < 0.3 else None,
        max_distance_meters=40_000 if rng.random() < 0.3 else None,
        max_driving_seconds=2 * 3600 if rng.random() < 0.3 else None,
        profile=str(rng.choice(["car", "bike"])),
    )


def solomon(file: Path) -> Problem:
    """A Solomon instance with times and distances × 10, truncated to whole numbers."""
    rows = [line.split() for line in file.read_text().splitlines()]
    numbers = [[float(word) for word in row] for row in rows if row and all(re.fullmatch(r"[\d.]+", w) for w in row)]
    count, capacity = (int(value) for value in numbers[0])
    depot, *customers = numbers[1:]
    points = np.array([[row[1], row[2]] for row in (depot, *customers)])
    whole = np.floor(np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2)) * 10).astype(np.float32)
    orders = tuple(
        Delivery(
            f"c{int(row[0])}",
            number,
            int(row[6] * 10),
            Load(items=int(row[3])),
            (Window(int(row[4] * 10), int(row[5] * 10)),),
        )
        for number, row in enumerate(customers, 1)
    )
    shift = Window(0, int(depot[5] * 10))
    fleet = tuple(VehicleShift(f"v{n}", 0, shift, 0, Capacity(items=capacity)) for n in range(count))
    return Problem(orders, fleet, {"car": Matrices(whole, whole)})


def mixed(given: Problem) -> Problem:
    """Every third vehicle burns 250 g a kilometre and costs little, the others 60 g."""
    vehicles = [
        replace(vehicle, milligrams_per_kilometer=60_000)
        if number % 3
        else replace(vehicle, milligrams_per_kilometer=250_000, costs=replace(vehicle.costs, per_kilometer=10))
        for number, vehicle in enumerate(given.vehicles)
    ]
    return replace(given, vehicles=tuple(vehicles))


def emitted(given: Problem, solution: Solution) -> float:
    """Grams of CO2e, written without the solver's code."""
    per_kilometer = {vehicle.id: (vehicle.milligrams_per_kilometer or 0) / 1000 for vehicle in given.vehicles}
    return sum(
        step.leg_meters / 1000 * per_kilometer[route.vehicle_id] for route in solution.routes for step in route.steps
    )
