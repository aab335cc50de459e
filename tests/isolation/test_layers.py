"""Two walls, one behind the other: row-level security, and ``tenant_id = $1`` in every statement.

Each holds the walk by itself. Without both it turns red nearly everywhere, which is also how we know that it would notice.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import structlog
from tests.isolation.actors import ACTORS, Actor
from tests.isolation.arguments import fitting
from tests.isolation.canaries import everything_of, mentions
from tests.isolation.clients import Client, Transcript
from tests.isolation.conftest import caught_logs
from tests.isolation.faults import drop_the_policy, open_the_wall, without_filters
from tests.isolation.figures import Figures
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import Place, id_places
from tests.isolation.stages import Stage, open_stage
from tests.isolation.test_walk import BLIND
from tests.isolation.walking import Walk

from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster

LEAN_ON_POLICIES: set[str] = set()
"""Arguments that row-level security alone keeps apart, because a statement lacks its filter: none."""

HELD_ALL_THE_SAME = {
    "Mutation.explainUnassigned(input.orderIds)": "an order must be one of the plan's",
    "Mutation.advanceStop(input.orderIds)": "an order must be one of the stop's",
    "Mutation.advanceStop(input.proofs.orderId)": "as above",
    "Mutation.createPlan(input.pins.orderId)": "an order must be one of the plan's",
    "Mutation.createPlan(input.pins.shiftId)": "and a shift one of its shifts",
    "Mutation.createPlan(input.relations.orderIds)": "as above",
    "Mutation.renewAccessToken(input.id)": "nobody but its maker puts a token's end off",
} | BLIND
"""Arguments that stay green without both walls, because something else stands there, or because the walk is blind there."""


REACHED = {
    "depots": "depot",
    "orders": "order",
    "packages": "pkg",
    "attempts": "attempt",
    "proofs": "proof",
    "vehicles": "vehicle",
    "drivers": "driver",
    "shifts": "shift",
    "routes": "route",
    "stops": "stop",
    "plans": "plan",
    "access_tokens": "token",
    "dispatch_offers": "offer",
}
"""Table with a policy ``reach`` → the kind of its objects."""


@pytest.fixture
async def stage(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    with caught_logs():  # faults are loud
        async with open_stage(cluster, template, tmp_path_factory.mktemp("layers")) as opened:
            yield opened


async def enter(stage: Stage, name: str = "a tenant beside another tenant") -> Walk:
    """An actor, ready to walk, while all walls still stand."""
    actor = await ACTORS[name](stage)
    return Walk(actor, await learn_kinds(actor.desk))


def red(walk: Walk) -> set[str]:
    """The places where the walk found a difference."""
    return {finding.partition(": ")[0] for finding in walk.differing}


def places_of(walk: Walk, kind: str) -> list[Place]:
    """Where ids of a kind are taken, and of this kind alone."""
    return [place for place in id_places() if walk.kinds[place] == kind]


async def step(walk: Walk, place: Place, *, among_own: bool = True) -> None:
    """One place with the one foreign id that fits."""
    kind = fitting(place, walk.kinds[place])
    foreign = walk.actor.foreign.own(kind, place.field)
    assert foreign is not None
    await walk.foreign_id(place, foreign, public_id(kind, new_id()), among_own=among_own)


async def once_around(walk: Walk) -> None:
    """Each place with the foreign id that fits, and each field of Query."""
    for place in id_places():
        await step(walk, place)
    await walk.roots("Query")


async def test_the_filters_alone_hold_the_walk(stage: Stage) -> None:
    walk = await enter(stage)
    await open_the_wall(stage.owner_url)
    before = await everything_of(stage.system, walk.actor.foreign)
    await once_around(walk)
    assert red(walk) == LEAN_ON_POLICIES
    assert walk.desk.client.transcript.leaks == []
    assert await everything_of(stage.system, walk.actor.foreign) == before


async def test_the_policies_alone_hold_the_walk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = await enter(stage)
    before = await everything_of(stage.system, walk.actor.foreign)
    with without_filters(monkeypatch) as changed:
        await once_around(walk)
    assert len(changed) > 60, "the fault is no longer planted: statements write their filter in another way"
    assert red(walk) == set()
    assert walk.desk.client.transcript.leaks == []
    assert await everything_of(stage.system, walk.actor.foreign) == before


async def test_planted_fault_without_both_the_walk_is_red_nearly_everywhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    walk = await enter(stage)
    foreign = walk.actor.foreign
    await open_the_wall(stage.owner_url)
    theirs = before = await everything_of(stage.system, foreign)
    for place in sorted(id_places(), key=lambda one: one.owner == "Mutation"):  # who is changed is made anew
        with without_filters(monkeypatch):
            await step(walk, place, among_own=False)
        if place.owner == "Mutation" and (now := await everything_of(stage.system, foreign)) != theirs:
            await foreign.furnish()
            theirs = await everything_of(stage.system, foreign) if now != theirs else theirs
    assert {str(place) for place in id_places()} - red(walk) == set(HELD_ALL_THE_SAME)
    assert walk.desk.client.transcript.leaks, "something of theirs was shown"
    assert await everything_of(stage.system, foreign) != before, "something of theirs was changed"
    figures.planted(len(id_places()) - len(HELD_ALL_THE_SAME), len(red(walk)))


async def test_planted_fault_one_table_without_both_turns_its_kind_red_and_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    walk = await enter(stage)
    await open_the_wall(stage.owner_url, "vehicles")
    with without_filters(monkeypatch):
        for place in places_of(walk, "vehicle") + places_of(walk, "driver"):
            await step(walk, place)
    expected = {str(place) for place in places_of(walk, "vehicle")} - {
        "Query.shifts(filter.vehicleIds)",
        "Query.routes(filter.vehicleId)",
        "Subscription.positions(filter.vehicleIds)",
    }
    assert red(walk) == expected, (
        "those that filter other tables by the vehicle's id are held by those tables' own walls"
    )
    figures.planted(1, 1)


async def test_planted_fault_a_dropped_policy_is_missed_by_its_own_tenant(stage: Stage, figures: Figures) -> None:
    """PostgreSQL shows nothing without a policy: nothing leaks, but the walk's own side turns red."""
    walk = await enter(stage)
    await drop_the_policy(stage.owner_url, "drivers")
    for place in places_of(walk, "driver"):
        if place.owner == "Query" and place.names == ("id",):
            await walk.own_id(place)
    assert walk.blind == {"Query.driver(id)"}
    figures.planted(1, 1)


