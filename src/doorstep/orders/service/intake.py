"""Taking orders in: the one path that a single order and a thousand of them go, in as many statements for either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from doorstep.identity.service import count_orders
from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.kernel.tables import bulk_insert_statement
from doorstep.orders.events import OrderPlaced
from doorstep.orders.model import OrderKind, OrderRow, OrderStatus, OrderWaypointRow, PackageRow
from doorstep.orders.reads import order_ids_by_reference, usable_depots
from doorstep.orders.service.drafts import CreatePolicy, PackageDraft
from doorstep.orders.service.preparing import PreparedOrder

MAX_ORDERS = 1000
"""Orders in one call."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one order of a call: its id, or why it was refused."""

    order_id: UUID | None
    refusals: list[DoorstepError]


async def create_order(scope: Scope, order: PreparedOrder) -> dict[str, Any]:
    """Take one order in; outcome ``{id}``. Raises its refusals; at the commit QUOTA_EXCEEDED."""
    scope.require(Permission.ORDERS_WRITE)
    [verdict] = await take_in(scope, [order])
    if verdict.refusals:
        raise Refusals(verdict.refusals)
    count_orders(scope, 1)
    return {"id": str(verdict.order_id)}


async def create_orders(scope: Scope, orders: Sequence[PreparedOrder], policy: CreatePolicy) -> dict[str, Any]:
    """Take orders in, each answered by itself: outcome ``{results: [{index, id, problems}]}``.

    REJECT_ALL: one refused order means that none is written. Raises a refusal that carries the same outcome when nothing was written.
    More than the tenant's quota leaves are refused as a whole, at the commit: QUOTA_EXCEEDED.
    """
    scope.require(Permission.ORDERS_WRITE)
    if not 1 <= len(orders) <= MAX_ORDERS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Send 1 to {MAX_ORDERS} orders at a time.", ("orders",))
    verdicts = await take_in(scope, orders)
    refused = sum(bool(verdict.refusals) for verdict in verdicts)
    if refused and (policy is CreatePolicy.REJECT_ALL or refused == len(orders)):
        raise _nothing_written(verdicts, refused)
    count_orders(scope, len(verdicts) - refused, ("orders",))
    return {"results": [_result(at, verdict) for at, verdict in enumerate(verdicts)]}


def _nothing_written(verdicts: Sequence[Verdict], refused: int) -> DoorstepError:
    message = f"No order was created: {refused} of {len(verdicts)} were refused, see results."
    unwritten = {public_id("order", verdict.order_id) for verdict in verdicts if verdict.order_id}
    for refusal in (refusal for verdict in verdicts for refusal in verdict.refusals):
        refusal.existing_id = None if refusal.existing_id in unwritten else refusal.existing_id
    error = DoorstepError(ProblemCode.ABORTED, message, ("orders",))
    error.outcome = {
        "results": [
            _result(at, verdict if verdict.refusals else Verdict(None, [_aborted(at)]))
            for at, verdict in enumerate(verdicts)
        ]
    }
    return error


def _aborted(at: int) -> DoorstepError:
    message = "Nothing is wrong with this order, but another one of the call was refused and the policy is REJECT_ALL."
    return DoorstepError(ProblemCode.ABORTED, message, ("orders", at))


def _result(at: int, verdict: Verdict) -> dict[str, Any]:
    problems = [
        {"code": one.code.value, "message": one.message, "path": one.path, "existing_id": one.existing_id}
        for one in verdict.refusals
    ]
    return {"index": at, "id": None if problems else str(verdict.order_id), "problems": problems}


async def take_in(scope: Scope, orders: Sequence[PreparedOrder]) -> list[Verdict]:
    """Write what can be written and say of each order what became of it."""
    refusals = {order.id: list(order.check.refusals) for order in orders}
    await _refuse_depots(scope, orders, refusals)
    sound = [order for order in orders if not refusals[order.id]]
    first_of = _first_by_reference(sound)
    fresh = [order for order in sound if order.reference is None or first_of[order.reference] is order]
    written = await _insert_orders(scope, fresh)
    await _refuse_duplicates(scope, [order for order in sound if order.id not in written], refusals)
    taken = [order for order in fresh if order.id in written]
    await _insert_parts(scope, taken)
    for order in taken:
        scope.emit(_placed(order))
    return [Verdict(None if refusals[order.id] else order.id, refusals[order.id]) for order in orders]


