"""Two servers on one embedded cluster: what one writes wakes the other's subscribers, and the death of one loses nothing."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest
from tests.faults.checking import FeedVerdict, OrderVerdict, judge_feed, judge_orders, numbering_faults
from tests.faults.clients import CREATE_ORDER, Api, OrderLog, Subscriber, order_input, place_orders
from tests.faults.conftest import Home, what_is_there
from tests.faults.processes import eventually, serving


@pytest.mark.timeout(150)
async def test_two_servers_share_one_cluster(home: Home, record_property: Callable[[str, object], None]) -> None:
    async with (
        serving(home.path, home.log, count=2) as (first, second),
        Api(first.graphql_url, home.key) as api,
        Api(second.graphql_url, home.key) as other_api,
    ):
        watching = Subscriber(second.socket_url, home.key)
        follow = asyncio.create_task(watching.follow())
        await asyncio.wait_for(watching.caught_up.wait(), 30)

        waits = []
        for number in range(9):
            seen = len(watching.seen)
            await api.data(CREATE_ORDER, input=order_input(f"wake-{number}"))
            started = time.monotonic()
            await eventually(lambda seen=seen: len(watching.seen) > seen, "the event on the other server", 10)
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.05)
        record_property("median_wake_ms", round(1000 * sorted(waits)[4]))

        log, stop = OrderLog(), asyncio.Event()
        placing = [
            asyncio.create_task(place_orders(f"{name}{number}", one, log, stop, random.Random(number)))
            for number in range(2)
            for name, one in (("first", api), ("second", other_api))
        ]
        await eventually(lambda: len(log.acknowledged) >= 20, "orders through both", 60)
        first.kill()  # it started the cluster; its supervisor and server live on for the second
        await asyncio.sleep(0.5)
        before = sum(key.startswith("second") for key in log.acknowledged)
        await eventually(
            lambda: sum(key.startswith("second") for key in log.acknowledged) >= before + 10,
            "orders after the death",
            30,
        )
        api.url = second.graphql_url  # the dead server's clients go to the other one, with the same keys
        await asyncio.sleep(1)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*placing), 60)
        stored, events, numbers = await what_is_there(home)
        await eventually(lambda: len(watching.seen) >= len(events), "the end of the log", 20)
        follow.cancel()
        record_property("orders", len(stored))
        record_property("acknowledged", len(log.acknowledged))
        record_property("events", len(events))
        assert judge_orders(log.acknowledged, stored) == OrderVerdict([], [], [])
        assert numbering_faults(numbers) == []
        assert judge_feed(watching.seen, events) == FeedVerdict()
        assert (log.unexpected, watching.unexpected, second.complaints()) == ([], [], [])
