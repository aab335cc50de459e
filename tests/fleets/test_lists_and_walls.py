from tests.fleets.conftest import Client

from doorstep.identity.service import create_key, list_tenants
from doorstep.kernel.db import Database
from doorstep.kernel.scope import Permission

DEPOT = {
    "name": "Yard",
    "address": {"line1": "Städtle 1", "city": "Vaduz"},
    "coordinates": {"latitude": 47.1, "longitude": 9.5},
}
PAGE = """query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $orderBy: FleetOrdering) {
  drivers(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    nodes { name } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def test_pages_cover_a_list_without_gap_or_repetition(alpha):
    for name in ("d", "b", "a", "b", "c"):
        await alpha.made("createDriver", name=name)

    async def page(**variables):
        return (await alpha.data(PAGE, **variables))["drivers"]

    seen, cursor = [], None
    for _ in range(3):
        found = await page(first=2, after=cursor)
        seen += [node["name"] for node in found["nodes"]]
        cursor = found["pageInfo"]["endCursor"]
    assert seen == ["a", "b", "b", "c", "d"]
    assert found["totalCount"] == 5
    assert not found["pageInfo"]["hasNextPage"]
    back = await page(last=2, before=found["pageInfo"]["startCursor"])
    assert [node["name"] for node in back["nodes"]] == ["b", "c"]
    newest = await page(first=1, orderBy={"field": "CREATED_AT", "direction": "DESC"})
    assert [node["name"] for node in newest["nodes"]] == ["c"]
    foreign = await alpha.ask(PAGE, first=1, after=newest["pageInfo"]["endCursor"])
    assert foreign["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_filters_narrow_a_list(alpha):
    depot = await alpha.made("createDepot", **DEPOT)
    van = await alpha.made("createVehicle", name="van", kind="VAN", depotId=depot, skills=["cooled", "lift"])
    bike = await alpha.made("createVehicle", name="bike", kind="BICYCLE")
    old = await alpha.made("createVehicle", name="old", kind="VAN")
    await alpha.change("archiveVehicle", id=old)
    driver = await alpha.made("createDriver", name="Ada")
    shifts = {
        hour: await alpha.made(
            "createShift",
            driverId=driver,
            depotId=depot,
            start=f"2999-01-01T{hour}:00:00Z",
            end=f"2999-01-01T{hour}:59:00Z",
        )
        for hour in ("08", "10", "12")
    }

    async def vehicles(**filter_) -> list[str]:
        query = "query($filter: VehicleFilter) { vehicles(filter: $filter) { nodes { id } } }"
        return [node["id"] for node in (await alpha.data(query, filter=filter_))["vehicles"]["nodes"]]

    async def shift_hours(**filter_) -> list[str]:
        query = "query($filter: ShiftFilter) { shifts(filter: $filter) { nodes { start } } }"
        return [node["start"][11:13] for node in (await alpha.data(query, filter=filter_))["shifts"]["nodes"]]

    assert await vehicles() == [bike, van]
    assert await vehicles(includeArchived=True) == [bike, old, van]
    assert await vehicles(kinds=["VAN"]) == [van]
    assert await vehicles(depotIds=[depot]) == [van]
    assert await vehicles(skills=["lift"]) == [van]
    assert await vehicles(skills=["lift", "fly"]) == []
    window = {"from": "2999-01-01T08:30:00Z", "to": "2999-01-01T12:00:00Z"}
    assert await shift_hours(**window) == ["08", "10"]
    assert await shift_hours(driverIds=[driver], depotIds=[depot]) == ["08", "10", "12"]
    assert await shift_hours(vehicleIds=[van]) == []
    nested = await alpha.data(
        "query($id: ID!, $from: DateTime!, $to: DateTime!) { driver(id: $id) { shifts(from: $from, to: $to) { id } } }",
        id=driver, **window,
    )  # fmt: skip
    assert [node["id"] for node in nested["driver"]["shifts"]] == [shifts["08"], shifts["10"]]


async def test_another_tenant_s_objects_do_not_exist(alpha, beta, count):
    theirs = {
        "depot": await beta.made("createDepot", **DEPOT),
        "driver": await beta.made("createDriver", name="B"),
        "vehicle": await beta.made("createVehicle", name="B", kind="VAN"),
    }
    theirs["shift"] = await beta.made(
        "createShift", driverId=theirs["driver"], vehicleId=theirs["vehicle"], depotId=theirs["depot"],
        start="2999-01-01T08:00:00Z", end="2999-01-01T16:00:00Z",
    )  # fmt: skip
    mine = {
        "depotId": await alpha.made("createDepot", **DEPOT),
        "driverId": await alpha.made("createDriver", name="A"),
        "vehicleId": await alpha.made("createVehicle", name="A", kind="VAN"),
    }
    events = await count(alpha, "events"), await count(beta, "events")
    for kind, identifier in theirs.items():
        assert (await alpha.data(f"query($id: ID!) {{ {kind}(id: $id) {{ id }} }}", id=identifier))[kind] is None
        assert (await alpha.data("query($id: ID!) { node(id: $id) { id } }", id=identifier))["node"] is None
        word = kind.capitalize()
        change = {"maxStops": 3} if kind == "shift" else {"name": "stolen"}
        assert await alpha.refused(f"update{word}", id=identifier, **change) == [("NOT_FOUND", "id")]
        assert await alpha.refused(f"archive{word}", id=identifier) == [("NOT_FOUND", "id")]
        if kind != "shift":
            fields = mine | {f"{kind}Id": identifier}
            refused = await alpha.refused(
                "createShift", **fields, start="2999-02-01T08:00:00Z", end="2999-02-01T16:00:00Z"
            )
            assert refused == [("NOT_FOUND", f"{kind}Id")]
    assert await alpha.refused("updateVehicle", id=mine["vehicleId"], depotId=theirs["depot"]) == [
        ("NOT_FOUND", "depotId")
    ]
    assert (await alpha.data("{ shifts { totalCount } }"))["shifts"]["totalCount"] == 0
    assert (await count(alpha, "events"), await count(beta, "events")) == events


async def test_scopes_decide(alpha, server, system: Database):
    [tenant] = [row for row in await list_tenants(system) if row["id"] == alpha.tenant_id]
    _, key = await create_key(system, tenant, "reader", [Permission.FLEETS_READ])
    reader = Client(server.graphql_url, key)
    assert (await reader.data("{ depots { totalCount } }"))["depots"] == {"totalCount": 0}
    answer = await reader.ask(
        'mutation { createDriver(input: {name: "X"}) { driver { id } } createDepot(input: {name: "X", address: {line1: "A", city: "B"}}) { depot { id } } }'
    )
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN", "FORBIDDEN"]
    _, key = await create_key(system, tenant, "orders", [Permission.ORDERS_READ])
    stranger = Client(server.graphql_url, key)
    answer = await stranger.ask('{ depots { totalCount } vehicle(id: "vehicle_01jd2n00000000000000000000") { id } }')
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN", "FORBIDDEN"]
    await reader.close()
    await stranger.close()
