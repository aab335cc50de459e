"""On-demand dispatch with 200 open orders and 60 couriers: from an event to a decision that is written, and what of it is computing.

Each event is a new order: first by hand, which shows what computing costs, then with a worker, from the commit of the event to that of the decision.
"""

import asyncio
import statistics
import time
from typing import Any

import pytest
from tests.dispatch.conftest import Town, town, town_services  # noqa: F401 - fixtures
from tests.planning.conftest import around

from doorstep.dispatch.service import deciding, give
from doorstep.orders.events import OrderPlaced
from doorstep.orders.model import LocationStatus, OrderKind, OrderStatus
from doorstep.planning.solver import warm

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]

COURIERS, ORDERS, EVENTS = 60, 200, 40


async def test_from_an_event_to_a_decision(
    town: Town,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(COURIERS):
        await town.courier(around(number, meters=4000.0), capacity_items=50)
    await town.allow(most_orders=50)  # so that no courier is full, and every round is about all of them
    await town.world.add_orders(ORDERS, pickup=True)
    began = time.perf_counter()
    while await town.round():
        pass
    filled = time.perf_counter() - began
    held = len(await town.whose())
    runs: list[tuple[float, float, bool]] = []
    plain = warm.solve_warm

    async def measured(*arguments: Any) -> warm.WarmAnswer:
        started = time.perf_counter()
        answer = await plain(*arguments)
        runs.append((answer.cpu_seconds, time.perf_counter() - started, answer.warm))
        return answer

    monkeypatch.setattr(deciding, "solve_warm", measured)
    waits, decided = [], []
    for _ in range(EVENTS):
        await town.world.add_orders(1, pickup=True)
        started = time.perf_counter()
        found = await town.decide()
        decided.append(time.perf_counter() - started)
        for decision in found.decisions:
            await give(town.world.db, town.principal, town.world.engines, found.policy, decision)
        waits.append(time.perf_counter() - started)
    whole = await _with_a_worker(town)
    with capsys.disabled():
        print(f"\n{held} orders on {COURIERS} couriers in {filled:.1f} s; then {EVENTS} events, one order each:")  # noqa: T201
        for name, figures in (
            ("event to decision written with a worker, wall", whole),
            ("by hand: decided and written, wall", waits),
            ("of it deciding, wall", decided),
            ("of it the solver, wall", [wall for _, wall, _ in runs]),
            ("of it the engine, CPU", [cpu for cpu, _, _ in runs]),
        ):
            told = sorted(figures)
            p50, p99 = statistics.median(told), told[int(len(told) * 0.99)]
            print(f"  {name}: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")  # noqa: T201
        print(f"  warm: {sum(was for _, _, was in runs)} of {len(runs)} runs")  # noqa: T201


async def _with_a_worker(town: Town) -> list[float]:  # noqa: F811
    waits = []
    async with town.working():
        await town.world.until_idle()
        for _ in range(EVENTS):
            [order_id] = await town.world.add_orders(1, pickup=True)
            async with town.world.writing() as scope:
                scope.emit(
                    OrderPlaced(
                        order_id=order_id, aggregate_version=1, kind=OrderKind.PICKUP_AND_DELIVERY, status=OrderStatus.PENDING,
                        location_status=LocationStatus.LOCATED, depot_id=None, due_at=None,
                    )
                )  # fmt: skip
            started = time.perf_counter()
            while await town.status(order_id) != "ASSIGNED":
                await asyncio.sleep(0.01)
            waits.append(time.perf_counter() - started)
    return waits
