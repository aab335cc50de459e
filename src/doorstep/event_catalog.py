"""The event catalog: every event's fields, when it happens, and an example, made from the code that sends it.

Words come from the schema. The example is an event of the class that the slice emits, filled with sample facts and shown by the very resolvers that
answer clients; what is read as of now (``order``, ``plan``) is left out, since it is no part of the event.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from html import escape
from typing import Any, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from doorstep.kernel.db import Row
from doorstep.kernel.events import DomainEvent
from doorstep.kernel.graphql.events import event_types, show_actor, show_event
from doorstep.kernel.scope import ActorKind

TITLE = "Event catalog"
INTRODUCTION = (
    "Everything that the event log tells, by `events` as a query, as a stream, or with a filter by `types`. Each event comes once and in order, with a "
    "`cursor` to resume after it. Fields are facts as of then; objects such as `order` are as of now and are left out of the examples. "
    "A webhook without a document has the facts of its event in `data`."
)
AT = datetime(2027, 3, 1, 11, 4, 33, tzinfo=UTC)
TENANT = UUID("01950000-0000-7000-8000-000000000001")

FACTS: Mapping[str, Mapping[str, Any]] = {
    "ApiKeyCreated": {"scopes": ["orders:read", "orders:write"]},
    "OrderPlaced": {"status": "PENDING", "location_status": "LOCATED"},
    "OrderStatusChanged": {"from_": "EN_ROUTE_TO_DROPOFF", "to": "ATTEMPT_FAILED", "reason": "NOT_HOME"},
    "OrderUpdated": {"changes": ["dropoff.windows", "priority"]},
    "PlanFinished": {"status": "PROPOSED", "reason": None},
    "OrderReadinessChanged": {"from_": "PREPARING", "to": "READY", "ready_at": None},
    "PlanStatusChanged": {"from_": "OPTIMIZING", "to": "PROPOSED", "reason": None},
    "RoleCreated": {"permissions": ["orders:read", "planning:read"]},
    "RouteStatusChanged": {"from_": "COMMITTED", "to": "DISPATCHED"},
    "StopStatusChanged": {"from_": "EN_ROUTE", "to": "ARRIVED", "reason": None},
    "TenderDeclined": {"reason": "NO_CAPACITY"},
    "WebhookEndpointStatusChanged": {"from_status": "ACTIVE", "to_status": "DISABLED", "reason": "GONE"},
}
"""Facts that say more than a sample of their type would."""

_WORDS: Mapping[str, list[str]] = {"changes": ["name"], "scopes": ["orders:read"], "permissions": ["orders:read"]}


@dataclass(frozen=True, slots=True)
class Told:
    """One field of an event: its name and type in the schema, and what it says."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    name: str
    happens: str
    """When it happens."""
    fields: tuple[Told, ...]
    """Its own, without those that every event has."""
    document: str
    """A selection of everything in the example."""
    example: dict[str, Any]
    """An item of the stream."""


@dataclass(frozen=True, slots=True)
class EventCatalog:
    """All events by name, and the fields that all have."""

    common: tuple[Told, ...]
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, schema: GraphQLSchema) -> "EventCatalog":
        """From the running schema; raises LookupError for an event without a class or without a sample."""
        shared = cast(GraphQLObjectType, schema.type_map["Event"]).fields
        classes = event_classes()
        names = sorted(kind.__name__ for kind in event_types())
        return cls(
            common=tuple(_told(name, one) for name, one in shared.items()),
            entries=tuple(
                _entry(cast(GraphQLObjectType, schema.type_map[name]), classes[name], shared) for name in names
            ),
        )

    def as_markdown(self) -> str:
        """The catalog as one Markdown page."""
        parts = [f"# {TITLE}\n\n{INTRODUCTION}\n\n## Fields of every event\n\n{_markdown_table(self.common)}"]
        parts += [
            f"## {entry.name}\n\n{entry.happens}\n\n{_markdown_table(entry.fields)}\n\n```graphql\n{entry.document}\n```\n\n"
            f"```json\n{_json(entry.example)}\n```"
            for entry in self.entries
        ]
        return "\n\n".join(parts) + "\n"

    def as_page(self) -> str:
        """The catalog as one page of HTML that loads nothing."""
        links = " · ".join(f'<a href="#{entry.name}">{entry.name}</a>' for entry in self.entries)
        parts = [_HEAD, f"<h1>{TITLE}</h1><p>{_prose(INTRODUCTION)}</p><nav>{links}</nav>"]
        parts.append(f"<h2>Fields of every event</h2>{_html_table(self.common)}")
        parts += [
            f'<h2 id="{entry.name}">{entry.name}</h2><p>{_prose(entry.happens)}</p>{_html_table(entry.fields)}'
            f"<pre>{escape(entry.document)}</pre><pre>{escape(_json(entry.example))}</pre>"
            for entry in self.entries
        ]
        return "\n".join(parts) + "\n"


def event_classes() -> dict[str, type[DomainEvent]]:
    """Every class of event that Doorstep emits, by name; bases that only share fields are none."""
    found: dict[str, type[DomainEvent]] = {}
    open_ = [DomainEvent]
    while open_:
        kind = open_.pop()
        below = [one for one in kind.__subclasses__() if one.__module__.startswith("doorstep.")]
        open_ += below
        if not below:
            found[kind.__name__] = kind
    return found


