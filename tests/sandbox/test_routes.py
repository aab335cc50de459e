"""simulateRoute: a route of many orders that end in their own ways, with positions on the way."""

import asyncio
from datetime import datetime, timedelta

from tests.sandbox.conftest import DEPOT, PATIENCE, SHOP, Company, Fleet

PICKUP = {"address": {"line1": "Städtle 1", "city": "Vaduz"}, "coordinates": SHOP}


async def test_a_route_whose_orders_end_in_their_own_ways(company: Company, fleet: Fleet) -> None:
    plain, home, refused, late = [await company.order(depotId=fleet.depot) for _ in range(4)]
    other = await company.order(kind="PICKUP_AND_DELIVERY", pickup=PICKUP, proofRequired={"kinds": ["PIN"]})
    route = await fleet.route([plain, home, refused, late, other])
    outcomes = [
        {"orderId": home, "outcome": "NOT_HOME"},
        {"orderId": refused, "outcome": "REFUSED"},
        {"orderId": late, "outcome": "LATE", "lateByMinutes": 20},
    ]
    started = await company.do("simulateRoute", routeId=route["id"], outcomes=outcomes)
    over = await company.over(started["id"])
    assert (over["status"], over["lastError"], over["route"]["status"]) == ("SUCCEEDED", None, "COMPLETED")
    ends = {name: (await company.statuses(one))[-1] for name, one in
            {"plain": plain, "home": home, "refused": refused, "late": late, "other": other}.items()}  # fmt: skip
    assert ends == {
        "plain": "DELIVERED",
        "home": "AWAITING_REATTEMPT",
        "refused": "RETURNED",
        "late": "DELIVERED",
        "other": "DELIVERED",
    }


async def test_the_vehicle_is_seen_on_its_way(slow: Company, slow_fleet: Fleet) -> None:
    far = {"latitude": 47.24, "longitude": 9.53}
    route = await slow_fleet.route([await slow.order(depotId=slow_fleet.depot, dropoff={"coordinates": far})])
    started = await slow.do("simulateRoute", routeId=route["id"])
    left, arrives = (datetime.fromisoformat(stop["plannedArrival"]) for stop in route["stops"][:2])
    halfway = left + (arrives - left) * 0.6
    await slow.do("setSandboxClock", at=halfway.isoformat())
    async with asyncio.timeout(PATIENCE):
        while not (rows := await slow.rows("SELECT latitude, occurred_at FROM vehicle_positions WHERE tenant_id = $1")):
            await asyncio.sleep(0.05)
    assert (await slow.simulation(started["id"]))["nextActAt"] == route["stops"][1]["plannedArrival"]
    assert DEPOT["latitude"] < rows[0]["latitude"] < far["latitude"]
    assert rows[0]["occurred_at"] <= halfway


async def test_a_committed_route_is_dispatched_and_other_hands_may_help(slow: Company, slow_fleet: Fleet) -> None:
    route = await slow_fleet.route([await slow.order(depotId=slow_fleet.depot)])
    assert (await slow.do("recallRoute", routeId=route["id"]))["status"] == "COMMITTED"
    started = await slow.do("simulateRoute", routeId=route["id"])
    assert started["route"]["status"] == "DISPATCHED"
    await slow.do("advanceStop", stopId=route["stops"][0]["id"], act="COMPLETE", actId="by hand")
    ends = datetime.fromisoformat(route["stops"][-1]["plannedArrival"])
    await slow.do("setSandboxClock", at=(ends + timedelta(hours=1)).isoformat())
    over = await slow.over(started["id"])
    assert (over["status"], over["lastError"], over["route"]["status"]) == ("SUCCEEDED", None, "COMPLETED")


async def test_a_simulation_that_cannot_go_on_says_why(slow: Company, slow_fleet: Fleet) -> None:
    route = await slow_fleet.route([await slow.order(depotId=slow_fleet.depot)])
    started = await slow.do("simulateRoute", routeId=route["id"])
    assert (await slow.do("recallRoute", routeId=route["id"]))["status"] == "COMMITTED"
    await slow.do("setSandboxClock", at=(await slow.now() + timedelta(days=1)).isoformat())
    over = await slow.over(started["id"])
    assert over["status"] == "FAILED"
    assert "COMMITTED" in over["lastError"]
