"""Another tenant's objects do not exist: every id argument of the schema, wherever it is nested, answers to a foreign id as to a random one.

The walk reads the schema, so that a field that is added tomorrow is walked tomorrow. That the walk would notice is tested as well: to an id of
the tenant's own, nearly every argument must answer otherwise than to a random one.
"""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_required_input_field,
)
from tests.conftest import cloned_database
from websockets.asyncio.client import connect

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.schema import build_schema
from doorstep.server import Server, running_server
from doorstep.settings import Settings

CANARY = "Canary"
"""In every text of the other tenant; it must never be in an answer."""

MADE_BY_CLIENTS = {"actId"}
"""Ids that name nothing of ours."""

PLANNERS = {"createPlan", "assignOrders"}

BLIND = {
    ("query", "routes", "filter", "planId"),
    ("subscription", "events", "filter", "orderIds"),
    ("subscription", "events", "filter", "planIds"),
    ("subscription", "events", "filter", "routeIds"),
    ("query", "auditLog", "filter", "actorIds"),
}
"""Where the tenant's own id shows nothing either: its plan has no routes, a stream without a cursor starts with what is to come, and none of
its objects acts."""

Path = tuple[str, ...]
"""An id argument: operation, root field, then the names down to it."""

TIME_ZONE = "Europe/Vaduz"
SCHEMA: GraphQLSchema = build_schema()._schema


def _instant(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _civil_day(hours: int) -> str:
    """The tenants' civil day so many hours from now, which near midnight is not UTC's."""
    return (datetime.now(ZoneInfo(TIME_ZONE)) + timedelta(hours=hours)).date().isoformat()


# ── the schema's id arguments ───────────────────────────────────────────────────────────────────────────


def _bare(kind: GraphQLInputType) -> GraphQLInputType:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _id_paths(kind: GraphQLInputType, path: Path) -> Iterator[Path]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLScalarType) and named.name == "ID" and path[-1] not in MADE_BY_CLIENTS:
        yield path
    if isinstance(named, GraphQLInputObjectType):
        for name, member in named.fields.items():
            yield from _id_paths(member.type, (*path, name))


def _root_fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for word, kind in (
        ("query", SCHEMA.query_type),
        ("mutation", SCHEMA.mutation_type),
        ("subscription", SCHEMA.subscription_type),
    ):
        assert kind is not None
        for name, root in kind.fields.items():
            yield word, name, root


def all_paths() -> list[Path]:
    """Every id argument of every root field."""
    return [
        path
        for word, name, root in _root_fields()
        for argument, details in root.args.items()
        for path in _id_paths(details.type, (word, name, argument))
    ]


def _root(path: Path) -> GraphQLField:
    return next(root for word, name, root in _root_fields() if (word, name) == path[:2])


# ── documents ───────────────────────────────────────────────────────────────────────────────────────────


def selection(kind: GraphQLOutputType, levels: int = 2) -> str:
    """Everything that can be selected without arguments, some levels deep."""
    named = get_named_type(kind)
    parts = ["__typename"]
    for name, member in getattr(named, "fields", {}).items():
        if any(isinstance(argument.type, GraphQLNonNull) for argument in member.args.values()) or name == "totalCount":
            continue
        below = get_named_type(member.type)
        if is_leaf_type(below):
            parts.append(name)
        elif is_composite_type(below) and levels > 1:
            parts.append(f"{name} {selection(below, levels - 1)}")
    return "{ " + " ".join(parts) + " }"


