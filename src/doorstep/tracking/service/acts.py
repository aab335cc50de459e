"""A driver's act at a stop: judged by the rules, then written with everything that follows from it, in one transaction.

The route is locked first, so that two devices act one after the other and the second sees what the first has done. An act is known by the id
that its device made: reported again, it gets the first answer and changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from doorstep.kernel import jobs
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.idempotency import fingerprint
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import Custody, OrderStatus
from doorstep.orders.service import Move, lock_orders, move_orders
from doorstep.planning.model import CUSTOMER_STOPS, RouteStatus, StopKind, StopStatus
from doorstep.planning.service import (
    REFRESH,
    lock_route_of_stop,
    place_stops,
    release_orders,
    set_route_status,
    write_stop,
)
from doorstep.tracking.errors import ActMismatch, StaleRoute
from doorstep.tracking.model import FailureReason, StopAct, StopActRow
from doorstep.tracking.model.proofs import ProofGiven, check_form
from doorstep.tracking.model.rules import decide
from doorstep.tracking.model.state import Effects, OrderState, RouteState, StopState
from doorstep.tracking.reads import find_act
from doorstep.tracking.service.arrivals import tell_arrivals
from doorstep.tracking.service.showing import keep_attempts, keep_proofs

MAX_ACT_ID = 64
MAX_NOTE = 1000
MAX_LISTED = 250
AHEAD = timedelta(minutes=5)
"""How far a device's clock may be ahead of the tenant's."""

MAX_LATENESS = timedelta(days=7)
"""How late an act may be reported."""

_OUTCOMES = frozenset({StopAct.COMPLETE, StopAct.FAIL})


@dataclass(frozen=True, slots=True)
class DriverAct:
    """An act as the device reported it. ``occurred_at`` is the device's clock, UTC (None: now); ``order_ids`` None: all orders of the stop."""

    stop_id: UUID
    act: StopAct
    act_id: str
    occurred_at: datetime | None = None
    coordinates: Coordinates | None = None
    reason: FailureReason | None = None
    note: str | None = None
    order_ids: tuple[UUID, ...] | None = None
    proofs: tuple[ProofGiven, ...] = ()


async def advance_stop(scope: Scope, act: DriverAct, *, route_version: int | None = None) -> dict[str, Any]:
    """Carry out an act; outcome ``{id: the stop, route, orders}``.

    Refuses without writing anything: a malformed report, NOT_FOUND, STALE_ROUTE (``route_version`` is not the route's), an act that does not fit
    (ILLEGAL_TRANSITION), proofs that are missing (PROOF_REQUIRED) or wrong (PROOF_REJECTED), an act id that was used otherwise.
    """
    scope.require(Permission.TRACKING_WRITE)
    _check_form(act, scope.clock.now())
    route, stops = await lock_route_of_stop(scope, act.stop_id)
    mark = fingerprint(act)
    known = await find_act(scope.tx, scope.tenant_id, act.act_id)
    if known is not None:
        return _repeated(known, mark)
    if route_version is not None and route_version != route["version"]:
        raise StaleRoute(route["version"], act.stop_id, route["id"])
    at = act.occurred_at or scope.clock.now()
    orders = await lock_orders(scope, _orders_of(stops))
    if await _arrives_unreported(scope, act, stops):
        await _arrive(scope, act, at, route, stops, orders)
        route, stops = await lock_route_of_stop(scope, act.stop_id)
        orders = await lock_orders(scope, _orders_of(stops))
    effects = decide(_state(route, stops, orders), act.stop_id, act.act, at, reason=act.reason, order_ids=act.order_ids)
    await _write(scope, act, at, route, effects)
    await _keep(scope, act, at, effects, next(stop for stop in stops if stop["id"] == act.stop_id), orders)
    if not effects.nothing:
        await tell_arrivals(scope, route["shift_id"], stops, effects)
    return await _remember(scope, act, at, mark, route["id"], effects)


def _orders_of(stops: Sequence[Row]) -> set[UUID]:
    return {order_id for stop in stops for order_id in stop["order_ids"]}


