"""Routes for the tests of the rules: values, made of few words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from doorstep.kernel.ids import new_id
from doorstep.orders.model import TRANSITIONS, Custody, OrderStatus
from doorstep.planning.model import OPEN_STOPS, STOP_TRANSITIONS, RouteStatus, StopKind, StopStatus
from doorstep.tracking.model import FailureReason, StopAct
from doorstep.tracking.model.rules import decide
from doorstep.tracking.model.state import Effects, OrderState, RouteState, StopState

NINE = datetime(2027, 3, 1, 9, tzinfo=UTC)
A, K, OS, S = StopAct, StopKind, OrderStatus, StopStatus


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


ORDER = new_id()
OTHER = new_id()


def order(status: OrderStatus, order_id: UUID = ORDER) -> OrderState:
    aboard = {OS.PICKED_UP, OS.EN_ROUTE_TO_DROPOFF, OS.AT_DROPOFF, OS.ATTEMPT_FAILED, OS.RETURNING}
    return OrderState(order_id, status, Custody.VEHICLE if status in aboard else Custody.DEPOT)


def stop(
    kind: StopKind,
    sequence: int,
    status: StopStatus = S.PENDING,
    orders: Sequence[UUID] = (),
    arrived: float | None = None,
    departed: float | None = None,
    closed: float | None = None,
) -> StopState:
    return StopState(
        new_id(),
        kind,
        status,
        sequence,
        tuple(orders),
        departed_at=None if departed is None else at(departed),
        arrived_at=None if arrived is None else at(arrived),
        closed_at=None if closed is None else at(closed),
    )


def route(
    *stops: StopState, orders: Sequence[OrderState] = (), status: RouteStatus = RouteStatus.IN_PROGRESS
) -> RouteState:
    return RouteState(status, stops, {one.id: one for one in orders})


def started() -> StopState:
    return stop(K.DEPOT_START, 0, S.COMPLETED, arrived=-10, closed=-5)


def act(state: RouteState, target: StopState, what: StopAct, minutes: float = 60, **more: object) -> Effects:
    reason = FailureReason.NOT_HOME if what is A.FAIL else None
    return decide(state, target.id, what, at(minutes), **{"reason": reason, **more})  # type: ignore[arg-type]


def replay(state: RouteState, effects: Effects) -> dict[UUID, list[OrderStatus]]:
    """Every move is legal by the orders' own table, every stop's by planning's; returns each order's way."""
    statuses = {one.id: one.status for one in state.orders.values()}
    ways: dict[UUID, list[OrderStatus]] = {}
    for move in effects.moves:
        assert move.to in TRANSITIONS[statuses[move.order_id]], (statuses[move.order_id], move.to)
        statuses[move.order_id] = move.to
        ways.setdefault(move.order_id, []).append(move.to)
    for order_id in effects.released:
        assert statuses[order_id] is OS.PENDING or OS.PENDING in TRANSITIONS[statuses[order_id]]
        ways.setdefault(order_id, []).append(OS.PENDING)
        statuses[order_id] = OS.PENDING
    stops = {one.id: one.status for one in state.stops}
    for write in effects.stops:
        if write.status is not None:
            assert write.status in STOP_TRANSITIONS[stops[write.stop_id]], (stops[write.stop_id], write.status)
            stops[write.stop_id] = write.status
    assert stops == {one.id: one.status for one in effects.after.stops}
    assert statuses == {one.id: one.status for one in effects.after.orders.values()}
    return ways


ORDER_STATUS = {
    (K.PICKUP, S.PENDING): OS.ASSIGNED,
    (K.PICKUP, S.EN_ROUTE): OS.EN_ROUTE_TO_PICKUP,
    (K.PICKUP, S.ARRIVED): OS.AT_PICKUP,
    (K.RELOAD, S.PENDING): OS.ASSIGNED,
    (K.RELOAD, S.EN_ROUTE): OS.ASSIGNED,
    (K.RELOAD, S.ARRIVED): OS.ASSIGNED,
    (K.DROPOFF, S.PENDING): OS.PICKED_UP,
    (K.DROPOFF, S.EN_ROUTE): OS.EN_ROUTE_TO_DROPOFF,
    (K.DROPOFF, S.ARRIVED): OS.AT_DROPOFF,
}


def standing(kind: StopKind, status: StopStatus) -> tuple[RouteState, StopState]:
    """A route with one stop of the kind in the state, and an order that fits it."""
    known = status is not S.PENDING
    target = stop(
        kind,
        2,
        status,
        [ORDER] if kind in {K.PICKUP, K.DROPOFF, K.RELOAD} else [],
        departed=10 if known else None,
        arrived=20 if status not in {S.PENDING, S.EN_ROUTE} else None,
        closed=30 if status not in OPEN_STOPS else None,
    )
    if kind is K.DEPOT_START:
        dropoff = stop(K.DROPOFF, 3, orders=[ORDER])
        return route(target, dropoff, stop(K.DEPOT_END, 9), orders=[order(OS.ASSIGNED)]), target
    if kind is K.DEPOT_END:
        return route(started(), target), target
    with_end = [
        started(),
        target,
        *([stop(K.DROPOFF, 3, orders=[ORDER])] if kind in {K.PICKUP, K.RELOAD} else []),
        stop(K.DEPOT_END, 9),
    ]
    orders = [order(ORDER_STATUS.get((kind, status), OS.PICKED_UP))] if target.order_ids else []
    return route(*with_end, orders=orders), target
