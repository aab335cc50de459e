"""The rules of acts: what the table of acts cannot say."""

import pytest
from tests.tracking.routes import ORDER, OS, OTHER, A, K, S, act, at, order, replay, route, standing, started, stop

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.orders.model import Custody, OrderStatus
from doorstep.planning.model import RouteStatus, StopStatus
from doorstep.tracking.model import AttemptOutcome, FailureReason, StopAct
from doorstep.tracking.model.state import OrderState


@pytest.mark.parametrize(
    "status", [RouteStatus.DRAFT, RouteStatus.COMMITTED, RouteStatus.COMPLETED, RouteStatus.CANCELLED]
)
def test_only_a_running_route_takes_acts(status: RouteStatus) -> None:
    target = stop(K.DROPOFF, 1, orders=[ORDER])
    with pytest.raises(DoorstepError, match=status) as refusal:
        act(route(started(), target, orders=[order(OS.PICKED_UP)], status=status), target, A.DEPART)
    assert refusal.value.code is ProblemCode.ILLEGAL_TRANSITION


# ── the route ───────────────────────────────────────────────────────────────────────────────────────────


def test_completing_the_start_loads_what_is_not_fetched_elsewhere_and_begins_the_route() -> None:
    start, fetch = stop(K.DEPOT_START, 0), stop(K.PICKUP, 1, orders=[OTHER])
    drop = stop(K.DROPOFF, 2, orders=[ORDER, OTHER])
    orders = [order(OS.ASSIGNED), order(OS.ASSIGNED, OTHER)]
    state = route(start, fetch, drop, stop(K.DEPOT_END, 3), orders=orders, status=RouteStatus.DISPATCHED)
    effects = act(state, start, A.COMPLETE)
    assert replay(state, effects) == {ORDER: [OS.PICKED_UP]}
    assert effects.after.orders[ORDER].custody is Custody.VEHICLE
    assert effects.after.status is RouteStatus.IN_PROGRESS
    assert effects.subjects == [ORDER]


@pytest.mark.parametrize("what", [A.DEPART, A.ARRIVE])
def test_coming_to_the_depot_does_not_begin_the_route(what: StopAct) -> None:
    state, start = standing(K.DEPOT_START, S.PENDING)
    dispatched = route(*state.stops, orders=list(state.orders.values()), status=RouteStatus.DISPATCHED)
    assert act(dispatched, start, what).after.status is RouteStatus.DISPATCHED


def test_everything_waits_for_the_start() -> None:
    start, drop = stop(K.DEPOT_START, 0, S.ARRIVED, arrived=0), stop(K.DROPOFF, 1, orders=[ORDER])
    state = route(start, drop, orders=[order(OS.ASSIGNED)])
    for what in (A.DEPART, A.ARRIVE, A.FAIL, A.SKIP):
        with pytest.raises(DoorstepError, match="DEPOT_START"):
            act(state, drop, what)


def test_the_end_waits_for_open_stops_that_have_something_to_do() -> None:
    drop, end = stop(K.DROPOFF, 4, orders=[ORDER]), stop(K.DEPOT_END, 5, S.ARRIVED, arrived=50)
    with pytest.raises(DoorstepError, match="sequence 4"):
        act(route(started(), drop, end, orders=[order(OS.PICKED_UP)]), end, A.COMPLETE)
    state = route(started(), drop, stop(K.BREAK, 4), end, orders=[order(OS.CANCELLED)])
    effects = act(state, end, A.COMPLETE)
    replay(state, effects)
    assert [one.status for one in effects.after.stops] == [S.COMPLETED, S.CANCELLED, S.SKIPPED, S.COMPLETED]
    assert effects.after.status is RouteStatus.COMPLETED


def test_what_is_still_on_board_is_handed_in_at_the_end() -> None:
    failed, returning, delivered, forgotten = (new_id() for _ in range(4))
    orders = [
        order(OS.ATTEMPT_FAILED, failed),
        order(OS.RETURNING, returning),
        OrderState(delivered, OS.DELIVERED, Custody.RECIPIENT),
        order(OS.PICKED_UP, forgotten),
    ]
    end = stop(K.DEPOT_END, 5, S.ARRIVED, arrived=50)
    gone = stop(K.DROPOFF, 1, S.CANCELLED, [failed, returning, delivered, forgotten], closed=40)
    state = route(started(), gone, end, orders=orders)
    effects = act(state, end, A.COMPLETE)
    assert replay(state, effects) == {
        failed: [OS.AWAITING_REATTEMPT],
        returning: [OS.RETURNED],
        forgotten: [OS.ATTEMPT_FAILED, OS.AWAITING_REATTEMPT],
    }
    assert {one.to: one.new_attempt for one in effects.moves}[OS.AWAITING_REATTEMPT]
    assert set(effects.handed_in) == {failed, returning, forgotten}
    assert all(effects.after.orders[one].custody is Custody.DEPOT for one in effects.handed_in)


