"""``Problem``: a refusal as data, and the base of every mutation's payload."""

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

import strawberry

from doorstep.kernel.errors import DoorstepError, ProblemCode, all_refusals

ProblemCodeType = strawberry.enum(
    ProblemCode, name="ProblemCode", description="Why a mutation, or one of its items, was refused."
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
