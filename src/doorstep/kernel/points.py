"""Points: what a credential and its tenant may ask for in a while. Leaky buckets in PostgreSQL, from which each process draws ahead.

A bucket holds so many points and fills again at so many a second; what an operation may cost must be in it, both in the credential's and in the
tenant's. A round trip for each request would cost more than most requests, so a process draws a second's worth ahead, spends it by itself, and
gives back what it did not need. So all processes together spend what one bucket holds, and each of them a second's worth more at most.
"""

import asyncio
import hashlib
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from sqlmodel import Field, SQLModel

from doorstep.kernel.db import Database
from doorstep.kernel.errors import RateLimited, RequestError
from doorstep.kernel.scope import Principal
from doorstep.kernel.tables import INSTANT

log = structlog.get_logger(__name__)

IDLE_SECONDS = 1.0
"""After so long without a request a process gives back what it holds."""

FORGET_SECONDS = 60.0
"""How often rows of full buckets are deleted."""

Spent = Callable[[UUID, int], None]


class PointBucketRow(SQLModel, table=True):
    """A bucket that was not full at ``at``. Unlogged: after a crash every bucket is full, which costs nothing but a burst."""

    __tablename__ = "point_buckets"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    id: bytes = Field(primary_key=True)
    points: float
    at: datetime = Field(sa_type=INSTANT, nullable=False)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much every bucket holds, and what comes back each second."""

    maximum: int = 20_000
    per_second: int = 1_000


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose buckets an operation draws from, by their ids; all of them must hold what it may cost."""

    buckets: tuple[bytes, ...]
    tenant_id: UUID | None = None

    @classmethod
    def of(cls, principal: Principal | None, network: str) -> "Payer":
        """The credential and its tenant; without a credential the client's network.

        A recipient's link pays for itself: whoever has one cannot use up the points of the company, nor of others behind the same address.
        """
        if principal is None:
            return cls((_id(f"network {network}"),))
        if principal.recipient_of is not None:
            return cls((_id(f"recipient {principal.recipient_of} of {principal.tenant_id}"),))
        actor = principal.actor
        tenant = _id(f"tenant {principal.tenant_id}")
        if actor.id is None:
            return cls((tenant,), principal.tenant_id)
        return cls((tenant, _id(f"{actor.kind} {actor.id} of {principal.tenant_id}")), principal.tenant_id)


def _id(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(slots=True)
class _Purse:
    """What this process holds of a payer's points, and what it last heard of the buckets."""

    points: float = 0.0
    used_at: float = 0.0
    left: float = 0.0
    """In the emptiest bucket, as of ``heard_at``."""
    heard_at: float = 0.0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)


_DRAW = """
WITH held AS (
  SELECT id, least($2::float8, points + $3::float8 * greatest(0, extract(epoch FROM clock_timestamp() - at))) AS points
  FROM point_buckets WHERE id = ANY($1::bytea[]) ORDER BY id FOR UPDATE
), emptiest AS (
  SELECT min(points) AS points, count(*) AS buckets FROM held
), drawn AS (
  SELECT CASE
    WHEN buckets < cardinality($1::bytea[]) THEN NULL
    WHEN points >= $4::float8 THEN least(points, $5::float8)
    ELSE 0
  END AS points FROM emptiest
), kept AS (
  UPDATE point_buckets AS bucket SET points = held.points - drawn.points, at = clock_timestamp()
  FROM held, drawn WHERE bucket.id = held.id AND drawn.points > 0
)
SELECT drawn.points AS drawn, emptiest.points AS points FROM drawn, emptiest
"""
"""Draw $5 points from each bucket, or as many as the emptiest holds, but at least $4 or none. Null: a bucket has no row yet, and is full.

The rows are locked in the order of their ids, so that two draws wait for each other and never in a circle.
"""

_FILL = """
INSERT INTO point_buckets (id, points, at)
SELECT id, $2, clock_timestamp() FROM unnest($1::bytea[]) AS bucket (id) ORDER BY id ON CONFLICT (id) DO NOTHING
"""

_GIVE_BACK = """
WITH held AS (
  SELECT bucket.id, least($3::float8,
    bucket.points + $4::float8 * greatest(0, extract(epoch FROM clock_timestamp() - bucket.at)) + back.points) AS points
  FROM point_buckets AS bucket JOIN unnest($1::bytea[], $2::float8[]) AS back (id, points) ON back.id = bucket.id
  ORDER BY bucket.id FOR UPDATE OF bucket
)
UPDATE point_buckets AS bucket SET points = held.points, at = clock_timestamp() FROM held WHERE bucket.id = held.id
"""

_FORGET = (
    "DELETE FROM point_buckets WHERE points + $2::float8 * extract(epoch FROM clock_timestamp() - at) >= $1::float8"
)


