"""Where a depot lies: asked of the address index and the road network before the write transaction, for a moment at most.

A depot must have a point: an address that cannot be found for sure needs coordinates. A point too far from every road is refused; while the
road engine does not answer, the point is taken as it is (a plan will find out).
"""

from dataclasses import dataclass

from doorstep.fleets.service.checks import Checks
from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.scope import Principal
from doorstep.places import address_index
from doorstep.places.addresses import Address, address, one_line
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Roads


@dataclass(frozen=True, slots=True)
class AddressDraft:
    """An address as a client wrote it; without a country it is in the tenant's."""

    line1: str
    city: str
    line2: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A place for a depot; one of the two may be None in a change that leaves it as it is."""

    address: Address | None
    coordinates: Coordinates | None

    def columns(self) -> dict[str, object]:
        """The depot's columns that it fills."""
        columns: dict[str, object] = {}
        if self.address is not None:
            place = self.address
            columns |= {
                "line1": place.line1, "line2": place.line2, "city": place.city or "", "region": place.region,
                "postal_code": place.postal_code, "country": place.country, "formatted": one_line(place),
            }  # fmt: skip
        if self.coordinates is not None:
            columns |= {"latitude": self.coordinates.latitude, "longitude": self.coordinates.longitude}
        return columns


@dataclass(frozen=True, slots=True)
class Survey:
    """What looking for a place came to: the site, or why there is none."""

    site: Site | None
    refusal: DoorstepError | None = None

    def result(self) -> Site:
        """The site; raises the refusal."""
        if self.refusal is not None:
            raise self.refusal
        return self.site or Site(None, None)


async def survey(
    db: Database, roads: Roads, principal: Principal, draft: AddressDraft | None, point: Coordinates | None
) -> Survey:
    """Look for a place before the write transaction. Never raises a refusal: the use case does, so that it becomes a problem.

    With coordinates the address is only brought into form; without, it is looked up in the address index.
    """
    try:
        return Survey(await _look(db, roads, principal, draft, point))
    except DoorstepError as refusal:
        return Survey(None, refusal)


async def _look(
    db: Database, roads: Roads, principal: Principal, draft: AddressDraft | None, point: Coordinates | None
) -> Site:
    checks = Checks()
    place = _formed(checks, draft, principal.country) if draft is not None else None
    if point is not None and not point.on_globe():
        message = "Latitude is -90 to 90 and longitude -180 to 180."
        checks.fault(ProblemCode.INVALID_COORDINATES, message, "coordinates")
    checks.done()
    if place is not None and point is None:
        point = await _found(db, principal, place)
    if point is not None:
        await _check_road(roads, point)
    return Site(place, point)


def _formed(checks: Checks, draft: AddressDraft, country: str | None) -> Address | None:
    code = draft.country or country
    if code is None:
        message = "Give a country such as `LI`: the tenant has none to take."
        checks.fault(ProblemCode.INVALID_ADDRESS, message, "address", "country")
        return None
    return checks.of_places(
        lambda: address(
            draft.line1, code, line2=draft.line2, city=draft.city, postcode=draft.postal_code, region=draft.region
        ),
        ProblemCode.INVALID_ADDRESS,
        "address",
    )


async def _found(db: Database, principal: Principal, place: Address) -> Coordinates:
    query = address_index.Query(place.line1, place.city, place.postal_code, place.country)
    async with db.snapshot(principal) as tx:
        [location] = await address_index.locate(tx.raw, [query])
    if location.latitude is None or location.longitude is None:
        reason = f" ({location.reason.value})" if location.reason else ""
        raise DoorstepError(
            ProblemCode.INVALID_ADDRESS,
            f"This address was not found for sure on the map{reason}: correct it, or give coordinates.",
            ("address",),
        )
    return Coordinates(location.latitude, location.longitude)


async def _check_road(roads: Roads, point: Coordinates) -> None:
    try:
        [snapped] = await roads.snap([(point.latitude, point.longitude)])
    except RoadsError:
        return
    if snapped.distance_meters > roads.max_snap_meters:
        raise DoorstepError(
            ProblemCode.OFF_ROAD,
            f"The nearest road is {snapped.distance_meters:.0f} m away; a depot must be within {roads.max_snap_meters:.0f} m of one.",
            ("coordinates",),
        )
