"""Offering orders to partner carriers: to the first of a ranked list, and to the next one when that does not accept in time."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.model import (
    PLANNABLE,
    Custody,
    LocationStatus,
    OrderKind,
    OrderStatus,
    WaypointRole,
    to_be_fetched,
)
from doorstep.orders.reads import waypoints_of
from doorstep.orders.service import Move, give_orders, lock_orders, move_orders
from doorstep.partners.errors import AlreadyTendered, IllegalTender, PartnershipInactive
from doorstep.partners.events import TenderOffered
from doorstep.partners.model import PartnershipStatus, TenderQueueRow, TenderRow, TenderStatus
from doorstep.partners.service.verdicts import Verdicts

MAX_OFFERS: Final = 10
MAX_PRICE_MINOR: Final = 10**12
MIN_SECONDS, MAX_SECONDS = 5, 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Offer:
    """One carrier's turn: the price in minor units of the merchant's currency (None: as agreed), and how long it may think (wall seconds)."""

    partnership_id: UUID
    price_minor: int | None
    deadline_seconds: int

    def stored(self) -> dict[str, Any]:
        """As the queue keeps it."""
        return {**asdict(self), "partnership_id": str(self.partnership_id)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Offer":
        """The inverse of ``stored``."""
        return cls(UUID(stored["partnership_id"]), stored["price_minor"], stored["deadline_seconds"])


async def tender_orders(
    scope: Scope, orders: Sequence[UUID | DoorstepError], offers: Sequence[Offer]
) -> dict[str, Any]:
    """Offer orders to the first of ``offers``, each answered by itself; the others follow by rank when nobody accepts.

    Outcome ``{results: [{index, id: the tender, problems}]}``. Refuses the whole call for bad offers: NOT_FOUND (no such partnership),
    PARTNERSHIP_INACTIVE, INVALID_VALUE; an order by itself: NOT_FOUND, ALREADY_TENDERED, ILLEGAL_TRANSITION (also back to a company that it
    came from), NOT_PLANNABLE, REQUIRED.
    """
    scope.require(Permission.PARTNERS_WRITE)
    verdicts = Verdicts(orders, "orderIds")
    _check_offers(offers)
    rows = await lock_orders(scope, verdicts.sound)
    partners = await _partnerships(scope, [offer.partnership_id for offer in offers])
    for rank, offer in enumerate(offers):
        _check_partner(partners.get(offer.partnership_id), ("offers", rank, "partnershipId"))
    pickups = await _pickups(scope, list(rows.values()))
    for index, order_id in verdicts.entries():
        refusal = _refusal(rows.get(order_id), pickups.get(order_id), ("orderIds", index))
        if refusal is not None:
            verdicts.refuse(index, refusal)
    await _refuse_circles(scope, verdicts, [partner["carrier_id"] for partner in partners.values()])
    chosen = [rows[order_id] for _, order_id in verdicts.entries()]
    made = await _offer(scope, chosen, pickups, partners[offers[0].partnership_id], offers[0])
    await scope.tx.insert(
        TenderQueueRow,
        [
            {
                "tenant_id": scope.tenant_id,
                "order_id": row["id"],
                "offers": [offer.stored() for offer in offers[1:]],
            }
            for row in chosen
            if len(offers) > 1
        ],
    )
    await move_orders(scope, [Move(row["id"], OrderStatus.OFFERED) for row in chosen])
    await give_orders(scope, made)
    return verdicts.outcome(made)


async def _refuse_circles(scope: Scope, verdicts: Verdicts, carriers: Sequence[UUID]) -> None:
    """An order that goes to a company which gave it on would follow itself. How it came is past, so the whole list is judged once."""
    rows = await scope.tx.fetch("SELECT order_id FROM doorstep_would_come_back($1, $2)", verdicts.sound, list(carriers))
    circling = {row["order_id"] for row in rows}
    for index, order_id in list(verdicts.entries()):
        if order_id in circling:
            said = "It came to you from one of these carriers, itself or through others, and cannot go back there: offer it to another one."
            name = public_id("order", order_id)
            verdicts.refuse(index, IllegalTender(said, verdicts.path(index), existing_id=name))


def _check_offers(offers: Sequence[Offer]) -> None:
    if not 1 <= len(offers) <= MAX_OFFERS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Name 1 to {MAX_OFFERS} carriers.", ["offers"])
    if len({offer.partnership_id for offer in offers}) < len(offers):
        raise DoorstepError(ProblemCode.INVALID_VALUE, "Each carrier has one turn.", ["offers"])
    for rank, offer in enumerate(offers):
        if offer.price_minor is not None and not 0 <= offer.price_minor <= MAX_PRICE_MINOR:
            raise DoorstepError(
                ProblemCode.INVALID_VALUE, f"0 to {MAX_PRICE_MINOR} minor units.", ["offers", rank, "priceMinor"]
            )
        if not MIN_SECONDS <= offer.deadline_seconds <= MAX_SECONDS:
            said = f"{MIN_SECONDS} to {MAX_SECONDS} seconds."
            raise DoorstepError(ProblemCode.INVALID_VALUE, said, ["offers", rank, "deadlineSeconds"])


async def _partnerships(scope: Scope, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The merchant's own, held still until the commit, so that none ends while something is offered over it."""
    rows = await scope.tx.fetch(
        "SELECT id, carrier_id, status, valid_until, coalesce(valid_until <= clock_timestamp(), false) AS is_over, "
        "clock_timestamp() AS present, (SELECT currency FROM tenants WHERE id = $1) AS currency "
        "FROM partnerships WHERE merchant_id = $1 AND id = ANY($2) ORDER BY id FOR SHARE",
        scope.tenant_id,
        sorted(ids),
    )
    return {row["id"]: row for row in rows}


