"""What operations are taken to cost, and what they did; the work is counted in selections looked at, never in time."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, get_introspection_query, parse
from tests.conftest import REPOSITORY
from tests.kernel.test_document_limits import demo_documents, readme_documents

from doorstep.kernel.graphql.costs import Costing
from doorstep.kernel.graphql.prices import INTROSPECTION, WORK
from doorstep.kernel.graphql.tolls import Limits
from doorstep.schema import DoorstepSchema
from doorstep.schema import build_schema as build_doorstep_schema


@pytest.fixture(scope="module")
def schema() -> DoorstepSchema:
    return build_doorstep_schema()


def costing(schema: DoorstepSchema, text: str) -> Costing:
    document = parse(text)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return Costing(schema._schema, schema.documents.prices, document, operation)


def cost(schema: DoorstepSchema, text: str, **variables: Any) -> int:
    return costing(schema, text).requested(variables)


STOPS = "assignment { stops { id route { id driver { name } } } }"


@pytest.mark.parametrize(
    ("text", "variables", "points"),
    [
        ("{ viewer { scopes } }", {}, 1),
        ('{ order(id: "x") { id dropoff { address { line1 } windows { start } } } }', {}, 1),
        ("{ orders { nodes { id } } }", {}, 1 + 50),
        ("{ orders(first: 250) { nodes { id } pageInfo { endCursor } } }", {}, 1 + 250),
        ("{ orders(last: 7) { edges { node { id } } } }", {}, 1 + 7),
        ("{ orders(first: 10) { totalCount nodes { id } } }", {}, 1 + 10 + 10),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 20}, 1 + 20),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {}, 1 + 50),
        ("query ($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 250.0}, 1 + 250),
        ("query ($n: Int = 30) { orders(first: $n) { nodes { id } } }", {}, 1 + 30),
        ("query ($n: Int = 30) { orders(first: $n) { nodes { id } } }", {"n": "x"}, 1 + 50),
        ("{ orders(first: 1000000) { nodes { id } } }", {}, 1 + 250),
        ("{ orders(first: -5) { nodes { id } } }", {}, 1 + 1),
        (f"{{ orders(first: 250) {{ nodes {{ id {STOPS} }} }} }}", {}, 1 + 250 * (1 + 2 * 3)),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 3),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 250}, 250),
        ('mutation { archiveDepot(input: {id: "x"}) { depot { id } } }', {}, 10 + 1),
        ("mutation ($o: [NewOrderInput!]!) { createOrders(input: {orders: $o}) { results { index } } }", {"o": [0] * 1000}, 10 + 200),
        ("{ __schema { types { fields { name } } } }", {}, INTROSPECTION),
        ("{ __typename }", {}, 1),
    ],
)  # fmt: skip
def test_what_is_asked_for_has_its_price(
    schema: DoorstepSchema, text: str, variables: dict[str, Any], points: int
) -> None:
    assert costing(schema, text).requested(variables) == points


def test_of_alternatives_the_dearest_counts(schema: DoorstepSchema) -> None:
    one = "... on OrderStatusChanged { order { id } }"
    other = "... on RouteStatusChanged { route { id stops { id } } }"
    dear = cost(schema, f"{{ events(first: 10) {{ nodes {{ {other} }} }} }}")
    assert dear == 1 + 10 * (1 + 1 + 20)
    assert cost(schema, f"{{ events(first: 10) {{ nodes {{ {one} {other} }} }} }}") == dear
    assert cost(schema, f"{{ events(first: 10) {{ nodes {{ {other} {other} }} }} }}") > dear


@pytest.mark.parametrize("levels", [10, 20, 40])
def test_doubling_fragments_are_priced_once_each(schema: DoorstepSchema, levels: int) -> None:
    spreads = [f"fragment F{at} on Query {{ ...F{at + 1} ...F{at + 1} }}" for at in range(levels)]
    leaf = f"fragment F{levels} on Query {{ viewer {{ tenant {{ slug }} }} orders {{ nodes {{ id }} }} }}"
    found = costing(schema, " ".join(["{ ...F0 }", *spreads, leaf]))
    assert found.visits == 1 + 2 * levels + 6
    assert found.requested({}) == 2**levels * 51


def test_an_answer_costs_what_it_holds(schema: DoorstepSchema) -> None:
    found = costing(schema, f"{{ orders(first: 250) {{ nodes {{ id {STOPS} }} totalCount }} }}")
    stop = {"id": "s", "route": {"id": "r", "driver": {"name": "d"}}}
    nodes = [{"id": "a", "assignment": None}, {"id": "b", "assignment": {"stops": [stop, stop]}}]
    assert found.actual({"orders": {"nodes": nodes, "totalCount": 2}}, {}) == 1 + 10 + 2 + 2 * 3
    assert found.actual({"orders": None}, {}) == 1
    assert found.actual({}, {}) == 1


def test_of_a_long_list_some_items_stand_for_all(schema: DoorstepSchema) -> None:
    found = costing(schema, f"{{ orders(first: 250) {{ nodes {{ {STOPS} }} }} }}")
    stop = {"route": {"driver": {"name": "d"}}}
    for every in (2, 3, 5, 7):
        nodes = [{"assignment": {"stops": [stop] * 2} if at % every == 0 else None} for at in range(250)]
        exact = 1 + 250 + 6 * -(-250 // every)
        assert found.actual({"orders": {"nodes": nodes}}, {}) == pytest.approx(exact, rel=0.25)


def test_a_bulk_answer_costs_a_tenth(schema: DoorstepSchema) -> None:
    text = "mutation ($i: CreateOrdersInput!) { createOrders(input: $i) { results { index order { id } } } }"
    found = costing(schema, text)
    variables = {"i": {"orders": [{}] * 1000}}
    assert found.requested(variables) == 10 + (1000 + 2 * 1000) // 10
    results = [{"index": at, "order": {"id": "x"} if at % 2 else None} for at in range(1000)]
    assert found.actual({"createOrders": {"results": results}}, variables) == pytest.approx(10 + 250, abs=3)


@pytest.mark.parametrize("text", [*demo_documents(), *readme_documents()])
def test_the_demo_s_and_the_readme_s_documents_are_permitted(schema: DoorstepSchema, text: str) -> None:
    assert cost(schema, text) <= Limits().most_points / 4


def test_the_sdl_tells_every_price(schema: DoorstepSchema) -> None:
    """Read back from the SDL alone, the prices are the same, so that a client can work them out."""
    printed = build_schema((REPOSITORY / "schema.graphql").read_text())
    weights = {"Mutation": 10, "Subscription": 10}
    special = {"totalCount": 10, "eventsCursor": 1}
    for name, kind in printed.type_map.items():
        if name.startswith("__") or kind.ast_node is None or not hasattr(kind, "fields"):
            continue
        if not hasattr(kind.ast_node, "interfaces"):
            continue
        assert schema.documents.prices.weights[name] == (0 if _argument(kind.ast_node, "cost", "weight") == "0" else 1)
        for field, details in kind.fields.items():
            price = schema.documents.prices.of(name, field)
            told = _argument(details.ast_node, "cost", "weight")
            expected = WORK.get(f"{name}.{field}", special.get(field, weights.get(name, 0)))
            assert price.weight == int(told or 0) == expected, (name, field)
            assumed = _argument(details.ast_node, "listSize", "assumedSize")
            assert (price.listed if not price.paged else 50) == int(assumed or 1), (name, field)


def _argument(node: Any, directive: str, name: str) -> str | None:
    for one in node.directives or ():
        for argument in one.arguments if one.name.value == directive else ():
            if argument.name.value == name:
                return str(argument.value.value)
    return None


def test_introspection_of_tools_costs_the_same_however_much_it_asks(schema: DoorstepSchema) -> None:
    assert cost(schema, get_introspection_query(input_value_deprecation=True)) == INTROSPECTION
