"""Dispatchers, people and drivers at once: nobody is given an order twice, and nobody more than fits."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.dispatch.conftest import OVERLOADED, TWICE, Town
from tests.planning.conftest import new_world, opened_services

from doorstep.dispatch.model import OfferAnswer
from doorstep.dispatch.service import answer_offer, settle_offer
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, Unavailable
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.places.roads import RoadsMode
from doorstep.planning.service import assign_orders, assigning, prepare_assignment, unassign_orders


async def dispatchers(town: Town, rounds: int) -> None:
    for _ in range(rounds):
        await town.round()


async def person(town: Town, orders: list[UUID], shifts: list[UUID], seed: int) -> None:
    """Assigns orders by hand, and takes some off again."""
    dice = random.Random(seed)
    for _ in range(6):
        wanted, shift = dice.sample(orders, 2), dice.choice(shifts)
        try:
            prepared = await prepare_assignment(
                town.world.db, town.principal, town.world.engines, lambda wanted=wanted, shift=shift: (wanted, shift)
            )
            await town.world.do(assign_orders, prepared)
            if dice.random() < 0.4:
                await town.world.do(unassign_orders, wanted[:1])
        except (DoorstepError, ChangedMeanwhile, Unavailable):
            continue


async def driver(town: Town, seed: int) -> None:
    """Answers whatever is offered, twice over, and settles it twice over."""
    dice = random.Random(seed)
    for _ in range(8):
        await asyncio.sleep(0.1)
        for offer in await town.offers():
            answer = OfferAnswer.ACCEPT if dice.random() < 0.7 else OfferAnswer.DECLINE
            try:
                await town.world.do(answer_offer, offer["id"], answer)
            except (DoorstepError, ChangedMeanwhile):
                continue
            both = [settle_offer(town.world.db, town.principal, town.world.engines, offer["id"]) for _ in range(2)]
            await asyncio.gather(*both, return_exceptions=True)


async def everybody(town: Town) -> None:
    shifts = [await town.courier(capacity_items=items) for items in (2, 3, 3)]
    orders = await town.world.add_orders(10)
    await asyncio.gather(
        dispatchers(town, 4), dispatchers(town, 4), dispatchers(town, 4),
        person(town, orders, shifts, 1), person(town, orders, shifts, 2), driver(town, 3), driver(town, 4),
    )  # fmt: skip


@pytest.mark.parametrize("offer_seconds", [0, 60], ids=["assigned", "offered"])
async def test_no_order_is_given_twice_and_no_courier_more_than_fits(town: Town, offer_seconds: int) -> None:
    await town.allow(offer_seconds, most_orders=5)
    await everybody(town)
    assert await town.world.rows(TWICE) == []
    assert await town.world.rows(OVERLOADED) == []
    given = await town.whose()
    assert given
    # Orders and assignments say the same.
    rows = await town.world.rows("SELECT id FROM orders WHERE tenant_id = $1 AND status = 'ASSIGNED'")
    assert {row["id"] for row in rows} == set(given)
    live = [row["order_id"] for row in (await town.offers()) + (await town.offers("ACCEPTED"))]
    assert len(live) == len(set(live))
    assert not set(live) & set(given)


async def two_who_decided_alike(town: Town) -> int:
    """Two dispatchers have read the same snapshot; each gives the same order to another courier. How many went through."""
    await town.courier()
    [order] = await town.world.add_orders(1)
    first = await town.decide()
    [taken] = [one.courier.shift.id for one in first.decisions]
    await town.world.do(archive, taken)
    await town.courier()
    second = await town.decide()
    await town.world.do(archive, taken, back=True)
    done = 0
    for found in (first, second):
        [decision] = found.decisions
        assert decision.order_ids == [order]
        try:
            async with town.world.db.write(town.principal) as scope:
                await assign_orders(scope, decision.prepared)
            done += 1
        except DoorstepError:
            continue
    return done


async def archive(scope: Any, shift_id: UUID, *, back: bool = False) -> None:
    await scope.tx.execute(
        f"UPDATE shifts SET archived_at = {'NULL' if back else 'now()'} WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        shift_id,
    )


async def test_of_two_dispatchers_that_decided_alike_one_gives_the_order(town: Town) -> None:
    assert await two_who_decided_alike(town) == 1
    assert await town.world.rows(TWICE) == []


@pytest.fixture
async def lone_town(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Town]:
    """On a database of its own, which may be broken."""
    async with opened_services(database_urls, tmp_path, RoadsMode.STRAIGHT) as services:
        town = Town(await new_world(services))
        await town.allow()
        yield town


async def test_without_the_fences_both_would_have(
    lone_town: Town, cluster: EmbeddedCluster, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: no versions are compared, no state machine asked, and an order may have two active assignments."""

    async def unchecked(*_arguments: Any) -> None:
        return

    monkeypatch.setattr(assigning, "_check_unchanged", unchecked)
    monkeypatch.setattr(assigning, "move_orders", unchecked)
    owner = await asyncpg.connect(cluster.url("owner", database_urls.app.rpartition("/")[2]))
    try:
        await owner.execute("DROP INDEX assignments_active")
    finally:
        await owner.close()
    assert await two_who_decided_alike(lone_town) == 2
    [twice] = await lone_town.world.rows(TWICE)
    assert twice["order_id"] == lone_town.world.order_ids[0]
