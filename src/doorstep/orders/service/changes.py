"""Changing and cancelling orders.

A patch comes prepared (``patches``) on the order as it was then; when somebody moved the order's ends meanwhile, the answer is CONFLICT and
nothing is written.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode, Refusals
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.events import OrderUpdated
from doorstep.orders.model import (
    FINAL,
    PLANNABLE,
    CancelReason,
    Custody,
    LocationCheck,
    LocationStatus,
    OrderStatus,
    PackageRow,
    WaypointRole,
    cancelled_status,
)
from doorstep.orders.reads import (
    order_ids_by_reference,
    packages_of,
    usable_depots,
    waypoints_of,
)
from doorstep.orders.service.drafts import PackageDraft
from doorstep.orders.service.intake import depot_refusal, duplicate, package_rows
from doorstep.orders.service.moves import Move, check_transition, lock_orders, move_orders
from doorstep.orders.service.patches import PreparedPatch, place_of
from doorstep.orders.service.preparing import due_at, load_of
from doorstep.orders.service.questions import GIVEN_ORDER_CHANGES, GIVEN_ORDER_IS_CANCELLED

ALWAYS: Final = frozenset({"displayReference", "metadata", "carrierReference"})
"""What may change in every state."""

UNTIL_FINAL: Final = ALWAYS | {
    "reference",
    "proofRequired",
    "pickup.contact",
    "pickup.instructions",
    "pickup.accessCode",
    "dropoff.contact",
    "dropoff.instructions",
    "dropoff.accessCode",
}
"""What may change while the order is on somebody's route: nothing that the route was planned with."""

FIELD_OF_COLUMN: Final = {
    "reference": "reference",
    "display_reference": "displayReference",
    "carrier_reference": "carrierReference",
    "depot_id": "depotId",
    "priority": "priority",
    "required_skills": "requiredSkills",
    "vehicle_kinds": "vehicleKinds",
    "proof_kinds": "proofRequired",
    "pin": "proofRequired",
    "metadata": "metadata",
    "line1": "address",
    "line2": "address",
    "city": "address",
    "region": "address",
    "postal_code": "address",
    "country": "address",
    "formatted": "address",
    "latitude": "coordinates",
    "longitude": "coordinates",
    "contact_name": "contact",
    "contact_phone": "contact",
    "contact_email": "contact",
    "windows": "windows",
    "service_seconds": "serviceSeconds",
    "instructions": "instructions",
    "access_code": "accessCode",
}


async def update_order(scope: Scope, patch: PreparedPatch, if_version: int | None = None) -> dict[str, Any]:
    """Apply a checked patch; outcome ``{id}``. A patch that changes nothing writes nothing.

    Raises NotFound, Conflict (``if_version`` is not the present one, or its ends moved meanwhile), the patch's refusals, ILLEGAL_TRANSITION for
    what a final order no longer allows, IN_USE for what the order's route was planned with, DUPLICATE_REFERENCE.
    """
    scope.require(Permission.ORDERS_WRITE)
    if patch.order_id is None:
        raise Refusals(patch.check.refusals)
    row = await _lock(scope, patch.order_id, if_version)
    if patch.check.refusals:
        raise Refusals(patch.check.refusals)
    ends = {WaypointRole(end["role"]): end for end in await waypoints_of(scope.tx, scope.tenant_id, [patch.order_id])}
    if any(place_of(ends[role]) != prepared.basis for role, prepared in patch.ends.items()):
        raise Conflict("order", row["version"], patch.order_id, ())
    changes = await _changes(scope, patch, row, ends)
    if changes.fields:
        if row["given_tender_id"] is not None:
            await GIVEN_ORDER_CHANGES.ask(scope, (row, frozenset(changes.fields)))
        else:
            _check_allowed(row, changes.fields)
        await _check_depot(scope, changes.order)
        await _write(scope, patch, row, changes)
        scope.emit(_updated(row, changes))
    return {"id": str(patch.order_id)}


def _updated(row: Row, changes: "_Changes") -> OrderUpdated:
    return OrderUpdated(
        order_id=row["id"],
        aggregate_version=row["version"] + 1,
        changes=sorted(changes.fields),
        location_status=changes.location_status,
        due_at=changes.due_at,
    )


