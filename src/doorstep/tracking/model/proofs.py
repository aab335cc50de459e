"""Which proofs an act shows, for which order, and whether they are right and enough. Pure, no I/O.

- PIN: the order's own; BARCODE: every barcode that its packages have must be scanned (an order that asks for a
  scan though its packages have none takes any);
  NOTE: a note; LEFT_WITH: with whom it was left.
- A proof without an order goes to each order of the act that it fits: a PIN to the orders that have it, a barcode to the order whose package
  bears it, a note and the taker's name to all.
- What is shown must be right at any outcome; what is required must be there before an order is DELIVERED.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.kernel.ids import public_id
from doorstep.kernel.pins import pin_fits
from doorstep.orders.model import ProofKind
from doorstep.tracking.errors import ProofMissing, ProofRejected

MAX_NOTE = 1000
MAX_NAME = 200
MAX_BARCODE = 200


@dataclass(frozen=True, slots=True)
class ProofGiven:
    """A proof as the device sent it; ``order_id`` None: for whichever order of the act it fits."""

    kind: ProofKind
    pin: str | None = None
    barcode: str | None = None
    note: str | None = None
    recipient_name: str | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ProofNeed:
    """What an order asks for, and what its proofs are compared with."""

    order_id: UUID
    kinds: frozenset[ProofKind]
    pin: str | None
    barcodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ProofTaken:
    """A proof that fits an order; a PIN itself is not kept."""

    order_id: UUID
    kind: ProofKind
    barcode: str | None = None
    note: str | None = None
    recipient_name: str | None = None


def check_form(proofs: Sequence[ProofGiven]) -> list[DoorstepError]:
    """The refusals of proofs that lack what their kind is about, or say too much."""
    refusals: list[DoorstepError] = []
    for index, proof in enumerate(proofs):
        field = _FIELDS[proof.kind]
        if not (getattr(proof, field) or "").strip():
            said = f"A proof of kind {proof.kind} needs this field."
            refusals.append(DoorstepError(ProblemCode.REQUIRED, said, ["proofs", index, _CAMEL[field]]))
        for name, most in (("note", MAX_NOTE), ("recipient_name", MAX_NAME), ("barcode", MAX_BARCODE)):
            if len(getattr(proof, name) or "") > most:
                said = f"This is at most {most} characters."
                refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["proofs", index, _CAMEL[name]]))
    return refusals


_FIELDS = {
    ProofKind.PIN: "pin",
    ProofKind.BARCODE: "barcode",
    ProofKind.NOTE: "note",
    ProofKind.LEFT_WITH: "recipient_name",
}
_CAMEL = {"pin": "pin", "barcode": "barcode", "note": "note", "recipient_name": "recipientName"}


def take_proofs(needs: Mapping[UUID, ProofNeed], proofs: Sequence[ProofGiven]) -> list[ProofTaken]:
    """The proofs by order; raises NOT_FOUND for an order that the act is not about and PROOF_REJECTED for a wrong one."""
    taken: list[ProofTaken] = []
    refusals: list[DoorstepError] = []
    for index, proof in enumerate(proofs):
        if proof.order_id is not None and proof.order_id not in needs:
            said = "This act is not about such an order."
            refusals.append(DoorstepError(ProblemCode.NOT_FOUND, said, ["proofs", index, "orderId"]))
            continue
        meant = [needs[proof.order_id]] if proof.order_id is not None else list(needs.values())
        fitting = _fitting(meant, proof)
        if meant and not fitting:
            refusals.append(ProofRejected(_REJECTED[proof.kind], ["proofs", index, _CAMEL[_FIELDS[proof.kind]]]))
        taken += [_taken(need.order_id, proof) for need in fitting]
    if refusals:
        raise Refusals(refusals)
    return taken


_REJECTED = {
    ProofKind.PIN: "This PIN is wrong: ask the recipient again.",
    ProofKind.BARCODE: "This barcode belongs to none of the packages that are handed over here.",
    ProofKind.NOTE: "This note fits no order of this stop.",
    ProofKind.LEFT_WITH: "This fits no order of this stop.",
}


def _fitting(needs: Sequence[ProofNeed], proof: ProofGiven) -> list[ProofNeed]:
    if proof.kind is ProofKind.PIN:
        said = proof.pin or ""
        return [need for need in needs if need.pin is not None and pin_fits(need.pin, said)]
    if proof.kind is ProofKind.BARCODE:
        bearing = [need for need in needs if proof.barcode in need.barcodes]
        return bearing or [need for need in needs if not need.barcodes and ProofKind.BARCODE in need.kinds]
    return list(needs)


def _taken(order_id: UUID, proof: ProofGiven) -> ProofTaken:
    return ProofTaken(
        order_id,
        proof.kind,
        barcode=proof.barcode if proof.kind is ProofKind.BARCODE else None,
        note=proof.note,
        recipient_name=proof.recipient_name,
    )


def require_proofs(needs: Iterable[ProofNeed], taken: Sequence[ProofTaken]) -> None:
    """Pass when every order has every proof that it asks for; else raise PROOF_REQUIRED, one refusal an order, naming what is missing."""
    refusals: list[DoorstepError] = []
    for need in needs:
        missing = _missing(need, [one for one in taken if one.order_id == need.order_id])
        if missing:
            refusals.append(ProofMissing(public_id("order", need.order_id), missing))
    if refusals:
        raise Refusals(refusals)


def _missing(need: ProofNeed, taken: Sequence[ProofTaken]) -> list[str]:
    shown = {one.kind for one in taken}
    missing = [str(kind) for kind in sorted(need.kinds) if kind not in shown]
    if ProofKind.BARCODE in need.kinds & shown:
        unscanned = need.barcodes - {one.barcode for one in taken}
        if unscanned:
            missing.append(f"BARCODE ({len(unscanned)} of {len(need.barcodes)} packages not scanned)")
    return missing
