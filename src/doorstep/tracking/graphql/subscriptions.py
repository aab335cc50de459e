"""``positions``: where the vehicles are, the newest of each and at most one a second. Another lane than the log: what was before is nowhere."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import Vehicle, load_vehicles
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.streams import State, stream_states
from doorstep.kernel.paging import MAX_PAGE
from doorstep.kernel.scope import Permission
from doorstep.tracking.graphql.types import Position
from doorstep.tracking.reads import PositionQuery, positions_found

APART_SECONDS = 1.0
"""Between two positions of one vehicle; also how often they are looked for."""


@strawberry.input(
    description="A part of the map between two parallels and two meridians, WGS 84. With `west` beyond `east` it lies across the 180th meridian."
)
class BoundingBoxInput:
    south: float = strawberry.field(description="Degrees north of its southern edge, -90 to 90.")
    west: float = strawberry.field(description="Degrees east of its western edge, -180 to 180.")
    north: float = strawberry.field(description="Degrees north of its northern edge, `south` to 90.")
    east: float = strawberry.field(description="Degrees east of its eastern edge, -180 to 180.")

    def box(self) -> tuple[float, float, float, float]:
        """South, west, north, east; raises BadUserInput."""
        if not -90 <= self.south <= self.north <= 90 or not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            raise BadUserInput("A box has -90 ≤ south ≤ north ≤ 90, and west and east from -180 to 180.")
        return self.south, self.west, self.north, self.east


@strawberry.input(description="Which positions; conditions are joined by AND. Nothing given: those of all vehicles.")
class PositionFilter:
    vehicle_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of these vehicles, at most 250."
    )
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of the vehicles of these depots, at most 250."
    )
    route_id: strawberry.ID | None = strawberry.field(default=None, description="Of the vehicle of this route.")
    within: BoundingBoxInput | None = strawberry.field(
        default=None, description="In this part of the map; a vehicle that leaves it is not told of any more."
    )

    def query(self) -> PositionQuery:
        """The filter for ``reads``; raises BadUserInput."""
        for values in (self.vehicle_ids, self.depot_ids):
            if values is not None and not 1 <= len(values) <= MAX_PAGE:
                raise BadUserInput(f"Give 1 to {MAX_PAGE} values in each condition of a position filter.")
        return PositionQuery(
            vehicle_ids=tuple(argument_id("vehicle", text) for text in self.vehicle_ids or ()),
            depot_ids=tuple(argument_id("depot", text) for text in self.depot_ids or ()),
            route_id=argument_id("route", self.route_id) if self.route_id is not None else None,
            box=self.within.box() if self.within is not None else None,
        )


@strawberry.type(description="A vehicle, and where it is.")
class VehiclePosition:
    position: Position = strawberry.field(description="Where it is, as its device reported last.")
    vehicle_uuid: strawberry.Private[UUID]

    @strawberry.field(description="The vehicle; null without the scope `fleets:read`.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        if not info.context.principal.allows(Permission.FLEETS_READ):
            return None
        return await info.context.load(load_vehicles, self.vehicle_uuid)

    @classmethod
    def of(cls, row: Row) -> "VehiclePosition":
        """From a row of ``vehicle_positions``."""
        return cls(position=Position.of(row), vehicle_uuid=row["vehicle_id"])


class PositionItemKind(StrEnum):
    """What an item of the stream of positions is."""

    STARTED = "STARTED"
    POSITION = "POSITION"


show_enum(
    PositionItemKind,
    "What an item of the stream of positions is.",
    {
        PositionItemKind.STARTED: "The stream lives; it comes first, also when no position is known.",
        PositionItemKind.POSITION: "Where a vehicle is.",
    },
    name="PositionStreamItemKind",
)


@strawberry.type(description="An item of the stream of positions.")
class PositionStreamItem:
    kind: PositionItemKind = strawberry.field(description="What this item is.")
    vehicle_position: VehiclePosition | None = strawberry.field(
        description="The vehicle and where it is, in items of kind POSITION."
    )


@strawberry.type
class TrackingSubscription:
    @strawberry.subscription(
        description=(
            "Where vehicles are: the newest position of each at once, then whenever it is another, at most once a second for one vehicle. "
            "Positions in between are left out; a slow reader gets the newest, too."
        )
    )
    async def positions(
        self,
        info: Info,
        filter: Annotated[PositionFilter | None, strawberry.argument(description="Which positions.")] = None,
    ) -> AsyncGenerator[PositionStreamItem, None]:
        query = (filter or PositionFilter()).query()
        async with aclosing(stream_positions(info.context, query)) as states:
            async for position in states:
                yield position


def stream_positions(context: Context, query: PositionQuery) -> AsyncGenerator[PositionStreamItem, None]:
    """The newest position of each vehicle, looked for once a second: positions are no events, so nothing wakes the stream."""

    async def read(tx: Transaction) -> dict[UUID | None, State[PositionStreamItem]]:
        rows = await positions_found(tx, context.tenant_id, query)
        return {None: _STARTED, **{row["vehicle_id"]: _state(row) for row in rows}}

    return stream_states(context, read, APART_SECONDS, apart=APART_SECONDS)


def _state(row: Row) -> State[PositionStreamItem]:
    def show() -> PositionStreamItem:
        return PositionStreamItem(kind=PositionItemKind.POSITION, vehicle_position=VehiclePosition.of(row))

    return State(row["recorded_at"], show)


_STARTED = State(
    mark=PositionItemKind.STARTED,
    show=lambda: PositionStreamItem(kind=PositionItemKind.STARTED, vehicle_position=None),
)
