"""What tracking refuses, beyond the common refusals."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from doorstep.kernel.errors import Conflict, DoorstepError, ProblemCode


class StaleRoute(Conflict):
    """The act was made on an older version of the route; the payload shows the present one."""

    def __init__(self, present: int, stop_id: UUID, route_id: UUID) -> None:
        super().__init__("route", present, stop_id, ["routeVersion"])
        self.outcome["route"] = str(route_id)
        self.code = ProblemCode.STALE_ROUTE
        self.message = (
            f"This route is at version {present} now: take the route that this payload shows, and act again if it still "
            "makes sense."
        )


class IllegalAct(DoorstepError):
    """The act does not fit the present state; nothing was written."""

    def __init__(self, message: str, path: Sequence[str | int] = ("act",)) -> None:
        super().__init__(ProblemCode.ILLEGAL_TRANSITION, message, path)


class ActMismatch(DoorstepError):
    """The act's id is known, with another input."""

    def __init__(self) -> None:
        super().__init__(
            ProblemCode.IDEMPOTENCY_MISMATCH,
            "This act id was used for another act: make a new id for every act and keep it for repeats.",
            ["actId"],
        )


class ProofMissing(DoorstepError):
    """An order cannot be handed over before every proof that it asks for is there."""

    def __init__(self, order: str, missing: Iterable[str]) -> None:
        super().__init__(
            ProblemCode.PROOF_REQUIRED,
            f"Before {order} is handed over it needs: {', '.join(missing)}. Send the act again with all of its proofs.",
            ["proofs"],
            existing_id=order,
        )


class ProofRejected(DoorstepError):
    """A proof that was shown is wrong."""

    def __init__(self, message: str, path: Sequence[str | int]) -> None:
        super().__init__(ProblemCode.PROOF_REJECTED, message, path)
