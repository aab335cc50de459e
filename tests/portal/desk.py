"""A company in the middle of its day, made through the API, and its backend's hand for what happens while a page is open."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.outsider import Outsider

from doorstep.demo import documents
from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server

EVERYTHING = ("orders:read", "events:read", "planning:read", "fleets:read")
DEPOT = (47.1390, 9.5215)
CREATE_TOKEN = """mutation ($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) { secret accessToken { id } problems { code message path } }
}"""
DISPATCH_ROUTE = """mutation ($input: DispatchRouteInput!) {
  dispatchRoute(input: $input) { driverUrl problems { code message path } }
}"""
REVOKE_TOKEN = """mutation ($input: RevokeAccessTokenInput!) {
  revokeAccessToken(input: $input) { problems { code message path } }
}"""


def waypoint(latitude: float, longitude: float) -> dict[str, Any]:
    return {
        "address": {"line1": "Städtle 49", "city": "Vaduz", "postalCode": "9490", "country": "LI"},
        "coordinates": {"latitude": latitude, "longitude": longitude},
    }


@dataclass(frozen=True)
class Token:
    """An access token for a page."""

    id: str
    secret: str


class Desk:
    """The company's backend."""

    def __init__(self, server: Server, office: Outsider) -> None:
        self.server = server
        self.office = office
        self._acts = 0
        self.links: dict[str, str] = {}
        """The driver's page of each route that was dispatched."""

    @property
    def portal(self) -> str:
        return f"{self.server.url}/portal"

    async def token(self, *scopes: str) -> Token:
        made = await self.office.change(CREATE_TOKEN, scopes=list(scopes or EVERYTHING))
        return Token(made["accessToken"]["id"], made["secret"])

    async def revoke(self, token: Token) -> None:
        await self.office.change(REVOKE_TOKEN, id=token.id)

    async def place(self, *references: str, **more: Any) -> list[str]:
        """Orders around the depot, of one item each; ``more`` is said of each of them, ``dropoff`` beside where it is."""
        door = more.pop("dropoff", {})
        orders = [
            {
                "reference": reference,
                "packages": [{"load": {"items": 1}}],
                **more,
                "dropoff": {
                    **waypoint(DEPOT[0] + 0.004 * (n % 5 - 2), DEPOT[1] + 0.007 * (n // 5) + 0.003 * (n % 2) - 0.004),
                    **door,
                },
            }
            for n, reference in enumerate(references)
        ]
        made = await self.office.change(documents.CREATE_ORDERS, orders=orders)
        assert made["problems"] == []
        return [one["order"]["id"] for one in made["results"]]

    async def dispatch(self, orders: list[str], drivers: list[str]) -> list[dict[str, Any]]:
        """Plan orders for drivers, commit and dispatch; the routes as their drivers see them."""
        home = waypoint(*DEPOT)
        depot = (await self.office.change(documents.CREATE_DEPOT, name="Shop", **home))["depot"]["id"]
        shifts = []
        start = datetime.now(UTC)
        for driver in drivers:
            vehicle = await self.office.change(
                documents.CREATE_VEHICLE, name=f"{driver}'s van", kind="VAN", depotId=depot, capacity={"items": 4}
            )
            person = await self.office.change(documents.CREATE_DRIVER, name=driver)
            shift = await self.office.change(
                documents.CREATE_SHIFT, driverId=person["driver"]["id"], vehicleId=vehicle["vehicle"]["id"], depotId=depot,
                start=start.isoformat(), end=(start + timedelta(hours=6)).isoformat(),
            )  # fmt: skip
            shifts.append(shift["shift"]["id"])
        plan = (await self.office.change(documents.CREATE_PLAN, orderIds=orders, shiftIds=shifts))["plan"]["id"]
        seen = [item["planProgress"]["status"] async for item in self.office.watch(documents.PLAN_PROGRESS, id=plan)]
        assert seen[-1] == "PROPOSED", seen
        await self.office.change(documents.COMMIT_PLAN, planId=plan)
        found = (await self.office.ask(documents.PLAN, id=plan))["plan"]["routes"]["nodes"]
        for route in found:
            dispatched = await self.office.change(DISPATCH_ROUTE, routeId=route["id"])
            self.links[route["id"]] = dispatched["driverUrl"]
        return [(await self.office.ask(documents.ROUTE, id=route["id"]))["route"] for route in found]

    async def act(self, stop: dict[str, Any], *acts: str) -> None:
        """A driver's acts at a stop."""
        for what in acts:
            self._acts += 1
            more = {"reason": "NOT_HOME"} if what == "FAIL" else {}
            await self.office.change(
                documents.ADVANCE_STOP, stopId=stop["id"], act=what, actId=f"act-{self._acts}", **more
            )


async def office_of(server: Server, system: Database) -> Outsider:
    """A tenant of its own and a key that may do everything."""
    await create_tenant(system, NewTenant("corner-shop", "Corner Shop", "Europe/Vaduz", "LI"))
    _, key = await create_key(system, await tenant_by_slug(system, "corner-shop"), "office", sorted(ALL_PERMISSIONS))
    return Outsider(server, key)
