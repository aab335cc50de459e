"""Values that no honest client sends, by the type of the place that takes them."""

from typing import Any

from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInputType, GraphQLList, get_named_type
from tests.isolation.places import bare

HUGE_NUMBER = "@1e400@"
"""Stands for a number that no double can hold, which ``json.dumps`` would not write."""

MEGABYTE = "x" * 1_000_000
LONG_LIST = 10_001
LEVELS = 300

_TEXTS = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfffx",
    "\u202e\u200f\u2066abc",
    "\ufffe",
    "é" * 300,
    "a\nb\tc\x7f\x1b[2J",
    MEGABYTE,
]
_NOT_TEXT = [5, True, None, ["x"], {"x": 1}]
_INSTANTS = [
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9998-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00+99:99", "2026-01-01",
    "\uff12\uff10\uff12\uff16-01-01T00:00:00Z", "1970-01-01T00:00:00.0000000001Z", 0, -1e18,
]  # fmt: skip
_DAYS = [
    "0000-01-01", "0001-01-01", "1969-12-31", "1970-01-01", "9998-12-31", "9999-12-31", "10000-01-01", "2026-02-30", "2026-1-1",
    "2026-01-01T00:00:00Z", "\uff12\uff10\uff12\uff16-01-01", 0,
]  # fmt: skip
_INTEGERS = [
    2**31 - 1,
    -(2**31),
    2**31,
    -(2**31) - 1,
    2**53,
    2**63,
    2**70,
    -0.0,
    1.5,
    1e308,
    HUGE_NUMBER,
    "1",
    True,
    None,
    0,
    -1,
]
_NUMBERS = [1e308, -1e308, 5e-324, -0.0, HUGE_NUMBER, "NaN", "Infinity", "1", 2**70, 2**1100, True, None, 0, -1]
_IDS = [
    *_TEXTS,
    "order_",
    "order_00000000000000000000000000",
    "order_8zzzzzzzzzzzzzzzzzzzzzzzzz",
    "_" * 27,
    "driver_01jd2n\x00",
    -1,
    2**70,
    1.5,
    True,
    None,
]


def nested(levels: int = LEVELS) -> dict[str, Any]:
    """Objects in objects."""
    value: dict[str, Any] = {"x": 1}
    for _ in range(levels):
        value = {"x": value}
    return value


def _lists(levels: int = LEVELS) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


_OBJECTS = [
    nested(), {"x": _lists()}, {"\x00": 1}, {"x": "\x00"}, {"x": ["\ud800"]}, {"x": 2**64}, {"x": 2**63 - 1}, {"x": 1e308}, {"x": HUGE_NUMBER},
    {str(number): 1 for number in range(51)}, {"x": MEGABYTE}, {"": ""}, [], "x", 1, None, {"__proto__": {"x": 1}},
]  # fmt: skip

BY_SCALAR: dict[str, list[Any]] = {
    "String": [*_TEXTS, *_NOT_TEXT],
    "ID": _IDS,
    "Int": _INTEGERS,
    "Long": [*_INTEGERS, 2**53 - 1, -(2**53 - 1)],
    "Float": _NUMBERS,
    "Boolean": ["true", 1, 0.0, None, "\x00", []],
    "DateTime": [*_INSTANTS, *_TEXTS[2:6], MEGABYTE, None],
    "Date": [*_DAYS, *_TEXTS[2:6], MEGABYTE, None],
    "TimeZone": [
        *_TEXTS,
        "../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "localtime",
        "posixrules",
        "right/UTC",
        "zone.tab",
        "EST5EDT\x00",
        5,
        None,
    ],
    "CountryCode": [*_TEXTS, "ZZ", "li", "L\x00", 5, None],
    "CurrencyCode": [*_TEXTS, "ZZZ", "chf", 5, None],
    "Cursor": [*_TEXTS, "=", "AAAA", "W10", "W1tdXQ", "A" * 1024, "_" * 1023, 5, None],
    "JSONObject": _OBJECTS,
}
"""Scalar → what to try in a place of that type."""


def hostile_to(kind: GraphQLInputType) -> list[Any]:
    """What to try in a place of that type; a list's items are tried as well."""
    inside = bare(kind)
    named = get_named_type(kind)
    if isinstance(inside, GraphQLList):
        single = hostile_to(inside.of_type)
        return [[], None, [None], [[]], _lists(), "x", *([one] for one in single)]
    if isinstance(named, GraphQLInputObjectType):
        return [{}, None, [], "x", 1, nested(), {"x": MEGABYTE}]
    if isinstance(named, GraphQLEnumType):
        return ["NOPE", "", "\x00", next(iter(named.values)).lower(), 1, True, None, [], MEGABYTE]
    return BY_SCALAR.get(named.name, [*_TEXTS, *_NOT_TEXT])
