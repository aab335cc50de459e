"""The operator's commands on a database of their own, with no server beside them."""

import asyncio
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

from doorstep.cli import operating
from doorstep.identity.service import closing, system_principal, tenant_by_slug
from doorstep.identity.service.usage import Spend, add
from doorstep.kernel.db import Database, DatabaseUrls

pytestmark = pytest.mark.usefixtures("at_once")

TODAY = datetime.now(UTC).date()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is at work whose end would have to be awaited."""
    monkeypatch.setattr(closing, "SETTLE_SECONDS", 0.0)


@pytest.fixture
def spend(database_urls: DatabaseUrls) -> Callable[[str, Spend], None]:
    """Something used by a tenant, now."""

    async def spent(slug: str, what: Spend) -> None:
        system = Database(database_urls.system, pool_size=1)
        tenant = await tenant_by_slug(system, slug)
        async with system.write(await system_principal(system, tenant["id"])) as scope:
            add(scope, what)
        await system.close()

    return lambda slug, what: asyncio.run(spent(slug, what))


def shown(run: Run, slug: str = "shop") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("tenant", "show", slug, "--json")[1])
    return found


def test_suspend_and_resume(doorstep: Run):
    doorstep("tenant", "create", "shop")
    code, out, _ = doorstep("tenant", "suspend", "shop", "--reason", "unpaid")
    assert (code, "doorstep tenant resume shop" in out) == (0, True)
    assert (shown(doorstep)["status"], shown(doorstep)["suspended_reason"]) == ("SUSPENDED", "unpaid")
    [live, sandbox] = json.loads(doorstep("tenant", "list", "--json")[1])
    assert (live["status"], sandbox["status"]) == ("SUSPENDED", "ACTIVE")
    assert "SUSPENDED" in doorstep("tenant", "list")[1]
    since = shown(doorstep)["suspended_at"]
    doorstep("tenant", "suspend", "shop")
    assert shown(doorstep)["suspended_at"] == since
    assert doorstep("tenant", "resume", "shop")[:2] == (0, "Resumed.\n")
    assert (shown(doorstep)["status"], shown(doorstep)["suspended_at"]) == ("ACTIVE", None)


def test_usage_is_shown_up_to_now_also_where_it_is_tomorrow(doorstep: Run, spend: Callable[[str, Spend], None]):
    doorstep("tenant", "create", "shop", "--time-zone", "Pacific/Kiritimati")  # 14 hours ahead
    spend("shop", Spend(orders=7))
    [one] = json.loads(doorstep("tenant", "usage", "--json", "--from", str(TODAY))[1])
    assert one["orders"] == 7


def test_quotas_are_set_shown_and_lifted(doorstep: Run):
    doorstep("tenant", "create", "shop")
    code, out, _ = doorstep("tenant", "quota", "shop", "--orders-per-day", "500", "--sockets", "20", "--json")
    quotas = {"orders_per_day": 500, "solver_seconds_per_day": None, "sockets": 20, "storage_bytes": None}
    assert (code, json.loads(out)) == (0, quotas)
    doorstep("tenant", "quota", "shop", "--orders-per-day", "none", "--storage-bytes", "5000000000")
    assert shown(doorstep)["quotas"] == {**quotas, "orders_per_day": None, "storage_bytes": 5_000_000_000}
    assert "5000000000" in doorstep("tenant", "show", "shop")[1]


def test_usage_for_billing(doorstep: Run, spend: Callable[[str, Spend], None]):
    for slug in ("shop", "bakery"):
        doorstep("tenant", "create", slug)
    days = ("--from", str(TODAY - timedelta(days=1)), "--to", str(TODAY))
    assert "Nothing was used" in doorstep("tenant", "usage", *days)[1]
    spend("shop", Spend(orders=12))
    spend("shop", Spend(orders=1, solver_seconds=1.5))
    spend("bakery", Spend(orders=3))
    code, out, _ = doorstep("tenant", "usage", "--csv", *days)
    header, *rows = list(csv.reader(io.StringIO(out)))
    assert (code, header) == (0, ["tenant", "id", "day", "orders", "solver_seconds", "points", "storage_bytes"])
    assert [(row[0], *row[2:]) for row in rows] == [
        ("bakery", str(TODAY), "3", "0.0", "0", ""),
        ("shop", str(TODAY), "13", "1.5", "0", ""),
    ]
    [one] = json.loads(doorstep("tenant", "usage", "shop", "--json", *days)[1])
    assert (one["tenant"], one["orders"], one["storage_bytes"]) == ("shop", 13, None)
    assert "13" in doorstep("tenant", "usage", "shop", *days)[1]
    assert "13" in doorstep("tenant", "usage", "shop")[1]
    past = ("--from", str(TODAY - timedelta(days=9)), "--to", str(TODAY - timedelta(days=8)))
    assert doorstep("tenant", "usage", "--csv", *past)[1].count("\n") == 1


def test_an_export_is_complete_and_readable_by_its_owner_alone(doorstep: Run, tmp_path: Path):
    doorstep("tenant", "create", "shop", "--name", "Shop")
    doorstep("key", "create", "--tenant", "shop", "--name", "till")
    code, out, _ = doorstep("tenant", "export", "shop", "--to", "shop.ndjson.gz", "--json")
    file = tmp_path / "shop.ndjson.gz"
    said = json.loads(out)
    assert (code, said["sha256"]) == (0, hashlib.sha256(file.read_bytes()).hexdigest())
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert (
        lines[-1]
        == {"end": {"rows": said["rows"]}}
        == {"end": {"rows": {"api_keys": 1, "organizations": 1, "tenants": 1}}}
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "shop.ndjson.gz.part").exists()


def test_close_exports_erases_and_prints_a_receipt(doorstep: Run, tmp_path: Path):
    doorstep("tenant", "create", "shop", "--name", "Canary")
    doorstep("key", "create", "--tenant", "shop", "--name", "till")
    identifier = shown(doorstep)["id"]
    code, out, _ = doorstep("tenant", "close", "shop", "--export", "shop.gz", "--yes", "--json")
    receipt = json.loads(out)
    assert (code, receipt["id"]) == (0, identifier)
    assert receipt["erased"] == {"api_keys": 1, "tenants": 1}
    content = (tmp_path / "shop.gz").read_bytes()
    assert (receipt["export_sha256"], receipt["export_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert b"Canary" in gzip.decompress(content)

    assert doorstep("tenant", "show", "shop")[0] == 1
    sandbox, closed = json.loads(doorstep("tenant", "list", "--json")[1])
    assert sandbox["slug"] == "shop-test"
    assert (closed["id"], closed["status"], closed["slug"], closed["name"]) == (identifier, "CLOSED", None, None)
    assert "CLOSED" in doorstep("tenant", "list")[1]
    again = json.loads(doorstep("tenant", "close", "shop", "--export", "other.gz", "--yes", "--json")[1])
    assert again == receipt
    assert not (tmp_path / "other.gz").exists()

    last = json.loads(doorstep("tenant", "close", "shop-test", "--export", "test.gz", "--yes", "--json")[1])
    assert last["erased"] == {"organizations": 1, "tenants": 1}
    assert doorstep("tenant", "create", "shop")[0] == 0, "the slug is free again"


def test_close_asks_first(doorstep: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    doorstep("tenant", "create", "shop")
    monkeypatch.setattr(operating.typer, "prompt", lambda *_args, **_options: "shoe")
    assert "not its slug" in doorstep("tenant", "close", "shop", "--export", "shop.gz")[2]
    assert shown(doorstep)["status"] == "ACTIVE"
    monkeypatch.setattr(operating.typer, "prompt", lambda *_args, **_options: "shop")
    assert doorstep("tenant", "close", "shop", "--export", "shop.gz")[0] == 0


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", ["record_export", "finish", "erase"])
def test_killed_at_any_step_the_same_command_finishes(
    doorstep: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str
):
    doorstep("tenant", "create", "shop")
    close = ("tenant", "close", "shop", "--export", "shop.gz", "--yes", "--json")

    def dies(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(operating.ExportFile if step == "finish" else operating, step, dies)
        with pytest.raises(Killed):
            doorstep(*close)
    assert shown(doorstep)["status"] == ("SUSPENDED" if step == "record_export" else "CLOSING")
    if step != "record_export":
        assert "tenant close" in doorstep("tenant", "resume", "shop")[2]

    code, out, _ = doorstep(*close)
    content = (tmp_path / "shop.gz").read_bytes()
    assert (code, json.loads(out)["export_sha256"]) == (0, hashlib.sha256(content).hexdigest())
    assert not (tmp_path / "shop.gz.part").exists()
    assert doorstep("tenant", "show", "shop")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("suspend", "nobody"), "doorstep tenant list"),
        (("resume", "nobody"), "doorstep tenant list"),
        (("quota", "nobody"), "doorstep tenant list"),
        (("show", "nobody"), "doorstep tenant list"),
        (("usage", "nobody"), "doorstep tenant list"),
        (("export", "nobody", "--to", "x.gz"), "doorstep tenant list"),
        (("close", "nobody", "--export", "x.gz", "--yes"), "doorstep tenant list"),
        (("quota", "shop", "--sockets", "-1"), "--sockets"),
        (("quota", "shop", "--orders-per-day", "many"), "--orders-per-day"),
        (("quota", "shop", "--sockets", "99999999999"), "--sockets"),
        (("usage", "--from", "yesterday"), "--from"),
        (("export", "shop", "--to", "there.gz"), "choose another file"),
        (("export", "shop", "--to", "no/such/folder.gz"), "cannot be written"),
        (("close", "shop", "--export", "there.gz", "--yes"), "choose another file"),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do_and_changes_nothing(
    doorstep: Run, tmp_path: Path, arguments, expected
):
    doorstep("tenant", "create", "shop")
    (tmp_path / "there.gz").write_text("precious")
    code, _, said = doorstep("tenant", *arguments)
    assert (code, expected in said, said.count("\n")) == (1, True, 1), said
    assert (tmp_path / "there.gz").read_text() == "precious"
    assert shown(doorstep)["status"] == "ACTIVE"


def test_close_waits_for_orders_that_are_under_way_with_partners(
    doorstep: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    async def three(*_args: object) -> int:
        return 3

    doorstep("tenant", "create", "shop")
    monkeypatch.setattr(operating, "count_open_tenders", three)
    code, _, said = doorstep("tenant", "close", "shop", "--export", "shop.gz", "--yes")
    assert (code, "3 orders" in said, "--leave-partners" in said, said.count("\n")) == (1, True, True, 1)
    assert shown(doorstep)["status"] == "ACTIVE"
    assert doorstep("tenant", "close", "shop", "--export", "shop.gz", "--yes", "--leave-partners")[0] == 0
