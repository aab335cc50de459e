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
