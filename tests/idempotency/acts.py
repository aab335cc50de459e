"""What mutations need to be carried out that no desk has ready: an input, made on the desk just before."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from tests.isolation.desks import FURNISHINGS, Desk, instant
from tests.isolation.furnishings import POINT, new_order
from tests.isolation.partner_furnishings import new_partner

Prepare = Callable[[Desk], Awaitable[dict[str, Any]]]
PREPARED: dict[str, Prepare] = {}
"""Mutation → what goes into its input."""


def prepares(*mutations: str) -> Callable[[Prepare], Prepare]:
    """Register what makes the input of these mutations."""

    def register(prepare: Prepare) -> Prepare:
        PREPARED.update(dict.fromkeys(mutations, prepare))
        return prepare

    return register


async def _fresh(desk: Desk, kind: str) -> str:
    return (await FURNISHINGS[kind](desk))[kind]


async def _crew(desk: Desk) -> dict[str, str]:
    return {
        "driverId": await _fresh(desk, "driver"),
        "vehicleId": await _fresh(desk, "vehicle"),
        "depotId": desk.ids["depot"],
    }


async def _shift(desk: Desk) -> str:
    made = await desk.made("createShift", "shift { id }", **await _crew(desk), start=instant(-1), end=instant(8))
    shift_id: str = made["shift"]["id"]
    return shift_id


async def _route(desk: Desk) -> dict[str, str]:
    order = (await new_order(desk))["id"]
    made = await desk.made("assignOrders", "route { id }", orderIds=[order], shiftId=await _shift(desk))
    return {"order": order, "route": made["route"]["id"]}


@prepares("acceptPartnership")
async def _invitation(desk: Desk) -> dict[str, Any]:
    return {"token": (await (await new_partner(desk)).made("invitePartner", "token"))["token"]}


@prepares("archiveDepot")
async def _depot(desk: Desk) -> dict[str, Any]:
    return {"id": await _fresh(desk, "depot")}


@prepares("archiveDriver")
async def _driver(desk: Desk) -> dict[str, Any]:
    return {"id": await _fresh(desk, "driver")}


@prepares("archiveVehicle")
async def _vehicle(desk: Desk) -> dict[str, Any]:
    return {"id": await _fresh(desk, "vehicle")}


@prepares("archiveShift")
async def _free_shift(desk: Desk) -> dict[str, Any]:
    return {"id": await _shift(desk)}


@prepares("cancelRoute", "recallRoute", "simulateRoute")
async def _dispatched_route(desk: Desk) -> dict[str, Any]:
    return {"routeId": (await _route(desk))["route"]}


@prepares("dispatchRoute")
async def _recalled_route(desk: Desk) -> dict[str, Any]:
    route = (await _route(desk))["route"]
    await desk.made("recallRoute", "route { id }", routeId=route)
    return {"routeId": route}


@prepares("answerDispatchOffer")
async def _offer(desk: Desk) -> dict[str, Any]:
    return {"offerId": await _fresh(desk, "offer")}


@prepares("unassignOrders")
async def _assigned_order(desk: Desk) -> dict[str, Any]:
    return {"orderIds": [(await _route(desk))["order"]]}


@prepares("setStopLocks")
async def _open_stop(desk: Desk) -> dict[str, Any]:
    made = await desk.made(
        "assignOrders",
        "route { stops { id kind } }",
        orderIds=[(await new_order(desk))["id"]],
        shiftId=await _shift(desk),
    )
    return {
        "stopIds": [next(stop["id"] for stop in made["route"]["stops"] if stop["kind"] == "DROPOFF")],
        "locked": True,
    }


@prepares("changeRoute")
async def _order_beside_another(desk: Desk) -> dict[str, Any]:
    route = (await _route(desk))["route"]
    return {"change": {"insert": {"orderId": (await new_order(desk))["id"], "routeId": route}}}


@prepares("replanRoutes")
async def _routes_to_settle(desk: Desk) -> dict[str, Any]:
    return {"replan": {"routes": [{"routeId": (await _route(desk))["route"]}]}}


@prepares("createDepot")
async def _place(_desk: Desk) -> dict[str, Any]:
    return {"coordinates": POINT, "name": f"Depot {uuid4().hex}"}


@prepares("createShift")
async def _free_crew(desk: Desk) -> dict[str, Any]:
    return {**await _crew(desk), "start": instant(1), "end": instant(9)}


@prepares("eraseRecipient")
async def _done_order(desk: Desk) -> dict[str, Any]:
    order = (await new_order(desk))["id"]
    await desk.made("cancelOrder", "order { id }", id=order)
    return {"orderIds": [order]}


@prepares("inviteMember")
async def _member(_desk: Desk) -> dict[str, Any]:
    return {"role": "VIEWER", "email": f"{uuid4().hex}@example.org"}


@prepares("registerDocuments")
async def _documents(_desk: Desk) -> dict[str, Any]:
    return {"documents": [f"query Own{uuid4().hex} {{ viewer {{ scopes }} }}"]}


@prepares("removeDocuments")
async def _registered(desk: Desk) -> dict[str, Any]:
    return {"documentIds": [await _fresh(desk, "document")]}


@prepares("releaseTender")
async def _tender(_desk: Desk) -> dict[str, Any]:
    return {"reason": "NO_CAPACITY"}


@prepares("reportOrder")
async def _first_report(_desk: Desk) -> dict[str, Any]:
    return {"act": "ASSIGN"}


async def _proposed(desk: Desk, *more: str) -> str:
    what = {"orderIds": [(await new_order(desk))["id"], *more], "shiftIds": [await _shift(desk)]}
    plan: str = (await desk.made("createPlan", "plan { id }", **what))["plan"]["id"]
    for _ in range(300):
        found = await desk.read("query($id: ID!) { plan(id: $id) { status } }", id=plan)
        if found["plan"]["status"] == "PROPOSED":
            return plan
        await asyncio.sleep(0.1)
    raise AssertionError("no worker solved the plan")


@prepares("commitPlan")
async def _proposed_plan(desk: Desk) -> dict[str, Any]:
    return {"planId": await _proposed(desk)}


@prepares("explainUnassigned")
async def _left_out(desk: Desk) -> dict[str, Any]:
    order = (await new_order(desk))["id"]
    await desk.made("updateOrder", "order { id }", id=order, requiredSkills=["nobody-has-it"])
    return {"planId": await _proposed(desk, order), "orderIds": [order]}


@prepares("dispatchPlan")
async def _committed_plan(desk: Desk) -> dict[str, Any]:
    plan = await _proposed(desk)
    await desk.made("commitPlan", "plan { id }", planId=plan)
    return {"planId": plan}


NEEDS_A_WORKER = frozenset({"commitPlan", "dispatchPlan", "explainUnassigned"})
"""Their plans are solved while they are prepared."""


@prepares("cancelSimulation")
async def _simulation(desk: Desk) -> dict[str, Any]:
    made = await desk.made("simulateOrder", "simulation { id }", orderId=(await new_order(desk))["id"])
    return {"simulationId": made["simulation"]["id"]}


@prepares("simulateOrder")
async def _order_of_a_sandbox(desk: Desk) -> dict[str, Any]:
    return {"orderId": (await new_order(desk))["id"]}


@prepares("cancelOrder", "setOrderReadiness", "updateOrder")
async def _new_order(desk: Desk) -> dict[str, Any]:
    return {"id": (await new_order(desk))["id"]}


@prepares("createWebhookEndpoint")
async def _address(_desk: Desk) -> dict[str, Any]:
    return {"name": "ours", "url": "https://example.org/"}


@prepares("replayWebhookDeliveries")
async def _whole_log(desk: Desk) -> dict[str, Any]:
    return {"id": await _fresh(desk, "webhook"), "since": instant(-1)}


@prepares("deleteWebhookEndpoint", "rotateWebhookSecret", "testWebhookEndpoint", "pauseWebhookEndpoint")
async def _endpoint(desk: Desk) -> dict[str, Any]:
    return {"id": await _fresh(desk, "webhook")}


@prepares("resumeWebhookEndpoint")
async def _paused_endpoint(desk: Desk) -> dict[str, Any]:
    endpoint = await _fresh(desk, "webhook")
    await desk.made("pauseWebhookEndpoint", "endpoint { id }", id=endpoint)
    return {"id": endpoint}


@prepares("setSandboxClock")
async def _clock(_desk: Desk) -> dict[str, Any]:
    return {"rate": 1.5}


OF_THE_SANDBOX = frozenset({"cancelSimulation", "setSandboxClock", "simulateOrder", "simulateRoute"})
"""Only TEST tenants have them."""
