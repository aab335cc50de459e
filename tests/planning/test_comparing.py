"""A plan held against another one: who rides elsewhere, who comes at another time, who is on one of the two alone, and what that costs."""

from datetime import datetime, timedelta
from typing import Any

from tests.planning.test_api import answer, ask

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.ids import new_id, public_id
from doorstep.planning.service import commit_plan, unassign_orders

COMPARED = """
query ($id: ID!, $other: ID!, $kinds: [PlanChangeKind!], $first: Int, $after: Cursor) { plan(id: $id) { comparedWith(planId: $other) {
  difference { costMinor distanceMeters durationSeconds drivingSeconds lateSeconds emissionsGrams routes orders }
  counts { assigned unassigned moved retimed } }
  changesFrom(planId: $other, kinds: $kinds, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes {
    kind laterSeconds arrivalBefore arrivalAfter order { id } routeBefore { id } routeAfter { id } shiftBefore { id } shiftAfter { id } } }
} }
"""
SUMS = "query ($id: ID!) { plan(id: $id) { summary { costMinor distanceMeters drivingSeconds emissionsGrams routes orders } } }"


async def compared(world: Any, plan_id: Any, other_id: Any, **more: Any) -> Any:
    shown = await ask(world, COMPARED, id=public_id("plan", plan_id), other=public_id("plan", other_id), **more)
    plan = shown["plan"]
    assert (plan["comparedWith"] is None) == (plan["changesFrom"] is None)
    return plan["comparedWith"] and {**plan["comparedWith"], "changes": plan["changesFrom"]}


async def test_what_a_second_van_changes(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(6)
    small, second = await world.add_shift(capacity_items=4), await world.add_shift(capacity_items=4)
    narrow = await world.proposed(orders, [small])
    wide = await world.proposed(orders, [small, second])

    shown = await compared(world, wide, narrow)

    placed = {row["order_id"] for row in await world.rows(
        "SELECT order_id FROM plan_orders WHERE tenant_id = $1 AND plan_id = $2 AND assigned", narrow
    )}  # fmt: skip
    assert shown["counts"]["assigned"] == 2
    assert shown["counts"]["unassigned"] == 0
    sums = [(await ask(world, SUMS, id=public_id("plan", one)))["plan"]["summary"] for one in (wide, narrow)]
    for name, more in sums[0].items():
        assert int(shown["difference"][name]) == int(more) - int(sums[1][name]), name
    assert int(shown["difference"]["emissionsGrams"]) > 0
    by_order = {change["order"]["id"]: change for change in shown["changes"]["nodes"]}
    for order_id in set(orders) - placed:
        change = by_order[public_id("order", order_id)]
        assert (change["kind"], change["routeBefore"], change["arrivalBefore"]) == ("ASSIGNED", None, None)
        assert change["routeAfter"]
    for change in shown["changes"]["nodes"]:
        if change["kind"] == "MOVED":
            assert change["shiftBefore"]["id"] != change["shiftAfter"]["id"]
        if change["kind"] == "RETIMED":
            assert change["shiftBefore"] == change["shiftAfter"]
            assert change["laterSeconds"] != 0
        if change["laterSeconds"] is not None:
            later = datetime.fromisoformat(change["arrivalAfter"]) - datetime.fromisoformat(change["arrivalBefore"])
            assert later == timedelta(seconds=change["laterSeconds"])
    mirrored = await compared(world, narrow, wide)
    assert mirrored["counts"]["unassigned"] == 2
    assert mirrored["counts"]["moved"] == shown["counts"]["moved"]
    assert int(mirrored["difference"]["costMinor"]) == -int(shown["difference"]["costMinor"])


async def test_a_plan_beside_itself_and_beside_nothing(working_world: Any, another_world: Any) -> None:
    world = working_world
    plan_id = await world.proposed(await world.add_orders(2), [await world.add_shift()])
    same = await compared(world, plan_id, plan_id)
    assert same["counts"] == {"assigned": 0, "unassigned": 0, "moved": 0, "retimed": 0}
    assert (same["changes"]["totalCount"], same["difference"]["costMinor"]) == (0, 0)
    assert await compared(world, plan_id, new_id()) is None
    theirs = await another_world.proposed(await another_world.add_orders(1), [await another_world.add_shift()])
    assert await compared(world, plan_id, theirs) is None
    _, errors = await answer(world, COMPARED, id=public_id("plan", plan_id), other="plan_x")
    assert isinstance(errors[0].original_error, BadUserInput)
    _, errors = await answer(world, COMPARED, id=public_id("plan", plan_id), other=public_id("plan", plan_id), kinds=[])
    assert isinstance(errors[0].original_error, BadUserInput)


async def test_changes_are_paged_and_told_by_kind_as_the_routes_stand(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(5)
    first = await world.proposed(orders, [await world.add_shift()])
    later = await world.proposed(orders, [await world.add_shift(starts_in=timedelta(hours=1))])
    shown = await compared(world, later, first, first=3)
    assert shown["counts"]["moved"] == 5
    assert (shown["changes"]["totalCount"], len(shown["changes"]["nodes"])) == (5, 3)
    rest = await compared(world, later, first, first=3, after=shown["changes"]["pageInfo"]["endCursor"])
    ids = [change["order"]["id"] for one in (shown, rest) for change in one["changes"]["nodes"]]
    assert ids == [public_id("order", one) for one in sorted(orders, key=str)]
    assert not rest["changes"]["pageInfo"]["hasNextPage"]
    none = await compared(world, later, first, kinds=["RETIMED"])
    assert (none["changes"]["totalCount"], none["changes"]["nodes"]) == (0, [])

    await world.do(commit_plan, first)
    await world.do(unassign_orders, orders[:1])
    gone = await compared(world, later, first, kinds=["ASSIGNED"])
    assert [change["order"]["id"] for change in gone["changes"]["nodes"]] == [public_id("order", orders[0])]
