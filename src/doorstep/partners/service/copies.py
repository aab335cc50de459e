"""The carrier's own order: made from the fields that the merchant shares, and kept up with them.

The fields come from ``doorstep_shared_orders``, which looks past the wall for a tender that the asking tenant has ACCEPTED and for no other, and
leaves out what the partnership does not share. The copy is fetched where the goods are, so it is a PICKUP_AND_DELIVERY, with the sender until then.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from doorstep.identity.service import count_orders
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.orders.model import Custody, LocationCheck, OrderKind, WaypointRole
from doorstep.orders.service import take_in
from doorstep.orders.service.changes import FIELD_OF_COLUMN
from doorstep.orders.service.drafts import PackageDraft
from doorstep.orders.service.patches import PreparedEnd, PreparedPatch
from doorstep.orders.service.preparing import PreparedOrder, PreparedWaypoint, Spot
from doorstep.orders.service.values import Check

_ORDER: Final = (
    "display_reference", "priority", "required_skills", "vehicle_kinds", "weight_grams", "volume_cubic_centimeters", "items", "compartments", "proof_kinds",
    "pin", "metadata", "attempt_number",
)  # fmt: skip
_END: Final = (
    "line1", "line2", "city", "region", "postal_code", "country", "formatted", "contact_name", "contact_phone", "contact_email", "windows",
    "service_seconds", "instructions", "access_code",
)  # fmt: skip
_SPOT: Final = ("latitude", "longitude", "location_check", "location_reason", "road_distance_meters")
_FOLLOWS: Final = frozenset({"requiredSkills", "vehicleKinds", "proofRequired", "priority", "metadata"})
"""Fields of the order itself whose changes go on to the copy; its references and its depot are the carrier's own."""


async def shared_orders(scope: Scope, tender_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What the merchants share of the orders of these tenders, by tender; missing where the tenant has not accepted it."""
    rows = await scope.tx.fetch("SELECT tender_id, shared FROM doorstep_shared_orders($1)", list(tender_ids))
    return {row["tender_id"]: row["shared"] for row in rows}


async def make_copies(scope: Scope, tender_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The carrier's own orders for tenders that it has just accepted; returns their ids by tender. At the commit: QUOTA_EXCEEDED."""
    shared = await shared_orders(scope, tender_ids)
    copies = {tender_id: _copy(tender_id, shared[tender_id]) for tender_id in tender_ids}
    await take_in(scope, list(copies.values()))
    count_orders(scope, len(copies), ("ids",))
    return {tender_id: copy.id for tender_id, copy in copies.items()}


def _copy(tender_id: UUID, shared: Mapping[str, Any]) -> PreparedOrder:
    columns = {
        **{name: shared[name] for name in _ORDER},
        "reference": None,
        "kind": OrderKind.PICKUP_AND_DELIVERY.value,
        "custody": Custody.SENDER.value,
        "due_at": datetime.fromisoformat(shared["due_at"]) if shared["due_at"] else None,
        "source_tender_id": tender_id,
    }
    waypoints = [
        _waypoint(WaypointRole.PICKUP, shared["pickup"]),
        _waypoint(WaypointRole.DROPOFF, shared["dropoff"]),
    ]
    return PreparedOrder(new_id(), Check(), None, None, columns, waypoints, _packages(shared))


def _waypoint(role: WaypointRole, end: Mapping[str, Any]) -> PreparedWaypoint:
    located = end.get("latitude") is not None
    spot = Spot(
        where=(),
        check=Check(),
        address=None,
        coordinates=Coordinates(end["latitude"], end["longitude"]) if located else None,
        location_check=LocationCheck(end["location_check"]),
        location_reason=end.get("location_reason"),
        road_distance_meters=end.get("road_distance_meters"),
    )
    return PreparedWaypoint(role, spot, {name: end.get(name) for name in _END})


def _packages(shared: Mapping[str, Any]) -> list[PackageDraft]:
    return [PackageDraft(**package) for package in shared["packages"]]


def patch_of_copy(order_id: UUID, shared: Mapping[str, Any], changes: Sequence[str]) -> PreparedPatch:
    """What the merchant changed (``changes``: the schema's names), for the carrier's order; the rest stays as the carrier has it."""
    patch = PreparedPatch(order_id, Check())
    wanted = set(changes)
    patch.columns = {
        name: shared[name]
        for name in _ORDER
        if FIELD_OF_COLUMN.get(name) in wanted & _FOLLOWS and _is_shared(name, shared)
    }
    if "packages" in wanted and "PACKAGES" in shared["shares"]:
        patch.packages = _packages(shared)
    for role in WaypointRole:
        end = shared[role.value.lower()]
        names = {change.partition(".")[2] for change in wanted if change.startswith(f"{role.value.lower()}.")}
        columns = {name: end.get(name) for name in _END if FIELD_OF_COLUMN[name] in names and _goes_on(name, shared)}
        if names & {"address", "coordinates"}:
            columns |= {name: end.get(name) for name in _SPOT}
        if columns:
            patch.ends[role] = PreparedEnd(columns)
    return patch


_SHARE_OF_COLUMN: Final = {
    "required_skills": "SKILLS",
    "metadata": "METADATA",
    "contact_name": "CONTACT_NAME",
    "contact_phone": "CONTACT_PHONE",
    "contact_email": "CONTACT_EMAIL",
    "instructions": "INSTRUCTIONS",
    "access_code": "ACCESS_CODE",
}


def _is_shared(column: str, shared: Mapping[str, Any]) -> bool:
    return column not in _SHARE_OF_COLUMN or _SHARE_OF_COLUMN[column] in shared["shares"]


def _goes_on(column: str, shared: Mapping[str, Any]) -> bool:
    """A contact is one person: what is not shared of the new one is emptied (``shared`` has None), lest it be mixed with the one before."""
    return FIELD_OF_COLUMN[column] == "contact" or _is_shared(column, shared)
