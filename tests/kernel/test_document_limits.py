"""Depth, aliases and root fields of a document; the work is counted in selections looked at, never in time."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    Lexer,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    Source,
    TokenKind,
    get_introspection_query,
    parse,
    specified_rules,
    validate,
)
from tests.conftest import REPOSITORY

from doorstep.demo import documents
from doorstep.kernel.graphql import documents as document_cache
from doorstep.kernel.graphql.faults import public_errors
from doorstep.kernel.graphql.limits import DocumentMeasure, limit_errors
from doorstep.schema import DoorstepSchema, build_schema


@pytest.fixture(scope="module")
def schema() -> DoorstepSchema:
    return build_schema()


def measured(text: str) -> tuple[DocumentMeasure, Any]:
    document = parse(text)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    measure = DocumentMeasure(fragments)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return measure, measure.extent(operation.selection_set)


async def codes(schema: DoorstepSchema, text: str, **variables: Any) -> set[str]:
    """The codes of the errors of the document alone; without a credential it never reaches a resolver."""
    result = await schema.execute(text, variable_values=variables)
    return {str((error.extensions or {})["code"]) for error in public_errors(result)}


def doubling(levels: int, leaf: str = "__typename") -> str:
    """Fragments that spread the next one twice: 2 to the power of ``levels`` leaves in a few hundred bytes."""
    spreads = [f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(levels)]
    return " ".join(["{ ...F0 }", *spreads, f"fragment F{levels} on Query {{ {leaf} }}"])


def nested(levels: int) -> str:
    """The driver of the route of the driver …, ``levels`` fields deep."""
    inner = "id"
    for at in range(levels - 2, 0, -1):
        inner = f"{'driver' if at % 2 else 'currentRoute'} {{ {inner} }}"
    return f'{{ route(id: "x") {{ {inner} }} }}'


@pytest.mark.parametrize("levels", [10, 20, 40])
def test_doubling_fragments_are_looked_at_once_each(levels: int) -> None:
    measure, extent = measured(doubling(levels, "a: __typename"))
    assert measure.visits == 1 + 2 * levels + 1
    assert extent.aliases == 2**levels


def test_fragments_that_lead_back_to_themselves_end() -> None:
    measure, extent = measured(
        "{ ...A } fragment A on Query { a: __typename ...B } fragment B on Query { ...A ...Gone }"
    )
    assert (measure.visits, extent.aliases) == (5, 1)


def test_depth_goes_through_fragments() -> None:
    _, extent = measured("{ a { ...F } } fragment F on X { b { ... on Y { c ...G } } } fragment G on Y { d { e } }")
    assert (extent.depth, extent.introspection_depth) == (4, 0)


def test_introspection_is_measured_apart() -> None:
    _, extent = measured("{ a { b } __schema { types { fields { name } } } }")
    assert (extent.depth, extent.introspection_depth) == (2, 4)


async def test_depth_is_limited(schema: DoorstepSchema) -> None:
    assert measured(nested(12))[1].depth == 12
    assert "QUERY_TOO_COMPLEX" not in await codes(schema, nested(12))
    assert await codes(schema, nested(13)) == {"QUERY_TOO_COMPLEX"}


async def test_aliases_are_limited(schema: DoorstepSchema) -> None:
    def aliased(number: int) -> str:
        return "{ viewer { " + " ".join(f"a{at}: scopes" for at in range(number)) + " } }"

    assert "QUERY_TOO_COMPLEX" not in await codes(schema, aliased(30))
    assert await codes(schema, aliased(31)) == {"QUERY_TOO_COMPLEX"}
    assert await codes(schema, doubling(5, "viewer { a: scopes }")) == {"QUERY_TOO_COMPLEX"}


async def test_root_fields_are_limited(schema: DoorstepSchema) -> None:
    def rooted(number: int, word: str, field: str) -> str:
        return word + " { " + " ".join(f"a{at}: {field}" for at in range(number)) + " }"

    archive = 'archiveDepot(input: {id: "x"}) { problems { code } }'
    assert "QUERY_TOO_COMPLEX" not in await codes(schema, rooted(20, "query", "viewer { scopes }"))
    assert await codes(schema, rooted(21, "query", "viewer { scopes }")) == {"QUERY_TOO_COMPLEX"}
    assert "QUERY_TOO_COMPLEX" not in await codes(schema, rooted(10, "mutation", archive))
    assert await codes(schema, rooted(11, "mutation", archive)) == {"QUERY_TOO_COMPLEX"}


async def test_introspections_are_limited(schema: DoorstepSchema) -> None:
    def asked(number: int) -> str:
        return "{ " + " ".join(f"a{at}: __schema {{ types {{ name }} }}" for at in range(number)) + " }"

    assert await codes(schema, asked(3)) == set()
    assert await codes(schema, asked(4)) == {"QUERY_TOO_COMPLEX"}


async def test_a_repeated_field_is_one_field(schema: DoorstepSchema) -> None:
    assert "QUERY_TOO_COMPLEX" not in await codes(schema, "{ " + "viewer { scopes } " * 40 + "}")


async def test_repeated_objects_are_limited(schema: DoorstepSchema) -> None:
    def repeated(number: int) -> str:
        return "{ viewer { " + "tenant { slug } " * number + "} }"

    assert "QUERY_TOO_COMPLEX" not in await codes(schema, repeated(45))
    assert await codes(schema, repeated(46)) == {"QUERY_TOO_COMPLEX"}


@pytest.mark.parametrize(
    "written",
    [
        lambda times: "{ viewer { " + "scopes " * times + "} }",
        lambda times: "{ viewer { " + "... { scopes } " * times + "} }",
        lambda times: "{ viewer { ...F ...G scopes } } " + "".join(
            f"fragment {name} on Viewer {{ {'scopes ' * (times // 2)}}} " for name in "FG"
        ),
        lambda times: "{ viewer { scopes } } fragment Unused on Viewer { " + "scopes " * times + "}",
    ],
    ids=["in a row", "in inline fragments", "across fragments", "where nobody asks for them"],
)  # fmt: skip
def test_pairs_of_equal_leaves_are_counted_before_they_are_compared(
    schema: DoorstepSchema, monkeypatch: pytest.MonkeyPatch, written: Callable[[int], str]
) -> None:
    compared = []
    conflict = OverlappingFieldsCanBeMergedRule.enter_selection_set

    def counted(rule: Any, *arguments: Any) -> None:
        compared.append(rule)
        conflict(rule, *arguments)

    monkeypatch.setattr(OverlappingFieldsCanBeMergedRule, "enter_selection_set", counted)
    schema.documents.validated(schema.documents.parsed(written(180)))
    assert compared
    compared.clear()
    errors = schema.documents.validated(schema.documents.parsed(written(240)))
    assert [(error.extensions or {})["code"] for error in errors] == ["QUERY_TOO_COMPLEX"]
    assert not compared


def test_operations_are_limited(schema: DoorstepSchema) -> None:
    def operations(number: int) -> str:
        return " ".join(f"query Q{at} {{ __typename }}" for at in range(number))

    assert schema.documents.validated(schema.documents.parsed(operations(30))) == []
    [error] = schema.documents.validated(schema.documents.parsed(operations(31)))
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX"}


def test_circles_are_found_before_the_rules_and_said_in_their_words(
    schema: DoorstepSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "{ ...A } " + " ".join(f"fragment {one} on Query {{ ...{other} }}" for one, other in ("AB", "BC", "CA"))
    [expected] = validate(schema._schema, parse(text), specified_rules)
    monkeypatch.setattr(document_cache, "validate", None)
    [error] = schema.documents.validated(schema.documents.parsed(text))
    assert error.formatted == expected.formatted


def test_the_pass_ends_before_the_stack_does() -> None:
    chain = [f"fragment F{at} on Route {{ driver {{ currentRoute {{ ...F{at + 1} }} }} }}" for at in range(75)]
    [error] = limit_errors(parse(" ".join(["{ ...F0 }", *chain])))
    assert error.extensions == {"code": "QUERY_TOO_COMPLEX"}


def test_errors_are_limited(schema: DoorstepSchema) -> None:
    text = "{ viewer { " + " ".join(f"unknown{at}" for at in range(200)) + " } }"
    errors = schema.documents.validated(schema.documents.parsed(text))
    assert len(errors) == document_cache.MAX_ERRORS + 1
    assert "Too many validation errors" in errors[-1].message


PIECES = ["a", "_B9", "-12", "3", "0.5", "1e9", "-1.5E-3", "...", '""', '"x\\" y"', '"\\u0041"', '"""block \\""" " "" \n x"""', '""""""', "#a \" b\n", "#\r", "\ufeff", *"!$&():=@[]{|}"]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_tokens_are_counted_as_the_lexer_does(
    schema: DoorstepSchema, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    text, starts = "", []
    while len(starts) <= document_cache.MAX_TOKENS:
        text += chance.choice(PIECES) + chance.choice([" ", ",", "\n", "\r\n", "\t "])
        if len(text) % 7 == 0 or len(text) > 4_000:
            starts = list(lexed(text))
    text = text[: starts[document_cache.MAX_TOKENS]]
    assert len(list(lexed(text))) == document_cache.MAX_TOKENS
    parsed: list[str] = []

    def no_parse(read: str, **_others: Any) -> Any:
        parsed.append(read)
        return parse("{ a }")

    monkeypatch.setattr(document_cache, "parse", no_parse)
    schema.documents.parsed(text)
    assert parsed == [text], "as many as may be are read"
    with pytest.raises(GraphQLError, match="more than 1,000 tokens") as refusal:
        schema.documents.parsed(text + "end")
    assert refusal.value.positions == [len(text)]
    assert parsed == [text], "and of one more nothing is"


