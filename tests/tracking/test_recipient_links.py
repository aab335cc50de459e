"""Recipients' links as credentials: who hands them out, what they open and what not, and when they are over."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from graphql import is_required_argument
from tests.identity.conftest import Client, Place, company, place
from tests.kernel.streams.conftest import Following, following
from tests.tracking.recipients import FOLLOW, LINK, TRACKING, link, on_a_route, recipient, sees, streaming

from doorstep.identity.keys import key_hash
from doorstep.identity.service import Authenticator, authenticating
from doorstep.kernel.db import Transaction
from doorstep.kernel.graphql import sessions
from doorstep.kernel.graphql.sharing import shapes
from doorstep.kernel.ids import new_id, parse_id, public_id
from doorstep.kernel.points import Payer
from doorstep.kernel.scope import Actor, ActorKind, Permission, Principal
from doorstep.kernel.secrets import SecretKeys
from doorstep.schema import build_schema
from doorstep.tracking.service import links

__all__ = ["company", "place"]

REVOKED_WITHIN = 5.0


SCHEMA = build_schema()._schema
ROOTS = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type, "subscription": SCHEMA.subscription_type}


async def test_a_link_opens_nothing_else(company: Client) -> None:
    route = await on_a_route(company)
    ada, other = await recipient(company, route["order"]), await company.order(None)
    assert await opened(ada) == []
    for one in (route["order"], other, route["route"], route["vehicle"], route["stop"]):
        answer = (await ada.answer("query($id: ID!) { node(id: $id) { id } }", id=one)).json()
        assert answer["data"] == {"node": None}
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_walk_notices_a_link_that_holds_a_permission(
    company: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = authenticating.recipient_principal
    rights = frozenset({Permission.ORDERS_READ, Permission.TOKENS_WRITE})
    monkeypatch.setattr(authenticating, "recipient_principal", lambda row: replace(right(row), permissions=rights))
    found = await opened(await recipient(company, await company.order(None)))
    assert {"Query.order", "Query.orders", "Subscription.order", "Subscription.orders"} <= {*found}


async def opened(client: Client) -> list[str]:
    """The root fields, `tracking` aside, that do not shut a credential out."""
    found = []
    for operation, root in ROOTS.items():
        for name, field in root.fields.items():
            document, variables = plain(operation, name, field)
            if name == "tracking":
                continue
            if operation == "subscription":
                async with following(client, document, **variables) as watching:
                    message = await watching.message()
                codes = {message["payload"][0]["extensions"]["code"]} if message["type"] == "error" else set()
            else:
                answer = (await client.answer(document, **variables)).json()
                codes = {one["extensions"]["code"] for one in answer.get("errors", [])}
                if name == "nodes":  # one bad id costs the others nothing
                    codes |= {"FORBIDDEN"} if answer.get("data") in (None, {"nodes": [None]}) else set()
            if "FORBIDDEN" not in codes:
                found.append(f"{root.name}.{name}")
    return found


def plain(operation: str, name: str, field: Any) -> tuple[str, dict[str, Any]]:
    """A document that asks a root field for nothing but its type, with the arguments that it needs as variables."""
    needed = {one: argument for one, argument in field.args.items() if is_required_argument(argument)}
    variables = {one: value_of(argument.type) for one, argument in needed.items()}
    declared = ", ".join(f"${one}: {argument.type}" for one, argument in needed.items())
    given = ", ".join(f"{one}: ${one}" for one in needed)
    of_type = field.type
    while hasattr(of_type, "of_type"):
        of_type = of_type.of_type
    shown = " { __typename }" if hasattr(of_type, "fields") or hasattr(of_type, "types") else ""
    head = f"{operation}({declared})" if declared else operation
    return f"{head} {{ {name}{f'({given})' if given else ''}{shown} }}", variables


def value_of(kind: Any) -> Any:
    """Some value of an input type."""
    if hasattr(kind, "of_type"):
        inner = value_of(kind.of_type)
        return [inner] if type(kind).__name__ == "GraphQLList" else inner
    if hasattr(kind, "fields"):
        needed = [one for one, item in kind.fields.items() if is_required_argument(item)]
        return {one: value_of(kind.fields[one].type) for one in needed or [*kind.fields][:1]}
    if hasattr(kind, "values"):
        return next(iter(kind.values))
    samples = {
        "ID": public_id("order", new_id()), "Int": 1, "Float": 1.0, "Boolean": True, "DateTime": "2027-03-01T09:00:00Z",
        "Date": "2027-03-01", "URL": "https://example.org/", "CountryCode": "LI", "EmailAddress": "a@example.org", "JSONObject": {},
    }  # fmt: skip
    return samples.get(kind.name, "x")


async def test_who_may_hand_out_links(company: Client, place: Place) -> None:
    order = await company.order(None)
    assert await link(company, order) == await link(company, order)
    assert await link(await company.key("orders:read", "tokens:write", "tracking:read"), order) == await link(
        company, order
    )
    for scopes in (("orders:write", "tracking:read"), ("orders:read", "tokens:write"), ("orders:read", "events:read")):
        assert await link(await company.key(*scopes), order) is None
    assert await (await company.key("orders:write")).code(revoking("x")) == "FORBIDDEN"
    stranger = await place.company()
    assert (await stranger.ask(LINK, id=order))["order"] is None
    assert await stranger.refused("revokeTracking", orderId=order) == [("NOT_FOUND", "orderId")]
    page = "{ orders { nodes { id trackingUrl } } }"
    await company.order(None)
    assert len({one["trackingUrl"] for one in (await company.ask(page))["orders"]["nodes"]}) == 2


def revoking(order: str) -> str:
    return f'mutation {{ revokeTracking(input: {{ orderId: "{order}" }}) {{ order {{ id trackingUrl }} problems {{ code }} }} }}'


async def test_only_a_hash_of_the_token_is_stored_and_forged_ones_are_nothing(company: Client) -> None:
    order = await company.order(None)
    ada = await recipient(company, order)
    async with company.system.transaction() as tx:
        [row] = await tx.fetch("SELECT * FROM tracking_links WHERE tenant_id = $1", company.tenant_id)
    assert ada.credential not in str(dict(row))
    assert len(row["hash"]) == 32
    forged = ada.credential[:-1] + ("0" if ada.credential[-1] != "0" else "1")
    for wrong in (forged, "trk_", "trk_" + "0" * 27, ada.credential + "0", ada.credential.upper(), f"trk_{order}"):
        assert await ada.using(wrong).code(TRACKING) == "UNAUTHENTICATED", wrong
    assert await company.code(TRACKING) == "FORBIDDEN"
    assert await company.using("").code(TRACKING) == "UNAUTHENTICATED"
    await sees(ada)


async def test_a_link_is_found_by_its_whole_hash_alone_and_inside_a_tenant_only_its_own(
    company: Client, place: Place
) -> None:
    ada = await recipient(company, await company.order(None))
    hashed, stranger, db = key_hash(ada.credential), await place.company(), company.server.services.db
    ask = "SELECT * FROM doorstep_recipient($1)"
    async with db.transaction() as tx:
        [found] = await tx.fetch(ask, hashed)
        assert found["tenant_id"] == company.tenant_id
        for guess in (b"", hashed[:-1], hashed + b"\0", hashed[::-1], ada.credential.encode(), None):
            assert await tx.fetch(ask, guess) == []
    async with db.transaction(company.tenant_id) as tx:
        assert len(await tx.fetch(ask, hashed)) == 1
    async with db.transaction(stranger.tenant_id) as tx:
        assert await tx.fetch(ask, hashed) == []


async def test_a_revoked_link_is_dead_its_pages_close_and_there_is_another(company: Client) -> None:
    order = await company.order(None)
    ada = await recipient(company, order)
    async with following(ada, FOLLOW) as socket, streaming(ada) as stream:
        await socket.next()
        await stream.next()
        done = await company.do("revokeTracking", "order { id trackingUrl }", orderId=order)
        assert await closing(socket) == 4403
        async with asyncio.timeout(3 * REVOKED_WITHIN):
            said = await stream.event()
            while "errors" not in said[1]:
                said = await stream.event()
        assert said[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await ada.code(TRACKING) == "UNAUTHENTICATED"
    assert done["order"]["trackingUrl"] == await link(company, order)
    assert (await sees(await recipient(company, order)))["status"] == "RECEIVED"
    document = "{ events { nodes { __typename ... on TrackingRevoked { orderId order { id } } } } }"
    [told] = [one for one in (await company.ask(document))["events"]["nodes"] if one["__typename"] == "TrackingRevoked"]
    assert told == {"__typename": "TrackingRevoked", "orderId": order, "order": {"id": order}}


async def test_a_link_ends_two_days_after_the_final_state_and_closes_its_page(company: Client) -> None:
    order = await company.order(None)
    ada = await recipient(company, order)
    await company.do("cancelOrder", "__typename", id=order)
    assert (await sees(ada))["status"] == "CANCELLED"
    async with following(ada, FOLLOW) as socket:
        await socket.next()
        await later(company, order, timedelta(hours=47, minutes=59))
        asked_anew(company)
        assert (await sees(ada))["status"] == "CANCELLED"
        await later(company, order, timedelta(minutes=2))
        assert await closing(socket) == 4403
    assert await ada.code(TRACKING) == "UNAUTHENTICATED"


def asked_anew(company: Client) -> None:
    """What was known of the company's credentials is not trusted any longer."""
    company.server.services.get(Authenticator).forget(company.tenant_id)


