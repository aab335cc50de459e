"""Completing answers level by level gives what graphql-core gives: data, nulls, errors, paths, places, for documents over the whole schema.

Both paths run each document on the same data: as it is, and with faults that strike the same objects for both (resolvers that raise, nulls in
non-null places, values of wrong types). That a mistake of the fast path would be noticed is tested as well.
"""

import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Usual
from tests.conformance.generated import Made, Maker
from tests.conftest import cloned_database
from tests.tracking.field import Field, Goods, Stop, make_field

from doorstep.kernel.db import Database
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.execution import LevelExecutor, columns, compiling, executor, leaves
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.orders.graphql import types as orders
from doorstep.planning.graphql import routes
from doorstep.schema import build_schema

DOCUMENTS = 150
SCHEMA = build_schema()
PREFIXES = {
    "orders": "order",
    "stops": "stop",
    "routes": "route",
    "vehicles": "vehicle",
    "drivers": "driver",
    "depots": "depot",
    "shifts": "shift",
}

SALT = [0]
"""Says, with an object's id, whether and how it is spoilt: otherwise for each document, the same for both paths."""


@dataclass
class World:
    services: Services
    field: Field
    ids: list[str]

    async def answer(self, how: type, made: Made) -> tuple[bytes, list[str]]:
        """What a client would see: data in its order, and the errors."""
        context = Context(self.services, self.field.principal, "request", None)
        SCHEMA.execution_context_class = how
        try:
            result = await SCHEMA.execute(made.text, variable_values=made.variables, context_value=context)
            errors = [
                orjson.dumps([error.formatted, type(error.original_error).__name__], default=str).decode()
                for error in result.errors or ()
            ]
            return orjson.dumps(result.data, default=str), sorted(errors)
        finally:
            SCHEMA.execution_context_class = LevelExecutor
            await context.close()

    async def first_difference(self, seeds: range) -> bool:
        """Whether any document has two answers."""
        for seed in seeds:
            if (await self.differences(range(seed, seed + 1)))[0]:
                return True
        return False

    async def differences(self, seeds: range) -> tuple[list[str], int, int]:
        """Documents with two answers, how many had data, how many errors."""
        differing, full, faulty = [], 0, 0
        for seed in seeds:
            made = Maker(SCHEMA._schema, self.ids, seed).query()
            SALT[0] = seed
            usual, levels = await self.answer(Usual, made), await self.answer(LevelExecutor, made)
            full += usual[0] != b"null"
            faulty += bool(usual[1])
            if usual != levels and not told_more(usual, levels):
                differing.append(f"{made.text}\n{made.variables}\n{usual}\n{levels}")
        return differing, full, faulty


def told_more(usual: tuple[bytes, list[str]], levels: tuple[bytes, list[str]]) -> bool:
    """Whether the answers differ only in errors below a null that another error made: which of these graphql-core still tells depends on what
    came first."""
    more = [one for one in levels[1] if one not in usual[1]]
    return (
        usual[0] == levels[0]
        and set(usual[1]) <= set(levels[1])
        and all(_is_below_null(json.loads(usual[0]), json.loads(one)[0]["path"]) for one in more)
    )


def _is_below_null(value: Any, path: list[str | int]) -> bool:
    for step in path[:-1]:
        value = value[step]
        if value is None:
            return True
    return False


@pytest.fixture(scope="module")
async def world(cluster: EmbeddedCluster, template: str) -> AsyncIterator[World]:
    """A tenant in the middle of its day: some orders done, one failed, some to come."""
    with cloned_database(cluster, template) as urls:
        db, system = Database(urls.app, pool_size=3), Database(urls.system, pool_size=2)
        names = ["a", "b", "c", "d"]
        stops = [
            Stop("DEPOT_START", names),
            *(Stop("DROPOFF", [name], 10 * place) for place, name in enumerate(names)),
            Stop("DEPOT_END"),
        ]
        goods = {"a": Goods(window=(0, 60), barcodes=("x", "y")), "b": Goods(proof_kinds=["NOTE"])}
        field = await make_field(db, system, stops, goods)
        await field.act(0, "ARRIVE", 0)
        await field.act(0, "COMPLETE", 1)
        await field.serve(1, 10)
        await field.serve(3, 20, "FAIL")
        ids = [public_id("order", new_id()), "nonsense"]
        for table, prefix in PREFIXES.items():
            ids += [
                public_id(prefix, row["id"])
                for row in await field.fetch(f"SELECT id FROM {table} WHERE tenant_id = $1 LIMIT 4")
            ]
        yield World(Services(db, system, EventHub(system)), field, ids)
        await db.close()
        await system.close()


