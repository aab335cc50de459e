"""Background work of partners: the relay, which follows the logs of tenants that have a partner, and deadlines, which pass by themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from doorstep.identity.errors import UnknownTenant
from doorstep.identity.model import TenantStatus
from doorstep.identity.service import system_principal
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, RequestError
from doorstep.kernel.periodic import Periodic
from doorstep.kernel.scope import Scope
from doorstep.orders.service import cancel_order
from doorstep.partners.reads import partnerships_by_ids
from doorstep.partners.service.closing import expire_tenders
from doorstep.partners.service.partnerships import close_partnership
from doorstep.partners.service.relaying import ABOUT_COPIES, Heard, apply_once, relayed
from doorstep.partners.service.rows import RELAY

log = structlog.get_logger(__name__)

BATCH: Final = 100
TRIES: Final = 5
PAUSE_AFTER_FAILURE_SECONDS: Final = 5.0
MOST_DUE: Final = 500

_BEHIND = """
SELECT place.tenant_id, NULL::uuid AS target FROM consumers AS place
JOIN tenants AS source ON source.id = place.tenant_id AND source.status = 'ACTIVE'
JOIN event_heads AS head ON head.tenant_id = place.tenant_id
WHERE place.name = $1 AND head.seq > place.seq
UNION ALL
SELECT place.tenant_id, split_part(place.name, ':', 2)::uuid FROM consumers AS place
JOIN tenants AS source ON source.id = place.tenant_id AND source.status = 'ACTIVE'
LEFT JOIN tenants AS target ON target.id = NULLIF(split_part(place.name, ':', 2), '')::uuid
WHERE starts_with(place.name, $1 || ':') AND target.status IS DISTINCT FROM 'SUSPENDED'
"""
"""The logs of active tenants that go on, and the parts of logs that were held back for a tenant which is not suspended any more."""
_PLACE = "SELECT seq FROM consumers WHERE tenant_id = $1 AND name = $2 FOR UPDATE SKIP LOCKED"
_NEXT = """
SELECT tenant_id, id, seq, type, order_id, aggregate_version, occurred_at, data FROM events
WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


class Relay:
    """Follows every active tenant's log from its own place in it.

    What cannot be applied stops that tenant, is logged and tried again; the others go on. What is for a suspended tenant is held back for it alone:
    a further place in the source's log, named after the target, says from where on, and keeps the events from being pruned.
    """

    def __init__(self) -> None:
        self._again: dict[tuple[UUID, UUID | None], float] = {}

    async def run(self, db: Database, system: Database) -> None:
        """Everything that is new, of every tenant with a partner."""
        async with system.transaction() as tx:
            behind = [(row["tenant_id"], row["target"]) for row in await tx.fetch(_BEHIND, RELAY)]
        for one in behind:
            if self._again.get(one, 0.0) <= time.monotonic():
                await self._follow(db, system, *one)

    async def _follow(self, db: Database, system: Database, tenant_id: UUID, target: UUID | None) -> None:
        try:
            if target is None:
                while await relay_batch(db, system, tenant_id):
                    pass
            else:
                while await catch_up(db, system, tenant_id, target):
                    pass
        except RequestError:
            raise
        except Exception as error:
            log.error("relay_failed", tenant=str(tenant_id), exc_info=error)
            self._again[tenant_id, target] = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS


async def relay_batch(db: Database, system: Database, tenant_id: UUID, *, hold: bool = True) -> bool:
    """Apply the next batch of a tenant's events to its partners, then move the place; returns whether more may follow.

    ``hold`` False: also to suspended ones. The place is held meanwhile, so that another worker leaves this tenant alone; should both be at it all the same, each event still has one effect.
    """
    async with db.transaction(tenant_id) as tx:
        place = await tx.fetchval(_PLACE, tenant_id, RELAY)
        if place is None:
            return False
        rows = await tx.fetch(_NEXT, tenant_id, place, BATCH)
        found = await _heard(tx, tenant_id, rows)
        held = await _held(tx, system, tenant_id, found) if hold else set()
        for heard in found:
            if heard.target in held:
                await _hold_back(tx, heard)
            else:
                await _apply(db, system, heard)
        if rows:
            await tx.execute(_MOVE, tenant_id, RELAY, rows[-1]["seq"])
    return len(rows) == BATCH


