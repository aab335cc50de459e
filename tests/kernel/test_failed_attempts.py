"""Failed sign-ins are limited per address, and nobody who is known suffers from it. Counting alone; over the wire see tests/identity."""

import asyncio

import pytest
from tests.hands import Hands

from doorstep.kernel.errors import RateLimited, RequestError, Unauthenticated, Unavailable
from doorstep.kernel.graphql import attempts as attempts_module
from doorstep.kernel.graphql.attempts import AT_ONCE, BURST, MAX_BUCKETS, SECONDS_EACH, FailedAttempts, network_of
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import SYSTEM_ACTOR, Principal

SOMEBODY = Principal(new_id(), SYSTEM_ACTOR, frozenset())
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Door:
    """What stands behind the limit: it knows some credentials, and counts how often it was asked."""

    def __init__(self, *good: str) -> None:
        self.good = set(good)
        self.asked = 0
        self.is_away = False

    async def __call__(self, credential: str) -> Principal:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("away")
        if credential not in self.good:
            raise Unauthenticated("unknown")
        return SOMEBODY


class Visitor:
    """Tries credentials; answers OK or the code of the refusal."""

    def __init__(self, limit: FailedAttempts, door: Door) -> None:
        self.limit, self.door, self.guesses = limit, door, 0

    async def shows(self, credential: str, address: str = HERE) -> str:
        try:
            await self.limit.let_in(address, credential, self.door)
        except RequestError as error:
            return error.code
        return "OK"

    async def guesses_wrong(self, times: int, address: str = HERE) -> list[str]:
        answers = []
        for _ in range(times):
            self.guesses += 1
            answers.append(await self.shows(f"guess {self.guesses}", address))
        return answers


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def visitor(clock: Hands) -> Visitor:
    return Visitor(FailedAttempts(clock), Door("good", "also good"))


async def test_so_many_may_fail_at_once_then_one_at_a_time(visitor: Visitor, clock: Hands):
    assert await visitor.guesses_wrong(BURST + 5) == ["UNAUTHENTICATED"] * BURST + ["RATE_LIMITED"] * 5
    assert visitor.door.asked == BURST
    clock.now += SECONDS_EACH
    assert await visitor.guesses_wrong(2) == ["UNAUTHENTICATED", "RATE_LIMITED"]
    clock.now += SECONDS_EACH * BURST * 2
    assert await visitor.guesses_wrong(BURST + 1) == ["UNAUTHENTICATED"] * BURST + ["RATE_LIMITED"]


async def test_planted_fault_without_the_limit_every_guess_is_checked(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FailedAttempts, "_refuse_if_full", lambda _self, _bucket: None)
    assert set(await visitor.guesses_wrong(BURST * 2)) == {"UNAUTHENTICATED"}


async def test_a_refusal_says_when_to_come_back(visitor: Visitor, clock: Hands):
    await visitor.guesses_wrong(BURST)
    clock.now += SECONDS_EACH / 3
    with pytest.raises(RateLimited, match="2 s") as refusal:
        await visitor.limit.let_in(HERE, "guess", visitor.door)
    assert 0 < refusal.value.extensions["retryAfterMs"] <= 2_001  # type: ignore[operator]
    clock.now += refusal.value.seconds
    assert await visitor.shows("guess") == "UNAUTHENTICATED"


async def test_other_addresses_are_not_touched(visitor: Visitor):
    await visitor.guesses_wrong(BURST)
    assert (await visitor.shows("good"), await visitor.shows("good", THERE)) == ("RATE_LIMITED", "OK")


async def test_who_was_let_in_before_is_checked_again_whatever_the_address_did(visitor: Visitor):
    assert await visitor.shows("good") == "OK"
    await visitor.guesses_wrong(BURST + 1)
    assert [await visitor.shows("good") for _ in range(3)] == ["OK"] * 3
    assert set(await asyncio.gather(*(visitor.shows("good") for _ in range(20)))) == {"OK"}
    visitor.door.good.discard("good")
    assert [await visitor.shows("good") for _ in range(BURST + 1)] == ["UNAUTHENTICATED"] * BURST + ["RATE_LIMITED"]


async def test_a_dead_credential_in_a_loop_is_limited_and_uses_up_nobody_else_s_share(visitor: Visitor, clock: Hands):
    assert [await visitor.shows("dead") for _ in range(BURST + 5)] == ["UNAUTHENTICATED"] * BURST + ["RATE_LIMITED"] * 5
    assert visitor.door.asked == BURST
    for _ in range(30):
        clock.now += 1
        await visitor.shows("dead")
    assert visitor.door.asked == BURST + 10
    assert await visitor.shows("good") == "OK"
    assert await visitor.guesses_wrong(BURST + 1) == ["UNAUTHENTICATED"] * BURST + ["RATE_LIMITED"]


async def test_a_credential_that_was_refused_too_early_is_let_in_when_it_has_become_good(visitor: Visitor):
    assert await visitor.shows("soon good") == "UNAUTHENTICATED"
    visitor.door.good.add("soon good")
    assert await visitor.shows("soon good") == "OK"


async def test_a_stranger_s_good_credential_waits_as_a_guess_does(visitor: Visitor, clock: Hands):
    await visitor.guesses_wrong(BURST)
    asked = visitor.door.asked
    assert await visitor.shows("also good") == "RATE_LIMITED"
    assert visitor.door.asked == asked
    clock.now += SECONDS_EACH
    assert await visitor.shows("also good") == "OK"


async def test_a_volley_does_not_outrun_the_count(visitor: Visitor):
    answers = await asyncio.gather(*(visitor.shows(f"guess {n}") for n in range(500)))
    assert BURST <= answers.count("UNAUTHENTICATED") < BURST + AT_ONCE
    assert answers.count("RATE_LIMITED") > 400


async def test_planted_fault_without_the_queue_a_volley_outruns_the_count(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(attempts_module, "AT_ONCE", 10_000)
    answers = await asyncio.gather(*(visitor.shows(f"guess {n}") for n in range(500)))
    assert answers.count("UNAUTHENTICATED") == 500


async def test_strangers_who_come_all_at_once_with_good_credentials_are_all_let_in(visitor: Visitor):
    visitor.door.good |= {f"driver {n}" for n in range(200)}
    assert set(await asyncio.gather(*(visitor.shows(f"driver {n}") for n in range(200)))) == {"OK"}
    assert visitor.limit._buckets == {}


async def test_what_could_not_be_checked_does_not_count(visitor: Visitor):
    visitor.door.is_away = True
    assert set(await visitor.guesses_wrong(BURST * 2)) == {"UNAVAILABLE"}
    visitor.door.is_away = False
    assert await visitor.shows("good") == "OK"


async def test_memory_is_bounded(visitor: Visitor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attempts_module, "MAX_KNOWN", 10)
    for n in range(MAX_BUCKETS + 50):
        await visitor.shows("guess", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(visitor.limit._buckets) == MAX_BUCKETS
    visitor.door.good |= {f"driver {n}" for n in range(50)}
    for n in range(50):
        await visitor.shows(f"driver {n}", THERE)
    assert len(visitor.limit._known) == 10


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
        ("unknown" * 100, ("unknown" * 100)[:64]),
    ],
)
def test_a_client_is_an_address_or_a_subscriber_s_network(address: str, network: str):
    assert network_of(address) == network
