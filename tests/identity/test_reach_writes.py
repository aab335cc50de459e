"""Credentials that are limited to depots, an order or a driver change a thing as a whole or not at all, and nothing that others need as well."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.identity.conftest import ADDRESS, POINT, Client
from tests.identity.test_reach import ALL, routed, seen, shift_of

END = {"address": ADDRESS, "coordinates": POINT}
ORDER = "query($id: ID!) { order(by: { id: $id }) { status } }"


def hours(start: int, end: int) -> dict[str, str]:
    """Times of a shift, in hours from now."""
    now = datetime.now(UTC)
    return {"start": (now + timedelta(hours=start)).isoformat(), "end": (now + timedelta(hours=end)).isoformat()}


async def mixed(company: Client, here: str, other: str | None, driver: str) -> dict[str, str]:
    """A dispatched route from ``here`` that also carries an order of another depot, or of none."""
    shift = await shift_of(company, here, driver)
    ours, theirs = await company.order(here), await company.order(other, kind="PICKUP_AND_DELIVERY", pickup=END)
    shown = "route { id stops { id kind } }"
    made = await company.do("assignOrders", shown, orderIds=[ours, theirs], shiftId=shift)
    route = made["route"]
    return {"ours": ours, "theirs": theirs, "shift": shift, "route": route["id"], "start": route["stops"][0]["id"]}


async def test_a_route_with_an_order_out_of_reach_is_out_of_reach_as_a_whole(company: Client):
    here = await company.depot()
    till = await company.key(*ALL, depotIds=[here])
    for other in (None, await company.depot()):
        driver = await company.driver()
        one = await mixed(company, here, other, driver)
        assert (await till.ask("query($id: ID!) { node(id: $id) { id } }", id=one["route"]))["node"] is None
        assert one["route"] not in await seen(till, "{ routes { nodes { id } } }")
        assert await till.refused("cancelRoute", routeId=one["route"]) == [("NOT_FOUND", "routeId")]
        assert await till.refused("recallRoute", routeId=one["route"]) == [("NOT_FOUND", "routeId")]
        act = {"act": "COMPLETE", "actId": "1"}
        assert await till.refused("advanceStop", stopId=one["start"], **act) == [("NOT_FOUND", "stopId")]
        assert await till.refused("unassignOrders", orderIds=[one["ours"]]) == [("ILLEGAL_TRANSITION", "orderIds.0")]
        more = await till.order(here)
        refusal = [("IN_USE", "shiftId")]
        assert await till.refused("assignOrders", orderIds=[more], shiftId=one["shift"]) == refusal
        assert [code for code, _ in await till.refused("archiveShift", id=one["shift"])] == ["IN_USE"]
        plan = {"orderIds": [more], "shiftIds": [one["shift"]], "optimize": False}
        assert await till.refused("createPlan", **plan) == [("IN_USE", "shiftIds.0")]
        phone = till.using((await till.do("createDriverToken", "secret", driverId=driver))["secret"])
        assert await seen(phone, "{ routes { nodes { id } } }") == set()
        assert await phone.refused("advanceStop", stopId=one["start"], **act) == [("NOT_FOUND", "stopId")]
        own = company.using((await company.do("createDriverToken", "secret", driverId=driver))["secret"])
        assert await seen(own, "{ orders { nodes { id } } }") == {one["ours"], one["theirs"]}
        for order in (one["ours"], one["theirs"]):
            assert (await company.ask(ORDER, id=order))["order"]["status"] == "ASSIGNED"
        await company.do("unassignOrders", "__typename", orderIds=[one["theirs"]])
        await till.do("cancelRoute", "route { id }", routeId=one["route"])  # it is the till's own again
        assert (await company.ask(ORDER, id=one["ours"]))["order"]["status"] == "PENDING"


async def test_a_plan_with_an_order_out_of_reach_is_out_of_reach_as_a_whole(company: Client):
    here = await company.depot()
    shift = await shift_of(company, here, await company.driver())
    orders = [await company.order(here), await company.order(None)]
    made = await company.do("createPlan", "plan { id }", orderIds=orders, shiftIds=[shift], optimize=False)
    till = await company.key(*ALL, depotIds=[here])
    assert await seen(till, "{ plans { nodes { id } } }") == set()
    for change in ("commitPlan", "cancelPlan", "optimizePlan"):
        assert await till.refused(change, planId=made["plan"]["id"]) == [("NOT_FOUND", "planId")]


@pytest.mark.parametrize("limit", ["order", "driver"])
async def test_who_is_limited_to_an_order_or_a_driver_writes_no_depot_driver_or_shift(company: Client, limit: str):
    here, driver = await company.depot(), await company.driver()
    one = await routed(company, here, driver)
    if limit == "order":
        scopes = ["orders:write", "fleets:write", "planning:write", "tokens:write"]
        made = await company.do("createAccessToken", "secret", scopes=scopes, orderId=one["order"])
    else:
        made = await company.do("createDriverToken", "secret", driverId=driver)
    holder = company.using(made["secret"])
    before = await company.written()
    for mutation, values in {
        "updateDepot": {"id": here, "name": "Mine"},
        "archiveDepot": {"id": here},
        "updateDriver": {"id": driver, "name": "Mine"},
        "archiveShift": {"id": one["shift"]},
        "cancelRoute": {"routeId": one["route"]},
    }.items():
        kind = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ __typename }} }}"
        assert await holder.code(document, input=values) == "FORBIDDEN", mutation
    assert await company.written() == before
    if limit == "order":
        await holder.do("updateOrder", "order { id }", id=one["order"], reference="mine")


async def shared(company: Client) -> dict[str, Any]:
    """A driver and a vehicle who worked at one depot and will at another, and the first one's till."""
    here, there, driver = await company.depot(), await company.depot(), await company.driver()
    made = await company.do("createVehicle", "vehicle { id }", name="Van", kind="VAN", depotId=here)
    vehicle = made["vehicle"]["id"]
    both = {"driverId": driver, "vehicleId": vehicle}
    past = await company.do("createShift", "shift { id }", depotId=here, **both, **hours(-5, -1))
    coming = await company.do("createShift", "shift { id }", depotId=there, **both, **hours(2, 6))
    till = await company.key(*ALL, depotIds=[here])
    ids = {"past": past["shift"]["id"], "coming": coming["shift"]["id"]}
    return {"here": here, "till": till, **both, **ids}


