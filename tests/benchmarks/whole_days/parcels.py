"""A day of parcels (loggibud) through the public API: `python -m tests.benchmarks.whole_days.parcels FILE [--speed 300]`.

A sandbox tenant takes the day's parcels in (`createOrders`), plans them (`createPlan` for the least distance), commits, dispatches, and has robots
drive every route on a clock that runs fast. Ways are great circles (vehicles are drones to Doorstep, at 30 km/h), so that the kilometres stand
beside those that are known for this instance on great circles: loggibud's own figures are kilometres of OSRM on a map of Brazil, which is not here.

Known (notes/geo.md §4, measured by ourselves with plain VROOM at exploration level 5 on the same distances): `cvrp-0-rj-0` 518.0 km on 7 vehicles.
On time is delivered within the day's window, 9 to 18 o'clock.

As measured: see README.md beside this file.
"""

import argparse
import asyncio
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.benchmarks.whole_days.place import Sandbox, own_server, tomorrow

from doorstep.demo.client import RefusedByApi

OPENING, CLOSING = timedelta(hours=9), timedelta(hours=18)
DOOR_SECONDS = 120
SPEED_FACTOR = 0.6
"""Of the 50 km/h at which straight lines are flown."""

SPARE_VEHICLES = 2
BULK = 1000
PLANNING_SECONDS = 600.0

KNOWN_KILOMETERS = {"cvrp-0-rj-0": 518.0}
PLAN = "query ($id: ID!) { plan(id: $id) { status failureReason engine summary { distanceMeters routes unassigned durationSeconds } routes(first: 250) { nodes { id } } } }"
OVER = "{ routes(first: 250) { nodes { status } } }"


@dataclass(frozen=True)
class Parcel:
    """A drop: its place, and how much of a vehicle's capacity it takes."""

    name: str
    latitude: float
    longitude: float
    size: int


@dataclass(frozen=True)
class ParcelDay:
    """An instance."""

    name: str
    depot: tuple[float, float]
    capacity: int
    parcels: Sequence[Parcel]


def read_day(path: Path) -> ParcelDay:
    """An instance of loggibud from its file."""
    told = json.loads(path.read_text())
    parcels = [
        Parcel(f"{number}-{drop['id']}", drop["point"]["lat"], drop["point"]["lng"], drop["size"])
        for number, drop in enumerate(told["deliveries"])  # some ids stand there twice
    ]
    return ParcelDay(told["name"], (told["origin"]["lat"], told["origin"]["lng"]), told["vehicle_capacity"], parcels)


