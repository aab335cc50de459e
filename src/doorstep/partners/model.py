"""Tables and state machine of partnerships and tenders. No I/O."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.ids import new_id
from doorstep.kernel.tables import INSTANT, JSON_LIST, JSON_OBJECT, one_of, tenant_key
from doorstep.orders.model import ON_ROUTE, PLANNABLE, OrderStatus


class PartnershipStatus(StrEnum):
    """Where a partnership stands."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class TenderStatus(StrEnum):
    """Where a tender stands."""

    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"
    RELEASED = "RELEASED"
    CANCELLED = "CANCELLED"
    FULFILLED = "FULFILLED"


class TenderReason(StrEnum):
    """Why a carrier declines or releases; a fixed list, because it goes into both logs."""

    PRICE = "PRICE"
    NO_CAPACITY = "NO_CAPACITY"
    NO_VEHICLE = "NO_VEHICLE"
    AREA = "AREA"
    TIME = "TIME"
    OTHER = "OTHER"


class SharedField(StrEnum):
    """What a merchant may share of its orders beyond what every delivery needs (addresses, windows, load, required proofs)."""

    REFERENCE = "REFERENCE"
    CONTACT_NAME = "CONTACT_NAME"
    CONTACT_PHONE = "CONTACT_PHONE"
    CONTACT_EMAIL = "CONTACT_EMAIL"
    INSTRUCTIONS = "INSTRUCTIONS"
    ACCESS_CODE = "ACCESS_CODE"
    PACKAGES = "PACKAGES"
    SKILLS = "SKILLS"
    METADATA = "METADATA"
    PIN = "PIN"


DEFAULT_SHARED = (
    SharedField.REFERENCE,
    SharedField.CONTACT_NAME,
    SharedField.CONTACT_PHONE,
    SharedField.INSTRUCTIONS,
    SharedField.ACCESS_CODE,
    SharedField.PACKAGES,
)


class PartnerSide(StrEnum):
    """Which of the two companies."""

    MERCHANT = "MERCHANT"
    CARRIER = "CARRIER"


class ReportAct(StrEnum):
    """What a carrier's own dispatch system says has happened to an order."""

    ASSIGN = "ASSIGN"
    DEPART = "DEPART"
    ARRIVE = "ARRIVE"
    PICK_UP = "PICK_UP"
    DELIVER = "DELIVER"
    FAIL = "FAIL"
    RETRY = "RETRY"
    RETURN = "RETURN"
    HAND_BACK = "HAND_BACK"


_T = TenderStatus
TENDER_TRANSITIONS: dict[TenderStatus, frozenset[TenderStatus]] = {
    _T.OFFERED: frozenset({_T.ACCEPTED, _T.DECLINED, _T.EXPIRED, _T.WITHDRAWN}),
    _T.ACCEPTED: frozenset({_T.RELEASED, _T.CANCELLED, _T.FULFILLED}),
    _T.DECLINED: frozenset(),
    _T.EXPIRED: frozenset(),
    _T.WITHDRAWN: frozenset(),
    _T.RELEASED: frozenset(),
    _T.CANCELLED: frozenset(),
    _T.FULFILLED: frozenset(),
}
OPEN_TENDERS = frozenset({_T.OFFERED, _T.ACCEPTED})

_O, _A = OrderStatus, ReportAct
_STEPS: dict[tuple[ReportAct, OrderStatus], tuple[OrderStatus, ...]] = {
    (_A.DEPART, _O.ASSIGNED): (_O.EN_ROUTE_TO_PICKUP,),
    **{(_A.ARRIVE, status): (_O.AT_PICKUP,) for status in (_O.ASSIGNED, _O.EN_ROUTE_TO_PICKUP)},
    **{(_A.PICK_UP, status): (_O.PICKED_UP,) for status in (_O.ASSIGNED, _O.EN_ROUTE_TO_PICKUP, _O.AT_PICKUP)},
    **{(_A.DEPART, status): (_O.EN_ROUTE_TO_DROPOFF,) for status in (_O.PICKED_UP, _O.AT_DROPOFF)},
    **{(_A.ARRIVE, status): (_O.AT_DROPOFF,) for status in (_O.PICKED_UP, _O.EN_ROUTE_TO_DROPOFF)},
    **{(_A.DELIVER, status): (_O.AT_DROPOFF, _O.DELIVERED) for status in (_O.PICKED_UP, _O.EN_ROUTE_TO_DROPOFF)},
    (_A.DELIVER, _O.AT_DROPOFF): (_O.DELIVERED,),
    **{(_A.FAIL, status): (_O.ATTEMPT_FAILED,) for status in ON_ROUTE},
    (_A.RETRY, _O.ATTEMPT_FAILED): (_O.AWAITING_REATTEMPT,),
    **{
        (_A.RETURN, status): (_O.RETURNING,)
        for status in (_O.PICKED_UP, _O.EN_ROUTE_TO_DROPOFF, _O.AT_DROPOFF, _O.ATTEMPT_FAILED, _O.AWAITING_REATTEMPT)
    },
    (_A.HAND_BACK, _O.RETURNING): (_O.RETURNED,),
}
_BEGIN = {_A.ASSIGN, _A.DEPART, _A.ARRIVE, _A.PICK_UP}


def reported_steps(status: OrderStatus, act: ReportAct) -> tuple[OrderStatus, ...]:
    """The states that an act leads an order through, in turn; empty when it does not fit the present one.

    A dispatch system may leave steps out (it says DELIVER without ARRIVE): those are taken as well, so that both sides see the same way.
    """
    if status in PLANNABLE and act in _BEGIN:
        return (_O.ASSIGNED, *_STEPS.get((act, _O.ASSIGNED), ()))
    return _STEPS.get((act, status), ())