async def test_a_till_books_nobody_twice_whom_another_shop_has(company: Client):
    one = await shared(company)
    till, both = one["till"], {"driverId": one["driverId"], "vehicleId": one["vehicleId"]}
    wanted = {"depotId": one["here"], **both, **hours(3, 4)}
    said = await till.call("createShift", "__typename", **wanted)
    assert [(each["code"], each["path"], each["existingId"]) for each in said["problems"]] == [
        ("SHIFT_OVERLAP", ["driverId"], None)
    ]
    assert await till.refused("createShift", **wanted) == [("SHIFT_OVERLAP", "driverId")]
    fresh = await till.do("createShift", "shift { id }", **(wanted | hours(7, 8)))  # a time that is free
    assert await till.refused("updateShift", id=fresh["shift"]["id"], **hours(5, 8)) == [("SHIFT_OVERLAP", "driverId")]
    other = await company.driver()
    await company.do("createShift", "shift { id }", depotId=one["here"], driverId=other, **hours(10, 11))
    wanted["driverId"] = other
    assert await till.refused("createShift", **wanted) == [("SHIFT_OVERLAP", "vehicleId")]


async def test_a_till_neither_archives_nor_changes_what_another_shop_needs(company: Client):
    one = await shared(company)
    till = one["till"]
    for mutation, identifier in (("archiveDriver", one["driverId"]), ("archiveVehicle", one["vehicleId"])):
        said = await till.call(mutation, "__typename", id=identifier)
        assert [(each["code"], each["existingId"]) for each in said["problems"]] == [("IN_USE", None)]
        assert await till.refused(mutation, id=identifier) == [("IN_USE", "id")]
    assert await till.refused("updateVehicle", id=one["vehicleId"], capacity={"items": 1}) == [("IN_USE", "id")]
    assert await till.refused("updateDriver", id=one["driverId"], skills=["x"]) == [("IN_USE", "id")]
    await till.do("updateDriver", "driver { id }", id=one["driverId"], name="Bert")
    await company.do("archiveShift", "shift { id }", id=one["coming"])
    await till.do("archiveDriver", "driver { archivedAt }", id=one["driverId"])
