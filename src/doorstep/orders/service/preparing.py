"""Everything about an order that needs no write transaction: checking values, finding addresses on the map, snapping points to roads.

One path for one order and for a thousand. No transaction is open while the road engine is asked, which gets two seconds: when it does not
answer, the order is taken all the same and its points are UNCHECKED (planning checks them again).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from doorstep.kernel.db import Database
from doorstep.kernel.driver_errors import translated
from doorstep.kernel.errors import ProblemCode
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Principal
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import LocationCheck, LocationStatus, OrderKind, WaypointRole, first_custody
from doorstep.orders.service.drafts import OrderDraft, PackageDraft, WaypointDraft
from doorstep.orders.service.values import (
    MAX_ACCESS_CODE,
    MAX_INSTRUCTIONS,
    MAX_PRIORITY,
    MAX_REFERENCE,
    MAX_SERVICE_SECONDS,
    Check,
    Path,
)
from doorstep.places import address_index
from doorstep.places.addresses import Address, one_line
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Roads

log = structlog.get_logger(__name__)

SEARCH_SECONDS = 4.0
"""How long misspelt addresses of one call are searched for; the others need no search and are always found."""

_BREATH = 50
"""After so many orders the event loop gets its turn: reading telephone numbers takes time."""


@dataclass(slots=True)
class Spot:
    """Where one end of an order is, as far as is known; ``columns`` are those of ``order_waypoints``.

    ``address`` is what to look up on the map while there are no coordinates. ``check`` hears of a point that is off the roads.
    """

    where: Path
    check: Check
    address: Address | None
    coordinates: Coordinates | None
    location_check: LocationCheck = LocationCheck.UNCHECKED
    location_reason: str | None = None
    road_distance_meters: float | None = None
    looked_up: bool = False

    def columns(self) -> dict[str, Any]:
        """The columns that say where it is."""
        return {
            "latitude": self.coordinates.latitude if self.coordinates else None,
            "longitude": self.coordinates.longitude if self.coordinates else None,
            "location_check": self.location_check.value,
            "location_reason": self.location_reason,
            "road_distance_meters": self.road_distance_meters,
        }


@dataclass(slots=True)
class PreparedWaypoint:
    """One end of a checked order."""

    role: WaypointRole
    spot: Spot
    columns: dict[str, Any]


@dataclass(slots=True)
class PreparedOrder:
    """An order whose values are checked; with refusals in ``check`` it must not be written."""

    id: UUID
    check: Check
    depot_id: UUID | None
    reference: str | None
    columns: dict[str, Any]
    waypoints: list[PreparedWaypoint]
    packages: list[PackageDraft] = field(default_factory=list)

    @property
    def location_status(self) -> LocationStatus:
        """NEEDS_LOCATION as long as one end has no coordinates."""
        located = all(waypoint.spot.coordinates for waypoint in self.waypoints)
        return LocationStatus.LOCATED if located else LocationStatus.NEEDS_LOCATION


async def prepare_orders(
    db: Database, roads: Roads, principal: Principal, drafts: Sequence[tuple[Path, OrderDraft]]
) -> list[PreparedOrder]:
    """Check drafts, each with its path in the mutation's input; never raises for a bad one, which carries its refusals instead."""
    prepared = []
    for at, (path, draft) in enumerate(drafts):
        prepared.append(_check_order(draft, path, principal))
        if at % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)
    spots = [waypoint.spot for order in prepared if not order.check.refusals for waypoint in order.waypoints]
    await locate(db, principal.tenant_id, spots)
    await snap(roads, spots)
    return prepared


def _check_order(draft: OrderDraft, path: Path, principal: Principal) -> PreparedOrder:
    check, country = Check(path), principal.country
    packages = check.packages(draft.packages)
    kinds, pin = check.proof(draft.proof)
    if not check.refusals:
        check.barcodes_to_scan(kinds, [package.barcode for package in packages])
    waypoints = _check_ends(draft, check, country)
    dropoff = waypoints[-1].columns
    reference = check.text(draft.reference, MAX_REFERENCE, "reference")
    columns = {
        "reference": reference,
        "display_reference": check.text(draft.display_reference, MAX_REFERENCE, "displayReference"),
        "kind": draft.kind.value,
        "custody": first_custody(draft.kind).value,
        "priority": check.number(draft.priority, 0, MAX_PRIORITY, "priority"),
        "required_skills": check.skills(draft.required_skills),
        "vehicle_kinds": list(dict.fromkeys(kind.value for kind in draft.vehicle_kinds)),
        **load_of(packages),
        "proof_kinds": kinds,
        "pin": pin,
        "metadata": check.metadata(draft.metadata),
        "due_at": due_at(dropoff["windows"]),
        "readiness": draft.readiness.value,
        "ready_at": check.ready_at(draft.readiness, draft.ready_at, principal.clock.now()),
    }
    return PreparedOrder(new_id(), check, _depot(draft, check, principal), reference, columns, waypoints, packages)


def _depot(draft: OrderDraft, check: Check, principal: Principal) -> UUID | None:
    """The order's depot; a credential that is limited to depots must name one of them, or has only one to take."""
    own = principal.reach.depot_ids
    if draft.depot_id is not None or own is None:
        return check.id_of("depot", draft.depot_id, "depotId")
    if len(own) == 1:
        return next(iter(own))
    check.refuse(ProblemCode.REQUIRED, "Say which depot: this credential is limited to several.", "depotId")
    return None


