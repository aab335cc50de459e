"""Orders taken in: one by one by one client and by several, and many in one call. Each call has an idempotency key, as clients should send."""

import asyncio
import time
from uuid import uuid4

from doorstep.bench.documents import CREATE_ORDER, CREATE_ORDERS
from doorstep.bench.figures import Figure, Taking, percentiles
from doorstep.bench.stage import Company, Stage
from doorstep.demo.client import RefusedByApi

WARM_UP = 50
"""Calls before the first round: pools fill, documents are parsed, PostgreSQL's caches warm."""


async def create_one(company: Company) -> str:
    """Send one order; returns its id."""
    made = await company.api.do(CREATE_ORDER, **next(company.orders), idempotencyKey=uuid4().hex)
    order_id: str = made["order"]["id"]
    return order_id


async def one_by_one(stage: Stage, clients: int) -> Figure:
    """Orders a second by so many clients, each of which waits for an answer before it sends the next order."""
    company = await stage.company(f"one-by-one-{clients}")
    for _ in range(WARM_UP):
        await create_one(company)
    taking = Taking()
    rates: list[float] = []
    waits: list[float] = []
    before = await stage.server.cpu()
    for _ in range(stage.options.rounds):
        started = time.perf_counter()
        until = started + stage.options.seconds / stage.options.rounds
        done = sum(await asyncio.gather(*(_client(company, until, waits) for _ in range(clients))))
        rates.append(done / (time.perf_counter() - started))
    used = await stage.server.cpu() - before
    title = f"Orders created one by one, {clients} client{'s' if clients > 1 else ''}"
    details = {
        **percentiles(waits, "ms"),
        "server_cpu_ms_per_order": used.server * 1000 / len(waits),
        "orders": len(waits),
    }
    return taking.figure(f"orders_one_by_one_{clients}", title, "orders/s", rates, details)


async def _client(company: Company, until: float, waits: list[float]) -> int:
    done = 0
    while (started := time.perf_counter()) < until:
        await create_one(company)
        waits.append((time.perf_counter() - started) * 1000)
        done += 1
    return done


async def in_bulk(stage: Stage) -> Figure:
    """Orders a second when many come in one call."""
    size = stage.options.orders
    company = await stage.company("bulk")
    await create_many(company, size)
    taking = Taking()
    rates: list[float] = []
    waits: list[float] = []
    before = await stage.server.cpu()
    for _ in range(stage.options.rounds):
        started = time.perf_counter()
        await create_many(company, size)
        waits.append((time.perf_counter() - started) * 1000)
        rates.append(size / (time.perf_counter() - started))
    used = await stage.server.cpu() - before
    details = {
        "slowest_call_ms": max(waits),
        "server_cpu_ms_per_order": used.server * 1000 / (size * len(rates)),
        "orders": size * len(rates),
    }
    return taking.figure("orders_in_bulk", f"Orders created in bulk, {size:,} in one call", "orders/s", rates, details)


async def create_many(company: Company, number: int) -> list[str]:
    """Send orders in one call; returns their ids. Raises RefusedByApi when one of them was refused."""
    orders = company.some_orders(number)
    made = await company.api.do(CREATE_ORDERS, orders=orders, policy="REJECT_ALL", idempotencyKey=uuid4().hex)
    ids = [result["order"]["id"] for result in made["results"] if result["order"]]
    if len(ids) != number:
        raise RefusedByApi(f"{number - len(ids)} of {number} orders were refused.")
    return ids
