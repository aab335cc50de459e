"""``tenders`` as a stream: each side is told of its tenders as they change, and of nobody else's."""

from contextlib import aclosing
from typing import Any

import pytest
from tests.orders.conftest import Desk
from tests.partners.conftest import Pair, do

from doorstep.kernel.graphql import streams
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.ids import public_id
from doorstep.partners.graphql.subscriptions import stream_tenders
from doorstep.partners.model import TenderStatus
from doorstep.partners.reads import PartnerQuery


def context_of(desk: Desk) -> Context:
    return Context(desk.services, desk.principal, "test")


async def told(stream: Any) -> tuple[str, str]:
    """The tender and its state of the next item that has one."""
    async for item in stream:
        if item.tender is not None:
            return public_id("tender", item.tender.uuid), item.tender.status.value
    raise AssertionError("the stream ended")


async def test_both_sides_are_told_of_a_tender_as_it_changes(
    pair: Pair, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)  # nothing wakes anybody here
    everything = PartnerQuery()
    accepted = PartnerQuery(statuses=(TenderStatus.ACCEPTED,))
    async with (
        aclosing(stream_tenders(context_of(pair.merchant), None, everything)) as merchants,
        aclosing(stream_tenders(context_of(pair.carrier), None, accepted)) as carriers,
        aclosing(stream_tenders(context_of(desk), None, everything)) as strangers,
    ):
        starts = [await anext(one) for one in (merchants, carriers, strangers)]
        assert [item.kind.value for item in starts] == ["CAUGHT_UP"] * 3
        _, [tender] = await pair.offered()
        await pair.relay()
        assert await told(merchants) == (tender, "OFFERED")
        await do(pair.carrier, "acceptTender", ids=[tender])
        await pair.relay()
        assert await told(carriers) == (tender, "ACCEPTED")
        assert await told(merchants) == (tender, "ACCEPTED")
    async with aclosing(stream_tenders(context_of(pair.carrier), starts[1].cursor, everything)) as again:
        assert await told(again) == (tender, "ACCEPTED")
    async with aclosing(stream_tenders(context_of(desk), starts[2].cursor, everything)) as again:
        assert (await anext(again)).tender is None
