"""Lanes: each endpoint that has something to do gets one of its own, in every worker, so that one that hangs delays no other.

A lane turns events into deliveries, claims a few and sends them, until nothing is due. Everything that must hold is held by rows of the database;
a worker that is killed leaves leases behind, and nothing else.
"""

import asyncio
import time
from contextlib import suppress
from uuid import UUID

import structlog

from doorstep.identity.errors import UnknownTenant
from doorstep.identity.service import system_principal
from doorstep.kernel.db import Database
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import RequestError, Unavailable
from doorstep.kernel.periodic import Periodic
from doorstep.kernel.scope import Principal
from doorstep.kernel.secrets import SecretKeys
from doorstep.webhooks.jobs.payloads import EventGone, Execute, message_of
from doorstep.webhooks.jobs.posting import Poster
from doorstep.webhooks.model import Fault, Policy
from doorstep.webhooks.reads import endpoints_with_work
from doorstep.webhooks.service import Claimed, Outcome, claim, release, settle, turn_events

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.2
IDLE_SECONDS = 1.0
"""How long a lane is left alone in which there was nothing to do after all, such as one that waits for an order that fails."""

GRACE_SECONDS = 2.0
"""How long requests that are in flight may still take when the worker stops."""

PRINCIPAL_SECONDS = 5.0
UPKEEP_SECONDS = 600.0
SETTLE_TRIES = 5
FORGOTTEN_AT_ONCE = 5_000

Lane = tuple[UUID, UUID]
"""A tenant and one of its endpoints."""


class Deliveries:
    """The deliveries of one worker."""

    def __init__(
        self, db: Database, system: Database, keys: SecretKeys, execute: Execute, poster: Poster, policy: Policy
    ) -> None:
        self._db = db
        self._system = system
        self._keys = keys
        self._execute = execute
        self._poster = poster
        self._policy = policy
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._idle_until: dict[Lane, float] = {}
        self._principals: dict[UUID, tuple[float, Principal]] = {}
        self._stopping = False

    def periodics(self) -> list[Periodic]:
        """What the worker is to run again and again."""
        return [
            Periodic("webhooks", LOOK_SECONDS, self.look, self.stop),
            Periodic("webhooks.upkeep", UPKEEP_SECONDS, self.forget),
        ]

    async def look(self, _db: Database, system: Database) -> None:
        """Open a lane for every endpoint that has something to do and no lane yet."""
        async with system.transaction() as tx:
            found = await endpoints_with_work(tx)
        now = time.monotonic()
        self._idle_until = {lane: until for lane, until in self._idle_until.items() if until > now}
        for lane in found:
            if not self._stopping and lane not in self._lanes and lane not in self._idle_until:
                self._lanes[lane] = asyncio.create_task(self._guarded(lane))

    async def forget(self, _db: Database, system: Database) -> None:
        """Delete deliveries that were over long ago."""
        async with system.transaction(statement_seconds=30) as tx:
            await tx.execute(
                "DELETE FROM webhook_deliveries WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM webhook_deliveries "
                "WHERE finished_at < now() - make_interval(secs => $1) ORDER BY finished_at LIMIT $2)",
                self._policy.kept,
                FORGOTTEN_AT_ONCE,
            )

    async def stop(self) -> None:
        """Claim nothing more; what is in flight may end within a moment, the rest is given back."""
        self._stopping = True
        lanes = list(self._lanes.values())
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, lane: Lane) -> None:
        try:
            if not await self._run(lane):
                self._idle_until[lane] = time.monotonic() + IDLE_SECONDS
        except (RequestError, ChangedMeanwhile, UnknownTenant):
            self._idle_until[lane] = time.monotonic() + IDLE_SECONDS  # the database is away, or the tenant goes
        except Exception as error:
            log.error("webhook_lane_failed", tenant=str(lane[0]), exc_info=error)
            self._idle_until[lane] = time.monotonic() + 5 * IDLE_SECONDS
        finally:
            self._lanes.pop(lane, None)

    async def _run(self, lane: Lane) -> bool:
        """Work until nothing is due; returns whether there was anything to do."""
        flying: set[asyncio.Task[None]] = set()
        busy, more, turned = False, True, 0.0
        try:
            while not self._stopping:
                if more or time.monotonic() - turned >= LOOK_SECONDS:
                    more, turned = await self._turn(lane), time.monotonic()
                room = self._policy.in_flight - len(flying)
                claimed = await claim(self._db, *lane, self._policy) if room > 0 else []
                flying |= {asyncio.create_task(self._deliver(one)) for one in claimed}
                busy = busy or bool(claimed)
                if flying:
                    done, flying = await asyncio.wait(flying, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                elif not more:
                    return busy
            if flying:
                await asyncio.wait(flying)
            return True
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _turn(self, lane: Lane) -> bool:
        tenant_id, endpoint_id = lane
        async with self._db.write(await self._principal(tenant_id)) as scope:
            return await turn_events(scope, endpoint_id, self._policy)

    async def _principal(self, tenant_id: UUID) -> Principal:
        """Doorstep acting for the tenant, known for a few seconds."""
        known = self._principals.get(tenant_id)
        if known is None or known[0] < time.monotonic():
            known = (time.monotonic() + PRINCIPAL_SECONDS, await system_principal(self._system, tenant_id))
            self._principals[tenant_id] = known
        return known[1]

    async def _deliver(self, claimed: Claimed) -> None:
        began = time.monotonic()
        try:
            principal = await self._principal(claimed.tenant_id)
            outcome = await self._send(claimed, principal, began)
            await self._settle(claimed, principal, outcome)
        except BaseException:
            with suppress(RequestError):
                await asyncio.shield(release(self._db, claimed))
            raise

    async def _send(self, claimed: Claimed, principal: Principal, began: float) -> Outcome:
        try:
            message = await message_of(claimed, self._db, principal, self._keys, self._execute)
        except EventGone:
            return Outcome(Fault.EVENT_GONE)
        except (Unavailable, UnknownTenant):
            raise
        except Exception as error:
            log.error("webhook_payload_failed", tenant=str(claimed.tenant_id), type=claimed.type, exc_info=error)
            return Outcome(Fault.INTERNAL)
        if time.monotonic() - began > self._policy.lease - self._policy.timeout:
            # Another worker may send it by the time that the receiver answers.
            log.warning("webhook_payload_slow", tenant=str(claimed.tenant_id), type=claimed.type)
            return Outcome(Fault.INTERNAL)
        return await self._poster.post(claimed.url, message.body, message.headers)

    async def _settle(self, claimed: Claimed, principal: Principal, outcome: Outcome) -> None:
        for attempt in range(SETTLE_TRIES):
            try:
                async with self._db.write(principal) as scope:
                    await settle(scope, claimed, outcome, self._policy)
                return
            except ChangedMeanwhile:
                await asyncio.sleep(0.01 * 2**attempt)
        raise ChangedMeanwhile(claimed.type)
