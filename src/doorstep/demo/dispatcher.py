"""Sets a company up and plans its day, all through the public API."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from doorstep.demo import documents
from doorstep.demo.client import ApiClient, RefusedByApi
from doorstep.demo.world import (
    Company,
    depot_input,
    driver_inputs,
    order_inputs,
    shift_times,
    vehicle_inputs,
)
from doorstep.places.map_extract import SampleAddress

Tell = Callable[[str], None]


@dataclass(slots=True)
class CompanyDay:
    """A company's day as it stands: its orders by id, and the routes that robots shall drive."""

    company: Company
    api: ApiClient
    order_ids: list[str] = field(default_factory=list)
    given_ids: set[str] = field(default_factory=set)
    """Those of its orders that a partner carrier brings."""

    route_ids: list[str] = field(default_factory=list)
    vehicle_of: dict[str, str] = field(default_factory=dict)
    driver_of: dict[str, str] = field(default_factory=dict)


async def _fleet(day: CompanyDay, home: SampleAddress) -> tuple[str, list[str], list[str]]:
    """The company's depot, vehicles and drivers; made on the first day."""
    known = await day.api.ask(documents.FLEET)
    if known["depots"]["nodes"]:
        vehicles = [node["id"] for node in known["vehicles"]["nodes"]]
        return known["depots"]["nodes"][0]["id"], vehicles, [node["id"] for node in known["drivers"]["nodes"]]
    depot = (await day.api.do(documents.CREATE_DEPOT, **depot_input(day.company, home)))["depot"]["id"]
    vehicles = [
        (await day.api.do(documents.CREATE_VEHICLE, **vehicle))["vehicle"]["id"]
        for vehicle in vehicle_inputs(day.company, depot)
    ]
    drivers = [
        (await day.api.do(documents.CREATE_DRIVER, **driver))["driver"]["id"] for driver in driver_inputs(day.company)
    ]
    return depot, vehicles, drivers


async def open_day(
    day: CompanyDay, home: SampleAddress, addresses: Sequence[SampleAddress], midnight: datetime, number: int
) -> list[str]:
    """Fleet, shifts and orders of the day; returns the shifts' ids."""
    depot, vehicles, drivers = await _fleet(day, home)
    start, end = shift_times(midnight)
    shifts = []
    for vehicle, driver in zip(vehicles, drivers, strict=True):
        times = {"start": start.isoformat(), "end": end.isoformat()}
        made = await day.api.do(documents.CREATE_SHIFT, driverId=driver, vehicleId=vehicle, depotId=depot, **times)
        shifts.append(made["shift"]["id"])
    orders = order_inputs(day.company, depot, addresses, midnight, number)
    made = await day.api.do(
        documents.CREATE_ORDERS, orders=orders, policy="REJECT_FAILED", idempotencyKey=f"day-{number}"
    )
    day.order_ids = [result["order"]["id"] for result in made["results"] if result["order"]]
    return shifts


async def give_orders(merchant: CompanyDay, carrier: CompanyDay, count: int) -> None:
    """The merchant tenders its first orders to the carrier, which accepts them and has orders of its own for them from then on."""
    known = (await merchant.api.ask(documents.PARTNERS))["partnerships"]["nodes"]
    if known:
        partnership_id = known[0]["id"]
    else:
        token = (await merchant.api.do(documents.INVITE_PARTNER))["token"]
        accepted = await carrier.api.do(documents.ACCEPT_PARTNERSHIP, token=token)
        partnership_id = accepted["partnership"]["id"]
    chosen = merchant.order_ids[:count]
    offer = {"partnershipId": partnership_id, "priceMinor": 650, "deadlineSeconds": 600}
    await merchant.api.do(documents.TENDER_ORDER, orderIds=chosen, offers=[offer])
    offers = (await carrier.api.ask(documents.OFFERS))["tenders"]["nodes"]
    taken = await carrier.api.do(documents.ACCEPT_TENDER, ids=[tender["id"] for tender in offers])
    copies = [result["tender"]["order"]["id"] for result in taken["results"] if result["tender"]]
    merchant.given_ids.update(chosen)
    carrier.order_ids += copies


async def plan_day(day: CompanyDay, shifts: list[str], tell: Tell, progress: Callable[[str], Awaitable[None]]) -> None:
    """Optimize, commit and dispatch the day's orders; what found no place is cancelled with a word to the customer."""
    own = [order_id for order_id in day.order_ids if order_id not in day.given_ids]
    plan_id = (await day.api.do(documents.CREATE_PLAN, orderIds=own, shiftIds=shifts))["plan"]["id"]
    async for item in day.api.watch(documents.PLAN_PROGRESS, id=plan_id):
        await progress(str(item["planProgress"].get("phase") or item["planProgress"]["status"]))
    plan: dict[str, Any] = (await day.api.ask(documents.PLAN, id=plan_id))["plan"]
    if plan["status"] != "PROPOSED":
        raise RefusedByApi(f"{day.company.name}: the plan is {plan['status']}: {plan['failureReason']}")
    await day.api.do(documents.COMMIT_PLAN, planId=plan_id)
    for route in plan["routes"]["nodes"]:
        await day.api.do(documents.DISPATCH_ROUTE, routeId=route["id"])
        day.route_ids.append(route["id"])
        day.vehicle_of[route["id"]] = route["vehicle"]["id"]
        day.driver_of[route["id"]] = route["driver"]["name"]
    left = [unassigned["order"]["id"] for unassigned in plan["unassigned"]["nodes"]]
    for order_id in left:
        await day.api.do(documents.CANCEL_ORDER, id=order_id, reason="CLOSED")
    tell(_summary(day, plan, len(left)))


def _summary(day: CompanyDay, plan: dict[str, Any], left: int) -> str:
    summary, baseline = plan["summary"], plan["baseline"]
    text = f"{day.company.name}: {summary['orders']} orders on {summary['routes']} routes, {summary['distanceMeters'] / 1000:.0f} km"
    if baseline and baseline["distanceMeters"] > summary["distanceMeters"]:
        saved = 1 - summary["distanceMeters"] / baseline["distanceMeters"]
        text += f" ({saved:.0%} less than in the order of arrival)"
    return text + (f"; {left} found no place" if left else "")


async def close_day(day: CompanyDay) -> None:
    """Cancel what came back to the depot, so that every order of the day ends."""
    mine = set(day.order_ids)
    after: str | None = None
    while True:
        page = (await day.api.ask(documents.ORDERS, after=after))["orders"]
        for order in page["nodes"]:
            if order["id"] in mine:
                await day.api.do(documents.CANCEL_ORDER, id=order["id"], reason="CUSTOMER_REQUEST")
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
