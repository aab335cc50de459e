"""Mutations of orders. Addresses are looked up and points snapped before the write transaction begins."""

from typing import Annotated

import strawberry

from doorstep.kernel.graphql.context import Context, Info, input_id
from doorstep.kernel.graphql.problems import Payload, Problem, problems_from_json
from doorstep.orders import service
from doorstep.orders.graphql.inputs import (
    CancelOrderInput,
    CreateOrderInput,
    CreateOrdersInput,
    NewOrderInput,
    SetOrderReadinessInput,
    UpdateOrderInput,
)
from doorstep.orders.graphql.types import Order, load_orders
from doorstep.orders.service.intake import MAX_ORDERS
from doorstep.orders.service.preparing import PreparedOrder
from doorstep.orders.service.values import Path
from doorstep.places.roads import Roads

_ONE_INPUT = "All that the mutation needs."


async def _order_of(payload: Payload, info: Info) -> Order | None:
    order_id = payload.outcome_id()
    return await info.context.load(load_orders, order_id) if order_id else None


@strawberry.type(description="The order as it is now, or why it was refused.")
class CreateOrderPayload(Payload):
    @strawberry.field(description="The new order; null when it was refused.")
    async def order(self, info: Info) -> Order | None:
        return await _order_of(self, info)


@strawberry.type(description="What became of one order of a bulk call.")
class CreateOrderResult:
    index: int = strawberry.field(description="Its place in `orders`, from 0.")
    given: strawberry.Private[Payload]

    @strawberry.field(description="The new order; null when it was refused.")
    async def order(self, info: Info) -> Order | None:
        return await _order_of(self.given, info)

    @strawberry.field(description="Why it was refused; empty when it was created.")
    def problems(self) -> list[Problem]:
        return self.given.problems


@strawberry.type(description="What became of each order, at most 1,000.")
class CreateOrdersPayload(Payload):
    @strawberry.field(
        description="One result per order, in the order given; empty when the call as a whole was refused."
    )
    def results(self) -> list[CreateOrderResult]:
        return [
            CreateOrderResult(
                index=one["index"],
                given=Payload(outcome={"id": one["id"]}, problems=problems_from_json(one["problems"])),
            )
            for one in self.outcome.get("results", [])
        ]


@strawberry.type(description="The order as it is now, and why a change was refused.")
class UpdateOrderPayload(Payload):
    @strawberry.field(description="The order as it is now, also after a CONFLICT; null when there is none.")
    async def order(self, info: Info) -> Order | None:
        return await _order_of(self, info)


@strawberry.type(description="The order as it is now, and why calling it off was refused.")
class CancelOrderPayload(Payload):
    @strawberry.field(
        description="The order as it is now, also after a CONFLICT: CANCELLED, or RETURNING when the goods were on board."
    )
    async def order(self, info: Info) -> Order | None:
        return await _order_of(self, info)


@strawberry.type(description="The order as it is now, and why its readiness was refused.")
class SetOrderReadinessPayload(Payload):
    @strawberry.field(description="The order as it is now, also after a CONFLICT; null when there is none.")
    async def order(self, info: Info) -> Order | None:
        return await _order_of(self, info)


async def _prepare(context: Context, orders: list[tuple[Path, NewOrderInput]]) -> list[PreparedOrder]:
    services = context.services
    drafts = [(path, order.draft()) for path, order in orders]
    roads = services.get(Roads)
    prepared = await service.prepare_orders(services.db, roads, context.principal, drafts)
    await service.choose_depots(services.db, roads, context.principal, prepared)
    return prepared


@strawberry.type
class OrdersMutation:
    @strawberry.mutation(
        description="Take an order in. An address that is not found makes it NEEDS_LOCATION, not a refusal."
    )
    async def create_order(
        self, info: Info, input: Annotated[CreateOrderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> CreateOrderPayload | None:
        context = info.context
        [order] = await _prepare(context, [((), input)])
        return await context.write(
            "createOrder", input, CreateOrderPayload, lambda scope: service.create_order(scope, order)
        )

    @strawberry.mutation(description="Take up to 1,000 orders in, each answered by itself.")
    async def create_orders(
        self, info: Info, input: Annotated[CreateOrdersInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> CreateOrdersPayload | None:
        context = info.context
        given: list[tuple[Path, NewOrderInput]] = [(("orders", at), order) for at, order in enumerate(input.orders)]
        orders = await _prepare(context, given) if len(given) <= MAX_ORDERS else []
        return await context.write(
            "createOrders",
            input,
            CreateOrdersPayload,
            lambda scope: service.create_orders(scope, orders, input.policy),
        )

    @strawberry.mutation(description="Change an order.")
    async def update_order(
        self, info: Info, input: Annotated[UpdateOrderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> UpdateOrderPayload | None:
        context = info.context
        services = context.services
        patch = await service.prepare_patch(
            services.db, services.get(Roads), context.principal, input.id, input.patch()
        )
        return await context.write(
            "updateOrder", input, UpdateOrderPayload, lambda scope: service.update_order(scope, patch, input.if_version)
        )

    @strawberry.mutation(
        description=(
            "Say how far the goods of an order are, and when they will be ready: plans and on-demand dispatch fetch them no earlier, and a route that "
            "holds the order already is timed anew. Goods that are loaded at the depot are delivered no earlier."
        )
    )
    async def set_order_readiness(
        self, info: Info, input: Annotated[SetOrderReadinessInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> SetOrderReadinessPayload | None:
        return await info.context.write(
            "setOrderReadiness",
            input,
            SetOrderReadinessPayload,
            lambda scope: service.set_order_readiness(
                scope, input_id("order", input.id, "id"), input.state, input.ready_at, input.if_version
            ),
        )

    @strawberry.mutation(
        description="Call an order off: CANCELLED while the goods are with the sender or at the depot; with goods on board, RETURNING."
    )
    async def cancel_order(
        self, info: Info, input: Annotated[CancelOrderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> CancelOrderPayload | None:
        return await info.context.write(
            "cancelOrder",
            input,
            CancelOrderPayload,
            lambda scope: service.cancel_order(
                scope, input_id("order", input.id, "id"), input.reason, input.if_version
            ),
        )
