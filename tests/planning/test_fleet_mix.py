"""Which kind of vehicle goes where follows from what it costs: bicycles take the centre, vans the outside."""

from typing import Any


async def test_bicycles_take_the_centre_and_vans_the_outside(working_world: Any) -> None:
    """A bicycle's hour is cheaper and its kilometre is dearer, since it is half as fast: at doors close together its hour counts, far out its speed.
    Neither has room for all."""
    world = working_world
    near = await world.add_orders(12)
    async with world.writing() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET service_seconds = 300 WHERE tenant_id = $1 AND order_id = ANY($2)",
            scope.tenant_id,
            near,
        )
    far = [
        (await world.add_orders(1, position=(world.center[0] + 0.07, world.center[1] + 0.002 * number)))[0]
        for number in range(6)
    ]
    van = await world.add_shift(
        kind="VAN", cost_fixed_minor=0, cost_per_hour_minor=3600, cost_per_kilometer_minor=10, capacity_items=12
    )
    bike = await world.add_shift(
        kind="BICYCLE", cost_fixed_minor=0, cost_per_hour_minor=2500, cost_per_kilometer_minor=0,
        emissions_grams_per_kilometer=0.0, capacity_items=12,
    )  # fmt: skip

    plan_id = await world.proposed([*near, *far], [van, bike])

    rows = await world.rows(
        "SELECT route.shift_id, link.order_id FROM routes AS route JOIN stops AS stop ON stop.tenant_id = $1 AND stop.route_id = route.id "
        "JOIN stop_orders AS link ON link.tenant_id = $1 AND link.stop_id = stop.id WHERE route.tenant_id = $1 AND route.plan_id = $2 AND stop.kind = 'DROPOFF'",
        plan_id,
    )
    who = {row["order_id"]: row["shift_id"] for row in rows}
    assert [who[order_id] for order_id in far] == [van] * len(far)
    assert [who[order_id] for order_id in near] == [bike] * len(near)
    # Emissions are the van's kilometres alone.
    summary = (await world.plan(plan_id))["summary"]
    vans = [
        row["summary"]
        for row in await world.rows(
            "SELECT shift_id, summary FROM routes WHERE tenant_id = $1 AND plan_id = $2", plan_id
        )
        if row["shift_id"] == van
    ]
    assert summary["emissions_grams"] == round(vans[0]["distance_meters"] / 1000 * 200.0)
