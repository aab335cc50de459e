"""Two sandboxes beside each other: another tenant's ids are answered as random ones, wherever the sandbox takes an id.

The walk of tests/isolation has desks of LIVE tenants, where the sandbox refuses everybody: here are the same questions in TEST ones.
"""

import json
from typing import Any

import httpx
import pytest
from tests.isolation.places import id_places
from tests.sandbox.conftest import Company, Fleet, make_company, make_fleet, timedelta

from doorstep.identity.model import TenantMode
from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, public_id
from doorstep.server import Server

PLACES = {
    "Query.simulation(id)",
    "Mutation.cancelSimulation(input.simulationId)",
    "Mutation.simulateOrder(input.orderId)",
    "Mutation.simulateRoute(input.outcomes.orderId)",
    "Mutation.simulateRoute(input.routeId)",
}


async def furnish(company: Company, fleet: Fleet) -> dict[str, str]:
    """A route that waits for a robot, an order, a simulation."""
    on_route = await company.order(depotId=fleet.depot)
    route = await fleet.route([on_route])
    simulation = await company.do("simulateOrder", orderId=await company.order())
    return {"route": route["id"], "order": await company.order(), "on_route": on_route, "simulation": simulation["id"]}


async def ask(company: Company, own: dict[str, str], place: str, identifier: str) -> str:
    """The answer to an id in a place, without the id."""
    answer: Any
    if place == "Query.simulation(id)":
        answer = await company.simulation(identifier)
    elif place == "Mutation.cancelSimulation(input.simulationId)":
        answer = await company.call("cancelSimulation", simulationId=identifier)
    elif place == "Mutation.simulateOrder(input.orderId)":
        answer = await company.call("simulateOrder", orderId=identifier)
    elif place == "Mutation.simulateRoute(input.routeId)":
        answer = await company.call("simulateRoute", routeId=identifier)
    else:
        outcomes = [{"orderId": identifier, "outcome": "DELIVERED"}]
        answer = await company.call("simulateRoute", routeId=own["route"], outcomes=outcomes)
    return json.dumps(answer, sort_keys=True).replace(identifier, "<id>")


def test_every_place_of_the_sandbox_is_here() -> None:
    mine = {str(one) for one in id_places() if "imulat" in one.field and one.field != "simulatePlan"}
    assert mine == PLACES


@pytest.mark.parametrize("place", sorted(PLACES))
async def test_a_foreign_id_is_answered_as_a_random_one(
    slow: Company, slow_fleet: Fleet, server: Server, sandbox_system: Database, place: str
) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        other = await make_company(server, http, sandbox_system, TenantMode.TEST)
        theirs = await furnish(other, await make_fleet(other, timedelta(hours=1)))
    mine = await furnish(slow, slow_fleet)
    kind = "simulation" if "imulation(" in place else "route" if "routeId" in place else "order"
    own = mine["on_route" if "outcomes" in place else kind]
    for foreign in [
        one for name, one in theirs.items() if name.startswith(kind) or (kind == "order" and name == "on_route")
    ]:
        answers = [await ask(slow, mine, place, one) for one in (foreign, public_id(kind, new_id()))]
        assert answers[0] == answers[1]
    assert await ask(slow, mine, place, own) != answers[1], "an own id is answered otherwise"
