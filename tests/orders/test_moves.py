"""The doors for planning and tracking: locking, moving, ETAs, and what plans read. The state machine is tried against a model of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.orders.conftest import Desk, dropoff, uuid_of, window

from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import parse_id, public_id
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import (
    FINAL,
    ON_ROUTE,
    TRANSITIONS,
    ActorRole,
    Custody,
    LocationCheck,
    LocationStatus,
    OrderActionKind,
    OrderKind,
    OrderStatus,
    ProofKind,
    Standing,
    WaypointRole,
    cancelled_status,
    next_actions,
)
from doorstep.orders.reads import OrderQuery, find_plannable, orders_for_planning
from doorstep.orders.service import EtaChange, Move, lock_orders, move_orders, record_location_checks, set_etas

S = OrderStatus
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)

# The design's table, written down a second time and by its other side: from which states each state is entered.
ENTERED_FROM: dict[OrderStatus, set[OrderStatus]] = {
    S.PENDING: {S.OFFERED, S.ASSIGNED, S.EN_ROUTE_TO_PICKUP, S.AT_PICKUP, S.ATTEMPT_FAILED, S.AWAITING_REATTEMPT},
    S.OFFERED: {S.PENDING, S.AWAITING_REATTEMPT},
    S.ASSIGNED: {S.PENDING, S.OFFERED, S.AWAITING_REATTEMPT},
    S.EN_ROUTE_TO_PICKUP: {S.ASSIGNED},
    S.AT_PICKUP: {S.EN_ROUTE_TO_PICKUP, S.ASSIGNED},
    S.PICKED_UP: {S.AT_PICKUP, S.EN_ROUTE_TO_PICKUP, S.ASSIGNED, S.EN_ROUTE_TO_DROPOFF},
    S.EN_ROUTE_TO_DROPOFF: {S.PICKED_UP, S.AT_DROPOFF},
    S.AT_DROPOFF: {S.EN_ROUTE_TO_DROPOFF, S.PICKED_UP},
    S.DELIVERED: {S.AT_DROPOFF},
    S.ATTEMPT_FAILED: {S.ASSIGNED, S.EN_ROUTE_TO_PICKUP, S.AT_PICKUP, S.PICKED_UP, S.EN_ROUTE_TO_DROPOFF, S.AT_DROPOFF},
    S.AWAITING_REATTEMPT: {S.ATTEMPT_FAILED},
    S.RETURNING: {
        S.OFFERED,
        S.ASSIGNED,
        S.PICKED_UP,
        S.EN_ROUTE_TO_DROPOFF,
        S.AT_DROPOFF,
        S.ATTEMPT_FAILED,
        S.AWAITING_REATTEMPT,
    },
    S.RETURNED: {S.RETURNING},
    S.CANCELLED: {
        S.PENDING,
        S.OFFERED,
        S.ASSIGNED,
        S.EN_ROUTE_TO_PICKUP,
        S.AT_PICKUP,
        S.ATTEMPT_FAILED,
        S.AWAITING_REATTEMPT,
    },
}


def test_the_transitions_are_the_designs() -> None:
    assert {to: {status for status, following in TRANSITIONS.items() if to in following} for to in S} == ENTERED_FROM
    assert {S.DELIVERED, S.RETURNED, S.CANCELLED} == FINAL


async def standing(desk: Desk, order_id: UUID) -> Any:
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        return await tx.fetchrow("SELECT * FROM orders WHERE tenant_id = $1 AND id = $2", desk.tenant_id, order_id)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(sorted(S)), min_size=1, max_size=12))
async def test_any_walk_ends_where_the_model_says(desk: Desk, steps: list[OrderStatus]) -> None:
    order_id = uuid_of(await desk.place())
    status, custody, version = S.PENDING, Custody.DEPOT, 1
    told: list[tuple[str, str, int]] = []
    for step in steps:
        if status not in ENTERED_FROM[step]:
            before = await desk.written()
            with pytest.raises(DoorstepError, match=f"is {status} and cannot become {step}") as refusal:
                async with desk.scope() as scope:
                    await move_orders(scope, [Move(order_id, step)])
            assert refusal.value.code is ProblemCode.ILLEGAL_TRANSITION
            assert await desk.written() == before
            continue
        async with desk.scope() as scope:
            await move_orders(scope, [Move(order_id, step)])
        version += 1
        told.append((status, step, version))
        status = step
        custody = {S.PICKED_UP: Custody.VEHICLE, S.DELIVERED: Custody.RECIPIENT, S.RETURNED: Custody.DEPOT}.get(
            step, custody
        )
    row = await standing(desk, order_id)
    assert (row["status"], row["custody"], row["version"]) == (status, custody, version)
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        events = await tx.fetch(
            "SELECT data, aggregate_version FROM events WHERE tenant_id = $1 AND order_id = $2 AND type = 'OrderStatusChanged' ORDER BY seq",
            desk.tenant_id,
            order_id,
        )
    assert [(event["data"]["from"], event["data"]["to"], event["aggregate_version"]) for event in events] == told


@given(
    st.builds(
        Standing,
        status=st.sampled_from(S),
        custody=st.sampled_from(Custody),
        kind=st.sampled_from(OrderKind),
        location_status=st.sampled_from(LocationStatus),
        proof_kinds=st.lists(st.sampled_from(ProofKind), unique=True).map(tuple),
    )
)
def test_next_actions_lead_where_the_machine_allows(order: Standing) -> None:
    actions = next_actions(order)
    for action in actions:
        assert action.by
        assert action.to in TRANSITIONS[order.status] or action.kind is OrderActionKind.LOCATE
        assert action.proofs == (order.proof_kinds if action.kind is OrderActionKind.DELIVER else ())
        assert (action.mutation == "advanceStop") is (action.by == (ActorRole.DRIVER,))
    kinds = [action.kind for action in actions]
    assert len(kinds) == len(set(kinds)) <= 8
    assert bool(actions) is bool(order.status not in FINAL) or order.status is S.ATTEMPT_FAILED
    cancels = [action.to for action in actions if action.kind is OrderActionKind.CANCEL]
    assert cancels in ([], [cancelled_status(order.custody)])
    assert not (OrderActionKind.ASSIGN in kinds and order.location_status is LocationStatus.NEEDS_LOCATION)


async def test_many_orders_move_in_a_constant_number_of_statements(desk: Desk) -> None:
    payload = await desk.place_many([{"dropoff": dropoff()} for _ in range(60)])
    ids = [uuid_of(result["order"]) for result in payload["results"]]
    sent: dict[int, list[str]] = {}
    for part in (ids[:2], ids[2:]):
        with desk.statements.counted() as sent[len(part)]:
            async with desk.scope() as scope:
                await move_orders(scope, [Move(order_id, S.ASSIGNED) for order_id in reversed(part)])
                await set_etas(scope, [EtaChange(order_id, NOON, 0, 1) for order_id in part])
    assert len(sent[2]) == len(sent[58])


async def test_one_illegal_move_stops_all(desk: Desk) -> None:
    first, second = uuid_of(await desk.place()), uuid_of(await desk.place())
    before = await desk.written()
    with pytest.raises(DoorstepError, match="It may become: ASSIGNED, CANCELLED"):
        async with desk.scope() as scope:
            await move_orders(scope, [Move(first, S.ASSIGNED), Move(second, S.DELIVERED)])
    with pytest.raises(NotFound):
        async with desk.scope() as scope:
            await move_orders(scope, [Move(first, S.ASSIGNED), Move(uuid4(), S.ASSIGNED)])
    assert await desk.written() == before


async def test_another_tenants_orders_are_neither_locked_nor_moved(desk: Desk, other: Desk) -> None:
    theirs = uuid_of(await other.place())
    before = await other.written()
    async with desk.scope() as scope:
        assert await lock_orders(scope, [theirs]) == {}
        await set_etas(scope, [EtaChange(theirs, NOON, 0, 0)])
        await record_location_checks(scope, {(theirs, WaypointRole.DROPOFF): 5.0})
        with pytest.raises(NotFound):
            await move_orders(scope, [Move(theirs, S.ASSIGNED)])
    assert await other.written() == before


async def test_movers_of_the_same_orders_take_turns(desk: Desk) -> None:
    ids = [uuid_of(await desk.place()) for _ in range(6)]

    async def assign(order: list[UUID]) -> bool:
        try:
            async with desk.scope() as scope:
                await move_orders(scope, [Move(order_id, S.ASSIGNED) for order_id in order])
        except DoorstepError:
            return False
        return True

    won = await asyncio.gather(*(assign(ids if at % 2 else ids[::-1]) for at in range(6)))
    assert sum(won) == 1
    assert {(await standing(desk, order_id))["version"] for order_id in ids} == {2}


async def test_a_move_tells_who_when_and_why(desk: Desk) -> None:
    order_id = uuid_of(await desk.place())
    route = uuid4()
    async with desk.scope() as scope:
        await move_orders(
            scope,
            [
                Move(order_id, S.ASSIGNED, route_id=route),
                Move(order_id, S.ATTEMPT_FAILED, reason="NOT_HOME", occurred_at=NOON, route_id=route),
                Move(order_id, S.AWAITING_REATTEMPT, new_attempt=True),
            ],
        )
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        rows = await tx.fetch("SELECT * FROM events WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 2", desk.tenant_id)
    again, failed = rows
    assert (failed["occurred_at"], failed["route_id"], failed["data"]["reason"]) == (NOON, route, "NOT_HOME")
    assert (again["data"]["attempt_number"], again["aggregate_version"]) == (1, 4)
    assert (await standing(desk, order_id))["attempt_number"] == 1


# ── arrival times ───────────────────────────────────────────────────────────────────────────────────────


async def eta_events(desk: Desk) -> list[dict[str, Any]]:
    return [facts for kind, facts, _ in await desk.events() if kind == "OrderEtaChanged"]


async def tell(desk: Desk, order_id: UUID, at: datetime | None, late: int = 0, before: int = 3) -> None:
    async with desk.scope() as scope:
        await set_etas(scope, [EtaChange(order_id, at, late, before)])


async def test_an_eta_is_told_when_it_moved_by_more_than_two_minutes_since_it_was_told(desk: Desk) -> None:
    order = await desk.place()
    order_id = uuid_of(order)
    await tell(desk, order_id, NOON)
    assert await eta_events(desk) == []
    async with desk.scope() as scope:
        await move_orders(scope, [Move(order_id, S.ASSIGNED)])
        await set_etas(scope, [EtaChange(order_id, NOON, 0, 3)])
    assert [(event["previous_at"], event["at"]) for event in await eta_events(desk)] == [(None, NOON.isoformat())]
    for minutes in (1, 2):
        await tell(desk, order_id, NOON + timedelta(minutes=minutes))
    assert len(await eta_events(desk)) == 1
    slow = NOON + timedelta(minutes=2, seconds=1)
    await tell(desk, order_id, slow, late=61, before=1)
    assert (await eta_events(desk))[-1] == {
        "at": slow.isoformat(), "previous_at": NOON.isoformat(), "late_by_seconds": 61, "stops_before": 1,
    }  # fmt: skip
    shown = (await desk.order(order["id"], "version eta { at stopsBefore lateBySeconds }"))["eta"]
    assert shown == {"at": "2027-03-01T12:02:01Z", "stopsBefore": 1, "lateBySeconds": 61}
    assert (await standing(desk, order_id))["version"] == 2
    await tell(desk, order_id, None)
    assert [event["at"] for event in await eta_events(desk)][-1] is None
    await tell(desk, order_id, None)
    assert len(await eta_events(desk)) == 3
    document = '{ events(filter: {types: ["OrderEtaChanged"]}) { nodes { ... on OrderEtaChanged { at previousAt lateBySeconds stopsBefore } } } }'
    nodes = (await desk.data(document))["events"]["nodes"]
    assert nodes[0] == {"at": "2027-03-01T12:00:00Z", "previousAt": None, "lateBySeconds": 0, "stopsBefore": 3}


@pytest.mark.parametrize("off", [S.PENDING, S.CANCELLED, S.ATTEMPT_FAILED])
async def test_an_order_that_leaves_the_routes_has_no_eta(desk: Desk, off: OrderStatus) -> None:
    order = await desk.place()
    async with desk.scope() as scope:
        await move_orders(scope, [Move(uuid_of(order), S.ASSIGNED)])
        await set_etas(scope, [EtaChange(uuid_of(order), NOON, 0, 0)])
    assert off not in ON_ROUTE
    async with desk.scope() as scope:
        await move_orders(scope, [Move(uuid_of(order), off)])
    assert (await desk.order(order["id"], "eta { at }"))["eta"] is None
    assert (await standing(desk, uuid_of(order)))["eta_announced_at"] is None


# ── what plans read ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_plan_reads_all_that_it_needs(desk: Desk, other: Desk) -> None:
    depot = await desk.depot()
    order = await desk.place(
        kind="PICKUP_AND_DELIVERY",
        pickup=dropoff(coordinates={"latitude": 47.2, "longitude": 9.5}, serviceSeconds=60),
        dropoff=dropoff(windows=[window("09:00", "10:00")], serviceSeconds=120),
        packages=[{"load": {"weightGrams": 5, "volumeCubicCentimeters": 7, "items": 2}}],
        depotId=depot, priority=3, requiredSkills=["lift"], vehicleKinds=["VAN"],
    )  # fmt: skip
    lost = await desk.place(dropoff={"address": {"line1": "Nirgendwo 1", "city": "Nirgends"}})
    theirs = await other.place()
    ids = [uuid_of(one) for one in (lost, order, theirs)]
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        first, second = await orders_for_planning(tx, desk.tenant_id, ids)
    assert (first.id, second.id) == (uuid_of(order), uuid_of(lost))
    assert (first.kind, first.priority, first.load) == (OrderKind.PICKUP_AND_DELIVERY, 3, (5, 7, 2))
    assert (first.skills, first.vehicle_kinds) == ({"lift"}, {"VAN"})
    assert first.pickup is not None
    assert (first.pickup.latitude, first.pickup.service_seconds, first.pickup.windows) == (47.2, 60, [])
    nine, ten = datetime(2027, 3, 1, 9, tzinfo=UTC), datetime(2027, 3, 1, 10, tzinfo=UTC)
    assert (first.dropoff.windows, first.due_at) == ([TimeWindow(nine, ten)], ten)
    assert first.dropoff.location_check is LocationCheck.CHECKED
    assert (second.location_status, second.pickup) == (LocationStatus.NEEDS_LOCATION, None)
    assert (second.dropoff.latitude, second.dropoff.location_check) == (None, LocationCheck.UNCHECKED)


async def test_fetched_goods_that_came_back_are_loaded_at_that_depot_next_time(desk: Desk) -> None:
    depot = await desk.depot()
    order = await desk.place(kind="PICKUP_AND_DELIVERY", pickup=dropoff())
    order_id = uuid_of(order)
    assert await first_acts(desk, order_id) == ["DEPART", "ARRIVE"]
    steps = [S.AT_PICKUP, S.PICKED_UP, S.AT_DROPOFF, S.ATTEMPT_FAILED]
    async with desk.scope() as scope:
        await move_orders(
            scope,
            [
                *(Move(order_id, step) for step in steps),
                Move(
                    order_id,
                    S.AWAITING_REATTEMPT,
                    custody=Custody.DEPOT,
                    new_attempt=True,
                    depot_id=parse_id("depot", depot),
                ),
            ],
        )
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        [planned] = await orders_for_planning(tx, desk.tenant_id, [order_id])
    assert (planned.pickup, planned.depot_id) == (None, parse_id("depot", depot))
    assert (await desk.order(order["id"], "depot { id } pickup { address { city } }")) == {
        "depot": {"id": depot},
        "pickup": {"address": {"city": "Vaduz"}},
    }
    assert await first_acts(desk, order_id) == ["PICK_UP"]


async def first_acts(desk: Desk, order_id: UUID) -> list[str]:
    """What a driver may do first, once the order is assigned."""
    async with desk.scope() as scope:
        await move_orders(scope, [Move(order_id, S.ASSIGNED)])
    actions = (await desk.order(public_id("order", order_id)))["nextActions"]
    return [action["kind"] for action in actions if action["by"] == ["DRIVER"] and action["kind"] != "FAIL"]


async def test_only_orders_that_a_plan_may_take_are_found_soonest_due_first(desk: Desk, other: Desk) -> None:
    await other.place()
    late, soon = [await desk.place(dropoff=dropoff(windows=[window("08:00", end)])) for end in ("12:00", "10:00")]
    anytime, taken = await desk.place(), await desk.place()
    again = await desk.place(reference="again")
    async with desk.scope() as scope:
        await move_orders(scope, [Move(uuid_of(taken), S.ASSIGNED)])
        await move_orders(
            scope, [Move(uuid_of(again), to) for to in (S.ASSIGNED, S.ATTEMPT_FAILED, S.AWAITING_REATTEMPT)]
        )
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        found = await find_plannable(tx, desk.tenant_id, OrderQuery(), 10)
        assert found == [uuid_of(one) for one in (soon, late, anytime, again)]
        assert await find_plannable(tx, desk.tenant_id, OrderQuery(), 1) == found[:1]
        query = OrderQuery(references=("again",), statuses=(S.PENDING, S.AWAITING_REATTEMPT))
        assert await find_plannable(tx, desk.tenant_id, query, 10) == [uuid_of(again)]


async def test_a_point_that_planning_checked_is_noted_without_a_new_version(desk: Desk) -> None:
    order = await desk.place(kind="PICKUP_AND_DELIVERY", pickup=dropoff())
    async with desk.scope() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET location_check = 'UNCHECKED' WHERE tenant_id = $1", desk.tenant_id
        )
        await record_location_checks(scope, {(uuid_of(order), WaypointRole.PICKUP): 12.5})
    after = await desk.order(order["id"])
    assert (after["pickup"]["locationCheck"], after["dropoff"]["locationCheck"]) == ("CHECKED", "UNCHECKED")
    assert after["version"] == 1
