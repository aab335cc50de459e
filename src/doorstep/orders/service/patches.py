"""Patches made ready outside of the write transaction, like new orders: values checked, addresses looked up, points snapped.

They are checked on the order as it was then; ``changes`` compares the places that a patch started from with those that it finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.scope import Principal
from doorstep.orders.model import OrderKind, WaypointRole
from doorstep.orders.reads import orders_by_ids, packages_of, waypoints_of
from doorstep.orders.service.drafts import AddressDraft, ContactDraft, OrderPatch, PackageDraft, WaypointPatch
from doorstep.orders.service.preparing import Spot, address_columns, locate, snap, stored_windows
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

_PLACE_COLUMNS: Final = ("line1", "line2", "city", "region", "postal_code", "country", "latitude", "longitude")


@dataclass(slots=True)
class PreparedEnd:
    """The checked changes of one end: new column values, and the place that they started from."""

    columns: dict[str, Any] = field(default_factory=dict)
    spot: Spot | None = None
    basis: tuple[Any, ...] = ()


@dataclass(slots=True)
class PreparedPatch:
    """A checked patch; ``order_id`` is None when the text was no order's id."""

    order_id: UUID | None
    check: Check
    columns: dict[str, Any] = field(default_factory=dict)
    packages: list[PackageDraft] | None = None
    ends: dict[WaypointRole, PreparedEnd] = field(default_factory=dict)


async def prepare_patch(
    db: Database, roads: Roads, principal: Principal, public_id: str, patch: OrderPatch
) -> PreparedPatch:
    """Check a patch of the order with that TypeID as it stands; never raises for a bad value, the patch carries its refusals instead."""
    check = Check()
    order_id = check.id_of("order", public_id, "id")
    prepared = PreparedPatch(order_id, check)
    if order_id is None:
        return prepared
    async with db.snapshot(principal) as tx:
        rows = await orders_by_ids(tx, principal.tenant_id, [order_id])
        ends = {WaypointRole(row["role"]): row for row in await waypoints_of(tx, principal.tenant_id, [order_id])}
        barcodes = [row["barcode"] for row in await packages_of(tx, principal.tenant_id, [order_id])]
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
    if patch.carrier_reference:
        columns["carrier_reference"] = check.text(patch.carrier_reference.value, MAX_REFERENCE, "carrierReference")
    if patch.depot_id:
        columns["depot_id"] = check.id_of("depot", patch.depot_id.value, "depotId")
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
    end = PreparedEnd(basis=place_of(row))
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


def place_of(row: Row) -> tuple[Any, ...]:
    """Where a waypoint is: what a patch of it started from."""
    return tuple(row[name] for name in _PLACE_COLUMNS)
