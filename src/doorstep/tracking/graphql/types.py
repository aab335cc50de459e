"""Attempt, Proof and Position as the schema shows them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import strawberry

from doorstep.fleets.graphql.edges import POSITION
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.values import Coordinates
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.orders.graphql.edges import ATTEMPTS, PROOFS
from doorstep.orders.model import ProofKind
from doorstep.planning.graphql import Stop, load_stops
from doorstep.tracking.model import AttemptOutcome, FailureReason
from doorstep.tracking.reads import attempts_by_ids, attempts_of, positions_of, proofs_by_ids, proofs_of

T = TypeVar("T")


@strawberry.type(description="One try at fetching or delivering an order, and how it ended.")
class Attempt(Node):
    number: int = strawberry.field(description="Counts the tries of the order, from 1.")
    outcome: AttemptOutcome = strawberry.field(description="How it ended.")
    reason: FailureReason | None = strawberry.field(description="Why it failed; null when it did not.")
    note: str | None = strawberry.field(description="What the driver wrote about it.")
    occurred_at: datetime = strawberry.field(description="When, by the device's clock.")
    order_uuid: strawberry.Private[UUID]
    stop_uuid: strawberry.Private[UUID | None]

    @strawberry.field(description="The order that was tried.")
    async def order(self, info: Info) -> Order | None:
        return await info.context.load(load_orders, self.order_uuid)

    @strawberry.field(description="The stop at which it was tried.")
    async def stop(self, info: Info) -> Stop | None:
        return await info.context.load(load_stops, self.stop_uuid) if self.stop_uuid else None

    @classmethod
    def of(cls, row: Row) -> "Attempt":
        """From a row of ``attempts``."""
        return cls(
            uuid=row["id"],
            number=row["number"],
            outcome=AttemptOutcome(row["outcome"]),
            reason=FailureReason(row["reason"]) if row["reason"] else None,
            note=row["note"],
            occurred_at=row["occurred_at"],
            order_uuid=row["order_id"],
            stop_uuid=row["stop_id"],
        )


@strawberry.type(description="What a driver showed for an outcome.")
class Proof(Node):
    kind: ProofKind = strawberry.field(description="What sort of proof it is.")
    captured_at: datetime = strawberry.field(description="When it was taken, by the device's clock.")
    coordinates: Coordinates | None = strawberry.field(description="Where the device was.")
    distance_from_target_meters: float | None = strawberry.field(
        description="How far the device was from where the stop is, in a straight line."
    )
    barcode: str | None = strawberry.field(description="The barcode that was scanned; of kind BARCODE.")
    recipient_name: str | None = strawberry.field(description="Who took it.")
    note: str | None = strawberry.field(description="What the driver wrote.")
    order_uuid: strawberry.Private[UUID]
    stop_uuid: strawberry.Private[UUID | None]

    @strawberry.field(description="The order that it is about.")
    async def order(self, info: Info) -> Order | None:
        return await info.context.load(load_orders, self.order_uuid)

    @strawberry.field(description="The stop at which it was taken.")
    async def stop(self, info: Info) -> Stop | None:
        return await info.context.load(load_stops, self.stop_uuid) if self.stop_uuid else None

    @classmethod
    def of(cls, row: Row) -> "Proof":
        """From a row of ``proofs``."""
        placed = row["latitude"] is not None and row["longitude"] is not None
        return cls(
            uuid=row["id"],
            kind=ProofKind(row["kind"]),
            captured_at=row["captured_at"],
            coordinates=Coordinates(latitude=row["latitude"], longitude=row["longitude"]) if placed else None,
            distance_from_target_meters=row["distance_from_target_meters"],
            barcode=row["barcode"],
            recipient_name=row["recipient_name"],
            note=row["note"],
            order_uuid=row["order_id"],
            stop_uuid=row["stop_id"],
        )


@strawberry.type(description="Where a vehicle was last, as its device reported.")
class Position:
    coordinates: Coordinates = strawberry.field(description="The point.")
    occurred_at: datetime = strawberry.field(description="When it was there, by the device's clock.")
    recorded_at: datetime = strawberry.field(description="When the server heard of it.")
    heading_degrees: float | None = strawberry.field(description="Where it was going, clockwise from north.")
    speed_meters_per_second: float | None = strawberry.field(description="How fast it was.")
    accuracy_meters: float | None = strawberry.field(description="How sure the device was, as a radius.")

    @classmethod
    def of(cls, row: Row) -> "Position":
        """From a row of ``vehicle_positions``."""
        return cls(
            coordinates=Coordinates(latitude=row["latitude"], longitude=row["longitude"]),
            occurred_at=row["occurred_at"],
            recorded_at=row["recorded_at"],
            heading_degrees=row["heading_degrees"],
            speed_meters_per_second=row["speed_meters_per_second"],
            accuracy_meters=row["accuracy_meters"],
        )


def _by_id(shown: Sequence[T], rows: Sequence[Row], ids: Sequence[UUID]) -> list[T | None]:
    found = {row["id"]: one for row, one in zip(rows, shown, strict=True)}
    return [found.get(identifier) for identifier in ids]


async def load_attempts(context: Context, ids: list[UUID]) -> list[Attempt | None]:
    """Attempts by their ids."""
    rows = await attempts_by_ids(await context.reads(), context.tenant_id, ids)
    return _by_id([Attempt.of(row) for row in rows], rows, ids)


async def load_proofs(context: Context, ids: list[UUID]) -> list[Proof | None]:
    """Proofs by their ids."""
    rows = await proofs_by_ids(await context.reads(), context.tenant_id, ids)
    return _by_id([Proof.of(row) for row in rows], rows, ids)


async def load_attempts_of(context: Context, order_ids: list[UUID]) -> list[list[Attempt]]:
    """Each order's attempts, first to last."""
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    for row in await attempts_of(await context.reads(), context.tenant_id, order_ids):
        found[row["order_id"]].append(Attempt.of(row))
    return [found[order_id] for order_id in order_ids]


async def load_proofs_of(context: Context, order_ids: list[UUID]) -> list[list[Proof]]:
    """Each order's proofs, first to last."""
    found: dict[UUID, list[Proof]] = defaultdict(list)
    for row in await proofs_of(await context.reads(), context.tenant_id, order_ids):
        found[row["order_id"]].append(Proof.of(row))
    return [found[order_id] for order_id in order_ids]


async def load_positions(context: Context, vehicle_ids: list[UUID]) -> list[Position | None]:
    """Where each vehicle was last."""
    rows = await positions_of(await context.reads(), context.tenant_id, vehicle_ids)
    found = {row["vehicle_id"]: Position.of(row) for row in rows}
    return [found.get(vehicle_id) for vehicle_id in vehicle_ids]


register_node("attempt", "Attempt", Permission.TRACKING_READ, load_attempts)
register_node("proof", "Proof", Permission.TRACKING_READ, load_proofs)
ATTEMPTS.supply(load_attempts_of)
PROOFS.supply(load_proofs_of)
POSITION.supply(load_positions)
