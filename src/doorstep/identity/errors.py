"""What identity refuses: on the command line by exceptions of its own, in requests by problems."""

from collections.abc import Sequence

from doorstep.kernel.errors import DoorstepError, ProblemCode


class IdentityError(Exception):
    """A refusal whose message says what to do."""


class UnknownTenant(IdentityError):
    """There is no tenant with that slug."""


class SlugTaken(IdentityError):
    """Another tenant has that slug."""


class UnknownKey(IdentityError):
    """There is no such key in this tenant."""


class BadMember(IdentityError):
    """What was said of a member cannot be taken; the message says why."""


class ExceedsRights(DoorstepError):
    """Somebody gives, or would come by, rights that they do not have."""

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(ProblemCode.EXCEEDS_RIGHTS, message, path)


class LastOwner(DoorstepError):
    """The organization would have no owner left who can sign in."""

    def __init__(self, path: Sequence[str | int] = ()) -> None:
        message = "This is the last owner who can sign in: make another member OWNER first, and let them sign in once."
        super().__init__(ProblemCode.LAST_OWNER, message, path)


class ProviderTaken(IdentityError):
    """Issuer and audience sign people in already, to this tenant or another."""


class UnknownProvider(IdentityError):
    """There is no such sign-in provider in this tenant."""


class UnusableIssuer(IdentityError):
    """An issuer that may not be asked for its keys, or whose answer is of no use."""


class WrongStanding(IdentityError):
    """The tenant is not in the state that this needs; the message says which."""


class ChangedWhileExported(IdentityError):
    """Somebody wrote to a tenant that was being closed; nothing was erased."""


class UnsortableTables(Exception):
    """Tables refer to each other in a circle, so that no order of erasing them exists: a fault of a migration."""


class QuotaExceeded(DoorstepError):
    """The tenant has used up what the operator allows it."""

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(ProblemCode.QUOTA_EXCEEDED, message, path)
