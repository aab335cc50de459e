"""API keys by the company's own hand."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.identity.conftest import Client, Place
from websockets.exceptions import ConnectionClosed

from doorstep.identity.model import TenantMode

VIEWER = "{ viewer { kind keyId scopes depotIds tenant { mode slug } } }"


async def test_a_key_is_made_shown_once_and_listed_without_its_secret(company: Client):
    made = await company.do(
        "createApiKey",
        "apiKey { id prefix name scopes version } secret",
        name=" The  till ",
        scopes=["orders:write", "orders:write"],
    )
    key, secret = made["apiKey"], made["secret"]
    assert (key["name"], key["scopes"], key["version"]) == ("The till", ["orders:write"], 1)
    assert secret.startswith("dsk_live_")
    assert key["prefix"] == secret[:17]
    viewer = (await company.using(secret).ask(VIEWER))["viewer"]
    assert (viewer["kind"], viewer["keyId"], viewer["scopes"]) == ("API_KEY", key["id"], ["orders:write"])
    listed = (await company.answer("{ apiKeys { nodes { id name prefix } totalCount } }")).text
    assert secret not in listed
    assert key["id"] in listed


async def test_a_replay_makes_no_second_key_and_shows_no_secret(company: Client):
    values = {"name": "till", "scopes": ["orders:read"], "idempotencyKey": "k-1"}
    first = await company.do("createApiKey", "apiKey { id } secret", **values)
    again = await company.do("createApiKey", "apiKey { id } secret", **values)
    assert again == {"apiKey": first["apiKey"], "secret": None, "problems": []}
    async with company.system.transaction() as tx:
        kept = await tx.fetchval("SELECT string_agg(outcome::text, '') FROM idempotency_keys")
    assert first["secret"] not in kept


async def test_nobody_gives_rights_that_they_do_not_have(company: Client):
    lesser = await company.key("keys:write", "orders:read")
    assert await lesser.refused("createApiKey", name="x", scopes=["orders:write"]) == [("EXCEEDS_RIGHTS", "scopes")]
    # Nor comes by them: a new secret for the first key would be everything.
    [first] = [
        one
        for one in (await company.ask("{ apiKeys { nodes { id name } } }"))["apiKeys"]["nodes"]
        if one["name"] == "first"
    ]
    assert await lesser.refused("rotateApiKey", id=first["id"]) == [("EXCEEDS_RIGHTS", "id")]
    assert await lesser.refused("updateApiKey", id=lesser.made["key"], scopes=["audit:read"]) == [
        ("EXCEEDS_RIGHTS", "scopes")
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"scopes": ["orders:fly"]}, ("INVALID_VALUE", "scopes.0")),
        ({"scopes": []}, ("REQUIRED", "scopes")),
        ({"name": "  "}, ("INVALID_VALUE", "name")),
        ({"name": "x" * 101}, ("INVALID_VALUE", "name")),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, ("INVALID_VALUE", "expiresAt")),
        ({"depotIds": ["depot_00000000000000000000000000"]}, ("NOT_FOUND", "depotIds.0")),
        ({"depotIds": []}, ("INVALID_VALUE", "depotIds")),
    ],
)
async def test_bad_input_is_a_problem_and_writes_nothing(company: Client, values, expected):
    assert await company.refused("createApiKey", **{"name": "x", "scopes": ["orders:read"], **values}) == [expected]


async def test_rotation_has_two_live_secrets_and_never_three(company: Client):
    first = await company.key("orders:read")
    rotate = {"id": first.made["key"], "previousValidForSeconds": 600}
    second = first.using(
        (await company.do("rotateApiKey", "secret apiKey { previousPrefix previousUntil }", **rotate))["secret"]
    )
    assert await first.code(VIEWER) is None
    assert await second.code(VIEWER) is None
    third = first.using((await company.do("rotateApiKey", "secret", **rotate))["secret"])
    await asyncio.sleep(2.1)  # what is known is trusted for two seconds
    assert await first.code(VIEWER) == "UNAUTHENTICATED"
    assert await second.code(VIEWER) is None
    assert await third.code(VIEWER) is None
    assert await company.refused("rotateApiKey", id=first.made["key"], previousValidForSeconds=-1) == [
        ("INVALID_VALUE", "previousValidForSeconds")
    ]


async def test_a_revoked_key_ends_on_http_and_on_open_sockets(company: Client):
    client = await company.key("events:read")
    socket = await client.socket()
    await company.do("revokeApiKey", "apiKey { revokedAt }", id=client.made["key"])
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), 15)  # promised within 5 s
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert await client.code(VIEWER) == "UNAUTHENTICATED"
    again = await company.do("revokeApiKey", "apiKey { version }", id=client.made["key"])
    assert again["apiKey"]["version"] == 2


async def test_lesser_scopes_close_the_sockets_that_were_opened_with_more(company: Client):
    client = await company.key("events:read", "orders:read")
    socket = await client.socket()
    await company.do("updateApiKey", "apiKey { id }", id=client.made["key"], scopes=["orders:read"])
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 15)


async def test_a_key_ends_by_itself(company: Client):
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    client = await company.key("orders:read", expiresAt=soon)
    await asyncio.sleep(3.5)
    assert await client.code(VIEWER) == "UNAUTHENTICATED"
    assert await company.refused("rotateApiKey", id=client.made["key"]) == [("ARCHIVED", "id")]


async def test_live_and_test_share_nothing(place: Place):
    live = await place.company()
    async with place.system.transaction() as tx:
        organization = await tx.fetchval("SELECT organization_id FROM tenants WHERE id = $1", live.tenant_id)
        modes = await tx.fetch("SELECT mode FROM tenants WHERE organization_id = $1 ORDER BY mode", organization)
    assert [row["mode"] for row in modes] == ["LIVE", "TEST"]
    test = await place.company(TenantMode.TEST)
    assert test.credential.startswith("dsk_test_")
    assert (await test.ask(VIEWER))["viewer"]["tenant"]["mode"] == "TEST"
    made = await test.do("createApiKey", "secret", name="x", scopes=["orders:read"])
    assert made["secret"].startswith("dsk_test_")


async def test_the_log_tells_of_keys_by_id_alone(company: Client):
    client = await company.key("orders:read")
    await company.do("updateApiKey", "apiKey { id }", id=client.made["key"], name="Other")
    types = "... on ApiKeyCreated { keyId scopes } ... on ApiKeyUpdated { keyId changes }"
    nodes = (await company.ask(f"{{ events {{ nodes {{ __typename actor {{ kind id }} {types} }} }} }}"))["events"][
        "nodes"
    ]
    made = [node for node in nodes if node.get("keyId") == client.made["key"]]
    assert [node["__typename"] for node in made] == ["ApiKeyCreated", "ApiKeyUpdated"]
    assert made[1]["changes"] == ["name"]
    assert made[0]["actor"]["kind"] == "API_KEY"


async def test_a_stronger_key_is_not_unbound_by_a_weaker_one(company: Client):
    depot = await company.depot()
    strong = await company.key("orders:write", depotIds=[depot])
    weak = await company.key("keys:write")
    assert await weak.refused("updateApiKey", id=strong.made["key"], depotIds=None) == [("EXCEEDS_RIGHTS", "id")]
    assert (await strong.ask(VIEWER))["viewer"]["depotIds"] == [depot]


async def test_a_token_makes_no_key_that_outlives_it(company: Client):
    made = await company.do("createAccessToken", "secret", scopes=["keys:write", "orders:read"])
    portal = company.using(made["secret"])
    before = await company.written()
    make = 'mutation { createApiKey(input: { name: "x", scopes: ["orders:read"] }) { secret } }'
    assert await portal.code(make) == "FORBIDDEN"
    assert await company.written() == before