async def closing(followed: Following) -> int | None:
    """With which code the server closes a socket, within three times the time that is promised."""
    await asyncio.wait_for(followed.socket.wait_closed(), 3 * REVOKED_WITHIN)
    return followed.socket.close_code


async def later(company: Client, order: str, time: timedelta) -> None:
    """So much time passes for what the log knows of the order."""
    async with company.system.transaction() as tx:
        await tx.execute(
            "UPDATE events SET recorded_at = recorded_at - $3::interval WHERE tenant_id = $1 AND order_id = $2",
            company.tenant_id, parse_id("order", order), time,
        )  # fmt: skip


async def test_an_erased_order_has_no_link(company: Client) -> None:
    order = await company.order(None)
    ada = await recipient(company, order)
    await company.do("cancelOrder", "__typename", id=order)
    await company.do("eraseRecipient", "__typename", orderIds=[order])
    for _ in range(100):
        if await ada.code(TRACKING) == "UNAUTHENTICATED":
            break
        await asyncio.sleep(0.1)
    assert await link(company, order) is None


async def test_a_link_lives_on_when_the_installations_key_is_changed(company: Client) -> None:
    order = await company.order(None)
    before = await link(company, order)
    services = company.server.services
    keys = services.secret_keys
    services.offer(SecretKeys([b"x" * 32, *keys._keys]))
    try:
        assert await link(company, order) == before
        assert await link(company, await company.order(None)) is not None
    finally:
        services.offer(keys)


