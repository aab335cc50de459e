"""``Query.events``: what it says to cursors and filters that are not in order."""

import base64
import struct
from datetime import timedelta
from typing import Any

import pytest
from tests.orders.conftest import Desk

from doorstep.kernel.event_stream import LogPosition, decode_cursor, encode_cursor
from doorstep.kernel.ids import new_id, public_id

LOG = """query ($after: Cursor, $filter: EventFilter) {
  events(first: 250, after: $after, filter: $filter) { nodes { id cursor __typename } pageInfo { endCursor } }
}"""


async def page(desk: Desk, **variables: Any) -> list[str]:
    return [node["id"] for node in (await desk.data(LOG, **variables))["events"]["nodes"]]


async def refusal(desk: Desk, **variables: Any) -> dict[str, Any]:
    answer = await desk.ask(LOG, **variables)
    assert (answer["data"] or {"events": None}) == {"events": None}
    [error] = answer["errors"]
    assert isinstance(error, dict)
    return error


async def end(desk: Desk) -> LogPosition:
    cursor = (await desk.data(LOG))["events"]["pageInfo"]["endCursor"]
    return decode_cursor(desk.tenant_id, cursor)


@pytest.mark.parametrize(
    "forged", ["", "x", "AAAA", "é", "=" * 40, "a" * 40, "A" * 33, "A" * 10_000, "\n", "AQ==", " "]
)
async def test_a_forged_cursor_is_bad_input(desk: Desk, forged: str):
    await desk.place()
    assert (await refusal(desk, after=forged))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_each_bit_of_a_cursor_counts(desk: Desk):
    await desk.place()
    whole = encode_cursor(desk.tenant_id, await end(desk))
    packed = base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4))
    for bit in range(0, len(packed) * 8, 3):
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << bit % 8
        error = await refusal(desk, after=base64.urlsafe_b64encode(changed).decode().rstrip("="))
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_another_tenants_cursor_is_answered_as_a_forged_one(desk: Desk, other: Desk):
    for each in (desk, other):
        await each.place()
    foreign = await refusal(desk, after=encode_cursor(other.tenant_id, await end(other)))
    forged = await refusal(desk, after="x" * 34)
    assert foreign["message"] == forged["message"]
    assert foreign["extensions"] == forged["extensions"]


async def test_a_cursor_from_the_future_is_bad_input(desk: Desk):
    await desk.place()
    last = await end(desk)
    for later in (
        LogPosition(last.epoch, last.seq + 1, last.recorded_at),
        LogPosition(last.epoch, 2**63 - 1, last.recorded_at),
        LogPosition(last.epoch, last.seq, last.recorded_at + timedelta(microseconds=1)),
        LogPosition(last.epoch, 0, last.recorded_at + timedelta(days=4000)),
    ):
        error = await refusal(desk, after=encode_cursor(desk.tenant_id, later))
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    for beyond in (2**63, 2**64 - 1):
        with pytest.raises(struct.error):
            encode_cursor(desk.tenant_id, LogPosition(last.epoch, beyond * 2, last.recorded_at))
        error = await refusal(
            desk, after=encode_cursor(desk.tenant_id, LogPosition(last.epoch, beyond, last.recorded_at))
        )
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("step", [-1, 1, 1000])
async def test_a_cursor_of_another_epoch_is_told_to_read_afresh_with_one_that_works(desk: Desk, step: int):
    await desk.place()
    last = await end(desk)
    for seq in (0, last.seq, last.seq + 100):
        old = LogPosition((last.epoch + step) % 2**31, seq, last.recorded_at + timedelta(days=seq))
        error = await refusal(desk, after=encode_cursor(desk.tenant_id, old))
        assert error["extensions"]["code"] == "RESYNC_REQUIRED"
        assert await page(desk, after=error["extensions"]["cursor"]) == []
    await desk.place()
    assert len(await page(desk, after=error["extensions"]["cursor"])) == 1


async def test_ids_of_others_and_of_nobody_match_nothing(desk: Desk, other: Desk):
    ours, theirs = (await desk.place())["id"], (await other.place())["id"]
    assert len(await page(desk, filter={"orderIds": [ours]})) == 1
    for nobody in (theirs, public_id("order", new_id())):
        assert await page(desk, filter={"orderIds": [nobody]}) == []
        assert len(await page(desk, filter={"orderIds": [nobody, ours]})) == 1
    for kind in ("plan", "route"):
        assert await page(desk, filter={f"{kind}Ids": [public_id(kind, new_id())]}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": ["NoSuchEvent"]}, {"types": ["EventRow"]}, {"types": ["OrderPlaced", ""]}, {"types": []}, {"orderIds": []},
        {"orderIds": ["x"]}, {"orderIds": [""]}, {"planIds": ["order_01jd2n00000000000000000000"]}, {"routeIds": ["route_\u0000"]},
        {"orderIds": ["order_01jd2n00000000000000000000"] * 251}, {"types": ["OrderPlaced"] * 10_000},
    ],
)  # fmt: skip
async def test_filters_that_say_nothing_sensible_are_bad_input(desk: Desk, wrong: dict[str, Any]):
    assert (await refusal(desk, filter=wrong))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_end_moves_on_also_where_the_filter_lets_nothing_through(desk: Desk):
    await desk.place()
    found = (await desk.data(LOG, filter={"types": ["PlanFinished"]}))["events"]
    assert found["nodes"] == []
    assert decode_cursor(desk.tenant_id, found["pageInfo"]["endCursor"]) == await end(desk)
