"""A recipient's side of the tests: the link out of their message, and what stands behind it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from tests.identity.conftest import ADDRESS, POINT, Client
from tests.identity.test_reach import shift_of

SHOWN = """status merchantName timeZone window { start end } expected { start end } stopsBefore failedTries trouble deliveredAt proofs
  vehicle { coordinates { latitude longitude } metersAway } attribution"""
TRACKING = f"query {{ tracking {{ {SHOWN} }} }}"
FOLLOW = f"subscription {{ tracking {{ {SHOWN} }} }}"
LINK = "query($id: ID!) { order(by: { id: $id }) { trackingUrl } }"


async def link(owner: Client, order: str) -> str | None:
    """The page's address, as the owner reads it."""
    found: str | None = (await owner.ask(LINK, id=order))["order"]["trackingUrl"]
    return found


async def recipient(owner: Client, order: str) -> Client:
    """Whoever opens the link."""
    address = await link(owner, order)
    assert address is not None
    parts = urlsplit(address)
    assert (parts.path, parts.query) == ("/track", "")
    assert parts.fragment.startswith("trk_")
    return owner.using(parts.fragment)


async def sees(client: Client) -> dict[str, Any]:
    """What the page shows when it is opened."""
    shown: dict[str, Any] = (await client.ask(TRACKING))["tracking"]
    return shown


async def on_a_route(company: Client, **dropoff: Any) -> dict[str, str]:
    """An order on a dispatched route of its own, and the vehicle that drives it; ``dropoff`` is said of the door."""
    depot = await company.depot()
    shift = await shift_of(company, depot, await company.driver())
    door = {"address": ADDRESS, "coordinates": POINT, **dropoff}
    order = (await company.do("createOrder", "order { id }", dropoff=door, depotId=depot))["order"]["id"]
    shown = "route { id vehicle { id } stops { id } }"
    route = (await company.do("assignOrders", shown, orderIds=[order], shiftId=shift))["route"]
    start, stop, *_ = (one["id"] for one in route["stops"])
    return {"order": order, "route": route["id"], "vehicle": route["vehicle"]["id"], "start": start, "stop": stop}


class Van:
    """The driver's device."""

    def __init__(self, company: Client, route: dict[str, str]) -> None:
        self._company, self._route, self._acts = company, route, 0

    async def act(self, stop: str, *acts: str, **more: Any) -> None:
        """Acts at the stop of this name: start or stop."""
        for what in acts:
            self._acts += 1
            act_id = f"{self._route['route']}-{self._acts}"
            await self._company.do(
                "advanceStop", "__typename", stopId=self._route[stop], act=what, actId=act_id, **more
            )

    async def at(self, latitude: float, longitude: float = 9.521) -> None:
        """Where it is now."""
        position = {
            "vehicleId": self._route["vehicle"],
            "coordinates": {"latitude": latitude, "longitude": longitude},
            "occurredAt": datetime.now(UTC).isoformat(),
        }
        await self._company.do("reportPositions", "results { kept problems { message } }", positions=[position])


class Stream:
    """Server-sent events, one after the other."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def event(self) -> tuple[str, Any]:
        """The next event's name and data."""
        name = ""
        async for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
                return name, orjson.loads(data) if data else None
        raise AssertionError("the stream broke off")

    async def next(self) -> dict[str, Any]:
        """What the next result shows."""
        name, data = await self.event()
        assert name == "next", (name, data)
        shown: dict[str, Any] = data["data"]["tracking"]
        return shown


@asynccontextmanager
async def streaming(client: Client) -> AsyncIterator[Stream]:
    """The subscription as server-sent events."""
    headers = {"authorization": f"Bearer {client.credential}", "accept": "text/event-stream"}
    async with client.http.stream(
        "POST", client.server.graphql_url, json={"query": FOLLOW}, headers=headers, timeout=60
    ) as answer:
        assert answer.status_code == 200
        yield Stream(answer)
