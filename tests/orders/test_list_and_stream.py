"""A list and the stream after it: with the cursor of the list's own snapshot nothing is missed between them and nothing comes twice."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.orders.conftest import Desk, dropoff

from doorstep.kernel.event_stream import encode_cursor, log_head
from doorstep.kernel.graphql import connections
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.scope import Permission

LIST = "{ orders(first: 250) { eventsCursor nodes { id status version } } }"
AFTER = """query ($after: Cursor!) { events(first: 250, after: $after) { pageInfo { endCursor hasNextPage } nodes {
  __typename aggregateVersion ... on OrderPlaced { orderId began: status } ... on OrderStatusChanged { orderId to } ... on OrderUpdated { orderId }
} } }"""

State = dict[str, tuple[int, str]]


async def listed(desk: Desk) -> tuple[State, str]:
    found = (await desk.data(LIST))["orders"]
    return {node["id"]: (node["version"], node["status"]) for node in found["nodes"]}, found["eventsCursor"]


async def follow(desk: Desk, state: State, cursor: str) -> None:
    """Carry the events after the cursor out on the list, as a client does; an order's version shows what was missed or came twice."""
    while True:
        page = (await desk.data(AFTER, after=cursor))["events"]
        for event in page["nodes"]:
            if "orderId" in event:
                version, status = state.get(event["orderId"], (0, ""))
                assert event["aggregateVersion"] == version + 1, f"{event} after version {version}"
                state[event["orderId"]] = (version + 1, event.get("began") or event.get("to") or status)
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return


async def write(desk: Desk, steps: int) -> None:
    """An order that is placed, changed and cancelled, again and again."""
    for _ in range(steps):
        order_id = (await desk.place())["id"]
        await desk.change("updateOrder", "id", id=order_id, priority=3)
        await desk.change("cancelOrder", "id", id=order_id, reason="CUSTOMER_REQUEST")


async def test_lists_taken_while_others_write_all_come_to_what_was_committed(desk: Desk):
    writing = [asyncio.create_task(write(desk, 5)) for _ in range(4)]
    begun = []
    while not all(task.done() for task in writing):
        begun.append(await listed(desk))
    await asyncio.gather(*writing)
    committed, _ = await listed(desk)
    assert len(committed) == 20
    assert len({cursor for _, cursor in begun}) > 3, "the lists are of different moments"
    for state, cursor in begun:
        await follow(desk, state, cursor)
        assert state == committed


def _with_a_write_before(desk: Desk, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    """Somebody places an order after the page was read and before its cursor is."""

    async def load(context: Context, tenant_ids: list[UUID]) -> list[Cursor]:
        monkeypatch.undo()
        await desk.place(dropoff=dropoff())
        found: list[Cursor] = await read(context, tenant_ids)
        return found

    monkeypatch.setattr(connections, "load_log_end", load)


async def test_what_is_written_between_the_page_and_its_cursor_comes_after_the_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    _with_a_write_before(desk, monkeypatch, connections.load_log_end)
    state, cursor = await listed(desk)
    assert state == {}
    await follow(desk, state, cursor)
    assert state == (await listed(desk))[0]
    assert len(state) == 1


async def test_planted_fault_a_cursor_of_another_moment_leaves_a_hole(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    async def elsewhere(context: Context, tenant_ids: list[UUID]) -> list[Cursor]:
        async with context.services.db.snapshot(context.principal) as tx:
            return [Cursor(encode_cursor(tenant_id, await log_head(tx, tenant_id))) for tenant_id in tenant_ids]

    _with_a_write_before(desk, monkeypatch, elsewhere)
    state, cursor = await listed(desk)
    await follow(desk, state, cursor)
    assert state == {}, "the order is in neither"
    assert len((await listed(desk))[0]) == 1


async def test_every_list_of_an_operation_has_the_same_cursor(desk: Desk):
    await desk.place()
    found = await desk.data(
        "{ orders(last: 1) { eventsCursor nodes { events { eventsCursor } } } routes { eventsCursor } plans { eventsCursor } "
        "events(first: 250) { eventsCursor pageInfo { endCursor } } }"
    )
    end = found["events"]["pageInfo"]["endCursor"]
    assert {found[name]["eventsCursor"] for name in ("orders", "routes", "plans", "events")} == {end}
    assert found["orders"]["nodes"][0]["events"]["eventsCursor"] == end


async def test_it_needs_the_right_to_read_events_and_the_page_comes_without(desk: Desk):
    order = await desk.place()
    answer = await desk.without(Permission.EVENTS_READ).ask("{ orders { eventsCursor nodes { id } } }")
    assert answer["data"]["orders"] == {"eventsCursor": None, "nodes": [{"id": order["id"]}]}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