async def carry_over(scope: Scope, patch: PreparedPatch) -> None:
    """Write what the company on the other side of a tender changed, as it is and in whatever state; nothing where nothing differs."""
    if patch.order_id is None:
        return
    row = await _lock(scope, patch.order_id, None)
    ends = {WaypointRole(end["role"]): end for end in await waypoints_of(scope.tx, scope.tenant_id, [patch.order_id])}
    changes = await _changes(scope, patch, row, ends)
    if changes.fields:
        await _write(scope, patch, row, changes)
        scope.emit(_updated(row, changes))


async def _lock(scope: Scope, order_id: UUID, if_version: int | None) -> Row:
    row = (await lock_orders(scope, [order_id])).get(order_id)
    if row is None:
        raise NotFound("order", ("id",))
    if if_version is not None and if_version != row["version"]:
        raise Conflict("order", row["version"], order_id)
    return row


@dataclass(slots=True)
class _Changes:
    """What a patch really changes: columns that differ, and the schema's names of them."""

    order: dict[str, Any]
    ends: dict[WaypointRole, dict[str, Any]]
    packages: list[PackageDraft] | None
    fields: set[str]
    location_status: LocationStatus
    due_at: datetime | None


async def _changes(scope: Scope, patch: PreparedPatch, row: Row, ends: dict[WaypointRole, Row]) -> _Changes:
    order = {name: value for name, value in patch.columns.items() if value != row[name]}
    fields = {FIELD_OF_COLUMN[name] for name in order}
    changed_ends: dict[WaypointRole, dict[str, Any]] = {}
    for role, prepared in patch.ends.items():
        columns = prepared.columns | (prepared.spot.columns() if prepared.spot else {})
        changed = {name: value for name, value in columns.items() if value != ends[role][name]}
        if changed:
            changed_ends[role] = changed
            fields |= {f"{role.value.lower()}.{FIELD_OF_COLUMN.get(name, 'coordinates')}" for name in changed}
    packages = patch.packages
    if packages is not None and packages == await _present_packages(scope, row["id"]):
        packages = None
    if packages is not None:
        fields.add("packages")
        order |= load_of(packages)
    location_status = _location_status(ends, changed_ends)
    windows = changed_ends.get(WaypointRole.DROPOFF, {}).get("windows", ends[WaypointRole.DROPOFF]["windows"])
    return _Changes(order, changed_ends, packages, fields, location_status, due_at(windows))


async def _present_packages(scope: Scope, order_id: UUID) -> list[PackageDraft]:
    return [
        PackageDraft(
            barcode=row["barcode"],
            description=row["description"],
            weight_grams=row["weight_grams"],
            volume_cubic_centimeters=row["volume_cubic_centimeters"],
            items=row["items"],
            fragile=row["fragile"],
            compartment=row["compartment"],
        )
        for row in await packages_of(scope.tx, scope.tenant_id, [order_id])
    ]


def _location_status(ends: dict[WaypointRole, Row], changed: dict[WaypointRole, dict[str, Any]]) -> LocationStatus:
    located = all(changed.get(role, {}).get("latitude", end["latitude"]) is not None for role, end in ends.items())
    return LocationStatus.LOCATED if located else LocationStatus.NEEDS_LOCATION


def _check_allowed(row: Row, fields: set[str]) -> None:
    """Refuse what the order's state no longer allows."""
    if row["erased_at"] is not None:
        said = "The person of this order was erased: nothing may be written into it any more."
        raise DoorstepError(ProblemCode.ILLEGAL_TRANSITION, said, ["id"])
    status = OrderStatus(row["status"])
    if status in PLANNABLE:
        return
    final = status in FINAL
    forbidden = sorted(fields - (ALWAYS if final else UNTIL_FINAL))
    if not forbidden:
        return
    code = ProblemCode.ILLEGAL_TRANSITION if final else ProblemCode.IN_USE
    remedy = (
        f"The order is {status}, which is final: only {', '.join(sorted(ALWAYS))} may change."
        if final
        else f"The order is {status}, on a route that was planned with this: take it off first (unassignOrders), then change it."
    )
    raise Refusals([DoorstepError(code, remedy, name.split(".")) for name in forbidden])


