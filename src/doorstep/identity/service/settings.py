"""A tenant's own settings: name, time zone, country, currency, locale, policies."""

import re
from typing import Any, TypedDict

from doorstep.identity.events import TenantUpdated
from doorstep.identity.reads import tenant_row
from doorstep.identity.service.rights import check_name
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Permission, Scope
from doorstep.places import addresses
from doorstep.places.errors import BadValue
from doorstep.places.roads import HourFactor
from doorstep.places.roads.traffic import LEAST, MOST, WEEK

_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")

Outcome = dict[str, Any]


class TenantChanges(TypedDict, total=False):
    """What changes of a tenant; what is absent stays."""

    name: str
    time_zone: str
    country: str | None
    currency: str
    locale: str
    complete_without_arrival: bool
    persisted_only: bool
    dispatch_enabled: bool
    dispatch_offer_seconds: int
    dispatch_most_orders: int
    travel_time_factors: list[HourFactor]
    nearest_depot: bool
    allowed_origins: list[str]


async def update_tenant(scope: Scope, changes: TenantChanges, if_version: int | None = None) -> Outcome:
    """Change the tenant's settings; outcome ``{id}``. Running processes follow within two seconds. Refuses CONFLICT and values of no meaning."""
    scope.require(Permission.TENANT_WRITE)
    await scope.tx.execute("SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE", scope.tenant_id)
    row = await tenant_row(scope.tx, scope.tenant_id)
    if row is None:
        raise NotFound("tenant")
    if if_version is not None and if_version != row["version"]:
        raise Conflict("tenant", row["version"], scope.tenant_id)
    different = {name: value for name, value in _checked(changes).items() if row[name] != value}
    if different:
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, 2))
        await scope.tx.execute(
            f"UPDATE tenants SET {sets}, version = version + 1, updated_at = now() WHERE id = $1",
            scope.tenant_id,
            *different.values(),
        )
        names = sorted(_SHOWN.get(name, name) for name in different)
        scope.emit(TenantUpdated(changes=names, aggregate_version=row["version"] + 1))
    return {"id": str(scope.tenant_id)}


_SHOWN = {
    "time_zone": "timeZone",
    "complete_without_arrival": "policies.completeWithoutArrival",
    "persisted_only": "policies.persistedDocumentsOnly",
    "allowed_origins": "allowedOrigins",
    "dispatch_enabled": "policies.dispatch.enabled",
    "dispatch_offer_seconds": "policies.dispatch.offerSeconds",
    "dispatch_most_orders": "policies.dispatch.mostOrders",
    "travel_time_factors": "policies.travelTimes",
    "nearest_depot": "policies.nearestDepot",
}

MAX_ORIGINS = 20
_ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::\d{1,5})?|https?://\[[0-9a-f:.]+\](?::\d{1,5})?")
_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))


def _origins(given: list[str]) -> list[str]:
    """Origins as browsers write them; refuses what is none. A star would let any page call, so it is none."""
    if len(given) > MAX_ORIGINS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MAX_ORIGINS} origins.", ["allowedOrigins"])
    return sorted({_origin(text, at) for at, text in enumerate(given)})


def _origin(text: str, at: int) -> str:
    origin = text.strip().lower().removesuffix("/")
    if len(origin) > 253 or not _ORIGIN.fullmatch(origin):
        message = "Give an origin such as https://portal.example.com: a scheme and a host, perhaps a port, and no path."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["allowedOrigins", at])
    for scheme, port in _DEFAULT_PORTS:
        if origin.startswith(scheme):
            origin = origin.removesuffix(port)
    return origin


def _check_dispatch(changes: TenantChanges) -> None:
    """Nobody reads an offer in less than five seconds, and none may wait for ten minutes."""
    seconds, most = changes.get("dispatch_offer_seconds", 0), changes.get("dispatch_most_orders", 1)
    if seconds != 0 and not 5 <= seconds <= 600:
        message = "An offer lasts 5 to 600 seconds; 0 assigns without asking."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["policies", "dispatch", "offerSeconds"])
    if not 1 <= most <= 50:
        message = "A courier may have 1 to 50 orders at a time."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["policies", "dispatch", "mostOrders"])


MAX_FACTORS = 100


def _travel_times(given: list[HourFactor]) -> list[dict[str, Any]]:
    """Factors in their stored form; refuses what is out of bounds, and two for one hour: which of them would hold?"""
    path: list[str | int] = ["policies", "travelTimes"]
    if len(given) > MAX_FACTORS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MAX_FACTORS} factors.", path)
    taken: set[tuple[str, int, int]] = set()
    for at, one in enumerate(given):
        _check_factor(one, [*path, at])
        cells = set(one.cells())
        if not taken.isdisjoint(cells):
            message = (
                "Another factor holds for some of these hours already: give one for each profile, weekday and hour."
            )
            raise DoorstepError(ProblemCode.INVALID_VALUE, message, [*path, at])
        taken |= cells
    return [one.as_json() for one in given]


def _check_factor(one: HourFactor, path: list[str | int]) -> None:
    if not LEAST <= one.factor <= MOST:
        raise DoorstepError(ProblemCode.INVALID_VALUE, f"A factor is from {LEAST:g} to {MOST:g}.", [*path, "factor"])
    if not 0 <= one.from_hour < one.until_hour <= 24:
        message = "Give hours from 0 to 24, the end after the beginning; for a night give two factors."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, [*path, "untilHour"])
    if not one.weekdays or not one.weekdays <= WEEK:
        message = "Weekdays are numbers from 1, Monday, to 7, Sunday; leave them out for all."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, [*path, "weekdays"])


def _checked(changes: TenantChanges) -> dict[str, Any]:
    columns: dict[str, Any] = dict(changes)
    if "name" in changes:
        columns["name"] = check_name(changes["name"], "name")
    if changes.get("country") is not None:
        try:
            columns["country"] = addresses.country(changes["country"] or "")
        except BadValue as bad:
            raise DoorstepError(ProblemCode.INVALID_VALUE, bad.message, ["country"]) from bad
    if "allowed_origins" in changes:
        columns["allowed_origins"] = _origins(changes["allowed_origins"])
    if "travel_time_factors" in changes:
        columns["travel_time_factors"] = _travel_times(changes["travel_time_factors"])
    _check_dispatch(changes)
    if "locale" in changes and not _LOCALE.fullmatch(changes["locale"]):
        message = "Give a locale such as en, de-CH or zh-Hant-TW."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["locale"])
    return columns
