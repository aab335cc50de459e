"""The export holds everything of a tenant, nothing of another, and lets nobody in."""

import asyncio
import gzip
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import orjson
import pytest
from tests.identity.conftest import Client, Place
from tests.identity.holding import as_owner, furnished, held

from doorstep.identity.service import exporting, holdings
from doorstep.identity.service.exporting import Manifest, export
from doorstep.kernel.postgres.cluster import EmbeddedCluster

OF_COMPANY = {"tenants", "organizations", "members", "roles"}

TELLING = re.compile(r"hash|secret|token|password|cipher|credential|signature", re.IGNORECASE)
HARMLESS = {
    ("jobs", "run_token"),  # which run of a job is meant
    ("webhook_deliveries", "run_token"),  # which worker sends
    ("idempotency_keys", "fingerprint"),  # of what the tenant itself sent
    ("stop_acts", "fingerprint"),
    ("partnerships", "token_expires_at"),
}
"""Columns that look like a secret and are none."""


async def exported(company: Client, **options: Any) -> tuple[Manifest, list[dict[str, Any]]]:
    """The export, unpacked."""
    manifest = Manifest()
    pieces = [piece async for piece in export(company.system, company.tenant_id, manifest, **options)]
    return manifest, unpacked(b"".join(pieces))


def unpacked(stream: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in gzip.decompress(stream).splitlines()]