async def _arrives_unreported(scope: Scope, act: DriverAct, stops: Sequence[Row]) -> bool:
    """Whether the driver completes a stop on the way to it, and the tenant allows that."""
    stop = next(stop for stop in stops if stop["id"] == act.stop_id)
    if act.act is not StopAct.COMPLETE or stop["status"] != StopStatus.EN_ROUTE or stop["kind"] not in CUSTOMER_STOPS:
        return False
    return bool(await scope.tx.fetchval("SELECT complete_without_arrival FROM tenants WHERE id = $1", scope.tenant_id))


async def _arrive(
    scope: Scope, act: DriverAct, at: datetime, route: Row, stops: Sequence[Row], orders: Mapping[UUID, Row]
) -> None:
    """The arrival that the completion stands for, at the same instant: every state is passed and told."""
    effects = decide(_state(route, stops, orders), act.stop_id, StopAct.ARRIVE, at)
    await _write(scope, DriverAct(act.stop_id, StopAct.ARRIVE, act.act_id, act.occurred_at), at, route, effects)


# ── the report ──────────────────────────────────────────────────────────────────────────────────────────


def _check_form(act: DriverAct, now: datetime) -> None:
    refusals = [*_check_identity(act, now), *_check_reason(act), *_check_orders(act), *check_form(act.proofs)]
    if act.coordinates is not None and not act.coordinates.on_globe():
        said = "Latitude is -90 to 90 degrees, longitude -180 to 180."
        refusals.append(DoorstepError(ProblemCode.INVALID_COORDINATES, said, ["coordinates"]))
    if act.proofs and act.act not in _OUTCOMES:
        said = "Proofs belong to COMPLETE and FAIL."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["proofs"]))
    if len(act.proofs) > MAX_LISTED:
        said = f"At most {MAX_LISTED} proofs at a time."
        refusals.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, said, ["proofs"]))
    if refusals:
        raise Refusals(refusals)


def _check_identity(act: DriverAct, now: datetime) -> list[DoorstepError]:
    refusals: list[DoorstepError] = []
    if not 1 <= len(act.act_id) <= MAX_ACT_ID or not act.act_id.isprintable():
        said = f"An act id is 1 to {MAX_ACT_ID} printable characters that the device makes for each act."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["actId"]))
    if act.occurred_at is not None and act.occurred_at > now + AHEAD:
        said = f"This is in the future: it is {now.isoformat(timespec='seconds')} now. Set the device's clock."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"]))
    if act.occurred_at is not None and act.occurred_at < now - MAX_LATENESS:
        said = f"An act may be reported at most {MAX_LATENESS.days} days late."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["occurredAt"]))
    return refusals


def _check_reason(act: DriverAct) -> list[DoorstepError]:
    refusals: list[DoorstepError] = []
    note = (act.note or "").strip()
    if act.act is StopAct.FAIL and act.reason is None:
        refusals.append(DoorstepError(ProblemCode.REQUIRED, "Say why it failed.", ["reason"]))
    if act.act is not StopAct.FAIL and act.reason is not None:
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, "A reason belongs to FAIL.", ["reason"]))
    if act.reason is FailureReason.OTHER and not note:
        refusals.append(DoorstepError(ProblemCode.REQUIRED, "The reason OTHER needs a note.", ["note"]))
    if len(note) > MAX_NOTE:
        said = f"A note is at most {MAX_NOTE} characters."
        refusals.append(DoorstepError(ProblemCode.INVALID_VALUE, said, ["note"]))
    return refusals


def _check_orders(act: DriverAct) -> list[DoorstepError]:
    if act.order_ids is None:
        return []
    if act.act not in _OUTCOMES:
        return [
            DoorstepError(ProblemCode.INVALID_VALUE, "Only COMPLETE and FAIL can be about some orders.", ["orderIds"])
        ]
    if not 1 <= len(act.order_ids) <= MAX_LISTED or len(set(act.order_ids)) < len(act.order_ids):
        said = f"Name 1 to {MAX_LISTED} different orders, or leave this out for all."
        return [DoorstepError(ProblemCode.INVALID_VALUE, said, ["orderIds"])]
    return []


def _repeated(known: Row, mark: bytes) -> dict[str, Any]:
    if known["fingerprint"] != mark:
        raise ActMismatch
    outcome: dict[str, Any] = known["outcome"]
    return outcome


