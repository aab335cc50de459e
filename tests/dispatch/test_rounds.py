"""Rounds: which courier gets which of the orders that wait, and which orders wait on."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tests.dispatch.conftest import NORTH, OVERLOADED, SOUTH, Town

from doorstep.identity.service.settings import update_tenant
from doorstep.kernel.scope import Scope
from doorstep.orders.model import OrderStatus, Readiness
from doorstep.orders.service import Move, move_orders, set_order_readiness
from doorstep.places.roads import HourFactor, Profile
from doorstep.planning.model import RouteStatus
from doorstep.planning.service import lock_route, set_route_status, set_stop_locks


async def test_the_nearest_courier_gets_the_order_and_then_the_next_one_on_the_way(town: Town) -> None:
    north, south = await town.courier(NORTH), await town.courier(SOUTH)
    [first] = await town.world.add_orders(1, position=NORTH)
    [other] = await town.world.add_orders(1, position=SOUTH)
    assert await town.round() == 2
    assert await town.whose() == {first: north, other: south}
    [second] = await town.world.add_orders(1, position=(NORTH[0] + 0.001, NORTH[1]))
    assert await town.round() == 1
    assert (await town.whose())[second] == north
    routes = await town.world.rows("SELECT status, plan_id FROM routes WHERE tenant_id = $1")
    assert [(row["status"], row["plan_id"]) for row in routes] == [("DISPATCHED", None)] * 2
    assert await town.round() == 0


async def test_a_courier_with_a_locked_stop_is_given_nothing_until_it_is_unlocked(town: Town) -> None:
    near, far = await town.courier(NORTH), await town.courier(SOUTH)
    [first] = await town.world.add_orders(1, position=NORTH)
    await town.round()
    assert (await town.whose())[first] == near
    stops = await town.world.rows("SELECT id FROM stops WHERE tenant_id = $1 AND kind = 'DROPOFF'")
    await town.world.do(set_stop_locks, [stops[0]["id"]], True)
    [second] = await town.world.add_orders(1, position=(NORTH[0] + 0.001, NORTH[1]))
    await town.round()
    assert (await town.whose())[second] == far
    await town.world.do(set_stop_locks, [stops[0]["id"]], False)
    [third] = await town.world.add_orders(1, position=(NORTH[0] + 0.002, NORTH[1]))
    await town.round()
    assert (await town.whose())[third] == near


async def test_at_the_rush_the_recipient_has_it_later(town: Town) -> None:
    await town.courier(SOUTH)
    [order] = await town.world.add_orders(1, position=NORTH)
    now = datetime.now(UTC)
    [calm] = (await town.decide()).decisions
    async with town.world.db.write(town.principal) as scope:
        await update_tenant(scope, {"travel_time_factors": [HourFactor(Profile.VAN, 0, 24, 3.0)]})
    [slow] = (await town.decide()).decisions
    assert slow.arrivals[order] - now > 2 * (calm.arrivals[order] - now)


async def test_nothing_happens_for_a_tenant_that_has_not_switched_it_on(town: Town) -> None:
    await town.allow(enabled=False)
    await town.courier()
    [order] = await town.world.add_orders(1)
    assert await town.round() == 0
    assert await town.status(order) == "PENDING"


async def test_a_courier_has_no_more_orders_than_it_may_and_no_more_than_its_vehicle_holds(town: Town) -> None:
    small, large = await town.courier(capacity_items=2), await town.courier(capacity_items=50)
    await town.allow(most_orders=4)
    await town.world.add_orders(12)
    for _ in range(3):
        await town.round()
    held = Counter((await town.whose()).values())
    assert held[small] <= 2
    assert held[large] == 4
    assert await town.world.rows(OVERLOADED) == []


async def test_frozen_goods_wait_for_the_courier_with_a_freezer_and_no_more_than_fits_in(town: Town) -> None:
    box = {"name": "frozen", "weight_grams": None, "volume_cubic_centimeters": None, "items": 2}
    await town.courier(NORTH)
    cold = await town.courier(SOUTH, compartments=[box])
    frozen = await town.world.add_orders(3, position=NORTH, compartments={"frozen": [500, 1000, 1]})
    await town.round()
    await town.round()
    whose = await town.whose()
    assert [whose[one] for one in frozen if one in whose] == [cold, cold], "the nearest has none"
    assert len(whose) == 2


async def test_what_is_not_ready_waits_and_what_is_late_goes_all_the_same(town: Town) -> None:
    await town.courier()
    now = datetime.now(UTC)
    [unready], [soon], [held], [later] = [await town.world.add_orders(1, pickup=True) for _ in range(4)]
    await town.world.do(set_order_readiness, unready, Readiness.NOT_READY)
    await town.world.do(set_order_readiness, soon, Readiness.PREPARING, now + timedelta(minutes=2))
    await town.world.do(set_order_readiness, held, Readiness.PREPARING, now + timedelta(minutes=50))
    await town.world.do(set_order_readiness, later, Readiness.PREPARING, now + timedelta(hours=3))
    passed = {"start": (now - timedelta(hours=2)).isoformat(), "end": (now - timedelta(hours=1)).isoformat()}
    [late] = await town.world.add_orders(1, windows=[passed])
    await town.round()
    await town.round()
    assert set(await town.whose()) == {soon, late}
    [pickup] = await town.world.rows(
        "SELECT planned_service_start FROM stops WHERE tenant_id = $1 AND kind = 'PICKUP' AND status <> 'CANCELLED'"
    )
    assert pickup["planned_service_start"] >= now + timedelta(minutes=2)
    # Nobody need set off for it yet: a round that comes later may find somebody who is nearer by then.
    assert await town.status(held) == "PENDING"


async def finish(scope: Scope, order_id: UUID, shift_id: UUID) -> None:
    """The courier has brought the order and is free again."""
    route_id = await scope.tx.fetchval(
        "SELECT id FROM routes WHERE tenant_id = $1 AND shift_id = $2 AND status = 'DISPATCHED'",
        scope.tenant_id,
        shift_id,
    )
    route, _ = await lock_route(scope, route_id)
    path = [OrderStatus.PICKED_UP, OrderStatus.AT_DROPOFF, OrderStatus.DELIVERED]
    await move_orders(scope, [Move(order_id, status) for status in path])
    await set_route_status(scope, route, RouteStatus.IN_PROGRESS, scope.clock.now())
    route, _ = await lock_route(scope, route_id)
    await set_route_status(scope, route, RouteStatus.COMPLETED, scope.clock.now())


async def test_couriers_at_the_same_place_share_the_work(town: Town) -> None:
    couriers = [await town.courier(), await town.courier(), await town.courier()]
    given: Counter[UUID] = Counter()
    for _ in range(9):
        [order] = await town.world.add_orders(1)
        assert await town.round() == 1
        shift = (await town.whose())[order]
        given[shift] += 1
        await town.world.do(finish, order, shift)
    assert given == dict.fromkeys(couriers, 3)


async def test_a_courier_on_the_road_is_where_its_vehicle_says(town: Town) -> None:
    """Two couriers have left the depot with an order each; the one that has come near to the next pickup gets it."""
    shifts = [await town.courier(), await town.courier()]
    await town.allow(most_orders=1)
    await town.world.add_orders(2, position=(47.16, 9.52))
    assert await town.round() == 2
    await town.allow(most_orders=3)
    await town.world.do(leave)
    vehicles = {
        row["id"]: row["vehicle_id"]
        for row in await town.world.rows("SELECT id, vehicle_id FROM shifts WHERE tenant_id = $1")
    }
    [order] = await town.world.add_orders(1, pickup=True, position=(47.10, 9.50))
    async with town.world.writing() as scope:
        await scope.tx.execute(
            "UPDATE order_waypoints SET latitude = 47.10, longitude = 9.505 WHERE tenant_id = $1 AND order_id = $2 AND role = 'PICKUP'",
            scope.tenant_id,
            order,
        )
        for shift, latitude in zip(shifts, (47.18, 47.101), strict=True):
            await scope.tx.execute(
                "INSERT INTO vehicle_positions (tenant_id, vehicle_id, latitude, longitude, occurred_at, recorded_at) VALUES ($1, $2, $3, 9.505, now(), now())",
                scope.tenant_id,
                vehicles[shift],
                latitude,
            )
    assert await town.round() == 1
    assert (await town.whose())[order] == shifts[1]


async def leave(scope: Scope) -> None:
    """Every courier has loaded and left."""
    routes = await scope.tx.fetch("SELECT id FROM routes WHERE tenant_id = $1", scope.tenant_id)
    for found in routes:
        route, stops = await lock_route(scope, found["id"])
        await set_route_status(scope, route, RouteStatus.IN_PROGRESS, scope.clock.now())
        await move_orders(scope, [Move(one, OrderStatus.PICKED_UP) for one in stops[0]["order_ids"]])
        await scope.tx.execute(
            "UPDATE stops SET status = 'COMPLETED', closed_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            stops[0]["id"],
        )


async def reported(scope: Scope, shift_id: UUID, latitude: float) -> None:
    """The courier's shift ends anywhere, and its vehicle has said where it stands."""
    vehicle = await scope.tx.fetchval(
        "UPDATE shifts SET returns_to_depot = false WHERE tenant_id = $1 AND id = $2 RETURNING vehicle_id",
        scope.tenant_id,
        shift_id,
    )
    await scope.tx.execute(
        "INSERT INTO vehicle_positions (tenant_id, vehicle_id, latitude, longitude, occurred_at, recorded_at) "
        "VALUES ($1, $2, $3, 9.505, now() - interval '20 minutes', now())",
        scope.tenant_id,
        vehicle,
        latitude,
    )