def test_a_route_without_a_depot_end_is_over_with_its_last_stop() -> None:
    drop = stop(K.DROPOFF, 1, S.ARRIVED, [ORDER], arrived=30)
    state = route(started(), drop, orders=[order(OS.AT_DROPOFF)])
    assert act(state, drop, A.COMPLETE).after.status is RouteStatus.COMPLETED
    effects = act(state, drop, A.FAIL)
    assert replay(state, effects) == {ORDER: [OS.ATTEMPT_FAILED, OS.AWAITING_REATTEMPT]}
    assert effects.after.status is RouteStatus.COMPLETED


# ── going from stop to stop ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", [A.DEPART, A.ARRIVE])
@pytest.mark.parametrize(
    ("left", "status", "back"),
    [
        (S.EN_ROUTE, OS.EN_ROUTE_TO_DROPOFF, [OS.PICKED_UP]),
        (S.ARRIVED, OS.AT_DROPOFF, [OS.EN_ROUTE_TO_DROPOFF, OS.PICKED_UP]),
    ],
)
def test_turning_to_another_stop_leaves_the_first_one(
    what: StopAct, left: StopStatus, status: OrderStatus, back: list[OrderStatus]
) -> None:
    first, second = stop(K.DROPOFF, 1, left, [ORDER], departed=10), stop(K.DROPOFF, 2, orders=[OTHER])
    state = route(started(), first, second, stop(K.DEPOT_END, 3), orders=[order(status), order(OS.PICKED_UP, OTHER)])
    effects = act(state, second, what)
    assert replay(state, effects)[ORDER] == back
    assert effects.after.stop(first.id).status is S.PENDING
    assert sum(one.status in {S.EN_ROUTE, S.ARRIVED} for one in effects.after.stops) == 1


def test_an_order_on_its_way_to_a_pickup_that_is_left_keeps_its_state() -> None:
    first, second = stop(K.PICKUP, 1, S.ARRIVED, [ORDER], arrived=10), stop(K.DROPOFF, 2, orders=[OTHER])
    state = route(started(), first, second, orders=[order(OS.AT_PICKUP), order(OS.PICKED_UP, OTHER)])
    effects = act(state, second, A.DEPART)
    assert ORDER not in replay(state, effects)
    again = act(effects.after, first, A.ARRIVE, 70)
    assert ORDER not in replay(effects.after, again)
    assert replay(again.after, act(again.after, first, A.COMPLETE, 71))[ORDER] == [OS.PICKED_UP]


@pytest.mark.parametrize("what", [A.DEPART, A.ARRIVE])
def test_nobody_drives_to_a_recipient_without_the_goods(what: StopAct) -> None:
    fetch, bring = stop(K.PICKUP, 1, orders=[ORDER]), stop(K.DROPOFF, 2, orders=[ORDER])
    with pytest.raises(DoorstepError, match="not on board"):
        act(route(started(), fetch, bring, orders=[order(OS.ASSIGNED)]), bring, what)


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reason", list(FailureReason))
def test_what_was_refused_or_damaged_gets_no_second_try(reason: FailureReason) -> None:
    state, target = standing(K.DROPOFF, S.ARRIVED)
    way = replay(state, act(state, target, A.FAIL, reason=reason))[ORDER]
    back = reason in {FailureReason.REFUSED, FailureReason.DAMAGED}
    assert way == ([OS.ATTEMPT_FAILED, OS.RETURNING] if back else [OS.ATTEMPT_FAILED])


def test_failing_needs_a_reason() -> None:
    state, target = standing(K.DROPOFF, S.ARRIVED)
    with pytest.raises(DoorstepError) as refusal:
        act(state, target, A.FAIL, reason=None)
    assert (refusal.value.code, refusal.value.path) == (ProblemCode.REQUIRED, ["reason"])


