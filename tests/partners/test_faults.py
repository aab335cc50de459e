"""The relay killed at every point, and what races: nothing lost, nothing twice, one winner. Each drill is run on broken code, too, and notices."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.partners.conftest import Job, Pair, all_types, codes, do, log_of

from doorstep.kernel.scope import Scope
from doorstep.partners import jobs
from doorstep.partners.service import answering, closing, relaying, rows

WAY = ["OFFERED", "ASSIGNED", "EN_ROUTE_TO_PICKUP", "PICKED_UP", "AT_DROPOFF", "DELIVERED"]


class Killed(BaseException):
    """The process ends here; nothing after this runs."""


async def a_day(pair: Pair) -> Job:
    """An order from offer to delivery, of which the relay has not told anything yet; in the middle the partnership ends."""
    still = await pair.accepted()
    [order_id], [tender_id] = await pair.offered(proofRequired={"kinds": ["NOTE"]})
    payload = await do(pair.carrier, "acceptTender", ids=[tender_id])
    job = Job(pair, order_id, payload["results"][0]["tender"]["order"]["id"], tender_id)
    await job.report("DEPART")
    await do(pair.carrier, "endPartnership", id=pair.id)
    await job.report("PICK_UP")
    await do(pair.merchant, "updateOrder", "order { id }", id=still.order_id, dropoff={"instructions": "Back door"})
    await job.report("DELIVER", proof=[{"kind": "NOTE", "note": "Fine"}])
    return job


async def verdict(job: Job) -> dict[str, Any]:
    """Everything that a repeated or a lost effect would show in."""
    order = await job.pair.merchant.order(job.order_id, "status attemptNumber proofs { note } attempts { outcome }")
    return {
        "way": await job.way(),
        "order": order,
        "log": sorted(kind for kind, _ in await log_of(job.pair.merchant, job.order_id)),
        "carrier": sorted(await all_types(job.pair.carrier)),
        "partnership": [kind for kind in await all_types(job.pair.merchant) if kind.startswith("Partnership")],
    }


def sound(found: dict[str, Any]) -> bool:
    """What the merchant and the carrier must have read, once each, in order."""
    return bool(
        found["way"] == WAY
        and found["order"]["proofs"] == [{"note": "Fine"}]
        and found["order"]["attempts"] == [{"outcome": "DELIVERED"}]
        and len(found["log"])
        == len(WAY) + len(["OrderPlaced", "TenderOffered", "TenderAccepted", "ProofReported", "TenderFulfilled"])
        and found["carrier"].count("TenderOffered") == 2
        and found["carrier"].count("OrderUpdated") == 1
        and found["partnership"].count("PartnershipEnded") == 1
    )


async def killed_again_and_again(pair: Pair, monkeypatch: pytest.MonkeyPatch, where: str) -> int:
    """Run the relay and kill it at the first such point, then at the second, and so on, until it comes through; returns how often it was killed."""
    kills = 0
    while True:
        passed = 0

        def after(work: Callable[..., Awaitable[Any]], most: int = kills) -> Callable[..., Awaitable[Any]]:
            async def dies(*arguments: Any) -> Any:
                nonlocal passed
                result = await work(*arguments)
                passed += 1
                if passed > most:
                    raise Killed
                return result

            return dies

        module = relaying if where == "_is_known" else jobs
        with monkeypatch.context() as patch:
            patch.setattr(module, where, after(getattr(module, where)))
            try:
                await pair.relay()
            except Killed:
                kills += 1
                assert kills < 60
            else:
                return kills


@pytest.mark.parametrize(
    "where",
    [
        "_apply",  # the effect is committed, the place in the source's log is not
        "apply_once",  # the effect is written, its transaction is open
        "_is_known",  # the event is noted as applied, its effect is not written
    ],
)
async def test_a_relay_killed_at_every_point_loses_and_repeats_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    job = await a_day(pair)
    assert await killed_again_and_again(pair, monkeypatch, where) > 8
    await pair.relay()
    found = await verdict(job)
    assert sound(found), found


@pytest.mark.parametrize("twin", ["no note of what was applied", "the place moves first"])
async def test_planted_fault_a_relay_that_repeats_or_loses_is_noticed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, twin: str
) -> None:
    job = await a_day(pair)
    if twin == "no note of what was applied":

        async def forgets(scope: Scope, event_id: Any) -> bool:
            return False

        monkeypatch.setattr(relaying, "_is_known", forgets)
        await killed_again_and_again(pair, monkeypatch, "_apply")
    else:
        await place_first_then_killed(pair, monkeypatch)
    await pair.relay()
    assert not sound(await verdict(job))


async def place_first_then_killed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay that moves on in the log before it has told of what it read, and dies on its way there."""
    async with pair.merchant.services.system.transaction() as tx:
        await tx.execute(
            "UPDATE consumers SET seq = head.seq FROM event_heads AS head WHERE head.tenant_id = consumers.tenant_id AND name = $1 "
            "AND consumers.tenant_id = $2", rows.RELAY, pair.carrier.tenant_id,
        )  # fmt: skip


