"""What would have to give so that an order which a plan left out finds a place: asked through the schema, and then done."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import PROBLEMS, answer, ask

from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission
from doorstep.planning.model import PlanObjective, RelaxationKind, RelaxationSearch
from doorstep.planning.service import LatenessAllowance, explaining, optimize_plan
from doorstep.planning.solver.easing import Search
from doorstep.planning.solver.relaxing import Lever

RELAXATIONS = """
  order { id } explanation vehicleKinds { kind shifts codes } reasons { code vehicleKinds }
  relaxations { share search addedCostMinor arrivesAt message shift { id } vehicle { id name }
    changes { kind amount share message skills window { start end } insteadOf { start end } } }
"""
EXPLAIN = f"""
mutation ($input: ExplainUnassignedInput!) {{ explainUnassigned(input: $input) {{
  plan {{ id version }} unassigned {{ {RELAXATIONS} }} {PROBLEMS} }} }}
"""
LEFT = f"query ($id: ID!) {{ plan(id: $id) {{ unassigned {{ nodes {{ {RELAXATIONS} }} }} }} }}"


async def explain(world: Any, plan_id: UUID, order_ids: list[UUID], **more: Any) -> dict[str, Any]:
    """The payload."""
    ids = [public_id("order", one) for one in order_ids]
    return (await ask(world, EXPLAIN, input={"planId": public_id("plan", plan_id), "orderIds": ids, **more}))[
        "explainUnassigned"
    ]


async def explained(world: Any, plan_id: UUID, *order_ids: UUID) -> list[dict[str, Any]]:
    """What it says of each order; nothing was refused."""
    payload = await explain(world, plan_id, list(order_ids))
    assert payload["problems"] == []
    found = payload["unassigned"]
    assert [one["order"]["id"] for one in found] == [public_id("order", one) for one in order_ids]
    return found


async def left_out(world: Any, plan_id: UUID) -> list[UUID]:
    """The orders that the plan left out."""
    rows = await world.rows(
        "SELECT order_id FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2 AND NOT assigned", plan_id
    )
    return [row["order_id"] for row in rows]


async def planned_again(world: Any, plan_id: UUID) -> list[UUID]:
    """What is left out when the plan is optimized once more."""
    await world.do(optimize_plan, plan_id)
    await world.finished(plan_id)
    return await left_out(world, plan_id)


async def change_order(world: Any, order_id: UUID, **columns: Any) -> None:
    """What updateOrder writes, past the API."""
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 3))
    async with world.writing() as scope:
        await scope.tx.execute(
            f"UPDATE orders SET {sets}{', ' if sets else ''} version = version + 1 WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id, order_id, *columns.values(),
        )  # fmt: skip


async def set_window(world: Any, order_id: UUID, window: dict[str, Any]) -> None:
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET windows = $3 WHERE tenant_id = $1 AND order_id = $2 AND role = 'DROPOFF'",
            scope.tenant_id, order_id, [window],
        )  # fmt: skip
    await change_order(world, order_id)


def window(world: Any, start: float, end: float) -> dict[str, str]:
    """So many minutes after ``base``."""
    return {
        "start": (world.base + timedelta(minutes=start)).isoformat(),
        "end": (world.base + timedelta(minutes=end)).isoformat(),
    }


def test_the_words_are_the_solvers() -> None:
    assert {kind.value for kind in RelaxationKind} == {lever.value for lever in Lever}
    assert {search.value for search in RelaxationSearch} == {search.value for search in Search}


async def test_a_window_that_is_widened_as_told_places_the_order_and_a_minute_less_does_not(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift()
    kept = await world.add_orders(3)
    early = (await world.add_orders(1, windows=[window(world, -120, -20)]))[0]
    plan_id = await world.proposed([*kept, early], [shift])
    assert await left_out(world, plan_id) == [early]
    before = (await ask(world, LEFT, id=public_id("plan", plan_id)))["plan"]["unassigned"]["nodes"][0]
    assert (before["relaxations"], before["explanation"]) == (None, None)
    assert before["vehicleKinds"] == [{"kind": "VAN", "shifts": 1, "codes": ["WINDOW"]}]
    assert before["reasons"] == [{"code": "WINDOW", "vehicleKinds": ["VAN"]}]
    events = await world.event_types()

    (told,) = await explained(world, plan_id, early)
    first = told["relaxations"][0]
    assert (told["explanation"], first["search"]) == ("FOUND", "INSERTION")
    assert first["shift"]["id"] == public_id("shift", shift)
    (change,) = first["changes"]
    assert change["kind"] == "WINDOW"
    minutes = change["amount"] // 60
    assert change["amount"] == 60 * minutes > 20 * 60
    assert change["share"] == first["share"] == pytest.approx(minutes / 100, abs=1e-4)
    assert first["message"] == f"{minutes} minutes after its delivery window with Driver on Vehicle."
    assert first["addedCostMinor"] > 0
    end = datetime.fromisoformat(change["window"]["end"])
    assert end == datetime.fromisoformat(change["insteadOf"]["end"]) + timedelta(minutes=minutes)
    assert datetime.fromisoformat(first["arrivesAt"]) <= end
    assert await world.event_types() == events
    assert (await ask(world, LEFT, id=public_id("plan", plan_id)))["plan"]["unassigned"]["nodes"] == [told]

    too_early = (end - timedelta(minutes=1)).isoformat()
    await set_window(world, early, {"start": change["window"]["start"], "end": too_early})
    assert await planned_again(world, plan_id) == [early]
    after = (await ask(world, LEFT, id=public_id("plan", plan_id)))["plan"]["unassigned"]["nodes"][0]
    assert after["relaxations"] is None
    await set_window(world, early, change["window"])
    assert await planned_again(world, plan_id) == []


async def test_a_route_with_late_stops_is_looked_at_as_well(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift()
    ends = [(47.05, 9.52), (47.22, 9.52)]
    kept = [(await world.add_orders(1, position=end, windows=[window(world, 60, 65)]))[0] for end in ends]
    early = (await world.add_orders(1, windows=[window(world, -300, -200)]))[0]
    allowed = LatenessAllowance(7200, 1200)
    plan_id = await world.proposed([*kept, early], [shift], objective=PlanObjective.ON_TIME, lateness=allowed)
    assert await left_out(world, plan_id) == [early]
    late = "SELECT count(*) FROM stops AS s JOIN routes AS r ON r.id = s.route_id WHERE s.tenant_id = $1 AND r.plan_id = $2 AND s.late_seconds > 0"
    assert await world.value(late, plan_id) == 1
    (told,) = await explained(world, plan_id, early)
    assert (told["explanation"], told["relaxations"][0]["search"]) == ("FOUND", "INSERTION")
    (change,) = told["relaxations"][0]["changes"]
    assert (change["kind"], change["amount"] >= 200 * 60) == ("WINDOW", True)


async def test_a_vehicle_with_as_much_more_as_told_takes_the_order_and_a_gram_less_does_not(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift(kind="CARGO_BIKE", capacity_weight_grams=30_000)
    bike = await world.add_shift(kind="BICYCLE", capacity_weight_grams=9000, skills=["cold"])
    heavy = (await world.add_orders(1, weight_grams=33_000, required_skills=["cold"]))[0]
    plan_id = await world.proposed([heavy, *await world.add_orders(2)], [shift, bike])
    (told,) = await explained(world, plan_id, heavy)
    assert told["vehicleKinds"] == [
        {"kind": "BICYCLE", "shifts": 1, "codes": ["CAPACITY"]},
        {"kind": "CARGO_BIKE", "shifts": 1, "codes": ["CAPACITY", "SKILL"]},
    ]
    first, second = told["relaxations"]
    assert [change["kind"] for change in first["changes"]] == ["WEIGHT", "SKILL"] or [
        change["kind"] for change in first["changes"]
    ] == ["SKILL", "WEIGHT"]
    assert first["shift"]["id"] == public_id("shift", shift)
    assert [(change["kind"], change["amount"]) for change in second["changes"]] == [("WEIGHT", 24_000)]
    assert second["message"] == "A vehicle with 24 kg more with Driver on Vehicle."

    for grams, expected in ((32_999, [heavy]), (33_000, [])):
        larger = await world.add_shift(kind="BICYCLE", capacity_weight_grams=grams, skills=["cold"])
        assert await left_out(world, await world.proposed([heavy], [larger])) == expected


async def test_what_one_shift_lacks_is_named_with_driver_and_vehicle(working_world: Any) -> None:
    world = working_world
    shift = await world.add_shift()
    cold = (await world.add_orders(1, required_skills=["refrigerated"]))[0]
    plan_id = await world.proposed([cold], [shift])
    (told,) = await explained(world, plan_id, cold)
    (only,) = told["relaxations"]
    assert only["message"] == "Skill refrigerated with Driver on Vehicle."
    assert only["changes"][0]["skills"] == ["refrigerated"]


async def test_nearest_routes_are_solved_once_more_where_inserting_asks_for_much(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proposal is spoilt: each of two vans carries half of what it holds, so that the large order fits in neither."""
    world = working_world
    shifts = [await world.add_shift(capacity_items=4) for _ in range(2)]
    small, large = await world.add_orders(4), (await world.add_orders(1, items=4))[0]
    plan_id = await world.proposed([*small, large], shifts)
    await _spoil(world, plan_id, shifts, small, large)

    (told,) = await explained(world, plan_id, large)
    first = told["relaxations"][0]
    assert (first["search"], first["changes"]) == ("RESOLVE", [])
    assert first["message"].startswith("It fits as it is")
    monkeypatch.setattr(explaining, "SMALL", 100.0)
    (told,) = await explained(world, plan_id, large)
    first = told["relaxations"][0]
    assert (first["search"], [change["kind"] for change in first["changes"]]) == ("INSERTION", ["ITEMS"])


