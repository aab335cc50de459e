"""A route in the field: its rows are written directly, so that these tests need neither a solver nor roads."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from doorstep.fleets.model import DepotRow, DriverRow, ShiftRow, VehicleRow
from doorstep.identity.service import NewTenant, create_tenant
from doorstep.kernel.db import Database, Row
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ALL_PERMISSIONS, SYSTEM_ACTOR, Principal
from doorstep.kernel.time import Clock
from doorstep.orders.model import OrderRow, OrderWaypointRow, PackageRow
from doorstep.planning.model import AssignmentRow, RouteRow, StopOrderRow, StopRow
from doorstep.tracking.model import FailureReason, StopAct
from doorstep.tracking.model.proofs import ProofGiven
from doorstep.tracking.service import DriverAct, advance_stop

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)
TABLES = (
    "orders", "stops", "stop_orders", "routes", "assignments", "stop_acts", "attempts", "proofs", "vehicle_positions", "events", "event_heads",
    "idempotency_keys", "jobs",
)  # fmt: skip


def at(minutes: float) -> datetime:
    """So many minutes after nine."""
    return NINE + timedelta(minutes=minutes)


@dataclass
class Goods:
    """An order of a test's route; a pickup stop makes it PICKUP_AND_DELIVERY. ``window`` is in minutes after nine."""

    proof_kinds: Sequence[str] = ()
    pin: str | None = None
    barcodes: Sequence[str] = ()
    window: tuple[float, float] | None = None
    status: str = "ASSIGNED"


@dataclass
class Stop:
    """A stop of a test's route: what happens there to which orders, when the plan has the vehicle come (minutes after nine), for how long."""

    kind: str
    orders: Sequence[str] = ()
    arrival: float = 0
    service: float = 2
    wait: float = 0
    place: tuple[float, float] | None = (47.14, 9.52)


@dataclass
class Field:
    """A tenant with one route, and its driver's device."""

    principal: Principal
    db: Database
    system: Database
    route_id: UUID = field(default_factory=new_id)
    vehicle_id: UUID = field(default_factory=new_id)
    depot_id: UUID = field(default_factory=new_id)
    stops: list[UUID] = field(default_factory=list)
    orders: dict[str, UUID] = field(default_factory=dict)

    async def act(
        self,
        stop: int,
        what: str,
        minutes: float | None = None,
        *,
        act_id: str | None = None,
        reason: str | None = None,
        note: str | None = None,
        orders: Iterable[str] | None = None,
        proofs: Sequence[ProofGiven] = (),
        place: Coordinates | None = None,
        route_version: int | None = None,
        db: Database | None = None,
    ) -> dict[str, Any]:
        """Report an act at a stop of the route (by its place in it) and commit it."""
        report = DriverAct(
            stop_id=self.stops[stop],
            act=StopAct(what),
            act_id=str(uuid4()) if act_id is None else act_id,
            occurred_at=None if minutes is None else at(minutes),
            coordinates=place,
            reason=FailureReason(reason) if reason else FailureReason.NOT_HOME if what == "FAIL" else None,
            note=note,
            order_ids=None if orders is None else tuple(self.orders[name] for name in orders),
            proofs=tuple(proofs),
        )
        async with (db or self.db).write(self.principal) as scope:
            return await advance_stop(scope, report, route_version=route_version)

    async def serve(self, stop: int, minutes: float, what: str = "COMPLETE", **more: Any) -> None:
        """Set off for a stop, arrive, and end it, a minute each."""
        await self.act(stop, "DEPART", minutes)
        await self.act(stop, "ARRIVE", minutes + 1)
        await self.act(stop, what, minutes + 2, **more)

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        """Rows, past row-level security; ``$1`` is the tenant."""
        async with self.system.transaction() as tx:
            rows: list[Row] = await tx.fetch(sql, self.principal.tenant_id, *arguments)
            return rows

    async def order(self, name: str) -> Row:
        """An order's row."""
        return (await self.fetch("SELECT * FROM orders WHERE tenant_id = $1 AND id = $2", self.orders[name]))[0]

    async def statuses(self) -> dict[str, str]:
        """Every order's state."""
        rows = await self.fetch("SELECT id, status FROM orders WHERE tenant_id = $1")
        return {name: row["status"] for name, order_id in self.orders.items() for row in rows if row["id"] == order_id}

    async def stop_statuses(self) -> list[str]:
        """Every stop's state, in the order in which the test named them."""
        rows = await self.fetch("SELECT id, status FROM stops WHERE tenant_id = $1")
        found = {row["id"]: row["status"] for row in rows}
        return [found[stop_id] for stop_id in self.stops]

    async def route(self) -> Row:
        """The route's row."""
        return (await self.fetch("SELECT * FROM routes WHERE tenant_id = $1"))[0]

    async def events(self) -> list[Row]:
        """The whole log."""
        return await self.fetch("SELECT * FROM events WHERE tenant_id = $1 ORDER BY seq")

    async def digest(self) -> dict[str, str | None]:
        """What is written in every table that an act may touch."""
        found: dict[str, str | None] = {}
        async with self.system.transaction() as tx:
            for table in TABLES:
                found[table] = await tx.fetchval(
                    f"SELECT md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {table} AS row WHERE tenant_id = $1",
                    self.principal.tenant_id,
                )
        return found

    @asynccontextmanager
    async def writes_nothing(self) -> AsyncIterator[None]:
        """What happens inside leaves every table as it was."""
        before = await self.digest()
        yield
        assert await self.digest() == before


