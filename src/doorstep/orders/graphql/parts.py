"""Small parts of an order as the schema shows them: what may be done now, and when it is expected."""

from datetime import datetime

import strawberry

from doorstep.orders.model import ActorRole, NextAction, OrderActionKind, OrderStatus, ProofKind


@strawberry.type(description="Something that may be done to an order now.")
class OrderAction:
    kind: OrderActionKind = strawberry.field(description="What it is.")
    to: OrderStatus = strawberry.field(description="The state that it leads to.")
    by: list[ActorRole] = strawberry.field(description="Whose act it is; at most one of each role.")
    mutation: str = strawberry.field(description="The mutation that does it.")
    proofs: list[ProofKind] = strawberry.field(description="What must be shown for it; at most one of each kind.")

    @classmethod
    def of(cls, action: NextAction) -> "OrderAction":
        """From the model's next action."""
        return cls(
            kind=action.kind,
            to=action.to,
            by=list(action.by),
            mutation=action.mutation,
            proofs=list(action.proofs),
        )


@strawberry.type(description="When the next stop of an order is expected.")
class Eta:
    at: datetime = strawberry.field(description="The expected arrival.")
    stops_before: int = strawberry.field(description="How many stops come before it.")
    late_by_seconds: int = strawberry.field(description="How far it is past the end of the last window; 0 in time.")
    updated_at: datetime = strawberry.field(description="When it was last computed.")
