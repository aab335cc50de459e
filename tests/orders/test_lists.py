"""``order``, ``orders``, ``nodes``, ``Order.events``: pages by key, filters, walls, and a constant number of statements."""

import base64
from typing import Any
from uuid import UUID

import orjson
import pytest
from tests.orders.conftest import ORDER, Desk, dropoff, uuid_of, window

from doorstep.kernel.paging import Sort, cursor_of
from doorstep.kernel.scope import Permission
from doorstep.orders.model import OrderStatus
from doorstep.orders.service import Move, move_orders

PAGE = """
query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $filter: OrderFilter, $orderBy: OrderOrdering) {
  orders(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    nodes { id reference } edges { cursor node { id } } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def page(desk: Desk, **variables: Any) -> dict[str, Any]:
    orders: dict[str, Any] = (await desk.data(PAGE, **variables))["orders"]
    return orders


def names(found: dict[str, Any]) -> list[str]:
    return [node["reference"] for node in found["nodes"]]


async def fill(desk: Desk) -> None:
    """Seven orders: o0 … o6, due on the hour or at no time, with two priorities."""
    await desk.place_many(
        [
            {
                "reference": f"o{at}",
                "displayReference": f"#{at % 2}",
                "priority": at % 2,
                "dropoff": dropoff(windows=[window("08:00", f"{20 - at}:00")] if at < 5 else []),
            }
            for at in range(7)
        ]
    )


SORTS: list[tuple[dict[str, str] | None, list[int]]] = [
    (None, [6, 5, 4, 3, 2, 1, 0]),
    ({"field": "CREATED_AT", "direction": "ASC"}, [0, 1, 2, 3, 4, 5, 6]),
    ({"field": "DUE_AT", "direction": "ASC"}, [4, 3, 2, 1, 0, 5, 6]),
    ({"field": "DUE_AT", "direction": "DESC"}, [6, 5, 0, 1, 2, 3, 4]),
    ({"field": "PRIORITY", "direction": "DESC"}, [5, 3, 1, 6, 4, 2, 0]),
    ({"field": "PRIORITY", "direction": "ASC"}, [0, 2, 4, 6, 1, 3, 5]),
]


@pytest.mark.parametrize(("order_by", "expected"), SORTS)
async def test_pages_forwards_and_backwards_hold_every_order_once(
    desk: Desk, order_by: dict[str, str] | None, expected: list[int]
) -> None:
    await fill(desk)
    wanted = [f"o{at}" for at in expected]
    forwards: list[str] = []
    after: str | None = None
    for _ in range(4):
        found = await page(desk, first=2, after=after, orderBy=order_by)
        forwards += names(found)
        after = found["pageInfo"]["endCursor"]
        assert found["totalCount"] == 7
        assert found["pageInfo"]["hasNextPage"] is (len(forwards) < 7)
    assert forwards == wanted
    backwards: list[str] = []
    before: str | None = None
    for _ in range(3):
        found = await page(desk, last=3, before=before, orderBy=order_by)
        backwards = names(found) + backwards
        before = found["pageInfo"]["startCursor"]
        assert found["pageInfo"]["hasPreviousPage"] is (len(backwards) < 7)
    assert backwards == wanted


async def test_a_page_stays_put_while_orders_come_in(desk: Desk) -> None:
    await fill(desk)
    first = await page(desk, first=3)
    await desk.place(reference="newer")
    second = await page(desk, first=3, after=first["pageInfo"]["endCursor"])
    assert names(first) + names(second) == ["o6", "o5", "o4", "o3", "o2", "o1"]
    assert second["edges"][0]["node"]["id"] == second["nodes"][0]["id"]


FILTERS: list[tuple[dict[str, Any], set[int]]] = [
    ({"statuses": ["ASSIGNED", "CANCELLED"]}, {0, 1}),
    ({"statuses": ["PENDING"], "displayReference": "#0"}, {2, 4, 6}),
    ({"references": ["o2", "o5", "nope"]}, {2, 5}),
    ({"dueFrom": "2027-03-01T17:00:00Z", "dueTo": "2027-03-01T19:00:00Z"}, {2, 3}),
    ({"createdTo": "2020-01-01T00:00:00Z"}, set()),
    ({"createdFrom": "2020-01-01T00:00:00Z", "kinds": ["DELIVERY"], "locationStatus": "LOCATED"}, set(range(7))),
    ({"kinds": ["PICKUP_AND_DELIVERY"]}, set()),
    ({"locationStatus": "NEEDS_LOCATION"}, set()),
]


@pytest.mark.parametrize(("filter_", "expected"), FILTERS)
async def test_filters(desk: Desk, filter_: dict[str, Any], expected: set[int]) -> None:
    await fill(desk)
    found = {node["reference"]: node["id"] for node in (await page(desk))["nodes"]}
    async with desk.scope() as scope:
        moves = {"o0": OrderStatus.ASSIGNED, "o1": OrderStatus.CANCELLED}
        await move_orders(scope, [Move(uuid_of(found[name]), to) for name, to in moves.items()])
    answer = await page(desk, filter=filter_)
    assert set(names(answer)) == {f"o{at}" for at in expected}
    assert answer["totalCount"] == len(expected)


async def test_a_filter_by_depot(desk: Desk) -> None:
    depot = await desk.depot()
    await desk.place(reference="here", depotId=depot)
    await desk.place(reference="anywhere")
    assert names(await page(desk, filter={"depotIds": [depot]})) == ["here"]


def forged(desk: Desk, value: object, tag: str = "orders.PRIORITY.DESC", identifier: object = "0" * 32) -> str:
    """A cursor that bears the right tenant's mark; what else is in it nobody of ours wrote."""
    kind = Sort("FORGED", "column", str)
    padded = cursor_of("forged", kind, {"column": "", "id": UUID(int=0)}, desk.tenant_id)  # type: ignore[arg-type]
    mark = orjson.loads(base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)))[-1]
    return base64.urlsafe_b64encode(orjson.dumps([tag, value, identifier, mark])).decode().rstrip("=")


