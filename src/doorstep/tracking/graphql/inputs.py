"""What a device reports: acts and positions, as the schema takes them."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from doorstep.kernel.errors import DoorstepError
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.graphql.context import input_id
from doorstep.kernel.graphql.values import CoordinatesInput
from doorstep.orders.model import ProofKind
from doorstep.tracking.model import FailureReason, StopAct
from doorstep.tracking.model.proofs import ProofGiven
from doorstep.tracking.service import DriverAct, PositionGiven

_KEY = "Makes the mutation safe to repeat: the same key with the same input has one effect. 1 to 255 printable characters, kept 48 h."


@strawberry.input(description="What the driver shows for an outcome.")
class ProofInput:
    kind: ProofKind = strawberry.field(description="What sort of proof it is.")
    pin: str | None = strawberry.field(default=None, description="Of kind PIN: what the recipient said.")
    barcode: str | None = strawberry.field(default=None, description="Of kind BARCODE: what was scanned.")
    note: str | None = strawberry.field(
        default=None, description="Of kind NOTE: the note; with other kinds a remark. At most 1,000 characters."
    )
    recipient_name: str | None = strawberry.field(
        default=None,
        description="Of kind LEFT_WITH: with whom it was left; with other kinds who took it. At most 200 characters.",
    )
    order_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The order that it is for. Left out: a PIN and a barcode go to the orders that they fit, everything else to all orders of the act.",
    )


@strawberry.input(description="A driver's act at a stop.")
class AdvanceStopInput:
    stop_id: strawberry.ID = strawberry.field(description="The stop.")
    act: StopAct = strawberry.field(description="What the driver does.")
    act_id: strawberry.ID = strawberry.field(
        description="Made by the device for each act, 1 to 64 printable characters: an act that is reported again has no second effect."
    )
    route_version: int | None = strawberry.field(
        default=None,
        description="The version of the route that the driver saw. On another one the act is refused with STALE_ROUTE, and the payload shows the present route.",
    )
    occurred_at: datetime | None = strawberry.field(
        default=None,
        description="When it was, by the device's clock; left out: now. Acts that come late are merged by it and never move a state backwards.",
    )
    coordinates: CoordinatesInput | None = strawberry.field(default=None, description="Where the device was.")
    reason: FailureReason | None = strawberry.field(default=None, description="Why it failed; needed for FAIL.")
    note: str | None = strawberry.field(
        default=None, description="A remark on a failure, at most 1,000 characters; needed with the reason OTHER."
    )
    order_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="COMPLETE or FAIL only these of the stop's orders; left out: all of them."
    )
    proofs: list[ProofInput] | None = strawberry.field(
        default=None, description="What is shown for COMPLETE or FAIL, at most 250."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def given(self) -> DriverAct:
        """The act with its ids parsed; raises INVALID_ID."""
        order_ids = self.order_ids
        return DriverAct(
            stop_id=input_id("stop", self.stop_id, "stopId"),
            act=self.act,
            act_id=str(self.act_id),
            occurred_at=self.occurred_at,
            coordinates=point(self.coordinates),
            reason=self.reason,
            note=self.note,
            order_ids=None
            if order_ids is None
            else tuple(input_id("order", text, "orderIds", index) for index, text in enumerate(order_ids)),
            proofs=proofs_given(self.proofs or (), "proofs"),
        )


def proofs_given(proofs: Sequence[ProofInput], name: str) -> tuple[ProofGiven, ...]:
    """Proofs for the service, from the input's field of that name; raises INVALID_ID."""
    return tuple(_proof(name, index, proof) for index, proof in enumerate(proofs))


def _proof(name: str, index: int, proof: ProofInput) -> ProofGiven:
    order_id = proof.order_id
    return ProofGiven(
        kind=proof.kind,
        pin=proof.pin,
        barcode=proof.barcode,
        note=proof.note,
        recipient_name=proof.recipient_name,
        order_id=None if order_id is None else input_id("order", order_id, name, index, "orderId"),
    )


def point(given: CoordinatesInput | None) -> Coordinates | None:
    """A point as it was given."""
    return Coordinates(given.latitude, given.longitude) if given else None


@strawberry.input(description="Where a vehicle was.")
class PositionInput:
    vehicle_id: strawberry.ID = strawberry.field(description="The vehicle.")
    coordinates: CoordinatesInput = strawberry.field(description="The point.")
    occurred_at: datetime = strawberry.field(
        description="When, by the device's clock: at most 24 h ago, and at most 5 minutes ahead of the tenant's clock."
    )
    heading_degrees: float | None = strawberry.field(
        default=None, description="Where it was going, clockwise from north, 0 to below 360."
    )
    speed_meters_per_second: float | None = strawberry.field(default=None, description="How fast it was, 0 to 150.")
    accuracy_meters: float | None = strawberry.field(
        default=None, description="How sure the device was, as a radius, 0 to 100,000."
    )


@strawberry.input(description="Positions of vehicles, in any order.")
class ReportPositionsInput:
    positions: list[PositionInput] = strawberry.field(description="1 to 250 positions; each is answered by itself.")
    idempotency_key: str | None = strawberry.field(
        default=None, description=f"{_KEY} Positions are harmless to repeat without one."
    )

    def given(self) -> list[PositionGiven | DoorstepError]:
        """The reports; one whose id is malformed is a refusal in its place."""
        return [_position(position) for position in self.positions]


def _position(given: PositionInput) -> PositionGiven | DoorstepError:
    try:
        vehicle_id = input_id("vehicle", given.vehicle_id, "vehicleId")
    except DoorstepError as refusal:
        return refusal
    return PositionGiven(
        vehicle_id=vehicle_id,
        coordinates=Coordinates(given.coordinates.latitude, given.coordinates.longitude),
        occurred_at=given.occurred_at,
        heading_degrees=given.heading_degrees,
        speed_meters_per_second=given.speed_meters_per_second,
        accuracy_meters=given.accuracy_meters,
    )
