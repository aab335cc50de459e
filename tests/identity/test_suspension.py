"""A suspended tenant: nobody gets in, nothing runs for it, nothing of it is lost, and it goes on where it stopped."""

import asyncio
import json
import time

import pytest
from tests.identity.conftest import ADDRESS, POINT, Client, Place
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from doorstep.identity.errors import WrongStanding
from doorstep.identity.service import system_principal
from doorstep.identity.service.operating import resume, suspend
from doorstep.kernel import jobs
from doorstep.kernel.consumers import Consumer, tenants_behind
from doorstep.kernel.db import Database, Row

VIEWER = "{ viewer { tenant { slug } } }"


async def tenant_row(client: Client) -> Row:
    async with client.system.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", client.tenant_id)
    assert row is not None
    return row


async def suspended(client: Client) -> None:
    await suspend(client.system, await tenant_row(client), "unpaid")


async def resumed(client: Client) -> None:
    await resume(client.system, await tenant_row(client))


async def answers_within(client: Client, seconds: float, status: int) -> None:
    """The server takes a while to notice; it must not take longer."""
    until = time.monotonic() + seconds
    while (answer := await client.answer(VIEWER)).status_code != status:
        assert time.monotonic() < until, answer.text
        await asyncio.sleep(0.2)


async def test_every_credential_is_refused_over_http_and_on_open_sockets_until_it_is_resumed(place: Place):
    company, other = await place.company(), await place.company()
    token = (await company.do("createAccessToken", "secret", scopes=["orders:read"]))["secret"]
    depot = await company.depot()
    order = await company.order(depot)
    before = await company.written()
    socket, spared = await company.socket(), await other.socket()

    await suspended(company)
    with pytest.raises(ConnectionClosed) as end:
        await asyncio.wait_for(socket.recv(), 5)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4403
    await answers_within(company, 5, 403)
    for client in (company, company.using(token)):
        answer = await client.answer(VIEWER)
        assert answer.status_code == 403
        [error] = answer.json()["errors"]
        assert (error["extensions"]["code"], "suspended" in error["message"]) == ("FORBIDDEN", True)
    assert (
        await place.http.get(f"{place.server.url}/export", headers={"authorization": f"Bearer {company.credential}"})
    ).status_code == 403
    async with connect(place.server.socket_url, subprotocols=["graphql-transport-ws"]) as late:  # type: ignore[list-item]
        await late.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {company.credential}"}})
        )
        with pytest.raises(ConnectionClosed) as refusal:
            await asyncio.wait_for(late.recv(), 5)
        assert refusal.value.rcvd is not None
        assert refusal.value.rcvd.code == 4403

    await spared.send(json.dumps({"type": "ping"}))
    assert json.loads(await asyncio.wait_for(spared.recv(), 5))["type"] == "pong"
    assert (await other.ask(VIEWER))["viewer"]

    await resumed(company)
    await answers_within(company, 5, 200)
    assert (await company.ask("query ($id: ID!) { order(by: {id: $id}) { id } }", id=order))["order"] == {"id": order}
    assert await company.written() == before
    await spared.close()


async def enqueued(place: Place, client: Client) -> None:
    principal = await system_principal(place.system, client.tenant_id)
    async with place.server.services.db.write(principal) as scope:
        await jobs.enqueue(scope, "nothing", {})


async def claimed_tenants(system: Database) -> list[object]:
    """Everything that is due, claimed."""
    tenants = []
    while (row := await jobs.claim(system)) is not None:
        tenants.append(row["tenant_id"])
    return tenants


async def test_its_jobs_and_reactions_wait_and_others_do_not(place: Place):
    company, other = await place.company(), await place.company()
    await claimed_tenants(place.system)
    for client in (company, other):
        await enqueued(place, client)
        await client.depot()
    await suspended(company)
    consumer = Consumer("test.any", frozenset(), lambda _scope, _row: asyncio.sleep(0))
    assert await claimed_tenants(place.system) == [other.tenant_id]
    behind = await tenants_behind(place.system, consumer)
    assert (company.tenant_id in behind, other.tenant_id in behind) == (False, True)

    await resumed(company)
    assert await claimed_tenants(place.system) == [company.tenant_id]
    assert company.tenant_id in await tenants_behind(place.system, consumer)


async def test_a_job_that_runs_is_taken_from_its_worker_and_the_run_does_not_count(place: Place):
    company = await place.company()
    await claimed_tenants(place.system)
    await enqueued(place, company)
    running = await jobs.claim(place.system)
    assert running is not None
    assert await jobs.renew(place.system, running)
    await suspended(company)
    assert not await jobs.renew(place.system, running)
    await resumed(company)
    again = await jobs.claim(place.system)
    assert again is not None
    assert (again["id"], again["attempts"]) == (running["id"], 1)
    assert again["run_token"] != running["run_token"]


async def test_a_job_that_was_claimed_past_the_suspension_is_stopped_at_its_renewal(place: Place):
    company = await place.company()
    await claimed_tenants(place.system)
    await enqueued(place, company)
    running = await jobs.claim(place.system)
    assert running is not None
    async with place.system.transaction() as tx:  # as when the claim and the suspension cross
        await tx.execute(
            "UPDATE tenants SET status = 'SUSPENDED', suspended_at = now() WHERE id = $1", company.tenant_id
        )
    assert not await jobs.renew(place.system, running)
    await resumed(company)


async def test_an_order_of_somebody_who_was_let_in_a_moment_before_is_stopped_at_its_commit(company: Client):
    await company.ask(VIEWER)
    await suspended(company)
    before = await company.written()
    stop = {"address": ADDRESS, "coordinates": POINT}
    document = "mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } problems { code } } }"
    assert await company.code(document, input={"dropoff": stop}) == "FORBIDDEN"
    assert await company.written() == before


async def test_what_is_being_closed_is_neither_suspended_nor_resumed(place: Place):
    company = await place.company()
    async with place.system.transaction() as tx:
        await tx.execute("UPDATE tenants SET status = 'CLOSING', suspended_at = now() WHERE id = $1", company.tenant_id)
    for act in (suspended, resumed):
        with pytest.raises(WrongStanding, match="tenant close"):
            await act(company)


async def test_planted_fault_an_authentication_that_forgets_the_standing_is_noticed(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    company = await place.company()
    await suspended(company)
    monkeypatch.setattr(
        "doorstep.identity.service.authenticating.AUTHENTICATE",
        "SELECT found.*, false AS suspended, NULL::int AS most_sockets, '{}'::varchar[] AS allowed_origins, false AS persisted_only "
        "FROM doorstep_authenticate($1) AS found",
    )
    with pytest.raises(AssertionError):
        await answers_within(company, 0.5, 403)
