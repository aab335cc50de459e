"""Changing and cancelling orders.

A patch is prepared outside of the write transaction like a new order (its addresses are looked up, its points snapped), on the order as it
was then; when somebody moved the order's ends meanwhile, the answer is CONFLICT and nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode, Refusals
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.orders.events import OrderUpdated
from doorstep.orders.model import (
    FINAL,
    PLANNABLE,
    CancelReason,
    Custody,
    LocationCheck,
    LocationStatus,
    OrderKind,
    OrderStatus,
    PackageRow,
    WaypointRole,
    cancelled_status,
)
from doorstep.orders.reads import (
    order_ids_by_reference,
    orders_by_ids,
    packages_of,
    usable_depots,
    waypoints_of,
)
from doorstep.orders.service.drafts import AddressDraft, ContactDraft, OrderPatch, PackageDraft, WaypointPatch
from doorstep.orders.service.intake import depot_refusal, duplicate, package_rows
from doorstep.orders.service.moves import Move, lock_orders, move_orders
from doorstep.orders.service.preparing import Spot, address_columns, due_at, load_of, locate, snap, stored_windows
from doorstep.orders.service.values import (
    MAX_ACCESS_CODE,
    MAX_INSTRUCTIONS,
    MAX_PRIORITY,
    MAX_REFERENCE,
    MAX_SERVICE_SECONDS,
    Check,
)
from doorstep.places import addresses
from doorstep.places.roads import Roads

ALWAYS: Final = frozenset({"displayReference", "metadata"})
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

_FIELD_OF_COLUMN: Final = {
    "reference": "reference",
    "display_reference": "displayReference",
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
_PLACE_COLUMNS: Final = ("line1", "line2", "city", "region", "postal_code", "country", "latitude", "longitude")


@dataclass(slots=True)
class PreparedEnd:
    """The checked changes of one end: new column values, and the place that they started from."""

    columns: dict[str, Any] = field(default_factory=dict)
    spot: Spot | None = None
    basis: tuple[Any, ...] = ()


@dataclass(slots=True)
class PreparedPatch:
    """A checked patch; ``found`` is false when this tenant has no such order."""

    order_id: UUID
    check: Check
    found: bool
    columns: dict[str, Any] = field(default_factory=dict)
    packages: list[PackageDraft] | None = None
    ends: dict[WaypointRole, PreparedEnd] = field(default_factory=dict)


# ── outside of the transaction ──────────────────────────────────────────────────────────────────────────


async def prepare_patch(
    db: Database, roads: Roads, principal: Principal, order_id: UUID, patch: OrderPatch
) -> PreparedPatch:
    """Check a patch against the order as it stands; never raises for a bad value, the patch carries its refusals instead."""
    async with db.snapshot(principal.tenant_id) as tx:
        rows = await orders_by_ids(tx, principal.tenant_id, [order_id])
        ends = {WaypointRole(row["role"]): row for row in await waypoints_of(tx, principal.tenant_id, [order_id])}
        barcodes = [row["barcode"] for row in await packages_of(tx, principal.tenant_id, [order_id])]
    prepared = PreparedPatch(order_id, Check(), found=bool(rows))
    if not rows:
        return prepared
    _check_fields(patch, prepared)
    _check_proof(patch, prepared, rows[0], barcodes)
    for role, change in ((WaypointRole.PICKUP, patch.pickup), (WaypointRole.DROPOFF, patch.dropoff)):
        if change is not None and role in ends:
            prepared.ends[role] = _check_end(change, ends[role], role, prepared.check, principal.country)
        elif change is not None:
            prepared.check.refuse(ProblemCode.INVALID_VALUE, f"A {OrderKind.DELIVERY} has no pickup.", "pickup")
    if not prepared.check.refusals:
        spots = [end.spot for end in prepared.ends.values() if end.spot is not None]
        await locate(db, principal.tenant_id, spots)
        await snap(roads, spots)
    return prepared


def _check_fields(patch: OrderPatch, prepared: PreparedPatch) -> None:
    check, columns = prepared.check, prepared.columns
    if patch.reference:
        columns["reference"] = check.text(patch.reference.value, MAX_REFERENCE, "reference")
    if patch.display_reference:
        columns["display_reference"] = check.text(patch.display_reference.value, MAX_REFERENCE, "displayReference")
    if patch.depot_id:
        columns["depot_id"] = check.depot_id(patch.depot_id.value)
    if patch.priority:
        columns["priority"] = check.number(patch.priority.value, 0, MAX_PRIORITY, "priority")
    if patch.required_skills:
        columns["required_skills"] = check.skills(patch.required_skills.value)
    if patch.vehicle_kinds:
        columns["vehicle_kinds"] = list(dict.fromkeys(kind.value for kind in patch.vehicle_kinds.value))
    if patch.metadata:
        columns["metadata"] = check.metadata(patch.metadata.value)
    if patch.packages:
        prepared.packages = check.packages(patch.packages.value)


def _check_proof(patch: OrderPatch, prepared: PreparedPatch, row: Row, barcodes: Sequence[str | None]) -> None:
    kinds: list[str] = row["proof_kinds"]
    if patch.proof:
        kinds, pin = prepared.check.proof(patch.proof.value)
        keeps_pin = patch.proof.value.pin is None and pin is not None and row["pin"] is not None
        prepared.columns |= {"proof_kinds": kinds, "pin": row["pin"] if keeps_pin else pin}
    if patch.proof or patch.packages:
        scanned = [package.barcode for package in prepared.packages] if prepared.packages is not None else barcodes
        prepared.check.barcodes_to_scan(kinds, scanned)


def _check_end(
    patch: WaypointPatch, row: Row, role: WaypointRole, check: Check, default_country: str | None
) -> PreparedEnd:
    where = role.value.lower()
    end = PreparedEnd(basis=_place(row))
    country: str = row["country"]
    if patch.address or patch.coordinates:
        country = _check_place(patch, row, where, check, end, default_country)
    if patch.contact:
        end.columns |= check.contact(patch.contact.value or ContactDraft(), country, where)
    if patch.windows:
        end.columns["windows"] = stored_windows(check.windows(patch.windows.value, where))
    if patch.service_seconds:
        end.columns["service_seconds"] = check.number(
            patch.service_seconds.value, 0, MAX_SERVICE_SECONDS, where, "serviceSeconds"
        )
    if patch.instructions:
        end.columns["instructions"] = check.text(
            patch.instructions.value, MAX_INSTRUCTIONS, where, "instructions", lines=True
        )
    if patch.access_code:
        end.columns["access_code"] = check.text(patch.access_code.value, MAX_ACCESS_CODE, where, "accessCode")
    return end


def _check_place(
    patch: WaypointPatch, row: Row, where: str, check: Check, end: PreparedEnd, default_country: str | None
) -> str:
    """Check a new address or point; returns the country for the contact's telephone number."""
    draft = patch.address.value if patch.address else _draft_of(row)
    address = check.address(draft, default_country, where)
    if address is None:
        return str(row["country"])
    if patch.address:
        end.columns |= address_columns(address)
    point = patch.coordinates.value if patch.coordinates else None
    if point is not None and not check.coordinates(point, where):
        return address.country
    stays = not patch.coordinates and row["latitude"] is not None and _same_door(address, row)
    if not stays:
        end.spot = Spot((where,), check, address, point)
    return address.country