_MOVE = "UPDATE consumers SET seq = greatest(seq, $3) WHERE tenant_id = $1 AND name = $2"
_HELD = "SELECT split_part(name, ':', 2)::uuid AS target FROM consumers WHERE tenant_id = $1 AND starts_with(name, $2 || ':')"


async def _held(tx: Transaction, system: Database, tenant_id: UUID, found: Sequence[Heard]) -> set[UUID]:
    """For whom nothing may be applied now: who is suspended, and who has yet to catch up, since order matters."""
    targets = {heard.target for heard in found if heard.target is not None}
    if not targets:
        return set()
    async with system.transaction() as asking:
        suspended = await asking.fetch(
            "SELECT id FROM tenants WHERE id = ANY($1) AND status = $2", list(targets), TenantStatus.SUSPENDED.value
        )
    waiting = await tx.fetch(_HELD, tenant_id, RELAY)
    return {row["id"] for row in suspended} | {row["target"] for row in waiting}


async def _hold_back(tx: Transaction, heard: Heard) -> None:
    """Note from where on the target has yet to hear this log, unless it waits since an earlier event."""
    await tx.execute(
        "INSERT INTO consumers (tenant_id, name, seq) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, name) DO NOTHING",
        heard.event["tenant_id"], f"{RELAY}:{heard.target}", heard.event["seq"] - 1,
    )  # fmt: skip


async def catch_up(db: Database, system: Database, tenant_id: UUID, target: UUID) -> bool:
    """Apply a batch of what was held back for a target; returns whether more may follow. For one that is being closed it comes to nothing.

    The tenant's own place is held meanwhile, so that nothing is held back anew before the last of it is applied.
    """
    name = f"{RELAY}:{target}"
    async with db.transaction(tenant_id) as tx:
        upto = await tx.fetchval(_PLACE, tenant_id, RELAY)
        place = await tx.fetchval(_PLACE, tenant_id, name)
        if upto is None or place is None:
            return False
        rows = [row for row in await tx.fetch(_NEXT, tenant_id, place, BATCH) if row["seq"] <= upto]
        for heard in await _heard(tx, tenant_id, rows):
            if heard.target == target:
                await _apply(db, system, heard)
        if len(rows) == BATCH:
            await tx.execute(_MOVE, tenant_id, name, rows[-1]["seq"])
        else:
            await tx.execute("DELETE FROM consumers WHERE tenant_id = $1 AND name = $2", tenant_id, name)
    return len(rows) == BATCH


async def _apply(db: Database, system: Database, heard: Heard) -> None:
    """One event in one transaction of the target; a refusal is final: the event is noted as applied without effect."""
    if heard.target is None:
        return
    try:
        principal = await system_principal(system, heard.target)
    except UnknownTenant:
        log.info("relay_dropped", type=heard.event["type"], target=str(heard.target))  # it is being erased
        return
    for attempt in range(TRIES):
        try:
            async with db.write(principal) as scope:
                await apply_once(scope, heard)
            return
        except DoorstepError as refusal:
            log.warning("relay_refused", type=heard.event["type"], code=refusal.code.value)
            return
        except ChangedMeanwhile:
            await asyncio.sleep(0.01 * 2**attempt)
    raise ChangedMeanwhile(heard.event["type"])


async def _heard(tx: Transaction, tenant_id: UUID, rows: Sequence[Row]) -> list[Heard]:
    """The events that may concern a partner, each with its tender or partnership; in the log's order."""
    concerning = relayed()
    wanted = [row for row in rows if row["type"] in concerning]
    if not wanted:
        return []
    by_id, by_order = await _tenders(tx, tenant_id, wanted)
    holders = await _holders(tx, tenant_id, wanted)
    partnerships = await partnerships_by_ids(tx, tenant_id, _ids(wanted, "partnership_id"))
    facts = await _facts(tx, tenant_id, wanted)
    found: list[Heard] = []
    for row in wanted:
        tender_id = row["data"].get("tender_id")
        if tender_id:
            found += [Heard(row, tender, None, {}) for tender in by_id.get(UUID(tender_id), [])]
        elif row["data"].get("partnership_id"):
            found.append(Heard(row, None, partnerships.get(UUID(row["data"]["partnership_id"])), {}))
        elif row["type"] in ABOUT_COPIES:
            found += [Heard(row, tender, None, {}) for tender in holders.get(row["order_id"], [])]
        else:
            found += [
                Heard(row, tender, None, facts.get(row["id"], {})) for tender in by_order.get(row["order_id"], [])
            ]
    return found


