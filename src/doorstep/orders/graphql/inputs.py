"""Inputs of the mutations of orders, and the drafts that the service makes of them."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import strawberry

from doorstep.kernel.geo import Coordinates
from doorstep.kernel.graphql.inputs import straight
from doorstep.kernel.graphql.scalars import JSONObject
from doorstep.kernel.graphql.values import CoordinatesInput, LoadInput, TimeWindowInput
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import CancelReason, OrderKind, ProofKind, Readiness
from doorstep.orders.service.drafts import (
    AddressDraft,
    ContactDraft,
    CreatePolicy,
    Given,
    OrderDraft,
    OrderPatch,
    PackageDraft,
    ProofDraft,
    WaypointDraft,
    WaypointPatch,
)
from doorstep.places.graphql import AddressInput, ContactInput
from doorstep.places.model import VehicleKind

S = TypeVar("S")
T = TypeVar("T")

KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). 1 to 255 printable characters."
READY_AT = (
    "When they are expected to be ready, at most a year ahead: nothing is fetched or delivered earlier. Not with READY."
)
IF_VERSION = "Refuse with CONFLICT when the order is at another version."


@strawberry.input(description="One end of an order.")
class WaypointInput:
    address: AddressInput = strawberry.field(description="The postal address.")
    coordinates: CoordinatesInput | None = strawberry.field(
        default=None,
        description="The point. Left out, the address is looked up on the map; when it is not found for sure the order is created as NEEDS_LOCATION.",
    )
    contact: ContactInput | None = strawberry.field(default=None, description="Whom to ask for.")
    windows: list[TimeWindowInput] = strawberry.field(
        default_factory=list, description="When somebody may come: at most 10 that do not overlap; empty: any time."
    )
    service_seconds: int = strawberry.field(
        default=0, description="Seconds that the driver needs at the door, 0 to 86,400."
    )
    instructions: str | None = strawberry.field(
        default=None, description="What the driver should know, at most 1,000 characters."
    )
    access_code: str | None = strawberry.field(default=None, description="What opens the door, at most 100 characters.")

    def draft(self) -> WaypointDraft:
        """For the service."""
        return WaypointDraft(
            address=_address(self.address),
            coordinates=_coordinates(self.coordinates),
            contact=_contact(self.contact),
            windows=_windows(self.windows),
            service_seconds=self.service_seconds,
            instructions=self.instructions,
            access_code=self.access_code,
        )


@strawberry.input(description="A parcel.")
class PackageInput:
    barcode: str | None = strawberry.field(default=None, description="What is scanned, at most 100 characters.")
    description: str | None = strawberry.field(default=None, description="What is inside, at most 500 characters.")
    load: LoadInput | None = strawberry.field(
        default=None,
        description="How much of a vehicle it takes: at most 20,000,000 grams, 20,000,000 cubic centimetres and 10,000 items. "
        "Left out: 1 item without weight and volume.",
    )
    fragile: bool = strawberry.field(default=False, description="Whether it breaks easily.")
    compartment: str | None = strawberry.field(
        default=None,
        description="The compartment of a vehicle that it must travel in, such as `frozen`, at most 64 characters; left out: anywhere.",
    )

    def draft(self) -> PackageDraft:
        """For the service."""
        load = self.load or LoadInput()
        return PackageDraft(
            barcode=self.barcode,
            description=self.description,
            weight_grams=load.weight_grams or 0,
            volume_cubic_centimeters=load.volume_cubic_centimeters or 0,
            items=1 if load.items is None else load.items,
            fragile=self.fragile,
            compartment=self.compartment,
        )


@strawberry.input(description="What the driver must show before an order counts as delivered.")
class ProofRequirementInput:
    kinds: list[ProofKind] = strawberry.field(description="Every kind that must be shown; empty: none.")
    pin: str | None = strawberry.field(
        default=None, description="The PIN, 4 to 8 digits; left out where a PIN is required, a random one is made."
    )

    def draft(self) -> ProofDraft:
        """For the service."""
        return ProofDraft(kinds=list(self.kinds), pin=self.pin)


@straight
@strawberry.input(description="An order of a bulk call.")
class NewOrderInput:
    kind: OrderKind = strawberry.field(default=OrderKind.DELIVERY, description="What it asks for.")
    reference: str | None = strawberry.field(
        default=None, description="Your own number, at most 100 characters; unique in the tenant when given."
    )
    display_reference: str | None = strawberry.field(
        default=None, description="What people read on the ticket, at most 100 characters; may repeat."
    )
    pickup: WaypointInput | None = strawberry.field(
        default=None, description="Where it is fetched; needed for PICKUP_AND_DELIVERY, and only there."
    )
    dropoff: WaypointInput = strawberry.field(description="Where it goes.")
    depot_id: strawberry.ID | None = strawberry.field(
        default=None, description="The depot that it is served from; left out: any."
    )
    packages: list[PackageInput] = strawberry.field(
        default_factory=list, description="Its parcels, at most 100; without any it takes no room in a vehicle."
    )
    priority: int = strawberry.field(default=0, description="0 to 100; where not all fit, higher ones go first.")
    required_skills: list[str] = strawberry.field(
        default_factory=list, description="What driver and vehicle must be able to do, at most 20 of 64 characters."
    )
    vehicle_kinds: list[VehicleKind] = strawberry.field(
        default_factory=list, description="The kinds of vehicle that may bring it; empty: any."
    )
    proof_required: ProofRequirementInput | None = strawberry.field(
        default=None, description="What the driver must show; left out: nothing."
    )
    metadata: JSONObject | None = strawberry.field(default=None, description="Your own data.")
    readiness: Readiness = strawberry.field(
        default=Readiness.READY, description="How far the goods are; change it with setOrderReadiness."
    )
    ready_at: datetime | None = strawberry.field(default=None, description=READY_AT)

    def draft(self) -> OrderDraft:
        """For the service."""
        return OrderDraft(
            kind=self.kind,
            reference=self.reference,
            display_reference=self.display_reference,
            pickup=self.pickup.draft() if self.pickup else None,
            dropoff=self.dropoff.draft(),
            depot_id=self.depot_id,
            packages=[package.draft() for package in self.packages],
            priority=self.priority,
            required_skills=list(self.required_skills),
            vehicle_kinds=list(self.vehicle_kinds),
            proof=self.proof_required.draft() if self.proof_required else ProofDraft(),
            metadata=self.metadata or {},
            readiness=self.readiness,
            ready_at=self.ready_at,
        )


@straight
@strawberry.input(description="A new order.")
class CreateOrderInput(NewOrderInput):
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="New orders, each answered by itself.")
class CreateOrdersInput:
    orders: list[NewOrderInput] = strawberry.field(description="1 to 1,000 orders.")
    policy: CreatePolicy = strawberry.field(
        default=CreatePolicy.REJECT_FAILED, description="What one bad order means for the others."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Changes of one end of an order; what is left out stays as it is.")
class WaypointPatchInput:
    address: strawberry.Maybe[AddressInput] = strawberry.field(
        default=None,
        description="The whole new address; without `coordinates` it is looked up on the map, unless only floor or region changed.",
    )
    coordinates: strawberry.Maybe[CoordinatesInput | None] = strawberry.field(
        default=None, description="The point; null: look the address up on the map."
    )
    contact: strawberry.Maybe[ContactInput | None] = strawberry.field(
        default=None, description="The whole new contact; null: nobody."
    )
    windows: strawberry.Maybe[list[TimeWindowInput]] = strawberry.field(
        default=None, description="All windows anew; empty: any time."
    )
    service_seconds: strawberry.Maybe[int] = strawberry.field(
        default=None, description="Seconds that the driver needs at the door, 0 to 86,400."
    )
    instructions: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="What the driver should know; null: nothing."
    )
    access_code: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="What opens the door; null: nothing."
    )

    def patch(self) -> WaypointPatch:
        """For the service."""
        return WaypointPatch(
            address=_given(self.address, _address),
            coordinates=_given(self.coordinates, _coordinates),
            contact=_given(self.contact, _contact),
            windows=_given(self.windows, _windows),
            service_seconds=_given(self.service_seconds, _same),
            instructions=_given(self.instructions, _same),
            access_code=_given(self.access_code, _same),
        )


@strawberry.input(
    description=(
        "Changes of an order; what is left out stays as it is. While it is on a route only reference, displayReference, contacts, "
        "instructions, access codes, proofRequired and metadata may change; once it is final, displayReference and metadata."
    )
)
class UpdateOrderInput:
    id: strawberry.ID = strawberry.field(description="The order.")
    reference: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Your own number; null: none.")
    carrier_reference: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="The carrier's own number for it, at most 100 characters; null: none."
    )
    display_reference: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="What people read on the ticket; null: nothing."
    )
    pickup: strawberry.Maybe[WaypointPatchInput] = strawberry.field(
        default=None, description="Changes of where it is fetched."
    )
    dropoff: strawberry.Maybe[WaypointPatchInput] = strawberry.field(
        default=None, description="Changes of where it goes."
    )
    depot_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        default=None, description="The depot that it is served from; null: any."
    )
    packages: strawberry.Maybe[list[PackageInput]] = strawberry.field(default=None, description="All parcels anew.")
    priority: strawberry.Maybe[int] = strawberry.field(default=None, description="0 to 100.")
    required_skills: strawberry.Maybe[list[str]] = strawberry.field(default=None, description="All skills anew.")
    vehicle_kinds: strawberry.Maybe[list[VehicleKind]] = strawberry.field(
        default=None, description="All kinds of vehicle anew; empty: any."
    )
    proof_required: strawberry.Maybe[ProofRequirementInput] = strawberry.field(
        default=None, description="What the driver must show; a PIN that is not named stays as it was."
    )
    metadata: strawberry.Maybe[JSONObject] = strawberry.field(default=None, description="All of your own data anew.")
    if_version: int | None = strawberry.field(default=None, description=IF_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def patch(self) -> OrderPatch:
        """For the service."""
        return OrderPatch(
            reference=_given(self.reference, _same),
            display_reference=_given(self.display_reference, _same),
            carrier_reference=_given(self.carrier_reference, _same),
            pickup=self.pickup.value.patch() if self.pickup else None,
            dropoff=self.dropoff.value.patch() if self.dropoff else None,
            depot_id=_given(self.depot_id, _same),
            packages=_given(self.packages, lambda packages: [package.draft() for package in packages]),
            priority=_given(self.priority, _same),
            required_skills=_given(self.required_skills, list),
            vehicle_kinds=_given(self.vehicle_kinds, list),
            proof=_given(self.proof_required, ProofRequirementInput.draft),
            metadata=_given(self.metadata, _same),
        )


@strawberry.input(description="How far the goods of an order are.")
class SetOrderReadinessInput:
    id: strawberry.ID = strawberry.field(description="The order; its goods must not be on board yet.")
    state: Readiness = strawberry.field(description="How far they are.")
    ready_at: datetime | None = strawberry.field(default=None, description=READY_AT)
    if_version: int | None = strawberry.field(default=None, description=IF_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Call an order off.")
class CancelOrderInput:
    id: strawberry.ID = strawberry.field(description="The order.")
    reason: CancelReason | None = strawberry.field(default=None, description="Why.")
    if_version: int | None = strawberry.field(default=None, description=IF_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


def _given(field: "strawberry.Some[S] | None", read: Callable[[S], T]) -> Given[T] | None:
    """A patch's field for the service: absent, or given (null included)."""
    return None if field is None else Given(read(field.value))


def _same(value: S) -> S:
    return value


def _address(given: AddressInput) -> AddressDraft:
    return AddressDraft(
        line1=given.line1, line2=given.line2, city=given.city, region=given.region, postal_code=given.postal_code,
        country=given.country,
    )  # fmt: skip


def _coordinates(given: CoordinatesInput | None) -> Coordinates | None:
    return Coordinates(given.latitude, given.longitude) if given else None


def _contact(given: ContactInput | None) -> ContactDraft | None:
    return ContactDraft(name=given.name, phone=given.phone, email=given.email) if given else None


def _windows(given: list[TimeWindowInput]) -> list[TimeWindow]:
    return [TimeWindow(window.start, window.end) for window in given]
