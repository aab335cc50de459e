"""A day that goes wrong: called off before and after loading, not now, nobody at home, and delivered all the same on the next tour, with the same id."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.outsider import Outsider

from doorstep.identity.service import NewTenant, create_key, create_tenant, set_clock, tenant_by_slug
from doorstep.kernel.db import Database, Row
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.kernel.time import Clock
from doorstep.server import Server

MORNING = datetime(2027, 3, 1, 8, tzinfo=UTC)
ADDRESS = {"line1": "Städtle 1", "city": "Vaduz", "postalCode": "9490", "country": "LI"}
PROBLEMS = "problems { code message path }"


def mutation(name: str, selection: str) -> str:
    word = name[0].upper() + name[1:]
    return f"mutation ($input: {word}Input!) {{ {name}(input: $input) {{ {selection} {PROBLEMS} }} }}"


ADVANCE = mutation("advanceStop", "stop { id status } route { status } orders { id status }")
ROUTE = """
query ($id: ID!) { route(id: $id) { status version stops { id kind status orders { id reference } plannedArrival } } }
"""
ORDERS = """
query { orders(first: 50) { nodes {
  id reference status custody attemptNumber statusReason eta { at }
  attempts { number outcome reason } assignment { route { id } }
} } }
"""


class Tour:
    """A shift's orders, assigned without a plan, and the phone that works them at ``clock``."""

    def __init__(self, office: Outsider, route: dict[str, Any]) -> None:
        self.office = office
        self.route_id = route["id"]
        self.acts = 0

    async def stops(self) -> dict[str, dict[str, Any]]:
        """The route's stops, by the order's reference for doors and by kind for the rest."""
        route = (await self.office.ask(ROUTE, id=self.route_id))["route"]
        return {
            stop["orders"][0]["reference"] if stop["kind"] == "DROPOFF" else stop["kind"]: stop
            for stop in route["stops"]
            if stop["kind"] != "DROPOFF" or (stop["orders"] and stop["status"] != "CANCELLED")
        }

    async def act(self, stop: str, *acts: str, **more: Any) -> dict[str, Any]:
        """Some acts at a stop, now; the answer to the last."""
        stop_id = (await self.stops())[stop]["id"]
        answer: dict[str, Any] = {}
        for what in acts:
            self.acts += 1
            details = more if what == acts[-1] else {}
            act_id = f"{self.route_id[-20:]}-{self.acts}"
            answer = await self.office.change(ADVANCE, stopId=stop_id, act=what, actId=act_id, **details)
        return answer


async def eventually(holds: Callable[[], Any], what: str) -> None:
    """Wait for something that the worker brings about."""
    for _ in range(150):
        if await holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"waited in vain until {what}")


async def orders_of(office: Outsider) -> dict[str, dict[str, Any]]:
    return {node["reference"]: node for node in (await office.ask(ORDERS))["orders"]["nodes"]}


async def set_up(office: Outsider) -> tuple[dict[str, str], list[str]]:
    """Four orders and two shifts of one van, one after the other."""
    point = {"latitude": 47.14, "longitude": 9.52}
    created = await office.change(
        mutation("createDepot", "depot { id }"), name="Shop", address=ADDRESS, coordinates=point
    )
    depot = created["depot"]["id"]
    vehicle = await office.change(mutation("createVehicle", "vehicle { id }"), name="Van", kind="VAN", depotId=depot)
    driver = await office.change(mutation("createDriver", "driver { id }"), name="Ada")
    shifts = []
    for start in (1, 8):
        shift = await office.change(
            mutation("createShift", "shift { id }"),
            driverId=driver["driver"]["id"],
            vehicleId=vehicle["vehicle"]["id"],
            depotId=depot,
            start=(MORNING + timedelta(hours=start)).isoformat(),
            end=(MORNING + timedelta(hours=start + 6)).isoformat(),
        )
        shifts.append(shift["shift"]["id"])
    orders = {}
    for number, name in enumerate(("good", "early", "late", "away")):
        place = {"latitude": 47.141 + number / 500, "longitude": 9.521}
        made = await office.change(
            mutation("createOrder", "order { id }"),
            reference=name,
            depotId=depot,
            dropoff={"address": {**ADDRESS, "line1": f"Städtle {number + 2}"}, "coordinates": place},
        )
        orders[name] = made["order"]["id"]
    return orders, shifts