def _draft_of(row: Row) -> AddressDraft:
    return AddressDraft(
        line1=row["line1"], line2=row["line2"], city=row["city"], region=row["region"],
        postal_code=row["postal_code"], country=row["country"],
    )  # fmt: skip


def _same_door(address: addresses.Address, row: Row) -> bool:
    """Whether only what does not move the door has changed, such as the floor: then the point stays."""
    return all(getattr(address, name) == row[name] for name in ("line1", "city", "postal_code", "country"))


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _PLACE_COLUMNS)


# ── inside the transaction ──────────────────────────────────────────────────────────────────────────────


async def update_order(scope: Scope, patch: PreparedPatch, if_version: int | None = None) -> dict[str, Any]:
    """Apply a checked patch; outcome ``{id}``. A patch that changes nothing writes nothing.

    Raises NotFound, Conflict (``if_version`` is not the present one, or its ends moved meanwhile), the patch's refusals, ILLEGAL_TRANSITION for
    what a final order no longer allows, IN_USE for what the order's route was planned with, DUPLICATE_REFERENCE.
    """
    scope.require(Permission.ORDERS_WRITE)
    row = await _lock(scope, patch.order_id, if_version)
    if patch.check.refusals:
        raise Refusals(patch.check.refusals)
    ends = {WaypointRole(end["role"]): end for end in await waypoints_of(scope.tx, scope.tenant_id, [patch.order_id])}
    if any(_place(ends[role]) != prepared.basis for role, prepared in patch.ends.items()):
        raise Conflict("order", row["version"], patch.order_id, ())
    changes = await _changes(scope, patch, row, ends)
    if changes.fields:
        _check_allowed(row, changes.fields)
        await _check_depot(scope, changes.order)
        await _write(scope, patch, row, changes)
        scope.emit(
            OrderUpdated(
                order_id=patch.order_id,
                aggregate_version=row["version"] + 1,
                fields=sorted(changes.fields),
                location_status=changes.location_status,
                due_at=changes.due_at,
            )
        )
    return {"id": str(patch.order_id)}


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
    fields = {_FIELD_OF_COLUMN[name] for name in order}
    changed_ends: dict[WaypointRole, dict[str, Any]] = {}
    for role, prepared in patch.ends.items():
        columns = prepared.columns | (prepared.spot.columns() if prepared.spot else {})
        changed = {name: value for name, value in columns.items() if value != ends[role][name]}
        if changed:
            changed_ends[role] = changed
            fields |= {f"{role.value.lower()}.{_FIELD_OF_COLUMN.get(name, 'coordinates')}" for name in changed}
    packages = patch.packages
    if packages is not None and packages == await _present_packages(scope, patch.order_id):
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
        )
        for row in await packages_of(scope.tx, scope.tenant_id, [order_id])
    ]


def _location_status(ends: dict[WaypointRole, Row], changed: dict[WaypointRole, dict[str, Any]]) -> LocationStatus:
    located = all(changed.get(role, {}).get("latitude", end["latitude"]) is not None for role, end in ends.items())
    return LocationStatus.LOCATED if located else LocationStatus.NEEDS_LOCATION


def _check_allowed(row: Row, fields: set[str]) -> None:
    """Refuse what the order's state no longer allows."""
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
    await _write_order(scope, patch.order_id, columns)
    for role, end in changes.ends.items():
        await _update(scope, "order_waypoints", end, "order_id = $2 AND role = $3", [patch.order_id, role.value])
    if changes.packages is not None:
        await scope.tx.execute(
            "DELETE FROM packages WHERE tenant_id = $1 AND order_id = $2", scope.tenant_id, patch.order_id
        )
        await scope.tx.insert(PackageRow, package_rows(scope, patch.order_id, changes.packages))


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
    to = cancelled_status(Custody(row["custody"]))
    await move_orders(scope, [Move(order_id, to, reason=reason.value if reason else None)])
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
