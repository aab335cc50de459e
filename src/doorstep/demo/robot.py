"""A robot driver: works the stops of one route by the company's clock, as a driver's phone would, through the public API."""

import asyncio
import random
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from doorstep.demo import documents
from doorstep.demo.client import ApiClient
from doorstep.demo.world import is_not_home
from doorstep.kernel.geo import Coordinates, point_along
from doorstep.kernel.time import Clock

POSITIONS_PER_LEG = 3


@dataclass(slots=True)
class Robot:
    """One driver on one route."""

    api: ApiClient
    clock: Clock
    route_id: str
    vehicle_id: str

    async def drive(self) -> None:
        """Work every stop, from the depot back to the depot."""
        route = (await self.api.ask(documents.ROUTE, id=self.route_id))["route"]
        dice = random.Random(self.route_id)
        delay = timedelta(0)
        before: dict[str, Any] | None = None
        for stop in route["stops"]:
            arrival = _instant(stop["plannedArrival"])
            departure = _instant(stop["plannedDeparture"])
            if before is not None:
                await self._act(stop, "DEPART")
                await self._travel(before, stop, arrival + delay)
                delay = max(timedelta(0), delay + timedelta(seconds=dice.uniform(-60, 75)))
            await self._until(arrival + delay)
            await self._act(stop, "ARRIVE")
            await self._until(departure + delay)
            await self._close(stop)
            before = stop

    async def _until(self, instant: datetime) -> None:
        await asyncio.sleep(self.clock.wall_delay(instant))

    async def _act(self, stop: dict[str, Any], act: str, **more: Any) -> None:
        now = self.clock.now().isoformat()
        await self.api.do(
            documents.ADVANCE_STOP, stopId=stop["id"], act=act, actId=str(uuid4()), occurredAt=now, **more
        )

    async def _close(self, stop: dict[str, Any]) -> None:
        orders = stop["orders"]
        # A carrier's copy has no reference of its own: its recipients are always at home.
        references = [order["reference"] for order in orders]
        if stop["kind"] == "DROPOFF" and references and all(references) and is_not_home(references[0]):
            await self._act(stop, "FAIL", reason="NOT_HOME")
        else:
            await self._act(stop, "COMPLETE")

    async def _travel(self, before: dict[str, Any], stop: dict[str, Any], arrival: datetime) -> None:
        """Report a few positions on the way, in a straight line between the stops."""
        start, end = before["coordinates"], stop["coordinates"]
        now = self.clock.now()
        if not start or not end or arrival <= now:
            return
        for step in range(1, POSITIONS_PER_LEG + 1):
            share = step / (POSITIONS_PER_LEG + 1)
            await self._until(now + (arrival - now) * share)
            point = point_along([Coordinates(**start), Coordinates(**end)], share)
            position = {
                "vehicleId": self.vehicle_id,
                "coordinates": asdict(point),
                "occurredAt": self.clock.now().isoformat(),
            }
            await self.api.do(documents.REPORT_POSITIONS, positions=[position])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
