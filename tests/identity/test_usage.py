"""What a tenant uses is counted by its civil day, and quotas hold it to that, also when many act at once."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.identity.conftest import ADDRESS, POINT, Client, Place
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from doorstep.identity.service import points_used, usage
from doorstep.identity.service.measuring import measure_storage
from doorstep.identity.service.operating import set_quotas
from doorstep.kernel.errors import Unavailable

DROPOFF = {"address": ADDRESS, "coordinates": POINT}
USAGE = """query ($from: Date!, $to: Date!) { usage(from: $from, to: $to) {
  days { date orders solverSeconds points storageBytes } quotas { ordersPerDay solverSecondsPerDay sockets storageBytes } } }"""


def today() -> date:
    return datetime.now(ZoneInfo("Europe/Vaduz")).date()


async def allowed(client: Client, **quotas: int | None) -> None:
    """What the operator allows the company."""
    async with client.system.transaction() as tx:
        row = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", client.tenant_id)
    assert row is not None
    await set_quotas(client.system, row, quotas)


async def used(client: Client, column: str) -> Any:
    async with client.system.transaction() as tx:
        return await tx.fetchval(f"SELECT sum({column}) FROM usage_days WHERE tenant_id = $1", client.tenant_id)


async def orders_of(client: Client) -> int:
    async with client.system.transaction() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM orders WHERE tenant_id = $1", client.tenant_id)
        return count


async def many(client: Client, number: int, **fields: Any) -> dict[str, Any]:
    orders = [{"dropoff": DROPOFF} for _ in range(number)]
    return await client.call("createOrders", "results { order { id } problems { code } }", orders=orders, **fields)


async def test_orders_are_counted_and_the_quota_refuses_the_next_one_without_a_trace(company: Client):
    await allowed(company, orders_per_day=3)
    await company.order(None)
    assert len((await many(company, 2))["results"]) == 2
    before = await company.written()
    for _ in range(2):
        payload = await company.call("createOrder", "order { id }", dropoff=DROPOFF, idempotencyKey="again")
        assert payload["order"] is None
        [problem] = payload["problems"]
        assert (problem["code"], problem["path"]) == ("QUOTA_EXCEEDED", [])
        assert "may create 3 orders a day; 0 are left" in problem["message"]
        assert f"{today() + timedelta(days=1)}T00:00" in problem["message"]
        assert "Europe/Vaduz" in problem["message"]
    assert await company.written() == before
    assert (await orders_of(company), await used(company, "orders")) == (3, 3)

    await allowed(company, orders_per_day=4)  # a refusal is not stored under its key
    assert (await company.call("createOrder", "order { id }", dropoff=DROPOFF, idempotencyKey="again"))["order"]


async def test_a_call_that_is_too_large_is_refused_as_a_whole_and_refused_orders_count_for_nothing(company: Client):
    await allowed(company, orders_per_day=3)
    payload = await many(company, 4, policy="REJECT_FAILED")
    assert (payload["results"], [one["code"] for one in payload["problems"]]) == ([], ["QUOTA_EXCEEDED"])
    assert "3 are left" in payload["problems"][0]["message"]
    broken = [{"dropoff": DROPOFF}, {"dropoff": {**DROPOFF, "coordinates": {"latitude": 99, "longitude": 9}}}]
    await company.call("createOrders", "results { order { id } }", orders=broken, policy="REJECT_FAILED")
    assert await used(company, "orders") == await orders_of(company) == 1


async def test_a_day_ends_at_midnight_of_the_tenant(company: Client):
    await allowed(company, orders_per_day=1)
    await company.order(None)
    assert await company.refused("createOrder", dropoff=DROPOFF) == [("QUOTA_EXCEEDED", "")]
    async with company.system.transaction() as tx:
        await tx.execute("UPDATE usage_days SET day = day - 1 WHERE tenant_id = $1", company.tenant_id)
    await company.order(None)
    shown = (await company.ask(USAGE, **{"from": str(today() - timedelta(days=1)), "to": str(today())}))["usage"][
        "days"
    ]
    assert [day["orders"] for day in shown] == [1, 1]


async def _racing(company: Client) -> int:
    await allowed(company, orders_per_day=5)
    await asyncio.gather(*(company.call("createOrder", "order { id }", dropoff=DROPOFF) for _ in range(12)))
    return await orders_of(company)


async def test_of_racing_creators_no_more_get_through_than_may(company: Client):
    assert await _racing(company) == 5
    assert await used(company, "orders") == 5


async def test_planted_fault_counting_by_reading_first_is_noticed(company: Client, monkeypatch: pytest.MonkeyPatch):
    reads_first = usage._ADD.replace(
        "RETURNING orders", "RETURNING (SELECT count(*) FROM orders WHERE tenant_id = $1) AS orders"
    )
    assert reads_first != usage._ADD
    monkeypatch.setattr(usage, "_ADD", reads_first)
    assert await _racing(company) > 5


async def test_solver_seconds_are_counted_and_refused_when_they_are_used_up(company: Client):
    depot, driver = await company.depot(), await company.driver()
    vehicle = (await company.do("createVehicle", "vehicle { id }", name="Van", kind="VAN", depotId=depot))["vehicle"][
        "id"
    ]
    now = datetime.now(UTC)
    times = {"start": now.isoformat(), "end": (now + timedelta(hours=8)).isoformat()}
    shift = (
        await company.do("createShift", "shift { id }", driverId=driver, vehicleId=vehicle, depotId=depot, **times)
    )["shift"]["id"]
    orders = [await company.order(depot) for _ in range(3)]
    await company.do("assignOrders", "route { id }", orderIds=orders[:1], shiftId=shift)
    seconds = await used(company, "solver_seconds")
    assert 0 < seconds < 60

    await allowed(company, solver_seconds_per_day=0)
    assert await company.refused("assignOrders", orderIds=orders[1:2], shiftId=shift) == [("QUOTA_EXCEEDED", "")]
    other = {**times, "start": (now + timedelta(hours=9)).isoformat(), "end": (now + timedelta(hours=12)).isoformat()}
    later = (
        await company.do("createShift", "shift { id }", driverId=driver, vehicleId=vehicle, depotId=depot, **other)
    )["shift"]["id"]
    wanted = {"orderIds": orders[1:2], "shiftIds": [later]}
    assert await company.refused("createPlan", **wanted) == [("QUOTA_EXCEEDED", "")]
    draft = (await company.do("createPlan", "plan { id }", optimize=False, **wanted))["plan"]["id"]
    assert await company.refused("optimizePlan", planId=draft) == [("QUOTA_EXCEEDED", "")]
    await allowed(company, solver_seconds_per_day=1000)
    await company.do("optimizePlan", "plan { status }", planId=draft)


async def test_storage_is_measured_now_and_then_and_too_much_of_it_stops_new_orders(place: Place, company: Client):
    other = await place.company()
    await many(company, 50)
    assert await measure_storage(place.system, every_seconds=0)
    mine, theirs = await used(company, "storage_bytes"), await used(other, "storage_bytes")
    assert mine > 50 * 200
    assert 0 < theirs < mine
    assert not await measure_storage(place.system), "another worker did so a moment ago"

    await allowed(company, storage_bytes=mine - 1)
    assert await company.refused("createOrder", dropoff=DROPOFF) == [("QUOTA_EXCEEDED", "")]
    await allowed(company, storage_bytes=None)
    await company.order(None)


async def test_a_large_table_is_estimated_from_a_part_of_it(
    place: Place, company: Client, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(3):
        await many(company, 1000)
    await measure_storage(place.system, every_seconds=0)
    exact = await used(company, "storage_bytes")
    monkeypatch.setattr("doorstep.identity.service.measuring.SAMPLED_ABOVE_BYTES", 200_000)
    await measure_storage(place.system, every_seconds=0)
    assert exact / 2 < await used(company, "storage_bytes") < exact * 2


async def test_so_many_sockets_and_no_more(place: Place, company: Client):
    await allowed(company, sockets=2)
    company = await company.key("events:read")  # a key that the server has not seen yet
    first, second = await company.socket(), await company.socket()
    async with connect(place.server.socket_url, subprotocols=["graphql-transport-ws"]) as third:  # type: ignore[list-item]
        await third.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {company.credential}"}})
        )
        with pytest.raises(ConnectionClosed) as refusal:
            await asyncio.wait_for(third.recv(), 5)
    assert refusal.value.rcvd is not None
    assert (refusal.value.rcvd.code, "at most 2 sockets" in refusal.value.rcvd.reason) == (4429, True)
    await second.close()
    for _ in range(50):  # the server may hear of the end a little later
        try:
            second = await company.socket()
            break
        except ConnectionClosed:
            await asyncio.sleep(0.05)
    await first.close()
    await second.close()


async def test_usage_shows_every_day_and_the_limits_in_force_to_those_who_may_see_it(company: Client):
    await company.order(None)
    await allowed(company, orders_per_day=100, sockets=7, storage_bytes=5_000_000_000, solver_seconds_per_day=None)
    shown = (await company.ask(USAGE, **{"from": str(today() - timedelta(days=2)), "to": str(today())}))["usage"]
    assert [(day["date"], day["orders"]) for day in shown["days"]] == [
        (str(today() - timedelta(days=2)), 0),
        (str(today() - timedelta(days=1)), 0),
        (str(today()), 1),
    ]
    assert shown["days"][0]["storageBytes"] is None
    assert shown["quotas"] == {
        "ordersPerDay": 100,
        "solverSecondsPerDay": None,
        "sockets": 7,
        "storageBytes": 5_000_000_000,
    }
    for wrong in ({"from": "2027-01-02", "to": "2027-01-01"}, {"from": "2026-01-01", "to": "2027-02-05"}):
        assert await company.code(USAGE, **wrong) == "BAD_USER_INPUT"
    assert len((await company.ask(USAGE, **{"from": "2026-01-01", "to": "2027-02-04"}))["usage"]["days"]) == 400
    lesser = await company.key("orders:write")
    assert await lesser.code(USAGE, **{"from": str(today()), "to": str(today())}) == "FORBIDDEN"


async def test_the_points_of_operations_are_counted(
    company: Client, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points_used, "EVERY_SECONDS", 0.1)
    rival = await place.company()
    spent = 0
    for _ in range(3):
        answer = await company.answer("{ orders(first: 2) { nodes { id } totalCount } }")
        spent += answer.json()["extensions"]["cost"]["actual"]
    assert spent > 0
    async with asyncio.timeout(10):
        while (await used(company, "points") or 0) < spent:
            await asyncio.sleep(0.05)
    days = (await company.ask(USAGE, **{"from": str(today()), "to": str(today())}))["usage"]["days"]
    assert sum(day["points"] for day in days) == spent
    assert not await used(rival, "points")


async def test_what_could_not_be_written_is_written_later_and_once(company: Client) -> None:
    counting = points_used.PointsUsed(company.system)
    transaction = company.system.transaction

    def failing(*, after: bool):
        @asynccontextmanager
        async def broken(**named: Any):
            if not after:
                raise Unavailable("no database")
            async with transaction(**named) as tx:
                yield tx
            raise Unavailable("the answer to COMMIT was lost")

        return broken

    for after in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(company.system, "transaction", failing(after=after))
            counting.note(company.tenant_id, 7)
            await counting.write()
        await counting.write()
    await counting.close()
    assert await used(company, "points") == 14