@dataclass
class Desk:
    """A tenant with one object of each sort, and its client."""

    http: httpx.AsyncClient
    server: Server
    key: str
    ids: dict[str, str] = field(default_factory=dict)
    spare: dict[str, str] = field(default_factory=dict)
    """An order and a shift that nothing has taken, for those who plan."""

    def id_for(self, path: Path) -> str | None:
        """The tenant's own id that fits an argument."""
        kind = kind_of(path)
        return (self.spare.get(kind) if path[1] in PLANNERS else None) or self.ids.get(kind)

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The answer, by HTTP."""
        response = await self.http.post(
            self.server.graphql_url,
            json={"query": document, "variables": variables},
            headers={"authorization": f"Bearer {self.key}"},
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def first_message(self, document: str, **variables: Any) -> dict[str, Any]:
        """A subscription's first message."""
        async with connect(self.server.socket_url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            await socket.send(
                json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {self.key}"}})
            )
            await socket.recv()
            payload = {"query": document, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
            return message

    async def made(self, mutation: str, shown: str, **values: Any) -> dict[str, Any]:
        """What a mutation made."""
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path }} }} }}"
        payload: dict[str, Any] = (await self.ask(document, input=values))["data"][mutation]
        assert not payload["problems"], payload
        return payload

    async def furnish(self) -> None:
        """One object of each sort, a dispatched route among them."""
        address, point = {"line1": f"{CANARY} 1", "city": "Vaduz"}, {"latitude": 47.14, "longitude": 9.52}
        name = f"{CANARY} {uuid4().hex[:6]}"
        self.ids["depot"] = (
            await self.made("createDepot", "depot { id }", name=name, address=address, coordinates=point)
        )["depot"]["id"]
        self.ids["vehicle"] = (
            await self.made("createVehicle", "vehicle { id }", name=name, kind="VAN", depotId=self.ids["depot"])
        )["vehicle"]["id"]
        self.ids["driver"] = (await self.made("createDriver", "driver { id }", name=name))["driver"]["id"]
        shift = {"driverId": self.ids["driver"], "vehicleId": self.ids["vehicle"], "depotId": self.ids["depot"]}
        times = {"start": _instant(-1), "end": _instant(8)}
        self.ids["shift"] = (await self.made("createShift", "shift { id }", **shift, **times))["shift"]["id"]
        stop = {"address": address, "coordinates": point, "contact": {"name": CANARY}}
        placed = await self.made(
            "createOrder", "order { id packages { id } }", dropoff=stop, depotId=self.ids["depot"], packages=[{}]
        )
        self.ids["order"], self.ids["pkg"] = placed["order"]["id"], placed["order"]["packages"][0]["id"]
        assigned = await self.made(
            "assignOrders", "route { id stops { id } }", orderIds=[self.ids["order"]], shiftId=self.ids["shift"]
        )
        self.ids["route"] = assigned["route"]["id"]
        start, self.ids["stop"] = (stop["id"] for stop in assigned["route"]["stops"][:2])
        for stop_id, act in ((start, "COMPLETE"), (self.ids["stop"], "ARRIVE")):
            await self.made("advanceStop", "stop { id }", stopId=stop_id, act=act, actId=uuid4().hex)
        spare = await self.made("createOrder", "order { id }", dropoff=stop, depotId=self.ids["depot"])
        self.spare = {"order": spare["order"]["id"], "shift": await self._free_shift()}
        planned = await self.made(
            "createPlan", "plan { id }", orderIds=[self.spare["order"]], shiftIds=[self.spare["shift"]], optimize=False
        )
        self.ids["plan"] = planned["plan"]["id"]
        over = (await self.made("createOrder", "order { id }", dropoff=stop))["order"]["id"]
        await self.made("cancelOrder", "order { id }", id=over)
        erased = await self.made("eraseRecipient", "receipt { id }", orderIds=[over])
        self.ids["erasure"] = erased["receipt"]["id"]
        events = (await self.ask("{ events(first: 1) { nodes { id } } }"))["data"]["events"]["nodes"]
        self.ids["event"] = events[0]["id"]

    async def _free_shift(self) -> str:
        shift = {"driverId": self.ids["driver"], "vehicleId": self.ids["vehicle"], "depotId": self.ids["depot"]}
        made = await self.made("createShift", "shift { id }", **shift, start=_instant(24), end=_instant(32))
        identifier: str = made["shift"]["id"]
        return identifier


class Filler:
    """Makes arguments that are in order but for the one id under test."""

    def __init__(self, desk: Desk, path: Path, identifier: str) -> None:
        self.desk = desk
        self.path = path
        self.identifier = identifier

    def variables(self) -> dict[str, Any]:
        """The arguments of the root field."""
        word, name = self.path[:2]
        return {
            argument: self._value(details.type, (word, name, argument))
            for argument, details in _root(self.path).args.items()
            if isinstance(details.type, GraphQLNonNull) or argument == self.path[2]
        }

    def _value(self, kind: GraphQLInputType, path: Path) -> Any:
        kind = _bare(kind)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, path)]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, path)
        if isinstance(kind, GraphQLEnumType):
            sound = {"act": "COMPLETE", "kind": "NOTE" if "proofs" in path else ""}.get(path[-1])
            return sound or next(iter(kind.values))
        return self._scalar(get_named_type(kind).name, path)

    def _object(self, kind: GraphQLInputObjectType, path: Path) -> dict[str, Any]:
        wanted = self.path[len(path)] if self.path[: len(path)] == path and len(self.path) > len(path) else None
        needed = {name for name, member in kind.fields.items() if is_required_input_field(member) or name == wanted}
        if kind.name == "CreatePlanInput":
            needed |= {"orderIds"} if wanted != "orderFilter" else set()
            needed |= {"shiftIds"} if wanted != "depotIds" else {"date"}
        if kind.name == "ProofInput":
            needed |= {"note"}
        if kind.is_one_of and wanted:
            needed = {wanted}
        return {name: self._value(kind.fields[name].type, (*path, name)) for name in sorted(needed)}

    def _scalar(self, name: str, path: Path) -> Any:
        if name == "ID":
            return self.identifier if path == self.path else self._own_id(path)
        if name == "DateTime":
            return _instant(2 if path[-1] == "end" else 0)
        words = {"country": "LI", "actId": uuid4().hex, "latitude": 47.14, "longitude": 9.52, "after": "", "note": "x"}
        defaults: dict[str, Any] = {
            "Int": 1,
            "Float": 1.0,
            "Boolean": True,
            "Long": 1,
            "Date": _civil_day(24),
            "TimeZone": "Europe/Vaduz",
        }
        return words.get(path[-1], defaults.get(name, "x"))

    def _own_id(self, path: Path) -> str:
        return self.desk.id_for(path) or self.identifier


