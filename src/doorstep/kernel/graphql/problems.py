"""``Problem``: a refusal as data, and the base of every mutation's payload."""

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

import strawberry

from doorstep.kernel.errors import DoorstepError, ProblemCode, all_refusals
from doorstep.kernel.graphql.enums import show_enum

show_enum(
    ProblemCode,
    "Why a mutation, or one of its items, was refused.",
    {
        ProblemCode.NOT_FOUND: "This tenant has no such object.",
        ProblemCode.INVALID_ID: "The text is not an id of the wanted type.",
        ProblemCode.INVALID_VALUE: "The value breaks a rule that the message states.",
        ProblemCode.INVALID_WINDOW: "The window ends before it starts, or lies where it may not.",
        ProblemCode.INVALID_COORDINATES: "The point is not on the globe.",
        ProblemCode.INVALID_ADDRESS: "The address is incomplete, contradicts its country's rules, or cannot be found where a point is needed.",
        ProblemCode.INVALID_PHONE: "This is no telephone number of the address's country.",
        ProblemCode.INVALID_EMAIL: "This is no e-mail address.",
        ProblemCode.REQUIRED: "Something is missing that this input needs.",
        ProblemCode.TOO_MANY_ITEMS: "The list is longer than it may be.",
        ProblemCode.DUPLICATE_REFERENCE: "Another order has this reference; `existingId` names it.",
        ProblemCode.CONFLICT: "`ifVersion` is not the present version; the payload shows the present object.",
        ProblemCode.ILLEGAL_TRANSITION: "The object's state does not allow this; the message names the states that follow.",
        ProblemCode.OFF_ROAD: "The point is too far from any road.",
        ProblemCode.PROOF_REQUIRED: "A proof is missing that the order asks for.",
        ProblemCode.PROOF_REJECTED: "A proof does not fit: a wrong PIN, an unknown barcode.",
        ProblemCode.SHIFT_OVERLAP: "The driver or the vehicle is on another shift at that time; `existingId` names it.",
        ProblemCode.SHIFT_WITHOUT_VEHICLE: "The shift has no vehicle, so nothing can be planned on it.",
        ProblemCode.IN_USE: "Something that is under way stands on it; `existingId` names it where it is one thing.",
        ProblemCode.ARCHIVED: "The object is archived and can no longer be used.",
        ProblemCode.NOTHING_TO_PLAN: "No order or no shift is left to plan with.",
        ProblemCode.TOO_LARGE_FOR_FLEET: "The order is larger than the vehicle.",
        ProblemCode.PLAN_TOO_LARGE: "More orders than one plan may be about; the message says how many that is.",
        ProblemCode.PLAN_STALE: "Orders or shifts changed since the plan saw them; the problems list which.",
        ProblemCode.ORDER_TAKEN: "Another plan or route has the order.",
        ProblemCode.NOT_PLANNABLE: "The order's state, place or kind does not allow planning it so.",
        ProblemCode.EMISSIONS_UNKNOWN: "A plan is to emit little, and nobody has said what this vehicle emits; `existingId` names it.",
        ProblemCode.INVITATION_INVALID: "The invitation is unknown, used, expired, or not for this tenant.",
        ProblemCode.PARTNERSHIP_INACTIVE: "The partnership is not accepted yet, or has ended.",
        ProblemCode.ALREADY_TENDERED: "The order is offered to a partner carrier, or with one; `existingId` names the tender.",
        ProblemCode.TENDER_EXPIRED: "The deadline for an answer has passed.",
        ProblemCode.STALE_ROUTE: "The route changed since the driver saw it; the payload shows the present one.",
        ProblemCode.QUOTA_EXCEEDED: "The company has used up what the operator allows it; the message says how much that is and when it begins anew.",
        ProblemCode.ABORTED: "Sound itself, but not carried out because others of the same call were refused.",
        ProblemCode.DUPLICATE: "Another one has this name or e-mail address already; `existingId` names it.",
        ProblemCode.EXCEEDS_RIGHTS: "Nobody gives or takes over rights that they do not have themselves.",
        ProblemCode.LAST_OWNER: "An organization keeps at least one owner who can sign in.",
        ProblemCode.NOT_A_SANDBOX: "This is for TEST tenants, and the key is of a LIVE one.",
        ProblemCode.IDEMPOTENCY_MISMATCH: "The key was used with another input.",
        ProblemCode.IDEMPOTENCY_IN_PROGRESS: "The same mutation with this key is still at work; send it again.",
    },
)


@strawberry.type(description="Why an input was refused; nothing of it was written.")
class Problem:
    code: ProblemCode = strawberry.field(description="The kind of refusal, for programs.")
    message: str = strawberry.field(description="What is wrong and what to do, for people.")
    path: list[str] = strawberry.field(
        description='The place in `input` that is at fault, such as `["dropoff", "windows", "0"]`.'
    )
    existing_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The object that stands in the way, such as the order that already has this reference.",
    )

    @classmethod
    def of(cls, error: DoorstepError) -> list[Self]:
        """The problems that a refusal shows."""
        return [
            cls(
                code=refusal.code,
                message=refusal.message,
                path=refusal.path,
                existing_id=strawberry.ID(refusal.existing_id) if refusal.existing_id else None,
            )
            for refusal in all_refusals(error)
        ]


def problems_to_json(error: DoorstepError) -> list[dict[str, Any]]:
    """Refusals as JSON, for stored outcomes of bulk mutations."""
    return [
        {"code": one.code.value, "message": one.message, "path": one.path, "existing_id": one.existing_id}
        for one in all_refusals(error)
    ]


def problems_from_json(stored: Sequence[dict[str, Any]]) -> list[Problem]:
    """The inverse of ``problems_to_json``."""
    return [
        Problem(
            code=ProblemCode(one["code"]),
            message=one["message"],
            path=list(one["path"]),
            existing_id=strawberry.ID(one["existing_id"]) if one.get("existing_id") else None,
        )
        for one in stored
    ]


@strawberry.type
class Payload:
    """Base of the payloads: the use case's outcome (JSON, so that a replay re-resolves the selection on it) and the problems."""

    outcome: strawberry.Private[dict[str, Any]]
    problems: list[Problem] = strawberry.field(
        description="Why the mutation was refused; empty when it was carried out."
    )

    def outcome_id(self, name: str = "id") -> UUID | None:
        """An id of the outcome, or None where there is none."""
        text = self.outcome.get(name)
        return UUID(text) if text else None

    def outcome_ids(self, name: str = "ids") -> list[UUID]:
        """A list of ids of the outcome."""
        return [UUID(text) for text in self.outcome.get(name, [])]
