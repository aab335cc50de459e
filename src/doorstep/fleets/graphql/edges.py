"""Fields of the types of fleets that slices above answer: the fields name a batch read here, the slice above supplies it."""

from typing import TYPE_CHECKING
from uuid import UUID

from doorstep.kernel.graphql.context import UpwardEdge

if TYPE_CHECKING:
    from doorstep.planning.graphql import Route
    from doorstep.tracking.graphql import Position

POSITION: "UpwardEdge[UUID, Position | None]" = UpwardEdge("Vehicle.position")
"""Where a vehicle was last, by its id."""

CURRENT_ROUTE: "UpwardEdge[UUID, Route | None]" = UpwardEdge("Driver.currentRoute")
"""The route that a driver works now, by the driver's id."""
