"""FEED-EXACT for a crowd: 32 writers, 50 subscribers by WebSocket and SSE, two servers on one database, and everything is killed throughout.

Subscribers cut themselves off at random, come back to either server and go on from their last cursor; most have a filter. In the end the list of
each is the committed list as its filter lets it through: nothing missing, nothing twice, in order.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.faults.checking import FeedVerdict, OrderVerdict, StoredOrder, judge_feed, judge_orders, numbering_faults
from tests.faults.clients import Api, OrderLog, place_once
from tests.faults.conftest import Home
from tests.faults.crowd import EventSourceWanderer, Quota, Wanderer, Wish, Writer
from tests.faults.planted import FAULTS as PLANTED
from tests.faults.planted import SEQUENCE
from tests.faults.processes import Cluster, Serve, eventually, serving

from doorstep.kernel.ids import public_id

KILLS = (
    "backend",
    "server",
    "postmaster",
    "backend",
    "postmaster",
    "server",
    "backend",
    "supervisor",
    "postmaster",
    "everything",
)
ROOMY = {"DOORSTEP_BUCKET_POINTS": "1000000000", "DOORSTEP_BUCKET_POINTS_PER_SECOND": "100000000"}
KNOWN = 8
"""Orders that writers change and subscribers ask for by id."""


@dataclass(frozen=True)
class Drill:
    """How hard, and from which seed."""

    faults: int
    events: int
    writers: int = 32
    subscribers: int = 50
    lives: tuple[float, float] = (2.0, 8.0)
    patience: float = 30.0
    """How long nobody may hear anything new before the lists are taken as they are."""
    seed: int = 20_261_125


@dataclass(frozen=True)
class Stored:
    """What is committed."""

    orders: list[StoredOrder]
    events: list[tuple[str, str, str]]
    """Id, type and order of each, in the log's order."""
    numbers: list[int]

    def wanted(self, wish: Wish) -> list[str]:
        """The ids that a filter lets through."""
        return [id_ for id_, type_, order in self.events if wish.wants(type_, order)]


class Crowd:
    """Servers, writers and subscribers of one drill."""

    def __init__(self, drill: Drill, home: Home, servers: Sequence[Serve], apis: Sequence[Api]) -> None:
        self.drill = drill
        self.home = home
        self.servers = servers
        self.log = OrderLog()
        self.done: Counter[str] = Counter()
        self.watching: list[Wanderer] = []
        self._apis = apis
        self._cluster = Cluster(home.path)
        self._chance = random.Random(drill.seed)
        self._quota = Quota()

    async def run(self) -> Stored:
        """All faults while all write and all listen; then the committed list, when everybody had the time to hear of it."""
        known = [await place_once(f"known-{number}", self._apis[0], self.log) for number in range(KNOWN)]
        orders = [id_ for id_ in known if id_ is not None]
        self.watching = [self._subscriber(number, orders) for number in range(self.drill.subscribers)]
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            follows = [group.create_task(subscriber.follow()) for subscriber in self.watching]
            for subscriber in self.watching:
                await eventually(lambda one=subscriber: one.cursor is not None, "the first word", 60)
            writing = [
                group.create_task(Writer(f"w{number}", self._apis, orders, self.log, self._quota).write(stop))
                for number in range(self.drill.writers)
            ]
            await self._hurt_again_and_again()
            stop.set()
            self._quota.allow(self._quota.written + self.drill.events)  # nobody waits for a turn that does not come
            await asyncio.wait_for(asyncio.gather(*writing), 120)
            stored = await self._stored()
            await self._heard([len(stored.wanted(subscriber.wish)) for subscriber in self.watching])
            for follow in follows:
                follow.cancel()
        return stored

    def _subscriber(self, number: int, orders: Sequence[str]) -> Wanderer:
        """One in six hears everything; the others have one of four filters. Half of all read by SSE."""
        wish = Wish()
        if number % 6:
            wish = (
                Wish(types=frozenset({"OrderUpdated"})),
                Wish(orders=frozenset({orders[number % KNOWN]})),
                Wish(types=frozenset({"OrderUpdated", "OrderStatusChanged"}), orders=frozenset(orders[:4])),
                Wish(orders=frozenset(orders)),
            )[number % 4]
        sse = number // 6 % 2 == 0
        urls = [server.graphql_url if sse else server.socket_url for server in self.servers]
        kind = EventSourceWanderer if sse else Wanderer
        return kind(urls, self.home.key, wish, self.drill.seed + number, self.drill.lives)

    async def _hurt_again_and_again(self) -> None:
        """Each fault comes somewhere in the writing of its share of the events, while calls are under way."""
        share = self.drill.events / (self.drill.faults + 1)
        while self.done.total() < self.drill.faults:
            number = self.done.total()
            self._quota.allow(round(share * (number + 1)))
            wanted = share * (number + self._chance.uniform(0.2, 0.9))
            await eventually(lambda least=wanted: self._quota.written >= least, f"writing after {dict(self.done)}", 90)
            kill = KILLS[number % len(KILLS)]
            self.done[kill] += await self._hurt(kill)
        self._quota.allow(self.drill.events)
        await eventually(lambda: self._quota.written >= self.drill.events, "the rest of the writing", 120)

    async def _hurt(self, kill: str) -> bool:
        if kill == "server":
            victim = self.servers[self.done[kill] % len(self.servers)]
            victim.kill()
            victim.launch()
            return True
        if kill == "everything":
            for server in self.servers:
                server.kill()
            done = self._cluster.kill_all()
            for server in self.servers:
                server.launch()
            return done
        if kill == "supervisor":
            return self._cluster.kill_supervisor()
        if kill == "postmaster":
            return self._cluster.kill_postmaster()
        return self._cluster.kill_backend(self._chance.randrange(100))

    async def _stored(self) -> Stored:
        async with self.home.truth() as truth:
            orders = await truth.fetch("SELECT id, display_reference FROM orders")
            events = await truth.fetch("SELECT id, type, order_id, seq FROM events ORDER BY seq")
        return Stored(
            [StoredOrder(public_id("order", row["id"]), row["display_reference"]) for row in orders],
            [(public_id("event", row["id"]), row["type"], public_id("order", row["order_id"])) for row in events],
            [row["seq"] for row in events],
        )

    async def _heard(self, counts: Sequence[int]) -> None:
        """Until everybody has heard as much as there is, or for so long nobody anything new; and a moment for one event too many."""
        heard, since = -1, time.monotonic()
        while any(len(one.seen) < count for one, count in zip(self.watching, counts, strict=True)):
            now = sum(len(one.seen) for one in self.watching)
            if now != heard:
                heard, since = now, time.monotonic()
            if time.monotonic() - since > self.drill.patience:
                return
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)

    def verdicts(self, stored: Stored) -> list[FeedVerdict]:
        """What each subscriber's list lacks of the committed one, and has beyond it. They all began after the known orders were placed."""
        known = {order.id for order in stored.orders if order.key.startswith("known-")}
        placed = {id_ for id_, type_, order in stored.events if type_ == "OrderPlaced" and order in known}
        return [
            judge_feed(one.seen, [id_ for id_ in stored.wanted(one.wish) if id_ not in placed]) for one in self.watching
        ]


