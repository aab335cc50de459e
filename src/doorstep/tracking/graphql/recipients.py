"""``tracking``: what a recipient sees behind the link in their message, once and as it changes. The link's token is the credential, and no other is good."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from uuid import UUID

import strawberry

from doorstep.kernel import time
from doorstep.kernel.db import Transaction
from doorstep.kernel.errors import Forbidden
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.scalars import TimeZone
from doorstep.kernel.graphql.streams import State, stream_states
from doorstep.kernel.graphql.values import Coordinates, TimeWindow
from doorstep.orders.model import ProofKind
from doorstep.tracking.model.recipients import Followed, TrackingStatus, TrackingTrouble, VehicleNear, followed
from doorstep.tracking.reads import order_followed

NEAR_SECONDS = 1.0
"""How often it is looked where the vehicle is, once it comes to the recipient; positions are no events, so nothing wakes the stream."""

ABOARD_SECONDS = 5.0
"""The same for how many stops come before: small changes of an arrival are no events either."""

POLL_SECONDS = 15.0
"""The wake-up is a hint; this is how long a change can stay unseen without one."""


@strawberry.type(description="The vehicle that comes to a recipient next.")
class TrackedVehicle:
    coordinates: Coordinates = strawberry.field(description="Where it was last.")
    seen_at: datetime = strawberry.field(description="When it was there.")
    meters_away: int | None = strawberry.field(
        description="How far that is from the door, in a straight line, rounded up to 50 m; null while the door has no point."
    )

    @classmethod
    def of(cls, vehicle: VehicleNear) -> "TrackedVehicle":
        """From the model's."""
        place = Coordinates(latitude=vehicle.place.latitude, longitude=vehicle.place.longitude)
        return cls(coordinates=place, seen_at=vehicle.seen_at.astimezone(UTC), meters_away=vehicle.meters_away)


@strawberry.type(description="An order as its recipient sees it: no more than concerns them, and no ids.")
class PublicTracking:
    status: TrackingStatus = strawberry.field(description="Where it stands.")
    merchant_name: str = strawberry.field(description="The company that sends it.")
    time_zone: TimeZone = strawberry.field(description="The time zone in which times are to be shown.")
    window: TimeWindow | None = strawberry.field(
        description="When it may come, as it was agreed: the window that is on or comes next, or the last one; null: any time."
    )
    expected: TimeWindow | None = strawberry.field(
        description="When it is expected, to five minutes; narrower, the fewer stops come before. Null while nobody is to bring it."
    )
    stops_before: int | None = strawberry.field(
        description="How many stops come before; null while it is not on board."
    )
    failed_tries: int = strawberry.field(description="How often it was tried in vain.")
    trouble: TrackingTrouble | None = strawberry.field(
        description="Why the last try failed; null unless that is where it stands."
    )
    delivered_at: datetime | None = strawberry.field(description="When it was handed over.")
    proofs: list[ProofKind] = strawberry.field(
        description="What was shown for it when it was handed over, at most one of each kind."
    )
    vehicle: TrackedVehicle | None = strawberry.field(
        description="The vehicle with it; null unless this recipient is the next one, and it was seen since the stop before."
    )
    attribution: str | None = strawberry.field(
        description="Whom to name beside `expected`, whose way comes from a map; null: nobody."
    )

    @classmethod
    def of(cls, seen: Followed) -> "PublicTracking":
        """From the model's."""
        return cls(
            status=seen.status,
            merchant_name=seen.merchant,
            time_zone=TimeZone(seen.time_zone),
            window=_window(seen.window),
            expected=_window(seen.expected),
            stops_before=seen.stops_before,
            failed_tries=seen.tries,
            trouble=seen.trouble,
            delivered_at=seen.delivered_at.astimezone(UTC) if seen.delivered_at else None,
            proofs=list(seen.proofs),
            vehicle=TrackedVehicle.of(seen.vehicle) if seen.vehicle else None,
            attribution=seen.attribution,
        )


def _window(window: time.TimeWindow | None) -> TimeWindow | None:
    return TimeWindow(start=window.start.astimezone(UTC), end=window.end.astimezone(UTC)) if window else None


@strawberry.type
class RecipientQuery:
    @strawberry.field(
        description=(
            "The order of a recipient's link (`Order.trackingUrl`), whose token is the credential: `Authorization: Bearer trk_…`. It is good for "
            "nothing else, and until 48 hours after the order's final state."
        )
    )
    async def tracking(self, info: Info) -> PublicTracking | None:
        context = info.context
        order_id = _followed_order(context)
        seen = await _read(context, await context.reads(), order_id)
        return PublicTracking.of(seen) if seen is not None else None


@strawberry.type
class RecipientSubscription:
    @strawberry.subscription(
        description=(
            "The order of a recipient's link: at once, then whenever what is shown of it changes, the vehicle's place at most once a second. "
            "Of changes in quick succession the last may come alone. The link's token is the credential, and no other is good."
        )
    )
    async def tracking(self, info: Info) -> AsyncGenerator[PublicTracking, None]:
        async with aclosing(stream_tracking(info.context, _followed_order(info.context))) as states:
            async for state in states:
                yield state


def stream_tracking(context: Context, order_id: UUID) -> AsyncGenerator[PublicTracking, None]:
    """An order whenever its recipient sees something else."""

    async def read(tx: Transaction) -> dict[None, State[PublicTracking]]:
        seen = await _read(context, tx, order_id)
        if seen is None:
            return {}
        again = NEAR_SECONDS if seen.comes_next else ABOARD_SECONDS if seen.stops_before is not None else None
        return {None: State(seen, lambda: PublicTracking.of(seen), again=again)}

    return stream_states(context, read, POLL_SECONDS, about=order_id)


async def _read(context: Context, tx: Transaction, order_id: UUID) -> Followed | None:
    row = await order_followed(tx, context.tenant_id, order_id)
    return followed(row, context.principal.clock.now()) if row is not None else None


def _followed_order(context: Context) -> UUID:
    order_id = context.principal.recipient_of
    if order_id is None:
        raise Forbidden("`tracking` is for a recipient, with the token of their link; `order` shows the same and more.")
    return order_id
