"""Reads of tracking that return rows. Every query says whose rows it wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row, Transaction

_ATTEMPT = "id, order_id, stop_id, number, outcome, reason, note, occurred_at"
_PROOF = "id, order_id, stop_id, kind, captured_at, latitude, longitude, distance_from_target_meters, barcode, recipient_name, note"


async def find_act(tx: Transaction, tenant_id: UUID, act_id: str) -> Row | None:
    """The act that was reported under this id, or None."""
    return await tx.fetchrow(
        "SELECT stop_id, fingerprint, outcome FROM stop_acts WHERE tenant_id = $1 AND act_id = $2", tenant_id, act_id
    )


async def attempts_so_far(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many attempts each order has had; orders without any are missing."""
    rows = await tx.fetch(
        "SELECT order_id, max(number) AS attempts FROM attempts WHERE tenant_id = $1 AND order_id = ANY($2) GROUP BY order_id",
        tenant_id,
        list(order_ids),
    )
    return {row["order_id"]: row["attempts"] for row in rows}


async def attempts_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """The orders' attempts, first to last."""
    return await tx.fetch(
        f"SELECT {_ATTEMPT} FROM attempts WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id, number",
        tenant_id,
        list(order_ids),
    )


async def attempts_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Attempts by their ids, in no order."""
    return await tx.fetch(
        f"SELECT {_ATTEMPT} FROM attempts WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids)
    )


async def proofs_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """The orders' proofs, first to last."""
    return await tx.fetch(
        f"SELECT {_PROOF} FROM proofs WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id, captured_at, id",
        tenant_id,
        list(order_ids),
    )


async def proofs_by_ids(tx: Transaction, tenant_id: UUID, ids: Sequence[UUID]) -> list[Row]:
    """Proofs by their ids, in no order."""
    return await tx.fetch(f"SELECT {_PROOF} FROM proofs WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, list(ids))


_POSITION = "vehicle_id, latitude, longitude, occurred_at, recorded_at, heading_degrees, speed_meters_per_second, accuracy_meters"


@dataclass(frozen=True, slots=True)
class PositionQuery:
    """Which newest positions: conditions are joined by AND; what is empty or None does not matter.

    ``box`` is south, west, north, east in degrees; with west beyond east it lies across the 180th meridian.
    """

    vehicle_ids: tuple[UUID, ...] = ()
    depot_ids: tuple[UUID, ...] = ()
    route_id: UUID | None = None
    box: tuple[float, float, float, float] | None = None


async def positions_found(tx: Transaction, tenant_id: UUID, query: PositionQuery) -> list[Row]:
    """The newest positions that the query finds, longest known first."""
    texts = ["tenant_id = $1"]
    values: list[Any] = [tenant_id]

    def given(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    if query.vehicle_ids:
        texts.append(f"vehicle_id = ANY({given(list(query.vehicle_ids))})")
    if query.depot_ids:
        texts.append(
            f"vehicle_id IN (SELECT id FROM vehicles WHERE tenant_id = $1 AND depot_id = ANY({given(list(query.depot_ids))}))"
        )
    if query.route_id is not None:
        texts.append(
            f"vehicle_id IN (SELECT vehicle_id FROM routes WHERE tenant_id = $1 AND id = {given(query.route_id)})"
        )
    if query.box is not None:
        south, west, north, east = query.box
        texts.append(f"latitude BETWEEN {given(south)} AND {given(north)}")
        joined = "AND" if west <= east else "OR"
        texts.append(f"(longitude >= {given(west)} {joined} longitude <= {given(east)})")
    return await tx.fetch(
        f"SELECT {_POSITION} FROM vehicle_positions WHERE {' AND '.join(texts)} ORDER BY recorded_at, vehicle_id",
        *values,
    )


async def positions_of(tx: Transaction, tenant_id: UUID, vehicle_ids: Sequence[UUID]) -> list[Row]:
    """The newest positions of the vehicles that have reported any."""
    return await tx.fetch(
        f"SELECT {_POSITION} FROM vehicle_positions WHERE tenant_id = $1 AND vehicle_id = ANY($2)",
        tenant_id,
        list(vehicle_ids),
    )


async def links_of(tx: Transaction, tenant_id: UUID, order_ids: Sequence[UUID]) -> list[Row]:
    """What is known of the recipients' links to these orders, also where there is none yet; orders whose people were erased have none."""
    return await tx.fetch(
        "SELECT o.id AS order_id, coalesce(link.generation, 0) AS generation, link.hash FROM orders AS o "
        "LEFT JOIN tracking_links AS link ON link.tenant_id = o.tenant_id AND link.order_id = o.id "
        "WHERE o.tenant_id = $1 AND o.id = ANY($2) AND o.erased_at IS NULL",
        tenant_id,
        list(order_ids),
    )


_FOLLOWED = """
SELECT o.status, o.attempt_number, o.eta_at, o.eta_stops_before, tenant.name AS merchant, tenant.time_zone, door.windows, door.latitude, door.longitude,
    tried.outcome AS attempt_outcome, tried.reason AS attempt_reason, tried.occurred_at AS attempt_at,
    ARRAY(SELECT DISTINCT proof.kind FROM proofs AS proof WHERE proof.tenant_id = o.tenant_id AND proof.order_id = o.id) AS proofs,
    way.network, way.latitude AS vehicle_latitude, way.longitude AS vehicle_longitude, way.occurred_at AS vehicle_seen_at
FROM orders AS o
JOIN tenants AS tenant ON tenant.id = o.tenant_id
LEFT JOIN order_waypoints AS door ON door.tenant_id = o.tenant_id AND door.order_id = o.id AND door.role = 'DROPOFF'
LEFT JOIN LATERAL (
    SELECT outcome, reason, occurred_at FROM attempts WHERE tenant_id = o.tenant_id AND order_id = o.id ORDER BY number DESC LIMIT 1
) AS tried ON true
LEFT JOIN LATERAL doorstep_way_to_recipient() AS way ON true
WHERE o.tenant_id = $1 AND o.id = $2
"""


async def order_followed(tx: Transaction, tenant_id: UUID, order_id: UUID) -> Row | None:
    """What a recipient's link shows of the order; read within the reach of that link, since the vehicle is that of the order in reach."""
    return await tx.fetchrow(_FOLLOWED, tenant_id, order_id)