@asynccontextmanager
async def crowded(drill: Drill, home: Home, kind: type[Serve] = Serve, **environment: str) -> AsyncIterator[Crowd]:
    """Two servers and a crowd that is about to run."""
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(
            serving(home.path, home.log, count=2, kind=kind, **ROOMY, **environment)
        )
        apis = [await stack.enter_async_context(Api(server.graphql_url, home.key)) for server in servers]
        yield Crowd(drill, home, servers, apis)


async def _keeps_its_promises(drill: Drill, home: Home, record: Callable[[str, object], None]) -> None:
    began = time.monotonic()
    async with crowded(drill, home) as crowd:
        started = time.monotonic() - began
        stored = await crowd.run()
        cuts = sum((one.cuts for one in crowd.watching), Counter())
        for name, value in {
            "faults": dict(crowd.done), "events": len(stored.events), "heard": sum(len(one.seen) for one in crowd.watching),
            "cuts": dict(cuts), "retries": dict(crowd.log.retries), "starts": [server.starts for server in crowd.servers],
            "seconds to start": round(started), "seconds": round(time.monotonic() - began),
        }.items():  # fmt: skip
            record(name, value)
        assert crowd.done.total() >= drill.faults
        assert len(stored.events) >= drill.events
        assert crowd.verdicts(stored) == [FeedVerdict()] * drill.subscribers
        assert judge_orders(crowd.log.acknowledged, stored.orders) == OrderVerdict([], [], [])
        assert numbering_faults(stored.numbers) == []
        assert crowd.log.unexpected == []
        assert [one.unexpected for one in crowd.watching] == [[]] * drill.subscribers
        assert [server.complaints() for server in crowd.servers] == [[], []]


@pytest.mark.timeout(600)
async def test_a_crowd_hears_what_is_committed_once_each_in_order(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    await _keeps_its_promises(Drill(faults=60, events=20_000), home, record_property)


@pytest.mark.release
@pytest.mark.timeout(3000)
async def test_a_crowd_hears_it_through_two_hundred_kills(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    """The longer run, for before a release."""
    await _keeps_its_promises(Drill(faults=200, events=60_000), home, record_property)


class PlantedServe(Serve):
    """Serves with a fault; which one says its environment."""

    module = "tests.faults.planted"


@pytest.mark.timeout(170)
@pytest.mark.parametrize("fault", PLANTED)
async def test_the_same_drill_sees_a_fault_that_is_easily_made(
    fault: str, home: Home, record_property: Callable[[str, object], None]
) -> None:
    async with home.truth() as truth:
        await truth.execute(SEQUENCE)
    drill = Drill(faults=3, events=900, subscribers=12, lives=(0.3, 1.5), patience=4.0)
    async with crowded(drill, home, PlantedServe, PLANTED=fault) as crowd:
        verdicts = crowd.verdicts(await crowd.run())
    missing = [len(verdict.missing) for verdict in verdicts]
    record_property("missing", missing)
    assert sum(missing) > 0