def test_some_of_a_stops_orders_are_handed_over_and_the_rest_fails() -> None:
    drop = stop(K.DROPOFF, 1, S.ARRIVED, [ORDER, OTHER], arrived=10)
    state = route(started(), drop, stop(K.DEPOT_END, 2), orders=[order(OS.AT_DROPOFF), order(OS.AT_DROPOFF, OTHER)])
    half = act(state, drop, A.COMPLETE, order_ids=[OTHER])
    assert replay(state, half) == {OTHER: [OS.DELIVERED]}
    assert half.after.stop(drop.id).status is S.ARRIVED
    assert half.attempts == {OTHER: AttemptOutcome.DELIVERED}
    rest = act(half.after, drop, A.FAIL)
    assert replay(half.after, rest) == {ORDER: [OS.ATTEMPT_FAILED]}
    assert rest.after.stop(drop.id).status is S.COMPLETED


def test_what_is_missing_at_the_depot_fails_alone() -> None:
    start, first, second = (
        stop(K.DEPOT_START, 0),
        stop(K.DROPOFF, 1, orders=[ORDER]),
        stop(K.DROPOFF, 2, orders=[OTHER]),
    )
    state = route(start, first, second, stop(K.DEPOT_END, 3), orders=[order(OS.ASSIGNED), order(OS.ASSIGNED, OTHER)])
    half = act(state, start, A.COMPLETE, order_ids=[ORDER])
    assert half.after.stop(start.id).status is S.ARRIVED
    rest = act(half.after, start, A.FAIL, reason=FailureReason.MISSING_ITEMS)
    assert replay(half.after, rest) == {OTHER: [OS.ATTEMPT_FAILED, OS.PENDING]}
    assert rest.after.stop(start.id).status is S.COMPLETED
    assert rest.after.stop(second.id).status is S.CANCELLED
    assert rest.after.stop(first.id).status is S.PENDING


@pytest.mark.parametrize("what", [A.COMPLETE, A.FAIL])
def test_an_act_names_only_orders_that_are_at_the_stop(what: StopAct) -> None:
    state, target = standing(K.DROPOFF, S.ARRIVED)
    with pytest.raises(DoorstepError) as refusal:
        act(state, target, what, order_ids=[OTHER])
    assert (refusal.value.code, refusal.value.path) == (ProblemCode.NOT_FOUND, ["orderIds", "0"])
    done = stop(K.DROPOFF, 1, S.ARRIVED, [ORDER, OTHER], arrived=10)
    state = route(started(), done, orders=[order(OS.AT_DROPOFF), order(OS.DELIVERED, OTHER)])
    with pytest.raises(DoorstepError) as refusal:
        act(state, done, what, order_ids=[OTHER])
    assert refusal.value.code is ProblemCode.ILLEGAL_TRANSITION


def test_a_failed_pickup_cancels_the_dropoff_that_nobody_else_needs() -> None:
    fetch = stop(K.PICKUP, 1, S.ARRIVED, [ORDER], arrived=10)
    alone, shared = stop(K.DROPOFF, 2, orders=[ORDER]), stop(K.DROPOFF, 3, orders=[ORDER, OTHER])
    state = route(
        started(), fetch, alone, shared, stop(K.DEPOT_END, 4), orders=[order(OS.AT_PICKUP), order(OS.PICKED_UP, OTHER)]
    )
    effects = act(state, fetch, A.FAIL)
    replay(state, effects)
    assert [one.status for one in effects.after.stops] == [S.COMPLETED, S.FAILED, S.CANCELLED, S.PENDING, S.PENDING]


def test_skipping_with_goods_on_board_puts_the_stop_last_but_before_the_depot() -> None:
    first, second = stop(K.DROPOFF, 1, S.ARRIVED, [ORDER], arrived=10), stop(K.DROPOFF, 2, orders=[OTHER])
    end = stop(K.DEPOT_END, 3)
    state = route(started(), first, second, end, orders=[order(OS.AT_DROPOFF), order(OS.PICKED_UP, OTHER)])
    effects = act(state, first, A.SKIP)
    replay(state, effects)
    assert [one.id for one in effects.after.stops][1:] == [second.id, first.id, end.id]
    assert [one.sequence for one in effects.after.stops] == [0, 1, 2, 3]


def test_skipping_takes_only_what_is_not_on_board_off_the_route() -> None:
    fetch = stop(K.PICKUP, 1, orders=[OTHER])
    drop = stop(K.DROPOFF, 2, orders=[ORDER, OTHER])
    state = route(started(), fetch, drop, stop(K.DEPOT_END, 3), orders=[order(OS.PICKED_UP), order(OS.ASSIGNED, OTHER)])
    effects = act(state, drop, A.SKIP)
    assert effects.released == [OTHER]
    assert effects.after.stop(fetch.id).status is S.CANCELLED
    assert effects.after.stop(drop.id).status is S.PENDING


