"""Commands in this process, on a database of their own: what they print, and how they refuse."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest
from tests.cli.conftest import Run
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from doorstep.__main__ import missing
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.graphql.sessions import FORBIDDEN


def test_a_tenant_and_its_keys(doorstep: Run):
    assert "no tenant yet" in doorstep("tenant", "list")[1]
    code, out, _ = doorstep("tenant", "create", "corner-shop", "--name", "Corner Shop", "--country", "li")
    assert (code, "doorstep key create --tenant corner-shop" in out) == (0, True)
    tenant, sandbox = json.loads(doorstep("tenant", "list", "--json")[1])
    assert (tenant["name"], tenant["country"], tenant["mode"]) == ("Corner Shop", "LI", "LIVE")
    assert (sandbox["slug"], sandbox["mode"]) == ("corner-shop-test", "TEST")

    made = json.loads(
        doorstep("key", "create", "--tenant", "corner-shop", "--name", "till", "--scope", "orders:read", "--json")[1]
    )
    assert made["key"].startswith("dsk_live_")
    [key] = json.loads(doorstep("key", "list", "--tenant", "corner-shop", "--json")[1])
    assert (key["id"], key["scopes"], key["revoked_at"]) == (made["id"], ["orders:read"], None)
    assert made["key"] not in doorstep("key", "list", "--tenant", "corner-shop")[1]
    assert doorstep("key", "revoke", made["id"], "--tenant", "corner-shop")[1] == "Revoked.\n"
    [key] = json.loads(doorstep("key", "list", "--tenant", "corner-shop", "--json")[1])
    assert key["revoked_at"]


def test_members_and_a_lost_owner(doorstep: Run):
    doorstep("tenant", "create", "corner-shop")
    assert "no members yet" in doorstep("member", "list", "--tenant", "corner-shop")[1]
    made = json.loads(doorstep("member", "add", "Ada@example.org", "--tenant", "corner-shop", "--json")[1])
    [member] = json.loads(doorstep("member", "list", "--tenant", "corner-shop-test", "--json")[1])
    assert (member["id"], member["email"], member["role"], member["status"]) == (
        made["id"], "ada@example.org", "OWNER", "INVITED",
    )  # fmt: skip
    assert doorstep("member", "add", "ada@example.org", "--tenant", "corner-shop")[0] == 1
    assert doorstep("member", "add", "nobody", "--tenant", "corner-shop")[0] == 1
    assert doorstep("member", "recover-owner", "eve@example.org", "--tenant", "corner-shop")[0] == 0
    both = json.loads(doorstep("member", "list", "--tenant", "corner-shop", "--json")[1])
    assert [(one["email"], one["role"]) for one in both] == [("ada@example.org", "OWNER"), ("eve@example.org", "OWNER")]


def test_an_issuer_that_signs_people_in(doorstep: Run):
    doorstep("tenant", "create", "shop")
    assert "doorstep tenant sign-in add shop" in doorstep("tenant", "sign-in", "list", "shop")[1]
    add = ("tenant", "sign-in", "add", "shop", "--issuer", "http://127.0.0.1:1", "--audience", "portal")
    made = json.loads(doorstep(*add, "--json")[1])
    assert "did not answer" in made["obstacle"]
    code, _, said = doorstep(*add)
    assert (code, "audience of its own" in said) == (1, True)
    [listed] = json.loads(doorstep("tenant", "sign-in", "list", "shop", "--json")[1])
    assert (listed["id"], listed["issuer"], listed["audience"]) == (made["id"], "http://127.0.0.1:1", "portal")
    assert doorstep("tenant", "sign-in", "remove", "shop", made["id"])[1] == "Removed.\n"
    assert json.loads(doorstep("tenant", "sign-in", "list", "shop", "--json")[1]) == []


def test_an_operator_redeems_an_invitation_for_a_new_carrier(doorstep: Run, database_urls: DatabaseUrls):
    for slug in ("merchant", "carrier"):
        doorstep("tenant", "create", slug)

    async def invite() -> None:
        connection = await asyncpg.connect(database_urls.system)
        await connection.execute(
            "INSERT INTO partnerships (merchant_id, id, version, status, merchant_name, token_hash, token_expires_at) "
            "SELECT id, gen_random_uuid(), 1, 'INVITED', name, sha256('dsp_secret'), now() + interval '1 hour' FROM tenants WHERE slug = 'merchant'"
        )
        await connection.close()

    asyncio.run(invite())
    link = "https://example.org/graphql#invitation=dsp_secret"
    assert "a carrier now (partnership_" in doorstep("partner", "redeem", link, "--tenant", "carrier")[1]
    code, _, said = doorstep("partner", "redeem", link, "--tenant", "carrier")
    assert (code, "ask the merchant for a new one" in said) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("tenant", "create", "Corner Shop"), "slug"),
        (
            ("tenant", "sign-in", "add", "nobody", "--issuer", "https://x.example", "--audience", "x"),
            "doorstep tenant list",
        ),
        (("tenant", "sign-in", "remove", "nobody", "12345"), "signin_"),
        (("tenant", "create", "shop", "--time-zone", "Europe/Atlantis"), "IANA"),
        (("tenant", "create", "shop", "--country", "Narnia"), "Narnia"),
        (("tenant", "create", "shop", "--currency", "euro"), "capital letters"),
        (("key", "create", "--tenant", "nobody", "--name", "x"), "doorstep tenant list"),
        (("key", "list", "--tenant", "nobody"), "doorstep tenant list"),
        (("key", "revoke", "12345", "--tenant", "nobody"), "key_"),
        (("partner", "redeem", "dsp_x", "--tenant", "nobody"), "doorstep tenant list"),
        (("migrate",), "DATABASE_OWNER_URL"),
        (("schema", "--check"), "doorstep schema --out"),
        (("roads", "build", "nowhere.osm.pbf"), "nowhere.osm.pbf"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(doorstep: Run, arguments, expected):
    code, _, said = doorstep(*arguments)
    assert code == 1
    assert expected in said
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_a_subscription_with_a_refused_key_says_so(doorstep: Run, monkeypatch: pytest.MonkeyPatch):
    async def shut(*_: object) -> None:
        raise ConnectionClosedError(Close(FORBIDDEN, "Forbidden"), None)

    monkeypatch.setattr("doorstep.cli.ask._follow", shut)
    code, _, said = doorstep("ask", "subscription { events { kind } }", "--key", "dsk_live_x")
    assert (code, "doorstep key create" in said) == (1, True)


def test_a_taken_slug_is_refused(doorstep: Run):
    doorstep("tenant", "create", "shop")
    assert doorstep("tenant", "create", "shop")[::2] == (
        1,
        "There is a tenant 'shop' (or 'shop-test') already: choose another slug.\n",
    )


def test_a_wrong_setting_is_named_without_its_value(doorstep: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOORSTEP_PORT", "sesame")
    code, _, said = doorstep("tenant", "list")
    assert (code, "DOORSTEP_PORT" in said, "sesame" in said) == (1, True, False)


def test_a_database_that_is_not_there_is_named_by_its_setting(doorstep: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_SYSTEM_URL", "postgresql://doorstep_system:secret@127.0.0.1:1/doorstep")
    code, _, said = doorstep("tenant", "list")
    assert (code, "DATABASE_SYSTEM_URL" in said, "secret" in said) == (1, True, False)


def test_the_schema_is_written_and_checked(doorstep: Run, tmp_path: Path):
    assert doorstep("schema", "--out", "schema.graphql")[0] == 0
    assert doorstep("schema", "--check")[0] == 0
    (tmp_path / "schema.graphql").write_text("type Query { nothing: Int }\n")
    assert doorstep("schema", "--check")[0] == 1
    assert "type Depot implements Node" in doorstep("schema")[1]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({"python": (3, 10)}, "Python 3.11"),
        ({"system": "win32"}, "Linux or macOS"),
        ({"system": "linux", "libc": ("glibc", "2.31")}, "glibc 2.34"),
        ({"system": "linux", "libc": ("", "")}, "another C library"),
    ],
)
def test_an_unsupported_machine_gets_one_line(machine, expected):
    line = missing(**machine)
    assert line is not None
    assert expected in line
    assert "\n" not in line


def test_this_machine_is_supported():
    assert missing() is None