def counted(lines: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in lines[1:-1]:
        counts[line["table"]] = counts.get(line["table"], 0) + 1
    return counts


async def test_every_table_that_has_rows_is_there_and_nothing_of_anybody_else(place: Place):
    mine, theirs = await place.company(), await place.company()
    await furnished(mine, "Mine")
    await furnished(theirs, "Theirs")
    manifest, lines = await exported(mine)
    counts = counted(lines)
    assert {table: count for table, count in counts.items() if table not in OF_COMPANY} == await held(
        mine.system, mine.tenant_id
    )
    assert {table: counts[table] for table in OF_COMPANY} == {
        "tenants": 1,
        "organizations": 1,
        "members": 1,
        "roles": 1,
    }
    assert len(counts) > 20
    assert lines[0]["format"] == exporting.FORMAT
    assert lines[-1] == {"end": {"rows": counts}} == {"end": {"rows": manifest.rows}}
    text = orjson.dumps(lines).decode()
    assert "Mine 1" in text
    assert "theirs" not in text.lower()
    assert str(theirs.tenant_id) not in text


async def test_it_lets_nobody_in(company: Client):
    await company.do("createAccessToken", "secret", scopes=["orders:read"])
    _, lines = await exported(company)
    for line in lines[1:-1]:
        assert not TELLING.search(
            " ".join(set(line["row"]) - {column for table, column in HARMLESS if table == line["table"]})
        ), line
    async with company.system.transaction() as tx:
        hashes = [
            row["hash"].hex()
            for row in await tx.fetch("SELECT hash FROM api_keys UNION ALL SELECT hash FROM access_tokens")
        ]
    text = orjson.dumps(lines).decode()
    assert len(hashes) > 1
    assert not any(one in text for one in hashes)


async def telling_columns(place: Place) -> set[tuple[str, str]]:
    """Columns that look like secrets and are neither kept back nor known to be harmless."""
    async with place.system.snapshot(None) as tx:
        found = await holdings.holdings(tx)
        binary = {
            (row["table_name"], row["column_name"])
            for row in await tx.fetch(
                "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'"
            )
        }
    shown = {(holding.name, column) for holding in found for column in holding.shown}
    return {one for one in shown if one in binary or TELLING.search(one[1])} - HARMLESS


async def test_planted_fault_a_new_table_is_included_without_anybody_remembering_and_its_secret_is_noticed(
    place: Place, company: Client, cluster: EmbeddedCluster
):
    assert await telling_columns(place) == set()
    create = "CREATE TABLE zzz_new (tenant_id uuid, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text, secret_of_it text)"
    await as_owner(
        place, cluster, create, f"INSERT INTO zzz_new (tenant_id, note) VALUES ('{company.tenant_id}', 'remembered')"
    )
    try:
        _, lines = await exported(company)
        assert [line["row"]["note"] for line in lines[1:-1] if line["table"] == "zzz_new"] == ["remembered"]
        assert await telling_columns(place) == {("zzz_new", "secret_of_it")}
    finally:
        await as_owner(place, cluster, "DROP TABLE zzz_new")


async def test_a_row_that_two_companies_share_is_in_the_export_of_both(place: Place, cluster: EmbeddedCluster):
    merchant, carrier, third = await place.company(), await place.company(), await place.company()
    create = "CREATE TABLE zzz_shared (merchant_id uuid, carrier_id uuid, id uuid DEFAULT gen_random_uuid(), PRIMARY KEY (merchant_id, carrier_id, id))"
    insert = f"INSERT INTO zzz_shared (merchant_id, carrier_id) VALUES ('{merchant.tenant_id}', '{carrier.tenant_id}')"
    await as_owner(place, cluster, create, insert)
    try:
        for company, rows in ((merchant, 1), (carrier, 1), (third, 0)):
            manifest, _ = await exported(company)
            assert manifest.rows.get("zzz_shared", 0) == rows
    finally:
        await as_owner(place, cluster, "DROP TABLE zzz_shared")


async def test_it_is_the_same_each_time_and_of_one_moment(place: Place, company: Client):
    await furnished(company, "Same")
    first, second = await exported(company), await exported(company)
    assert first[1][1:] == second[1][1:]

    manifest = Manifest()
    async with aclosing(export(company.system, company.tenant_id, manifest)) as pieces:
        stream = await anext(pieces)  # its snapshot is taken
        await company.order(None)
        stream += b"".join([piece async for piece in pieces])
    assert unpacked(stream)[1:] == first[1][1:]
    with pytest.raises(EOFError):
        gzip.decompress(stream[:-9])


async def test_a_large_export_is_never_in_memory_as_a_whole(company: Client, monkeypatch: pytest.MonkeyPatch):
    orders = [
        {
            "dropoff": {
                "address": {"line1": "Städtle 49", "city": "Vaduz"},
                "coordinates": {"latitude": 47.1, "longitude": 9.5},
            }
        }
    ] * 300
    for _ in range(3):
        await company.do("createOrders", "results { index }", orders=orders)
    monkeypatch.setattr(exporting, "FETCH_ROWS", 100)
    fetched = []
    right = exporting.Transaction.fetch

    async def counting(self: Any, sql: str, *arguments: Any) -> Any:
        rows = await right(self, sql, *arguments)
        fetched.append((sql, len(rows)))
        return rows

    monkeypatch.setattr(exporting.Transaction, "fetch", counting)
    manifest, lines = await exported(company)
    assert manifest.rows["orders"] == counted(lines)["orders"] == 900
    reads = [(sql, rows) for sql, rows in fetched if "pg_class" not in sql]
    assert all(sql == "FETCH 100 FROM export" and rows <= 100 for sql, rows in reads), reads
    assert sum(rows for _, rows in reads) == sum(manifest.rows.values())


async def test_it_is_downloaded_behind_the_walls_by_those_who_may(place: Place, company: Client):
    await furnished(company, "Download")
    await furnished(await place.company(), "Elsewhere")
    url = f"{place.server.url}/export"
    answer = await place.http.get(url, headers={"authorization": f"Bearer {company.credential}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/gzip"
    assert re.fullmatch(
        r'attachment; filename="doorstep-export-[\d-]+\.ndjson\.gz"', answer.headers["content-disposition"]
    )
    assert answer.headers["cache-control"] == "private, no-store"
    lines = unpacked(answer.content)
    assert lines[-1]["end"]["rows"] == counted(lines) == (await exported(company))[0].rows
    assert "elsewhere" not in orjson.dumps(lines).decode().lower()

    lesser = await company.key("orders:write", "audit:read")
    for headers, status, code in (
        ({}, 401, "UNAUTHENTICATED"),
        ({"authorization": "Bearer dsk_live_x"}, 401, "UNAUTHENTICATED"),
        ({"authorization": f"Bearer {lesser.credential}"}, 403, "FORBIDDEN"),
    ):
        refusal = await place.http.get(url, headers=headers)
        assert (refusal.status_code, refusal.json()["errors"][0]["extensions"]["code"]) == (status, code)


async def test_one_export_of_a_company_at_a_time_and_a_reader_who_leaves_frees_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    first, second, third = [await place.company() for _ in range(3)]
    going_on = asyncio.Event()

    async def slow(*arguments: Any, **options: Any) -> AsyncGenerator[bytes, None]:
        async with aclosing(export(*arguments, **options)) as pieces:
            yield await anext(pieces)
            await going_on.wait()
            async for piece in pieces:
                for at in range(0, len(piece), 10):  # so that the next ones meet a reader who has left
                    yield piece[at : at + 10]
                    await asyncio.sleep(0)

    monkeypatch.setattr("doorstep.identity.http.export", slow)
    url = f"{place.server.url}/export"

    async def asked(company: Client) -> httpx.Response:
        return await place.http.get(url, headers={"authorization": f"Bearer {company.credential}"})

    async with (
        place.http.stream("GET", url, headers={"authorization": f"Bearer {first.credential}"}) as one,
        place.http.stream("GET", url, headers={"authorization": f"Bearer {second.credential}"}) as two,
    ):
        assert (one.status_code, two.status_code) == (200, 200)
        for company in (first, third):  # its own is under way; the process has two
            busy = await asked(company)
            assert (busy.status_code, busy.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    going_on.set()  # both readers have left
    for _ in range(100):
        if (again := await asked(first)).status_code == 200:
            break
        await asyncio.sleep(0.05)
    assert unpacked(again.content)[-1]["end"]["rows"]["tenants"] == 1
    assert place.server.services.db.pool_in_use == 0


async def test_planted_fault_a_predicate_that_is_forgotten_is_stopped_by_the_wall(
    place: Place, company: Client, monkeypatch: pytest.MonkeyPatch
):
    await furnished(await place.company(), "Neighbour")
    monkeypatch.setattr(holdings.Holding, "condition", lambda _self, _owner: "true")
    _, unwalled = await exported(company)
    assert "Neighbour" in orjson.dumps(unwalled).decode(), "the fault is real under the system role"
    answer = await place.http.get(
        f"{place.server.url}/export", headers={"authorization": f"Bearer {company.credential}"}
    )
    assert "Neighbour" not in orjson.dumps(unpacked(answer.content)).decode()


def test_tables_in_a_circle_have_no_order() -> None:
    def table(name: str, *parents: str) -> holdings.Holding:
        return holdings.Holding(name, ("tenant_id",), ("tenant_id",), ("tenant_id",), False, frozenset(parents), 0)

    ordered = holdings.children_first([table("a"), table("b", "a"), table("c", "b", "c")])
    assert [one.name for one in ordered] == ["c", "b", "a"]
    with pytest.raises(holdings.UnsortableTables):
        holdings.children_first([table("a", "b"), table("b", "a")])


async def test_the_tables_of_today_can_be_erased_in_some_order(place: Place):
    async with place.system.snapshot(None) as tx:
        ordered = [one.name for one in holdings.children_first(await holdings.holdings(tx))]
    assert ordered.index("stops") < ordered.index("routes") < ordered.index("shifts") < ordered.index("depots")
    assert ordered.index("members") < ordered.index("organizations")
