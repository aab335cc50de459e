"""From commit to subscriber: how long after an order is written its event is in a WebSocket client's hands.

Two clocks tell it. ``recordedAt`` is the server's moment just before the commit, compared with this process's wall clock on the same machine
(so the commit itself is in the figure). The answer of the mutation is what its sender sees: its payload is read after the commit, so a
subscriber may well hear before the sender does, which makes that difference negative.
"""

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from doorstep.bench.documents import EVENTS
from doorstep.bench.figures import Figure, Taking, percentile, percentiles
from doorstep.bench.intake import create_one
from doorstep.bench.stage import Company, Stage

WARM_UP = 20
PAUSE_SECONDS = 0.02
"""Between two orders of the paced client."""

LAST_EVENT_SECONDS = 10.0


@dataclass(slots=True)
class _Heard:
    """What the subscriber received, by order: when (``perf_counter``), and how many ms after it was recorded."""

    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    at: dict[str, float] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)

    def note(self, item: dict[str, Any]) -> None:
        """Take an item of the stream."""
        now, wall = time.perf_counter(), time.time()
        if item["kind"] == "CAUGHT_UP":
            self.caught_up.set()
        event = item["event"]
        if event and event.get("orderId"):
            self.at[event["orderId"]] = now
            self.news.set()
            self.delays[event["orderId"]] = (wall - datetime.fromisoformat(event["recordedAt"]).timestamp()) * 1000


async def delivery(stage: Stage) -> Figure:
    """Milliseconds from commit to subscriber at a pace that leaves the server time to breathe."""
    company = await stage.company("events")
    heard = _Heard()
    listener = asyncio.create_task(_listen(company, heard))
    try:
        await asyncio.wait_for(heard.caught_up.wait(), LAST_EVENT_SECONDS)
        for _ in range(WARM_UP):
            await create_one(company)
        taking = Taking()
        answered: dict[str, float] = {}
        for _ in range(stage.options.events):
            order_id = await create_one(company)
            answered[order_id] = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
        await _all_heard(heard, answered)
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
    return _figure(taking, heard, answered)


async def _listen(company: Company, heard: _Heard) -> None:
    async with aclosing(company.api.watch(EVENTS)) as items:
        async for item in items:
            heard.note(item["events"])


async def _all_heard(heard: _Heard, answered: dict[str, float]) -> None:
    async with asyncio.timeout(LAST_EVENT_SECONDS):
        while not answered.keys() <= heard.at.keys():
            heard.news.clear()
            await heard.news.wait()


def _figure(taking: Taking, heard: _Heard, answered: dict[str, float]) -> Figure:
    delays = [heard.delays[order_id] for order_id in answered]
    after_answer = [(heard.at[order_id] - moment) * 1000 for order_id, moment in answered.items()]
    early = sum(wait <= 0 for wait in after_answer)
    details = {
        **percentiles(delays, "ms"),
        **{f"p{percent}_ms_after_the_answer": percentile(after_answer, percent) for percent in (50, 95, 99)},
        "percent_before_the_answer": 100 * early / len(after_answer),
        "events": len(delays),
    }
    return taking.figure("commit_to_subscriber", "From commit to subscriber, paced", "ms", delays, details)
