"""Reactions to what happens to orders: a cancelled or returning order leaves its route, a moved one has its route timed anew."""

from uuid import UUID

from doorstep.kernel import jobs
from doorstep.kernel.consumers import Consumer
from doorstep.kernel.db import Row
from doorstep.kernel.scope import Scope
from doorstep.orders.events import OrderReadinessChanged, OrderStatusChanged, OrderUpdated
from doorstep.orders.model import OrderStatus
from doorstep.planning.service.committing import REFRESH
from doorstep.planning.service.leaving import leave_route

_LEAVING = frozenset({OrderStatus.CANCELLED, OrderStatus.RETURNING})
_ENDS = ("pickup", "dropoff")


async def react(scope: Scope, event: Row) -> None:
    """Apply one event of an order."""
    order_id: UUID = event["order_id"]
    if event["type"] == OrderStatusChanged.TYPE:
        to = event["data"]["to"]
        if to in _LEAVING:
            await leave_route(scope, order_id, stays_on_board=to == OrderStatus.RETURNING)
    elif event["type"] == OrderReadinessChanged.TYPE or any(
        name.startswith(_ENDS) for name in event["data"].get("changes", ())
    ):
        route_id = await scope.tx.fetchval(
            "SELECT route_id FROM assignments WHERE tenant_id = $1 AND order_id = $2 AND active",
            scope.tenant_id,
            order_id,
        )
        if route_id is not None:
            await jobs.enqueue(scope, REFRESH, {"route_id": str(route_id)})


TAKE_OFF = Consumer(
    "planning.orders", frozenset({OrderStatusChanged.TYPE, OrderUpdated.TYPE, OrderReadinessChanged.TYPE}), react
)
