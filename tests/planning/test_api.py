"""Planning through the schema: the whole round trip, problems at their places, replays, and a number of statements that does not grow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from doorstep.kernel.db import Transaction
from doorstep.kernel.errors import NotFound
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.kernel.scope import Permission
from doorstep.planning.graphql.subscriptions import stream_progress, stream_route
from doorstep.planning.service import dispatch_plan
from doorstep.schema import build_schema

SCHEMA = build_schema()
PROBLEMS = "problems { code message path existingId }"
CREATE = (
    f"mutation ($input: CreatePlanInput!) {{ createPlan(input: $input) {{ plan {{ id status version }} {PROBLEMS} }} }}"
)
COMMIT = f"""
mutation ($input: CommitPlanInput!) {{ commitPlan(input: $input) {{
  plan {{ id status version }} dropped {{ code message order {{ id }} }} {PROBLEMS} }} }}
"""
DISPATCH = f"mutation ($input: DispatchRouteInput!) {{ dispatchRoute(input: $input) {{ route {{ id status version }} {PROBLEMS} }} }}"
ASSIGN = f"""
mutation ($input: AssignOrdersInput!) {{ assignOrders(input: $input) {{
  route {{ id status stops {{ kind }} }} orders {{ id status }} {PROBLEMS} }} }}
