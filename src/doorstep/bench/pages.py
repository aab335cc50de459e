"""Pages of orders with stops: what a dispatcher's list asks for, read page after page by one client."""

import time

import orjson

from doorstep.bench.documents import PAGE
from doorstep.bench.figures import Figure, Taking, percentiles
from doorstep.bench.stage import Company, Stage

PAGE_SIZE = 100
WARM_UP = 5


async def pages(stage: Stage, company: Company) -> Figure:
    """Pages a second of a company whose orders are on routes."""
    after, orders, size = await _page(company, None)
    for _ in range(WARM_UP):
        after, orders, size = await _page(company, after)
    taking = Taking()
    rates: list[float] = []
    waits: list[float] = []
    before = await stage.server.cpu()
    for _ in range(stage.options.rounds):
        started, done = time.perf_counter(), 0
        while (asked := time.perf_counter()) < started + stage.options.seconds / stage.options.rounds:
            after, orders, size = await _page(company, after)
            waits.append((time.perf_counter() - asked) * 1000)
            done += 1
        rates.append(done / (time.perf_counter() - started))
    used = await stage.server.cpu() - before
    details = {
        **percentiles(waits, "ms"),
        "server_cpu_ms_per_page": used.server * 1000 / len(waits),
        "orders_per_page": orders,
        "kilobytes_per_page": size / 1000,
        "pages": len(waits),
    }
    return taking.figure("pages_of_100", f"Pages of {PAGE_SIZE} orders with stops, 1 client", "pages/s", rates, details)


async def _page(company: Company, after: str | None) -> tuple[str | None, int, int]:
    """Where the next page begins (None: from the start), how many orders are on this one, its bytes."""
    page = (await company.api.ask(PAGE, first=PAGE_SIZE, after=after))["orders"]
    end: str | None = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
    return end, len(page["nodes"]), len(orjson.dumps(page))
