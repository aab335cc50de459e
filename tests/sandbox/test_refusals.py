"""What the sandbox refuses, over HTTP: typed, with its place, and nothing is written."""

from datetime import timedelta

import httpx
import pytest
from tests.sandbox.conftest import Company, Fleet, make_company, make_fleet

from doorstep.identity.model import TenantMode
from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission
from doorstep.sandbox.service import clock as clock_module
from doorstep.server import Server


async def calls_of(company: Company) -> dict[str, dict[str, object]]:
    """Each mutation of the sandbox, with what is in order in a TEST tenant."""
    fleet = await make_fleet(company, timedelta(hours=1))
    order_id = await company.order(depotId=fleet.depot)
    route = await fleet.route([await company.order(depotId=fleet.depot)])
    return {
        "setSandboxClock": {"rate": 60.0},
        "simulateRoute": {"routeId": route["id"]},
        "simulateOrder": {"orderId": order_id},
    }


async def make_live_fleet(live: Company) -> dict[str, dict[str, object]]:
    address = {"line1": "Landstrasse 1", "city": "Triesen"}
    point = {"latitude": 47.13, "longitude": 9.51}
    depot = (await live.do("createDepot", name="Depot", address=address, coordinates=point))["id"]
    return {
        "setSandboxClock": {"rate": 60.0},
        "simulateRoute": {"routeId": public_id("route", new_id())},
        "simulateOrder": {"orderId": await live.order(depotId=depot)},
        "cancelSimulation": {"simulationId": public_id("simulation", new_id())},
    }


async def test_a_live_tenant_is_no_sandbox(live: Company) -> None:
    for mutation, values in (await make_live_fleet(live)).items():
        assert await live.refused(mutation, **values) == [("NOT_A_SANDBOX", "")]
    assert (await live.ask("{ sandboxClock { now } }"))["sandboxClock"] is None


async def test_planted_fault_without_the_door_a_live_tenant_would_be_simulated(
    live: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = await make_live_fleet(live)

    async def any_tenant(tx, tenant_id):  # type: ignore[no-untyped-def]
        return await tx.fetchrow(
            "SELECT clock_anchor_wall, clock_anchor, clock_rate FROM tenants WHERE id = $1", tenant_id
        )

    monkeypatch.setattr(clock_module, "sandbox_clock", any_tenant)
    assert (await live.call("simulateOrder", **calls["simulateOrder"]))["problems"] == []
    # The clock has a second wall: the database's function moves a TEST tenant's alone.
    assert await live.refused("setSandboxClock", rate=60.0) == [("NOT_A_SANDBOX", "")]


async def test_the_scope_is_asked_for(server: Server, sandbox_system: Database) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        permissions = ALL_PERMISSIONS - {Permission.SANDBOX_WRITE}
        company = await make_company(server, http, sandbox_system, TenantMode.TEST, permissions)
        answer = await http.post(
            server.graphql_url,
            json={"query": "mutation { setSandboxClock(input: {rate: 2}) { problems { code } } }"},
            headers={"authorization": f"Bearer {company.key}"},
        )
        assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_right_to_simulate_is_enough_for_a_robot(server: Server, sandbox_system: Database) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        permissions = frozenset({Permission.SANDBOX_WRITE, Permission.ORDERS_WRITE, Permission.PLANNING_READ})
        company = await make_company(server, http, sandbox_system, TenantMode.TEST, permissions)
        assert (await company.do("simulateOrder", orderId=await company.order()))["status"] == "RUNNING"


async def test_values_out_of_bounds(slow: Company) -> None:
    calls = await calls_of(slow)
    now = await slow.now()
    for mutation, more, wanted in (
        ("setSandboxClock", {"rate": None}, ("REQUIRED", "rate")),
        ("setSandboxClock", {"rate": 0.5}, ("INVALID_VALUE", "rate")),
        ("setSandboxClock", {"rate": 1001}, ("INVALID_VALUE", "rate")),
        ("setSandboxClock", {"at": (now - timedelta(seconds=1)).isoformat()}, ("INVALID_VALUE", "at")),
        ("setSandboxClock", {"at": (now + timedelta(days=400)).isoformat()}, ("INVALID_VALUE", "at")),
        ("simulateOrder", {"secondsPerStep": 0}, ("INVALID_VALUE", "secondsPerStep")),
        ("simulateOrder", {"secondsPerStep": 3601}, ("INVALID_VALUE", "secondsPerStep")),
        ("simulateOrder", {"lateByMinutes": 5}, ("INVALID_VALUE", "lateByMinutes")),
        ("simulateOrder", {"outcome": "LATE", "lateByMinutes": 0}, ("INVALID_VALUE", "lateByMinutes")),
        ("simulateOrder", {"orderId": "x"}, ("INVALID_ID", "orderId")),
        ("simulateOrder", {"orderId": public_id("order", new_id())}, ("NOT_FOUND", "orderId")),
        ("simulateRoute", {"routeId": public_id("route", new_id())}, ("NOT_FOUND", "routeId")),
    ):
        assert await slow.refused(mutation, **{**calls[mutation], **more}) == [wanted], (mutation, more)


async def test_outcomes_are_of_the_routes_own_orders_once_each(slow: Company, slow_fleet: Fleet) -> None:
    mine, other = await slow.order(depotId=slow_fleet.depot), await slow.order(depotId=slow_fleet.depot)
    route_id = (await slow_fleet.route([mine]))["id"]
    for ids, place in (([other], 0), ([mine, mine], 1), ([mine, public_id("order", new_id())], 1)):
        outcomes = [{"orderId": one, "outcome": "DELIVERED"} for one in ids]
        code = "INVALID_VALUE" if ids == [mine, mine] else "NOT_FOUND"
        assert await slow.refused("simulateRoute", routeId=route_id, outcomes=outcomes) == [
            (code, f"outcomes.{place}.orderId")
        ]


async def test_one_robot_a_route_and_none_where_nothing_is_to_drive(slow: Company, slow_fleet: Fleet) -> None:
    order_id = await slow.order(depotId=slow_fleet.depot)
    route_id = (await slow_fleet.route([order_id]))["id"]
    started = await slow.do("simulateRoute", routeId=route_id)
    await slow.until(started["id"], lambda shown: shown["nextActAt"] is not None)
    for mutation, values, path in (
        ("simulateRoute", {"routeId": route_id}, "routeId"),
        ("simulateOrder", {"orderId": order_id}, "orderId"),
    ):
        [problem] = (await slow.call(mutation, **values))["problems"]
        assert (problem["code"], problem["path"], problem["existingId"]) == ("IN_USE", [path], started["id"])
    cancelled = await slow.do("cancelSimulation", simulationId=started["id"])
    assert (cancelled["status"], cancelled["route"]["status"]) == ("CANCELLED", "DISPATCHED")
    assert await slow.refused("cancelSimulation", simulationId=started["id"]) == [
        ("ILLEGAL_TRANSITION", "simulationId")
    ]
    again = await slow.do("simulateOrder", orderId=order_id, secondsPerStep=1)
    await slow.do("setSandboxClock", rate=1000.0)
    assert (await slow.over(again["id"]))["route"]["status"] == "COMPLETED"
    assert await slow.refused("simulateRoute", routeId=route_id) == [("ILLEGAL_TRANSITION", "routeId")]
    assert await slow.refused("simulateOrder", orderId=order_id) == [("ILLEGAL_TRANSITION", "orderId")]