async def _holders(tx: Transaction, tenant_id: UUID, rows: Sequence[Row]) -> dict[UUID, list[Row]]:
    """For events that concern every copy of an order: one tender for each carrier that has any, however it ended."""
    orders = sorted({row["order_id"] for row in rows if row["type"] in ABOUT_COPIES})
    holders: dict[UUID, list[Row]] = {}
    for row in await tx.fetch(_HOLDERS, tenant_id, orders) if orders else ():
        holders.setdefault(row["merchant_order_id"], []).append(row)
    return holders


def _ids(rows: Sequence[Row], name: str) -> list[UUID]:
    return sorted({UUID(row["data"][name]) for row in rows if row["data"].get(name)})


_PARTIES = (
    "SELECT id, merchant_id, carrier_id, partnership_id, merchant_order_id, carrier_order_id, status FROM tenders WHERE"
)
_HOLDERS = """
SELECT DISTINCT ON (merchant_order_id, carrier_id)
  id, merchant_id, carrier_id, partnership_id, merchant_order_id, carrier_order_id, status
FROM tenders WHERE merchant_id = $1 AND merchant_order_id = ANY($2) AND carrier_order_id IS NOT NULL
ORDER BY merchant_order_id, carrier_id, id
"""

_TENDERS = f"""
{_PARTIES} merchant_id = $1 AND id = ANY($2)
UNION {_PARTIES} carrier_id = $1 AND id = ANY($2)
UNION {_PARTIES} carrier_id = $1 AND carrier_order_id = ANY($3)
UNION {_PARTIES} merchant_id = $1 AND merchant_order_id = ANY($3) AND status = 'ACCEPTED'
"""
"""Each part by an index of its own, however many tenders a tenant has had."""


async def _tenders(
    tx: Transaction, tenant_id: UUID, rows: Sequence[Row]
) -> tuple[dict[UUID, list[Row]], dict[UUID, list[Row]]]:
    """The tenders by their own ids, and by the tenant's own orders: those that it brings for others, and those that a carrier has."""
    orders = sorted({row["order_id"] for row in rows if row["order_id"] is not None})
    found = await tx.fetch(_TENDERS, tenant_id, _ids(rows, "tender_id"), orders)
    by_order: dict[UUID, list[Row]] = {}
    for row in found:
        if row["merchant_id"] == tenant_id and row["status"] == "ACCEPTED":
            by_order.setdefault(row["merchant_order_id"], []).append(row)
        elif row["carrier_id"] == tenant_id and row["carrier_order_id"] is not None:
            by_order.setdefault(row["carrier_order_id"], []).append(row)
    return {row["id"]: [row] for row in found}, by_order


_PROOF = "kind, captured_at, latitude, longitude, distance_from_target_meters, barcode, recipient_name, note"


async def _facts(tx: Transaction, tenant_id: UUID, rows: Sequence[Row]) -> dict[UUID, dict[str, Any]]:
    """What the log does not hold, since it is somebody's personal data or may change: proofs, and the carrier's own references; by event."""
    proofs = {
        row["id"]: row
        for row in await tx.fetch(
            f"SELECT id, {_PROOF} FROM proofs WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, _ids(rows, "proof_id")
        )
    }
    changed = [row["order_id"] for row in rows if "carrierReference" in row["data"].get("changes", ())]
    references = {
        row["id"]: row["carrier_reference"]
        for row in await tx.fetch(
            "SELECT id, carrier_reference FROM orders WHERE tenant_id = $1 AND id = ANY($2)", tenant_id, changed
        )
    }
    facts: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        if row["data"].get("proof_id"):
            facts[row["id"]] = {"proof": proofs.get(UUID(row["data"]["proof_id"]))}
        elif row["order_id"] in references:
            facts[row["id"]] = {"carrier_reference": references[row["order_id"]]}
    return facts