def kind_of(path: Path) -> str:
    """The sort of object that an id argument names, by the argument's name or its root field's."""
    word = re.sub(r"Ids?$", "", path[-1]).lower()
    if word in {"id", "ids", "by"} or path[-1] in {"id", "ids"}:
        word = re.sub(r"^(create|update|archive|cancel|advance|plan(?=Progress))", "", path[1]).lower()
        word = {"progress": "plan"}.get(word, word)
    return word.rstrip("s") if word != "address" else word


async def answer(desk: Desk, path: Path, identifier: str) -> str:
    """The answer to one id in one place, with the id itself taken out."""
    root = _root(path)
    variables = Filler(desk, path, identifier).variables()
    types = ", ".join(f"${name}: {root.args[name].type}" for name in variables)
    values = ", ".join(f"{name}: ${name}" for name in variables)
    document = f"{path[0]}({types}) {{ {path[1]}({values}) {selection(root.type)} }}"
    found = await (desk.first_message if path[0] == "subscription" else desk.ask)(document, **variables)
    return json.dumps(found, sort_keys=True).replace(identifier, "<id>")


def comparable(text: str) -> str:
    """Without what differs from call to call: stream positions."""
    return re.sub(r'"(cursor|head|endCursor|startCursor)": "[^"]*"', r'"\1": ""', text)


# ── the tests ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
async def desks(
    cluster: EmbeddedCluster, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Desk, Desk, Database]]:
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("walk"), roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    with cloned_database(cluster, template) as urls:
        system = Database(urls.system, pool_size=2)
        async with running_server(settings, urls, work=False, port=0) as server, httpx.AsyncClient(timeout=30) as http:
            made = []
            for slug in ("mine", "theirs"):
                await create_tenant(system, NewTenant(slug, slug, TIME_ZONE, "LI"))
                tenant = await tenant_by_slug(system, slug)
                _, key = await create_key(system, tenant, "walk", sorted(ALL_PERMISSIONS))
                desk = Desk(http, server, key)
                await desk.furnish()
                made.append(desk)
            yield made[0], made[1], system
        await system.close()


TABLES_OF_A_TENANT = """
SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = 'tenant_id' ORDER BY 1
"""


async def everything_of(system: Database, desk: Desk) -> dict[str, Any]:
    """A digest of all rows of a tenant, but for when its key was last used."""
    viewer = (await desk.ask("{ viewer { tenant { id } } }"))["data"]["viewer"]
    tenant_id = parse_id("tenant", viewer["tenant"]["id"])
    async with system.transaction() as tx:
        tables = [row["table_name"] for row in await tx.fetch(TABLES_OF_A_TENANT)]
        return {
            table: await tx.fetchval(
                f"SELECT md5(coalesce(string_agg((to_jsonb(t) - 'last_used_at')::text, ',' ORDER BY to_jsonb(t)::text), '')) "
                f"FROM {table} AS t WHERE tenant_id = $1",
                tenant_id,
            )
            for table in tables
        }


async def test_a_foreign_id_is_answered_as_a_random_one(desks: tuple[Desk, Desk, Database]) -> None:
    mine, theirs, system = desks
    before = await everything_of(system, theirs)
    differing = []
    paths = all_paths()
    assert len(paths) > 50
    for path, kind in itertools.product(paths, theirs.ids):
        if path[0] == "subscription" and kind != kind_of(path):
            continue
        foreign = await answer(mine, path, theirs.ids[kind])
        random = await answer(mine, path, public_id(kind, new_id()))
        if comparable(foreign) != comparable(random) or any(one in foreign for one in theirs.ids.values()):
            differing.append((path, kind, foreign, random))
        assert '"INTERNAL"' not in foreign + random, (path, kind, foreign, random)
    assert not differing, differing[:5]
    assert await everything_of(system, theirs) == before


async def test_the_walk_would_notice(desks: tuple[Desk, Desk, Database]) -> None:
    mine, _, _ = desks
    blind = set()
    for path in all_paths():
        if path[1] == "advanceStop":
            await mine.furnish()  # the act before this one has closed the stop
        kind = kind_of(path)
        random = await answer(mine, path, public_id(kind if kind in mine.ids else "order", new_id()))
        own = await answer(mine, path, mine.id_for(path) or mine.ids["order"])
        if comparable(own) == comparable(random):
            blind.add(path)
    assert blind == BLIND
