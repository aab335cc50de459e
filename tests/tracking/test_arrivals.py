"""After each act the orders and stops ahead are expected anew, and whoever needs to know is told."""

from typing import Any


async def test_a_delay_is_told_once_it_is_more_than_two_minutes(dispatch: Any, kit: Any) -> None:
    field = await dispatch(
        [
            kit.Stop("DEPOT_START", ["a", "b", "c"], 0, 5),
            kit.Stop("DROPOFF", ["a"], 10),
            kit.Stop("DROPOFF", ["b"], 20),
            kit.Stop("DROPOFF", ["c"], 30),
            kit.Stop("DEPOT_END", [], 40, 0),
        ],
        {"b": kit.Goods(window=(0, 22)), "c": kit.Goods(window=(33, 60))},
    )

    async def told() -> list[tuple[str, str, int]]:
        names = {order_id: name for name, order_id in field.orders.items()}
        rows = [row for row in await field.events() if row["type"] == "OrderEtaChanged"]
        return [(names[row["order_id"]], row["data"]["at"], row["data"]["late_by_seconds"]) for row in rows]

    await field.act(0, "COMPLETE", 5)
    first = await told()
    assert first == [(name, kit.at(minute).isoformat(), 0) for name, minute in (("a", 10), ("b", 20), ("c", 30))]

    await field.act(1, "DEPART", 6)
    assert await told() == first, "a minute is not worth telling"
    assert (await field.order("b"))["eta_at"] == kit.at(21)

    await field.act(1, "ARRIVE", 16)
    assert (await told())[3:] == [
        ("a", kit.at(16).isoformat(), 0),
        ("b", kit.at(26).isoformat(), 240),
        ("c", kit.at(36).isoformat(), 0),
    ]
    await field.act(1, "COMPLETE", 17)
    b, c = await field.order("b"), await field.order("c")
    assert (b["eta_at"], b["eta_late_by_seconds"], b["eta_stops_before"]) == (kit.at(25), 180, 0)
    assert (c["eta_at"], c["eta_stops_before"]) == (kit.at(35), 1)
    stops = await field.fetch("SELECT eta_at FROM stops WHERE tenant_id = $1 ORDER BY sequence")
    assert [row["eta_at"] for row in stops][2:] == [kit.at(25), kit.at(35), kit.at(45)]


async def test_who_is_off_the_route_is_not_expected(dispatch: Any, kit: Any) -> None:
    field = await dispatch(
        [kit.Stop("DEPOT_START", ["a"], 0, 5), kit.Stop("DROPOFF", ["a"], 10), kit.Stop("DEPOT_END", [], 20)]
    )
    await field.act(0, "COMPLETE", 5)
    assert (await field.order("a"))["eta_at"] == kit.at(10)
    await field.act(1, "FAIL", 6)
    assert (await field.order("a"))["eta_at"] is None
