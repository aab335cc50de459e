"""What identity refuses on the command line and at the door."""


class IdentityError(Exception):
    """A refusal whose message says what to do."""


class UnknownTenant(IdentityError):
    """There is no tenant with that slug."""


class SlugTaken(IdentityError):
    """Another tenant has that slug."""


class UnknownKey(IdentityError):
    """There is no such key in this tenant."""
