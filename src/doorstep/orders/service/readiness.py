"""How far the kitchen or the warehouse is with an order's goods: told by the merchant, used by plans as the earliest pickup."""

from datetime import datetime
from typing import Any
from uuid import UUID

from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode, Refusals
from doorstep.kernel.scope import Permission, Scope
from doorstep.orders.events import OrderReadinessChanged
from doorstep.orders.model import AWAITS_GOODS, OrderStatus, Readiness
from doorstep.orders.service.moves import lock_orders, refuse_given
from doorstep.orders.service.values import Check


async def set_order_readiness(
    scope: Scope, order_id: UUID, state: Readiness, ready_at: datetime | None = None, if_version: int | None = None
) -> dict[str, Any]:
    """Say how far the goods are, and when they are expected to be READY (UTC); outcome ``{id}``. What changes nothing writes nothing.

    Raises NotFound, Conflict, ILLEGAL_TRANSITION once the goods have left, ORDER_TAKEN where a partner carrier has the order, INVALID_VALUE for a
    time that goes with READY or lies more than a year ahead.
    """
    scope.require(Permission.ORDERS_WRITE)
    row = (await lock_orders(scope, [order_id])).get(order_id)
    if row is None:
        raise NotFound("order", ["id"])
    if if_version is not None and if_version != row["version"]:
        raise Conflict("order", row["version"], order_id)
    check = Check()
    check.ready_at(state, ready_at, scope.clock.now())
    if check.refusals:
        raise Refusals(check.refusals)
    if OrderStatus(row["status"]) not in AWAITS_GOODS or row["erased_at"] is not None:
        said = f"The order is {row['status']}: its goods are not waited for any more."
        raise DoorstepError(ProblemCode.ILLEGAL_TRANSITION, said, ["id"])
    refuse_given([row])
    if (row["readiness"], row["ready_at"]) == (state, ready_at):
        return {"id": str(order_id)}
    version = row["version"] + 1
    await scope.tx.execute(
        "UPDATE orders SET readiness = $3, ready_at = $4, version = $5, updated_at = now() WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id, order_id, state.value, ready_at, version,
    )  # fmt: skip
    scope.emit(
        OrderReadinessChanged(
            order_id=order_id,
            aggregate_version=version,
            from_=Readiness(row["readiness"]),
            to=state,
            ready_at=ready_at,
        )
    )
    return {"id": str(order_id)}
