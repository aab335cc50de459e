"""A plan held against another one as the schema shows it, and its batch reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import Shift, load_shifts
from doorstep.kernel.db import Row
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.connections import Connection, connection_of
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.paging import Page, PageRequest
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.planning.graphql.routes import Route, load_routes, there
from doorstep.planning.graphql.sums import SumsDifference
from doorstep.planning.model import PlanChangeKind
from doorstep.planning.service.comparing import (
    CHANGES_BY_ORDER,
    Pair,
    change_page,
    count_changes,
    first_changes,
    kinds_key,
)

Kinds = Annotated[
    list[PlanChangeKind] | None, strawberry.argument(description="Of these kinds; all of them when left out.")
]


@strawberry.type(
    description="What is different for one order between two plans, or between a route and what it would become."
)
class PlanOrderChange:
    row: strawberry.Private[Row | Mapping[str, Any]]

    @strawberry.field(description="The kind of change.")
    def kind(self) -> PlanChangeKind:
        return PlanChangeKind(self.row["kind"])

    @strawberry.field(description="The order. Needs the scope `orders:read`.")
    async def order(self, info: Info) -> Order:
        info.context.require(Permission.ORDERS_READ)
        return there(await info.context.load(load_orders, self.row["id"]))

    @strawberry.field(description="Its route before (in the other plan); null when ASSIGNED.")
    async def route_before(self, info: Info) -> Route | None:
        return await info.context.load(load_routes, self.row["route_before"]) if self.row["route_before"] else None

    @strawberry.field(description="Its route after (in this plan); null when UNASSIGNED.")
    async def route_after(self, info: Info) -> Route | None:
        return await info.context.load(load_routes, self.row["route_after"]) if self.row["route_after"] else None

    @strawberry.field(description="The shift that brings it before; null when ASSIGNED.")
    async def shift_before(self, info: Info) -> Shift | None:
        return await info.context.load(load_shifts, self.row["shift_before"]) if self.row["shift_before"] else None

    @strawberry.field(description="The shift that brings it after; null when UNASSIGNED.")
    async def shift_after(self, info: Info) -> Shift | None:
        return await info.context.load(load_shifts, self.row["shift_after"]) if self.row["shift_after"] else None

    @strawberry.field(
        description="When the vehicle is at its dropoff before: by the other plan, or by its present ETA; null when ASSIGNED."
    )
    def arrival_before(self) -> datetime | None:
        before: datetime | None = self.row["arrival_before"]
        return before

    @strawberry.field(description="When the vehicle is at its dropoff after; null when UNASSIGNED.")
    def arrival_after(self) -> datetime | None:
        after: datetime | None = self.row["arrival_after"]
        return after

    @strawberry.field(
        description="How much later that is, in seconds, below 0 earlier; null where one of the two is missing."
    )
    def later_seconds(self) -> int | None:
        before, after = self.row["arrival_before"], self.row["arrival_after"]
        return None if before is None or after is None else round((after - before).total_seconds())


@strawberry.type(description="How many orders change in which way between two plans.")
class PlanChangeCounts:
    assigned: int = strawberry.field(description="On a route of this plan alone.")
    unassigned: int = strawberry.field(description="On a route of the other plan alone.")
    moved: int = strawberry.field(description="Brought by another shift.")
    retimed: int = strawberry.field(description="Brought by the same shift at another time.")


@strawberry.type(description="A plan held against another one: before is the other, after is this one.")
class PlanComparison:
    plan: strawberry.Private[Row]
    other: strawberry.Private[Row]

    @property
    def pair(self) -> Pair:
        """The two plans' ids, this one's first."""
        return self.plan["id"], self.other["id"]

    @strawberry.field(
        description="The sums of this plan less those of the other, as both were proposed; null until both are."
    )
    def difference(self) -> SumsDifference | None:
        after, before = self.plan["summary"], self.other["summary"]
        return SumsDifference.of(after, before) if after and before else None

    @strawberry.field(description="How many orders change in which way, as the routes of both plans stand now.")
    async def counts(self, info: Info) -> PlanChangeCounts:
        found = await info.context.load(load_change_counts, self.pair)
        return PlanChangeCounts(**{kind.value.lower(): found.get(kind, 0) for kind in PlanChangeKind})


async def changes_between(
    context: Context, pair: Pair, kinds: list[PlanChangeKind] | None, request: PageRequest
) -> Connection[PlanOrderChange]:
    """A page of the orders that change between two plans, by order id."""
    if kinds is not None and not kinds:
        raise BadUserInput("Give at least one kind, or leave `kinds` out.")
    wanted = frozenset(kinds or PlanChangeKind)
    if request.after is None:
        size = request.size()
        rows = await context.load(load_first_changes, (*pair, wanted, size))
        page = Page(rows[:size], has_previous=False, has_next=len(rows) > size, tenant_id=context.tenant_id)
    else:
        page = await change_page(await context.reads(), context.tenant_id, pair, wanted, request)

    async def count() -> int:
        counts = await context.load(load_change_counts, pair)
        return sum(counts.get(kind, 0) for kind in wanted)

    return connection_of("plan_changes", CHANGES_BY_ORDER, page, lambda row: PlanOrderChange(row=row), count)


async def load_change_counts(context: Context, keys: list[Pair]) -> Sequence[dict[str, int]]:
    """How many changes of each kind pairs of plans have."""
    found = await count_changes(await context.reads(), context.tenant_id, keys)
    return [found.get(key, {}) for key in keys]


async def load_first_changes(
    context: Context, keys: list[tuple[UUID, UUID, frozenset[PlanChangeKind], int]]
) -> Sequence[list[Row]]:
    """One more than so many first changes, by (plan id, other plan's id, kinds, how many)."""
    most = max(size for *_, size in keys) + 1
    pairs = [(plan_id, other_id) for plan_id, other_id, _, _ in keys]
    found = await first_changes(
        await context.reads(), context.tenant_id, pairs, [kinds for _, _, kinds, _ in keys], most
    )
    return [found.get((plan, other, kinds_key(kinds)), [])[: size + 1] for plan, other, kinds, size in keys]