async def test_two_relays_at_once_have_each_effect_once(pair: Pair) -> None:
    job = await a_day(pair)
    await asyncio.gather(*(pair.relay() for _ in range(4)))
    await pair.relay()
    found = await verdict(job)
    assert sound(found), found


# ── races ───────────────────────────────────────────────────────────────────────────────────────────────

ROUNDS = 12


async def accept_against_withdraw(pair: Pair, rounds: int) -> list[tuple[bool, bool]]:
    """Both at once, each on a tender of its own round; who was told that it won."""
    results = []
    for _ in range(rounds):
        _, [tender_id] = await pair.offered()
        won = await asyncio.gather(
            do(pair.carrier, "acceptTender", ids=[tender_id]), do(pair.merchant, "withdrawTender", ids=[tender_id])
        )
        results.append((not codes(won[0]), not codes(won[1])))
    return results


async def test_accept_and_withdraw_have_one_winner_and_both_sides_agree(pair: Pair) -> None:
    results = await accept_against_withdraw(pair, ROUNDS)
    assert all(accepted != withdrawn for accepted, withdrawn in results), results
    await pair.relay()
    counted = await pair.merchant.data(
        "{ taken: orders(filter: {statuses: [ASSIGNED]}) { totalCount } free: orders(filter: {statuses: [PENDING]}) { totalCount } }"
    )
    copies = (await pair.carrier.data("{ orders { totalCount } }"))["orders"]["totalCount"]
    taken = sum(accepted for accepted, _ in results)
    assert (counted["taken"]["totalCount"], counted["free"]["totalCount"], copies) == (taken, ROUNDS - taken, taken)


async def test_planted_fault_without_compare_and_set_both_win_and_it_is_noticed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet = asyncio.Barrier(2)
    monkeypatch.setattr(rows, "_LOCK_TENDERS", rows._LOCK_TENDERS.replace(" FOR UPDATE", ""))
    monkeypatch.setattr(rows, "_MOVE", rows._MOVE.replace("status = ANY($5)", "$5::text[] IS NOT NULL"))
    looks = rows.lock_tenders

    async def looks_and_waits(*arguments: Any, **more: Any) -> Any:
        found = await looks(*arguments, **more)
        await asyncio.wait_for(meet.wait(), 10)
        return found

    monkeypatch.setattr(answering, "lock_tenders", looks_and_waits)
    monkeypatch.setattr(closing, "lock_tenders", looks_and_waits)
    assert (True, True) in await accept_against_withdraw(pair, 1)


async def test_cancel_and_pickup_have_one_winner(pair: Pair) -> None:
    for _ in range(ROUNDS):
        job = await pair.accepted()
        cancel, pickup = await asyncio.gather(
            do(pair.merchant, "cancelOrder", "order { status }", id=job.order_id),
            do(pair.carrier, "reportOrder", "order { status }", orderId=job.copy_id, act="PICK_UP"),
        )
        assert (not codes(cancel)) != (not codes(pickup)), (cancel, pickup)
        await pair.relay()
        assert await job.statuses() in (("CANCELLED", "CANCELLED", "CANCELLED"), ("PICKED_UP", "PICKED_UP", "ACCEPTED"))


async def test_two_offers_of_one_order_have_one_winner(pair: Pair) -> None:
    order = await pair.order()
    call = {"orderIds": [order["id"]], "offers": [{"partnershipId": pair.id}]}
    answers = await asyncio.gather(*(do(pair.merchant, "tenderOrder", **call) for _ in range(4)))
    assert sorted(map(str, map(codes, answers))) == ["['ALREADY_TENDERED']"] * 3 + ["[]"]