def _entry(kind: GraphQLObjectType, emitted: type[DomainEvent], shared: Mapping[str, GraphQLField]) -> Entry:
    own = {name: one for name, one in kind.fields.items() if name not in shared}
    event = show_event(cast(Row, _row(emitted)))
    facts = {name: _fact(event, one) for name, one in own.items() if _is_fact(one)}
    selection = (
        f"id aggregateVersion occurredAt recordedAt actor {{ kind id }} ... on {kind.name} {{ {' '.join(facts)} }}"
    )
    document = f"subscription {{ events(filter: {{ types: [{_quoted(kind.name)}] }}) {{ kind cursor event {{ __typename {selection} }} }} }}"
    actor = show_actor(ActorKind.API_KEY, TENANT)
    common = {
        "__typename": kind.name,
        "id": event.id(),
        "aggregateVersion": event.aggregate_version(),
        "occurredAt": AT.isoformat().replace("+00:00", "Z"),
        "recordedAt": AT.isoformat().replace("+00:00", "Z"),
        "actor": {"kind": actor.kind.name, "id": actor.id},
    }
    info = types.SimpleNamespace(context=types.SimpleNamespace(tenant_id=TENANT))
    item = {"kind": "EVENT", "cursor": event.cursor(cast(Any, info)), "event": {**common, **facts}}
    return Entry(kind.name, kind.description or "", tuple(_told(*one) for one in own.items()), document, item)


def _told(name: str, one: GraphQLField) -> Told:
    return Told(name, str(one.type), one.description or "")


def _is_fact(one: GraphQLField) -> bool:
    """Whether the field only shows what the event holds: its resolver asks nobody."""
    resolver = one.extensions["strawberry-definition"].base_resolver
    return is_leaf_type(get_named_type(one.type)) and not resolver.is_async and resolver.info_parameter is None


def _fact(event: Any, one: GraphQLField) -> Any:
    return _shown(getattr(event, one.extensions["strawberry-definition"].python_name)())


def _shown(value: Any) -> Any:
    """As JSON answers show it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _row(emitted: type[DomainEvent]) -> dict[str, Any]:
    """A row of the log with such an event."""
    hints = get_type_hints(emitted)
    given = FACTS.get(emitted.__name__, {})
    facts = {
        field.name: _sample(field.name, hints[field.name], given.get(field.name, ...)) for field in fields(emitted)
    }
    event = emitted(**{**facts, "aggregate_version": 4, "occurred_at": AT})
    return {
        "id": _uuid("event_id"), "seq": 2041, "epoch": 1, "recorded_at": AT, "occurred_at": AT, "type": emitted.__name__,
        "aggregate_version": 4, "order_id": event.order_id, "plan_id": event.plan_id, "route_id": event.route_id,
        "actor_kind": ActorKind.API_KEY.value, "actor_id": TENANT, "data": orjson.loads(orjson.dumps(event.data())),
    }  # fmt: skip


def _sample(name: str, hint: Any, given: Any) -> Any:
    """A value of the type; ``given`` (... for none) counts for more, members of an enum by their value."""
    kinds = [one for one in get_args(hint) if one is not type(None)] if _is_union(hint) else [hint]
    kind = kinds[0]
    if given is not ...:
        return kind(given) if isinstance(kind, type) and issubclass(kind, Enum) and given is not None else given
    if name in _WORDS:
        return _WORDS[name]
    if get_origin(kind) is list:
        return [_sample(name, get_args(kind)[0], ...)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    samples: dict[Any, Any] = {UUID: _uuid(name), datetime: AT, int: 3, str: "OTHER", bool: True}
    if kind not in samples:
        raise LookupError(f"the event catalog has no sample of {kind!r} for {name}: say one in FACTS")
    return samples[kind]


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in {Union, types.UnionType}


def _uuid(name: str) -> UUID:
    """An id of its own for each name, the same at each run."""
    return UUID(
        int=(TENANT.int & ~0xFFFFFFFFFFFF) | sum(byte * 257**place for place, byte in enumerate(name.encode()[:5]))
    )


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _markdown_table(told: tuple[Told, ...]) -> str:
    rows = [f"| `{one.name}` | `{one.type}` | {one.description.replace('|', chr(92) + '|')} |" for one in told]
    return "\n".join(["| field | type | |", "|---|---|---|", *rows])


def _html_table(told: tuple[Told, ...]) -> str:
    rows = [
        f"<tr><td><code>{escape(one.name)}</code><td><code>{escape(one.type)}</code><td>{_prose(one.description)}"
        for one in told
    ]
    return f"<table>{''.join(rows)}</table>"


def _prose(text: str) -> str:
    """Escaped; what stands between backticks is code."""
    return "".join(
        f"<code>{escape(part)}</code>" if place % 2 else escape(part) for place, part in enumerate(text.split("`"))
    )


_HEAD = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Doorstep: {TITLE.lower()}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }}
table {{ border-collapse: collapse; width: 100% }} td {{ border-top: 1px solid #d0d7de; padding: .3rem .6rem; vertical-align: top }}
pre {{ background: #f3f5f7; padding: .8rem; overflow-x: auto; font-size: 14px; white-space: pre-wrap }} h2 {{ margin-top: 2.5rem }}
</style>"""
