"""Streams: what another tenant does while a subscription is open is never delivered, whatever id the subscription names."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from tests.isolation.actors import ACTORS, Actor
from tests.isolation.arguments import Filler, Kinds, Question
from tests.isolation.comparing import comparable
from tests.isolation.conftest import caught_logs
from tests.isolation.desks import Desk
from tests.isolation.faults import open_the_wall, without_filters
from tests.isolation.figures import Figures
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import Place, id_places, object_type
from tests.isolation.stages import Stage, open_stage

from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster

FIELDS = list(object_type("Subscription").fields)
SETTLED_SECONDS = 0.3
"""How long streams stay open after the walker's own last event came through: what else was on its way has come by then."""

Messages = list[dict[str, Any]]


@pytest.fixture
async def stage(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    with caught_logs():
        async with open_stage(cluster, template, tmp_path_factory.mktemp("streams")) as opened:
            yield opened


def questions(actor: Actor, kinds: Kinds) -> dict[str, tuple[Question, Question | None]]:
    """Every subscription with the actor's own ids, and each of its id arguments with a foreign id beside a random one."""
    asked: dict[str, tuple[Question, Question | None]] = {
        field: (Filler(actor.desk, kinds, Place("Subscription", field, (), listed=False), None).question(), None)
        for field in FIELDS
    }
    for place in id_places():
        if place.owner == "Subscription":
            foreign, random = actor.foreign.ids[kinds[place]], public_id(kinds[place], new_id())
            asked[str(place)] = (
                Filler(actor.desk, kinds, place, foreign).question(),
                Filler(actor.desk, kinds, place, random).question(),
            )
    return asked


async def act_meanwhile(actor: Actor) -> None:
    """The other tenant does what it does all day, with the very objects that are subscribed to; then the walker acts once."""
    foreign = actor.foreign
    await foreign.made("advanceStop", "stop { id }", stopId=foreign.ids["stop"], act="COMPLETE", actId="done")
    await foreign.made("cancelPlan", "plan { id }", planId=foreign.ids["plan"])
    await foreign.furnish()
    await actor.desk.made("createDriver", "driver { id }", name=actor.desk.unique("driver"))


async def events_of(stage: Stage, desk: Desk) -> list[str]:
    """The ids of a tenant's events in their order, past everything that a test may have planted in the server."""
    connection = await asyncpg.connect(stage.owner_url)
    rows = await connection.fetch("SELECT id FROM events WHERE tenant_id = $1 ORDER BY seq", desk.tenant_id)
    await connection.close()
    return [public_id("event", row["id"]) for row in rows]


async def followed(
    actor: Actor, kinds: Kinds, enough: Callable[[dict[str, Messages]], Awaitable[bool]]
) -> tuple[dict[str, Messages], dict[str, Messages]]:
    """The messages of every subscription while others are busy, until there are enough: as asked, and with random ids for foreign ones."""
    told: dict[str, Messages] = {}
    random: dict[str, Messages] = {}
    client = actor.desk.client
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for name, (question, other) in questions(actor, kinds).items():
            for wanted, kept in ((question, told), (other, random)):
                if wanted is not None:
                    following = client.following(wanted.document, wanted.named, **wanted.variables)
                    kept[name] = await stack.enter_async_context(following)
        while not all(told.values()):  # each has begun
            await asyncio.sleep(0.02)
        await act_meanwhile(actor)
        while not await enough(told):
            await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLED_SECONDS)
    return told, random


def spoken(messages: Messages) -> list[Any]:
    """What a stream said, without heartbeats: those tell of the time that went by."""
    return [comparable(one) for one in messages if "HEARTBEAT" not in json.dumps(one)]


async def leaked(stage: Stage, told: dict[str, Messages], actor: Actor) -> list[str]:
    """Streams whose messages hold a canary, an id or an event of the other tenant's, old or new: also one that was asked with."""
    foreign = actor.foreign
    old = actor.desk.client.transcript.forbidden
    words = old | set(foreign.ids.values()) | set(await events_of(stage, foreign))
    return [name for name, messages in told.items() if any(word in json.dumps(messages) for word in words)]


async def test_what_others_do_is_never_delivered(stage: Stage, figures: Figures) -> None:
    actor = await ACTORS["a tenant beside another tenant"](stage)
    kinds = await learn_kinds(actor.desk)

    async def own_came(told: dict[str, Messages]) -> bool:
        return (await events_of(stage, actor.desk))[-1] in json.dumps(told["events"])

    told, random = await followed(actor, kinds, own_came)
    assert await leaked(stage, told, actor) == []
    for name, messages in random.items():
        assert spoken(told[name]) == spoken(messages), name
    assert actor.desk.client.transcript.leaks == []
    figures.add("streams followed", len(told) + len(random))


async def test_planted_fault_a_log_that_is_read_without_either_wall_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    actor = await ACTORS["a tenant beside another tenant"](stage)
    kinds = await learn_kinds(actor.desk)
    await open_the_wall(stage.owner_url)

    async def theirs_came(told: dict[str, Messages]) -> bool:
        return set(await leaked(stage, told, actor)) >= {"events", "Subscription.route(id)"}

    with without_filters(monkeypatch, among=r"FROM (events|routes)\b"):
        told, _ = await followed(actor, kinds, theirs_came)
    assert await theirs_came(told)
    figures.planted(1, 1)
