"""The faces of the events of tracking: fields are facts as of then, objects as of now."""

from uuid import UUID

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id
from doorstep.orders.graphql import Order, load_orders
from doorstep.orders.model import ProofKind
from doorstep.tracking.graphql.types import Proof, load_proofs


@register_event
@strawberry.type(description="A driver showed a proof for an outcome.")
class ProofCaptured(Event):
    @strawberry.field(description="What sort of proof it is.")
    def kind(self) -> ProofKind:
        return ProofKind(self.row["data"]["kind"])

    @strawberry.field(description="The proof's id.")
    def proof_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("proof", UUID(self.row["data"]["proof_id"])))

    @strawberry.field(description="The proof as of now; null when it was erased.")
    async def proof(self, info: Info) -> Proof | None:
        return await info.context.load(load_proofs, UUID(self.row["data"]["proof_id"]))

    @strawberry.field(description="The order's id.")
    def order_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("order", self.row["order_id"]))

    @strawberry.field(description="The order as of now; null when it was erased.")
    async def order(self, info: Info) -> Order | None:
        return await info.context.load(load_orders, self.row["order_id"])

    @strawberry.field(description="The id of the stop at which it was taken.")
    def stop_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("stop", UUID(self.row["data"]["stop_id"])))


@register_event
@strawberry.type(
    description="A proof came without a stop of ours: from a partner carrier, or from a carrier's own dispatch system."
)
class ProofReported(Event):
    @strawberry.field(description="What sort of proof it is.")
    def kind(self) -> ProofKind:
        return ProofKind(self.row["data"]["kind"])

    @strawberry.field(description="The proof's id.")
    def proof_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("proof", UUID(self.row["data"]["proof_id"])))

    @strawberry.field(description="The proof as of now; null when it was erased.")
    async def proof(self, info: Info) -> Proof | None:
        return await info.context.load(load_proofs, UUID(self.row["data"]["proof_id"]))

    @strawberry.field(description="The order's id.")
    def order_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("order", self.row["order_id"]))

    @strawberry.field(description="The order as of now; null when it was erased.")
    async def order(self, info: Info) -> Order | None:
        return await info.context.load(load_orders, self.row["order_id"])


@register_event
@strawberry.type(
    description="The link by which a recipient follows an order was ended (revokeTracking): it has another one from now on."
)
class TrackingRevoked(Event):
    @strawberry.field(description="The order's id.")
    def order_id(self) -> strawberry.ID:
        return strawberry.ID(public_id("order", self.row["order_id"]))

    @strawberry.field(description="The order as of now; null when it was erased.")
    async def order(self, info: Info) -> Order | None:
        return await info.context.load(load_orders, self.row["order_id"])
