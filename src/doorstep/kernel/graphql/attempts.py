"""Failed sign-ins are limited per client address: a leaky bucket in this process, asked before anybody is.

A guess has 2^256 to choose from, so the limit is no lock. It keeps a guesser, or a program with a dead key in a loop, from keeping the database
busy. Who is already known must not suffer from neighbours behind the same address: a credential that was good before is let through to be
checked again, whatever its address did. Only strangers wait, and they learn nothing, since a good guess waits as well.
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

MAX_ADDRESSES = 10_000
MAX_KNOWN = 10_000
"""How many addresses and good credentials are remembered, a few megabytes in all; the oldest go first."""

Authenticate = Callable[[str], Awaitable[Principal]]


@dataclass(slots=True)
class _Bucket:
    """The failures of one address that have not leaked away yet, and a queue of those who try now."""

    fill: float = 0.0
    at: float = 0.0
    trying: int = 0
    queue: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))


class FailedAttempts:
    """Counts failed sign-ins per address and refuses strangers of an address that has too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    async def let_in(self, address: str, credential: str, authenticate: Authenticate) -> Principal:
        """Who the credential is, by ``authenticate``, whose Unauthenticated counts against the address; raises RateLimited instead of asking it."""
        mark, network = hashlib.sha256(credential.encode()).digest(), network_of(address)
        check = self._check if mark in self._known else self._check_stranger
        try:
            principal = await check(network, credential, authenticate)
        except Unauthenticated:
            self._known.pop(mark, None)
            raise
        self._known[mark] = None
        self._known.move_to_end(mark)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return principal

    async def _check(self, network: str, credential: str, authenticate: Authenticate) -> Principal:
        try:
            return await authenticate(credential)
        except Unauthenticated:
            FAILED_SIGN_INS.labels(answer="refused").inc()
            bucket = self._bucket(network)
            bucket.fill = self._leaked(bucket) + 1
            self._buckets.move_to_end(network)
            raise

    async def _check_stranger(self, network: str, credential: str, authenticate: Authenticate) -> Principal:
        bucket = self._bucket(network)
        bucket.trying += 1
        try:
            async with bucket.queue:
                self._refuse_if_full(bucket)
                return await self._check(network, credential, authenticate)
        finally:
            bucket.trying -= 1
            if not bucket.trying and not self._leaked(bucket) and self._buckets.get(network) is bucket:
                del self._buckets[network]

    def _bucket(self, network: str) -> _Bucket:
        bucket = self._buckets.get(network)
        if bucket is None:
            bucket = self._buckets[network] = _Bucket(at=self._clock())
            if len(self._buckets) > MAX_ADDRESSES:
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