def _check_partner(row: Row | None, path: Sequence[str | int]) -> None:
    if row is None:
        raise NotFound("partnership in which you are the merchant", path)
    if row["status"] == PartnershipStatus.INVITED:
        raise PartnershipInactive("The carrier has not accepted the invitation yet.", path)
    if not _is_active(row):
        raise PartnershipInactive("This partnership has ended.", path)


def _is_active(row: Row) -> bool:
    return row["status"] == PartnershipStatus.ACTIVE and not row["is_over"]


def _refusal(row: Row | None, pickup: Mapping[str, Any] | None, path: Sequence[str | int]) -> DoorstepError | None:
    if row is None:
        return NotFound("order", path)
    if row["given_tender_id"] is not None:
        return AlreadyTendered(row["given_tender_id"], path)
    name = public_id("order", row["id"])
    if row["status"] not in PLANNABLE:
        said = f"The order is {row['status']}: only an order that is {' or '.join(sorted(PLANNABLE))} can be offered."
        return IllegalTender(said, path, existing_id=name)
    if row["location_status"] == LocationStatus.NEEDS_LOCATION:
        said = "Its address is not found: give coordinates or a better address first (updateOrder)."
        return DoorstepError(ProblemCode.NOT_PLANNABLE, said, path, existing_id=name)
    if pickup is None:
        said = "Say which depot has the goods (updateOrder with depotId): the carrier fetches them there."
        return DoorstepError(ProblemCode.REQUIRED, said, path, existing_id=name)
    return None


_PLACE = "line1, line2, city, region, postal_code, country, formatted, latitude, longitude"


async def _pickups(scope: Scope, orders: Sequence[Row]) -> dict[UUID, dict[str, Any]]:
    """Where a carrier fetches each order: at its pickup address, or at the depot that has the goods; missing where no depot is known.

    Address, point, windows and seconds at the door; no contact and nothing else that the carrier may not know before it accepts.
    """
    depots = {
        row["id"]: {name: row[name] for name in _PLACE.split(", ")}
        for row in await scope.tx.fetch(
            f"SELECT id, {_PLACE} FROM depots WHERE tenant_id = $1 AND archived_at IS NULL", scope.tenant_id
        )
    }
    only = next(iter(depots.values())) if len(depots) == 1 else None
    ends = {
        row["order_id"]: row
        for row in await waypoints_of(scope.tx, scope.tenant_id, [order["id"] for order in orders])
        if row["role"] == WaypointRole.PICKUP
    }
    found: dict[UUID, dict[str, Any]] = {}
    for order in orders:
        if to_be_fetched(OrderKind(order["kind"]), Custody(order["custody"])):
            end = ends[order["id"]]
            kept = ("location_check", "windows", "service_seconds")
            found[order["id"]] = {name: end[name] for name in (*_PLACE.split(", "), *kept)}
            continue
        depot = depots.get(order["depot_id"]) if order["depot_id"] else only
        if depot is not None:
            found[order["id"]] = {**depot, "location_check": "CHECKED", "windows": [], "service_seconds": 0}
    return found


