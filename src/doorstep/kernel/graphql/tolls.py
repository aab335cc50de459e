"""What an operation is charged before it runs, and given back after: the same for requests, streams and sockets."""

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError

from doorstep.kernel.errors import RateLimited, TooComplex, Unavailable
from doorstep.kernel.graphql.attempts import network_of
from doorstep.kernel.graphql.bodies import Asked
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.costs import Costing
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.graphql.persisted import PersistedDocuments
from doorstep.kernel.graphql.prices import OPERATION
from doorstep.kernel.points import Payer, Points

UNSOUND = 10
"""What a document costs that is refused: reading it is work, too."""

FREE_RESULT = 10
"""What each later result of a subscription may come to for nothing: the event, its order, and what is around it."""

LEAST_PAUSE = 0.05

_UNSPEAKABLE = 10**15


@dataclass(frozen=True, slots=True)
class Limits:
    """What an operation may cost, how many seconds it may take, and how much one credential may have open at this process."""

    most_points: int = 10_000
    seconds: float = 10.0
    most_sockets: int = 200
    """Sockets and streams of server-sent events."""

    most_subscriptions: int = 1_000


@dataclass(slots=True)
class Pace:
    """How fast a subscription's later results may follow each other: as fast as there are points for what they hold beyond ``FREE_RESULT``.

    Else one operation that costs what a page may would have it again for each event of the log, as often as it reads the log anew. Nothing is
    refused: whoever asks for much at each event waits, and misses nothing.
    """

    points: Points
    payer: Payer
    costing: Costing | None
    variables: dict[str, Any] | None

    async def keep(self, body: str) -> None:
        """The text of a result was executed for this subscription: wait until it is paid."""
        if self.costing is None or self.costing.requested(self.variables) <= OPERATION + FREE_RESULT:
            return
        data = orjson.loads(body).get("data")
        spent = self.costing.actual(data, self.variables) - OPERATION - FREE_RESULT if isinstance(data, dict) else 0
        if spent <= 0:
            return
        owed = min(spent, self.points.bucket.maximum)
        with suppress(Unavailable):  # the stream outlives the database, which comes before what is owed
            while not await self._paid(owed):
                pass

    async def _paid(self, owed: int) -> bool:
        try:
            await self.points.take(self.payer, owed)
        except RateLimited as refusal:
            await asyncio.sleep(max(refusal.seconds, LEAST_PAUSE))
            return False
        self.points.settle(self.payer, owed, owed)
        return True


@dataclass(slots=True)
class Toll:
    """What was taken for one operation; ``spend`` must follow."""

    points: Points
    payer: Payer
    requested: int
    costing: Costing | None
    asked: Asked
    """What it was taken for, with the text of a registered document in its place."""
    actual: int = 0

    def spend(self, data: Any) -> None:
        """The operation is over: what its answer did not come to is given back. Without an answer all of it was spent."""
        self.actual = self.requested
        if self.costing is not None and isinstance(data, dict):
            self.actual = self.costing.actual(data, self.asked.variables)
        self.points.settle(self.payer, self.requested, self.actual)

    def pace(self, payer: Payer | None = None) -> Pace:
        """What the results after the first cost, paid by the same or by ``payer``."""
        return Pace(self.points, payer or self.payer, self.costing, self.asked.variables)

    def shown(self) -> dict[str, Any]:
        """For an answer's ``extensions.cost``."""
        bucket, available = self.points.bucket, self.points.available(self.payer)
        throttle = {"maximum": bucket.maximum, "available": available, "restoreRate": bucket.per_second}
        return {"requested": self.requested, "actual": self.actual, "throttle": throttle}

    def headers(self) -> dict[str, str]:
        """The same for whoever reads headers; ``t`` is in how many seconds the bucket is full."""
        bucket, available = self.points.bucket, self.points.available(self.payer)
        return {
            "x-cost-requested": str(self.requested),
            "x-cost-actual": str(self.actual),
            "ratelimit-policy": f'"points";q={bucket.maximum};w={math.ceil(bucket.maximum / bucket.per_second)}',
            "ratelimit": f'"points";r={available};t={math.ceil((bucket.maximum - available) / bucket.per_second)}',
        }


class Tolls:
    """Charges operations by their documents."""

    def __init__(self, documents: DocumentCache, persisted: PersistedDocuments, points: Points, limits: Limits) -> None:
        self._documents = documents
        self._persisted = persisted
        self._points = points
        self.limits = limits

    async def enter(self, context: Context, asked: Asked) -> Toll:
        """Take what the operation may cost. Raises TooComplex for one that costs more than any may, RateLimited when the points are not there.

        A registered document is looked up before; raises what ``PersistedDocuments.find`` does.
        """
        asked = await self._persisted.find(context, asked)
        payer = Payer.of(context.principal_or_none, network_of(context.address or ""))
        costing = self._costing(asked)
        requested = costing.requested(asked.variables) if costing is not None else UNSOUND
        most = self.limits.most_points
        if requested > most:
            await self._points.take(payer, UNSOUND)
            self._points.settle(payer, UNSOUND, UNSOUND)
            raise TooComplex(
                f"The operation may cost {_words(requested)} points; at most {most:,} are allowed. "
                "Ask for smaller pages, or in several requests.",
                requestedCost=min(requested, _UNSPEAKABLE),
                maximumCost=most,
            )
        await self._points.take(payer, requested)
        return Toll(self._points, payer, requested, costing, asked)

    def _costing(self, asked: Asked) -> Costing | None:
        try:
            return self._documents.costing(asked.query or "", asked.operation_name)
        except GraphQLError:
            return None


def _words(points: int) -> str:
    return f"{points:,}" if points < _UNSPEAKABLE else "far too many"