def _state(route: Row, stops: Sequence[Row], orders: Mapping[UUID, Row]) -> RouteState:
    return RouteState(
        status=RouteStatus(route["status"]),
        stops=tuple(
            StopState(
                id=stop["id"],
                kind=StopKind(stop["kind"]),
                status=StopStatus(stop["status"]),
                sequence=stop["sequence"],
                order_ids=tuple(stop["order_ids"]),
                departed_at=stop["departed_at"],
                arrived_at=stop["arrived_at"],
                closed_at=stop["closed_at"],
            )
            for stop in stops
        ),
        orders={
            order_id: OrderState(order_id, OrderStatus(row["status"]), Custody(row["custody"]))
            for order_id, row in orders.items()
        },
    )


# ── what follows from it ────────────────────────────────────────────────────────────────────────────────


async def _write(scope: Scope, act: DriverAct, at: datetime, route: Row, effects: Effects) -> None:
    """Route, stops and orders, each by the slice that owns it."""
    before, after = RouteStatus(route["status"]), effects.after.status
    if before is RouteStatus.DISPATCHED and after is not before:
        await set_route_status(scope, route, RouteStatus.IN_PROGRESS, at)
    for write in effects.stops:
        await write_stop(
            scope,
            write.stop_id,
            status=write.status,
            departed_at=write.departed_at,
            arrived_at=write.arrived_at,
            closed_at=write.closed_at,
            failure_reason=act.reason if write.status is StopStatus.FAILED else None,
        )
    if effects.places:
        await place_stops(scope, route["id"], effects.places)
    await move_orders(
        scope,
        [
            Move(
                move.order_id,
                move.to,
                move.reason,
                occurred_at=at,
                custody=move.custody,
                route_id=route["id"],
                new_attempt=move.new_attempt,
                depot_id=route["depot_id"] if move.custody is Custody.DEPOT else None,
            )
            for move in effects.moves
        ],
    )
    if effects.released:
        await release_orders(scope, effects.released, to_pending=True)
    if effects.handed_in:
        await release_orders(scope, effects.handed_in, to_pending=False)
    if (effects.places or effects.released) and after is not RouteStatus.COMPLETED:
        await jobs.enqueue(scope, REFRESH, {"route_id": str(route["id"])})
    if after is RouteStatus.COMPLETED:
        running = cast(Row, {**route, "status": RouteStatus.IN_PROGRESS.value})
        await set_route_status(scope, running, RouteStatus.COMPLETED, at)


async def _keep(
    scope: Scope, act: DriverAct, at: datetime, effects: Effects, stop: Row, orders: Mapping[UUID, Row]
) -> None:
    """Proofs and attempts. A wrong or missing proof refuses the whole act: the transaction takes everything back."""
    if act.act in _OUTCOMES:
        delivers = act.act is StopAct.COMPLETE and stop["kind"] == StopKind.DROPOFF
        subjects = [orders[order_id] for order_id in effects.subjects]
        await keep_proofs(scope, subjects, act.proofs, stop, at, act.coordinates, all_required=delivers)
        await keep_attempts(scope, effects.attempts, stop["id"], at, act.reason, act.note)


async def _remember(
    scope: Scope, act: DriverAct, at: datetime, mark: bytes, route_id: UUID, effects: Effects
) -> dict[str, Any]:
    touched = {
        *effects.after.stop(act.stop_id).order_ids,
        *(move.order_id for move in effects.moves),
        *effects.released,
    }
    outcome = {"id": str(act.stop_id), "route": str(route_id), "orders": [str(one) for one in sorted(touched)]}
    kept = await scope.tx.fetchval(
        f"INSERT INTO {StopActRow.__tablename__} (tenant_id, act_id, stop_id, act, fingerprint, occurred_at, recorded_at, outcome) "
        "VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), $7) ON CONFLICT (tenant_id, act_id) DO NOTHING RETURNING 1",
        scope.tenant_id, act.act_id, act.stop_id, act.act.value, mark, at, outcome,
    )  # fmt: skip
    if kept is None:
        # The same id came at the same time for a stop of another route, whose lock this transaction does not hold.
        raise ActMismatch
    return outcome
