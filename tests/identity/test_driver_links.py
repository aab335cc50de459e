"""dispatchRoute and the link for the driver's phone: whom it lets in, to what, and when there is none."""

from urllib.parse import urlsplit

from tests.identity.conftest import Client
from tests.identity.test_reach import routed

from doorstep.kernel.db import Database

DISPATCHED = "driverUrl route { id status }"


async def recalled(company: Client) -> dict[str, str]:
    mine = await routed(company, await company.depot(), await company.driver())
    await company.do("recallRoute", "route { id }", routeId=mine["route"])
    return mine


def token_of(link: str) -> str:
    parts = urlsplit(link)
    assert (parts.path, parts.query) == ("/driver", "")
    return parts.fragment.removeprefix("token=")


async def test_the_link_lets_the_driver_see_and_work_this_route(company: Client):
    mine, other = await recalled(company), await recalled(company)
    link = (await company.do("dispatchRoute", DISPATCHED, routeId=mine["route"]))["driverUrl"]
    driver = company.using(token_of(link))
    seen = await driver.ask("{ routes { nodes { id } } }")
    assert [one["id"] for one in seen["routes"]["nodes"]] == [mine["route"]]
    assert (await driver.ask("query($id: ID!) { node(id: $id) { id } }", id=other["order"]))["node"] is None
    done = await driver.do("advanceStop", "stop { status }", stopId=mine["start"], act="COMPLETE", actId="a-1")
    assert done["stop"]["status"] == "COMPLETED"


async def test_no_link_for_those_who_may_make_no_tokens_and_none_for_a_refusal(company: Client, system: Database):
    count = "SELECT count(*) FROM access_tokens"
    mine = await recalled(company)
    async with system.transaction() as tx:
        before = await tx.fetchval(count)
    refused = await company.refused("dispatchRoute", routeId=mine["route"], ifVersion=999)
    assert refused[0][0] == "CONFLICT"
    planner = await company.key("planning:write", "orders:write", "fleets:read")
    made = await planner.do("dispatchRoute", DISPATCHED, routeId=mine["route"])
    assert made == {"driverUrl": None, "route": {"id": mine["route"], "status": "DISPATCHED"}, "problems": []}
    async with system.transaction() as tx:
        assert await tx.fetchval(count) == before
