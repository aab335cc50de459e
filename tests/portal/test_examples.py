"""GraphiQL's saved examples and the README's documents fit the schema, so that no newcomer's first click fails."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, get_variable_values, parse, validate

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES: list[dict[str, Any]] = json.loads(
    (REPOSITORY / "src" / "portal" / "public" / "examples.json").read_text("utf-8")
)
README = re.findall(r"^```graphql\n(.*?)^```$", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((REPOSITORY / "schema.graphql").read_text("utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["query"].split("\n")[1][:40])
def test_an_example_is_a_valid_document_with_valid_variables(schema: GraphQLSchema, example: dict[str, Any]) -> None:
    document = parse(example["query"])
    assert validate(schema, document) == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    assert operation.name is not None, "GraphiQL shows the name on the tab"
    coerced = get_variable_values(schema, operation.variable_definitions or [], example.get("variables", {}))
    assert not isinstance(coerced, list), coerced


def test_the_examples_tell_the_main_story() -> None:
    asked = " ".join(example["query"] for example in EXAMPLES)
    story = ("viewer", "createOrder(", "orders(", "createPlan(", "routes(", "events(")
    beside = (
        "createWebhookEndpoint(",
        "createAccessToken(",
        "tenders(",
        "tenderOrder(",
        "auditLog(",
        "eraseRecipient(",
    )
    for field in story + beside:
        assert field in asked


@pytest.mark.parametrize("text", README, ids=range(len(README)))
def test_a_document_of_the_readme_is_valid(schema: GraphQLSchema, text: str) -> None:
    assert validate(schema, parse(text)) == []
