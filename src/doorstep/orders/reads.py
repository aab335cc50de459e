"""Reads of orders that return rows: for pages and batches of the API, and for planning. Every query says whose rows it wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.paging import Page, PageRequest, Sort, fetch_page
from doorstep.kernel.tables import one_of
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import (
    FINAL,
    PLANNABLE,
    Custody,
    LocationCheck,
    LocationStatus,
    OrderKind,
    OrderStatus,
    WaypointRole,
    to_be_fetched,
)

COLUMNS = (
    "id, version, reference, display_reference, kind, status, custody, location_status, depot_id, priority, required_skills, vehicle_kinds, "
    "weight_grams, volume_cubic_centimeters, items, compartments, proof_kinds, pin, metadata, attempt_number, status_reason, due_at, due_order, "
    "carrier_reference, given_tender_id, source_tender_id, eta_at, eta_late_by_seconds, eta_stops_before, eta_updated_at, created_at, updated_at, "
    "erased_at, readiness, ready_at"
)

OPEN_END = timedelta(days=366)
"""How long a door without windows stays open for goods that are not ready yet: longer than any plan."""

LIST_NAME = "orders"
_FINAL = one_of("status", sorted(FINAL))


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders: conditions are joined by AND, the values of one by OR; what is empty or None does not matter.

    ``created_*`` and ``due_*`` are UTC instants, from (inclusive) and to (exclusive); an order is due at the end of its last drop-off window.
    """

    ids: tuple[UUID, ...] = ()
    statuses: tuple[OrderStatus, ...] = ()
    kinds: tuple[OrderKind, ...] = ()
    depot_ids: tuple[UUID, ...] = ()
    references: tuple[str, ...] = ()
    display_reference: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    due_from: datetime | None = None
    due_to: datetime | None = None
    location_status: LocationStatus | None = None

    def conditions(self, tenant_id: UUID) -> tuple[list[str], list[Any]]:
        """SQL conditions and their arguments from ``$1`` on; the tenant's is the first."""
        lists: list[tuple[str, list[Any]]] = [
            ("id", list(self.ids)),
            ("status", [status.value for status in self.statuses]),
            ("kind", [kind.value for kind in self.kinds]),
            ("depot_id", list(self.depot_ids)),
            ("reference", list(self.references)),
        ]
        bounds: list[tuple[str, Any]] = [
            ("display_reference =", self.display_reference),
            ("created_at >=", self.created_from),
            ("created_at <", self.created_to),
            ("due_at >=", self.due_from),
            ("due_at <", self.due_to),
            ("location_status =", self.location_status.value if self.location_status else None),
        ]
        # A single value is compared as such: an index then yields its rows in the order of the page.
        given = [(f"{name} =", choices[0]) for name, choices in lists if len(choices) == 1]
        given += [(text, value) for text, value in bounds if value is not None]
        texts = ["tenant_id = $1"]
        values: list[Any] = [tenant_id]
        for text, value in given:
            values.append(value)
            texts.append(f"{text} ${len(values)}")
        for name, choices in lists:
            if len(choices) > 1:
                values.append(choices)
                texts.append(f"{name} = ANY(${len(values)})")
        return texts, values


async def order_page(tx: Transaction, tenant_id: UUID, query: OrderQuery, sort: Sort, request: PageRequest) -> Page:
    """One page of orders in the sort's order."""
    conditions, arguments = query.conditions(tenant_id)
    return await fetch_page(
        tx, LIST_NAME, sort, request, select=f"SELECT {COLUMNS} FROM orders", conditions=conditions, arguments=arguments
    )


async def count_orders(tx: Transaction, tenant_id: UUID, query: OrderQuery) -> int:
    """How many orders the query finds."""
    conditions, arguments = query.conditions(tenant_id)
    return int(await tx.fetchval(f"SELECT count(*) FROM orders WHERE {' AND '.join(conditions)}", *arguments))


