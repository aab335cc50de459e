"""Which prefix the ids of each type of the schema have."""

_PREFIX_OF: dict[str, str] = {}


def name_prefix(type_name: str, prefix: str) -> None:
    """Say the prefix of a type's ids."""
    _PREFIX_OF[type_name] = prefix


def prefix_of(type_name: str) -> str | None:
    """The prefix of a type's ids, or None for a type that has no ids."""
    return _PREFIX_OF.get(type_name)