@pytest.mark.parametrize("cursor", ["abc", "A" * 1000, base64.urlsafe_b64encode(b"{}").decode().rstrip("=")])
async def test_garbage_is_no_cursor(desk: Desk, cursor: str) -> None:
    assert await desk.errors(PAGE, after=cursor) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "parts",
    [
        {"value": 10**18},
        {"value": "x"},
        {"value": None},
        {"value": True},
        {"value": 1, "identifier": "?"},
        {"value": 1, "identifier": 7},
        {"value": 1, "tag": "depots.name.ASC"},
        {"value": 1, "tag": "orders.CREATED_AT.DESC"},
    ],
    ids=str,
)
async def test_a_forged_cursor_is_the_clients_fault(desk: Desk, parts: dict[str, Any]) -> None:
    by_priority = {"field": "PRIORITY", "direction": "DESC"}
    assert await desk.errors(PAGE, after=forged(desk, 1), orderBy=by_priority) == []
    assert await desk.errors(PAGE, after=forged(desk, **parts), orderBy=by_priority) == ["BAD_USER_INPUT"]
    assert await desk.errors(PAGE, before=forged(desk, **parts), orderBy=by_priority) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("value", ["2027-01-01T00:00:00", "0001-01-01T00:00:00+00:00", "now", 5])
async def test_a_forged_instant_is_the_clients_fault(desk: Desk, value: object) -> None:
    assert await desk.errors(PAGE, after=forged(desk, value, tag="orders.CREATED_AT.DESC")) == ["BAD_USER_INPUT"]


async def test_another_tenants_cursor_is_refused_as_garbage_is(desk: Desk, other: Desk) -> None:
    await desk.place(reference="one")
    await other.place(reference="one")
    theirs = (await page(other, first=1))["pageInfo"]["endCursor"]
    assert await desk.errors(PAGE, after=theirs) == ["BAD_USER_INPUT"]


async def test_a_cursor_of_another_sort_is_refused(desk: Desk) -> None:
    await fill(desk)
    cursor = (await page(desk, first=1))["pageInfo"]["endCursor"]
    assert await desk.errors(PAGE, after=cursor, orderBy={"field": "DUE_AT"}) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 251},
        {"last": 251},
        {"first": -1},
        {"first": 1, "last": 1},
        {"filter": {"statuses": []}},
        {"filter": {"references": ["x"] * 251}},
        {"filter": {"references": ["a\x00"]}},
        {"filter": {"displayReference": "\x00"}},
        {"filter": {"depotIds": ["depot_1"]}},
        {"filter": {"statuses": ["LOST"]}},
        {"filter": {"colour": "red"}},
        {"after": "no cursor!"},
    ],
)
async def test_bad_arguments_of_a_list(desk: Desk, variables: dict[str, Any]) -> None:
    assert set(await desk.errors(PAGE, **variables)) == {"BAD_USER_INPUT"}


async def test_a_page_of_a_hundred_takes_as_many_statements_as_one_of_two(desk: Desk) -> None:
    depot = await desk.depot()
    await desk.place_many(
        [
            {
                "kind": "PICKUP_AND_DELIVERY",
                "pickup": dropoff(),
                "dropoff": dropoff(contact={"name": f"N{at}"}),
                "packages": [{"barcode": f"{at}a"}, {"barcode": f"{at}b"}],
                "depotId": depot,
            }
            for at in range(100)
        ]
    )
    document = (
        f"query($first: Int) {{ orders(first: $first) {{ nodes {{ {ORDER} depot {{ name }} "
        "events(first: 3) { totalCount nodes { __typename ... on OrderPlaced { order { id } } } } } totalCount } }"
    )
    await desk.data(document, first=1)
    sent: dict[int, list[str]] = {}
    for first in (2, 100):
        with desk.statements.counted() as sent[first]:
            nodes = (await desk.data(document, first=first))["orders"]["nodes"]
        assert len(nodes) == first
        assert all(
            len(node["packages"]) == 2 and node["pickup"] and node["events"]["totalCount"] == 1 for node in nodes
        )
    assert len(sent[100]) == len(sent[2]) == 8


