"""The event catalog: it is made from the code, so what can be wrong is that something is missing, or that an example is none."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)

from doorstep import event_catalog
from doorstep.event_catalog import FACTS, Entry, EventCatalog, event_classes
from doorstep.kernel.graphql.events import event_types
from doorstep.schema import build_schema
from doorstep.server import Server, running_server
from doorstep.settings import Settings

SCHEMA = build_schema()._schema
CATALOG = EventCatalog.of(SCHEMA)


def faults(value: Any, kind: Any, place: str) -> Iterator[str]:
    """Where a value is not what the schema says."""
    if value is None:
        if is_non_null_type(kind):
            yield f"{place} is null"
        return
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        for one in value:
            yield from faults(one, kind.of_type, place)
    elif isinstance(kind, GraphQLObjectType):
        for name in value.keys() - {"__typename"}:
            yield from faults(value[name], kind.fields[name].type, f"{place}.{name}")
    elif not _is_a(value, kind):
        yield f"{place}: {value!r} is no {kind.name}"


def _is_a(value: Any, kind: GraphQLEnumType | GraphQLScalarType) -> bool:
    if isinstance(kind, GraphQLEnumType):
        return value in kind.values
    try:
        kind.parse_value(value)
    except Exception:  # noqa: BLE001 - whatever the scalar says
        return False
    return True


def test_every_class_of_event_is_in_it_and_has_a_face():
    assert set(event_classes()) == {kind.__name__ for kind in event_types()} == {one.name for one in CATALOG.entries}
    assert set(event_classes()) >= set(FACTS)
    for name, facts in FACTS.items():
        assert facts.keys() <= {one.name for one in fields(event_classes()[name])}, name
    assert len(CATALOG.entries) > 40


@pytest.mark.parametrize("entry", CATALOG.entries, ids=lambda entry: entry.name)
def test_each_says_when_it_happens_what_it_holds_and_shows_it(entry: Entry):
    assert entry.happens.endswith(".")
    assert all(one.description for one in entry.fields)
    assert validate(SCHEMA, parse(entry.document)) == []
    kind = SCHEMA.type_map[entry.name]
    assert isinstance(kind, GraphQLObjectType)
    event = entry.example["event"]
    assert list(faults(event, kind, entry.name)) == []
    selected = entry.document.rpartition("... on ")[2].partition("{")[2].partition("}")[0].split()
    common = {"__typename", "id", "aggregateVersion", "occurredAt", "recordedAt", "actor"}
    assert set(event) == {*selected, *common}
    assert set(selected) <= {one.name for one in entry.fields}


@pytest.mark.parametrize("entry", CATALOG.entries, ids=lambda entry: entry.name)
def test_an_example_of_a_change_shows_one(entry: Entry):
    event = entry.example["event"]
    assert "from" not in event or event["from"] != event["to"]


def test_planted_faults_an_example_that_does_not_fit_is_seen(monkeypatch: pytest.MonkeyPatch):
    kind = SCHEMA.type_map["OrderStatusChanged"]
    for wrong in ({"to": "DONE"}, {"to": None}, {"attemptNumber": "three"}, {"occurredAt": "yesterday"}):
        assert list(faults(wrong, kind, "event"))
    monkeypatch.setattr(event_catalog, "_WORDS", {})
    monkeypatch.setattr(event_catalog, "FACTS", {"OrderStatusChanged": {"to": "NOWHERE"}})
    with pytest.raises(ValueError, match="NOWHERE"):
        EventCatalog.of(SCHEMA)


async def test_it_is_served_as_a_page_and_as_text(database_urls, tmp_path):
    settings = Settings(_env_file=None, home=tmp_path, roads="straight")  # type: ignore[call-arg]
    async with running_server(settings, database_urls, work=False, port=0) as server:
        page, text = await fetched(server, "/docs/events"), await fetched(server, "/docs/events.md")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert text.headers["content-type"].startswith("text/markdown")
    for entry in CATALOG.entries:
        assert f'<h2 id="{entry.name}">' in page.text
        assert f"## {entry.name}\n\n{entry.happens}" in text.text


async def fetched(server: Server, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as client:
        return (await client.get(path)).raise_for_status()
