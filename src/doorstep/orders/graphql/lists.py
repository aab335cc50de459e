"""Filter and order of the list of orders."""

from datetime import datetime
from enum import StrEnum

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import argument_id
from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.values import SortDirection
from doorstep.kernel.paging import MAX_PAGE, Sort
from doorstep.orders.model import LocationStatus, OrderKind, OrderStatus
from doorstep.orders.reads import OrderQuery


class OrderSort(StrEnum):
    """What orders are sorted by."""

    CREATED_AT = "CREATED_AT"
    DUE_AT = "DUE_AT"
    PRIORITY = "PRIORITY"


show_enum(
    OrderSort,
    "What orders are sorted by.",
    {
        OrderSort.CREATED_AT: "By the moment they were taken in.",
        OrderSort.DUE_AT: "By the end of the last drop-off window; those without one count as due last.",
        OrderSort.PRIORITY: "By priority.",
    },
    name="OrderSortField",
)

_SORTED_BY: dict[OrderSort, tuple[str, type]] = {
    OrderSort.CREATED_AT: ("created_at", datetime),
    OrderSort.DUE_AT: ("due_order", datetime),
    OrderSort.PRIORITY: ("priority", int),
}


@strawberry.input(description="The order of orders.")
class OrderOrdering:
    field: OrderSort = strawberry.field(default=OrderSort.CREATED_AT, description="What they are sorted by.")
    direction: SortDirection = strawberry.field(default=SortDirection.DESC, description="Which end comes first.")

    def sort(self) -> Sort:
        """The total order."""
        column, kind = _SORTED_BY[self.field]
        return Sort(f"{self.field}.{self.direction}", column, kind, self.direction is SortDirection.DESC)


@strawberry.input(
    description="Which orders; conditions are joined by AND, the values of one by OR. Nothing given: all. Lists hold at most 250."
)
class OrderFilter:
    statuses: list[OrderStatus] | None = strawberry.field(default=None, description="In one of these states.")
    kinds: list[OrderKind] | None = strawberry.field(default=None, description="Of one of these kinds.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Served from one of these depots."
    )
    references: list[str] | None = strawberry.field(default=None, description="With one of these references.")
    display_reference: str | None = strawberry.field(
        default=None, description="With this ticket number, to the letter."
    )
    created_from: datetime | None = strawberry.field(default=None, description="Taken in at this instant or later.")
    created_to: datetime | None = strawberry.field(default=None, description="Taken in before this instant.")
    due_from: datetime | None = strawberry.field(default=None, description="Due at this instant or later.")
    due_to: datetime | None = strawberry.field(default=None, description="Due before this instant.")
    location_status: LocationStatus | None = strawberry.field(
        default=None, description="Whose addresses are found, or not."
    )

    def query(self) -> OrderQuery:
        """The filter for ``reads``; raises BadUserInput for malformed ids and lists that are empty or too long."""
        for values in (self.statuses, self.kinds, self.depot_ids, self.references):
            if values is not None and not 1 <= len(values) <= MAX_PAGE:
                raise BadUserInput(f"Give 1 to {MAX_PAGE} values in each condition of an order filter.")
        return OrderQuery(
            statuses=tuple(self.statuses or ()),
            kinds=tuple(self.kinds or ()),
            depot_ids=tuple(argument_id("depot", text) for text in self.depot_ids or ()),
            references=tuple(storable(text) for text in self.references or ()),
            display_reference=storable(self.display_reference) if self.display_reference is not None else None,
            created_from=self.created_from,
            created_to=self.created_to,
            due_from=self.due_from,
            due_to=self.due_to,
            location_status=self.location_status,
        )


def storable(text: str) -> str:
    """Text that a column could hold; anything else cannot be found and would only upset the database."""
    if "\x00" in text or any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        raise BadUserInput("A reference has no character U+0000 and no half characters.")
    return text