def _check_ends(draft: OrderDraft, check: Check, country: str | None) -> list[PreparedWaypoint]:
    ends = []
    if draft.kind is OrderKind.DELIVERY and draft.pickup is not None:
        message = "A DELIVERY is loaded at the depot: leave pickup out, or make it a PICKUP_AND_DELIVERY."
        check.refuse(ProblemCode.INVALID_VALUE, message, "pickup")
    elif draft.pickup is not None:
        ends.append(_check_waypoint(draft.pickup, WaypointRole.PICKUP, check, country))
    elif draft.kind is OrderKind.PICKUP_AND_DELIVERY:
        check.refuse(ProblemCode.REQUIRED, "Say where it is fetched.", "pickup")
    ends.append(_check_waypoint(draft.dropoff, WaypointRole.DROPOFF, check, country))
    return ends


def _check_waypoint(draft: WaypointDraft, role: WaypointRole, check: Check, country: str | None) -> PreparedWaypoint:
    where = (role.value.lower(),)
    address = check.address(draft.address, country, *where)
    point = draft.coordinates
    if point is not None and not check.coordinates(point, *where):
        point = None
    columns: dict[str, Any] = {
        **address_columns(address),
        **check.contact(draft.contact, address.country if address else None, *where),
        "windows": stored_windows(check.windows(draft.windows, *where)),
        "service_seconds": check.number(draft.service_seconds, 0, MAX_SERVICE_SECONDS, *where, "serviceSeconds"),
        "instructions": check.text(draft.instructions, MAX_INSTRUCTIONS, *where, "instructions", lines=True),
        "access_code": check.text(draft.access_code, MAX_ACCESS_CODE, *where, "accessCode"),
    }
    return PreparedWaypoint(role, Spot(where, check, address, point), columns)


def address_columns(address: Address | None) -> dict[str, Any]:
    """An address as columns; a refused one has none (its order is not written)."""
    if address is None:
        return {}
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city or "",
        "region": address.region,
        "postal_code": address.postal_code,
        "country": address.country,
        "formatted": one_line(address),
    }


def load_of(packages: Sequence[PackageDraft]) -> dict[str, Any]:
    """The columns of an order's load: the sum of its packages, of all and of those in each compartment."""
    return {
        "weight_grams": sum(package.weight_grams for package in packages),
        "volume_cubic_centimeters": sum(package.volume_cubic_centimeters for package in packages),
        "items": sum(package.items for package in packages),
        "compartments": _parts(packages),
    }


def _parts(packages: Sequence[PackageDraft]) -> dict[str, list[int]]:
    """Grams, cubic centimetres and items in each compartment, by name."""
    parts: dict[str, list[int]] = {}
    for package in packages:
        if package.compartment is not None:
            amounts = (package.weight_grams, package.volume_cubic_centimeters, package.items)
            before = parts.get(package.compartment, [0, 0, 0])
            parts[package.compartment] = [one + more for one, more in zip(before, amounts, strict=True)]
    return dict(sorted(parts.items()))


def stored_windows(windows: Sequence[TimeWindow]) -> list[dict[str, str]]:
    """Windows as their column keeps them."""
    return [{"start": window.start.isoformat(), "end": window.end.isoformat()} for window in windows]


def due_at(windows: Sequence[dict[str, str]]) -> datetime | None:
    """When an order is due: the end of its last drop-off window, None when any time will do."""
    return max((datetime.fromisoformat(window["end"]) for window in windows), default=None)


async def locate(db: Database, tenant_id: UUID, spots: Sequence[Spot]) -> None:
    """Look up what has an address and no coordinates, all in one go; what is not found for sure keeps none, and the reason."""
    missing = [(spot, spot.address) for spot in spots if spot.coordinates is None and spot.address is not None]
    if not missing:
        return
    queries = [
        address_index.Query(address.line1, address.city, address.postal_code, address.country) for _, address in missing
    ]
    async with db.snapshot(tenant_id) as tx, translated():
        located = await address_index.locate(tx.raw, queries, SEARCH_SECONDS)
    for (spot, _), found in zip(missing, located, strict=True):
        spot.looked_up = True
        spot.location_reason = found.reason.value if found.reason else None
        if found.latitude is not None and found.longitude is not None:
            spot.coordinates = Coordinates(found.latitude, found.longitude)


async def snap(roads: Roads, spots: Sequence[Spot]) -> None:
    """Hold all points against the roads, together; one that is too far from any is refused, and no answer leaves them UNCHECKED."""
    located = [(spot, spot.coordinates) for spot in spots if spot.coordinates is not None]
    if not located:
        return
    try:
        snapped = await roads.snap([(point.latitude, point.longitude) for _, point in located])
    except RoadsError as error:
        log.warning("points_unchecked", count=len(located), reason=type(error).__name__)
        return
    for (spot, _), road in zip(located, snapped, strict=True):
        spot.location_check = LocationCheck.CHECKED
        if road.distance_meters <= roads.max_snap_meters:
            spot.road_distance_meters = road.distance_meters
        else:
            far = f"No road within {roads.max_snap_meters:.0f} m of this point: correct the coordinates, or leave them out."
            spot.check.refuse(ProblemCode.OFF_ROAD, far, *spot.where, "address" if spot.looked_up else "coordinates")