async def make_principal(system: Database, slug: str, minutes: float = 600) -> Principal:
    """A tenant whose clock shows so many minutes after nine."""
    clock = Clock(anchor_wall=time.time(), anchor=at(minutes).timestamp())
    tenant_id = await create_tenant(system, NewTenant(slug, slug.title(), clock=clock))
    return Principal(tenant_id, SYSTEM_ACTOR, ALL_PERMISSIONS, clock)


async def make_field(
    db: Database, system: Database, stops: Sequence[Stop], goods: Mapping[str, Goods] | None = None, **route: Any
) -> Field:
    """A tenant with a DISPATCHED route of these stops and orders."""
    principal = await make_principal(system, f"t{uuid4().hex[:8]}")
    made = Field(principal, db, system)
    names = dict.fromkeys(name for stop in stops for name in stop.orders)
    made.orders = {name: new_id() for name in names}
    made.stops = [new_id() for _ in stops]
    await _write(made, stops, {name: (goods or {}).get(name, Goods()) for name in names}, route)
    return made


async def _write(made: Field, stops: Sequence[Stop], goods: Mapping[str, Goods], route: Mapping[str, Any]) -> None:
    tenant = {"tenant_id": made.principal.tenant_id}
    address = {"line1": "Städtle 1", "city": "Vaduz", "country": "LI", "formatted": "Städtle 1, Vaduz"}
    fetched = {name for stop in stops if stop.kind == "PICKUP" for name in stop.orders}
    driver_id, shift_id = new_id(), new_id()
    async with made.system.transaction(made.principal.tenant_id) as tx:
        await tx.insert(
            DepotRow,
            [
                {
                    **tenant,
                    "id": made.depot_id,
                    "version": 1,
                    "name": "Depot",
                    **address,
                    "latitude": 47.13,
                    "longitude": 9.51,
                    "time_zone": "UTC",
                }
            ],
        )
        await tx.insert(
            VehicleRow,
            [{**tenant, "id": made.vehicle_id, "version": 1, "name": "Van", "kind": "VAN", "cost_fixed_minor": 0, "cost_per_hour_minor": 0,
              "cost_per_kilometer_minor": 0, "speed_factor": 1.0}],
        )  # fmt: skip
        await tx.insert(DriverRow, [{**tenant, "id": driver_id, "version": 1, "name": "Ada"}])
        await tx.insert(
            ShiftRow,
            [{**tenant, "id": shift_id, "version": 1, "driver_id": driver_id, "vehicle_id": made.vehicle_id, "depot_id": made.depot_id,
              "starts_at": at(-60), "ends_at": at(600), "returns_to_depot": True}],
        )  # fmt: skip
        await tx.insert(OrderRow, [_order(tenant, made, name, one, name in fetched) for name, one in goods.items()])
        await tx.insert(
            OrderWaypointRow,
            [
                {**tenant, "order_id": made.orders[name], "role": role, **address, "latitude": 47.14, "longitude": 9.52,
                 "location_check": "CHECKED", "service_seconds": 120, "windows": _windows(one) if role == "DROPOFF" else []}
                for name, one in goods.items()
                for role in (["PICKUP", "DROPOFF"] if name in fetched else ["DROPOFF"])
            ],
        )  # fmt: skip
        await tx.insert(
            PackageRow,
            [
                {**tenant, "id": new_id(), "order_id": made.orders[name], "position": position, "barcode": barcode,
                 "weight_grams": 0, "volume_cubic_centimeters": 0, "items": 1, "fragile": False}
                for name, one in goods.items()
                for position, barcode in enumerate(one.barcodes)
            ],
        )  # fmt: skip
        await tx.insert(
            RouteRow,
            [{**tenant, "id": made.route_id, "version": 1, "shift_id": shift_id, "driver_id": driver_id, "vehicle_id": made.vehicle_id,
              "depot_id": made.depot_id, "status": "DISPATCHED", "starts_at": at(0), "network": "STRAIGHT", "summary": {}, **route}],
        )  # fmt: skip
        await tx.insert(StopRow, [_stop(tenant, made, index, stop) for index, stop in enumerate(stops)])
        await tx.insert(
            StopOrderRow,
            [
                {**tenant, "stop_id": made.stops[index], "order_id": made.orders[name]}
                for index, stop in enumerate(stops)
                for name in stop.orders
            ],
        )
        await tx.insert(
            AssignmentRow,
            [
                {
                    **tenant,
                    "id": new_id(),
                    "order_id": order_id,
                    "route_id": made.route_id,
                    "active": True,
                    "assigned_at": at(-30),
                }
                for order_id in made.orders.values()
            ],
        )


