"""What a driver shows for an outcome, and the attempts that outcomes end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.orders.model import ProofKind
from doorstep.orders.reads import packages_of
from doorstep.tracking.events import ProofCaptured, ProofReported
from doorstep.tracking.model import AttemptOutcome, AttemptRow, FailureReason, ProofRow
from doorstep.tracking.model.proofs import ProofGiven, ProofNeed, require_proofs, take_proofs
from doorstep.tracking.reads import attempts_so_far


async def keep_proofs(
    scope: Scope,
    orders: Sequence[Row],
    proofs: Sequence[ProofGiven],
    stop: Row | None,
    at: datetime,
    coordinates: Coordinates | None,
    *,
    all_required: bool,
) -> None:
    """Write the proofs of an act at ``at`` (UTC) about locked ``orders``; raises PROOF_REJECTED, and with ``all_required`` PROOF_REQUIRED.

    ``stop`` None: it was no stop of ours (a carrier's own dispatch system reports).
    """
    needs = await _needs(scope, orders, proofs)
    taken = take_proofs(needs, proofs)
    if all_required:
        require_proofs(needs.values(), taken)
    distance = _distance(stop, coordinates)
    rows = [
        {
            "tenant_id": scope.tenant_id,
            "id": new_id(),
            "order_id": proof.order_id,
            "stop_id": stop["id"] if stop else None,
            "kind": proof.kind.value,
            "captured_at": at,
            "latitude": coordinates.latitude if coordinates else None,
            "longitude": coordinates.longitude if coordinates else None,
            "distance_from_target_meters": distance,
            "barcode": proof.barcode,
            "recipient_name": proof.recipient_name,
            "note": proof.note,
        }
        for proof in taken
    ]
    await write_proofs(scope, rows, stop["route_id"] if stop else None)


async def write_proofs(scope: Scope, rows: Sequence[Mapping[str, Any]], route_id: UUID | None = None) -> None:
    """Write rows of ``proofs`` and tell of each."""
    await scope.tx.insert(ProofRow, rows)
    for row in rows:
        about: dict[str, Any] = {
            "aggregate_version": 1,
            "order_id": row["order_id"],
            "occurred_at": row["captured_at"],
            "proof_id": row["id"],
            "kind": ProofKind(row["kind"]),
        }
        if row["stop_id"] is None:
            scope.emit(ProofReported(**about))
        else:
            scope.emit(ProofCaptured(**about, route_id=route_id, stop_id=row["stop_id"]))


async def _needs(scope: Scope, orders: Sequence[Row], proofs: Sequence[ProofGiven]) -> dict[UUID, ProofNeed]:
    kinds = {order["id"]: frozenset(map(ProofKind, order["proof_kinds"])) for order in orders}
    barcodes: dict[UUID, set[str]] = defaultdict(set)
    scans = any(proof.kind is ProofKind.BARCODE for proof in proofs)
    if scans or any(ProofKind.BARCODE in asked for asked in kinds.values()):
        for package in await packages_of(scope.tx, scope.tenant_id, list(kinds)):
            if package["barcode"]:
                barcodes[package["order_id"]].add(package["barcode"])
    return {
        order["id"]: ProofNeed(order["id"], kinds[order["id"]], order["pin"], frozenset(barcodes[order["id"]]))
        for order in orders
    }


def _distance(stop: Row | None, coordinates: Coordinates | None) -> float | None:
    """Metres from where the device was to where the stop is, by the great circle."""
    if coordinates is None or stop is None or stop["latitude"] is None or stop["longitude"] is None:
        return None
    return distance_meters(coordinates, Coordinates(stop["latitude"], stop["longitude"]))


async def keep_attempts(
    scope: Scope,
    outcomes: Mapping[UUID, AttemptOutcome],
    stop_id: UUID | None,
    at: datetime,
    reason: FailureReason | None,
    note: str | None,
) -> None:
    """Write how one try of each order ended; attempts of an order are numbered from 1."""
    if not outcomes:
        return
    before = await attempts_so_far(scope.tx, scope.tenant_id, list(outcomes))
    await scope.tx.insert(
        AttemptRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "id": new_id(),
                "order_id": order_id,
                "stop_id": stop_id,
                "number": before.get(order_id, 0) + 1,
                "outcome": outcome.value,
                "reason": reason.value if reason else None,
                "note": note,
                "occurred_at": at,
            }
            for order_id, outcome in outcomes.items()
        ],
    )
