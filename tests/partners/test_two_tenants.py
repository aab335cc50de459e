"""The walls of the only rows that two tenants share: tried at the database, past all of our code, as the role that requests run under."""

from typing import Any

import asyncpg
import pytest
from tests.orders.conftest import Desk, uuid_of
from tests.partners.conftest import Pair, do, refused

from doorstep.kernel.db import Database
from doorstep.kernel.ids import new_id, parse_id


async def rows(desk: Desk, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    """What a statement finds as that tenant; nothing of it is kept."""
    async with desk.services.db.snapshot(desk.tenant_id) as tx:
        return await tx.fetch(sql, *arguments)


async def write(desk: Desk, sql: str, *arguments: Any) -> str:
    """Run a statement as that tenant."""
    async with desk.services.db.transaction(desk.tenant_id) as tx:
        return await tx.execute(sql, *arguments)


async def test_a_third_tenant_sees_neither_partnership_nor_tender(pair: Pair, desk: Desk) -> None:
    _, [tender_id] = await pair.offered()
    for table in ("partnerships", "tenders"):
        assert len(await rows(pair.merchant, f"SELECT * FROM {table}")) == 1
        assert len(await rows(pair.carrier, f"SELECT * FROM {table}")) == 1
        assert await rows(desk, f"SELECT * FROM {table}") == []
    query = "query($id: ID!, $own: ID!) { tender(id: $id) { id } partnership(id: $own) { id } node(id: $id) { id } tenders { totalCount } }"
    assert await desk.data(query, id=tender_id, own=pair.id) == {
        "tender": None, "partnership": None, "node": None, "tenders": {"totalCount": 0},
    }  # fmt: skip
    for mutation, more in (
        ("acceptTender", {}),
        ("declineTender", {"reason": "OTHER"}),
        ("withdrawTender", {}),
        ("releaseTender", {"reason": "OTHER"}),
    ):
        assert await refused(desk, mutation, ids=[tender_id], **more) == ["NOT_FOUND"]
    assert await refused(desk, "endPartnership", id=pair.id) == ["NOT_FOUND"]
    assert await refused(pair.carrier, "updatePartnership", id=pair.id, sharedFields=["PIN"]) == ["NOT_FOUND"]


async def test_neither_side_sees_the_orders_of_the_other(pair: Pair) -> None:
    job = await pair.accepted()
    merchants, carriers = uuid_of(job.order_id), uuid_of(job.copy_id)
    sql = "SELECT (SELECT count(*) FROM orders WHERE id = $1) + (SELECT count(*) FROM order_waypoints WHERE order_id = $1) AS found"
    assert (await rows(pair.carrier, sql, merchants))[0]["found"] == 0
    assert (await rows(pair.merchant, sql, carriers))[0]["found"] == 0
    assert (await pair.carrier.data("query($id: ID!) { order(by: {id: $id}) { id } }", id=job.order_id))[
        "order"
    ] is None
    logs = [
        await rows(side, "SELECT DISTINCT order_id FROM events WHERE order_id IS NOT NULL")
        for side in (pair.merchant, pair.carrier)
    ]
    assert [[row["order_id"] for row in log] for log in logs] == [[merchants], [carriers]]


@pytest.mark.parametrize(
    "fault",
    [
        "UPDATE tenders SET price_minor = 1",
        "UPDATE tenders SET merchant_id = carrier_id",
        "UPDATE tenders SET carrier_id = merchant_id",
        "UPDATE tenders SET deadline_at = now() + interval '1 year'",
        "DELETE FROM tenders",
        "DELETE FROM partnerships",
        "UPDATE partnerships SET carrier_id = merchant_id",
        """UPDATE partnerships SET shared_fields = '["PIN", "CONTACT_EMAIL"]'::jsonb""",
        "UPDATE partnerships SET valid_until = now() + interval '1 year'",
    ],
)
async def test_a_carrier_cannot_change_what_the_merchant_said(pair: Pair, fault: str) -> None:
    await pair.offered()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await write(pair.carrier, fault)


async def test_nobody_can_forge_a_row_in_anothers_name(pair: Pair, desk: Desk) -> None:
    [order_id], _ = await pair.offered()
    invitation = "INSERT INTO partnerships (merchant_id, id, version, status, merchant_name, carrier_id) VALUES ($1, $2, 1, 'ACTIVE', 'x', $3)"
    for merchant, carrier in ((pair.merchant.tenant_id, desk.tenant_id), (desk.tenant_id, pair.merchant.tenant_id)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await write(desk, invitation, merchant, new_id(), carrier)
    tender = (
        "INSERT INTO tenders (merchant_id, id, carrier_id, partnership_id, merchant_order_id, version, status, picked_up, currency, weight_grams, "
        "volume_cubic_centimeters, items, dropoff_city, dropoff_country, deadline_at) "
        "VALUES ($1, $2, $3, $4, $5, 1, $6, false, 'EUR', 0, 0, 0, 'x', 'LI', now())"
    )
    partnership = parse_id("partnership", pair.id)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):  # the carrier offers itself the merchant's order, accepted
        await write(
            pair.carrier,
            tender,
            pair.merchant.tenant_id,
            new_id(),
            pair.carrier.tenant_id,
            partnership,
            uuid_of(order_id),
            "ACCEPTED",
        )
    own = await pair.carrier.place()
    with pytest.raises(
        asyncpg.ForeignKeyViolationError
    ):  # without a partnership of its own there is nobody to offer to
        await write(
            pair.carrier,
            tender,
            pair.carrier.tenant_id,
            new_id(),
            pair.merchant.tenant_id,
            partnership,
            uuid_of(own),
            "OFFERED",
        )


async def test_the_shared_fields_are_shown_to_who_accepted_and_to_nobody_else(pair: Pair, desk: Desk) -> None:
    ask = "SELECT shared FROM doorstep_shared_orders($1)"
    _, [offered] = await pair.offered()
    job = await pair.accepted()
    ids = [parse_id("tender", offered), parse_id("tender", job.tender_id)]
    assert [row["shared"]["dropoff"]["contact_name"] for row in await rows(pair.carrier, ask, ids)] == ["Greta G."]
    assert await rows(pair.merchant, ask, ids) == []
    assert await rows(desk, ask, ids) == []
    async with desk.services.db.transaction() as tx:
        assert await tx.fetch(ask, ids) == []
    await do(pair.carrier, "releaseTender", ids=[job.tender_id], reason="OTHER")
    assert await rows(pair.carrier, ask, ids) == []


async def test_the_merchants_list_of_carriers_is_its_own(pair: Pair, office: Any) -> None:
    other = await office.desk()
    invited = await do(pair.merchant, "invitePartner", "token partnership { id }")
    await do(other, "acceptPartnership", token=invited["token"])
    order = await pair.order()
    offers = [{"partnershipId": pair.id}, {"partnershipId": invited["partnership"]["id"]}]
    await do(pair.merchant, "tenderOrder", orderIds=[order["id"]], offers=offers)
    counts = [len(await rows(side, "SELECT * FROM tender_queues")) for side in (pair.merchant, pair.carrier, other)]
    assert counts == [1, 0, 0]
    assert await rows(other, "SELECT * FROM tenders") == []


LEAKS = {
    "a policy that shows every row": "DROP POLICY tenant ON tenders; CREATE POLICY tenant ON tenders TO doorstep_app USING (true) WITH CHECK (true)",
    "a function that does not ask who accepted": """
        CREATE OR REPLACE FUNCTION doorstep_shared_orders(tender_ids uuid[]) RETURNS TABLE (tender_id uuid, shared jsonb)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS
        $$ SELECT id, '{"dropoff": {"contact_name": "Greta G."}}'::jsonb FROM public.tenders WHERE id = ANY (tender_ids) $$""",
    "a right to write the price": "GRANT UPDATE ON tenders TO doorstep_app",
}


@pytest.mark.parametrize("fault", LEAKS)
async def test_planted_fault_a_hole_in_the_shared_wall_is_noticed(cluster: Any, template: str, fault: str) -> None:
    """The same three questions as above, in one, on a database of its own with a hole in it."""
    name = f"leak_{new_id().hex[-12:]}"
    cluster.create_database(name, template=template)
    owner, app = Database(cluster.url("owner", name), pool_size=1), Database(cluster.url("app", name), pool_size=2)
    merchant, carrier, third, partnership, order, tender = (new_id() for _ in range(6))
    try:
        async with owner.transaction() as tx:
            await tx.execute(
                "INSERT INTO orders (tenant_id, id, version, kind, status, custody, location_status, priority, weight_grams, volume_cubic_centimeters, "
                "items, attempt_number) VALUES ($1, $2, 1, 'DELIVERY', 'OFFERED', 'DEPOT', 'LOCATED', 0, 0, 0, 0, 0)", merchant, order,
            )  # fmt: skip
            await tx.execute(
                "INSERT INTO partnerships (merchant_id, id, carrier_id, version, status, merchant_name) VALUES ($1, $2, $3, 1, 'ACTIVE', 'x')",
                merchant, partnership, carrier,
            )  # fmt: skip
            await tx.execute(
                "INSERT INTO tenders (merchant_id, id, carrier_id, partnership_id, merchant_order_id, version, status, picked_up, currency, weight_grams, "
                "volume_cubic_centimeters, items, dropoff_city, dropoff_country, deadline_at) "
                "VALUES ($1, $2, $3, $4, $5, 1, 'OFFERED', false, 'EUR', 0, 0, 0, 'x', 'LI', now())",
                merchant, tender, carrier, partnership, order,
            )  # fmt: skip
        assert await holes(app, carrier, third, tender) == set()
        async with owner.transaction() as tx:
            await tx.execute(LEAKS[fault])
        assert await holes(app, carrier, third, tender) == {fault}
    finally:
        await owner.close()
        await app.close()
        cluster.drop_database(name)


async def holes(app: Database, carrier: Any, third: Any, tender: Any) -> set[str]:
    """Which of the walls does not hold."""
    found = set()
    async with app.snapshot(third) as tx:
        if await tx.fetch("SELECT 1 FROM tenders"):
            found.add("a policy that shows every row")
    async with app.snapshot(carrier) as tx:
        if await tx.fetch("SELECT 1 FROM doorstep_shared_orders($1)", [tender]):
            found.add("a function that does not ask who accepted")
    try:
        async with app.transaction(carrier) as tx:
            await tx.execute("UPDATE tenders SET price_minor = 1")
        found.add("a right to write the price")
    except asyncpg.InsufficientPrivilegeError:
        pass
    return found
