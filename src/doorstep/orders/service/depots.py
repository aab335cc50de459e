"""Which depot an order is brought from when it names none, for tenants that want that settled as it is taken in.

The nearest of the depots that are open when the order is due (now, when any time will do): the three nearest as the crow flies, and of these the one
from which the drive is shortest. When the roads do not answer in time, the straight line decides. Where no depot is open, and for tenants that
leave it to the plan, the order has no depot, and a vehicle of any of them may bring it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np
import structlog

from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.geo import Coordinates, distance_meters
from doorstep.kernel.opening_hours import OpeningHours, is_open
from doorstep.kernel.scope import Principal
from doorstep.orders.model import OrderKind
from doorstep.orders.service.preparing import PreparedOrder
from doorstep.places.errors import RoadsError
from doorstep.places.roads import Roads

log = structlog.get_logger(__name__)

NEAREST: Final = 3
ROADS_SECONDS: Final = 2.0
MOST_DEPOTS: Final = 1000
_ORDERS_AT_ONCE: Final = 50

_CANDIDATES: Final = """
SELECT depot.id, depot.latitude, depot.longitude, depot.time_zone, depot.opening_hours
FROM tenants AS tenant JOIN depots AS depot ON depot.tenant_id = tenant.id AND depot.archived_at IS NULL
WHERE tenant.id = $1 AND tenant.nearest_depot ORDER BY depot.id LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class _Choice:
    """An order that is to have a depot, and those from which it may come, nearest first."""

    order: PreparedOrder
    door: Coordinates
    depots: list[Row]


async def choose_depots(db: Database, roads: Roads, principal: Principal, orders: Sequence[PreparedOrder]) -> None:
    """Give each order that needs one and names none its depot, in place; never raises, since an order without one can be planned, too."""
    waiting = [(order, door) for order in orders if (door := _door(order)) is not None]
    if not waiting:
        return
    async with db.snapshot(principal) as tx:
        depots = await _candidates(tx, principal.tenant_id)
    now = principal.clock.now()
    choices = [_Choice(order, door, _open_nearby(depots, door, _due(order, now))) for order, door in waiting]
    for choice in choices:
        choice.order.depot_id = choice.depots[0]["id"] if choice.depots else None
    unsure = [choice for choice in choices if len(choice.depots) > 1]
    try:
        for first in range(0, len(unsure), _ORDERS_AT_ONCE):
            await _by_road(roads, unsure[first : first + _ORDERS_AT_ONCE])
    except RoadsError as error:
        log.warning("depots_by_straight_line", count=len(unsure), reason=type(error).__name__)


def _door(order: PreparedOrder) -> Coordinates | None:
    """Where it goes, if it is loaded at a depot that is still to be chosen."""
    if order.check.refusals or order.depot_id is not None or order.columns["kind"] != OrderKind.DELIVERY:
        return None
    return order.waypoints[-1].spot.coordinates


async def _candidates(tx: Transaction, tenant_id: UUID) -> list[Row]:
    return await tx.fetch(_CANDIDATES, tenant_id, MOST_DEPOTS)


def _due(order: PreparedOrder, now: datetime) -> datetime:
    due: datetime | None = order.columns["due_at"]
    return due or now


def _open_nearby(depots: Sequence[Row], door: Coordinates, at: datetime) -> list[Row]:
    usable = [
        depot
        for depot in depots
        if is_open(map(OpeningHours.from_json, depot["opening_hours"]), depot["time_zone"], at)
    ]
    return sorted(usable, key=lambda depot: distance_meters(_place(depot), door))[:NEAREST]


def _place(depot: Row) -> Coordinates:
    return Coordinates(depot["latitude"], depot["longitude"])


async def _by_road(roads: Roads, choices: Sequence[_Choice]) -> None:
    """Of each order's depots the one from which the drive is shortest; a depot without a way is none."""
    depots = {depot["id"]: depot for choice in choices for depot in choice.depots}
    numbers = {depot_id: number for number, depot_id in enumerate(depots)}
    starts = [(depot["latitude"], depot["longitude"]) for depot in depots.values()]
    doors = [(choice.door.latitude, choice.door.longitude) for choice in choices]
    drives = (await roads.matrix([*starts, *doors], None, within=ROADS_SECONDS)).durations
    for number, choice in enumerate(choices, len(starts)):
        seconds = [float(drives[numbers[depot["id"]], number]) for depot in choice.depots]
        if not np.isnan(seconds).all():
            choice.order.depot_id = choice.depots[int(np.nanargmin(seconds))]["id"]