async def _check_depot(scope: Scope, columns: dict[str, Any]) -> None:
    depot_id = columns.get("depot_id")
    if depot_id is not None:
        refusal = depot_refusal(await usable_depots(scope.tx, scope.tenant_id, [depot_id]), depot_id)
        if refusal is not None:
            raise refusal


async def _write(scope: Scope, patch: PreparedPatch, row: Row, changes: _Changes) -> None:
    columns = {
        **changes.order,
        "location_status": changes.location_status.value,
        "due_at": changes.due_at,
        "version": row["version"] + 1,
    }
    await _write_order(scope, row["id"], columns)
    for role, end in changes.ends.items():
        await _update(scope, "order_waypoints", end, "order_id = $2 AND role = $3", [row["id"], role.value])
    if changes.packages is not None:
        await scope.tx.execute(
            "DELETE FROM packages WHERE tenant_id = $1 AND order_id = $2", scope.tenant_id, patch.order_id
        )
        await scope.tx.insert(PackageRow, package_rows(scope, row["id"], changes.packages))


async def _write_order(scope: Scope, order_id: UUID, columns: dict[str, Any]) -> None:
    """The unique index decides about a reference, also against twins in other transactions."""
    if columns.get("reference") is None:
        await _update(scope, "orders", columns, "id = $2", [order_id])
        return
    try:
        async with scope.tx.savepoint():
            await _update(scope, "orders", columns, "id = $2", [order_id])
    except asyncpg.UniqueViolationError as error:
        existing = await order_ids_by_reference(scope.tx, scope.tenant_id, [columns["reference"]])
        raise duplicate(existing.get(columns["reference"])) from error


async def _update(scope: Scope, table: str, columns: dict[str, Any], where: str, key: list[Any]) -> None:
    """``columns``'s names are this module's own, never a client's."""
    first = len(key) + 2
    assignments = [f'"{name}" = ${first + at}' for at, name in enumerate(columns)]
    if table == "orders":
        assignments.append("updated_at = now()")
    await scope.tx.execute(
        f"UPDATE {table} SET {', '.join(assignments)} WHERE tenant_id = $1 AND {where}",
        scope.tenant_id,
        *key,
        *columns.values(),
    )


async def cancel_order(
    scope: Scope, order_id: UUID, reason: CancelReason | None = None, if_version: int | None = None
) -> dict[str, Any]:
    """Call an order off; outcome ``{id}``. Goods on board make it RETURNING: they must come back first, then it is RETURNED.

    Raises NotFound, Conflict, ILLEGAL_TRANSITION where it is final or on its way back already.
    """
    scope.require(Permission.ORDERS_WRITE)
    row = await _lock(scope, order_id, if_version)
    to = cancelled_status(Custody(row["custody"]), for_another=row["source_tender_id"] is not None)
    check_transition(order_id, OrderStatus(row["status"]), to)
    if row["given_tender_id"] is not None:
        await GIVEN_ORDER_IS_CANCELLED.ask(scope, (row, to))
    await move_orders(scope, [Move(order_id, to, reason=reason.value if reason else None)], by_partner=True)
    return {"id": str(order_id)}


async def record_location_checks(scope: Scope, checked: dict[tuple[UUID, WaypointRole], float]) -> None:
    """Note that points which were UNCHECKED have been held against the roads since (metres to the nearest one); no change of the order."""
    keys = list(checked)
    await scope.tx.execute(
        "UPDATE order_waypoints SET location_check = $5, road_distance_meters = told.meters "
        "FROM unnest($2::uuid[], $3::text[], $4::float8[]) AS told(order_id, role, meters) "
        "WHERE order_waypoints.tenant_id = $1 AND order_waypoints.order_id = told.order_id AND order_waypoints.role = told.role",
        scope.tenant_id,
        [order_id for order_id, _ in keys],
        [role.value for _, role in keys],
        [checked[key] for key in keys],
        LocationCheck.CHECKED.value,
    )
