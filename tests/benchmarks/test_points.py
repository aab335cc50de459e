"""What the limiter costs a request: points drawn ahead, against a draw for every request."""

import time
from uuid import uuid4

import pytest
from graphql import OperationDefinitionNode, parse
from tests.kernel.test_limits_over_http import LARGE_PAGE

from doorstep.kernel.db import Database
from doorstep.kernel.graphql.costs import Costing
from doorstep.kernel.points import Bucket, Payer, Points
from doorstep.kernel.scope import Actor, ActorKind, Principal
from doorstep.schema import build_schema

pytestmark = pytest.mark.benchmark


async def _spend(points: Points, principal: Principal, requests: int) -> tuple[float, float]:
    """Microseconds of wall clock and of this process's CPU for each request."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(requests):
        payer = Payer.of(principal, "")
        await points.take(payer, 3)
        points.settle(payer, 3, 1)
    return (time.perf_counter() - wall) / requests * 1e6, (time.process_time() - cpu) / requests * 1e6


async def test_ahead_or_each(system: Database, capsys: pytest.CaptureFixture[str]) -> None:
    ahead = Points(system, Bucket(20_000_000, 1_000))
    each = Points(system, Bucket(20_000_000, 0))  # takes no more than is missing
    principal = Principal(uuid4(), Actor(ActorKind.API_KEY, uuid4()), frozenset())
    figures = {
        "drawn ahead": await _spend(ahead, principal, 20_000),
        "drawn each time": await _spend(each, principal, 500),
    }
    await ahead.close()
    await each.close()
    with capsys.disabled():
        for name, (wall, cpu) in figures.items():
            print(f"\npoints {name}: {wall:.0f} µs, {cpu:.0f} µs of CPU a request", end="")  # noqa: T201


def test_pricing(capsys: pytest.CaptureFixture[str]) -> None:
    schema = build_schema()
    document = parse(LARGE_PAGE)
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    stop = {"id": "s", "route": {"id": "r", "driver": {"name": "d"}}}
    order = {"id": "o", "packages": [{"barcode": "b"}], "assignment": {"vehicle": {"name": "v"}, "stops": [stop, stop]}}
    data = {"orders": {"nodes": [order] * 250, "totalCount": 1}}
    began = time.process_time()
    for _ in range(100):
        costing = Costing(schema._schema, schema.documents.prices, document, operation)
    priced = time.process_time()
    for _ in range(100):
        costing.actual(data, None)
    counted = time.process_time()
    with capsys.disabled():
        print(  # noqa: T201
            f"\npricing a document: {(priced - began) * 1e4:.0f} µs, once; counting 250 orders with stops: {(counted - priced) * 1e4:.0f} µs"
        )