@pytest.mark.parametrize(
    ("status", "becomes", "gone"),
    [
        (S.PENDING, S.CANCELLED, OS.CANCELLED),
        (S.EN_ROUTE, S.CANCELLED, OS.CANCELLED),
        (S.ARRIVED, S.COMPLETED, OS.CANCELLED),
        (S.PENDING, S.CANCELLED, OS.RETURNING),
        (S.EN_ROUTE, S.CANCELLED, OS.RETURNING),
    ],
)
def test_a_stop_whose_orders_were_all_cancelled_completes_at_any_time(
    status: StopStatus, becomes: StopStatus, gone: OrderStatus
) -> None:
    drop = stop(K.DROPOFF, 1, status, [ORDER])
    state = route(started(), drop, stop(K.DEPOT_END, 2), orders=[order(gone)])
    effects = act(state, drop, A.COMPLETE)
    assert replay(state, effects) == {}
    assert effects.after.stop(drop.id).status is becomes
    with pytest.raises(DoorstepError):
        act(state, drop, A.FAIL)


def test_at_the_door_the_driver_is_told_that_the_goods_go_back() -> None:
    drop = stop(K.DROPOFF, 1, S.ARRIVED, [ORDER])
    state = route(started(), drop, stop(K.DEPOT_END, 2), orders=[order(OS.RETURNING)])
    with pytest.raises(DoorstepError, match="RETURNING"):
        act(state, drop, A.COMPLETE)


# ── late acts ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_arrival_reported_after_the_next_departure_only_fills_in_its_time() -> None:
    first, second = stop(K.DROPOFF, 1, S.PENDING, [ORDER]), stop(K.DROPOFF, 2, S.EN_ROUTE, [OTHER], departed=30)
    state = route(started(), first, second, orders=[order(OS.PICKED_UP), order(OS.EN_ROUTE_TO_DROPOFF, OTHER)])
    effects = act(state, first, A.ARRIVE, 20)
    assert effects.nothing
    assert effects.after.stop(first.id).arrived_at == at(20)
    assert effects.after.stop(second.id) == second


def test_a_late_report_about_a_closed_stop_changes_nothing_but_a_new_one_is_refused() -> None:
    done = stop(K.DROPOFF, 1, S.COMPLETED, [ORDER], arrived=20, closed=30)
    state = route(started(), done, stop(K.DEPOT_END, 2), orders=[order(OS.DELIVERED)])
    for what in (A.DEPART, A.ARRIVE):
        assert act(state, done, what, 15).nothing
        with pytest.raises(DoorstepError):
            act(state, done, what, 31)
    for what in (A.COMPLETE, A.FAIL, A.SKIP):
        with pytest.raises(DoorstepError):
            act(state, done, what, 15)


def test_an_outcome_counts_when_the_driver_was_there_at_that_time() -> None:
    left = stop(K.DROPOFF, 1, S.PENDING, [ORDER], departed=5, arrived=20)
    under_way = stop(K.DROPOFF, 2, S.EN_ROUTE, [OTHER], departed=30)
    state = route(started(), left, under_way, orders=[order(OS.PICKED_UP), order(OS.EN_ROUTE_TO_DROPOFF, OTHER)])
    effects = act(state, left, A.COMPLETE, 25)
    assert replay(state, effects) == {ORDER: [OS.AT_DROPOFF, OS.DELIVERED]}
    assert effects.after.stop(left.id).arrived_at == at(20)
    assert effects.after.stop(left.id).closed_at == at(25)
    assert effects.after.stop(under_way.id) == under_way
    for never_there in (15, 31):
        with pytest.raises(DoorstepError):
            act(state, left, A.COMPLETE, never_there)


def test_a_late_outcome_of_some_orders_leaves_one_stop_under_way() -> None:
    left = stop(K.DROPOFF, 1, S.PENDING, [ORDER, OTHER], arrived=20)
    under_way = stop(K.BREAK, 2, S.ARRIVED, arrived=30)
    state = route(started(), left, under_way, orders=[order(OS.PICKED_UP), order(OS.PICKED_UP, OTHER)])
    effects = act(state, left, A.COMPLETE, 25, order_ids=[ORDER])
    replay(state, effects)
    assert effects.after.stop(left.id).status is S.PENDING
    assert effects.after.stop(under_way.id).status is S.ARRIVED
