"""How others drive orders: locking them, moving them through their states, and telling them when they will arrive."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope
from doorstep.orders.events import OrderEtaChanged, OrderStatusChanged
from doorstep.orders.model import CUSTODY_ON_ENTERING, ON_ROUTE, TRANSITIONS, Custody, OrderStatus
from doorstep.orders.service.questions import COPIES_MOVE, COPIES_MOVED

ANNOUNCED_SHIFT = timedelta(minutes=2)
"""An ETA that moved by no more than this since it was last announced makes no event."""

_LOCK = """
SELECT id, version, status, custody, kind, reference, display_reference, depot_id, location_status, priority, attempt_number, status_reason,
       proof_kinds, pin, weight_grams, volume_cubic_centimeters, items, compartments, required_skills, vehicle_kinds, metadata, due_at,
       eta_at, eta_late_by_seconds, eta_stops_before, eta_announced_at, created_at, updated_at, erased_at,
       carrier_reference, given_tender_id, source_tender_id, readiness, ready_at
FROM orders WHERE tenant_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE
"""

_MOVE = """
UPDATE orders SET status = moved.status, custody = moved.custody, version = moved.version, status_reason = moved.reason,
    attempt_number = moved.attempt_number, depot_id = coalesce(moved.depot_id, orders.depot_id), updated_at = now(),
    eta_at = CASE WHEN moved.on_route THEN eta_at END, eta_late_by_seconds = CASE WHEN moved.on_route THEN eta_late_by_seconds END,
    eta_stops_before = CASE WHEN moved.on_route THEN eta_stops_before END,
    eta_updated_at = CASE WHEN moved.on_route THEN eta_updated_at END, eta_announced_at = CASE WHEN moved.on_route THEN eta_announced_at END
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::int[], $8::bool[], $9::uuid[])
    AS moved(id, status, custody, version, reason, attempt_number, on_route, depot_id)
WHERE orders.tenant_id = $1 AND orders.id = moved.id
"""

_SET_ETAS = """
UPDATE orders SET eta_at = told.at, eta_late_by_seconds = told.late, eta_stops_before = told.stops, eta_updated_at = $6,
    eta_announced_at = CASE WHEN told.announced THEN told.at ELSE orders.eta_announced_at END
FROM unnest($2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $7::bool[]) AS told(id, at, late, stops, announced)
WHERE orders.tenant_id = $1 AND orders.id = told.id
"""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of one order. ``reason`` is a word of a fixed list (it goes into the log), ``occurred_at`` the device's instant (None: now).

    ``custody`` None: as ``model.CUSTODY_ON_ENTERING`` says. ``new_attempt`` counts the order's attempt number up. ``depot_id``: the depot that has
    the goods from now on, and from which the order will be delivered.
    """

    order_id: UUID
    to: OrderStatus
    reason: str | None = None
    occurred_at: datetime | None = None
    custody: Custody | None = None
    route_id: UUID | None = None
    new_attempt: bool = False
    depot_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class EtaChange:
    """When an order's next stop is expected (None: no longer known), how late that is, and how many stops come before it."""

    order_id: UUID
    at: datetime | None
    late_by_seconds: int
    stops_before: int


@dataclass(slots=True)
class _Standing:
    """An order as the moves so far leave it."""

    status: OrderStatus
    custody: Custody
    version: int
    attempt_number: int
    reason: str | None = None
    depot_id: UUID | None = None


async def lock_orders(scope: Scope, order_ids: Collection[UUID]) -> dict[UUID, Row]:
    """The orders by id, locked until the commit in the order of their ids; ids that this tenant does not have are simply missing."""
    if not order_ids:
        return {}
    rows = await scope.tx.fetch(_LOCK, scope.tenant_id, sorted(set(order_ids)))
    return {row["id"]: row for row in rows}


async def move_orders(scope: Scope, moves: Sequence[Move], *, by_partner: bool = False) -> None:
    """Move orders through their states, in two statements however many there are; several moves of one order are steps in turn.

    Raises NotFound for an unknown order and ILLEGAL_TRANSITION (naming the present state and the allowed ones) before anything is written.
    An order that leaves the routes loses its ETA. An order that was given to a partner carrier moves only ``by_partner``, else it is ORDER_TAKEN;
    whoever gave us an order is asked before we move it (``questions.COPIES_MOVE``).
    """
    if not moves:
        return
    rows = await lock_orders(scope, [move.order_id for move in moves])
    standing: dict[UUID, _Standing] = {}
    events = [_step(rows, standing, move) for move in moves]
    if not by_partner:
        refuse_given(rows.values())
    copies = [(rows[move.order_id], move.to) for move in moves if rows[move.order_id]["source_tender_id"] is not None]
    if copies:
        await COPIES_MOVE.ask(scope, copies)
    ids = list(standing)
    now = list(standing.values())
    await scope.tx.execute(
        _MOVE,
        scope.tenant_id,
        ids,
        [one.status.value for one in now],
        [one.custody.value for one in now],
        [one.version for one in now],
        [one.reason for one in now],
        [one.attempt_number for one in now],
        [one.status in ON_ROUTE for one in now],
        [one.depot_id for one in now],
    )
    for event in events:
        scope.emit(event)
    if copies:
        await COPIES_MOVED.ask(scope, copies)


