"""Proofs as a robot makes them up: whatever the orders at a door ask for, right in every detail."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.scope import Scope
from doorstep.orders.model import ProofKind
from doorstep.orders.reads import packages_of
from doorstep.tracking.model.proofs import ProofGiven

NOTE = "Handed over by a robot of the sandbox."
RECIPIENT = "Robot recipient"
ANY_BARCODE = "SANDBOX"
"""Scanned where an order asks for a scan though its packages have no barcode."""


async def required_proofs(scope: Scope, orders: Sequence[Row]) -> tuple[ProofGiven, ...]:
    """Every proof that these locked orders ask for."""
    barcodes: dict[UUID, list[str]] = defaultdict(list)
    scanned = [order["id"] for order in orders if ProofKind.BARCODE in order["proof_kinds"]]
    if scanned:
        for package in await packages_of(scope.tx, scope.tenant_id, scanned):
            if package["barcode"] and package["barcode"] not in barcodes[package["order_id"]]:
                barcodes[package["order_id"]].append(package["barcode"])
    return tuple(
        proof
        for order in orders
        for kind in sorted(order["proof_kinds"])
        for proof in _proofs(order, ProofKind(kind), barcodes[order["id"]])
    )


def _proofs(order: Row, kind: ProofKind, barcodes: Sequence[str]) -> list[ProofGiven]:
    order_id = order["id"]
    if kind is ProofKind.BARCODE:
        return [ProofGiven(kind, barcode=one, order_id=order_id) for one in barcodes or [ANY_BARCODE]]
    if kind is ProofKind.PIN:
        return [ProofGiven(kind, pin=order["pin"], order_id=order_id)]
    if kind is ProofKind.LEFT_WITH:
        return [ProofGiven(kind, recipient_name=RECIPIENT, order_id=order_id)]
    return [ProofGiven(kind, note=NOTE, order_id=order_id)]