async def _refuse_depots(
    scope: Scope, orders: Sequence[PreparedOrder], refusals: dict[UUID, list[DoorstepError]]
) -> None:
    wanted = list({order.depot_id for order in orders if order.depot_id is not None})
    known = await usable_depots(scope.tx, scope.tenant_id, wanted)
    for order in orders:
        if order.depot_id is not None:
            refusal = depot_refusal(known, order.depot_id, order.check.path)
            refusals[order.id] += [refusal] if refusal else []


def depot_refusal(known: dict[UUID, bool], depot_id: UUID, path: Sequence[str | int] = ()) -> DoorstepError | None:
    """Why an order cannot be served from the depot, or None; ``known`` is the answer of ``usable_depots``."""
    if depot_id not in known:
        return DoorstepError(ProblemCode.NOT_FOUND, "No such depot.", (*path, "depotId"))
    if not known[depot_id]:
        return DoorstepError(ProblemCode.ARCHIVED, "This depot is archived: choose another.", (*path, "depotId"))
    return None


def _first_by_reference(orders: Sequence[PreparedOrder]) -> dict[str, PreparedOrder]:
    first: dict[str, PreparedOrder] = {}
    for order in orders:
        if order.reference is not None:
            first.setdefault(order.reference, order)
    return first


async def _insert_orders(scope: Scope, orders: Sequence[PreparedOrder]) -> set[UUID]:
    """Insert those whose reference is free, and say which. The unique index decides, so that twins in other transactions are met too.

    Sorted by reference: two calls that share references wait for each other in the same order.
    """
    if not orders:
        return set()
    rows = [_order_row(scope, order) for order in sorted(orders, key=lambda order: order.reference or "")]
    sql, arrays = bulk_insert_statement(OrderRow, rows)
    written = await scope.tx.fetch(
        f"{sql} ON CONFLICT (tenant_id, reference) WHERE reference IS NOT NULL DO NOTHING RETURNING id", *arrays
    )
    return {row["id"] for row in written}


async def _refuse_duplicates(
    scope: Scope, orders: Sequence[PreparedOrder], refusals: dict[UUID, list[DoorstepError]]
) -> None:
    if not orders:
        return
    references = [order.reference for order in orders if order.reference is not None]
    existing = await order_ids_by_reference(scope.tx, scope.tenant_id, references)
    for order in orders:
        if order.reference is not None:
            refusals[order.id].append(duplicate(existing.get(order.reference), order.check.path))


def duplicate(existing: UUID | None, path: Sequence[str | int] = ()) -> DoorstepError:
    """DUPLICATE_REFERENCE with the id of the order that has it."""
    return DoorstepError(
        ProblemCode.DUPLICATE_REFERENCE,
        "Another order has this reference already: existingId is its id.",
        (*path, "reference"),
        existing_id=public_id("order", existing) if existing else None,
    )


async def _insert_parts(scope: Scope, orders: Sequence[PreparedOrder]) -> None:
    await scope.tx.insert(
        OrderWaypointRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "order_id": order.id,
                "role": waypoint.role.value,
                **waypoint.columns,
                **waypoint.spot.columns(),
            }
            for order in orders
            for waypoint in order.waypoints
        ],
    )
    await scope.tx.insert(
        PackageRow, [row for order in orders for row in package_rows(scope, order.id, order.packages)]
    )


def _order_row(scope: Scope, order: PreparedOrder) -> dict[str, Any]:
    return {
        "tenant_id": scope.tenant_id,
        "id": order.id,
        "version": 1,
        "status": OrderStatus.PENDING.value,
        "location_status": order.location_status.value,
        "depot_id": order.depot_id,
        "attempt_number": 0,
        **order.columns,
    }


def package_rows(scope: Scope, order_id: UUID, packages: Sequence[PackageDraft]) -> list[dict[str, Any]]:
    """Rows of an order's packages, in their order."""
    return [
        {
            "tenant_id": scope.tenant_id,
            "id": new_id(),
            "order_id": order_id,
            "position": position,
            "barcode": package.barcode,
            "description": package.description,
            "weight_grams": package.weight_grams,
            "volume_cubic_centimeters": package.volume_cubic_centimeters,
            "items": package.items,
            "fragile": package.fragile,
            "compartment": package.compartment,
        }
        for position, package in enumerate(packages)
    ]


def _placed(order: PreparedOrder) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.id,
        aggregate_version=1,
        kind=OrderKind(order.columns["kind"]),
        status=OrderStatus.PENDING,
        location_status=order.location_status,
        depot_id=order.depot_id,
        due_at=order.columns["due_at"],
    )
