"""ACK-DURABLE, ONE-PER-KEY and FEED-EXACT while everything is killed, in turn and at random moments.

Clients place orders under keys of their own and retry until they are answered; subscribers resume by their last cursor. What dies is the
server process, PostgreSQL's supervisor, its postmaster, one of its backends, or all of them. In the end every acknowledged order is there
once, every key has one order, and every subscriber has seen the log: nothing missing, nothing twice, nothing out of order.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.faults.checking import (
    FeedVerdict,
    OrderVerdict,
    judge_feed,
    judge_orders,
    numbering_faults,
)
from tests.faults.clients import Api, OrderLog, Subscriber, place_orders
from tests.faults.conftest import Home, what_is_there
from tests.faults.processes import Cluster, Serve, eventually, serving

FAULTS = ("server", "postmaster", "everything", "supervisor", "backend")


@dataclass(frozen=True)
class Drill:
    """How hard, and from which seed."""

    faults: int
    clients: int = 4
    subscribers: int = 3
    seed: int = 20_261_122


async def _hurt(fault: str, server: Serve, cluster: Cluster, chance: random.Random) -> bool:
    """Do one fault; the server process runs again afterwards, or is about to. False when its victim was not there."""
    if fault in {"server", "everything"}:
        server.kill()
        done = fault == "server" or cluster.kill_all()
        await asyncio.sleep(chance.uniform(0, 0.3))
        server.launch()
        return done
    if fault == "supervisor":
        return cluster.kill_supervisor()
    if fault == "postmaster":
        return cluster.kill_postmaster()
    return cluster.kill_backend(chance.randrange(100))


async def _hurt_again_and_again(drill: Drill, server: Serve, cluster: Cluster, log: OrderLog) -> Counter[str]:
    """All faults, each after at least ten more orders were acknowledged and at a random moment after that."""
    chance = random.Random(drill.seed)
    done: Counter[str] = Counter()
    while done.total() < drill.faults:
        await _more_orders(log, f"orders after {dict(done)}")
        await asyncio.sleep(chance.uniform(0, 0.5))
        fault = FAULTS[done.total() % len(FAULTS)]
        done[fault] += await _hurt(fault, server, cluster, chance)
    return done


async def _more_orders(log: OrderLog, what: str) -> None:
    """Wait until ten more orders are acknowledged."""
    wanted = len(log.acknowledged) + 10
    await eventually(lambda: len(log.acknowledged) >= wanted, what, 60)


async def _run(drill: Drill, home: Home, record: Callable[[str, object], None]) -> None:
    async with serving(home.path, home.log) as (server,):
        cluster = Cluster(home.path)
        log, stop = OrderLog(), asyncio.Event()
        watching = [
            Subscriber(server.socket_url, home.key, chance=random.Random(drill.seed + number) if number else None)
            for number in range(drill.subscribers)
        ]
        async with Api(server.graphql_url, home.key) as api, asyncio.TaskGroup() as group:
            follows = [group.create_task(subscriber.follow()) for subscriber in watching]
            for subscriber in watching:
                await asyncio.wait_for(subscriber.caught_up.wait(), 30)
            placing = [
                group.create_task(place_orders(f"c{number}", api, log, stop, random.Random(number)))
                for number in range(drill.clients)
            ]
            done = await _hurt_again_and_again(drill, server, cluster, log)
            await server.ready()
            await _more_orders(log, "orders after the last fault")
            stop.set()
            await asyncio.wait(placing)
            stored, events, numbers = await what_is_there(home)
            for subscriber in watching:
                await eventually(lambda seen=subscriber.seen: len(seen) >= len(events), "the end of the log", 20)
            await asyncio.sleep(0.5)  # for one event too many
            for follow in follows:
                follow.cancel()
        for name, value in {
            "faults": dict(done), "orders": len(stored), "acknowledged": len(log.acknowledged), "replays": log.replays,
            "retries": dict(log.retries), "events": len(events), "cuts": [dict(one.cuts) for one in watching], "starts": server.starts,
        }.items():  # fmt: skip
            record(name, value)
        assert judge_orders(log.acknowledged, stored) == OrderVerdict([], [], [])
        assert numbering_faults(numbers) == []
        assert [judge_feed(subscriber.seen, events) for subscriber in watching] == [FeedVerdict()] * len(watching)
        assert log.unexpected == []
        assert [subscriber.unexpected for subscriber in watching] == [[]] * len(watching)
        assert server.complaints() == []


@pytest.mark.timeout(170)
async def test_one_kill_of_each_kind_loses_nothing_and_doubles_nothing(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    await _run(Drill(faults=5), home, record_property)


@pytest.mark.release
@pytest.mark.timeout(3600)
async def test_hundreds_of_kills_lose_nothing_and_double_nothing(
    home: Home, record_property: Callable[[str, object], None]
) -> None:
    await _run(Drill(faults=200, clients=6, subscribers=5, seed=7), home, record_property)