def _order(tenant: dict[str, Any], made: Field, name: str, goods: Goods, fetched: bool) -> dict[str, Any]:
    return {
        **tenant,
        "id": made.orders[name],
        "version": 1,
        "reference": name,
        "kind": "PICKUP_AND_DELIVERY" if fetched else "DELIVERY",
        "status": goods.status,
        "custody": "SENDER" if fetched else "DEPOT",
        "location_status": "LOCATED",
        "depot_id": None if fetched else made.depot_id,
        "priority": 0,
        "weight_grams": 1000,
        "volume_cubic_centimeters": 1000,
        "items": 1,
        "proof_kinds": list(goods.proof_kinds),
        "pin": goods.pin,
        "attempt_number": 0,
    }


def _windows(goods: Goods) -> list[dict[str, str]]:
    if goods.window is None:
        return []
    return [{"start": at(goods.window[0]).isoformat(), "end": at(goods.window[1]).isoformat()}]


def _stop(tenant: dict[str, Any], made: Field, index: int, stop: Stop) -> dict[str, Any]:
    begins = stop.arrival + stop.wait
    return {
        **tenant,
        "id": made.stops[index],
        "version": 1,
        "route_id": made.route_id,
        "sequence": index,
        "kind": stop.kind,
        "status": "PENDING",
        "depot_id": made.depot_id if stop.kind.startswith("DEPOT") else None,
        "latitude": stop.place[0] if stop.place else None,
        "longitude": stop.place[1] if stop.place else None,
        "planned_arrival": at(stop.arrival),
        "planned_service_start": at(begins),
        "planned_departure": at(begins + stop.service),
        "leg_meters": 1000 if index else 0,
        "leg_seconds": 120 if index else 0,
        "load_after": {"weight_grams": 0, "volume_cubic_centimeters": 0, "items": 0},
        "locked": False,
    }
