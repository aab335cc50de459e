"""Closing a tenant: the export first, then nothing of it is left but a receipt; killed at any moment it can be run again."""

from typing import Any

import orjson
import pytest
from tests.identity.conftest import Client, Place
from tests.identity.holding import as_owner, furnished, held, row_of, tables_with

from doorstep.identity.errors import ChangedWhileExported
from doorstep.identity.service import closing
from doorstep.identity.service.closing import closure_of, erase, record_export, seconds_to_settle
from doorstep.identity.service.exporting import Manifest, export
from doorstep.identity.service.operating import suspend
from doorstep.kernel.db import Row
from doorstep.kernel.postgres.cluster import EmbeddedCluster


async def manifest_of(company: Client) -> Manifest:
    manifest = Manifest()
    async for _ in export(company.system, company.tenant_id, manifest):
        pass
    return manifest


async def recorded(company: Client) -> Row:
    """Suspended and exported: from here on it is erased."""
    tenant = await row_of(company)
    await suspend(company.system, tenant, "closing")
    return await record_export(company.system, tenant, await manifest_of(company))


async def sandbox_closed(company: Client) -> None:
    """The company's other tenant is gone."""
    async with company.system.transaction() as tx:
        other = await tx.fetchval(
            "SELECT other.id FROM tenants AS mine JOIN tenants AS other USING (organization_id) WHERE mine.id = $1 AND other.id <> $1",
            company.tenant_id,
        )
    sandbox = Client(company.server, company.http, "", company.system, other)
    await recorded(sandbox)
    await erase(company.system, other)


async def test_nothing_is_left_in_any_table_but_a_receipt_that_holds_nobody_s_data(place: Place):
    mine, theirs = await place.company(), await place.company()
    await furnished(mine, "Canarybird")
    await furnished(theirs, "Neighbour")
    kept = await held(place.system, theirs.tenant_id)
    await sandbox_closed(mine)
    slug = (await row_of(mine))["slug"]
    assert await tables_with(place.system, "canarybird") >= {
        "order_waypoints",
        "drivers",
        "depots",
        "members",
        "roles",
        "packages",
    }

    await recorded(mine)
    receipt = await erase(place.system, mine.tenant_id)

    assert await tables_with(place.system, "canarybird") == set()
    assert await tables_with(place.system, slug) == set()
    assert await tables_with(place.system, str(mine.tenant_id)) == {"closures"}
    assert await held(place.system, mine.tenant_id) == {}
    assert receipt["erased"] == receipt["exported"]
    assert {"orders", "events", "members", "organizations", "tenants"} <= set(receipt["erased"])
    assert receipt["closed_at"] is not None
    assert await held(place.system, theirs.tenant_id) == kept
    assert (await theirs.ask("{ viewer { tenant { id } } }"))["viewer"]
    answer = await mine.answer(
        "{ viewer { tenant { id } } }"
    )  # a key may be known for two more seconds, and sees nothing
    assert answer.status_code == 401 or answer.json()["data"] == {"viewer": None}


async def test_members_stay_while_the_company_has_another_tenant(place: Place):
    company = await place.company()
    await furnished(company, "Staying")
    await recorded(company)
    receipt = await erase(place.system, company.tenant_id)
    assert {"members", "roles", "organizations"}.isdisjoint(receipt["erased"])
    assert await tables_with(place.system, "Staying") == {"members", "roles"}


class Killed(Exception):
    """The process is gone."""


@pytest.mark.parametrize("batches", [0, 1, 7, 15])
async def test_killed_on_the_way_a_second_run_finishes(place: Place, monkeypatch: pytest.MonkeyPatch, batches: int):
    company = await place.company()
    await furnished(company, f"Killed{batches}")
    await recorded(company)
    before = await held(place.system, company.tenant_id)
    right, done = closing.erase_batch, 0

    async def dies(*arguments: Any) -> int:
        nonlocal done
        gone = await right(*arguments)
        if gone:
            done += 1
            if done > batches:
                raise Killed  # before its commit
        return gone

    monkeypatch.setattr(closing, "erase_batch", dies)
    with pytest.raises(Killed):
        await erase(place.system, company.tenant_id)
    half = await closure_of(place.system, company.tenant_id)
    assert half is not None
    assert half["closed_at"] is None
    left = await held(place.system, company.tenant_id)
    assert {table: count for table, count in before.items() if count != left.get(table, 0)} == half["erased"]
    assert len(half["erased"]) == batches
    assert (await row_of(company))["status"] == "CLOSING"

    monkeypatch.setattr(closing, "erase_batch", right)
    receipt = await erase(place.system, company.tenant_id)
    assert await held(place.system, company.tenant_id) == {}
    assert receipt["erased"] == before | {"tenants": 1}


