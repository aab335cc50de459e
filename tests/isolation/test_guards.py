"""The table of permissions is what happens: every root field, by a credential that lacks exactly its permission and by one that has only it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from tests.isolation.arguments import Filler, Kinds
from tests.isolation.canaries import everything_of
from tests.isolation.clients import Client
from tests.isolation.conftest import caught_logs
from tests.isolation.desks import Desk
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import Place, root_fields
from tests.isolation.stages import Stage, open_stage

from doorstep.identity.permissions import NEEDS
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission

GUARDED = {name: permission for name, permission in NEEDS.items() if permission is not None}


@dataclass
class Door:
    """A furnished desk, and its clients with some permissions or others."""

    stage: Stage
    desk: Desk
    kinds: Kinds
    clients: dict[frozenset[Permission], Client] = field(default_factory=dict)

    async def client(self, permissions: frozenset[Permission]) -> Client:
        """A client of the same tenant with these permissions."""
        if permissions not in self.clients:
            key = await self.stage.key(self.desk.name, permissions)
            self.clients[permissions] = Client(self.stage.http, self.stage.server, key)
        return self.clients[permissions]

    async def codes(self, client: Client, name: str) -> list[str]:
        """The codes that a root field is answered with, when nothing that it names exists; only what it returns itself is looked at."""
        owner, _, field_name = name.partition(".")
        place = Place(owner, field_name, (), listed=False)
        absent = {kind: public_id(one.partition("_")[0], new_id()) for kind, one in self.desk.ids.items()}
        stranger = Desk("stranger", client, self.desk.tenant_id, "", absent)
        kind = get_named_type(place.details.type)
        has_problems = isinstance(kind, GraphQLObjectType) and "problems" in kind.fields
        shown = "{ __typename problems { code } }" if has_problems else "{ __typename }"
        question = Filler(stranger, self.kinds, place, None).question(shown)
        ask = client.first_message if owner == "Subscription" else client.ask
        return list(_codes(await ask(question.document, **question.variables)))


def _codes(answer: Any) -> list[str]:
    if isinstance(answer, list):
        return [code for one in answer for code in _codes(one)]
    if isinstance(answer, dict):
        own = [str(answer["code"])] if "code" in answer else []
        return own + [code for one in answer.values() for code in _codes(one)]
    return []


@pytest.fixture(scope="module")
async def door(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Door]:
    with caught_logs():
        async with open_stage(cluster, template, tmp_path_factory.mktemp("guards")) as stage:
            desk = await stage.desk("mine")
            yield Door(stage, desk, await learn_kinds(desk))


def _without(permission: Permission) -> frozenset[Permission]:
    return ALL_PERMISSIONS - {permission, *(one for one in Permission if one.value == permission.implied_by)}


async def test_a_credential_that_lacks_the_permission_is_refused_and_nothing_is_written(door: Door) -> None:
    for permission in set(GUARDED.values()):
        await door.client(_without(permission))
    before = await everything_of(door.stage.system, door.desk)
    answers = {
        name: await door.codes(await door.client(_without(permission)), name) for name, permission in GUARDED.items()
    }
    assert {name: codes for name, codes in answers.items() if codes != ["FORBIDDEN"]} == {}
    assert await everything_of(door.stage.system, door.desk) == before


async def test_a_credential_that_has_only_the_permission_is_let_in(door: Door) -> None:
    answers = {
        name: await door.codes(await door.client(frozenset({permission})), name) for name, permission in GUARDED.items()
    }
    shut_out = {name: codes for name, codes in answers.items() if {"FORBIDDEN", "UNAUTHENTICATED"} & set(codes)}
    assert shut_out == {}
    assert [name for name, codes in answers.items() if "INTERNAL" in codes] == []


async def test_without_a_credential_nothing_is_answered_and_nothing_is_written(door: Door) -> None:
    before = await everything_of(door.stage.system, door.desk)
    nobody = Client(door.stage.http, door.stage.server, "")
    for name in [f"{owner}.{name}" for owner, name, _ in root_fields()]:
        codes = await door.codes(nobody, name)
        assert codes == ([] if name == "Query.viewer" else ["UNAUTHENTICATED"]), name
    assert await everything_of(door.stage.system, door.desk) == before


async def test_node_needs_what_the_kind_of_object_needs(door: Door) -> None:
    document = "query($id: ID!) { node(id: $id) { __typename } nodes(ids: [$id]) { __typename } }"
    for type_name, one in door.desk.types.items():
        by_permission = {}
        for permission in [None, *Permission]:
            client = await door.client(frozenset({permission} if permission else ()))
            answer = await client.ask(document, id=one)
            by_permission[permission] = bool(answer["data"]["node"]) and bool(answer["data"]["nodes"])
            assert by_permission[permission] or _codes(answer) == ["FORBIDDEN", "FORBIDDEN"], (type_name, answer)
        assert not by_permission[None], type_name
        subjects = {
            permission.value.partition(":")[0] for permission, shown in by_permission.items() if permission and shown
        }
        assert len(subjects) == 1, f"{type_name} is shown to whoever may read one of {subjects}"