async def test_recipients_use_up_neither_the_sockets_nor_the_points_of_the_company(company: Client) -> None:
    ada = await recipient(company, await company.order(None))
    async with company.system.transaction() as tx:
        await tx.execute("UPDATE tenants SET quota_sockets = 1 WHERE id = $1", company.tenant_id)
    asked_anew(company)
    async with following(ada, FOLLOW) as one, following(ada, FOLLOW) as two, await company.socket() as ours:
        await one.next()
        await two.next()
        assert ours.close_code is None
    company_id, order_id, address = company.tenant_id, new_id(), "192.0.2.1"
    link_holder = Principal(company_id, Actor(ActorKind.RECIPIENT, order_id), frozenset(), recipient_of=order_id)
    office = Principal(company_id, Actor(ActorKind.API_KEY, new_id()), frozenset())
    others = {*Payer.of(office, address).buckets, *Payer.of(None, address).buckets}
    assert Payer.of(link_holder, address) == Payer.of(shapes.shared(link_holder), address)
    assert not {*Payer.of(link_holder, address).buckets} & others


async def test_fifty_recipients_behind_one_address_are_let_in_at_once(company: Client) -> None:
    followers = [await recipient(company, await company.order(None)) for _ in range(50)]
    shown = await asyncio.gather(*(sees(one) for one in followers))
    assert {one["status"] for one in shown} == {"RECEIVED"}


async def test_pages_that_are_open_are_asked_for_together(company: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    singly: list[str] = []
    ask = Authenticator._recipient

    async def counting(self: Authenticator, secret: str) -> Principal:
        singly.append(secret)
        return await ask(self, secret)

    monkeypatch.setattr(Authenticator, "_recipient", counting)
    orders = [await company.order(None) for _ in range(8)]
    followers = [await recipient(company, order) for order in orders]
    async with AsyncExitStack() as pages:
        opened_ones = [await pages.enter_async_context(following(one, FOLLOW)) for one in followers]
        for page in opened_ones:
            await page.next()
        before = len(singly)
        await asyncio.sleep(3 * sessions.ASK_SECONDS)
        assert len(singly) == before
        await company.do("revokeTracking", "__typename", orderId=orders[3])
        assert await closing(opened_ones[3]) == 4403
        assert all(page.socket.close_code is None for page in opened_ones if page is not opened_ones[3])


async def test_a_page_of_links_is_read_at_once(company: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, read = [], links.links_of
    orders = [await company.order(None) for _ in range(3)]

    async def counting(tx: Transaction, tenant_id: UUID, order_ids: list[UUID]) -> Any:
        asked.append(len(order_ids))
        return await read(tx, tenant_id, order_ids)

    monkeypatch.setattr(links, "links_of", counting)
    await asyncio.gather(*(company.ask("{ orders { nodes { trackingUrl } } }") for _ in range(20)))
    assert asked == [len(orders)] * 20


async def test_a_link_works_for_whoever_has_only_registered_documents_answered_and_not_for_who_is_suspended(
    company: Client,
) -> None:
    ada = await recipient(company, await company.order(None))
    for setting, code in (("persisted_only = true", None), ("status = 'SUSPENDED', suspended_at = now()", "FORBIDDEN")):
        async with company.system.transaction() as tx:
            await tx.execute(f"UPDATE tenants SET {setting} WHERE id = $1", company.tenant_id)
        asked_anew(company)
        assert await ada.code(TRACKING) == code
