"""Erasing people from everything that holds them, in one transaction, with a receipt.

A person is found by the contacts of orders, or by naming the orders. Orders stay, emptied: what was delivered when, and how it ended. The log keeps
its events, which never held anybody's data, and gains a ``RecipientErased`` for each order.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from doorstep.kernel import jobs
from doorstep.kernel.db import Row
from doorstep.kernel.erasure import carry_out
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode, Refusals
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.kernel.secrets import SecretKeys
from doorstep.orders.model import FINAL, OrderStatus
from doorstep.orders.reads import order_ids_by_contact
from doorstep.orders.service import lock_orders
from doorstep.places import addresses
from doorstep.places.errors import BadValue
from doorstep.planning.reads import orders_on_active_routes
from doorstep.privacy.erasure import ALL
from doorstep.privacy.events import RecipientErased
from doorstep.privacy.model import ErasureCause

MAX_ORDERS = 1000
"""Orders of one erasure."""

ERASE_COPY = "privacy.erase_copy"
AGAIN_SECONDS = 3600.0
"""How long after it was found to be under way a copy is looked at again."""

_KEEP_RECEIPT = """
INSERT INTO erasures (tenant_id, id, actor_kind, actor_id, cause, request_hash, order_ids, counts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be erased: everybody in these orders, and every order with this telephone number or e-mail address as a contact."""

    order_ids: tuple[UUID, ...] = ()
    phone: str | None = None
    email: str | None = None


async def erase_recipient(scope: Scope, person: Person, keys: SecretKeys) -> dict[str, Any]:
    """Erase a person on request; outcome ``{id: the receipt, orders}``.

    Refuses without writing anything: nobody named, a malformed number or address, NOT_FOUND, more than MAX_ORDERS orders, and IN_USE while one of
    the orders is under way.
    """
    scope.require(Permission.PRIVACY_WRITE)
    phone, email = _contact(person, scope.principal.country)
    if phone is None and email is None and not person.order_ids:
        raise DoorstepError(ProblemCode.REQUIRED, "Say who: orderIds, phone or email.")
    found = await order_ids_by_contact(scope.tx, scope.tenant_id, phone, email, MAX_ORDERS + 1)
    wanted = list(dict.fromkeys([*person.order_ids, *found]))
    if not wanted:
        raise NotFound("order with this contact", ("phone",) if phone else ("email",))
    if len(wanted) > MAX_ORDERS:
        said = f"These are more than {MAX_ORDERS} orders: name at most {MAX_ORDERS} at a time by orderIds."
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, said, ("orderIds",))
    named = [phone, email, *sorted(map(str, person.order_ids))]
    mark = keys.sign("erasure", scope.tenant_id.bytes + orjson.dumps(named))
    return await erase_orders(scope, wanted, ErasureCause.REQUEST, request_hash=mark, named=person.order_ids)


async def erase_copy(scope: Scope, order_id: UUID) -> None:
    """Erase the copy that ``scope``'s tenant holds of a partner's order, whose people the partner erased; the tenant gets a receipt of its own.

    While the copy is under way here it is only noted, and erased by a job when it is over: nobody would ask a second time.
    """
    try:
        await erase_orders(scope, [order_id], ErasureCause.PARTNER)
    except DoorstepError as refusal:  # before anything was written
        if refusal.code is ProblemCode.IN_USE:
            await jobs.enqueue(scope, ERASE_COPY, {"order_id": str(order_id)}, after_seconds=AGAIN_SECONDS)


async def erase_orders(
    scope: Scope,
    order_ids: Sequence[UUID],
    cause: ErasureCause,
    *,
    request_hash: bytes | None = None,
    named: Sequence[UUID] = (),
) -> dict[str, Any]:
    """Empty orders of everything personal, all or none; outcome ``{id: the receipt, orders: those that were not empty already}``.

    The door for requests, retention and copies. Doing it again changes nothing more. ``named`` says where refusals point (``orderIds``). Raises NotFound and IN_USE.
    """
    rows = await lock_orders(scope, order_ids)
    on_route = await orders_on_active_routes(scope.tx, scope.tenant_id, order_ids)
    refusals = [
        refusal
        for order_id in order_ids
        if (refusal := _stays(order_id, rows.get(order_id), order_id in on_route, named)) is not None
    ]
    if refusals:
        raise Refusals(refusals)
    fresh = [order_id for order_id in order_ids if rows[order_id]["erased_at"] is None]
    counts = await carry_out(scope, ALL, fresh) if fresh else {}
    erasure_id = new_id()
    await scope.tx.execute(
        _KEEP_RECEIPT, scope.tenant_id, erasure_id, scope.actor.kind.value, scope.actor.id, cause.value, request_hash,
        [str(order_id) for order_id in fresh], counts,
    )  # fmt: skip
    _tell(scope, erasure_id, fresh, rows)
    return {"id": str(erasure_id), "orders": [str(order_id) for order_id in fresh]}


def _tell(scope: Scope, erasure_id: UUID, order_ids: Collection[UUID], rows: Mapping[UUID, Row]) -> None:
    for order_id in order_ids:
        version = rows[order_id]["version"] + 1
        scope.emit(RecipientErased(order_id=order_id, aggregate_version=version, erasure_id=erasure_id))


def _contact(person: Person, country: str | None) -> tuple[str | None, str | None]:
    """Number and address as orders hold them."""
    try:
        phone = addresses.phone(person.phone, country) if person.phone is not None else None
    except BadValue as bad:
        raise DoorstepError(ProblemCode.INVALID_PHONE, bad.message, ("phone",)) from bad
    try:
        email = addresses.email(person.email) if person.email is not None else None
    except BadValue as bad:
        raise DoorstepError(ProblemCode.INVALID_EMAIL, bad.message, ("email",)) from bad
    return phone, email


def _stays(order_id: UUID, row: Row | None, on_route: bool, named: Sequence[UUID]) -> DoorstepError | None:
    """Why an order cannot be erased now, or None."""
    path = ("orderIds", named.index(order_id)) if order_id in named else ()
    if row is None:
        return NotFound("order", path)
    name = public_id("order", order_id)
    status = OrderStatus(row["status"])
    if status not in FINAL:
        said = f"Order {name} is {status}: cancel it, or let it come to its end, then erase."
        return DoorstepError(ProblemCode.IN_USE, said, path, existing_id=name)
    if on_route:
        said = f"Order {name} is {status}, but its route is still being driven and needs its places: erase when the route is over."
        return DoorstepError(ProblemCode.IN_USE, said, path, existing_id=name)
    return None