"""
UNASSIGN = f"mutation ($input: UnassignOrdersInput!) {{ unassignOrders(input: $input) {{ orders {{ status }} routes {{ status }} {PROBLEMS} }} }}"
PLAN = """
query ($id: ID!, $routes: Int, $left: Int) { plan(id: $id) {
  id name status version objective failureReason network mapVersion engine createdAt finishedAt
  progress { status phase fraction bestCostMinor routes unassigned failureReason }
  summary { costMinor distanceMeters durationSeconds drivingSeconds routes orders unassigned emissionsGrams loadFactor }
  baseline { costMinor } shifts { id } supersededBy { id }
  unassigned(first: $left) { totalCount pageInfo { hasNextPage endCursor } nodes {
    order { id } reasons { code message shifts { id } vehicles { id name } } } }
  routes(first: $routes) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id status version startsAt path attribution network mapVersion
    plan { id } driver { id name currentRoute { id } } vehicle { id } shift { id } depot { id }
    summary { costMinor orders distanceMeters emissionsGrams loadFactor }
    stops { id sequence kind status coordinates { latitude longitude } plannedArrival plannedServiceStart plannedDeparture
      legPath legMeters legSeconds loadAfter { weightGrams items } locked eta { at stopsBefore lateBySeconds }
      address { formatted } route { id }
      orders { id dropoff { address { formatted } } assignment { assignedAt route { id } stops { kind } driver { id } vehicle { id } } } }
  } }
} }
"""


async def ask(world: Any, query: str, **variables: Any) -> dict[str, Any]:
    """The data; there are no errors."""
    data, errors = await answer(world, query, **variables)
    assert errors is None, errors
    return data


async def answer(world: Any, query: str, **variables: Any) -> tuple[Any, Any]:
    context = Context(world.services, world.principal, "test")
    try:
        result = await SCHEMA.execute(query, variable_values=variables, context_value=context)
    finally:
        await context.finish()
    return result.data, result.errors


COUNTING: ContextVar[list[str] | None] = ContextVar("COUNTING", default=None)
"""Where the tasks that a block starts count their statements."""


@asynccontextmanager
async def counted(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """The statements that the block sends; those of the worker beside it are not counted."""
    sent: list[str] = []
    real = Transaction.fetch

    async def fetch(self: Transaction, sql: str, *arguments: Any) -> Any:
        if COUNTING.get() is sent:
            sent.append(sql)
        return await real(self, sql, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "fetch", fetch)
        mark = COUNTING.set(sent)
        try:
            yield sent
        finally:
            COUNTING.reset(mark)


async def created(world: Any, orders: list[UUID], shifts: list[UUID], **more: Any) -> UUID:
    """A plan made through the API and optimized."""
    payload = (
        await ask(
            world,
            CREATE,
            input={
                "orderIds": [public_id("order", one) for one in orders],
                "shiftIds": [public_id("shift", one) for one in shifts],
                **more,
            },
        )
    )["createPlan"]
    assert payload["problems"] == []
    plan_id = parse_id("plan", payload["plan"]["id"])
    await world.finished(plan_id)
    return plan_id


async def test_the_round_trip(working_world: Any) -> None:
    world = working_world
    orders = await world.add_orders(4)
    huge = (await world.add_orders(1, items=500))[0]
    plan_id = await created(world, [*orders, huge], [await world.add_shift()], name="Noon", objective="DISTANCE")
    identifier = public_id("plan", plan_id)

    plan = (await ask(world, PLAN, id=identifier))["plan"]
    assert (plan["status"], plan["name"], plan["objective"]) == ("PROPOSED", "Noon", "DISTANCE")
    assert plan["progress"] == {
        "status": "PROPOSED", "phase": "DONE", "fraction": 1.0, "bestCostMinor": plan["summary"]["costMinor"],
        "routes": 1, "unassigned": 1, "failureReason": None,
    }  # fmt: skip
    assert plan["unassigned"]["totalCount"] == 1
    left = plan["unassigned"]["nodes"][0]
    assert left["order"]["id"] == public_id("order", huge)
    assert left["reasons"][0]["code"] == "CAPACITY"
    assert [vehicle["name"] for vehicle in left["reasons"][0]["vehicles"]] == ["Vehicle"]
    route = plan["routes"]["nodes"][0]
    assert [stop["kind"] for stop in route["stops"]] == ["DEPOT_START", *["DROPOFF"] * 4, "DEPOT_END"]
    assert route["path"]
    assert route["stops"][0]["address"]["formatted"] == "Street 1, Town"
    assert route["stops"][1]["address"]["formatted"] == "Street 2, Town"
    assert [stop["eta"]["stopsBefore"] for stop in route["stops"]] == [0, 0, 1, 2, 3, 4]
    assert route["stops"][1]["orders"][0]["assignment"] is None

    committed = (await ask(world, COMMIT, input={"planId": identifier}))["commitPlan"]
    assert committed["plan"]["status"] == "COMMITTED"
    dispatched = (await ask(world, DISPATCH, input={"routeId": route["id"]}))["dispatchRoute"]
    assert dispatched["route"]["status"] == "DISPATCHED"

    route = (await ask(world, PLAN, id=identifier))["plan"]["routes"]["nodes"][0]
    assert route["driver"]["currentRoute"]["id"] == route["id"]
    assignment = route["stops"][1]["orders"][0]["assignment"]
    assert assignment["route"]["id"] == route["id"]
    assert [stop["kind"] for stop in assignment["stops"]] == ["DEPOT_START", "DROPOFF"]
    assert route["attribution"] is None, "nobody owns straight lines"
    async with world.writing() as scope:
        await scope.tx.execute("UPDATE routes SET network = 'ENGINE' WHERE tenant_id = $1", scope.tenant_id)
    [on_roads] = (await ask(world, PLAN, id=identifier))["plan"]["routes"]["nodes"]
    assert on_roads["attribution"] == "© OpenStreetMap contributors"
    assert assignment["driver"]["id"] == route["driver"]["id"]
    nodes = await ask(
        world,
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
        ids=[identifier, route["id"], route["stops"][0]["id"]],
    )
    assert [node["__typename"] for node in nodes["nodes"]] == ["Plan", "Route", "Stop"]


async def test_problems_stand_at_their_places_and_a_conflict_shows_the_present_plan(working_world: Any) -> None:
    world = working_world
    bad = (await ask(world, CREATE, input={"orderIds": ["order_nonsense"], "shiftIds": []}))["createPlan"]
    assert bad["plan"] is None
    assert [(one["code"], one["path"]) for one in bad["problems"]] == [("INVALID_ID", ["orderIds", "0"])]
    plan_id = public_id("plan", await created(world, await world.add_orders(1), [await world.add_shift()]))
    conflict = (await ask(world, COMMIT, input={"planId": plan_id, "ifVersion": 1}))["commitPlan"]
    assert [one["code"] for one in conflict["problems"]] == ["CONFLICT"]
    assert conflict["plan"]["status"] == "PROPOSED"


async def test_a_replay_answers_as_the_first_time(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(2), await world.add_shift()
    wanted = {
        "orderIds": [public_id("order", one) for one in orders],
        "shiftId": public_id("shift", shift),
        "idempotencyKey": "till 7, 12:03",
    }
    first = (await ask(world, ASSIGN, input=wanted))["assignOrders"]
    again = (await ask(world, ASSIGN, input=wanted))["assignOrders"]
    assert first["problems"] == again["problems"] == []
    assert first == again
    assert first["route"]["status"] == "DISPATCHED"
    assert [order["status"] for order in first["orders"]] == ["ASSIGNED", "ASSIGNED"]
    without_key = (await ask(world, ASSIGN, input={**wanted, "idempotencyKey": None}))["assignOrders"]
    assert {one["code"] for one in without_key["problems"]} == {"ORDER_TAKEN"}
    off = (await ask(world, UNASSIGN, input={"orderIds": wanted["orderIds"]}))["unassignOrders"]
    assert [order["status"] for order in off["orders"]] == ["PENDING", "PENDING"]
    assert [route["status"] for route in off["routes"]] == ["CANCELLED"]


async def test_the_number_of_statements_does_not_grow_with_the_plan(
    working_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = working_world
    small = await created(world, await world.add_orders(2), [await world.add_shift()])
    shifts = [await world.add_shift(capacity_items=4) for _ in range(4)]
    large = await created(world, [*await world.add_orders(14), *await world.add_orders(3, items=99)], shifts)
    async with counted(monkeypatch) as few:
        await ask(world, PLAN, id=public_id("plan", small))
    async with counted(monkeypatch) as many:
        shown = await ask(world, PLAN, id=public_id("plan", large))
    assert len(shown["plan"]["routes"]["nodes"]) >= 4
    assert len(shown["plan"]["unassigned"]["nodes"]) >= 3
    assert len(many) <= len(few) + 2, "only what the small plan has none of, such as unassigned orders' shifts"


async def test_lists_are_paged_and_filtered(working_world: Any) -> None:
    world = working_world
    shifts = [await world.add_shift(capacity_items=2) for _ in range(3)]
    left = await world.add_orders(3, items=99)
    plan_id = await created(world, [*await world.add_orders(6), *left], shifts)
    query = """query ($id: ID!, $after: Cursor) { plan(id: $id) {
      routes(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { id } }
      unassigned(first: 2) { pageInfo { hasNextPage endCursor } nodes { order { id } } } } }"""
    page = (await ask(world, query, id=public_id("plan", plan_id)))["plan"]
    assert (page["routes"]["totalCount"], page["routes"]["pageInfo"]["hasNextPage"]) == (3, True)
    rest = (await ask(world, query, id=public_id("plan", plan_id), after=page["routes"]["pageInfo"]["endCursor"]))[
        "plan"
    ]
    assert len(rest["routes"]["nodes"]) == 1
    assert rest["routes"]["nodes"][0] not in page["routes"]["nodes"]
    more = await ask(
        world,
        "query ($id: ID!, $after: Cursor) { plan(id: $id) { unassigned(first: 2, after: $after) { nodes { order { id } } } } }",
        id=public_id("plan", plan_id),
        after=page["unassigned"]["pageInfo"]["endCursor"],
    )
    seen = [*page["unassigned"]["nodes"], *more["plan"]["unassigned"]["nodes"]]
    assert {one["order"]["id"] for one in seen} == {public_id("order", one) for one in left}
    lists = await ask(
        world,
        "query ($plan: ID!) { plans(filter: { statuses: [PROPOSED] }) { totalCount nodes { id } } "
        "routes(filter: { planId: $plan, statuses: [DRAFT] }) { totalCount nodes { id } } "
        "none: routes(filter: { statuses: [DISPATCHED] }) { totalCount } }",
        plan=public_id("plan", plan_id),
    )
    assert (lists["plans"]["totalCount"], lists["routes"]["totalCount"], lists["none"]["totalCount"]) == (1, 3, 0)
    _, errors = await answer(world, '{ routes(after: "abc") { nodes { id } } }')
    assert errors is not None


async def test_another_tenant_sees_nothing(working_world: Any, another_world: Any) -> None:
    plan_id = await created(working_world, await working_world.add_orders(1), [await working_world.add_shift()])
    identifier = public_id("plan", plan_id)
    assert (await ask(another_world, "query ($id: ID!) { plan(id: $id) { id } }", id=identifier))["plan"] is None
    refused = (await ask(another_world, COMMIT, input={"planId": identifier}))["commitPlan"]
    assert [one["code"] for one in refused["problems"]] == ["NOT_FOUND"]


async def test_without_the_scope_nothing_is_read_or_written(working_world: Any) -> None:
    world = working_world
    plan_id = public_id("plan", await created(world, await world.add_orders(1), [await world.add_shift()]))
    reader = replace(world, principal=replace(world.principal, permissions=frozenset({Permission.PLANNING_READ})))
    _, errors = await answer(reader, COMMIT, input={"planId": plan_id})
    assert "planning:write" in str(errors[0])
    stranger = replace(world, principal=replace(world.principal, permissions=frozenset({Permission.ORDERS_READ})))
    _, errors = await answer(stranger, "query ($id: ID!) { plan(id: $id) { id } }", id=plan_id)
    assert "planning:read" in str(errors[0])
    data, _ = await answer(stranger, "{ orders { nodes { assignment { route { id } } } } }")
    assert [node["assignment"] for node in data["orders"]["nodes"]] == [None]


async def test_progress_is_told_from_the_start_to_the_end(working_world: Any) -> None:
    world = working_world
    orders, shift = await world.add_orders(10), await world.add_shift()
    payload = await ask(
        world,
        CREATE,
        input={
            "orderIds": [public_id("order", one) for one in orders],
            "shiftIds": [public_id("shift", shift)],
            "optimize": False,
        },
    )
    plan = payload["createPlan"]["plan"]
    context = Context(world.services, world.principal, "test")
    told = []

    async def listen() -> None:
        told.extend([one async for one in stream_progress(context, parse_id("plan", plan["id"]))])

    listening = asyncio.create_task(listen())
    await ask(
        world,
        "mutation ($input: OptimizePlanInput!) { optimizePlan(input: $input) { plan { status } } }",
        input={"planId": plan["id"]},
    )
    await asyncio.wait_for(listening, 30)
    assert told[-1].status == "PROPOSED"
    assert told[-1].fraction == 1.0
    assert [one.fraction for one in told] == sorted(one.fraction for one in told)
    with pytest.raises(NotFound):
        await anext(stream_progress(context, new_id()))


async def test_a_route_is_told_whenever_it_changes(working_world: Any) -> None:
    world = working_world
    plan_id = await created(world, await world.add_orders(2), [await world.add_shift()])
    await ask(world, COMMIT, input={"planId": public_id("plan", plan_id)})
    route_id = await world.value("SELECT id FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id)
    stream = stream_route(Context(world.services, world.principal, "test"), route_id)
    assert (await anext(stream)).status == "COMMITTED"
    await world.do(dispatch_plan, plan_id)
    assert (await asyncio.wait_for(anext(stream), 20)).status == "DISPATCHED"
    await stream.aclose()


async def test_events_show_what_happened(working_world: Any) -> None:
    world = working_world
    plan_id = await created(world, await world.add_orders(1), [await world.add_shift()])
    await ask(world, COMMIT, input={"planId": public_id("plan", plan_id)})
    data = await ask(
        world,
        """query ($plan: ID!) { events(first: 50, filter: { planIds: [$plan] }) { nodes { __typename aggregateVersion
          ... on PlanStatusChanged { from to plan { id status } }
          ... on PlanFinished { status routes assigned unassigned }
          ... on RouteStatusChanged { routeStatusFrom: from routeStatusTo: to driverId route { id } } } } }""",
        plan=public_id("plan", plan_id),
    )
    nodes = data["events"]["nodes"]
    assert [(one["from"], one["to"]) for one in nodes if one["__typename"] == "PlanStatusChanged"] == [
        (None, "DRAFT"),
        ("DRAFT", "OPTIMIZING"),
        ("OPTIMIZING", "PROPOSED"),
        ("PROPOSED", "COMMITTED"),
    ]
    moved = [one for one in nodes if one["__typename"] == "RouteStatusChanged"]
    assert [(one["routeStatusFrom"], one["routeStatusTo"]) for one in moved] == [("DRAFT", "COMMITTED")]