async def _spoil(world: Any, plan_id: UUID, shifts: list[UUID], small: list[UUID], large: UUID) -> None:
    """Write a worse proposal over the plan's own: two small orders on each van, the large one left out."""
    pins = {str(order_id): str(shifts[number % 2]) for number, order_id in enumerate(small)}
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE plans SET options = options || jsonb_build_object('pins', $3::jsonb) WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id, plan_id, pins,
        )  # fmt: skip
    assert await planned_again(world, plan_id) == [large]
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE plans SET options = options - 'pins' WHERE tenant_id = $1 AND id = $2", scope.tenant_id, plan_id
        )


async def test_what_nothing_can_mend_and_what_was_not_found_in_time_say_so(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = working_world
    lost = (await world.add_orders(1, location_status="NEEDS_LOCATION"))[0]
    big = (await world.add_orders(1, items=70))[0]
    plan_id = await world.proposed([lost, big], [await world.add_shift()])
    told = await explained(world, plan_id, lost, big)
    assert [(one["explanation"], len(one["relaxations"])) for one in told] == [("NONE", 0), ("FOUND", 1)]
    assert told[0]["vehicleKinds"] == []
    monkeypatch.setattr(explaining, "SECONDS", 0.0)
    told = await explained(world, plan_id, big)
    assert [(one["explanation"], one["relaxations"]) for one in told] == [("OUT_OF_TIME", [])]


async def test_a_shift_under_way_is_asked_with_the_time_that_it_has_left(working_world: Any) -> None:
    world = working_world
    world.base -= timedelta(hours=9)
    shift = await world.add_shift(hours=8.2)
    far = (await world.add_orders(1, position=(47.6, 9.52)))[0]
    plan_id = await world.proposed([far], [shift])
    (told,) = await explained(world, plan_id, far)
    assert [change["kind"] for change in told["relaxations"][0]["changes"]] == ["SHIFT"]


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────


async def test_refusals_are_typed_and_write_nothing(working_world: Any, another_world: Any) -> None:
    world = working_world
    shift, big = await world.add_shift(), (await world.add_orders(1, items=70))[0]
    kept = await world.add_orders(1)
    plan_id = await world.proposed([*kept, big], [shift])
    theirs = (await another_world.add_orders(1))[0]
    other = await world.proposed([big], [shift])

    async def refused(*args: Any, **more: Any) -> list[tuple[str, str]]:
        payload = await explain(world, *args, **more)
        assert payload["unassigned"] == []
        return [(one["code"], ".".join(one["path"])) for one in payload["problems"]]

    assert await refused(plan_id, []) == [("NOTHING_TO_PLAN", "orderIds")]
    assert await refused(plan_id, [new_id() for _ in range(21)]) == [("TOO_MANY_ITEMS", "orderIds")]
    assert await refused(plan_id, [big, theirs]) == [("NOT_FOUND", "orderIds.1")]
    assert await refused(plan_id, [kept[0], big]) == [("INVALID_VALUE", "orderIds.0")]
    assert await refused(new_id(), [big]) == [("NOT_FOUND", "planId")]
    assert await refused(plan_id, [big], ifVersion=1) == [("CONFLICT", "ifVersion")]
    foreign = await explain(another_world, plan_id, [theirs])
    assert [(one["code"], one["path"]) for one in foreign["problems"]] == [("NOT_FOUND", ["planId"])]
    wrong = await ask(world, EXPLAIN, input={"planId": "nonsense", "orderIds": ["x"]})
    assert [one["code"] for one in wrong["explainUnassigned"]["problems"]] == ["INVALID_ID"]

    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE plans SET status = 'COMMITTED' WHERE tenant_id = $1 AND id = $2", scope.tenant_id, other
        )
    assert await refused(other, [big]) == [("ILLEGAL_TRANSITION", "planId")]
    await change_order(world, big, priority=3)
    assert await refused(plan_id, [big]) == [("PLAN_STALE", "orderIds.0")]
    await change_order(world, kept[0], priority=3)
    assert await refused(plan_id, [big]) == [("PLAN_STALE", "orderIds.0"), ("PLAN_STALE", "planId")]
    assert await world.value("SELECT count(*) FROM plan_orders WHERE tenant_id = $1 AND relaxations IS NOT NULL") == 0