class ParcelService:
    """A day as it is played."""

    def __init__(self, sandbox: Sandbox, day: ParcelDay, *, speed: float) -> None:
        self._sandbox = sandbox
        self._day = day
        self._speed = speed
        self._midnight = tomorrow()

    async def play(self) -> dict[str, float]:
        """The whole day; what came of it."""
        await self._sandbox.set_clock(self._midnight + OPENING - timedelta(hours=1), 1.0)
        depot, shifts = await self._fleet()
        orders = await self._orders(depot)
        started = time.perf_counter()
        plan_id = await self._sandbox.made("createPlan", orderIds=orders, shiftIds=shifts, objective="DISTANCE")
        plan = await self._proposed(plan_id)
        planned = time.perf_counter() - started
        await self._sandbox.do("commitPlan", planId=plan_id)
        routes = [route["id"] for route in plan["routes"]["nodes"]]
        for route_id in routes:
            await self._sandbox.do("dispatchRoute", routeId=route_id)
        await self._sandbox.set_clock(self._midnight + OPENING, self._speed)
        await self._sandbox.send_robots()
        await self._over()
        return await self._figures(orders, plan, planned)

    async def _fleet(self) -> tuple[str, list[str]]:
        latitude, longitude = self._day.depot
        depot = await self._sandbox.made("createDepot", name="Hub", **_spot(latitude, longitude, "Hub"))
        needed = math.ceil(sum(parcel.size for parcel in self._day.parcels) / self._day.capacity)
        times = {name: (self._midnight + at).isoformat() for name, at in (("start", OPENING), ("end", CLOSING))}
        shifts = []
        for number in range(1, needed + SPARE_VEHICLES + 1):
            vehicle = await self._sandbox.made(
                "createVehicle", name=f"Van {number}", kind="DRONE", depotId=depot, speedFactor=SPEED_FACTOR,
                capacity={"items": self._day.capacity},
            )  # fmt: skip
            driver = await self._sandbox.made("createDriver", name=f"Driver {number}")
            shifts.append(
                await self._sandbox.made("createShift", driverId=driver, vehicleId=vehicle, depotId=depot, **times)
            )
        return depot, shifts

    async def _orders(self, depot: str) -> list[str]:
        window = {name: (self._midnight + at).isoformat() for name, at in (("start", OPENING), ("end", CLOSING))}
        ids: list[str] = []
        for first in range(0, len(self._day.parcels), BULK):
            given = [
                {
                    "reference": parcel.name, "depotId": depot, "packages": [{"load": {"items": parcel.size}}],
                    "dropoff": {
                        **_spot(parcel.latitude, parcel.longitude, parcel.name), "windows": [window], "serviceSeconds": DOOR_SECONDS,
                    },
                }
                for parcel in self._day.parcels[first : first + BULK]
            ]  # fmt: skip
            results = (await self._sandbox.do("createOrders", orders=given, policy="REJECT_ALL"))["results"]
            ids += [result["order"]["id"] for result in results if result["order"]]
        return ids

    async def _proposed(self, plan_id: str) -> dict[str, Any]:
        async with asyncio.timeout(PLANNING_SECONDS):
            while True:
                plan: dict[str, Any] = (await self._sandbox.api.ask(PLAN, id=plan_id))["plan"]
                if plan["status"] == "PROPOSED":
                    return plan
                if plan["status"] != "OPTIMIZING":
                    raise RefusedByApi(f"The plan is {plan['status']}: {plan['failureReason']}")
                await asyncio.sleep(0.2)

    async def _over(self) -> None:
        """Until every route is done, or two hours after the shifts have ended."""
        while self._sandbox.now() < self._midnight + CLOSING + timedelta(hours=2):
            routes = (await self._sandbox.api.ask(OVER))["routes"]["nodes"]
            if all(route["status"] == "COMPLETED" for route in routes):
                return
            await asyncio.sleep(0.5)

    async def _figures(self, orders: Sequence[str], plan: dict[str, Any], planned: float) -> dict[str, float]:
        moments = await self._sandbox.moments()
        delivered = [moments[order_id]["DELIVERED"] for order_id in orders if "DELIVERED" in moments.get(order_id, {})]
        kilometers = await self._sandbox.kilometers()
        hours = plan["summary"]["durationSeconds"] / 3600
        return {
            "parcels": len(orders),
            "delivered %": 100 * len(delivered) / max(1, len(orders)),
            "on time %": 100 * sum(at <= self._midnight + CLOSING for at in delivered) / max(1, len(orders)),
            "vehicles": plan["summary"]["routes"],
            "km planned": plan["summary"]["distanceMeters"] / 1000,
            "km driven": kilometers,
            "km per parcel": kilometers / max(1, len(delivered)),
            "parcels per courier-hour": len(delivered) / hours if hours else 0.0,
            "seconds to plan": planned,
        }


def _spot(latitude: float, longitude: float, name: str) -> dict[str, Any]:
    address = {"line1": name[:60], "city": "Rio de Janeiro", "country": "BR", "postalCode": "20040-002", "region": "RJ"}
    return {"address": address, "coordinates": {"latitude": latitude, "longitude": longitude}}


async def main() -> None:
    """Play the day of the command line and print its figures."""
    parser = argparse.ArgumentParser(description="A day of parcels through the public API.")
    parser.add_argument("file", type=Path, help="An instance of loggibud (cvrp-…json).")
    parser.add_argument("--speed", type=float, default=300.0, help="How many times as fast as the wall the day runs.")
    given = parser.parse_args()
    day = read_day(given.file)
    async with own_server() as sandbox:
        figures = await ParcelService(sandbox, day, speed=given.speed).play()
    for name, value in figures.items():
        known = KNOWN_KILOMETERS.get(day.name)
        beside = f"   (plain VROOM, level 5: {known:g})" if name == "km planned" and known else ""
        Console().print(f"{name}: {value:.2f}{beside}", highlight=False)


if __name__ == "__main__":
    asyncio.run(main())