_OWN_PARTNERSHIPS = (
    "SELECT id FROM partnerships WHERE (merchant_id = $1 OR carrier_id = $1) AND status <> 'ENDED' ORDER BY id"
)
_NOT_FETCHED = (
    "SELECT carrier_order_id FROM tenders WHERE carrier_id = $1 AND status = 'ACCEPTED' AND NOT picked_up ORDER BY id"
)
_IS_BEHIND = """
SELECT EXISTS (SELECT 1 FROM consumers AS place JOIN event_heads AS head ON head.tenant_id = place.tenant_id
  WHERE place.tenant_id = $1 AND starts_with(place.name, $2) AND head.seq > place.seq)
"""


async def leave_partners(db: Database, system: Database, tenant_id: UUID) -> bool:
    """A tenant that nobody is let into any more leaves its partners before it is erased; returns whether they know all of it (else: again, later).

    Its partnerships end, with their open offers, and its merchants get back what it has not fetched, also what it gave on to carriers of its own.
    What is on board stays as it is. Partners hear of it even while they are suspended: later there is nobody who could tell them.
    """
    principal = await system_principal(system, tenant_id)
    async with system.transaction() as tx:
        partnerships = [row["id"] for row in await tx.fetch(_OWN_PARTNERSHIPS, tenant_id)]
        orders = [row["carrier_order_id"] for row in await tx.fetch(_NOT_FETCHED, tenant_id)]
    for partnership_id in partnerships:
        async with db.write(principal) as scope:
            await close_partnership(scope, partnership_id)
    for order_id in orders:
        try:
            async with db.write(principal) as scope:
                await cancel_order(scope, order_id)
        except DoorstepError as refusal:  # its merchant was faster
            log.info("not_given_back", code=refusal.code.value)
    async with system.transaction() as tx:
        waiting = [row["target"] for row in await tx.fetch(_HELD, tenant_id, RELAY)]
    for target in waiting:
        while await catch_up(db, system, tenant_id, target):
            pass
    while await relay_batch(db, system, tenant_id, hold=False):
        pass
    async with system.transaction() as tx:
        return not await tx.fetchval(_IS_BEHIND, tenant_id, RELAY)


_DUE_TENDERS = """
SELECT merchant_id, array_agg(id) AS ids FROM (
  SELECT tender.merchant_id, tender.id FROM tenders AS tender
  JOIN tenants AS merchant ON merchant.id = tender.merchant_id AND merchant.status = 'ACTIVE'
  WHERE tender.status = 'OFFERED' AND tender.deadline_at <= now() ORDER BY tender.deadline_at LIMIT $1
) AS due GROUP BY merchant_id
"""
_DUE_PARTNERSHIPS = """
SELECT partnership.merchant_id, partnership.id FROM partnerships AS partnership
JOIN tenants AS merchant ON merchant.id = partnership.merchant_id AND merchant.status = 'ACTIVE'
WHERE partnership.status <> 'ENDED' AND partnership.valid_until <= now() ORDER BY partnership.valid_until LIMIT $1
"""


async def pass_deadlines(db: Database, system: Database) -> None:
    """By the database's clock: offers that nobody answered expire, and partnerships whose last day has come end.

    Those of a suspended merchant wait until it goes on.
    """
    async with system.transaction() as tx:
        tenders = await tx.fetch(_DUE_TENDERS, MOST_DUE)
        partnerships = await tx.fetch(_DUE_PARTNERSHIPS, MOST_DUE)
        await tx.execute("DELETE FROM relayed_events WHERE applied_at < now() - interval '30 days'")
    for row in tenders:
        await _as_merchant(db, system, row["merchant_id"], partial(expire_tenders, tender_ids=row["ids"]))
    for row in partnerships:
        await _as_merchant(db, system, row["merchant_id"], partial(close_partnership, partnership_id=row["id"]))


async def _as_merchant(
    db: Database, system: Database, merchant_id: UUID, work: Callable[[Scope], Awaitable[None]]
) -> None:
    """Doorstep itself acts for the merchant; what fails is logged and comes back with the next round, the others go on."""
    try:
        async with db.write(await system_principal(system, merchant_id)) as scope:
            await work(scope)
    except ChangedMeanwhile:
        log.info("deadline_again", tenant=str(merchant_id))
    except RequestError:
        raise
    except Exception as error:
        log.error("deadline_failed", tenant=str(merchant_id), exc_info=error)


PERIODICS: list[Periodic] = [
    Periodic("partners.relay", 0.2, Relay().run),
    Periodic("partners.deadlines", 1.0, pass_deadlines),
]
