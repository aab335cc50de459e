"""Documents that have brought servers of GraphQL down: those of the published advisories, and the shapes that tools try."""

from collections.abc import Callable


def _doubling(levels: int, leaf: str) -> str:
    spreads = [f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(levels)]
    return " ".join(["{ ...F0 }", *spreads, f"fragment F{levels} on Query {{ {leaf} }}"])


def _nested_doubling(levels: int) -> str:
    parts = [
        f"fragment F{at} on Driver {{ currentRoute {{ driver {{ ...F{at + 1} ...F{at + 1} }} }} }}"
        for at in range(levels)
    ]
    return " ".join(["{ driver(id: 1) { ...F0 } }", *parts, f"fragment F{levels} on Driver {{ id }}"])


def _like_fragments(number: int) -> str:
    spreads = " ".join(f"...F{at}" for at in range(number))
    return f"{{ {spreads} }} " + " ".join(f"fragment F{at} on Query {{ viewer {{ scopes }} }}" for at in range(number))


HOSTILE: dict[str, Callable[[], str]] = {
    # Shapes that are stopped before they are parsed, by their size.
    "a megabyte of comment": lambda: "{ __typename } #" + "x" * 1_000_000,
    "a megabyte of tokens": lambda: "{ " + "a " * 500_000 + "}",
    "20,000 times the same field": lambda: "{ " + "__typename " * 20_000 + "}",
    # … by their tokens.
    "more tokens than may be": lambda: "{ " + "a " * 2_000 + "}",
    "comments between tokens (CVE-2026-75508)": lambda: "{ " + "a#\n" * 2_000 + "}",
    "5,000 directives": lambda: "{ __typename " + "@a" * 5_000 + " }",
    "a list of 7,000 numbers": lambda: "{ nodes(ids: [" + "1 " * 7_000 + "]) { id } }",
    # … by validation.
    "150 levels": lambda: "{ a " * 150 + "}" * 150,
    "3,000 levels": lambda: "{ a " * 3_000 + "}" * 3_000,
    "3,000 lists": lambda: "{ a(b: " + "[" * 3_000 + "]" * 3_000 + ") }",
    "100 aliases": lambda: "{ " + " ".join(f"a{at}: viewer {{ scopes }}" for at in range(100)) + " }",
    "100 unknown directives": lambda: "{ __typename " + "@a" * 100 + " }",
    "100 known directives": lambda: "{ __typename " + "@skip(if: false) " * 100 + " }",
    "fields that overlap (CVE-2026-75507)": lambda: "{ " + "a: viewer { scopes } " * 120 + "}",
    "fields that overlap below each other": lambda: "{ viewer { " + "tenant { slug } " * 200 + "} }",
    "980 times the same leaf": lambda: "{ viewer { " + "scopes " * 980 + "} }",
    "fields that overlap in fragments": lambda: _like_fragments(120),
    "90 like fragments": lambda: _like_fragments(90),
    "doubling fragments (CVE-2026-47706, -47707)": lambda: _doubling(20, "__typename"),
    "doubling fragments with aliases": lambda: _doubling(20, "a: __typename"),
    "doubling fragments with objects": lambda: _doubling(40, "orders(first: 250) { nodes { id } }"),
    "doubling fragments with free objects": lambda: _doubling(40, "viewer { tenant { slug } }"),
    "doubling fragments down the fields": lambda: _nested_doubling(20),
    "fragments in a circle": lambda: "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "a fragment in itself": lambda: "{ ...A } fragment A on Query { viewer { scopes } ...A ...A }",
    "a long circle": lambda: "{ ...F0 } " + " ".join(f"fragment F{at} on Query {{ ...F{(at + 1) % 90} }}" for at in range(90)),
    "introspection in a circle": lambda: "{ __schema { types { " + "fields { type { " * 20 + "name" + " } }" * 20 + " } } }",
    "doubling introspection": lambda: "{ __schema { types { ...F0 } } } " + " ".join(f"fragment F{at} on __Type {{ fields {{ type {{ ...F{at + 1} ...F{at + 1} }} }} }}" for at in range(20)) + " fragment F20 on __Type { name }",
    "many introspections": lambda: "{ " + " ".join(f"a{at}: __schema {{ types {{ name }} }}" for at in range(20)) + " }",
    "large pages inside each other": lambda: "{ plans(first: 250) { nodes { routes(first: 250) { nodes { stops { orders { id } } } } } } }",
    "a fragment that is not there": lambda: "{ ...Gone }",
    "100 variables": lambda: "query (" + " ".join(f"$a{at}: Int" for at in range(100)) + ") { __typename }",
    "100 operations": lambda: " ".join(f"query Q{at} {{ __typename }}" for at in range(100)),
    "suggestions for a name that is nearly many": lambda: "{ " + " ".join(f"order{at}s: orderss{at} {{ id }}" for at in range(25)) + " }",
}  # fmt: skip
"""Each is stopped, whoever asks it."""

HARMLESS = frozenset({"doubling fragments (CVE-2026-47706, -47707)"})
"""What is much to write and no work may be answered."""