def _step(rows: dict[UUID, Row], standing: dict[UUID, _Standing], move: Move) -> OrderStatusChanged:
    row = rows.get(move.order_id)
    if row is None:
        raise NotFound("order")
    here = standing.setdefault(
        move.order_id,
        _Standing(OrderStatus(row["status"]), Custody(row["custody"]), row["version"], row["attempt_number"]),
    )
    check_transition(move.order_id, here.status, move.to)
    before = here.status
    here.status = move.to
    here.custody = move.custody or CUSTODY_ON_ENTERING.get(move.to, here.custody)
    here.version += 1
    here.attempt_number += move.new_attempt
    here.reason = move.reason
    here.depot_id = move.depot_id or here.depot_id
    return OrderStatusChanged(
        order_id=move.order_id,
        route_id=move.route_id,
        aggregate_version=here.version,
        occurred_at=move.occurred_at,
        from_=before,
        to=move.to,
        reason=move.reason,
        attempt_number=here.attempt_number,
    )


async def give_orders(scope: Scope, tenders: Mapping[UUID, UUID | None]) -> None:
    """Note by which tender a partner carrier has each of the locked orders or is offered it; None: nobody has it any more."""
    await scope.tx.execute(
        "UPDATE orders SET given_tender_id = given.tender_id FROM unnest($2::uuid[], $3::uuid[]) AS given(id, tender_id) "
        "WHERE orders.tenant_id = $1 AND orders.id = given.id",
        scope.tenant_id,
        list(tenders),
        list(tenders.values()),
    )


def refuse_given(rows: Iterable[Row]) -> None:
    """Pass, or refuse to touch an order that a partner carrier has or is offered."""
    for row in rows:
        if row["given_tender_id"] is not None:
            raise DoorstepError(
                ProblemCode.ORDER_TAKEN,
                "A partner carrier has this order or is offered it: withdraw the tender, or let the carrier release it.",
                existing_id=public_id("order", row["id"]),
            )


def check_transition(order_id: UUID, present: OrderStatus, to: OrderStatus) -> None:
    """Pass, or refuse with the present state and the allowed ones."""
    allowed = TRANSITIONS[present]
    if to not in allowed:
        after = f"It may become: {', '.join(sorted(allowed))}." if allowed else "That is final."
        raise DoorstepError(
            ProblemCode.ILLEGAL_TRANSITION,
            f"The order is {present} and cannot become {to}. {after}",
            existing_id=public_id("order", order_id),
        )


async def set_etas(scope: Scope, changes: Sequence[EtaChange]) -> None:
    """Write when orders are expected, in two statements; unknown orders and those on no route are passed over.

    Emits OrderEtaChanged where the ETA is first set, cleared, or more than two minutes away from what was last announced (so that a
    slow drift is told too). The order's ``version`` stays: an ETA is not an edit.
    """
    latest = {change.order_id: change for change in changes}
    rows = await lock_orders(scope, latest)
    told = [latest[row["id"]] for row in rows.values() if OrderStatus(row["status"]) in ON_ROUTE]
    if not told:
        return
    announced = [_to_announce(rows[change.order_id], change) for change in told]
    await scope.tx.execute(
        _SET_ETAS,
        scope.tenant_id,
        [change.order_id for change in told],
        [change.at for change in told],
        [change.late_by_seconds if change.at else None for change in told],
        [change.stops_before if change.at else None for change in told],
        scope.clock.now(),
        announced,
    )
    for change, worth_telling in zip(told, announced, strict=True):
        if worth_telling:
            row = rows[change.order_id]
            scope.emit(
                OrderEtaChanged(
                    order_id=change.order_id,
                    aggregate_version=row["version"],
                    at=change.at,
                    previous_at=row["eta_announced_at"],
                    late_by_seconds=change.late_by_seconds,
                    stops_before=change.stops_before,
                )
            )


def _to_announce(row: Row, change: EtaChange) -> bool:
    before: datetime | None = row["eta_announced_at"]
    if before is None or change.at is None:
        return before is not None or change.at is not None
    return abs(change.at - before) > ANNOUNCED_SHIFT