async def test_many_rows_go_in_batches(place: Place, monkeypatch: pytest.MonkeyPatch):
    company = await place.company()
    await furnished(company, "Batches", orders=50)
    await recorded(company)
    before = await held(place.system, company.tenant_id)
    monkeypatch.setattr(closing, "BATCH_ROWS", 7)
    sizes = []
    right = closing.erase_batch

    async def noted(*arguments: Any) -> int:
        sizes.append(await right(*arguments))
        return sizes[-1]

    monkeypatch.setattr(closing, "erase_batch", noted)
    receipt = await erase(place.system, company.tenant_id)
    assert max(sizes) == 7
    assert receipt["erased"] == before | {"tenants": 1}


async def test_what_was_written_while_it_was_exported_stops_it_and_nothing_is_erased(place: Place):
    company = await place.company()
    tenant = await row_of(company)
    manifest = await manifest_of(company)
    await company.order(None)
    before = await held(place.system, company.tenant_id)
    with pytest.raises(ChangedWhileExported, match="run this again"):
        await record_export(place.system, tenant, manifest)
    assert await held(place.system, company.tenant_id) == before
    assert await closure_of(place.system, company.tenant_id) is None
    assert (await row_of(company))["status"] == "ACTIVE"


async def test_who_was_let_in_before_the_suspension_has_time_to_finish(place: Place):
    company = await place.company()
    await suspend(place.system, await row_of(company))
    assert (
        closing.SETTLE_SECONDS - 5 < await seconds_to_settle(place.system, company.tenant_id) <= closing.SETTLE_SECONDS
    )
    async with place.system.transaction() as tx:
        await tx.execute("UPDATE tenants SET suspended_at = now() - interval '1 hour' WHERE id = $1", company.tenant_id)
    assert await seconds_to_settle(place.system, company.tenant_id) == 0


async def test_new_tables_shared_ones_and_those_that_refer_to_themselves_are_erased_too(
    place: Place, cluster: EmbeddedCluster
):
    merchant, carrier = await place.company(), await place.company()
    await as_owner(
        place,
        cluster,
        "CREATE TABLE zzz_tree (tenant_id uuid, id int, parent int, PRIMARY KEY (tenant_id, id), "
        "FOREIGN KEY (tenant_id, parent) REFERENCES zzz_tree (tenant_id, id))",
        f"INSERT INTO zzz_tree SELECT '{merchant.tenant_id}', n, nullif(n - 1, 0) FROM generate_series(1, 20) AS n",
        "CREATE TABLE zzz_shared (merchant_id uuid, carrier_id uuid, node int, PRIMARY KEY (merchant_id, carrier_id, node), "
        "FOREIGN KEY (merchant_id, node) REFERENCES zzz_tree (tenant_id, id))",
        f"INSERT INTO zzz_shared VALUES ('{merchant.tenant_id}', '{carrier.tenant_id}', 3)",
        f"INSERT INTO zzz_tree VALUES ('{carrier.tenant_id}', 1, NULL)",
    )
    try:
        await recorded(merchant)
        receipt = await erase(place.system, merchant.tenant_id)
        assert (receipt["erased"]["zzz_tree"], receipt["erased"]["zzz_shared"]) == (20, 1)
        assert (await held(place.system, carrier.tenant_id))["zzz_tree"] == 1
    finally:
        await as_owner(place, cluster, "DROP TABLE zzz_shared, zzz_tree")


async def test_planted_fault_a_table_that_is_forgotten_is_noticed(place: Place, monkeypatch: pytest.MonkeyPatch):
    company = await place.company()
    await furnished(company, "Forgotten")
    await recorded(company)
    right = closing.holdings

    async def forgets(tx: Any) -> Any:
        return [one for one in await right(tx) if one.name != "idempotency_keys"]

    monkeypatch.setattr(closing, "holdings", forgets)
    receipt = await erase(place.system, company.tenant_id)
    assert set(await held(place.system, company.tenant_id)) == {"idempotency_keys"}
    assert receipt["erased"] != receipt["exported"]
    assert orjson.dumps(receipt["erased"])