async def test_a_plan_that_changes_meanwhile_keeps_nothing(working_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = working_world
    shift, big = await world.add_shift(), (await world.add_orders(1, items=70))[0]
    plan_id = await world.proposed([big], [shift])
    real, looked = explaining.pose, asyncio.Event()

    async def slow(*args: Any, **named: Any) -> Any:
        looked.set()
        await planned_again(world, plan_id)
        return await real(*args, **named)

    monkeypatch.setattr(explaining, "pose", slow)
    payload = await explain(world, plan_id, [big])
    assert looked.is_set()
    assert [(one["code"], one["path"]) for one in payload["problems"]] == [("PLAN_STALE", ["planId"])]
    assert await world.value("SELECT count(*) FROM plan_orders WHERE tenant_id = $1 AND relaxations IS NOT NULL") == 0


async def test_a_replay_answers_what_was_answered_and_looks_for_nothing(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = working_world
    shift, big = await world.add_shift(), (await world.add_orders(1, items=70))[0]
    plan_id = await world.proposed([big, *await world.add_orders(1)], [shift])
    first = await explain(world, plan_id, [big], idempotencyKey="once")
    monkeypatch.setattr(explaining, "pose", None)
    assert await explain(world, plan_id, [big], idempotencyKey="once") == first
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE plans SET status = 'CANCELLED' WHERE tenant_id = $1 AND id = $2", scope.tenant_id, plan_id
        )
    assert await explain(world, plan_id, [big], idempotencyKey="once") == first
    other = await explain(world, plan_id, [new_id()], idempotencyKey="once")
    assert [one["code"] for one in other["problems"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_names_are_shown_to_those_who_may_read_them(working_world: Any) -> None:
    world = working_world
    shift, cold = await world.add_shift(), (await world.add_orders(1, required_skills=["refrigerated"]))[0]
    plan_id = await world.proposed([cold], [shift])
    await explained(world, plan_id, cold)
    seen = '{ plan(id: "%s") { unassigned { nodes { relaxations { message shift { id } vehicle { id } } } } } }'
    document = seen % public_id("plan", plan_id)
    world.principal = _only(world.principal, Permission.PLANNING_READ)
    data, errors = await answer(world, document)
    assert errors is None
    (only,) = data["plan"]["unassigned"]["nodes"][0]["relaxations"]
    assert only == {"message": "Skill refrigerated.", "shift": None, "vehicle": None}
    _, errors = await answer(world, EXPLAIN, input={"planId": public_id("plan", plan_id), "orderIds": []})
    assert "FORBIDDEN" in repr(errors) or "planning:write" in repr(errors)


def _only(principal: Any, *permissions: Permission) -> Any:
    return replace(principal, permissions=frozenset(permissions))