def lexed(text: str) -> Iterator[int]:
    """Where each token of a text begins."""
    lexer = Lexer(Source(text))
    token = lexer.token
    while (token := lexer.read_next_token(token.end)).kind is not TokenKind.EOF:
        yield token.start


async def test_a_document_is_validated_once(schema: DoorstepSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    validated = []

    def counted(*arguments: Any, **others: Any) -> Any:
        validated.append(arguments)
        return validate(*arguments, **others)

    monkeypatch.setattr(document_cache, "validate", counted)
    for _ in range(5):
        await codes(schema, "query OnlyOnce { viewer { scopes } }")
    assert len(validated) == 1


async def test_the_introspection_of_tools_passes(schema: DoorstepSchema) -> None:
    result = await schema.execute(get_introspection_query(input_value_deprecation=True))
    assert not result.errors


def readme_documents() -> list[str]:
    text = (REPOSITORY / "README.md").read_text()
    return re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)


def demo_documents() -> list[str]:
    named = [
        value
        for name, value in vars(documents).items()
        if name.isupper() and isinstance(value, str) and name != "PROBLEMS"
    ]
    return [*named, *(document for _, document in documents.TO_PASTE)]


@pytest.mark.parametrize("text", [*demo_documents(), *readme_documents()])
def test_the_demo_s_and_the_readme_s_documents_pass(schema: DoorstepSchema, text: str) -> None:
    assert [*validate(schema._schema, parse(text), specified_rules), *limit_errors(parse(text))] == []