async def test_nodes_by_id(desk: Desk, other: Desk) -> None:
    order = await desk.place(packages=[{"barcode": "P"}])
    theirs = await other.place(packages=[{"barcode": "Q"}])
    ids = [order["id"], order["packages"][0]["id"], theirs["id"], theirs["packages"][0]["id"]]
    document = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Order { version } ... on Package { barcode } } }"
    )
    found = (await desk.data(document, ids=ids))["nodes"]
    assert found == [
        {"__typename": "Order", "id": ids[0], "version": 1},
        {"__typename": "Package", "id": ids[1], "barcode": "P"},
        None,
        None,
    ]
    assert await desk.without(Permission.ORDERS_READ).errors(document, ids=ids[:1]) == ["FORBIDDEN"]


async def test_another_tenants_orders_do_not_exist(desk: Desk, other: Desk) -> None:
    theirs = await other.place(reference="secret")
    by_id = "query($id: ID!) { order(by: {id: $id}) { id } }"
    assert (await desk.data(by_id, id=theirs["id"]))["order"] is None
    assert (await desk.data('{ order(by: {reference: "secret"}) { id } }'))["order"] is None
    assert (await page(desk))["nodes"] == []
    assert names(await page(desk, filter={"references": ["secret"]})) == []
    depot = await other.depot()
    assert names(await page(desk, filter={"depotIds": [depot]})) == []


@pytest.mark.parametrize(
    "by",
    [
        "{}",
        '{id: "order_1"}',
        '{id: "order_01h2xcejqtf2nbrexx3vqjhp41", reference: "a"}',
        '{reference: "\\u0000"}',
        "{id: null}",
    ],
)
async def test_order_by_exactly_one_sound_key(desk: Desk, by: str) -> None:
    codes = await desk.errors(f"{{ order(by: {by}) {{ id }} }}")
    assert codes
    assert set(codes) <= {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"}


async def test_the_events_of_an_order_page_by_the_logs_own_cursors(desk: Desk) -> None:
    order = await desk.place()
    await desk.place()
    for priority in (1, 2):
        await desk.change("updateOrder", id=order["id"], priority=priority)
    await desk.change("cancelOrder", id=order["id"])
    document = """
        query($id: ID!, $after: Cursor) { order(by: {id: $id}) { events(first: 2, after: $after) {
            totalCount nodes { __typename aggregateVersion } pageInfo { hasNextPage endCursor } } } }
    """
    first = (await desk.data(document, id=order["id"]))["order"]["events"]
    assert [(node["__typename"], node["aggregateVersion"]) for node in first["nodes"]] == [
        ("OrderPlaced", 1),
        ("OrderUpdated", 2),
    ]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    after = first["pageInfo"]["endCursor"]
    second = (await desk.data(document, id=order["id"], after=after))["order"]["events"]
    assert [node["__typename"] for node in second["nodes"]] == ["OrderUpdated", "OrderStatusChanged"]
    assert second["pageInfo"]["hasNextPage"] is False
    log = await desk.data("query($after: Cursor) { events(after: $after) { nodes { __typename } } }", after=after)
    assert [node["__typename"] for node in log["events"]["nodes"]] == ["OrderUpdated", "OrderStatusChanged"]
    assert await desk.without(Permission.EVENTS_READ).errors(document, id=order["id"]) == ["FORBIDDEN"]
    assert await desk.errors(document, id=order["id"], after="abc") == ["BAD_USER_INPUT"]


async def test_events_tell_facts_as_of_then_and_the_order_as_of_now(desk: Desk) -> None:
    order = await desk.place(reference="then", dropoff=dropoff(windows=[window("09:00", "10:00")]))
    await desk.change("updateOrder", id=order["id"], reference="now")
    await desk.change("cancelOrder", id=order["id"], reason="DUPLICATE")
    document = """
        query { events { nodes { __typename id aggregateVersion occurredAt actor { kind }
            ... on OrderPlaced { orderId reference displayReference kind status dueAt locationStatus order { reference status } }
            ... on OrderUpdated { changes }
            ... on OrderStatusChanged { from to reason attemptNumber } } } }
    """
    placed, updated, cancelled = (await desk.data(document))["events"]["nodes"]
    assert (placed["status"], placed["dueAt"]) == ("PENDING", window("09:00", "10:00")["end"])
    assert (placed["reference"], placed["displayReference"]) == ("now", None)  # texts are not in the log
    assert placed["orderId"] == order["id"]
    assert placed["order"] == {"reference": "now", "status": "CANCELLED"}
    assert updated["changes"] == ["reference"]
    assert (cancelled["from"], cancelled["to"], cancelled["reason"]) == ("PENDING", "CANCELLED", "DUPLICATE")
    blind = desk.without(Permission.ORDERS_READ)
    unseen = (await blind.data(document))["events"]["nodes"][0]
    assert (unseen["order"], unseen["reference"]) == (None, None)
