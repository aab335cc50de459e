"""What an act does: the rules of stops, as a pure function from a route and an act to its effects.

``ACTS`` says as data which act fits which stop in which state. What it cannot say:

- Everything on a route waits until DEPOT_START is done, and DEPOT_END until no other stop waits.
- One stop at a time is under way: to set off for, or to arrive at, another stop puts the former one back to PENDING, and its goods back to
  PICKED_UP. Orders on their way to a pickup keep their state: nothing leads back from it.
- COMPLETE and FAIL may be about some of a stop's orders; the stop closes when none is left: COMPLETED if any was served, else FAILED.
- FAIL with goods on board: ATTEMPT_FAILED, and the goods stay on board until DEPOT_END (or the route's end): there they are AWAITING_REATTEMPT in
  the depot's custody. What was REFUSED or DAMAGED gets no second try: it is RETURNING at once, and RETURNED at the depot.
- FAIL before the pickup: ATTEMPT_FAILED, then PENDING and off the route.
- SKIP: what is not yet on board is PENDING and off the route; a stop with goods on board for it goes last.
- RELOAD is where the vehicle loads its next tour: what is to be brought afterwards waits for it, as at a pickup; what came back is handed in.
- A stop with no live order left (all were cancelled) may be completed at any time: COMPLETED where the driver is, else CANCELLED. A stop that an act
  emptied is CANCELLED.
- Late acts, older than what is known, are merged: DEPART and ARRIVE only fill in the instant, COMPLETE counts if the driver was there at that time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.orders.model import Custody, OrderStatus
from doorstep.planning.model import RouteStatus, StopKind, StopStatus
from doorstep.tracking.errors import IllegalAct
from doorstep.tracking.model.state import (
    ABOARD,
    ACTIVE_STOPS,
    AWAITED,
    COMING_BACK,
    Draft,
    Effects,
    RouteState,
    StopState,
)
from doorstep.tracking.model.tables import AttemptOutcome, FailureReason, StopAct

_A, _K, _O, _S = StopAct, StopKind, OrderStatus, StopStatus

_AT_A_DOOR: dict[StopStatus, frozenset[StopAct]] = {
    _S.PENDING: frozenset({_A.DEPART, _A.ARRIVE, _A.FAIL, _A.SKIP}),
    _S.EN_ROUTE: frozenset({_A.ARRIVE, _A.FAIL, _A.SKIP}),
    _S.ARRIVED: frozenset({_A.COMPLETE, _A.FAIL, _A.SKIP}),
}
ACTS: dict[StopKind, dict[StopStatus, frozenset[StopAct]]] = {
    # A driver begins the day at the depot: completing DEPOT_START says that they are there.
    _K.DEPOT_START: {
        _S.PENDING: frozenset({_A.DEPART, _A.ARRIVE, _A.COMPLETE, _A.FAIL}),
        _S.EN_ROUTE: frozenset({_A.ARRIVE, _A.COMPLETE, _A.FAIL}),
        _S.ARRIVED: frozenset({_A.COMPLETE, _A.FAIL}),
    },
    _K.PICKUP: _AT_A_DOOR,
    _K.DROPOFF: _AT_A_DOOR,
    _K.BREAK: {
        _S.PENDING: frozenset({_A.DEPART, _A.ARRIVE, _A.SKIP}),
        _S.EN_ROUTE: frozenset({_A.ARRIVE, _A.SKIP}),
        _S.ARRIVED: frozenset({_A.COMPLETE, _A.SKIP}),
    },
    _K.RELOAD: _AT_A_DOOR,
    _K.DEPOT_END: {
        _S.PENDING: frozenset({_A.DEPART, _A.ARRIVE}),
        _S.EN_ROUTE: frozenset({_A.ARRIVE}),
        _S.ARRIVED: frozenset({_A.COMPLETE}),
    },
}
"""For each kind of stop and each open state the acts that fit; a closed stop has none."""

DOORS = frozenset({_K.PICKUP, _K.DROPOFF})
LOADS_OR_SERVES = DOORS | {_K.RELOAD}
NO_SECOND_TRY = frozenset({FailureReason.REFUSED, FailureReason.DAMAGED})
"""Failures after which the goods go back instead of being tried again."""

RUNNING_ROUTES = frozenset({RouteStatus.DISPATCHED, RouteStatus.IN_PROGRESS})


def decide(
    route: RouteState,
    stop_id: UUID,
    act: StopAct,
    at: datetime,
    *,
    reason: FailureReason | None = None,
    order_ids: Sequence[UUID] | None = None,
) -> Effects:
    """The effects of an act at instant ``at`` (UTC, device clock); raises a refusal when it does not fit.

    ``order_ids`` narrows COMPLETE and FAIL to some of the stop's orders; ``reason`` is given for FAIL.
    """
    if route.status not in RUNNING_ROUTES:
        raise IllegalAct(f"The route is {route.status}: acts need a route that is DISPATCHED or IN_PROGRESS.")
    stop, draft = route.stop(stop_id), Draft(route, at)
    if _superseded(route, stop, act, at):
        draft.note_time(stop, "departed_at" if act is _A.DEPART else "arrived_at")
        return draft.effects
    _refuse_unfit(route, stop, act, at)
    _HANDLERS[act](draft, stop, _chosen(route, stop, order_ids), reason)
    _settle_route(draft, stop, act)
    return draft.effects


def allowed_acts(route: RouteState, stop: StopState) -> frozenset[StopAct]:
    """The acts that fit the stop as it stands."""
    acts = ACTS[stop.kind].get(stop.status, frozenset())
    if acts and stop.kind in LOADS_OR_SERVES and not route.live_orders(stop):
        return (acts - {_A.FAIL}) | {_A.COMPLETE}
    return acts


def _superseded(route: RouteState, stop: StopState, act: StopAct, at: datetime) -> bool:
    """Whether a report of where the driver was is older than what is known since."""
    if act not in {_A.DEPART, _A.ARRIVE}:
        return False
    if not stop.is_open:
        return stop.closed_at is not None and at <= stop.closed_at
    return route.moved_at is not None and at < route.moved_at


def _was_here(route: RouteState, stop: StopState, at: datetime) -> bool:
    """Whether the driver was at this stop at ``at`` and has left it since, as far as is known."""
    left = route.moved_at is not None and at < route.moved_at
    return left and stop.arrived_at is not None and stop.arrived_at <= at


def _refuse_unfit(route: RouteState, stop: StopState, act: StopAct, at: datetime) -> None:
    allowed = allowed_acts(route, stop)
    late_outcome = act is _A.COMPLETE and stop.is_open and _was_here(route, stop, at)
    if act not in allowed and not late_outcome:
        listed = ", ".join(sorted(allowed)) or "none"
        raise IllegalAct(f"{act} does not fit a {stop.kind} stop that is {stop.status}. Allowed now: {listed}.")
    start = next((one for one in route.stops if one.kind is _K.DEPOT_START and one.is_open), None)
    if start is not None and start.id != stop.id:
        raise IllegalAct("The DEPOT_START stop of this route is still open: complete it first.")
    if stop.kind is _K.DEPOT_END and act is _A.COMPLETE:
        _refuse_open_doors(route)


def _refuse_open_doors(route: RouteState) -> None:
    waiting = [one for one in route.stops if one.kind in DOORS and one.is_open and route.live_orders(one)]
    if waiting:
        places = ", ".join(str(one.sequence) for one in waiting[:10])
        raise IllegalAct(f"Stops are still open (sequence {places}): complete, fail or skip them first.")


def _chosen(route: RouteState, stop: StopState, order_ids: Sequence[UUID] | None) -> list[UUID]:
    """The live orders that the act is about; raises when one that was named is not among them."""
    live = route.live_orders(stop)
    if order_ids is None:
        return live
    for index, order_id in enumerate(order_ids):
        if order_id in live:
            continue
        known = stop.order_ids if stop.kind is not _K.DEPOT_START else tuple(route.orders)
        if order_id not in known:
            raise DoorstepError(ProblemCode.NOT_FOUND, "This stop has no such order.", ["orderIds", index])
        raise IllegalAct(
            f"This order is {route.orders[order_id].status}: there is nothing to do here.", ["orderIds", index]
        )
    return list(order_ids)


# ── DEPART, ARRIVE ──────────────────────────────────────────────────────────────────────────────────────


def _depart(draft: Draft, stop: StopState, chosen: list[UUID], _reason: FailureReason | None) -> None:
    _refuse_without_goods(draft.route, stop, chosen)
    _leave_others(draft, stop)
    draft.set_stop(stop, _S.EN_ROUTE)
    _lead(draft, stop, chosen, {_O.ASSIGNED: _O.EN_ROUTE_TO_PICKUP}, {_O.PICKED_UP: _O.EN_ROUTE_TO_DROPOFF})


def _arrive(draft: Draft, stop: StopState, chosen: list[UUID], _reason: FailureReason | None) -> None:
    _refuse_without_goods(draft.route, stop, chosen)
    _leave_others(draft, stop)
    draft.set_stop(stop, _S.ARRIVED)
    _lead(
        draft,
        stop,
        chosen,
        {_O.ASSIGNED: _O.AT_PICKUP, _O.EN_ROUTE_TO_PICKUP: _O.AT_PICKUP},
        {_O.PICKED_UP: _O.AT_DROPOFF, _O.EN_ROUTE_TO_DROPOFF: _O.AT_DROPOFF},
    )


def _lead(
    draft: Draft,
    stop: StopState,
    orders: list[UUID],
    to_pickup: dict[OrderStatus, OrderStatus],
    to_dropoff: dict[OrderStatus, OrderStatus],
) -> None:
    """Let the orders follow the vehicle; those that are further on already, or not yet on board, stay."""
    steps = {_K.PICKUP: to_pickup, _K.DROPOFF: to_dropoff}.get(stop.kind, {})
    for order_id in orders:
        following = steps.get(draft.route.orders[order_id].status)
        if following is not None:
            draft.move(order_id, following)


def _refuse_without_goods(route: RouteState, stop: StopState, live: list[UUID]) -> None:
    if stop.kind is _K.DROPOFF and live and not any(route.orders[one].status in ABOARD for one in live):
        raise IllegalAct(
            "The orders of this stop are not on board yet: complete the stop where they are picked up or loaded first."
        )


def _leave_others(draft: Draft, stop: StopState) -> None:
    """The driver turns to this stop: whichever was under way is left without an outcome."""
    for other in draft.route.stops:
        if other.id != stop.id and other.status in ACTIVE_STOPS:
            draft.set_stop(other, _S.PENDING)
            _take_along(draft, other)


def _take_along(draft: Draft, stop: StopState) -> None:
    for order_id in draft.route.live_orders(stop) if stop.kind is _K.DROPOFF else ():
        status = draft.route.orders[order_id].status
        if status is _O.AT_DROPOFF:
            draft.move(order_id, _O.EN_ROUTE_TO_DROPOFF, _O.PICKED_UP)
        elif status is _O.EN_ROUTE_TO_DROPOFF:
            draft.move(order_id, _O.PICKED_UP)


# ── COMPLETE, FAIL, SKIP ────────────────────────────────────────────────────────────────────────────────


def _complete(draft: Draft, stop: StopState, chosen: list[UUID], _reason: FailureReason | None) -> None:
    if stop.kind is _K.DROPOFF and stop.status is _S.ARRIVED and not chosen and _going_back(draft.route, stop):
        raise IllegalAct(
            "What was to be delivered here was cancelled and is RETURNING: keep it on board until the depot."
        )
    if stop.kind in LOADS_OR_SERVES and not chosen and stop.status is not _S.ARRIVED:
        draft.set_stop(stop, _S.CANCELLED)
        return
    if stop.kind is _K.DROPOFF:
        _deliver(draft, chosen)
    else:
        for order_id in chosen:
            draft.move(order_id, _O.PICKED_UP, custody=Custody.VEHICLE)
        draft.effects.subjects = chosen
    if stop.kind is _K.RELOAD:
        _hand_in_all(draft, COMING_BACK)
    closes = not draft.route.live_orders(stop)
    if stop.status is not _S.ARRIVED and (closes or stop.kind is _K.DEPOT_START):
        # Either the driver begins here without saying so, or was here and has left since.
        draft.set_stop(stop, _S.ARRIVED, timed=stop.arrived_at is None)
    _close_if_done(draft, stop, served=True)


def _going_back(route: RouteState, stop: StopState) -> bool:
    return any(route.orders[one].status is _O.RETURNING for one in stop.order_ids if one in route.orders)


def _deliver(draft: Draft, chosen: list[UUID]) -> None:
    orders = draft.route.orders
    aboard = [one for one in chosen if orders[one].status in ABOARD]
    if chosen and not aboard:
        raise IllegalAct(
            "The orders of this stop are not on board yet: complete the stop where they are picked up or loaded first."
        )
    for order_id in aboard:
        path = (_O.DELIVERED,) if orders[order_id].status is _O.AT_DROPOFF else (_O.AT_DROPOFF, _O.DELIVERED)
        draft.move(order_id, *path, custody=Custody.RECIPIENT)
        draft.effects.attempts[order_id] = AttemptOutcome.DELIVERED
    draft.effects.subjects = aboard


def _fail(draft: Draft, stop: StopState, chosen: list[UUID], reason: FailureReason | None) -> None:
    if reason is None:
        raise DoorstepError(ProblemCode.REQUIRED, "Say why it failed.", ["reason"])
    for order_id in chosen:
        if draft.route.orders[order_id].status in AWAITED:
            draft.move(order_id, _O.ATTEMPT_FAILED, reason=reason)
            draft.release(order_id)
        else:
            goes_back = (_O.RETURNING,) if reason in NO_SECOND_TRY else ()
            draft.move(order_id, _O.ATTEMPT_FAILED, *goes_back, reason=reason)
        draft.effects.attempts[order_id] = AttemptOutcome.FAILED
    draft.effects.subjects = chosen
    _close_if_done(draft, stop, served=_served_before(draft.route, stop))
    _cancel_emptied(draft, chosen)


def _skip(draft: Draft, stop: StopState, chosen: list[UUID], _reason: FailureReason | None) -> None:
    off = [one for one in chosen if draft.route.orders[one].status in AWAITED]
    for order_id in off:
        draft.release(order_id)
    if draft.route.live_orders(stop):
        _put_last(draft, stop)
    else:
        draft.set_stop(stop, _S.SKIPPED)
    _cancel_emptied(draft, off)


def _put_last(draft: Draft, stop: StopState) -> None:
    if stop.status in ACTIVE_STOPS:
        draft.set_stop(stop, _S.PENDING)
        _take_along(draft, stop)
    others = [one for one in draft.route.stops if one.id != stop.id]
    before = [one for one in others if one.kind is not _K.DEPOT_END]
    after = [one for one in others if one.kind is _K.DEPOT_END]
    draft.put_in_order([*before, draft.route.stop(stop.id), *after])


def _close_if_done(draft: Draft, stop: StopState, *, served: bool) -> None:
    if not draft.route.live_orders(stop):
        draft.set_stop(stop, _S.COMPLETED if served else _S.FAILED)


def _served_before(route: RouteState, stop: StopState) -> bool:
    """Whether an earlier act of this stop was an outcome for at least one of its orders."""
    if stop.kind is _K.DROPOFF:
        return any(route.orders[one].status is _O.DELIVERED for one in stop.order_ids if one in route.orders)
    ids = tuple(route.orders) if stop.kind is _K.DEPOT_START else stop.order_ids
    return any(route.orders[one].custody is Custody.VEHICLE for one in ids if one in route.orders)


def _cancel_emptied(draft: Draft, released: Sequence[UUID]) -> None:
    """Close the doors that had only orders that this act took off the route."""
    for stop in draft.route.stops:
        touched = stop.is_open and stop.kind in LOADS_OR_SERVES and not set(stop.order_ids).isdisjoint(released)
        if touched and not draft.route.live_orders(stop):
            draft.set_stop(stop, _S.CANCELLED)


# ── the route ───────────────────────────────────────────────────────────────────────────────────────────


def _settle_route(draft: Draft, stop: StopState, act: StopAct) -> None:
    """Begin the route with its first act (coming to the depot is none yet), end it with its last stop."""
    coming = stop.kind is _K.DEPOT_START and act in {_A.DEPART, _A.ARRIVE}
    if draft.route.status is RouteStatus.DISPATCHED and not coming:
        draft.set_route(RouteStatus.IN_PROGRESS)
    at_end = stop.kind is _K.DEPOT_END and act is _A.COMPLETE
    if at_end or all(not one.is_open for one in draft.route.stops):
        _end_route(draft)


def _end_route(draft: Draft) -> None:
    for stop in draft.route.stops:
        if stop.is_open:
            draft.set_stop(stop, _S.SKIPPED if stop.kind is _K.BREAK else _S.CANCELLED)
    _hand_in_all(draft, ABOARD | COMING_BACK)
    draft.set_route(RouteStatus.COMPLETED)


def _hand_in_all(draft: Draft, statuses: frozenset[OrderStatus]) -> None:
    for order_id, order in sorted(draft.route.orders.items()):
        if order.custody is Custody.VEHICLE and order.status in statuses:
            _hand_in(draft, order_id)


def _hand_in(draft: Draft, order_id: UUID) -> None:
    """Goods that are still on board go into the depot's custody."""
    status = draft.route.orders[order_id].status
    if status is _O.RETURNING:
        draft.move(order_id, _O.RETURNED, custody=Custody.DEPOT)
    elif status is _O.ATTEMPT_FAILED:
        draft.move(order_id, _O.AWAITING_REATTEMPT, custody=Custody.DEPOT)
    else:
        draft.move(
            order_id, _O.ATTEMPT_FAILED, _O.AWAITING_REATTEMPT, custody=Custody.DEPOT, reason=FailureReason.NO_TIME
        )
    draft.hand_in(order_id)


_HANDLERS: dict[StopAct, Callable[[Draft, StopState, list[UUID], FailureReason | None], None]] = {
    _A.DEPART: _depart,
    _A.ARRIVE: _arrive,
    _A.COMPLETE: _complete,
    _A.FAIL: _fail,
    _A.SKIP: _skip,
}
