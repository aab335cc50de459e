"""What is out of the ordinary here, and therefore graphql-core's to complete."""

from collections.abc import Iterable

from graphql.pyutils import Undefined


class Surprise(Exception):
    """A value that graphql-core has to complete: it knows the rules for everything, this package only for what is usual."""


class Unsupported(Exception):
    """A selection that cannot be compiled: graphql-core runs it."""


_PLAIN: dict[type, bool] = {}


def require_plain(kinds: Iterable[type]) -> None:
    """Raise Surprise unless values of these classes are values: no exception, nothing to await, not "undefined"."""
    for kind in kinds:
        plain = _PLAIN.get(kind)
        if plain is None:
            plain = _PLAIN[kind] = not (
                issubclass(kind, BaseException) or hasattr(kind, "__await__") or kind is type(Undefined)
            )
        if not plain:
            raise Surprise
