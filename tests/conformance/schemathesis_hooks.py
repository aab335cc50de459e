"""What schemathesis is told of this schema, in its own process: how to write our scalars, and what a fault of ours looks like."""

import atexit
import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import schemathesis
from graphql import NameNode, ObjectFieldNode
from hypothesis import strategies as st
from hypothesis_graphql import nodes
from schemathesis.graphql import scalar

IDS: list[str] = json.loads(os.environ["SCHEMATHESIS_IDS"])
TALLY = Path(os.environ["SCHEMATHESIS_TALLY"])
INSTANTS = [
    "2026-12-01T09:00:00Z",
    "2027-03-01T09:00:00.000001+14:00",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "today",
]
DAYS = ["2026-12-01", "1970-01-01", "0000-01-01", "10000-01-01", "2026-02-30"]
tally: Counter[str] = Counter()


def texts(*some: str) -> st.SearchStrategy[Any]:
    """Some texts that fit and some that nearly do; now and then any text."""
    return st.one_of(st.sampled_from(some), st.sampled_from(some), st.text(max_size=40)).map(nodes.String)


def _instant(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"


scalar("ID", texts(*IDS, "order_00000000000000000000000000", "order_"))
scalar("DateTime", texts(*INSTANTS) | st.datetimes().map(_instant).map(nodes.String))
scalar("Date", texts(*DAYS) | st.dates().map(str).map(nodes.String))
scalar("TimeZone", texts("Europe/Vaduz", "UTC", "../etc/passwd"))
scalar("CountryCode", texts("LI", "ZZ"))
scalar("CurrencyCode", texts("CHF", "XXX"))
scalar("PhoneNumber", texts("+4232366111", "+10"))
scalar("EmailAddress", texts("driver@example.com", "a@b"))
scalar("URL", texts("https://example.com/", "http://[::1", "file:///etc"))
scalar("Polyline", texts("_p~iF~ps|U", "~"))
scalar("Cursor", texts("AAAA", "eyJhIjoxfQ", "===="))
scalar("Long", st.integers(-(2**54), 2**54).map(nodes.Int))
scalar(
    "JSONObject",
    st.dictionaries(st.from_regex("[a-z]{1,9}", fullmatch=True), st.text(max_size=9).map(nodes.String), max_size=4).map(
        lambda some: nodes.Object(
            [ObjectFieldNode(name=NameNode(value=name), value=value) for name, value in some.items()]
        )
    ),
)


@schemathesis.check
def no_server_fault(ctx: Any, response: Any, case: Any) -> None:
    """No answer is a fault of ours, whatever was asked; every answer is one of GraphQL's."""
    body = response.json()
    codes = sorted({error["extensions"]["code"] for error in body.get("errors", [])})
    tally[f"{response.status_code} {' '.join(codes)}".strip()] += 1
    tally["answered"] += any(value is not None for value in (body.get("data") or {}).values())
    assert response.status_code < 500, body
    assert "INTERNAL" not in codes, body


atexit.register(lambda: TALLY.write_text(json.dumps(tally)))
