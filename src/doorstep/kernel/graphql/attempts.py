"""Failed sign-ins are limited per client address: leaky buckets in this process, asked before anybody is.

A guess has 2^256 to choose from, so the limit is no lock. It keeps a guesser, or a program with a dead key in a loop, from keeping the database
busy. Neighbours behind the same address must not suffer from either. A credential that was good before is let through to be checked again,
whatever its address did. One that failed before is limited by itself from then on, so that a till with a dead key uses up nobody's share but
its own. Only strangers wait for their address, and they learn nothing, since a good guess waits as well.
"""

import asyncio
import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from doorstep.kernel.errors import RateLimited, Unauthenticated
from doorstep.kernel.metrics import FAILED_SIGN_INS
from doorstep.kernel.scope import Principal

BURST = 20
"""How many sign-ins of one address may fail at once."""

SECONDS_EACH = 3.0
"""After that one may fail each so many seconds."""

AT_ONCE = 4
"""How many strangers of one address are checked at the same time; the others queue, so that a volley cannot outrun the count."""

MAX_BUCKETS = 10_000
MAX_KNOWN = 10_000
"""How many failures and good credentials are remembered, a few megabytes in all; the oldest go first."""

Authenticate = Callable[[str], Awaitable[Principal]]

ANY = b""
_Place = tuple[str, bytes]
"""What has a bucket: an address (and any credential), or one credential from an address, by its SHA-256."""


@dataclass(slots=True)
class _Bucket:
    """The failures of one place that have not leaked away yet, and a queue of those who try now."""

    fill: float = 0.0
    at: float = 0.0
    trying: int = 0
    queue: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class FailedAttempts:
    """Counts failed sign-ins and refuses to check more where there were too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[_Place, _Bucket] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    async def let_in(self, address: str, credential: str, authenticate: Authenticate) -> Principal:
        """Who the credential is, by ``authenticate``, whose Unauthenticated counts as a failure; raises RateLimited instead of asking it."""
        mark, network = hashlib.sha256(credential.encode()).digest(), network_of(address)
        try:
            if mark in self._known:
                principal = await self._check((network, ANY), mark, credential, authenticate)
            else:
                principal = await self._check_in_turn(network, mark, credential, authenticate)
        except Unauthenticated:
            self._known.pop(mark, None)
            raise
        self._known[mark] = None
        self._known.move_to_end(mark)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return principal

    async def _check_in_turn(self, network: str, mark: bytes, credential: str, authenticate: Authenticate) -> Principal:
        place = (network, mark if (network, mark) in self._buckets else ANY)
        bucket = self._bucket(place)
        bucket.trying += 1
        try:
            async with bucket.queue:
                self._refuse_if_full(bucket)
                return await self._check(place, mark, credential, authenticate)
        finally:
            bucket.trying -= 1
            if not bucket.trying and not self._leaked(bucket) and self._buckets.get(place) is bucket:
                del self._buckets[place]

    async def _check(self, place: _Place, mark: bytes, credential: str, authenticate: Authenticate) -> Principal:
        try:
            return await authenticate(credential)
        except Unauthenticated:
            FAILED_SIGN_INS.labels(answer="refused").inc()
            for one in {place, (place[0], mark)}:
                self._add_failure(one)
            raise

    def _add_failure(self, place: _Place) -> None:
        bucket = self._bucket(place)
        bucket.fill = self._leaked(bucket) + 1
        self._buckets.move_to_end(place)

    def _bucket(self, place: _Place) -> _Bucket:
        bucket = self._buckets.get(place)
        if bucket is None:
            bucket = self._buckets[place] = _Bucket(at=self._clock())
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        return bucket

    def _leaked(self, bucket: _Bucket) -> float:
        """The bucket's fill by now."""
        now = self._clock()
        bucket.fill = max(0.0, bucket.fill - (now - bucket.at) / SECONDS_EACH)
        bucket.at = now
        return bucket.fill

    def _refuse_if_full(self, bucket: _Bucket) -> None:
        seconds = round((self._leaked(bucket) - (BURST - 1)) * SECONDS_EACH, 3)
        if seconds > 0:
            FAILED_SIGN_INS.labels(answer="limited").inc()
            raise RateLimited(
                f"Too many sign-ins from your address failed: try again in {math.ceil(seconds)} s.", seconds=seconds
            )


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which a single subscriber has all of."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed, 64), strict=False))
