"""Filters and orders of the lists of fleets."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from doorstep.fleets.model import VehicleKind
from doorstep.fleets.reads import Conditions
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import argument_id
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.values import SortDirection
from doorstep.kernel.paging import MAX_PAGE, Sort

_ARCHIVED = "Whether archived ones are listed, too."
_DIRECTION = "Which end comes first."


class NamedOrder(StrEnum):
    """What depots, vehicles and drivers are sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


class ShiftOrder(StrEnum):
    """What shifts are sorted by."""

    START = "START"
    CREATED_AT = "CREATED_AT"


show_enum(
    NamedOrder,
    "What depots, vehicles and drivers are sorted by.",
    {NamedOrder.NAME: "By name.", NamedOrder.CREATED_AT: "By the moment they were made."},
    name="FleetOrderField",
)
show_enum(
    ShiftOrder,
    "What shifts are sorted by.",
    {ShiftOrder.START: "By their start.", ShiftOrder.CREATED_AT: "By the moment they were made."},
    name="ShiftOrderField",
)

_SORTED_BY: dict[StrEnum, tuple[str, type]] = {
    NamedOrder.NAME: ("name", str),
    NamedOrder.CREATED_AT: ("created_at", datetime),
    ShiftOrder.START: ("starts_at", datetime),
    ShiftOrder.CREATED_AT: ("created_at", datetime),
}


@strawberry.input(description="The order of depots, vehicles or drivers.")
class FleetOrdering:
    field: NamedOrder = strawberry.field(default=NamedOrder.NAME, description="What they are sorted by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=_DIRECTION)

    def sort(self) -> Sort:
        """The total order."""
        return _sort(self.field, self.direction)


@strawberry.input(description="The order of shifts.")
class ShiftOrdering:
    field: ShiftOrder = strawberry.field(default=ShiftOrder.START, description="What they are sorted by.")
    direction: SortDirection = strawberry.field(default=SortDirection.ASC, description=_DIRECTION)

    def sort(self) -> Sort:
        """The total order."""
        return _sort(self.field, self.direction)


def _sort(field: StrEnum, direction: SortDirection) -> Sort:
    column, kind = _SORTED_BY[field]
    descending = direction is SortDirection.DESC
    return Sort(f"{column}.{direction.value}", column, kind, descending)


@strawberry.input(description="Which depots.")
class DepotFilter:
    include_archived: bool = strawberry.field(default=False, description=_ARCHIVED)

    def conditions(self, tenant_id: UUID) -> Conditions:
        """As SQL."""
        return Conditions.of_tenant(tenant_id).without_archived(self.include_archived)


@strawberry.input(description="Which vehicles; conditions are joined by AND.")
class VehicleFilter:
    kinds: list[VehicleKind] | None = strawberry.field(default=None, description="Of one of these kinds.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these depots, at most 250."
    )
    skills: list[str] | None = strawberry.field(default=None, description="With all of these skills.")
    include_archived: bool = strawberry.field(default=False, description=_ARCHIVED)

    def conditions(self, tenant_id: UUID) -> Conditions:
        """As SQL."""
        conditions = Conditions.of_tenant(tenant_id).without_archived(self.include_archived)
        conditions.add("kind = ANY({})", None if self.kinds is None else [kind.value for kind in self.kinds])
        conditions.add("depot_id = ANY({})", _ids("depot", self.depot_ids))
        conditions.add("skills @> {}", self.skills)
        return conditions


@strawberry.input(description="Which drivers; conditions are joined by AND.")
class DriverFilter:
    skills: list[str] | None = strawberry.field(default=None, description="With all of these skills.")
    include_archived: bool = strawberry.field(default=False, description=_ARCHIVED)

    def conditions(self, tenant_id: UUID) -> Conditions:
        """As SQL."""
        conditions = Conditions.of_tenant(tenant_id).without_archived(self.include_archived)
        conditions.add("skills @> {}", self.skills)
        return conditions


@strawberry.input(description="Which shifts; conditions are joined by AND, the values of one by OR.")
class ShiftFilter:
    from_: datetime | None = strawberry.field(default=None, name="from", description="They end after this instant.")
    to: datetime | None = strawberry.field(default=None, description="They start before this instant.")
    driver_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these drivers, at most 250."
    )
    vehicle_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With one of these vehicles, at most 250."
    )
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="From one of these depots, at most 250."
    )
    include_archived: bool = strawberry.field(default=False, description=_ARCHIVED)

    def conditions(self, tenant_id: UUID) -> Conditions:
        """As SQL."""
        conditions = Conditions.of_tenant(tenant_id).without_archived(self.include_archived)
        conditions.add("ends_at > {}", self.from_)
        conditions.add("starts_at < {}", self.to)
        conditions.add("driver_id = ANY({})", _ids("driver", self.driver_ids))
        conditions.add("vehicle_id = ANY({})", _ids("vehicle", self.vehicle_ids))
        conditions.add("depot_id = ANY({})", _ids("depot", self.depot_ids))
        return conditions


def _ids(prefix: str, texts: Sequence[str] | None) -> list[UUID] | None:
    if texts is not None and len(texts) > MAX_PAGE:
        raise BadUserInput(f"Give at most {MAX_PAGE} ids in a condition of a filter.")
    return None if texts is None else [argument_id(prefix, text) for text in texts]
