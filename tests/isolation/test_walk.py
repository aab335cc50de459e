"""Another tenant's objects do not exist: every root field and every argument that names something, walked by the schema's own word.

One walk for each actor, on a server whose other tenant has a canary in every text of its rows. The tests look at what the walk found; that it
would have found something is tests/isolation/test_layers.py.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType
from tests.isolation.actors import ACTORS
from tests.isolation.canaries import Planted, everything_of, is_word_list, mentions, plant
from tests.isolation.conftest import caught_logs
from tests.isolation.desks import FURNISHINGS, Unfurnished
from tests.isolation.figures import Figures
from tests.isolation.furnishings import name_orders
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import SCHEMA, cursor_places, id_places, name_places, root_fields
from tests.isolation.stages import open_stage
from tests.isolation.walking import OTHERS, Walk, learn_cursors

from doorstep.kernel.postgres.cluster import EmbeddedCluster

pytestmark = pytest.mark.timeout(900)  # one walk is the setup of the first test

BLIND = {
    "Mutation.cancelSimulation(input.simulationId)": "desks are of LIVE tenants; in TEST ones tests/sandbox/test_walls.py walks it",
    "Mutation.simulateOrder(input.orderId)": "as above",
    "Mutation.simulateRoute(input.outcomes.orderId)": "as above",
    "Mutation.simulateRoute(input.routeId)": "as above",
    "Mutation.reportOrder(input.proof.orderId)": "proofs belong to orders that are at the door, and no desk has one that a partner's driver brought there",
    "Mutation.replanRoutes(input.replan.keepOrderIds)": "an order must wait on one of the routes, and the desk's own is at the door",
    "Query.previewReplan(replan.keepOrderIds)": "as above",
    "Query.routes(filter.planId)": "a plan that no worker has solved has no routes",
    "Subscription.events(filter.orderIds)": "a stream without a cursor begins with what is to come",
    "Subscription.events(filter.planIds)": "as above",
    "Subscription.events(filter.routeIds)": "as above",
    "Subscription.orders(filter.depotIds)": "as above",
    "Subscription.tenders(filter.orderId)": "as above",
    "Subscription.tenders(filter.partnershipId)": "as above",
    "Subscription.positions(filter.depotIds)": "the stream says first that it lives; tests/tracking/test_positions_stream.py looks further",
    "Subscription.positions(filter.routeId)": "as above",
    "Subscription.positions(filter.vehicleIds)": "as above",
}
"""Places where an own id is answered as a random one, so that the walk sees nothing there; each with the reason."""

WITHOUT_CURSOR = {
    "Plan.routes(after)": "a plan that no worker has solved has no routes; cursors of routes are walked at Query.routes",
    "Plan.unassigned(after)": "nor has it left out any order",
    "Plan.changesFrom(after)": "nor is any order on routes of it that could differ from another's",
    "Mutation.replayWebhookDeliveries(input.after)": "a mutation lists nothing; a foreign cursor is tried in tests/webhooks/test_failing.py",
}
"""Places that take a cursor which no desk has."""

NOT_BY_NODE = {"AuditEntry": "an entry is read in its list alone"}
"""Types with ids that ``node`` does not read."""

BOUND_COLUMNS = 35
"""Text columns that hold one of a few words, by a CHECK. A new one is counted here by whoever adds it."""


@dataclass
class Walked:
    """A walk that is over, and the traces that it left."""

    walk: Walk
    planted: Planted
    before: dict[str, str]
    after: dict[str, str]
    mentioned: list[str]
    logs: str


WALKS = [
    *(pytest.param((name, OTHERS), id=name) for name in sorted(ACTORS)),
    *(
        pytest.param((name, None), id=f"{name}, every kind everywhere", marks=pytest.mark.release)
        for name in sorted(ACTORS)
    ),
]
"""Each actor, with some of the foreign kinds that do not fit a place; before a release with all of them."""


@pytest.fixture(scope="module", params=WALKS)
async def walked(
    request: pytest.FixtureRequest,
    cluster: EmbeddedCluster,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    figures: Figures,
) -> Walked:
    home = tmp_path_factory.mktemp("walk")
    with caught_logs() as logs:
        async with open_stage(cluster, template, home) as stage:
            name, others = request.param
            actor = await ACTORS[name](stage)
            kinds = await learn_kinds(actor.desk)
            if actor.beside_another_tenant:
                await name_orders(actor.foreign)
                for desk in (actor.desk, actor.foreign):
                    await learn_cursors(desk, kinds)
            planted = await plant(stage.system, actor.foreign) if actor.beside_another_tenant else Planted()
            about = () if actor.beside_another_tenant else sorted(actor.foreign_ids().values())
            before = await everything_of(stage.system, actor.foreign, about)
            walk = Walk(actor, kinds, others)
            await walk.ids()
            if actor.beside_another_tenant:  # made-up names are unique, and cursors good, within one tenant
                await walk.names()
                await walk.cursors()
            await walk.own_ids()
            await walk.roots()
            await walk.types()
            after = await everything_of(stage.system, actor.foreign, about)
            mentioned = (
                await mentions(stage.system, actor.desk, actor.foreign) if actor.beside_another_tenant else []
            )  # within one company both are in the same rows
    transcript = actor.desk.client.transcript
    figures.add("operations", transcript.operations)
    figures.add("text columns with canaries", len(planted.columns))
    figures.add("canaries planted", planted.cells)
    figures.add("canaries found", len(transcript.leaks) + len(mentioned) + logs.getvalue().count(actor.foreign.canary))
    return Walked(walk, planted, before, after, mentioned, logs.getvalue())


def test_foreign_is_answered_as_random(walked: Walked) -> None:
    assert walked.walk.differing == []


def test_no_answer_holds_a_canary_or_a_foreign_id(walked: Walked) -> None:
    assert walked.walk.desk.client.transcript.leaks == []


def test_no_log_line_names_anything_of_theirs(walked: Walked) -> None:
    foreign = walked.walk.actor.foreign
    assert foreign.canary not in walked.logs
    assert [one for one in foreign.ids.values() if one in walked.logs] == []


def test_nothing_of_theirs_changed(walked: Walked) -> None:
    assert walked.after == walked.before


def test_no_row_of_the_walkers_events_and_stored_answers_included_mentions_them(walked: Walked) -> None:
    if not walked.walk.actor.beside_another_tenant:
        pytest.skip("within one tenant both are in the same rows")
    assert walked.mentioned == []


def test_nothing_is_answered_by_a_fault_of_ours(walked: Walked) -> None:
    assert walked.walk.desk.client.transcript.ours == []


def test_the_walk_would_notice(walked: Walked) -> None:
    actor = walked.walk.actor
    expected = {str(place) for place in id_places() if str(place) in BLIND and not actor.is_forbidden(place)} | set(
        actor.blind
    )
    assert walked.walk.blind == expected, (
        "an own id is answered as a random one: give the other arguments sound values in arguments.py, put an object in the right state onto "
        "the desk in furnishings.py (STATES in desks.py), or name the place in BLIND with the reason"
    )


def test_every_place_that_takes_a_cursor_was_tried_with_a_foreign_one(walked: Walked) -> None:
    if not walked.walk.actor.beside_another_tenant:
        pytest.skip("cursors are good within one tenant")
    for desk in (walked.walk.desk, walked.walk.actor.foreign):
        missing = {str(place) for place in cursor_places()} - desk.cursors.keys()
        assert missing == set(WITHOUT_CURSOR), "no cursor on the desk: furnish what the list would show"


def test_every_field_of_every_type_was_asked_for(walked: Walked, figures: Figures) -> None:
    fields = {
        (kind.name, name)
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not kind.name.startswith("__")
        for name in kind.fields
    }
    transcript = walked.walk.desk.client.transcript
    assert fields - transcript.asked == set()
    figures.walked |= {
        "root fields": len(list(root_fields())),
        "fields asked for": len(fields),
        "fields shown": len(transcript.shown & fields),
        "id arguments": len(id_places()),
        "cursor arguments": len(cursor_places()),
        "arguments for made-up names": len(name_places()),
    }


async def test_a_kind_that_no_furnishing_makes_fails_by_name(
    cluster: EmbeddedCluster, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    monkeypatch.delitem(FURNISHINGS, "plan")
    async with open_stage(cluster, template, tmp_path) as stage:
        desk = await stage.desk("mine")
        with pytest.raises(Unfurnished, match=r"takes an id of the kind '(of type Plan|plan)'.*furnishings\.py"):
            await learn_kinds(desk)
    figures.planted(1, 1)


def test_every_kind_of_object_was_on_both_desks(walked: Walked) -> None:
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    read_by_node = (
        {kind.name for kind in SCHEMA.get_possible_types(node)}
        - {
            kind.name
            for kind in SCHEMA.get_possible_types(SCHEMA.type_map["Event"])  # type: ignore[arg-type]
        }
        - NOT_BY_NODE.keys()
    )
    for desk in (walked.walk.desk, walked.walk.actor.foreign):
        assert read_by_node - desk.types.keys() == set(), (
            "a type that `node` reads is on no desk: add a furnishing that makes one through the API (tests/isolation/furnishings.py)"
        )


def test_every_text_column_had_its_canary(walked: Walked) -> None:
    if not walked.walk.actor.beside_another_tenant:
        pytest.skip("the canaries of one tenant's desks are in what they wrote themselves")
    planted = walked.planted
    assert planted.empty == [], "no row of the other tenant: add a furnishing, or a row to SEEDS of canaries.py"
    free = {column: check for column, check in planted.bound.items() if not is_word_list(check)}
    assert free == {}, "a CHECK that is no list of words keeps the canary out: let one through, or say why not"
    assert len(planted.bound) == BOUND_COLUMNS, f"bound by a CHECK: {sorted(planted.bound)}"
    assert len(planted.columns) > 70