async def _offer(
    scope: Scope, orders: Sequence[Row], pickups: Mapping[UUID, dict[str, Any]], partner: Row, offer: Offer
) -> dict[UUID, UUID]:
    """Write one tender for each order and tell of it; returns the tenders' ids by the orders'."""
    ends = {
        row["order_id"]: row
        for row in await waypoints_of(scope.tx, scope.tenant_id, [order["id"] for order in orders])
        if row["role"] == WaypointRole.DROPOFF
    }
    deadline = partner["present"] + timedelta(seconds=offer.deadline_seconds)
    if partner["valid_until"] is not None:
        deadline = min(deadline, partner["valid_until"])
    rows = [
        {
            "merchant_id": scope.tenant_id,
            "id": new_id(),
            "carrier_id": partner["carrier_id"],
            "partnership_id": partner["id"],
            "merchant_order_id": order["id"],
            "version": 1,
            "status": TenderStatus.OFFERED.value,
            "picked_up": False,
            "price_minor": offer.price_minor,
            "currency": partner["currency"],
            **{name: order[name] for name in ("weight_grams", "volume_cubic_centimeters", "items")},
            "pickup": pickups[order["id"]],
            "dropoff_postal_code": ends[order["id"]]["postal_code"],
            "dropoff_city": ends[order["id"]]["city"],
            "dropoff_country": ends[order["id"]]["country"],
            "dropoff_windows": ends[order["id"]]["windows"],
            "deadline_at": deadline,
        }
        for order in orders
    ]
    await scope.tx.insert(TenderRow, rows)
    for row in rows:
        scope.emit(
            TenderOffered(
                aggregate_version=1,
                order_id=row["merchant_order_id"],
                tender_id=row["id"],
                partnership_id=row["partnership_id"],
            )
        )
    return {row["merchant_order_id"]: row["id"] for row in rows}


async def offer_next(scope: Scope, order_id: UUID, ended: UUID) -> None:
    """The tender ``ended`` of the merchant's order came to nothing: offer the order to the next carrier of its list, else it is PENDING again.

    The order is locked first; nothing happens when it is no longer given by that tender.
    """
    row = (await lock_orders(scope, [order_id])).get(order_id)
    if row is None or row["given_tender_id"] != ended:
        return
    if row["status"] == OrderStatus.OFFERED:
        for offer in await _take_queue(scope, order_id):
            partner = (await _partnerships(scope, [offer.partnership_id])).get(offer.partnership_id)
            pickups = await _pickups(scope, [row])
            if partner is not None and _is_active(partner) and pickups:
                made = await _offer(scope, [row], pickups, partner, offer)
                await _drop_from_queue(scope, order_id, offer)
                await give_orders(scope, made)
                return
    await give_back(scope, row)


async def _take_queue(scope: Scope, order_id: UUID) -> list[Offer]:
    offers = await scope.tx.fetchval(
        "SELECT offers FROM tender_queues WHERE tenant_id = $1 AND order_id = $2 FOR UPDATE", scope.tenant_id, order_id
    )
    return [Offer.of(stored) for stored in offers or []]


async def _drop_from_queue(scope: Scope, order_id: UUID, offer: Offer) -> None:
    """What comes after this offer stays in the queue."""
    queue = await _take_queue(scope, order_id)
    rest = queue[queue.index(offer) + 1 :]
    await scope.tx.execute(
        "UPDATE tender_queues SET offers = $3 WHERE tenant_id = $1 AND order_id = $2",
        scope.tenant_id,
        order_id,
        [one.stored() for one in rest],
    )


async def give_back(scope: Scope, order: Row) -> None:
    """A locked order is the merchant's own business again: PENDING, unless it is final or on its way back."""
    await clear_queue(scope, [order["id"]])
    present = OrderStatus(order["status"])
    if present in LEAVES:
        await move_orders(scope, [Move(order["id"], OrderStatus.PENDING)], by_partner=True)
    await give_orders(scope, {order["id"]: None})


LEAVES: Final = frozenset(
    {
        OrderStatus.OFFERED,
        OrderStatus.ASSIGNED,
        OrderStatus.EN_ROUTE_TO_PICKUP,
        OrderStatus.AT_PICKUP,
        OrderStatus.ATTEMPT_FAILED,
        OrderStatus.AWAITING_REATTEMPT,
    }
)
"""The states from which an order that the carrier does not bring becomes PENDING."""


async def clear_queue(scope: Scope, order_ids: Sequence[UUID]) -> None:
    """Nobody is asked after the present carrier."""
    await scope.tx.execute(
        "DELETE FROM tender_queues WHERE tenant_id = $1 AND order_id = ANY($2)", scope.tenant_id, list(order_ids)
    )
