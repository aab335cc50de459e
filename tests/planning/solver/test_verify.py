"""Planted faults: a sound solution is damaged in one way at a time, and the verifier must name the rule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, van

from doorstep.planning.solver.baseline import baseline
from doorstep.planning.solver.errors import Rule, SolutionRejectedError
from doorstep.planning.solver.load import Capacity, Load
from doorstep.planning.solver.problem import (
    Break,
    Costs,
    KindTimes,
    Matrices,
    OnBoard,
    PickupDelivery,
    Problem,
    Visit,
    Window,
)
from doorstep.planning.solver.solution import Route, Solution, Step, StepKind, Summary, summarize_route, total
from doorstep.planning.solver.verify import verify, violations

LUNCH = Break("lunch", (Window(300, 400),), 300)


def given() -> Problem:
    orders = [
        OnBoard("aboard", "van", 1, 60, Load(items=1), (Window(0, 30),)),
        parcel("cold", 2, skills=frozenset(["cold"]), vehicle_kinds=frozenset(["VAN"]), depot=0),
        PickupDelivery("pair", Visit(4, 30), Visit(3, 30, (Window(0, 5000),)), Load(items=2)),
        parcel("left", 9, load=Load(items=99)),
    ]
    fleet = [
        van(capacity=Capacity(items=4), skills=frozenset(["cold"]), kind="VAN", breaks=(LUNCH,)),
        van("bike", start=5, end=None, kind="BIKE", capacity=Capacity(items=0)),
    ]
    return problem(orders, fleet)


@pytest.fixture(scope="module")
def sound() -> Solution:
    """One route: START, aboard, cold, pickup, delivery (the break among them), END; `left` is unassigned."""
    return baseline(given())


def rebuilt(before: Solution, steps: tuple[Step, ...], vehicle_id: str = "van") -> Solution:
    """The solution with other steps and sums that agree with them, so that only the planted fault is wrong."""
    costs = given().vehicle_by_id[vehicle_id].costs
    route = Route(vehicle_id, steps, summarize_route(steps, costs))
    return Solution((route,), before.unassigned, total([route]))


def index(solution: Solution, kind: StepKind, order_id: str | None = None) -> int:
    steps = solution.routes[0].steps
    return next(n for n, step in enumerate(steps) if step.kind is kind and order_id in (None, step.order_id))


def changed(solution: Solution, of: StepKind, serving: str | None = None, /, **changes: Any) -> Solution:
    steps = list(solution.routes[0].steps)
    at = index(solution, of, serving)
    steps[at] = replace(steps[at], **changes)
    return rebuilt(solution, tuple(steps))


def found(solution: Solution, problem_: Problem | None = None) -> set[Rule]:
    return {violation.rule for violation in violations(problem_ or given(), solution)}


def test_the_sound_solution_has_everything_and_passes(sound: Solution) -> None:
    kinds = [step.kind for step in sound.routes[0].steps]
    assert sorted(kinds) == sorted(
        [
            StepKind.START,
            StepKind.DELIVERY,
            StepKind.DELIVERY,
            StepKind.PICKUP,
            StepKind.DELIVERY,
            StepKind.BREAK,
            StepKind.END,
        ]
    )
    assert sound.unassigned == ("left",)
    verify(given(), sound)


def test_a_rejected_solution_names_all_its_violations(sound: Solution) -> None:
    broken = replace(sound, unassigned=(), summary=Summary())
    with pytest.raises(SolutionRejectedError, match="and 1 more") as caught:
        verify(given(), broken)
    assert {violation.rule for violation in caught.value.violations} == {Rule.ORDER_ONCE, Rule.SUMMARY}


def later(steps: tuple[Step, ...], first: int, seconds: int) -> tuple[Step, ...]:
    """The steps from `first` on shifted in time."""
    shifted = (
        replace(
            s, arrival=s.arrival + seconds, service_start=s.service_start + seconds, departure=s.departure + seconds
        )
        for s in steps[first:]
    )
    return (*steps[:first], *shifted)


FAULTS: dict[str, tuple[Callable[[Solution], Solution], Rule]] = {
    "an order is forgotten": (lambda s: replace(s, unassigned=()), Rule.ORDER_ONCE),
    "an order is both placed and not": (lambda s: replace(s, unassigned=("left", "cold")), Rule.ORDER_ONCE),
    "an unknown order is left over": (lambda s: replace(s, unassigned=("left", "ghost")), Rule.ORDER_ONCE),
    "a vehicle drives twice": (
        lambda s: Solution((*s.routes, *s.routes), s.unassigned, s.summary + s.summary),
        Rule.VEHICLE,
    ),
    "an unknown vehicle drives": (lambda s: replace(s, routes=(replace(s.routes[0], vehicle_id="x"),)), Rule.VEHICLE),
    "an unknown order is served": (lambda s: changed(s, StepKind.DELIVERY, "cold", order_id="ghost"), Rule.ORDER_ONCE),
    "the start is elsewhere": (lambda s: changed(s, StepKind.START, location=3), Rule.SHAPE),
    "the end is elsewhere": (lambda s: changed(s, StepKind.END, location=3), Rule.SHAPE),
    "the end is missing": (lambda s: rebuilt(s, s.routes[0].steps[:-1]), Rule.SHAPE),
    "there are no steps": (lambda s: rebuilt(s, ()), Rule.SHAPE),
    "there are no stops": (lambda s: rebuilt(s, (s.routes[0].steps[0], s.routes[0].steps[-1])), Rule.SHAPE),
    "it starts in the middle": (lambda s: changed(s, StepKind.BREAK, kind=StepKind.START), Rule.SHAPE),
    "a door is elsewhere": (lambda s: changed(s, StepKind.DELIVERY, "cold", location=8), Rule.SHAPE),
    "a delivery is a pickup": (lambda s: changed(s, StepKind.DELIVERY, "cold", kind=StepKind.PICKUP), Rule.SHAPE),
    "a leg is too short": (lambda s: changed(s, StepKind.DELIVERY, "cold", leg_seconds=1), Rule.TRAVEL),
    "a leg has other metres": (lambda s: changed(s, StepKind.DELIVERY, "cold", leg_meters=1), Rule.TRAVEL),
    "an arrival is invented": (
        lambda s: changed(s, StepKind.DELIVERY, "cold", arrival=s.routes[0].steps[2].arrival - 5),
        Rule.TIMES,
    ),
    "service begins before arrival": (
        lambda s: changed(s, StepKind.DELIVERY, "cold", service_start=s.routes[0].steps[2].arrival - 5),
        Rule.TIMES,
    ),
    "service is cut short": (
        lambda s: changed(s, StepKind.DELIVERY, "cold", departure=s.routes[0].steps[2].departure - 5),
        Rule.TIMES,
    ),
    "the start takes time": (
        lambda s: changed(s, StepKind.START, departure=s.routes[0].steps[0].departure + 5),
        Rule.TIMES,
    ),
    "lateness is hidden": (lambda s: changed(s, StepKind.DELIVERY, "aboard", late_seconds=0), Rule.TIMES),
    "it begins before the shift": (lambda s: rebuilt(s, later(s.routes[0].steps, 0, -1)), Rule.SHIFT),
    "it ends after the shift": (lambda s: rebuilt(s, later(s.routes[0].steps, 0, 28_800)), Rule.SHIFT),
    "a window is missed": (lambda s: rebuilt(s, later(s.routes[0].steps, 0, 5000)), Rule.WINDOW),
    "a break is taken at the wrong time": (lambda s: rebuilt(s, later(s.routes[0].steps, 0, 5000)), Rule.BREAK),
    "a break is cut short": (
        lambda s: changed(s, StepKind.BREAK, departure=s.routes[0].steps[index(s, StepKind.BREAK)].departure - 1),
        Rule.BREAK,
    ),
    "a break is left out": (lambda s: rebuilt(s, without(s, index(s, StepKind.BREAK))), Rule.BREAK),
    "another's break is taken": (lambda s: changed(s, StepKind.BREAK, break_id="tea"), Rule.BREAK),
    "a load is wrong": (lambda s: changed(s, StepKind.DELIVERY, "cold", load_after=Load(items=3)), Rule.LOAD),
    "it delivers before it fetches": (lambda s: rebuilt(s, swapped(s)), Rule.PRECEDENCE),
    "it never fetches": (lambda s: rebuilt(s, without(s, index(s, StepKind.PICKUP))), Rule.PRECEDENCE),
    "the route's sums are wrong": (
        lambda s: Solution((replace(s.routes[0], summary=Summary()),), s.unassigned, Summary()),
        Rule.SUMMARY,
    ),
    "the solution's sums are wrong": (lambda s: replace(s, summary=Summary()), Rule.SUMMARY),
}


def without(solution: Solution, at: int) -> tuple[Step, ...]:
    steps = solution.routes[0].steps
    return steps[:at] + steps[at + 1 :]


def swapped(solution: Solution) -> tuple[Step, ...]:
    steps = list(solution.routes[0].steps)
    one, other = index(solution, StepKind.PICKUP, "pair"), index(solution, StepKind.DELIVERY, "pair")
    steps[one], steps[other] = steps[other], steps[one]
    return tuple(steps)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(sound: Solution, fault: str) -> None:
    damage, rule = FAULTS[fault]
    assert rule in found(damage(sound))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"capacity": Capacity(items=1)}, Rule.CAPACITY),
        ({"skills": frozenset()}, Rule.SKILL),
        ({"kind": "BIKE"}, Rule.VEHICLE_KIND),
        ({"max_stops": 3}, Rule.MAX_STOPS),
        ({"max_distance_meters": 3999}, Rule.MAX_DISTANCE),
        ({"max_driving_seconds": 479}, Rule.MAX_DRIVING),
        ({"speed_factor": 2.0}, Rule.TRAVEL),
        ({"costs": Costs(per_task=5)}, Rule.SUMMARY),
        ({"window": Window(1, 28_800)}, Rule.SHIFT),
        ({"breaks": (LUNCH, Break("tea", (Window(30, 60),), 60))}, Rule.BREAK),
    ],
)
def test_a_solution_for_an_easier_vehicle_is_not_one_for_this(
    sound: Solution, changes: dict[str, Any], rule: Rule
) -> None:
    """The plan holds; the vehicle is another one than the engine was told of."""
    base = given()
    harder = Problem(base.orders, (replace(base.vehicles[0], **changes), base.vehicles[1]), base.matrices)
    assert rule in found(sound, harder)


def test_a_solution_for_easier_orders_is_not_one_for_these(sound: Solution) -> None:
    base = given()
    aboard, cold, pair, left = base.orders
    cases: list[tuple[Any, Rule]] = [
        ((replace(aboard, vehicle="bike"), cold, pair, left), Rule.PINNED),  # type: ignore[call-arg]
        ((aboard, replace(cold, depot=5), pair, left), Rule.DEPOT),  # type: ignore[call-arg]
        ((aboard, replace(cold, vehicles=frozenset(["bike"])), pair, left), Rule.PINNED),  # type: ignore[call-arg]
        ((aboard, cold, replace(pair, vehicles=frozenset(["bike"])), left), Rule.PINNED),  # type: ignore[call-arg]
        ((aboard, replace(cold, windows=(Window(9000, 9001),)), pair, left), Rule.WINDOW),  # type: ignore[call-arg]
        ((aboard, replace(cold, service_seconds=7), pair, left), Rule.TIMES),  # type: ignore[call-arg]
        ((aboard, replace(cold, setup_seconds=7), pair, left), Rule.TIMES),  # type: ignore[call-arg]
        ((aboard, replace(cold, by_kind=(KindTimes("VAN", 0, 7),)), pair, left), Rule.TIMES),  # type: ignore[call-arg]
    ]
    for orders, rule in cases:
        assert rule in found(sound, Problem(orders, base.vehicles, base.matrices))


def test_a_leg_without_a_way_is_found(sound: Solution) -> None:
    base = given()
    places = line(10)
    durations = places.durations.copy()
    durations[0, 1] = np.nan
    holed = Problem(base.orders, base.vehicles, {"car": Matrices(durations, places.distances)})
    assert Rule.UNREACHABLE in found(sound, holed)