NASTY: list[Any] = [None, RuntimeError("planted"), float("nan"), 2**40, object(), [None], "", [[]]]


def spoil(monkeypatch: pytest.MonkeyPatch, nasty: list[Any]) -> None:
    """One object in three has an attribute that is not as the schema says: the same one, and the same fault, whoever asks."""
    for kind in (orders.Order, orders.Package, orders.Waypoint, routes.Stop, routes.Route):
        monkeypatch.setattr(kind, "of", classmethod(_spoilt(kind.of.__func__, nasty)))  # type: ignore[attr-defined]


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of every kind."""
    spoil(monkeypatch, [*NASTY, type("Timeless", (), {"tzinfo": None})()])


def _spoilt(of: Any, nasty: list[Any]) -> Any:
    def spoilt(kind: type, row: Any) -> Any:
        made = of(kind, row)
        chance = random.Random(f"{SALT[0]} {_identity(row)}")
        if nasty and chance.random() < 0.35:
            names = sorted(name for name in vars(made) if name not in {"uuid", "row"})
            setattr(made, chance.choice(names), chance.choice(nasty))
        return made

    return spoilt


def _identity(row: Any) -> UUID:
    return row["id"] if "id" in row else row["order_id"]


@pytest.fixture
def broken_resolvers() -> Iterator[None]:
    """Some resolvers raise for some objects, whether they are asynchronous or not."""
    kept = []
    for kind, name in (
        ("Order", "dropoff"),
        ("Order", "nextActions"),
        ("Stop", "route"),
        ("Stop", "coordinates"),
        ("Route", "driver"),
    ):
        field = SCHEMA._schema.type_map[kind].fields[name]  # type: ignore[attr-defined]
        kept.append((field, field.resolve))
        field.resolve = _raising(field.resolve)
    yield
    for field, resolve in kept:
        field.resolve = resolve


def _raising(resolve: Any) -> Any:
    def resolve_or_raise(source: Any, info: Any, **arguments: Any) -> Any:
        if source.uuid.int % 3 == 0:
            raise LookupError(f"no {info.field_name} at {info.path.as_list()}")
        return resolve(source, info, **arguments)

    return resolve_or_raise


async def test_the_answers_are_equal(world: World) -> None:
    differing, full, _ = await world.differences(range(DOCUMENTS))
    assert not differing, differing[0]
    assert full > DOCUMENTS * 0.5


async def test_the_answers_are_equal_with_faults(world: World, faults: None, broken_resolvers: None) -> None:
    differing, _, faulty = await world.differences(range(1000, 1000 + DOCUMENTS))
    assert not differing, differing[0]
    assert faulty > DOCUMENTS * 0.2


@pytest.mark.release
async def test_the_answers_are_equal_for_thousands_of_documents(world: World, faults: None) -> None:
    differing, _, _ = await world.differences(range(10_000, 14_000))
    assert not differing, differing[0]


def _forgiving(column: Any) -> Any:
    def complete(levels: Any, values: list[Any]) -> list[Any]:
        try:
            completed: list[Any] = column(levels, values)
        except Exception:  # noqa: BLE001 - that is the mistake
            return [None for _ in values]
        return completed

    return complete


PLANTED: dict[str, tuple[Any, str, Any, list[Any]]] = {
    "a null in a non-null place stays": (compiling, "non_null", columns.nullable, [None]),
    "items of lists move": (
        compiling, "listed", lambda column: lambda levels, lists: columns.listed(column)(levels, lists[::-1]), [],
    ),
    "an error becomes null": (
        compiling, "nullable", lambda column: _forgiving(columns.nullable(column)), [RuntimeError("planted")],
    ),
    "texts are taken as they are": (leaves, "_unchanged_or_coerced", lambda *_: lambda values: values, [2**40]),
}  # fmt: skip
"""Mistakes, and the faults in the data that bring them to light."""


@pytest.mark.parametrize("mistake", PLANTED)
async def test_a_mistake_of_the_fast_path_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    module, name, wrong, nasty = PLANTED[mistake]
    spoil(monkeypatch, nasty)
    monkeypatch.setattr(module, name, wrong)
    monkeypatch.setattr(executor, "_PLANS", executor.Plans())
    assert await world.first_difference(range(2000, 3000))
