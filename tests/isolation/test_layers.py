"""Two walls, one behind the other: row-level security, and ``tenant_id = $1`` in every statement. Each holds the walk by itself; without both
it turns red nearly everywhere, which is also how we know that it would notice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
from tests.isolation.actors import ACTORS
from tests.isolation.canaries import everything_of
from tests.isolation.faults import open_the_wall, without_filters
from tests.isolation.figures import Figures
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import id_places
from tests.isolation.stages import Stage, open_stage
from tests.isolation.walking import Walk

from doorstep.kernel.postgres.cluster import EmbeddedCluster

LEAN_ON_POLICIES: set[str] = set()
HELD_ALL_THE_SAME: set[str] = set()


@pytest.fixture
async def stage(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with open_stage(cluster, template, tmp_path_factory.mktemp("layers")) as opened:
        yield opened


async def enter(stage: Stage) -> Walk:
    """The first actor, ready to walk, while both walls still stand."""
    actor = await ACTORS["a tenant beside another tenant"](stage)
    return Walk(actor, await learn_kinds(actor.desk))


def red(walk: Walk) -> set[str]:
    """The places where the walk found a difference."""
    return {finding.partition(": ")[0] for finding in walk.differing}


async def test_filters_alone_hold(stage: Stage) -> None:
    walk = await enter(stage)
    await open_the_wall(stage.owner_url)
    before = await everything_of(stage.system, walk.actor.foreign)
    await walk.ids()
    print(
        "RED",
        red(walk),
        walk.desk.client.transcript.leaks[:2],
        len(walk.desk.client.transcript.leaks),
        walk.desk.client.transcript.ours[:1],
    )
    await walk.roots()
    print("LEAKS", walk.desk.client.transcript.leaks[:2], len(walk.desk.client.transcript.leaks))
    print("changed", before == await everything_of(stage.system, walk.actor.foreign))


async def test_policies_alone_hold(stage: Stage, monkeypatch) -> None:
    walk = await enter(stage)
    before = await everything_of(stage.system, walk.actor.foreign)
    with without_filters(monkeypatch) as changed:
        await walk.ids()
        await walk.roots()
    print(
        "RED",
        red(walk),
        walk.desk.client.transcript.leaks[:2],
        len(walk.desk.client.transcript.leaks),
        walk.desk.client.transcript.ours[:1],
    )
    print("changed", len(changed), before == await everything_of(stage.system, walk.actor.foreign))


async def test_both(stage: Stage, monkeypatch) -> None:
    walk = await enter(stage)
    await open_the_wall(stage.owner_url)
    before = await everything_of(stage.system, walk.actor.foreign)
    with without_filters(monkeypatch) as changed:
        await walk.ids()
    print(
        "GREEN",
        {str(p) for p in id_places()} - red(walk),
        len(walk.desk.client.transcript.leaks),
        walk.desk.client.transcript.ours[:1],
    )
    print("changed", len(changed), before == await everything_of(stage.system, walk.actor.foreign))
