"""After each act the orders and stops ahead are expected anew, and whoever needs to know is told."""

from tests.tracking.conftest import Dispatch
from tests.tracking.field import Goods, Stop, at

from doorstep.places.roads import HourFactor, profile_of


async def test_a_delay_is_told_once_it_is_more_than_two_minutes(dispatch: Dispatch) -> None:
    field = await dispatch(
        [
            Stop("DEPOT_START", ["a", "b", "c"], 0, 5),
            Stop("DROPOFF", ["a"], 10),
            Stop("DROPOFF", ["b"], 20),
            Stop("DROPOFF", ["c"], 30),
            Stop("DEPOT_END", [], 40, 0),
        ],
        {"b": Goods(window=(0, 22)), "c": Goods(window=(33, 60))},
    )

    async def told() -> list[tuple[str, str, int]]:
        names = {order_id: name for name, order_id in field.orders.items()}
        rows = [row for row in await field.events() if row["type"] == "OrderEtaChanged"]
        return [(names[row["order_id"]], row["data"]["at"], row["data"]["late_by_seconds"]) for row in rows]

    await field.act(0, "COMPLETE", 5)
    first = await told()
    assert first == [(name, at(minute).isoformat(), 0) for name, minute in (("a", 10), ("b", 20), ("c", 30))]

    await field.act(1, "DEPART", 6)
    assert await told() == first, "a minute is not worth telling"
    assert (await field.order("b"))["eta_at"] == at(21)

    await field.act(1, "ARRIVE", 16)
    assert (await told())[3:] == [
        ("a", at(16).isoformat(), 0),
        ("b", at(26).isoformat(), 240),
        ("c", at(36).isoformat(), 0),
    ]
    await field.act(1, "COMPLETE", 17)
    b, c = await field.order("b"), await field.order("c")
    assert (b["eta_at"], b["eta_late_by_seconds"], b["eta_stops_before"]) == (at(25), 180, 0)
    assert (c["eta_at"], c["eta_stops_before"]) == (at(35), 1)
    stops = await field.fetch("SELECT eta_at FROM stops WHERE tenant_id = $1 ORDER BY sequence")
    assert [row["eta_at"] for row in stops][2:] == [at(25), at(35), at(45)]


async def test_who_is_off_the_route_is_not_expected(dispatch: Dispatch) -> None:
    field = await dispatch([Stop("DEPOT_START", ["a"], 0, 5), Stop("DROPOFF", ["a"], 10), Stop("DEPOT_END", [], 20)])
    await field.act(0, "COMPLETE", 5)
    assert (await field.order("a"))["eta_at"] == at(10)
    await field.act(1, "FAIL", 6)
    assert (await field.order("a"))["eta_at"] is None


async def test_who_sets_off_in_a_slower_hour_than_planned_is_expected_later(dispatch: Dispatch) -> None:
    """Planned to set off at minute 5 and 12; the hour that the plan did not expect, from minute 60 on, is twice as slow."""
    field = await dispatch(
        [
            Stop("DEPOT_START", ["a", "b"], 0, 5),
            Stop("DROPOFF", ["a"], 10, 2),
            Stop("DROPOFF", ["b"], 20, 2),
            Stop("DEPOT_END", [], 30, 0),
        ]
    )
    hour = at(60).hour  # the depot's clock is UTC
    kinds = {row["kind"] for row in await field.fetch("SELECT kind FROM vehicles WHERE tenant_id = $1")}
    slow = [HourFactor(profile_of(kind), hour, hour + 1, 2.0).as_json() for kind in sorted(kinds)]
    async with field.db.write(field.principal) as scope:
        await scope.tx.execute("UPDATE tenants SET travel_time_factors = $2 WHERE id = $1", scope.tenant_id, slow)

    await field.act(0, "COMPLETE", 6)
    assert [(await field.order(name))["eta_at"] for name in "ab"] == [at(11), at(21)]
    await field.act(1, "ARRIVE", 62)
    assert [(await field.order(name))["eta_at"] for name in "ab"] == [at(62), at(62 + 2 + 2 * 8)]