async def orders_by_ids(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """The orders' rows, in no order; unknown ids are missing."""
    return await tx.fetch(
        f"SELECT {COLUMNS} FROM orders WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(order_ids)
    )


async def orders_found(
    tx: Transaction, tenant_id: UUID, query: OrderQuery, order_ids: Sequence[UUID]
) -> dict[UUID, Row]:
    """Of these orders' rows those that the query finds."""
    if not order_ids:
        return {}
    conditions, arguments = query.conditions(tenant_id)
    arguments.append(list(order_ids))
    conditions.append(f"id = ANY(${len(arguments)})")
    rows = await tx.fetch(f"SELECT {COLUMNS} FROM orders WHERE {' AND '.join(conditions)}", *arguments)
    return {row["id"]: row for row in rows}


async def last_event_of(tx: Transaction, tenant_id: UUID, order_id: UUID) -> int | None:
    """The number of the last event about an order; None where the log holds none any more."""
    last: int | None = await tx.fetchval(
        "SELECT max(seq) FROM events WHERE tenant_id = $1 AND order_id = $2", tenant_id, order_id
    )
    return last


async def order_ids_by_reference(tx: Transaction, tenant_id: UUID, references: Sequence[str]) -> dict[str, UUID]:
    """The ids of the orders that have these references."""
    rows = await tx.fetch(
        "SELECT id, reference FROM orders WHERE tenant_id = $1 AND reference = ANY($2)", tenant_id, list(references)
    )
    return {row["reference"]: row["id"] for row in rows}


async def order_ids_by_contact(
    tx: Transaction, tenant_id: UUID, phone: str | None, email: str | None, limit: int
) -> list[UUID]:
    """Up to ``limit`` orders that have this telephone number (E.164) or e-mail address at either end. Reads all of the tenant's waypoints."""
    if phone is None and email is None:
        return []
    rows = await tx.fetch(
        "SELECT DISTINCT order_id FROM order_waypoints "
        "WHERE tenant_id = $1 AND (contact_phone = $2 OR lower(contact_email) = lower($3)) ORDER BY order_id LIMIT $4",
        tenant_id,
        phone,
        email,
        limit,
    )
    return [row["order_id"] for row in rows]


async def finished_orders(
    tx: Transaction, tenant_id: UUID, days: int, after: tuple[datetime, UUID] | None, limit: int
) -> list[Row]:
    """Up to ``limit`` final orders (id, updated_at) that have not changed for so many days and are not erased, longest ago first, after a place."""
    at, order_id = after or (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    return await tx.fetch(
        "SELECT id, updated_at FROM orders WHERE tenant_id = $1 AND erased_at IS NULL AND "
        f"{_FINAL} "
        "AND updated_at < now() - make_interval(days => $2) AND (updated_at, id) > ($3, $4) ORDER BY updated_at, id LIMIT $5",
        tenant_id,
        days,
        at,
        order_id,
        limit,
    )


async def waypoints_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """Both ends of the orders, as far as they have them."""
    return await tx.fetch(
        "SELECT order_id, role, line1, line2, city, region, postal_code, country, formatted, latitude, longitude, location_check, "
        "location_reason, road_distance_meters, contact_name, contact_phone, contact_email, windows, service_seconds, instructions, access_code "
        "FROM order_waypoints WHERE tenant_id = $1 AND order_id = ANY($2)",
        tenant_id,
        list(order_ids),
    )


async def packages_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """The orders' packages, in the order in which they were given."""
    return await tx.fetch(
        f"SELECT {_PACKAGE} FROM packages WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id, position",
        tenant_id,
        list(order_ids),
    )


async def packages_by_ids(tx: Transaction, tenant_id: UUID, package_ids: Sequence[UUID]) -> list[Row]:
    """The packages' rows, in no order."""
    return await tx.fetch(
        f"SELECT {_PACKAGE} FROM packages WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(package_ids)
    )


_PACKAGE = (
    "id, order_id, position, barcode, description, weight_grams, volume_cubic_centimeters, items, fragile, compartment"
)


async def usable_depots(tx: Transaction, tenant_id: UUID, depot_ids: Sequence[UUID]) -> dict[UUID, bool]:
    """Of these depots, those that exist, and whether each is still in use (not archived)."""
    if not depot_ids:
        return {}
    rows = await tx.fetch(
        "SELECT id, archived_at IS NULL AS in_use FROM depots WHERE tenant_id = $1 AND id = ANY($2)",
        tenant_id,
        list(depot_ids),
    )
    return {row["id"]: row["in_use"] for row in rows}


_EVENTS = """
SELECT found.*, (SELECT epoch FROM installation) AS epoch
FROM unnest($2::uuid[]) AS wanted(order_id) CROSS JOIN LATERAL (
    SELECT id, seq, recorded_at, type, aggregate_version, order_id, plan_id, route_id, occurred_at, actor_kind, actor_id, data
    FROM events WHERE tenant_id = $1 AND events.order_id = wanted.order_id AND seq > $3 ORDER BY seq LIMIT $4
) AS found ORDER BY found.order_id, found.seq
"""


async def events_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID], after: int, limit: int) -> list[Row]:
    """Up to ``limit`` events of each order after number ``after``, oldest first, as the event log shows them."""
    return await tx.fetch(_EVENTS, tenant_id, list(order_ids), after, limit)


