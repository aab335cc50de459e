"""No value in any place of the schema is answered by a fault of ours, and what is refused leaves nothing behind.

The places and their types are the schema's own. Each push tries two values in every place, so that every value is tried somewhere; before a
release every value is tried in every place of its type.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from graphql import get_named_type
from tests.bad_input.asking import Asker, places_of, question_with
from tests.bad_input.values import LONG_LIST, MEGABYTE, hostile_to
from tests.isolation.arguments import Kinds
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import Place, every_place
from tests.isolation.stages import Stage, open_stage

from doorstep.kernel.postgres.cluster import EmbeddedCluster

LONG_LISTS = {"ID": "order_00000000000000000000000000", "NewOrderInput": {}, "String": "orders:read"}
"""Type → an item that might pass, of a list that is too long."""

SETS_OF_WORDS = {
    "Query.vehicles(filter.skills)", "Query.drivers(filter.skills)", "Query.auditLog(filter.operations)", "Mutation.createApiKey(input.scopes)",
    "Mutation.updateApiKey(input.scopes)", "Mutation.createAccessToken(input.scopes)", "Mutation.createRole(input.permissions)",
    "Mutation.updateRole(input.permissions)",
}  # fmt: skip
"""Where one word ten thousand times is the word once."""

EACH_PUSH = 2
"""Values that are tried in every place."""


@pytest.fixture(scope="module")
async def stage(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with open_stage(cluster, template, tmp_path_factory.mktemp("bad-input")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def asker(stage: Stage) -> Asker:
    return Asker(await stage.desk("mine"), stage.system)


@pytest.fixture(scope="module")
async def kinds(asker: Asker) -> Kinds:
    return await learn_kinds(asker.desk)


def _some(asker: Asker, number: int | None) -> Iterator[tuple[Place, Any]]:
    for at, (place, kind) in enumerate(places_of(asker.desk)):
        values = hostile_to(kind)
        count = len(values) if number is None else min(number, len(values))
        for step in range(count):
            yield place, values[(at * EACH_PUSH + step) % len(values)]


async def _try_all(asker: Asker, kinds: Kinds, number: int | None) -> None:
    for place, value in _some(asker, number):
        if place.owner == "Subscription":
            await asker.try_subscription(place, kinds, value)
        else:
            await asker.try_value(place, kinds, value)


@pytest.mark.timeout(300)
async def test_no_value_is_answered_by_a_fault_of_ours(
    asker: Asker, kinds: Kinds, record_property: Callable[[str, object], None]
) -> None:
    await _try_all(asker, kinds, EACH_PUSH)
    verdict = asker.verdict
    record_property("asked", verdict.asked)
    record_property("slowest", verdict.slowest)
    assert verdict.faults == []
    assert verdict.wrote == []
    assert verdict.asked >= EACH_PUSH * len(list(every_place())) * 0.9


@pytest.mark.release
@pytest.mark.timeout(1800)
async def test_no_value_at_all_is_answered_by_a_fault_of_ours(asker: Asker, kinds: Kinds) -> None:
    await _try_all(asker, kinds, None)
    assert (asker.verdict.faults, asker.verdict.wrote) == ([], [])


@pytest.mark.timeout(300)
async def test_a_list_of_ten_thousand_is_refused_wherever_lists_are_taken(asker: Asker, kinds: Kinds) -> None:
    long = Asker(asker.desk, asker.system)
    for place, kind in places_of(asker.desk):
        if place.listed and place.owner != "Subscription":
            await long.try_value(place, kinds, [LONG_LISTS.get(get_named_type(kind).name, "x")] * LONG_LIST)
    assert (long.verdict.faults, long.verdict.wrote) == ([], [])
    assert set(long.verdict.taken) <= SETS_OF_WORDS


async def test_every_place_of_the_schema_can_be_tried(asker: Asker) -> None:
    assert {str(place) for place, _ in places_of(asker.desk)} == {str(place) for place, _ in every_place()}


@pytest.mark.parametrize("field", ["vehicles", "drivers"])
async def test_planted_fault_a_driver_error_that_nobody_translates_is_noticed(
    stage: Stage, kinds: Kinds, asker: Asker, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """The character U+0000 in a filter came to the database once, and its refusal was INTERNAL."""
    planted = Asker(asker.desk, stage.system)
    place = Place("Query", field, ("filter", "skills"), listed=True)
    await planted.try_value(place, kinds, ["a\x00b"])
    assert planted.verdict.faults == []
    for module in ("driver_errors", "db"):
        monkeypatch.setattr(f"doorstep.kernel.{module}.translate", lambda error: error)
    await planted.try_value(place, kinds, ["a\x00b"])
    assert len(planted.verdict.faults) == 1


# ── documents and bodies ────────────────────────────────────────────────────────────────────────────────────

_ORDER = "{ order(by: {reference: %s}) { id } }"

DOCUMENTS = {
    "a lone surrogate": _ORDER % r'"\uD800"',
    "a lone surrogate in braces": _ORDER % r'"\u{D800}"',
    "beyond Unicode": _ORDER % r'"\u{110000}"',
    "U+0000": _ORDER % r'"\u0000"',
    "U+0000 as it is": _ORDER % '"\x00"',
    "U+0000 in a block": _ORDER % '"""\x00"""',
    "a number past 32 bits": "{ orders(first: 2147483648) { nodes { id } } }",
    "a number without end": "{ orders(first: 1e400) { nodes { id } } }",
    "minus zero": "{ orders(first: -0) { nodes { id } } }",
    "a number for an id": "{ node(id: 99999999999999999999999999) { id } }",
    "lists in lists": "{ nodes(ids: " + "[" * 400 + "]" * 400 + ") { id } }",
    "objects in objects": "{ order(by: " + "{reference: " * 300 + '"x"' + "}" * 300 + ") { id } }",
    "selections in selections": "{ viewer " + "{ tenant " * 300 + "}" * 300 + "}",
    "a variable nobody declared": "{ node(id: $id) { id } }",
    "a default of another type": "query ($first: Int = 1e400) { orders(first: $first) { nodes { id } } }",
    "nothing": "",
    "U+0000 alone": "\x00",
    "a byte order mark and a comment": "\ufeff# nothing",
}


async def _raw(asker: Asker, body: bytes) -> httpx.Response:
    client = asker.desk.client
    return await client.http.post(
        client.server.graphql_url,
        content=body,
        headers={"authorization": f"Bearer {client.key}", "content-type": "application/json"},
    )


REFUSED_UNREAD = {
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "OPERATION_RESOLUTION_FAILURE",
}


@pytest.mark.parametrize("what", DOCUMENTS)
async def test_a_document_with_such_a_literal_is_refused(asker: Asker, what: str) -> None:
    answer = await _raw(asker, json.dumps({"query": DOCUMENTS[what]}).encode())
    codes = {error["extensions"]["code"] for error in answer.json()["errors"]}
    assert codes <= REFUSED_UNREAD, answer.text[:500]
    assert answer.status_code < 500


BODIES = {
    "a lone surrogate": rb'{"query": "{ viewer { scopes } }", "variables": {"x": "\ud800"}}',
    "half a surrogate pair": rb'{"query": "{ viewer { scopes } }", "variables": {"x": "\udc00\ud800"}}',
    "bytes that are no UTF-8": b'{"query": "{ viewer { scopes } }", "variables": {"x": "\xff\xfe"}}',
    "a number without end": b'{"query": "{ viewer { scopes } }", "variables": {"x": 1e400}}',
    "not a number": b'{"query": "{ viewer { scopes } }", "variables": {"x": NaN}}',
    "lists in lists": b'{"query": "{ viewer { scopes } }", "variables": {"x": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}}",
    "objects in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of a million digits": b'{"query": "{ viewer { scopes } }", "variables": {"x": '
    + b"9" * 1_000_000
    + b"}}",
    "variables that are a list": b'{"query": "{ viewer { scopes } }", "variables": [1]}',
    "variables that are a text": b'{"query": "{ viewer { scopes } }", "variables": "{}"}',
    "a query that is a number": b'{"query": 1}',
    "a query that is a list": b'{"query": ["{ viewer { scopes } }"]}',
    "an operation name that is a number": b'{"query": "{ viewer { scopes } }", "operationName": 1}',
    "extensions that are a text": b'{"query": "{ viewer { scopes } }", "extensions": "x"}',
    "nothing": b"",
    "null": b"null",
    "a document of a megabyte": json.dumps({"query": "{ viewer { scopes } } #" + MEGABYTE}).encode(),
}


@pytest.mark.parametrize("what", BODIES)
async def test_a_body_that_is_none_is_refused_in_json(asker: Asker, what: str) -> None:
    answer = await _raw(asker, BODIES[what])
    codes = {error["extensions"]["code"] for error in answer.json().get("errors", ())}
    assert answer.status_code < 500
    assert codes <= REFUSED_UNREAD, answer.text[:500]
    assert answer.status_code in {400, 413} or not codes, answer.text[:500]


async def test_a_variable_of_a_megabyte_is_a_problem_of_its_field(asker: Asker, kinds: Kinds) -> None:
    place = Place("Mutation", "createDriver", ("input", "name"), listed=False)
    question = question_with(asker.desk, kinds, place, MEGABYTE)
    answer = await asker.desk.client.ask(question.document, **question.variables)
    [problem] = answer["data"]["createDriver"]["problems"]
    assert (problem["code"], problem["path"]) == ("INVALID_VALUE", ["name"])