async def test_planted_fault_a_credential_that_nothing_limits_is_seen(stage: Stage, figures: Figures) -> None:
    """An actor of the same tenant who is to see one depot, while no reach is enforced: everything of the other depot answers."""
    depot = await stage.desk("company")
    kinds = await learn_kinds(depot)
    limited = replace(depot, client=Client(stage.http, stage.server, await stage.key("company")), maker=depot.client)
    walk = Walk(Actor(limited, await stage.desk_beside(depot), shares=frozenset({"driver"})), kinds)
    for place in id_places():
        if place.owner == "Query" and kinds[place] != "driver":
            await step(walk, place)
    assert red(walk) >= {"Query.depot(id)", "Query.order(by.id)", "Query.stop(id)", "Query.nodes(ids)"}
    assert walk.desk.client.transcript.leaks
    figures.planted(1, 1)


async def test_planted_faults_a_table_without_its_reach_is_seen(stage: Stage, figures: Figures) -> None:
    """What a policy ``reach`` keeps from a till, one table after another."""
    walk = await enter(stage, "a key of one depot beside another depot of the company")
    node = next(place for place in id_places() if str(place) == "Query.node(id)")
    for table, kind in REACHED.items():
        foreign = walk.actor.foreign.ids[kind]
        await walk.foreign_id(node, foreign, public_id(kind, new_id()))
        assert not walk.differing, kind
        await drop_the_policy(stage.owner_url, table, "reach")
        await walk.foreign_id(node, foreign, public_id(kind, new_id()))
        assert red(walk) == {str(node)}, kind
        walk.differing.clear()
    figures.planted(len(REACHED), len(REACHED))


def test_planted_faults_in_answers_are_seen(figures: Figures) -> None:
    transcript = Transcript(forbidden={"Canary7", "order_theirs"})
    told = [
        '{"data": {"order": {"name": "a Canary7 sings"}}}',
        '{"errors": [{"message": "order_theirs is not yours"}]}',
        '{"errors": [{"extensions": {"code": "INTERNAL"}}]}',
    ]
    for text in told:
        transcript.saw("{ viewer { scopes } }", ("order_asked",), text)
    assert (len(transcript.leaks), len(transcript.ours)) == (2, 1)
    transcript.saw("{ viewer { scopes } }", ("order_theirs",), told[1])
    assert len(transcript.leaks) == 2, "what the client named itself may be said back to it"
    figures.planted(3, 3)


def test_planted_fault_a_log_line_is_seen(figures: Figures) -> None:
    with caught_logs() as logs:
        structlog.get_logger("doorstep.orders").info("order_moved", reference="Canary7")
    assert "Canary7" in logs.getvalue()
    figures.planted(1, 1)


async def test_planted_faults_in_the_walkers_own_rows_are_seen(stage: Stage, figures: Figures) -> None:
    """An event, or a stored answer, that says something of the other tenant."""
    walk = await enter(stage)
    mine, theirs = walk.desk, walk.actor.foreign
    assert await mentions(stage.system, mine, theirs) == []
    async with stage.system.transaction() as tx:
        await tx.execute(
            "UPDATE events SET data = data || jsonb_build_object('other', $2::text) WHERE tenant_id = $1 AND seq = 1",
            mine.tenant_id,
            theirs.ids["order"],
        )
        await tx.execute(
            "UPDATE idempotency_keys SET outcome = jsonb_build_object('name', $2::text) WHERE tenant_id = $1",
            mine.tenant_id,
            f"the {theirs.canary} here",
        )
    found = await mentions(stage.system, mine, theirs)
    assert {finding.partition(": ")[0] for finding in found} == {"events", "idempotency_keys"}
    figures.planted(2, 2)