async def count_events_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many events each of these orders has."""
    rows = await tx.fetch(
        "SELECT order_id, count(*) AS events FROM events WHERE tenant_id = $1 AND order_id = ANY($2) GROUP BY order_id",
        tenant_id,
        list(order_ids),
    )
    return {row["order_id"]: row["events"] for row in rows}


# ── for planning ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PlanningPoint:
    """One end of an order as a plan needs it: WGS 84 degrees (None while the order is NEEDS_LOCATION), UTC windows, seconds at the door."""

    latitude: float | None
    longitude: float | None
    windows: list[TimeWindow]
    service_seconds: int
    location_check: LocationCheck


@dataclass(frozen=True, slots=True)
class PlanningOrder:
    """An order as a plan needs it; ``load`` is grams, cubic centimetres, items,
    ``compartments`` what of it must travel in each. ``pickup`` None: loaded at the depot, which has the goods."""

    id: UUID
    version: int
    status: OrderStatus
    custody: Custody
    kind: OrderKind
    depot_id: UUID | None
    priority: int
    load: tuple[int, int, int]
    skills: frozenset[str]
    vehicle_kinds: frozenset[str]
    location_status: LocationStatus
    pickup: PlanningPoint | None
    dropoff: PlanningPoint
    due_at: datetime | None = field(default=None)
    compartments: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


async def orders_for_planning(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[PlanningOrder]:
    """The orders with their ends, sorted by id, in two statements; unknown ids are missing."""
    orders = sorted(await orders_by_ids(tx, tenant_id, order_ids), key=lambda row: str(row["id"]))
    points = {
        (row["order_id"], row["role"]): _planning_point(row) for row in await waypoints_of(tx, tenant_id, order_ids)
    }
    return [
        PlanningOrder(
            id=row["id"],
            version=row["version"],
            status=OrderStatus(row["status"]),
            custody=Custody(row["custody"]),
            kind=OrderKind(row["kind"]),
            depot_id=row["depot_id"],
            priority=row["priority"],
            load=(row["weight_grams"], row["volume_cubic_centimeters"], row["items"]),
            skills=frozenset(row["required_skills"]),
            vehicle_kinds=frozenset(row["vehicle_kinds"]),
            location_status=LocationStatus(row["location_status"]),
            pickup=_once_ready(points[row["id"], WaypointRole.PICKUP.value], row["ready_at"])
            if to_be_fetched(OrderKind(row["kind"]), Custody(row["custody"]))
            else None,
            dropoff=_once_ready(points[row["id"], WaypointRole.DROPOFF.value], row["ready_at"]),
            due_at=row["due_at"],
            compartments=compartments_of(row),
        )
        for row in orders
    ]


def compartments_of(order: Row) -> dict[str, tuple[int, int, int]]:
    """What of an order's load must travel in each compartment: grams, cubic centimetres, items."""
    return {name: (part[0], part[1], part[2]) for name, part in order["compartments"].items()}


def _planning_point(row: Row) -> PlanningPoint:
    return PlanningPoint(
        latitude=row["latitude"],
        longitude=row["longitude"],
        windows=windows_of(row),
        service_seconds=row["service_seconds"],
        location_check=LocationCheck(row["location_check"]),
    )


def _once_ready(point: PlanningPoint, ready_at: datetime | None) -> PlanningPoint:
    """The point without the times before the goods are ready; where that leaves none, the first moment that they are."""
    if ready_at is None:
        return point
    windows = [TimeWindow(max(one.start, ready_at), one.end) for one in point.windows if one.end >= ready_at]
    if point.windows and not windows:
        windows = [TimeWindow(ready_at, ready_at)]
    return replace(point, windows=windows or [TimeWindow(ready_at, ready_at + OPEN_END)])


def windows_of(waypoint: Row) -> list[TimeWindow]:
    """A waypoint's windows as UTC instants."""
    return [
        TimeWindow(datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"]))
        for window in waypoint["windows"]
    ]


async def orders_to_dispatch(tx: Transaction, tenant_id: UUID, ready_before: datetime, limit: int) -> list[UUID]:
    """Ids of plannable orders with a place whose goods will be ready by then, the most urgent first; NOT_READY without a time waits for a word."""
    rows = await tx.fetch(
        "SELECT id FROM orders WHERE tenant_id = $1 AND status = ANY($2) AND given_tender_id IS NULL AND location_status = 'LOCATED' "
        "AND erased_at IS NULL AND coalesce(ready_at <= $3, readiness <> 'NOT_READY') ORDER BY priority DESC, due_order, id LIMIT $4",
        tenant_id,
        [status.value for status in PLANNABLE],
        ready_before,
        limit,
    )
    return [row["id"] for row in rows]


async def find_plannable(tx: Transaction, tenant_id: UUID, query: OrderQuery, limit: int) -> list[UUID]:
    """Ids of orders that a plan may take (PENDING, AWAITING_REATTEMPT), soonest due first; NEEDS_LOCATION ones are among them.

    Those stay unassigned in the plan with that reason, which a plan that left them out could not say.
    """
    conditions, arguments = query.conditions(tenant_id)
    arguments.append([status.value for status in PLANNABLE])
    conditions += [f"status = ANY(${len(arguments)})", "given_tender_id IS NULL"]
    rows = await tx.fetch(
        f"SELECT id FROM orders WHERE {' AND '.join(conditions)} ORDER BY due_order, id LIMIT {int(limit)}", *arguments
    )
    return [row["id"] for row in rows]
