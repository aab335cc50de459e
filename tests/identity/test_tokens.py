"""Access and driver tokens."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.identity.conftest import Client
from websockets.exceptions import ConnectionClosed

VIEWER = "{ viewer { kind tokenId keyId memberId scopes depotIds orderId driverId expiresAt } }"


async def token(company: Client, **values) -> Client:
    made = await company.do(
        "createAccessToken", "secret accessToken { id expiresAt }", **{"scopes": ["orders:read"], **values}
    )
    client = company.using(made["secret"])
    client.made = {"token": made["accessToken"]["id"]}
    return client


async def test_a_portal_s_token_holds_a_part_of_its_key(company: Client):
    backend = await company.key("tokens:write", "orders:write", "events:read")
    portal = await token(backend)
    viewer = (await portal.ask(VIEWER))["viewer"]
    assert (viewer["kind"], viewer["tokenId"], viewer["keyId"]) == ("ACCESS_TOKEN", portal.made["token"], None)
    assert viewer["scopes"] == ["orders:read"]
    assert datetime.fromisoformat(viewer["expiresAt"]) - datetime.now(UTC) <= timedelta(hours=1)
    assert await portal.code("{ events { nodes { id } } }") == "FORBIDDEN"
    assert await backend.refused("createAccessToken", scopes=["audit:read"]) == [("EXCEEDS_RIGHTS", "scopes")]
    mint = 'mutation { createAccessToken(input: { scopes: ["orders:read"] }) { secret } }'
    assert await (await token(backend, scopes=["tokens:write"])).code(mint) == "FORBIDDEN"


async def test_a_token_loses_what_its_key_loses_and_ends_with_it(company: Client):
    backend = await company.key("tokens:write", "orders:read", "events:read")
    portal = await token(backend, scopes=["orders:read", "events:read"])
    await company.do("updateApiKey", "apiKey { id }", id=backend.made["key"], scopes=["tokens:write", "orders:read"])
    assert (await portal.ask(VIEWER))["viewer"]["scopes"] == ["orders:read"]
    await company.do("revokeApiKey", "apiKey { id }", id=backend.made["key"])
    await asyncio.sleep(2.1)
    assert await portal.code(VIEWER) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"expiresInSeconds": 3601}, ("INVALID_VALUE", "expiresInSeconds")),
        ({"expiresInSeconds": 59}, ("INVALID_VALUE", "expiresInSeconds")),
        ({"scopes": ["orders:eat"]}, ("INVALID_VALUE", "scopes.0")),
        ({"orderId": "order_00000000000000000000000000"}, ("NOT_FOUND", "orderId")),
        ({"depotId": "depot_00000000000000000000000000"}, ("NOT_FOUND", "depotId")),
        ({"memberId": "member_00000000000000000000000000"}, ("NOT_FOUND", "memberId")),
        ({"depotId": "order_00000000000000000000000000"}, ("INVALID_ID", "depotId")),
    ],
)
async def test_bad_tokens_are_refused(company: Client, values, expected):
    assert await company.refused("createAccessToken", **{"scopes": ["orders:read"], **values}) == [expected]


async def test_a_token_of_one_order_sees_that_order_alone(company: Client):
    depot = await company.depot()
    mine, other = await company.order(depot), await company.order(depot)
    portal = await token(company, scopes=["orders:write", "events:read", "planning:read", "fleets:read"], orderId=mine)
    assert [one["id"] for one in (await portal.ask("{ orders { nodes { id } } }"))["orders"]["nodes"]] == [mine]
    read = "query($id: ID!) { order(by: { id: $id }) { id dropoff { contact { name } } depot { id } } }"
    assert (await portal.ask(read, id=mine))["order"] == {
        "id": mine,
        "dropoff": {"contact": {"name": "Ada"}},
        "depot": {"id": depot},
    }
    assert (await portal.ask(read, id=other))["order"] is None
    assert await portal.refused("cancelOrder", id=other) == [("NOT_FOUND", "id")]
    log = "{ events { nodes { __typename ... on OrderPlaced { orderId } } } }"
    assert [node for node in (await portal.ask(log))["events"]["nodes"] if "Order" in node["__typename"]] == [
        {"__typename": "OrderPlaced", "orderId": mine}
    ]


async def test_a_token_of_a_member_holds_no_more_than_the_member(company: Client):
    made = await company.do("inviteMember", "member { id }", email="v@example.org", name="V", role="VIEWER")
    member = made["member"]["id"]
    portal = await token(company, scopes=["orders:write", "fleets:read"], memberId=member)
    viewer = (await portal.ask(VIEWER))["viewer"]
    assert (viewer["memberId"], viewer["scopes"]) == (member, ["fleets:read"])
    await company.do("removeMember", "member { id }", id=member)
    await asyncio.sleep(2.1)
    assert await portal.code(VIEWER) == "UNAUTHENTICATED"


async def test_a_renewed_token_keeps_its_open_socket(company: Client):
    portal = await token(company, scopes=["events:read"], expiresInSeconds=60)
    plain = await token(company, scopes=["events:read"], expiresInSeconds=60)
    async with company.system.transaction() as tx:  # a minute is long for a test
        await tx.execute("UPDATE access_tokens SET expires_at = now() + interval '4 s'")
    renewed, left = await portal.socket(), await plain.socket()
    shown = await company.do(
        "renewAccessToken", "accessToken { expiresAt }", id=portal.made["token"], expiresInSeconds=600
    )
    assert datetime.fromisoformat(shown["accessToken"]["expiresAt"]) > datetime.now(UTC) + timedelta(minutes=9)
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(left.recv(), 20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    await renewed.send(json.dumps({"type": "ping"}))
    assert json.loads(await asyncio.wait_for(renewed.recv(), 10)) == {"type": "pong"}
    assert await company.refused("renewAccessToken", id=plain.made["token"]) == [("ARCHIVED", "id")]


async def test_nobody_renews_or_ends_the_tokens_of_others(company: Client):
    portal = await token(company)
    other = await company.key("tokens:write", "orders:read")
    assert await other.refused("renewAccessToken", id=portal.made["token"]) == [("NOT_FOUND", "id")]
    assert await other.refused("revokeAccessToken", id=portal.made["token"]) == [("NOT_FOUND", "id")]
    await company.do("revokeAccessToken", "accessToken { revokedAt }", id=portal.made["token"])
    await asyncio.sleep(2.1)
    assert await portal.code(VIEWER) == "UNAUTHENTICATED"


async def test_a_driver_s_rights_never_come_without_their_limit(company: Client):
    driver = await company.driver()
    values = {"email": "d@example.org", "name": "D"}
    member = (await company.do("inviteMember", "member { id }", **values, role="DRIVER", driverId=driver))["member"][
        "id"
    ]
    assert await company.refused("createAccessToken", scopes=["orders:read"], memberId=member) == [
        ("INVALID_VALUE", "memberId")
    ]
    await company.do("updateMember", "member { id }", id=member, role="VIEWER")
    portal = await token(company, memberId=member)
    assert (await portal.ask(VIEWER))["viewer"]["scopes"] == ["orders:read"]
    await company.do("updateMember", "member { id }", id=member, role="DRIVER", driverId=driver)
    await asyncio.sleep(2.1)
    assert (await portal.ask(VIEWER))["viewer"]["scopes"] == []