def fitting_acts(status: OrderStatus) -> list[ReportAct]:
    """What may be reported of an order in this state."""
    return [act for act in ReportAct if reported_steps(status, act)]


def merchants_status(status: OrderStatus) -> OrderStatus | None:
    """What the carrier's state is on the merchant's order; None: a tender's event tells it (the carrier's CANCELLED is RELEASED)."""
    if status in {_O.PENDING, _O.OFFERED}:
        return _O.ASSIGNED
    return None if status is _O.CANCELLED else status


class PartnershipRow(SQLModel, table=True):
    """Two tenants that work together. ``carrier_id`` is None until the invitation is redeemed; then the token's hash is gone.

    Names are copies: neither side can read the other's row of ``tenants``.
    """

    __tablename__ = "partnerships"
    __table_args__ = (
        CheckConstraint(one_of("status", list(PartnershipStatus)), name="partnerships_status"),
        CheckConstraint("carrier_id <> merchant_id", name="partnerships_two"),
        CheckConstraint("status = 'INVITED' OR token_hash IS NULL", name="partnerships_token"),
        UniqueConstraint("merchant_id", "id", "carrier_id", name="partnerships_parties"),
        Index("partnerships_by_merchant", "merchant_id", "created_at", "id"),
        Index("partnerships_by_carrier", "carrier_id", "created_at", "id"),
        Index("partnerships_by_token", "token_hash", postgresql_where=text("token_hash IS NOT NULL")),
        Index(
            "partnerships_active", "merchant_id", "carrier_id", unique=True, postgresql_where=text("status = 'ACTIVE'")
        ),
    )

    merchant_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    carrier_id: UUID | None = None
    version: int = 1
    status: str = PartnershipStatus.INVITED.value
    merchant_name: str
    carrier_name: str | None = None
    shared_fields: list[str] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    valid_until: datetime | None = Field(default=None, sa_type=INSTANT)
    token_hash: bytes | None = None
    token_expires_at: datetime | None = Field(default=None, sa_type=INSTANT)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    accepted_at: datetime | None = Field(default=None, sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)


class TenderRow(SQLModel, table=True):
    """One order offered to one carrier. Both sides see all of it: nothing stands here that the carrier may not know before it accepts.

    ``pickup`` is an address with its point and windows, without a contact; of the drop-off there are postcode, city and country. ``picked_up`` is
    set in the transaction that takes the goods on board: cancelling and picking up meet at this row.
    """

    __tablename__ = "tenders"
    __table_args__ = (
        CheckConstraint(one_of("status", list(TenderStatus)), name="tenders_status"),
        CheckConstraint(f"reason IS NULL OR {one_of('reason', list(TenderReason))}", name="tenders_reason"),
        ForeignKeyConstraint(
            ["merchant_id", "partnership_id", "carrier_id"],
            ["partnerships.merchant_id", "partnerships.id", "partnerships.carrier_id"],
        ),
        ForeignKeyConstraint(["merchant_id", "merchant_order_id"], ["orders.tenant_id", "orders.id"]),
        ForeignKeyConstraint(["carrier_id", "carrier_order_id"], ["orders.tenant_id", "orders.id"]),
        Index("tenders_by_merchant", "merchant_id", "created_at", "id"),
        Index("tenders_by_carrier", "carrier_id", "created_at", "id"),
        Index("tenders_of_carrier", "carrier_id", "id"),
        Index("tenders_by_merchants_order", "merchant_id", "merchant_order_id"),
        Index("tenders_by_partnership", "merchant_id", "partnership_id"),
        Index(
            "tenders_open",
            "merchant_id",
            "merchant_order_id",
            unique=True,
            postgresql_where=text(one_of("status", sorted(OPEN_TENDERS))),
        ),
        Index(
            "tenders_by_carriers_order",
            "carrier_id",
            "carrier_order_id",
            unique=True,
            postgresql_where=text("carrier_order_id IS NOT NULL"),
        ),
        Index("tenders_due", "deadline_at", postgresql_where=text("status = 'OFFERED'")),
    )

    merchant_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)
    carrier_id: UUID
    partnership_id: UUID
    merchant_order_id: UUID
    carrier_order_id: UUID | None = None
    version: int = 1
    status: str = TenderStatus.OFFERED.value
    reason: str | None = None
    picked_up: bool = False
    price_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str
    weight_grams: int = Field(sa_type=BigInteger)
    volume_cubic_centimeters: int = Field(sa_type=BigInteger)
    items: int
    pickup: dict[str, Any] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)
    dropoff_postal_code: str | None = None
    dropoff_city: str
    dropoff_country: str
    dropoff_windows: list[dict[str, str]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)
    deadline_at: datetime = Field(sa_type=INSTANT, nullable=False)
    created_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    updated_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    answered_at: datetime | None = Field(default=None, sa_type=INSTANT)


class TenderQueueRow(SQLModel, table=True):
    """The merchant's alone: who is offered an order next when the present carrier does not accept it."""

    __tablename__ = "tender_queues"
    __table_args__ = (tenant_key("order_id", "orders", ondelete="CASCADE"),)

    tenant_id: UUID = Field(primary_key=True)
    order_id: UUID = Field(primary_key=True)
    offers: list[dict[str, Any]] = Field(sa_type=JSONB, sa_column_kwargs=JSON_LIST)


class RelayedEventRow(SQLModel, table=True):
    """An event of the other side whose effect this tenant has; written with the effect, so that it has one.

    ``about_id`` is the tender or the partnership by which it was heard: one event may concern a tenant by several.
    """

    __tablename__ = "relayed_events"
    __table_args__ = (Index("relayed_events_by_age", "applied_at"),)

    tenant_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    about_id: UUID = Field(primary_key=True)
    applied_at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
