"""Pinned times and relations between orders: from createPlan to the proposal, refused where they contradict, and never ignored."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.planning.test_api import CREATE, ask
from tests.planning.test_explaining import explained, left_out
from tests.planning.test_parts import loaded
from tests.planning.test_refusals import faults_of

from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.planning.model import PlanObjective, PlanRelationKind
from doorstep.planning.service import LatenessAllowance, NewPlan, OrderRelation, Pin, create_plan, optimize_plan, parts
from doorstep.planning.service.parts import cut
from doorstep.planning.service.ties import Ties
from doorstep.planning.solver.relations import Relation, RelationKind

SAME, APART, SEQUENCE = PlanRelationKind.SAME_ROUTE, PlanRelationKind.DIFFERENT_ROUTES, PlanRelationKind.IN_SEQUENCE


async def served(world: Any, plan_id: UUID) -> dict[UUID, tuple[UUID, int, datetime]]:
    """By order: the shift that brings it, which stop that is, and when service begins."""
    rows = await world.rows(
        "SELECT link.order_id, route.shift_id, stop.sequence, stop.planned_service_start FROM routes AS route "
        "JOIN stops AS stop ON stop.tenant_id = $1 AND stop.route_id = route.id AND stop.kind = 'DROPOFF' "
        "JOIN stop_orders AS link ON link.tenant_id = $1 AND link.stop_id = stop.id "
        "WHERE route.tenant_id = $1 AND route.plan_id = $2 AND route.status = 'DRAFT'",
        plan_id,
    )
    return {row["order_id"]: (row["shift_id"], row["sequence"], row["planned_service_start"]) for row in rows}


async def codes_left(world: Any, plan_id: UUID) -> dict[UUID, set[str]]:
    rows = await world.rows(
        "SELECT order_id, reasons FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2 AND NOT assigned", plan_id
    )
    return {row["order_id"]: {reason["code"] for reason in row["reasons"]} for row in rows}


async def test_orders_go_together_apart_in_sequence_and_at_their_time(working_world: Any) -> None:
    world = working_world
    shifts = [await world.add_shift() for _ in range(3)]
    orders = await world.add_orders(12)
    at = world.base + timedelta(hours=3)
    ids = [public_id("order", order_id) for order_id in orders]
    made = await ask(
        world,
        CREATE,
        input={
            "orderIds": ids,
            "shiftIds": [public_id("shift", shift_id) for shift_id in shifts],
            "pins": [{"orderId": ids[11], "at": at.isoformat()}],
            "relations": [
                {"kind": "SAME_ROUTE", "orderIds": [ids[0], ids[6]]},
                {"kind": "DIFFERENT_ROUTES", "orderIds": [ids[0], ids[1], ids[2]]},
                {"kind": "IN_SEQUENCE", "orderIds": [ids[9], ids[5], ids[3]]},
            ],
        },
    )
    assert made["createPlan"]["problems"] == []
    plan_id = parse_id("plan", made["createPlan"]["plan"]["id"])
    assert (await world.finished(plan_id))["status"] == "PROPOSED"
    found = await served(world, plan_id)
    assert len(found) == 12
    assert found[orders[0]][0] == found[orders[6]][0]
    assert len({found[orders[number]][0] for number in range(3)}) == 3
    assert len({found[orders[number]][0] for number in (9, 5, 3)}) == 1
    assert found[orders[9]][1] < found[orders[5]][1] < found[orders[3]][1]
    assert abs(found[orders[11]][2] - at) <= timedelta(minutes=5)


async def test_what_cannot_be_kept_stays_unassigned_with_its_reason(working_world: Any) -> None:
    """Two vans of ten items: a set of three cannot be on one, four cannot be on four routes."""
    world = working_world
    shifts = [await world.add_shift(capacity_items=10) for _ in range(2)]
    heavy, light = await world.add_orders(3, items=4), await world.add_orders(3)
    relations = (OrderRelation(SAME, tuple(heavy)), OrderRelation(APART, tuple(light)))
    plan_id = await world.proposed([*heavy, *light], shifts, relations=relations)
    left = await codes_left(world, plan_id)
    assert set(heavy) < set(left)
    assert len(set(left) & set(light)) == 1
    assert set.union(*left.values()) == {"RELATION"}
    told = await explained(world, plan_id, heavy[0])
    assert (told[0]["explanation"], told[0]["reasons"][0]["code"]) == ("NONE", "RELATION")


async def test_an_order_that_is_cancelled_meanwhile_takes_its_companions_along(working_world: Any) -> None:
    world = working_world
    shift, orders = await world.add_shift(), await world.add_orders(6)
    relations = (OrderRelation(SAME, tuple(orders[:2])), OrderRelation(SEQUENCE, tuple(orders[2:5])))
    wanted = NewPlan(order_ids=tuple(orders), shift_ids=(shift,), relations=relations, optimize=False)
    plan_id = UUID((await world.do(create_plan, wanted))["id"])
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE orders SET status = 'CANCELLED', version = version + 1 WHERE tenant_id = $1 AND id = ANY($2)",
            scope.tenant_id,
            [orders[0], orders[3]],
        )
    await world.do(optimize_plan, plan_id)
    assert (await world.finished(plan_id))["status"] == "PROPOSED"
    assert await codes_left(world, plan_id) == {
        orders[0]: {"NOT_PLANNABLE"},
        orders[1]: {"RELATION"},
        orders[3]: {"NOT_PLANNABLE"},
        orders[4]: {"RELATION"},
    }


async def test_a_pinned_time_holds_where_others_may_be_late(working_world: Any) -> None:
    """Two doors half an hour apart, both at the same instant: with lateness one would be served late, but a pin is firm."""
    world = working_world
    at = world.base + timedelta(hours=4)
    near, far = (await world.add_orders(1))[0], (await world.add_orders(1, position=(47.35, 9.52)))[0]
    plan_id = await world.proposed(
        [near, far],
        [await world.add_shift()],
        pins=(Pin(near, at=at), Pin(far, at=at)),
        objective=PlanObjective.ON_TIME,
        lateness=LatenessAllowance(4 * 3600, 0),
    )
    found = await served(world, plan_id)
    assert len(found) == 1
    assert len(await left_out(world, plan_id)) == 1
    assert all(abs(when - at) <= timedelta(minutes=5) for *_, when in found.values())


async def test_relations_and_pinned_times_are_refused_where_no_plan_can_keep_them(world: Any) -> None:
    shifts = (await world.add_shift(), await world.add_shift(starts_in=timedelta(hours=2)))
    window = {"start": world.base.isoformat(), "end": (world.base + timedelta(hours=1)).isoformat()}
    orders, (morning,) = await world.add_orders(4), await world.add_orders(1, windows=[window])
    a, b, c, d = orders
    wanted = {"order_ids": (*orders, morning), "shift_ids": shifts}

    async def relation_faults(*relations: OrderRelation, pins: tuple[Pin, ...] = ()) -> list[tuple[str, str]]:
        return await faults_of(world, **wanted, relations=relations, pins=pins)

    def hours(count: float) -> datetime:
        when: datetime = world.base + timedelta(hours=count)
        return when

    invalid = "INVALID_VALUE"
    assert await relation_faults(OrderRelation(SAME, (a,))) == [(invalid, "relations.0.orderIds")]
    assert await relation_faults(OrderRelation(SAME, (a, a))) == [(invalid, "relations.0.orderIds.1")]
    stranger = OrderRelation(SAME, (a, new_id()))
    assert await relation_faults(stranger) == [("NOT_FOUND", "relations.0.orderIds.1")]
    crowd = OrderRelation(SAME, tuple(new_id() for _ in range(21)))
    assert ("TOO_MANY_ITEMS", "relations.0.orderIds") in await relation_faults(crowd)
    many = [OrderRelation(SAME, (a, b))] * 101
    assert await relation_faults(*many) == [("TOO_MANY_ITEMS", "relations")]
    together = OrderRelation(SAME, (a, b))
    assert await relation_faults(together, OrderRelation(APART, (b, a))) == [(invalid, "relations.1")]
    assert await relation_faults(together, pins=(Pin(a, shifts[0]), Pin(b, shifts[1]))) == [(invalid, "relations.0")]
    round_and_round = [OrderRelation(SEQUENCE, pair) for pair in ((a, b), (b, c), (c, a))]
    assert await relation_faults(*round_and_round) == [(invalid, "relations.2")]
    pins = (Pin(c, shifts[0]), Pin(d, shifts[0]))
    assert await relation_faults(OrderRelation(APART, (c, d)), pins=pins) == [(invalid, "relations.0")]
    pins = (Pin(a, at=hours(3)), Pin(b, at=hours(2)))
    assert await relation_faults(OrderRelation(SEQUENCE, (a, c, b)), pins=pins) == [(invalid, "relations.0")]

    at = "pins.0.at"
    assert await relation_faults(pins=(Pin(a),)) == [("REQUIRED", "pins.0.shiftId")]
    assert await relation_faults(pins=(Pin(a, at=hours(11)),)) == [(invalid, at)]
    assert await relation_faults(pins=(Pin(a, shifts[1], hours(1)),)) == [(invalid, at)]
    assert await relation_faults(pins=(Pin(morning, at=hours(2)),)) == [(invalid, at)]
    assert await relation_faults(pins=(Pin(a, at=hours(-48)),)) == [(invalid, at)]
    assert await relation_faults(pins=(Pin(a, shifts[0]), Pin(a, at=hours(1)))) == [(invalid, "pins.1.orderId")]


async def test_another_tenants_order_is_in_no_relation(world: Any, another_world: Any) -> None:
    orders, theirs = await world.add_orders(1), await another_world.add_orders(1)
    faults = await faults_of(
        world, order_ids=tuple(orders), shift_ids=(await world.add_shift(),),
        relations=(OrderRelation(SAME, (orders[0], theirs[0])),),
    )  # fmt: skip
    assert faults == [("NOT_FOUND", "relations.0.orderIds.1")]


async def test_companions_are_planned_in_one_part_of_a_large_plan(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PLACES", 30)
    monkeypatch.setattr(parts, "PART_PLACES", 20)
    for _ in range(4):
        await world.add_shift()
    await world.add_orders(50)
    orders, shifts = await loaded(world)
    first_of = [part.orders[0].id for part in cut(orders, shifts).parts]
    assert len(first_of) > 2, "else there is nothing to bring together"
    ties = Ties(relations=(Relation(RelationKind.IN_SEQUENCE, tuple(str(one) for one in first_of)),))
    found = cut(orders, shifts, ties).parts
    assert len([part for part in found if set(first_of) & {order.id for order in part.orders}]) == 1
    assert sum(len(part.orders) for part in found) == 50
