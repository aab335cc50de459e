"""Workers that die at any moment: every event arrives at least once, with the same id, in its order's order."""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.webhooks.conftest import FAST, Company, Working
from tests.webhooks.receiver import OK, Got, Receiver, reply
from tests.webhooks.test_order import in_order

from doorstep.identity.service import system_principal
from doorstep.kernel.db import Database, DatabaseUrls, Transaction
from doorstep.kernel.ids import parse_id
from doorstep.server import Server
from doorstep.webhooks.jobs import lanes
from doorstep.webhooks.model import Fault
from doorstep.webhooks.service import Outcome, claim, release, settle, turn_events, turning

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 5


@contextlib.asynccontextmanager
async def process(urls: DatabaseUrls, home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that delivers; killed at the end."""
    environment = {"PYTHONPATH": f"{REPOSITORY / 'src'}:{REPOSITORY}", "PATH": "/usr/bin:/bin"}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.webhooks.delivering", urls.app, urls.system, str(home),
        cwd=home, env=environment, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await worker.stdout.readline() == b"delivers\n"
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


async def test_workers_are_killed_again_and_again_and_nothing_is_lost_or_out_of_order(
    company: Company, receiver: Receiver, urls: DatabaseUrls, tmp_path: Path, working: Working
):
    chance = random.Random(20)

    async def moody(_got: Got) -> bytes:
        await asyncio.sleep(chance.uniform(0.0, 0.1))
        return OK if chance.random() < 0.8 else reply(500)

    receiver.answer = moody
    endpoint = await company.endpoint(receiver.url)
    writing = asyncio.create_task(_write(company))
    for _ in range(KILLS):
        before = len(receiver.got)
        async with process(urls, tmp_path):
            await receiver.until(lambda before=before: len(receiver.got) > before or writing.done(), 30)  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0.0, 0.5))
    committed = await writing
    async with working():
        log = await company.all_delivered(endpoint["id"])
    rows = await company.rows("SELECT id FROM events WHERE tenant_id = $1 AND type LIKE 'Order%' ORDER BY seq")
    assert len(rows) == committed == len(log), "one delivery for each event, however often it was turned into one"
    assert {got.id for got in receiver.taken} >= {one["eventId"] for one in log if one["state"] == "DELIVERED"}
    assert {got.id for got in receiver.got} == {one["eventId"] for one in log}
    assert in_order(receiver.got)
    assert receiver.most_under_way <= 4


async def _write(company: Company) -> int:
    """Events for as long as the workers die; returns how many."""
    orders = [await company.order() for _ in range(6)]
    for _ in range(14):
        for order in orders:
            await company.touch(order)
        await asyncio.sleep(0.6)
    return 15 * len(orders)


class Killed(Exception):
    """The worker ends here."""


async def _missing(company: Company, receiver: Receiver, working: Working, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What never arrives when the worker ends just before the deliveries are written, once."""
    endpoint = await company.endpoint(receiver.url)
    orders = [await company.order() for _ in range(3)]
    insert, died = Transaction.insert, []

    async def dies(self: Transaction, model: type, rows: list) -> None:  # type: ignore[type-arg]
        if model is turning.DeliveryRow and not died:
            died.append(True)
            raise Killed
        await insert(self, model, rows)

    monkeypatch.setattr(Transaction, "insert", dies)
    monkeypatch.setattr(lanes, "IDLE_SECONDS", 0.1)
    async with working():
        await receiver.until(lambda: bool(died))
        await company.order()
        await company.all_delivered(endpoint["id"])
    return set(orders) - {str(got.order) for got in receiver.got}


async def test_a_worker_that_dies_between_events_and_deliveries_loses_nothing(
    company: Company, receiver: Receiver, working: Working, monkeypatch: pytest.MonkeyPatch
):
    assert await _missing(company, receiver, working, monkeypatch) == set()


async def test_planted_a_cursor_that_moves_in_a_transaction_of_its_own_loses_events(
    company: Company, receiver: Receiver, working: Working, server: Server, monkeypatch: pytest.MonkeyPatch
):
    execute, fetch = Transaction.execute, Transaction.fetch

    async def moves_first(self: Transaction, sql: str, *arguments: object) -> object:
        """The cursor's new place is committed as soon as the events are read."""
        rows = await fetch(self, sql, *arguments)
        if sql is turning._NEXT and rows:
            await execute(self, "COMMIT")
            await execute(self, f"BEGIN; SET LOCAL app.tenant_id = '{company.tenant_id}'")
            tenant_id = arguments[0]
            (endpoint,) = await fetch(self, "SELECT id FROM webhook_endpoints WHERE tenant_id = $1", tenant_id)
            await execute(self, turning._MOVE, tenant_id, endpoint["id"], rows[-1]["seq"], rows[-1]["recorded_at"])
            await execute(self, "COMMIT")
            await execute(self, f"BEGIN; SET LOCAL app.tenant_id = '{company.tenant_id}'")
        return rows

    monkeypatch.setattr(Transaction, "fetch", moves_first)
    assert await _missing(company, receiver, working, monkeypatch) != set()


async def test_a_worker_that_slept_through_its_lease_settles_nothing(
    company: Company, server: Server, all_tenants: Database
):
    endpoint = await company.endpoint("https://example.com/")
    await company.order()
    endpoint_id, services = parse_id("webhook", endpoint["id"]), server.services
    principal = await system_principal(all_tenants, company.tenant_id)
    async with services.db.write(principal) as scope:
        await turn_events(scope, endpoint_id, FAST)
    (slept,) = await claim(services.db, company.tenant_id, endpoint_id, FAST)
    assert await claim(services.db, company.tenant_id, endpoint_id, FAST) == []
    await company.execute("UPDATE webhook_deliveries SET lease_until = now() - interval '1 s' WHERE tenant_id = $1")
    (other,) = await claim(services.db, company.tenant_id, endpoint_id, FAST)
    assert other.id == slept.id
    for claimed, fault, states in (
        (slept, Fault.TIMEOUT, ["SENDING"]),
        (slept, None, ["SENDING"]),
        (other, None, ["DELIVERED"]),
        (slept, Fault.TIMEOUT, ["DELIVERED"]),
    ):
        async with services.db.write(principal) as scope:
            await settle(scope, claimed, Outcome(fault), FAST)
        await release(services.db, slept)
        assert [one["state"] for one in await company.deliveries(endpoint["id"])] == states
    assert (await company.shown(endpoint["id"]))["failures"] == 0
