"""Commands in this process, on a database of their own: what they print, and how they refuse."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from doorstep import cli
from doorstep.__main__ import missing
from doorstep.kernel.db import DatabaseUrls
from doorstep.settings import get_settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def doorstep(database_urls: DatabaseUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Run:
    """Runs a command; answers exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOORSTEP_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_SYSTEM_URL", database_urls.system)

    def run(*arguments: str) -> tuple[int, str, str]:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["doorstep", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.run()
        said = capsys.readouterr()
        code = end.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    yield run  # type: ignore[misc]
    get_settings.cache_clear()


def test_a_tenant_and_its_keys(doorstep: Run):
    assert "no tenant yet" in doorstep("tenant", "list")[1]
    code, out, _ = doorstep("tenant", "create", "corner-shop", "--name", "Corner Shop", "--country", "li")
    assert (code, "doorstep key create --tenant corner-shop" in out) == (0, True)
    [tenant] = json.loads(doorstep("tenant", "list", "--json")[1])
    assert (tenant["name"], tenant["country"], tenant["mode"]) == ("Corner Shop", "LI", "LIVE")

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


def test_a_taken_slug_is_refused(doorstep: Run):
    doorstep("tenant", "create", "shop")
    assert doorstep("tenant", "create", "shop")[::2] == (1, "There is a tenant 'shop' already: choose another slug.\n")


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
