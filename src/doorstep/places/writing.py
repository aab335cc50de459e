"""How addresses are written: which side the house number stands on, and the plain form in which two spellings meet.

Both the index and every question go through `plain`, so it need not be right about a language, only the same twice.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

NUMBER_FIRST: Final = frozenset(
    (
        *("AU", "BB", "BM", "BS", "BZ", "CA", "CI", "EG", "FR", "GB", "GG", "GH", "GI", "GY", "HK", "IE", "IL", "IM"),
        *("IN", "JE", "JM", "KE", "KY", "LB", "LK", "LU", "MA", "MC", "MT", "MU", "NG", "NZ", "PH", "PK", "SG", "SN"),
        *("TH", "TN", "TT", "UG", "US", "VN", "ZA", "ZW"),
    )
)
"""Countries that write the house number before the street."""

_UMLAUTS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "ł": "l", "đ": "d"}
)
_LONG_FORMS: Final = {
    "str": "strasse",
    "st": "street",
    "saint": "street",
    "sankt": "street",
    "rd": "road",
    "ave": "avenue",
    "av": "avenue",
    "ln": "lane",
    "dr": "drive",
    "ct": "court",
    "sq": "square",
    "pl": "place",
    "blvd": "boulevard",
    "hwy": "highway",
    "pkwy": "parkway",
    "n": "north",
    "s": "south",
    "e": "east",
    "w": "west",
}
_GERMAN_ENDING: Final = re.compile(r"(?<=[a-z]{2})str$")
_NOT_A_WORD: Final = re.compile(r"[^\w]+", re.UNICODE)
_NUMBER: Final = r"\d+\s?[a-zA-Z]?(?:\s?[-/+]\s?\d+\s?[a-zA-Z]?)?"
_NUMBER_LAST: Final = re.compile(
    rf"^(?P<street>.*\D)[\s,]+(?:no\.?|nr\.?|№|#)?\s*(?P<number>{_NUMBER})$", re.IGNORECASE
)
_NUMBER_FIRST: Final = re.compile(rf"^(?P<number>{_NUMBER})[\s,]+(?P<street>.*\D.*)$")


class Reading(NamedTuple):
    """One way to understand a line: its street in plain form, and its house number in plain form or None."""

    street: str
    number: str | None


def plain(text: str) -> str:
    """Small letters without accents, abbreviations written out, words separated by one space."""
    small = text.casefold().translate(_UMLAUTS)
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", small) if not unicodedata.combining(letter))
    words = (word for word in _NOT_A_WORD.sub(" ", bare.replace("'", "").replace("’", "")).split() if word)
    return " ".join(_LONG_FORMS.get(word) or _GERMAN_ENDING.sub("strasse", word) for word in words)


def plain_number(text: str) -> str:
    """A house number without spaces, in small letters."""
    return re.sub(r"\s+", "", text).casefold()


def plain_code(text: str) -> str:
    """A postcode without anything but its letters and digits."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def line(street: str, number: str, country: str) -> str:
    """Street and house number as they are written in the country."""
    return f"{number} {street}" if country in NUMBER_FIRST else f"{street} {number}"


def readings(line1: str) -> list[Reading]:
    """How a first address line may be understood, the likeliest first; never empty for a line that holds a word.

    A flat or a company before or after the street is set aside: "Flat 3, 12 Mill Lane" is also read as "12 Mill Lane".
    """
    segments = [segment.strip() for segment in re.split(r"[,;\n]", line1) if segment.strip()]
    if len(segments) > 1 and any(re.fullmatch(_NUMBER, segment) for segment in segments[:2]):
        segments = [f"{segments[0]} {segments[1]}", *segments[2:]]
    found: list[Reading] = []
    for segment in segments:
        matches = (pattern.match(segment) for pattern in (_NUMBER_LAST, _NUMBER_FIRST))
        found += [Reading(plain(match["street"]), plain_number(match["number"])) for match in matches if match]
    found += [Reading(plain(segment), None) for segment in segments]
    return [reading for reading in dict.fromkeys(found) if reading.street]


def edits(here: str, there: str) -> int:
    """How many typing errors lie between two texts: letters left out, added, changed, or swapped with the next."""
    before: list[int] = []
    row = list(range(len(there) + 1))
    for i, letter in enumerate(here, start=1):
        above, before, row = before, row, [i]
        for j, other in enumerate(there, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == there[j - 2] and here[i - 2] == other:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
