"""Background work of partners: the relay, which follows the logs of tenants that have a partner, and deadlines, which pass by themselves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from doorstep.identity.service import system_principal
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, RequestError
from doorstep.kernel.periodic import Periodic
from doorstep.kernel.scope import Scope
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
SELECT place.tenant_id FROM consumers AS place JOIN event_heads AS head ON head.tenant_id = place.tenant_id
WHERE place.name = $1 AND head.seq > place.seq
"""
_PLACE = "SELECT seq FROM consumers WHERE tenant_id = $1 AND name = $2 FOR UPDATE SKIP LOCKED"
_NEXT = """
SELECT tenant_id, id, seq, type, order_id, aggregate_version, occurred_at, data FROM events
WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
"""


class Relay:
    """Follows every tenant's log from its own place in it. What cannot be applied stops that tenant, is logged and tried again; the others go on."""

    def __init__(self) -> None:
        self._again: dict[UUID, float] = {}

    async def run(self, db: Database, system: Database) -> None:
        """Everything that is new, of every tenant with a partner."""
        async with system.transaction() as tx:
            behind = [row["tenant_id"] for row in await tx.fetch(_BEHIND, RELAY)]
        for tenant_id in behind:
            if self._again.get(tenant_id, 0.0) <= time.monotonic():
                await self._follow(db, system, tenant_id)

    async def _follow(self, db: Database, system: Database, tenant_id: UUID) -> None:
        try:
            while await relay_batch(db, system, tenant_id):
                pass
        except RequestError:
            raise
        except Exception as error:
            log.error("relay_failed", tenant=str(tenant_id), exc_info=error)
            self._again[tenant_id] = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS


async def relay_batch(db: Database, system: Database, tenant_id: UUID) -> bool:
    """Apply the next batch of a tenant's events to its partners, then move the place; returns whether more may follow.

    The place is held meanwhile, so that another worker leaves this tenant alone; should both be at it all the same, each event still has one effect.
    """
    async with db.transaction(tenant_id) as tx:
        place = await tx.fetchval(_PLACE, tenant_id, RELAY)
        if place is None:
            return False
        rows = await tx.fetch(_NEXT, tenant_id, place, BATCH)
        for heard in await _heard(tx, tenant_id, rows):
            await _apply(db, system, heard)
        if rows:
            await tx.execute(
                "UPDATE consumers SET seq = greatest(seq, $3) WHERE tenant_id = $1 AND name = $2",
                tenant_id, RELAY, rows[-1]["seq"],
            )  # fmt: skip
    return len(rows) == BATCH


async def _apply(db: Database, system: Database, heard: Heard) -> None:
    """One event in one transaction of the target; a refusal is final: the event is noted as applied without effect."""
    if heard.target is None:
        return
    principal = await system_principal(system, heard.target)
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


_DUE_TENDERS = """
SELECT merchant_id, array_agg(id) AS ids FROM (
  SELECT merchant_id, id FROM tenders WHERE status = 'OFFERED' AND deadline_at <= now() ORDER BY deadline_at LIMIT $1
) AS due GROUP BY merchant_id
"""
_DUE_PARTNERSHIPS = "SELECT merchant_id, id FROM partnerships WHERE status <> 'ENDED' AND valid_until <= now() ORDER BY valid_until LIMIT $1"


async def pass_deadlines(db: Database, system: Database) -> None:
    """By the database's clock: offers that nobody answered expire, and partnerships whose last day has come end."""
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