class Points:
    """The buckets as a process draws from them. ``on_spent`` hears of what each tenant's operations came to."""

    def __init__(
        self,
        system: Database,
        bucket: Bucket | None = None,
        *,
        on_spent: Spent | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bucket = bucket or Bucket()
        self.on_spent = on_spent
        self.draws = 0
        """Draws until now, each a transaction."""
        self._system = system
        self._clock = clock
        self._purses: dict[Payer, _Purse] = {}
        self._tending: asyncio.Task[None] | None = None

    async def take(self, payer: Payer, points: int) -> None:
        """Take what an operation may cost; raises RateLimited when it is not there."""
        purse = self._purse(payer)
        if purse.points < points:
            await self._draw(payer, purse, points)
        purse.points -= points

    def settle(self, payer: Payer, taken: int, spent: int) -> None:
        """Put back what was taken and not spent; what was spent beyond it is owed."""
        if taken != spent:
            self._purse(payer).points += taken - spent
        if self.on_spent is not None and payer.tenant_id is not None:
            self.on_spent(payer.tenant_id, spent)

    def available(self, payer: Payer) -> int:
        """What the payer may spend now, as far as this process knows."""
        purse = self._purses.get(payer)
        if purse is None:
            return self.bucket.maximum
        return max(0, min(self.bucket.maximum, int(self._left(purse) + purse.points)))

    async def close(self) -> None:
        """Give everything back and stop."""
        if self._tending is not None:
            self._tending.cancel()
            with suppress(asyncio.CancelledError):
                await self._tending
        with suppress(RequestError):
            await self._give_back(list(self._purses))

    def _purse(self, payer: Payer) -> _Purse:
        purse = self._purses.get(payer)
        if purse is None:
            purse = self._purses[payer] = _Purse(heard_at=self._clock(), left=self.bucket.maximum)
            if self._tending is None or self._tending.done():
                self._tending = asyncio.create_task(self._tend())
        purse.used_at = self._clock()
        return purse

    def _left(self, purse: _Purse) -> float:
        return min(self.bucket.maximum, purse.left + (self._clock() - purse.heard_at) * self.bucket.per_second)

    async def _draw(self, payer: Payer, purse: _Purse, points: int) -> None:
        async with purse.drawing:
            missing = points - purse.points
            if missing <= 0:
                return
            if self._left(purse) < missing:  # no need to ask: others can only have taken more
                raise self._limited(purse, missing)
            drawn = await self._draw_from(payer, purse, missing, max(missing, self.bucket.per_second))
            if not drawn:
                raise self._limited(purse, missing)
            purse.points += drawn

    async def _draw_from(self, payer: Payer, purse: _Purse, least: float, most: float) -> float:
        ids, bucket = list(payer.buckets), self.bucket
        for _ in range(2):
            self.draws += 1
            async with self._system.transaction() as tx:
                row = await tx.fetchrow(_DRAW, ids, bucket.maximum, bucket.per_second, least, most)
                if row is not None and row["drawn"] is not None:
                    purse.left, purse.heard_at = row["points"] - row["drawn"], self._clock()
                    return float(row["drawn"])
                await tx.execute(_FILL, ids, bucket.maximum)
        return 0.0

    def _limited(self, purse: _Purse, missing: float) -> RateLimited:
        seconds = max(0.001, (missing - self._left(purse)) / self.bucket.per_second)
        return RateLimited(
            f"This may cost more than the points that are left. Try again in {math.ceil(seconds * 10) / 10:.1f} s, or ask for less.",
            seconds=seconds,
        )

    async def _tend(self) -> None:
        """While any purse is held: give back those that are idle, and delete the rows of full buckets now and then."""
        forgotten = self._clock()
        while self._purses:
            await asyncio.sleep(IDLE_SECONDS)
            now = self._clock()
            idle = [payer for payer, purse in self._purses.items() if now - purse.used_at >= IDLE_SECONDS]
            try:
                await self._give_back(idle)
                if now - forgotten >= FORGET_SECONDS:
                    forgotten = now
                    async with self._system.transaction() as tx:
                        await tx.execute(_FORGET, self.bucket.maximum, self.bucket.per_second)
            except RequestError:
                log.warning("points_not_given_back", purses=len(idle))
            except Exception as error:
                log.error("points_failed", exc_info=error)

    async def _give_back(self, payers: Iterable[Payer]) -> None:
        back: defaultdict[bytes, float] = defaultdict(float)
        for payer in payers:
            purse = self._purses.get(payer)
            if purse is not None and not purse.drawing.locked():
                del self._purses[payer]
                for bucket in payer.buckets:
                    back[bucket] += purse.points
        back = defaultdict(float, {bucket: points for bucket, points in back.items() if points})
        if back:
            async with self._system.transaction() as tx:
                await tx.execute(
                    _GIVE_BACK, list(back), list(back.values()), self.bucket.maximum, self.bucket.per_second
                )
