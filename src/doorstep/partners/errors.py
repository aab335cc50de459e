"""What partners refuses, beyond the common refusals."""

from collections.abc import Sequence
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id


class InvitationInvalid(DoorstepError):
    """The token opens nothing: unknown, used, expired, or not for this tenant."""

    def __init__(self, message: str) -> None:
        super().__init__(ProblemCode.INVITATION_INVALID, message, ["token"])


class PartnershipInactive(DoorstepError):
    """Nothing can be offered over this partnership now."""

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(ProblemCode.PARTNERSHIP_INACTIVE, message, path)


class AlreadyTendered(DoorstepError):
    """A partner carrier has the order, or is offered it."""

    def __init__(self, tender_id: UUID, path: Sequence[str | int]) -> None:
        super().__init__(
            ProblemCode.ALREADY_TENDERED,
            "This order is offered to a partner carrier already, or with one: withdraw that tender first.",
            path,
            existing_id=public_id("tender", tender_id),
        )


class TenderExpired(DoorstepError):
    """The answer came after the deadline."""

    def __init__(self, path: Sequence[str | int]) -> None:
        super().__init__(ProblemCode.TENDER_EXPIRED, "The deadline for an answer to this tender has passed.", path)


class IllegalTender(DoorstepError):
    """The tender's or the order's state does not allow this."""

    def __init__(self, message: str, path: Sequence[str | int] = (), *, existing_id: str | None = None) -> None:
        super().__init__(ProblemCode.ILLEGAL_TRANSITION, message, path, existing_id=existing_id)
