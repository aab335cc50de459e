"""Which proof fits which order, and what is missing."""

from uuid import UUID

import pytest

from doorstep.kernel.errors import DoorstepError, ProblemCode, all_refusals
from doorstep.kernel.ids import new_id
from doorstep.orders.model import ProofKind
from doorstep.tracking.model.proofs import ProofGiven, ProofNeed, ProofTaken, check_form, require_proofs, take_proofs

A, B = new_id(), new_id()
P = ProofKind


def needs(*found: ProofNeed) -> dict[UUID, ProofNeed]:
    return {one.order_id: one for one in found}


def need(order_id: UUID, *kinds: ProofKind, pin: str | None = None, barcodes: tuple[str, ...] = ()) -> ProofNeed:
    return ProofNeed(order_id, frozenset(kinds), pin, frozenset(barcodes))


def goes_to(wanted: dict[UUID, ProofNeed], proof: ProofGiven) -> list[UUID]:
    return [one.order_id for one in take_proofs(wanted, [proof])]


def test_a_pin_goes_to_the_orders_that_have_it() -> None:
    wanted = needs(need(A, P.PIN, pin="1"), need(B, P.PIN, pin="2"))
    assert goes_to(wanted, ProofGiven(P.PIN, pin="2")) == [B]
    assert goes_to(needs(need(A, pin="1"), need(B, pin="1")), ProofGiven(P.PIN, pin="1")) == [A, B]


def test_a_barcode_goes_to_the_order_whose_package_bears_it_else_to_who_takes_any() -> None:
    wanted = needs(need(A, P.BARCODE, barcodes=("X", "Y")), need(B, P.BARCODE))
    assert goes_to(wanted, ProofGiven(P.BARCODE, barcode="X")) == [A]
    assert goes_to(wanted, ProofGiven(P.BARCODE, barcode="Z")) == [B]


@pytest.mark.parametrize("kind", [P.NOTE, P.LEFT_WITH])
def test_words_go_to_all_orders_or_to_the_one_that_is_named(kind: ProofKind) -> None:
    wanted = needs(need(A), need(B))
    proof = ProofGiven(kind, note="n", recipient_name="r")
    assert goes_to(wanted, proof) == [A, B]
    assert goes_to(wanted, ProofGiven(kind, note="n", recipient_name="r", order_id=B)) == [B]


def test_every_wrong_proof_is_named() -> None:
    wanted = needs(need(A, P.PIN, pin="1"), need(B, P.BARCODE, barcodes=("X",)))
    wrong = [
        ProofGiven(P.PIN, pin="2"),
        ProofGiven(P.PIN, pin="1", order_id=B),
        ProofGiven(P.BARCODE, barcode="Y"),
        ProofGiven(P.NOTE, note="n", order_id=new_id()),
    ]
    with pytest.raises(DoorstepError) as refused:
        take_proofs(wanted, wrong)
    found = [(one.code, one.path) for one in all_refusals(refused.value)]
    assert found == [
        (ProblemCode.PROOF_REJECTED, ["proofs", "0", "pin"]),
        (ProblemCode.PROOF_REJECTED, ["proofs", "1", "pin"]),
        (ProblemCode.PROOF_REJECTED, ["proofs", "2", "barcode"]),
        (ProblemCode.NOT_FOUND, ["proofs", "3", "orderId"]),
    ]


@pytest.mark.parametrize("missing", list(ProofKind))
def test_each_required_kind_is_missed_by_its_name(missing: ProofKind) -> None:
    all_kinds = need(A, *ProofKind, pin="1", barcodes=("X",))
    shown = [ProofTaken(A, kind, barcode="X") for kind in ProofKind]
    require_proofs([all_kinds], shown)
    others = [one for one in shown if one.kind is not missing]
    with pytest.raises(DoorstepError, match=f"needs: {missing}\\.") as refused:
        require_proofs([all_kinds], others)
    assert refused.value.code is ProblemCode.PROOF_REQUIRED


def test_a_proof_of_another_order_does_not_count() -> None:
    with pytest.raises(DoorstepError):
        require_proofs([need(A, P.NOTE)], [ProofTaken(B, P.NOTE, note="n")])


@pytest.mark.parametrize(
    ("proof", "field"),
    [
        (ProofGiven(P.PIN, note="1234"), "pin"),
        (ProofGiven(P.BARCODE, barcode=" "), "barcode"),
        (ProofGiven(P.NOTE, recipient_name="r"), "note"),
        (ProofGiven(P.LEFT_WITH, note="n"), "recipientName"),
    ],
)
def test_a_proof_holds_what_its_kind_is_about(proof: ProofGiven, field: str) -> None:
    assert [(one.code, one.path) for one in check_form([proof])] == [(ProblemCode.REQUIRED, ["proofs", "0", field])]
