"""The schema's own scalars: what a client writes and reads for each."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NewType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

TimeZone = NewType("TimeZone", str)
CountryCode = NewType("CountryCode", str)
CurrencyCode = NewType("CurrencyCode", str)
PhoneNumber = NewType("PhoneNumber", str)
EmailAddress = NewType("EmailAddress", str)
URL = NewType("URL", str)
Polyline = NewType("Polyline", str)
JSONObject = NewType("JSONObject", dict)  # type: ignore[type-arg]
Cursor = NewType("Cursor", str)
Long = NewType("Long", int)

MAX_METADATA_KEYS = 50
MAX_METADATA_BYTES = 4096
MAX_SAFE_INTEGER = 2**53 - 1
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_instant(value: object) -> datetime:
    """An RFC 3339 instant with its offset, as UTC."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("expected an RFC 3339 instant with an offset, such as 2027-03-01T09:00:00Z")
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("expected an RFC 3339 instant with an offset, such as 2027-03-01T09:00:00Z") from error
    if not 1970 <= instant.year <= 9998:
        raise ValueError("expected an instant between the years 1970 and 9998")
    return instant


def show_instant(value: datetime) -> str:
    """RFC 3339, UTC, with Z."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return f"{value.isoformat()[:-6]}Z"


def _parse_date(value: object) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError("expected a civil day such as 2027-03-01")
    day = date.fromisoformat(value)
    if not 1970 <= day.year <= 9998:
        raise ValueError("expected a day between the years 1970 and 9998")
    return day


def _parse_time_zone(value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("expected an IANA time zone such as Europe/Vaduz") from error


def _pattern(pattern: str, example: str) -> Callable[[Any], str]:
    compiled = re.compile(pattern, re.ASCII)

    def parse(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"expected {example}")
        return value

    return parse


def _parse_url(value: object) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc:
        raise ValueError("expected an http or https address")
    return value


def _parse_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MAX_METADATA_KEYS:
        raise ValueError(f"expected a JSON object with at most {MAX_METADATA_KEYS} keys")
    try:
        encoded = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise ValueError("expected JSON") from error
    if len(encoded) > MAX_METADATA_BYTES:
        raise ValueError(f"expected at most {MAX_METADATA_BYTES} bytes of JSON")
    if _ESCAPED_NUL.search(encoded):
        raise ValueError("expected text without the character U+0000")
    if orjson.loads(encoded) != value:
        raise ValueError(
            "expected numbers that JSON can hold"
        )  # a literal such as 1e999 is infinite, and would be kept as null
    return value


def _parse_long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_SAFE_INTEGER:
        raise ValueError("expected an integer between -(2^53-1) and 2^53-1")
    return value


def _scalar(
    name: str, description: str, parse: Callable[[Any], Any], show: Callable[[Any], Any] = lambda value: value
) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=show, parse_value=parse)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: _scalar("DateTime", "An instant: RFC 3339 with an offset; shown in UTC, such as `2027-03-01T09:00:00Z`.", parse_instant, show_instant),
    date: _scalar("Date", "A civil day such as `2027-03-01`, in the time zone of the depot or tenant that it belongs to.", _parse_date, date.isoformat),
    TimeZone: _scalar("TimeZone", "An IANA time zone name, such as `Europe/Vaduz`.", _parse_time_zone),
    CountryCode: _scalar("CountryCode", "An ISO 3166-1 alpha-2 country code, such as `LI`.", _pattern(r"[A-Z]{2}", "two capital letters such as LI")),
    CurrencyCode: _scalar("CurrencyCode", "An ISO 4217 currency code, such as `CHF`.", _pattern(r"[A-Z]{3}", "three capital letters such as CHF")),
    PhoneNumber: _scalar("PhoneNumber", "A telephone number in E.164 form, such as `+4232366111`.", _pattern(r"\+[1-9]\d{1,14}", "a number such as +4232366111")),
    EmailAddress: _scalar("EmailAddress", "An e-mail address.", _pattern(r"[^@\s]+@[^@\s]+", "an e-mail address")),
    URL: _scalar("URL", "An http or https address.", _parse_url),
    Polyline: _scalar("Polyline", "An encoded polyline with 6 decimal digits (Google's polyline algorithm, precision 6).", _pattern(r"[\x3f-\x7e]*", "an encoded polyline")),
    JSONObject: _scalar("JSONObject", "A JSON object of your own: at most 50 keys and 4 KiB.", _parse_object),
    Cursor: _scalar("Cursor", "An opaque place in a list or in the event log; hand it back as it came.", _pattern(r"[A-Za-z0-9_=-]{1,1024}", "a cursor as it came from the API")),
    Long: _scalar("Long", "An integer of up to 53 bits, a plain JSON number.", _parse_long),
}  # fmt: skip
