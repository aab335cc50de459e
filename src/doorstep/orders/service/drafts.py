"""What a caller says of an order, before anything is checked: plain text and numbers, as they came.

Ids are the API's TypeIDs and enum values are enums; everything else is judged by ``preparing``, so that a bad value is a problem of its own
order and never of the whole call.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from doorstep.kernel.geo import Coordinates
from doorstep.kernel.time import TimeWindow
from doorstep.orders.model import OrderKind, ProofKind, Readiness
from doorstep.places.model import VehicleKind

T = TypeVar("T")


class CreatePolicy(StrEnum):
    """What one bad order means for the others of its call."""

    REJECT_ALL = "REJECT_ALL"
    REJECT_FAILED = "REJECT_FAILED"


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """A field that a patch names; an absent one is None, a given null is ``Given(None)``."""

    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressDraft:
    """A postal address as people write it; without a country it is in the tenant's."""

    line1: str
    city: str
    line2: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDraft:
    """Whom to ask for."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaypointDraft:
    """One end of an order; without coordinates the address is looked up on the map."""

    address: AddressDraft
    coordinates: Coordinates | None = None
    contact: ContactDraft | None = None
    windows: list[TimeWindow] = field(default_factory=list)
    service_seconds: int = 0
    instructions: str | None = None
    access_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """A parcel; a package is one item unless it says otherwise."""

    barcode: str | None = None
    description: str | None = None
    weight_grams: int = 0
    volume_cubic_centimeters: int = 0
    items: int = 1
    fragile: bool = False
    compartment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofDraft:
    """What the driver must show; PIN without a ``pin`` gets a random one."""

    kinds: list[ProofKind] = field(default_factory=list)
    pin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """A new order."""

    dropoff: WaypointDraft
    kind: OrderKind = OrderKind.DELIVERY
    readiness: Readiness = Readiness.READY
    ready_at: datetime | None = None
    pickup: WaypointDraft | None = None
    reference: str | None = None
    display_reference: str | None = None
    depot_id: str | None = None
    priority: int = 0
    required_skills: list[str] = field(default_factory=list)
    vehicle_kinds: list[VehicleKind] = field(default_factory=list)
    packages: list[PackageDraft] = field(default_factory=list)
    proof: ProofDraft = field(default_factory=ProofDraft)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaypointPatch:
    """Changes of one end; a new address without coordinates is looked up again, ``coordinates`` null asks for that too."""

    address: Given[AddressDraft] | None = None
    coordinates: Given[Coordinates | None] | None = None
    contact: Given[ContactDraft | None] | None = None
    windows: Given[list[TimeWindow]] | None = None
    service_seconds: Given[int] | None = None
    instructions: Given[str | None] | None = None
    access_code: Given[str | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPatch:
    """Changes of an order; packages are replaced as a whole."""

    reference: Given[str | None] | None = None
    display_reference: Given[str | None] | None = None
    carrier_reference: Given[str | None] | None = None
    depot_id: Given[str | None] | None = None
    priority: Given[int] | None = None
    required_skills: Given[list[str]] | None = None
    vehicle_kinds: Given[list[VehicleKind]] | None = None
    packages: Given[list[PackageDraft]] | None = None
    proof: Given[ProofDraft] | None = None
    metadata: Given[dict[str, Any]] | None = None
    pickup: WaypointPatch | None = None
    dropoff: WaypointPatch | None = None