async def test_a_courier_with_nothing_to_do_waits_where_it_is(town: Town) -> None:
    far, near = await town.courier(), await town.courier()
    await town.world.do(reported, far, 47.30)
    await town.world.do(reported, near, 47.101)
    for _ in range(2):
        [order] = await town.world.add_orders(1, pickup=True, position=(47.10, 9.505))
        async with town.world.writing() as scope:
            await scope.tx.execute(
                "UPDATE order_waypoints SET latitude = 47.10, longitude = 9.505 WHERE tenant_id = $1 AND order_id = $2 AND role = 'PICKUP'",
                scope.tenant_id,
                order,
            )
        assert await town.round() == 1
        assert (await town.whose())[order] == near
        stops = await town.world.rows(
            "SELECT kind, latitude, depot_id, leg_seconds FROM stops WHERE tenant_id = $1 AND status <> 'CANCELLED' ORDER BY sequence"
        )
        # The way to the first pickup is that from where the courier stands, also when the second order comes before it has left.
        assert (stops[0]["kind"], stops[0]["latitude"], stops[0]["depot_id"]) == ("DEPOT_START", 47.101, None)
        assert (stops[1]["kind"], stops[1]["leg_seconds"] < 60) == ("PICKUP", True)
    # Goods that lie at the depot are loaded there, by whoever has not left it for the road.
    [loaded] = await town.world.add_orders(1)
    assert await town.round() == 1
    assert (await town.whose())[loaded] == far


async def test_an_offer_that_was_taken_back_is_no_refusal_for_long(town: Town) -> None:
    shift = await town.courier()
    await town.allow(offer_seconds=60)
    [order] = await town.world.add_orders(1)
    for state, age, asked in (("WITHDRAWN", 10, 0), ("WITHDRAWN", 40, 1), ("EXPIRED", 40, 0), ("DECLINED", 700, 1)):
        await town.world.do(let_pass, order, shift, state, age)
        assert len((await town.decide()).decisions) == asked, (state, age)


async def let_pass(scope: Scope, order_id: UUID, shift_id: UUID, state: str, age: int) -> None:
    await scope.tx.execute("DELETE FROM dispatch_offers WHERE tenant_id = $1", scope.tenant_id)
    await scope.tx.execute(
        "INSERT INTO dispatch_offers (tenant_id, id, version, order_id, shift_id, driver_id, state, arrives_at, expires_at, updated_at) "
        "SELECT $1, gen_random_uuid(), 1, $2, $3, driver_id, $4, now(), now(), now() - make_interval(secs => $5) "
        "FROM shifts WHERE tenant_id = $1 AND id = $3",
        scope.tenant_id, order_id, shift_id, state, float(age),
    )  # fmt: skip
