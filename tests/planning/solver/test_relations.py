"""Orders together, apart and in sequence: kept by every plan, judged by two who share nothing, and seen when they are broken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.planning.solver.cases import line, parcel, problem, solved, town, van, wild
from tests.planning.solver.referee import faults

from doorstep.planning.solver import pyvrp, relating
from doorstep.planning.solver.errors import ProblemInvalidError, Rule
from doorstep.planning.solver.estimate import Lateness, Objective, SolveOptions
from doorstep.planning.solver.load import Capacity
from doorstep.planning.solver.pool import Outcome, SolverPool
from doorstep.planning.solver.problem import Delivery, OnBoard, PickupDelivery, Problem, Visit, Window
from doorstep.planning.solver.relating import Seating
from doorstep.planning.solver.relations import Relation, RelationKind, fallen
from doorstep.planning.solver.solution import Solution, Summary
from doorstep.planning.solver.unassigned import Reason
from doorstep.planning.solver.verify import violations

QUICK = SolveOptions(level=0, searches=1, deterministic=True)
SAME, APART, SEQUENCE = RelationKind.SAME_ROUTE, RelationKind.DIFFERENT_ROUTES, RelationKind.IN_SEQUENCE


@pytest.fixture
async def pool() -> AsyncIterator[SolverPool]:
    async with SolverPool(slots=1) as opened:
        yield opened


def bound(given: Problem, *relations: Relation) -> Problem:
    return replace(given, relations=relations)


def carriers(solution: Solution) -> dict[str, str]:
    return {name: route.vehicle_id for route in solution.routes for name in route.order_ids}


async def test_orders_that_no_engine_would_put_together_share_a_route(pool: SolverPool) -> None:
    given = town(30, vehicles=4, seed=3, capacity=30)
    free = carriers(solved(await pool.solve(given, QUICK)))
    scattered = tuple(next(name for name, on in free.items() if on == van_) for van_ in sorted(set(free.values())))
    assert len(scattered) > 1, "else there is nothing to see"
    kept = bound(given, Relation(SAME, scattered))
    outcome = await pool.solve(kept, QUICK)
    found = solved(outcome)
    assert len({carriers(found)[name] for name in scattered}) == 1
    assert found.unassigned == ()
    assert faults(kept, found) == []
    assert outcome.baseline is not None
    assert violations(kept, outcome.baseline) == ()


async def test_neighbours_that_must_be_apart_go_on_routes_of_their_own(pool: SolverPool) -> None:
    orders = [parcel(name, 5) for name in "abcd"]
    fleet = [van(f"van-{number}") for number in range(3)]
    given = problem(orders, fleet)
    assert len(solved(await pool.solve(given, QUICK)).routes) == 1, "else there is nothing to see"
    three = solved(await pool.solve(bound(given, Relation(APART, ("a", "b", "c"))), QUICK))
    assert len({carriers(three)[name] for name in "abc"}) == 3
    assert three.unassigned == ()
    outcome = await pool.solve(bound(given, Relation(APART, tuple("abcd"))), QUICK)
    left = {one.order_id: one.reasons for one in outcome.unassigned}
    assert list(left.values()) == [(Reason.RELATION,)], "three routes take three of four"


async def test_deliveries_come_in_their_sequence_whatever_the_detour(pool: SolverPool) -> None:
    orders = [parcel(name, place) for place, name in enumerate("abcdef", 1)]
    wanted = ("e", "b", "d")
    given = bound(problem(orders, [van(), van("spare")]), Relation(SEQUENCE, wanted))
    found = solved(await pool.solve(given, QUICK))
    assert found.unassigned == ()
    served = next(route for route in found.routes if "e" in route.order_ids).order_ids
    assert [name for name in served if name in wanted] == list(wanted)
    assert faults(given, found) == []


async def test_a_sequence_of_what_is_picked_up_on_the_way_is_one_of_deliveries(pool: SolverPool) -> None:
    moved = [PickupDelivery(name, Visit(place), Visit(9 - place, 60)) for place, name in enumerate("abc", 1)]
    given = bound(problem(moved, [van()]), Relation(SEQUENCE, ("c", "a", "b")))
    found = solved(await pool.solve(given, QUICK))
    assert found.routes[0].order_ids == ("c", "a", "b")
    assert faults(given, found) == []


async def test_a_sequence_that_the_windows_forbid_ends_where_it_must(pool: SolverPool) -> None:
    early = parcel("early", 1, windows=(Window(0, 600),))
    late = parcel("late", 2, windows=(Window(7200, 9000),))
    given = problem([early, late, parcel("free", 3)], [van(), van("spare")])
    outcome = await pool.solve(bound(given, Relation(SEQUENCE, ("free", "late", "early"))), QUICK)
    assert solved(outcome).unassigned == ("early",)
    assert outcome.unassigned[0].reasons == (Reason.RELATION,)


async def test_all_or_none_of_what_no_vehicle_holds_together(pool: SolverPool) -> None:
    fleet = [van(f"van-{number}", capacity=Capacity(items=2)) for number in range(3)]
    given = bound(problem([parcel(name, 3) for name in "abcde"], fleet), Relation(SAME, ("a", "b", "c")))
    outcome = await pool.solve(given, QUICK)
    assert set(solved(outcome).unassigned) == {"a", "b", "c"}
    assert {one.reasons for one in outcome.unassigned} == {(Reason.RELATION,)}
    assert faults(given, solved(outcome)) == []


async def test_one_that_nobody_can_take_leaves_its_companions_out(pool: SolverPool) -> None:
    orders = [parcel("cold", 2, skills=frozenset(["cold"])), parcel("warm", 2), parcel("other", 3)]
    outcome = await pool.solve(bound(problem(orders, [van()]), Relation(SAME, ("cold", "warm"))), QUICK)
    left = {one.order_id: one.reasons for one in outcome.unassigned}
    assert left == {"cold": (Reason.SKILL,), "warm": (Reason.RELATION,)}


async def test_when_the_first_vehicle_has_no_room_another_one_is_tried(pool: SolverPool) -> None:
    """Both go best on the near vehicle, which is full of what only it may take."""
    only = frozenset(["near"])
    near = van("near", capacity=Capacity(items=3))
    far = van("far", start=9, end=9, capacity=Capacity(items=3))
    full = [parcel(f"mine-{n}", 1, vehicles=only, priority=50) for n in range(2)]
    given = problem([*full, parcel("a", 1), parcel("b", 2)], [near, far], line(10))
    found = solved(await pool.solve(bound(given, Relation(SAME, ("a", "b"))), QUICK))
    assert found.unassigned == ()
    assert {carriers(found)[name] for name in "ab"} == {"far"}


def test_no_vehicle_gets_more_units_than_it_holds() -> None:
    fleet = [van(f"van-{number}", capacity=Capacity(items=2)) for number in range(2)]
    given = problem([parcel(name, 5) for name in "abcd"], fleet)
    seating = Seating(bound(given, Relation(SAME, ("a", "b")), Relation(SAME, ("c", "d"))), QUICK)
    nothing = Solution((), tuple("abcd"), Summary())
    assert seating.learn(nothing, nothing)
    assert sorted(seating.seats.values()) == ["van-0", "van-1"]


def test_a_unit_far_away_is_not_refused_for_driving_there_once_for_each_order() -> None:
    far = [parcel(name, 9) for name in "abcdefgh"]
    given = problem(far, [van(window=Window(0, 4 * 3600))], line(10, step_seconds=600))
    seating = Seating(bound(given, Relation(SAME, tuple("abcdefgh"))), QUICK)
    nothing = Solution((), tuple("abcdefgh"), Summary())
    seating.learn(nothing, nothing)
    assert list(seating.seats.values()) == ["van"]


@pytest.mark.parametrize("seed", range(40, 48))
async def test_every_plan_of_a_wild_problem_keeps_its_relations(pool: SolverPool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    given = wild(seed)
    names = [order.id for order in given.orders if not isinstance(order, OnBoard)]
    rng.shuffle(names)
    kept = bound(
        given,
        Relation(SAME, tuple(names[:3])),
        Relation(SEQUENCE, tuple(names[3:7])),
        Relation(SEQUENCE, tuple(names[6:8])),
        Relation(APART, (names[0], *names[8:11])),
        Relation(APART, (names[4], names[9], names[11])),
    )
    outcome = await pool.solve(kept, QUICK)
    assert faults(kept, solved(outcome)) == []
    assert outcome.baseline is not None
    assert faults(kept, outcome.baseline) == []
    assert all(one.reasons for one in outcome.unassigned)


async def test_lateness_and_balance_keep_relations_and_what_is_firm_is_never_late(pool: SolverPool) -> None:
    tight = (Window(0, 700),)
    orders = [parcel(name, place, windows=tight) for place, name in enumerate("abcdef", 2)]
    given = bound(problem(orders, [van(), van("spare")]), Relation(SEQUENCE, ("d", "a")), Relation(APART, ("b", "c")))
    options = replace(QUICK, objective=Objective.BALANCE, lateness=Lateness(7200, 10, frozenset(["f"])))
    found = solved(await pool.solve(given, options))
    served = {step.order_id: step.late_seconds for route in found.routes for step in route.steps}
    assert served.get("f", 0) == 0
    assert max(served.values()) > 0, "some have to be late"
    assert {"d", "a", "b", "c"} <= served.keys()
    assert carriers(found)["b"] != carriers(found)["c"]
    assert carriers(found)["d"] == carriers(found)["a"]


# -- time --------------------------------------------------------------------------------------------------------------


async def limits(monkeypatch: pytest.MonkeyPatch, pool: SolverPool, options: SolveOptions) -> list[tuple[float, float]]:
    """The soft and the hard limit of each solve, when each takes its soft one and the next may always do better."""
    given = bound(problem([parcel("a", 1), parcel("b", 2)], [van()]), Relation(SAME, ("a", "b")))
    plain = await pool.solve(replace(given, relations=()), QUICK)
    clock, asked = [0.0], list[tuple[float, float]]()

    async def once(_: Problem, limited: SolveOptions, __: object) -> Outcome:
        asked.append((limited.time_limit_seconds, limited.hard_limit_seconds))
        clock[0] += limited.time_limit_seconds + 7
        return replace(plain, queued_seconds=7.0)

    monkeypatch.setattr(Seating, "learn", lambda *_: True)
    monkeypatch.setattr(relating, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    await relating.solve_related(given, options, once, None)
    return asked


async def test_all_solves_share_one_limit_and_waiting_counts_against_none(
    monkeypatch: pytest.MonkeyPatch, pool: SolverPool
) -> None:
    asked = await limits(monkeypatch, pool, SolveOptions(time_limit_seconds=32, hard_limit_seconds=100))
    assert asked == [(16, 100), (8, 84), (4, 76), (2, 72), (2, 70)]


async def test_the_second_solve_is_made_however_late_it_is_and_no_third(
    monkeypatch: pytest.MonkeyPatch, pool: SolverPool
) -> None:
    monkeypatch.setattr(relating, "SHARE", 1.0)
    asked = await limits(monkeypatch, pool, SolveOptions(time_limit_seconds=30, hard_limit_seconds=100))
    assert asked == [(30, 100), (relating.LEAST_SECONDS, 70)]
    assert len(await limits(monkeypatch, pool, SolveOptions(time_limit_seconds=30, hard_limit_seconds=30))) == 1


async def test_where_no_clock_decides_every_solve_has_the_same_options(
    monkeypatch: pytest.MonkeyPatch, pool: SolverPool
) -> None:
    asked = await limits(monkeypatch, pool, replace(QUICK, time_limit_seconds=5))
    assert asked == [(5, QUICK.hard_limit_seconds)] * relating.MOST_SOLVES


# -- planted faults ----------------------------------------------------------------------------------------------------


BROKEN = {
    "apart": Relation(SAME, ("a", "z")),
    "some": Relation(SAME, ("a", "left")),
    "together": Relation(APART, ("a", "b")),
    "sequence": Relation(SEQUENCE, ("c", "a")),
    "scattered sequence": Relation(SEQUENCE, ("a", "z")),
    "without its predecessor": Relation(SEQUENCE, ("left", "a")),
}


@pytest.fixture
async def plain(pool: SolverPool) -> tuple[Problem, Solution]:
    """a, b, c on one van in this sequence, z on another, `left` on none."""
    orders: list[Delivery] = [parcel(name, place, vehicles=frozenset(["van"])) for place, name in enumerate("abc", 1)]
    orders = [replace(one, windows=(Window(1000 * n, 1000 * n + 600),)) for n, one in enumerate(orders)]
    orders += [parcel("z", 5, vehicles=frozenset(["spare"])), parcel("left", 6, skills=frozenset(["magic"]))]
    given = problem(orders, [van(), van("spare")])
    found = solved(await pool.solve(given, QUICK))
    assert [route.order_ids for route in found.routes] == [("a", "b", "c"), ("z",)]
    return given, found


@pytest.mark.parametrize("word", BROKEN)
async def test_a_plan_made_without_a_relation_is_seen_to_break_it(plain: tuple[Problem, Solution], word: str) -> None:
    given, found = plain
    assert faults(given, found) == []
    assert violations(given, found) == ()
    free = replace(given, orders=tuple(replace(order, vehicles=frozenset()) for order in given.orders))  # type: ignore[call-arg]
    stricter = bound(free, BROKEN[word])
    assert {violation.rule for violation in violations(stricter, found)} == {Rule.RELATION}
    assert len(faults(stricter, found)) == 1


async def test_relations_that_hold_already_are_no_faults(plain: tuple[Problem, Solution]) -> None:
    given, found = plain
    kept = (Relation(SAME, ("c", "a")), Relation(SEQUENCE, ("a", "c", "left")), Relation(APART, ("b", "z", "left")))
    assert violations(bound(given, *kept), found) == ()
    assert faults(bound(given, *kept), found) == []


# -- contradictions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("relations", "at", "words"),
    [
        ([Relation(SAME, ("a",))], 0, "two orders"),
        ([Relation(SAME, ("a", "a"))], 0, "twice"),
        ([Relation(SAME, ("a", "nobody"))], 0, "no order"),
        ([Relation(SAME, ("a", "aboard"))], 0, "in a vehicle"),
        ([Relation(SAME, ("a", "b")), Relation(APART, ("b", "a"))], 1, "one route"),
        ([Relation(SEQUENCE, ("a", "b")), Relation(SEQUENCE, ("b", "c")), Relation(SEQUENCE, ("c", "a"))], 2, "itself"),
        ([Relation(SAME, ("one", "other"))], 0, "different shifts"),
        ([Relation(SAME, ("one", "a")), Relation(SAME, ("a", "other"))], 0, "different shifts"),
        ([Relation(APART, ("one", "too"))], 0, "same shift"),
    ],
)
def test_contradictions_are_told_with_their_place(relations: list[Relation], at: int, words: str) -> None:
    pinned = [("one", "van"), ("too", "van"), ("other", "spare")]
    orders = [*(parcel(name, 1) for name in "abc"), *(parcel(name, 2, vehicles=frozenset([on])) for name, on in pinned)]
    with pytest.raises(ProblemInvalidError, match=words) as caught:
        bound(problem([*orders, OnBoard("aboard", "van", 1)], [van(), van("spare")]), *relations)
    assert caught.value.field == f"relations[{at}]"


def test_who_falls_with_whom() -> None:
    relations = [Relation(SAME, ("a", "b")), Relation(SEQUENCE, ("x", "b", "y")), Relation(APART, ("y", "q"))]
    assert fallen(relations, ["x"]) == {"x", "b", "y", "a"}
    assert fallen(relations, ["y"]) == {"y"}
    assert fallen(relations, ["q"]) == {"q"}


def test_the_engine_that_cannot_hold_relations_is_never_asked() -> None:
    given = town(60)
    assert pyvrp.obstacle(given, given.orders, given.vehicles, Objective.COST) is None
    kept = bound(given, Relation(SAME, (given.orders[0].id, given.orders[1].id)))
    assert pyvrp.obstacle(kept, kept.orders, kept.vehicles, Objective.COST) == "relations between orders"
