"""Refusals and request errors.

Two families, told apart by who can mend them:

- ``DoorstepError``: a refusal that the caller's input provokes. It becomes an entry of a mutation's ``problems`` (or of one item's
  problems in bulk); nothing was written.
- ``RequestError``: who you are, how much you ask, or a service that is away. It becomes a top-level GraphQL error with a code.

Everything else is a bug of ours: masked as INTERNAL with a reference, the cause only in the log.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID


class ProblemCode(StrEnum):
    """Why a mutation refused; the vocabulary of ``Problem.code``."""

    NOT_FOUND = "NOT_FOUND"
    INVALID_ID = "INVALID_ID"
    INVALID_VALUE = "INVALID_VALUE"
    INVALID_WINDOW = "INVALID_WINDOW"
    INVALID_COORDINATES = "INVALID_COORDINATES"
    INVALID_ADDRESS = "INVALID_ADDRESS"
    INVALID_PHONE = "INVALID_PHONE"
    INVALID_EMAIL = "INVALID_EMAIL"
    REQUIRED = "REQUIRED"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    DUPLICATE_REFERENCE = "DUPLICATE_REFERENCE"
    CONFLICT = "CONFLICT"
    ILLEGAL_TRANSITION = "ILLEGAL_TRANSITION"
    OFF_ROAD = "OFF_ROAD"
    PROOF_REQUIRED = "PROOF_REQUIRED"
    PROOF_REJECTED = "PROOF_REJECTED"
    SHIFT_OVERLAP = "SHIFT_OVERLAP"
    SHIFT_WITHOUT_VEHICLE = "SHIFT_WITHOUT_VEHICLE"
    IN_USE = "IN_USE"
    ARCHIVED = "ARCHIVED"
    NOTHING_TO_PLAN = "NOTHING_TO_PLAN"
    TOO_LARGE_FOR_FLEET = "TOO_LARGE_FOR_FLEET"
    PLAN_TOO_LARGE = "PLAN_TOO_LARGE"
    PLAN_STALE = "PLAN_STALE"
    ORDER_TAKEN = "ORDER_TAKEN"
    NOT_PLANNABLE = "NOT_PLANNABLE"
    EMISSIONS_UNKNOWN = "EMISSIONS_UNKNOWN"
    INVITATION_INVALID = "INVITATION_INVALID"
    PARTNERSHIP_INACTIVE = "PARTNERSHIP_INACTIVE"
    ALREADY_TENDERED = "ALREADY_TENDERED"
    TENDER_EXPIRED = "TENDER_EXPIRED"
    STALE_ROUTE = "STALE_ROUTE"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    ABORTED = "ABORTED"
    DUPLICATE = "DUPLICATE"
    EXCEEDS_RIGHTS = "EXCEEDS_RIGHTS"
    LAST_OWNER = "LAST_OWNER"
    NOT_A_SANDBOX = "NOT_A_SANDBOX"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


class DoorstepError(Exception):
    """A refusal that the caller can provoke and mend: code, a message that says what to do, and the input's path.

    ``path`` is relative to the mutation's ``input``; ``existing_id`` is the public id of the object that stands in the way.
    """

    def __init__(
        self, code: ProblemCode, message: str, path: Sequence[str | int] = (), *, existing_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = [str(part) for part in path]
        self.existing_id = existing_id
        self.outcome: dict[str, Any] = {}
        """What the payload may show all the same, such as the present object or the verdict on each item."""

    def under(self, *prefix: str | int) -> "DoorstepError":
        """The same refusal with its path put below ``prefix``."""
        self.path = [*(str(part) for part in prefix), *self.path]
        return self


class Refusals(DoorstepError):
    """Several refusals of one input at once, so that a form shows all of its faults together."""

    def __init__(self, refusals: Sequence[DoorstepError]) -> None:
        first = refusals[0]
        super().__init__(first.code, first.message, first.path, existing_id=first.existing_id)
        self.refusals = list(refusals)

    def under(self, *prefix: str | int) -> "Refusals":
        """The same refusals, each path put below ``prefix``."""
        for refusal in self.refusals:
            refusal.under(*prefix)
        return self


def all_refusals(error: DoorstepError) -> list[DoorstepError]:
    """The single refusals inside ``error``."""
    return error.refusals if isinstance(error, Refusals) else [error]


class NotFound(DoorstepError):
    """No such object in this tenant; another tenant's object does not exist either."""

    def __init__(self, what: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(ProblemCode.NOT_FOUND, f"No such {what}.", path)


class Conflict(DoorstepError):
    """``ifVersion`` is not the present version; the payload shows the present object."""

    def __init__(self, what: str, present: int, identifier: UUID, path: Sequence[str | int] = ("ifVersion",)) -> None:
        super().__init__(
            ProblemCode.CONFLICT,
            f"This {what} is at version {present} now: read it again and repeat your change.",
            path,
        )
        self.outcome = {"id": str(identifier)}


class RequestError(Exception):
    """A top-level GraphQL error; ``extensions`` are shown to the client beside the code."""

    code = "INTERNAL"

    def __init__(self, message: str, **extensions: object) -> None:
        super().__init__(message)
        self.message = message
        self.extensions = extensions


class Unauthenticated(RequestError):
    """No credential, or one that is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"


class Forbidden(RequestError):
    """The credential lacks the permission that the operation needs."""

    code = "FORBIDDEN"


class RateLimited(RequestError):
    """More than may be asked at once; the same request may be sent again after ``seconds``."""

    code = "RATE_LIMITED"

    def __init__(self, message: str, *, seconds: float) -> None:
        super().__init__(message, retryAfterMs=math.ceil(seconds * 1000))
        self.seconds = seconds


class BadUserInput(RequestError):
    """An argument that no rule can refuse more precisely, such as a forged cursor."""

    code = "BAD_USER_INPUT"


class ResyncRequired(RequestError):
    """The cursor is older than the log's retention or from another epoch; ``cursor`` is a fresh one."""

    code = "RESYNC_REQUIRED"


class Unavailable(RequestError):
    """Something behind us is away for the moment; nothing was written, the same request may be sent again."""

    code = "UNAVAILABLE"


class TimedOut(RequestError):
    """The operation took longer than its deadline and was stopped."""

    code = "TIMEOUT"


class TooComplex(RequestError):
    """The operation asks for more than one answer may hold."""

    code = "QUERY_TOO_COMPLEX"
