"""One effect per key, whoever repeats it and however often at once."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest
from tests.kernel.conftest import SomethingHappened

from doorstep.kernel.db import Database
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.ids import new_id


@dataclass
class Wish:
    """A mutation's input."""

    note: str
    idempotency_key: str | None = None


def effect(note):
    async def use_case(scope):
        scope.emit(SomethingHappened(aggregate_version=1, note=note))
        await asyncio.sleep(0.002)
        return {"id": str(new_id())}

    return use_case


@pytest.fixture
async def services(db, system):
    return Services(db, system, EventHub(system))


async def ask(services, principal, wish, use_case=None):
    context = Context(services, principal, "test")
    return await context.write("makeWish", wish, Payload, use_case or effect(wish.note))


async def effects(db: Database, principal) -> int:
    async with db.snapshot(principal.tenant_id) as tx:
        return await tx.fetchval("SELECT count(*) FROM events WHERE tenant_id = $1", principal.tenant_id)


async def test_twenty_at_once_with_one_key_have_one_effect_and_one_answer(services, db, alpha):
    answers = await asyncio.gather(*(ask(services, alpha, Wish("x", "key-1")) for _ in range(20)))
    done = [answer for answer in answers if not answer.problems]
    waiting = {problem.code for answer in answers for problem in answer.problems}
    assert len({answer.outcome["id"] for answer in done}) == 1
    assert waiting <= {ProblemCode.IDEMPOTENCY_IN_PROGRESS}
    assert await effects(db, alpha) == 1
    again = await ask(services, alpha, Wish("x", "key-1"))
    assert again.outcome == done[0].outcome


async def test_planted_fault_check_then_insert_without_the_lock_doubles_or_breaks(services, db, alpha, monkeypatch):
    async def careless(tx, tenant_id, operation, key, print_):
        row = await tx.fetchrow(
            "SELECT outcome FROM idempotency_keys WHERE tenant_id = $1 AND key = $2", tenant_id, key
        )
        return row["outcome"] if row else None

    monkeypatch.setattr("doorstep.kernel.graphql.context.find_outcome", careless)
    answers = await asyncio.gather(
        *(ask(services, alpha, Wish("x", "key-1")) for _ in range(20)), return_exceptions=True
    )
    assert any(isinstance(answer, asyncpg.UniqueViolationError | ChangedMeanwhile) for answer in answers)


async def test_the_same_key_with_another_input_is_refused_and_writes_nothing(services, db, alpha):
    await ask(services, alpha, Wish("x", "key-1"))
    other = await ask(services, alpha, Wish("y", "key-1"))
    assert [problem.code for problem in other.problems] == [ProblemCode.IDEMPOTENCY_MISMATCH]
    assert await effects(db, alpha) == 1


async def test_a_refusal_is_not_kept_so_that_the_mended_wish_may_use_the_key(services, db, alpha):
    async def refuse(scope):
        scope.emit(SomethingHappened(aggregate_version=1, note="never"))
        raise DoorstepError(ProblemCode.INVALID_VALUE, "No.", ["note"])

    refused = await ask(services, alpha, Wish("x", "key-1"), refuse)
    assert [problem.path for problem in refused.problems] == [["note"]]
    assert await effects(db, alpha) == 0
    assert not (await ask(services, alpha, Wish("y", "key-1"))).problems


async def test_keys_of_two_tenants_never_meet(services, db, alpha, beta):
    mine = await ask(services, alpha, Wish("x", "key-1"))
    theirs = await ask(services, beta, Wish("x", "key-1"))
    assert mine.outcome != theirs.outcome


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\x00"])
async def test_a_key_that_is_none_is_a_problem(services, db, alpha, key):
    refused = await ask(services, alpha, Wish("x", key))
    assert [problem.code for problem in refused.problems] == [ProblemCode.INVALID_VALUE]
    assert await effects(db, alpha) == 0
