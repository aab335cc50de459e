"""What webhooks refuse, beyond the common refusals."""

from collections.abc import Sequence

from doorstep.kernel.errors import DoorstepError, ProblemCode


class AddressRefused(DoorstepError):
    """The URL is none that is delivered to; the message says what one looks like."""

    def __init__(self, message: str, path: Sequence[str] = ("url",)) -> None:
        super().__init__(ProblemCode.INVALID_VALUE, message, path)


class DocumentRefused(DoorstepError):
    """The document cannot be a payload; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(ProblemCode.INVALID_VALUE, message, ["document"])


class WrongStatus(DoorstepError):
    """The endpoint's status does not allow it."""

    def __init__(self, message: str) -> None:
        super().__init__(ProblemCode.ILLEGAL_TRANSITION, message, ["id"])
