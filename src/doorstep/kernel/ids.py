"""Identifiers: UUIDv7 in the database, TypeIDs (``order_01jd2n…``) in the API.

A TypeID is a prefix and the UUID's 128 bits in Crockford's base 32, 26 lower-case characters, so that ids sort by creation time
and say what they name (https://github.com/jetify-com/typeid, spec 0.3).
"""

from uuid import UUID

from uuid_utils.compat import uuid7

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_TRIPLES = [pair + low for pair in _PAIRS for low in ALPHABET]
"""15 bits at a time: an answer can hold thousands of ids."""

_LENGTH = 26


class InvalidId(ValueError):
    """The text is not an id of the wanted type."""


def new_id() -> UUID:
    """A fresh UUIDv7: made here and not by the database, which would force one statement per row in bulk inserts."""
    return uuid7()


def public_id(prefix: str, identifier: UUID) -> str:
    """The TypeID of ``identifier``, as clients see it."""
    number = identifier.int
    t = _TRIPLES
    return (
        f"{prefix}_{_PAIRS[number >> 120]}{t[number >> 105 & 32767]}{t[number >> 90 & 32767]}{t[number >> 75 & 32767]}"
        f"{t[number >> 60 & 32767]}{t[number >> 45 & 32767]}{t[number >> 30 & 32767]}{t[number >> 15 & 32767]}{t[number & 32767]}"
    )


def parse_id(prefix: str, text: str) -> UUID:
    """The UUID behind a TypeID of type ``prefix``; raises InvalidId when the text is none."""
    found, _, suffix = text.rpartition("_")
    if found != prefix or len(suffix) != _LENGTH or suffix[0] > "7":
        raise InvalidId(f"Expected an id such as {prefix}_01jd2n…")
    number = 0
    try:
        for character in suffix:
            number = number << 5 | _VALUE[character]
    except KeyError as error:
        raise InvalidId(f"Expected an id such as {prefix}_01jd2n…") from error
    return UUID(int=number)


def id_prefix(text: str) -> str:
    """The type prefix of a TypeID, or an empty string."""
    return text.rpartition("_")[0]
