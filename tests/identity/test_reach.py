"""Credentials that are limited to depots or to a driver: the rest of the company does not exist for them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.identity.conftest import Client

from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, public_id

ALL = ["orders:write", "fleets:write", "planning:write", "tracking:write", "events:read", "tokens:write"]


async def shift_of(company: Client, depot: str, driver: str) -> str:
    vehicle = (await company.do("createVehicle", "vehicle { id }", name="Van", kind="VAN", depotId=depot))["vehicle"][
        "id"
    ]
    times = {"start": datetime.now(UTC).isoformat(), "end": (datetime.now(UTC) + timedelta(hours=8)).isoformat()}
    made = await company.do("createShift", "shift { id }", driverId=driver, vehicleId=vehicle, depotId=depot, **times)
    shift_id: str = made["shift"]["id"]
    return shift_id


async def routed(company: Client, depot: str, driver: str) -> dict[str, str]:
    """An order on a dispatched route of its own."""
    shift, order = await shift_of(company, depot, driver), await company.order(depot)
    made = await company.do("assignOrders", "route { id version stops { id kind } }", orderIds=[order], shiftId=shift)
    stops = [stop["id"] for stop in made["route"]["stops"]]
    return {"order": order, "shift": shift, "route": made["route"]["id"], "start": stops[0], "stop": stops[1]}


async def seen(client: Client, document: str) -> set[str]:
    """The ids in a list."""
    [page] = (await client.ask(document)).values()
    return {node["id"] for node in page["nodes"]}


async def test_a_till_sees_changes_and_is_streamed_its_shop_alone(company: Client):
    here, there = await company.depot("Here"), await company.depot("There")
    drivers = [await company.driver(), await company.driver()]
    ours, theirs = await routed(company, here, drivers[0]), await routed(company, there, drivers[1])
    till = await company.key(*ALL, depotIds=[here])
    assert (await till.ask("{ viewer { depotIds } }"))["viewer"]["depotIds"] == [here]
    for kind, mine in (
        ("orders", ours["order"]),
        ("depots", here),
        ("drivers", drivers[0]),
        ("shifts", ours["shift"]),
        ("routes", ours["route"]),
    ):
        assert await seen(till, f"{{ {kind} {{ nodes {{ id }} }} }}") == {mine}
    assert len(await seen(till, "{ vehicles { nodes { id } } }")) == 1
    for one in (theirs["order"], there, theirs["route"], theirs["stop"], theirs["shift"], drivers[1]):
        assert (await till.ask("query($id: ID!) { node(id: $id) { id } }", id=one))["node"] is None
    assert await till.refused("cancelOrder", id=theirs["order"]) == [("NOT_FOUND", "id")]
    assert await till.refused("updateOrder", id=await till.order(here), depotId=there) == [("NOT_FOUND", "depotId")]
    socket = await till.socket()
    after = "subscription { events { kind event { ... on OrderPlaced { orderId } ... on DepotUpdated { depotId } } } }"
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": after}}))
    await asyncio.wait_for(socket.recv(), 10)  # CAUGHT_UP
    await company.order(there)
    await company.do("updateDepot", "depot { id }", id=there, name="Elsewhere")
    await company.do(
        "updateVehicle", "__typename", id=(await seen(company, "{ vehicles { nodes { id } } }")).pop(), skills=["x"]
    )
    mine = await till.order(None)  # its only depot is taken
    message = json.loads(await asyncio.wait_for(socket.recv(), 10))
    while "orderId" not in (message["payload"]["data"]["events"]["event"] or {}):
        assert "depotId" not in (message["payload"]["data"]["events"]["event"] or {})
        message = json.loads(await asyncio.wait_for(socket.recv(), 10))
    assert message["payload"]["data"]["events"]["event"]["orderId"] == mine
    await socket.close()


async def test_what_is_about_the_whole_company_is_forbidden_to_a_till(company: Client):
    here = await company.depot()
    till = await company.key(*ALL, "keys:write", "members:read", depotIds=[here])
    assert await till.code("{ apiKeys { nodes { id } } }") == "FORBIDDEN"
    assert await till.code("{ members { nodes { id } } }") == "FORBIDDEN"
    before = await company.written()
    depot = {
        "name": "Mine",
        "address": {"line1": "x 1", "city": "Vaduz"},
        "coordinates": {"latitude": 47.1, "longitude": 9.5},
    }
    make = "mutation($input: CreateDepotInput!) { createDepot(input: $input) { depot { id } problems { code } } }"
    assert await till.code(make, input=depot) == "FORBIDDEN"
    make = 'mutation { createDriver(input: { name: "X" }) { driver { id } } }'
    assert await till.code(make) == "FORBIDDEN"
    assert await company.written() == before


async def test_a_till_of_two_shops_says_which(company: Client):
    depots = [await company.depot(), await company.depot()]
    till = await company.key(*ALL, depotIds=depots)
    stop = {"address": {"line1": "x 1", "city": "Vaduz"}, "coordinates": {"latitude": 47.1, "longitude": 9.5}}
    assert await till.refused("createOrder", dropoff=stop) == [("REQUIRED", "depotId")]
    portal = till.using((await till.do("createAccessToken", "secret", scopes=["orders:read"]))["secret"])
    assert set((await portal.ask("{ viewer { depotIds } }"))["viewer"]["depotIds"]) == set(depots)
    narrow = till.using(
        (await till.do("createAccessToken", "secret", scopes=["orders:read"], depotId=depots[0]))["secret"]
    )
    assert (await narrow.ask("{ viewer { depotIds } }"))["viewer"]["depotIds"] == [depots[0]]


async def test_a_till_makes_tokens_for_members_of_its_own_shop_alone(company: Client):
    here, there = await company.depot(), await company.depot()
    members = []
    for depots in ([here], [there], [here, there], None):
        email = f"{uuid4().hex}@example.org"
        made = await company.do("inviteMember", "member { id }", email=email, name="A", role="VIEWER", depotIds=depots)
        members.append(made["member"]["id"])
    till, token = await company.key(*ALL, depotIds=[here]), {"scopes": ["orders:read"]}
    for stranger in [*members[1:], public_id("member", new_id())]:
        assert await till.refused("createAccessToken", memberId=stranger, **token) == [("NOT_FOUND", "memberId")]
    made = await till.do("createAccessToken", "accessToken { memberId }", memberId=members[0], **token)
    assert made["accessToken"]["memberId"] == members[0]


async def test_a_plan_over_two_shops_is_not_a_till_s(company: Client):
    here, there = await company.depot(), await company.depot()
    shifts = [await shift_of(company, depot, await company.driver()) for depot in (here, there)]
    orders = [await company.order(here), await company.order(there)]
    make = {"optimize": False}
    both = await company.do("createPlan", "plan { id }", orderIds=orders, shiftIds=shifts, **make)
    own = await company.do("createPlan", "plan { id }", orderIds=orders[:1], shiftIds=shifts[:1], **make)
    till = await company.key(*ALL, depotIds=[here])
    assert await seen(till, "{ plans { nodes { id } } }") == {own["plan"]["id"]}
    assert await till.refused("commitPlan", planId=both["plan"]["id"]) == [("NOT_FOUND", "planId")]
    made = await till.do("createPlan", "plan { id }", orderIds=orders[:1], shiftIds=shifts[:1], **make)
    assert made["plan"]["id"] in await seen(till, "{ plans { nodes { id } } }")


async def test_a_driver_sees_their_own_dispatched_route_and_works_it(company: Client):
    depot = await company.depot()
    me, other = await company.driver(), await company.driver()
    mine, theirs = await routed(company, depot, me), await routed(company, depot, other)
    made = await company.do("createDriverToken", "secret accessToken { driverId scopes }", driverId=me)
    phone = company.using(made["secret"])
    assert (await phone.ask("{ viewer { kind driverId } }"))["viewer"] == {"kind": "DRIVER_TOKEN", "driverId": me}
    await company.do("recallRoute", "route { id }", routeId=mine["route"])
    assert await seen(phone, "{ routes { nodes { id } } }") == set()  # planned is not yet dispatched
    await company.do("dispatchRoute", "route { id }", routeId=mine["route"])
    assert await seen(phone, "{ routes { nodes { id } } }") == {mine["route"]}
    assert await seen(phone, "{ orders { nodes { id } } }") == {mine["order"]}
    assert await phone.refused("advanceStop", stopId=theirs["start"], act="COMPLETE", actId="1") == [
        ("NOT_FOUND", "stopId")
    ]
    for number, (stop, act) in enumerate(
        [(mine["start"], "COMPLETE"), (mine["stop"], "DEPART"), (mine["stop"], "ARRIVE"), (mine["stop"], "COMPLETE")]
    ):
        await phone.do("advanceStop", "stop { status }", stopId=stop, act=act, actId=f"a{number}")
    state = "query($id: ID!) { order(by: { id: $id }) { status events { totalCount } } }"
    assert (await company.ask(state, id=mine["order"]))["order"]["status"] == "DELIVERED"
    assert await phone.code("{ drivers { nodes { id } } }") == "FORBIDDEN"


async def test_a_driver_s_failure_before_the_pickup_leaves_no_half_state(company: Client):
    depot, me = await company.depot(), await company.driver()
    shift = await shift_of(company, depot, me)
    end = {"address": {"line1": "x 1", "city": "Vaduz"}, "coordinates": {"latitude": 47.1, "longitude": 9.5}}
    order = await company.order(depot, kind="PICKUP_AND_DELIVERY", pickup=end)
    made = await company.do("assignOrders", "route { id stops { id kind } }", orderIds=[order], shiftId=shift)
    phone = company.using((await company.do("createDriverToken", "secret", driverId=me))["secret"])
    start, pickup = (stop["id"] for stop in made["route"]["stops"][:2])
    await phone.do("advanceStop", "stop { id }", stopId=start, act="COMPLETE", actId="1")
    await phone.do("advanceStop", "stop { id }", stopId=pickup, act="ARRIVE", actId="2")
    await phone.do("advanceStop", "stop { status }", stopId=pickup, act="FAIL", actId="3", reason="CLOSED")
    state = "query($id: ID!) { order(by: { id: $id }) { status } }"
    assert (await company.ask(state, id=order))["order"]["status"] == "PENDING"


async def test_a_stop_is_completed_without_an_arrival_only_where_the_tenant_allows_it(company: Client):
    depot = await company.depot()
    act = {"act": "COMPLETE", "actId": "done"}
    here = await routed(company, depot, await company.driver())
    await company.do("advanceStop", "stop { id }", stopId=here["start"], act="COMPLETE", actId="s")
    await company.do("advanceStop", "stop { id }", stopId=here["stop"], act="DEPART", actId="d")
    assert [code for code, _ in await company.refused("advanceStop", stopId=here["stop"], **act)] == [
        "ILLEGAL_TRANSITION"
    ]
    await company.do("updateTenant", "tenant { id }", policies={"completeWithoutArrival": True})
    await company.do("advanceStop", "stop { status }", stopId=here["stop"], **act)
    moves = "query($id: ID!) { order(by: { id: $id }) { events { nodes { ... on OrderStatusChanged { to } } } } }"
    nodes = (await company.ask(moves, id=here["order"]))["order"]["events"]["nodes"]
    assert [node["to"] for node in nodes if "to" in node][-2:] == ["AT_DROPOFF", "DELIVERED"]


@pytest.mark.parametrize("table", ["orders", "routes"])
async def test_planted_fault_without_the_policy_the_till_would_see_the_other_shop(company: Client, table: str, cluster):
    here, there = await company.depot(), await company.depot()
    await routed(company, here, await company.driver())
    await routed(company, there, await company.driver())
    till = await company.key(*ALL, depotIds=[here])
    document = f"{{ {table} {{ nodes {{ id }} }} }}"
    assert len(await seen(till, document)) == 1
    async with company.system.transaction() as tx:
        name, text = await tx.fetchrow(
            "SELECT current_database(), pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'reach' AND polrelid = $1::regclass",
            table,
        )
    owner = Database(cluster.url("owner", name), pool_size=1)
    try:
        async with owner.transaction() as tx:
            await tx.execute(f"DROP POLICY reach ON {table}")
        assert len(await seen(till, document)) == 2
    finally:
        async with owner.transaction() as tx:
            await tx.execute(f"CREATE POLICY reach ON {table} AS RESTRICTIVE TO doorstep_app USING ({text})")
        await owner.close()
    assert len(await seen(till, document)) == 1