async def test_a_day_that_goes_wrong_ends_well(plain_server: Server, system: Database) -> None:
    await create_tenant(system, NewTenant("shop", "The Shop", "Europe/Vaduz", "LI"))
    tenant = await tenant_by_slug(system, "shop")

    async def at(hours: float) -> Outsider:
        """A program of the shop, at a time of its day."""
        return Outsider(plain_server, await _key_at(system, tenant, hours))

    async with await at(0) as office:
        orders, shifts = await set_up(office)
        assign = mutation("assignOrders", "route { id status }")
        made = await office.change(assign, orderIds=list(orders.values()), shiftId=shifts[0])
        assert made["route"]["status"] == "DISPATCHED"

    async with await at(2) as office:
        tour = Tour(office, made["route"])
        cancel = mutation("cancelOrder", "order { status }")
        called_off = await office.change(cancel, id=orders["early"])
        assert called_off["order"]["status"] == "CANCELLED"

        async def is_off(name: str) -> bool:
            route = (await office.ask(ROUTE, id=tour.route_id))["route"]
            return all(
                stop["status"] == "CANCELLED" or stop["kind"] == "DEPOT_START"
                for stop in route["stops"]
                if any(order["reference"] == name for order in stop["orders"])
            )

        await eventually(lambda: is_off("early"), "the stop of the order that was called off is cancelled")
        await tour.act("DEPOT_START", "COMPLETE")
        loaded = await orders_of(office)
        assert [loaded[name]["status"] for name in orders] == ["PICKED_UP", "CANCELLED", "PICKED_UP", "PICKED_UP"]
        assert loaded["good"]["eta"]

        before = list(await tour.stops())[1:-1]
        await tour.act(before[0], "DEPART", "SKIP")

        async def is_timed_anew() -> bool:
            stops = list((await tour.stops()).values())
            times = [stop["plannedArrival"] for stop in stops if stop["status"] == "PENDING"]
            return stops[-2]["orders"][0]["reference"] == before[0] and times == sorted(times)

        await eventually(is_timed_anew, "the stop that was skipped is planned last")
        await tour.act("good", "DEPART", "ARRIVE", "COMPLETE")
        on_board = await office.change(cancel, id=orders["late"])
        assert on_board["order"]["status"] == "RETURNING"
        await eventually(lambda: is_off("late"), "nobody drives to the door of an order that goes back")
        await tour.act("away", "DEPART", "ARRIVE", "FAIL", reason="NOT_HOME")
        home = await tour.act("DEPOT_END", "DEPART", "ARRIVE", "COMPLETE")
        assert home["route"]["status"] == "COMPLETED"
        evening = await orders_of(office)
        assert [(evening[name]["status"], evening[name]["custody"]) for name in orders] == [
            ("DELIVERED", "RECIPIENT"),
            ("CANCELLED", "DEPOT"),
            ("RETURNED", "DEPOT"),
            ("AWAITING_REATTEMPT", "DEPOT"),
        ]
        assert (evening["away"]["attemptNumber"], evening["away"]["assignment"], evening["away"]["eta"]) == (
            1,
            None,
            None,
        )
        again = await office.change(assign, orderIds=[orders["away"]], shiftId=shifts[1])

    async with await at(9) as office:
        tour = Tour(office, again["route"])
        await tour.act("DEPOT_START", "COMPLETE")
        await tour.act("away", "DEPART", "ARRIVE", "COMPLETE")
        await tour.act("DEPOT_END", "DEPART", "ARRIVE", "COMPLETE")
        delivered = (await orders_of(office))["away"]
        assert (delivered["id"], delivered["status"]) == (orders["away"], "DELIVERED")
        assert [(one["number"], one["outcome"], one["reason"]) for one in delivered["attempts"]] == [
            (1, "FAILED", "NOT_HOME"),
            (2, "DELIVERED", None),
        ]


async def _key_at(system: Database, tenant: Row, hours: float) -> str:
    """A new key, for which the shop's clock shows this many hours after the morning at once."""
    await set_clock(system, tenant, Clock(time.time(), (MORNING + timedelta(hours=hours)).timestamp()))
    _, key = await create_key(system, tenant, f"at {hours}", sorted(ALL_PERMISSIONS))
    return key
