"""Plan and what it left out as the schema shows them, and their batch reads: one query per field and level, never per row."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import (
    Shift,
    Vehicle,
    load_shifts,
    load_vehicles,
)
from doorstep.fleets.model import VehicleKind
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.connections import After, Connection, First, connection_of
from doorstep.kernel.graphql.context import Context, Info, argument_id
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import Long
from doorstep.kernel.paging import Page, PageRequest
from doorstep.kernel.scope import Permission
from doorstep.orders.graphql import Order, load_orders
from doorstep.planning.graphql.comparisons import Kinds, PlanComparison, PlanOrderChange, changes_between
from doorstep.planning.graphql.relaxations import Relaxation
from doorstep.planning.graphql.routes import PLAN, Route, there
from doorstep.planning.graphql.sums import PlanLateness, PlanProgress, PlanSavings, PlanSummary
from doorstep.planning.model import (
    ExplanationStatus,
    PlanObjective,
    PlanStatus,
    UnassignedCode,
)
from doorstep.planning.reads import (
    ROUTES_BY_START,
    UNASSIGNED_BY_ORDER,
    RouteQuery,
    count_routes_of_plans,
    count_unassigned_of_plans,
    first_routes_of_plans,
    first_unassigned_of_plans,
    plan_progress,
    plans_by_ids,
    route_page,
    shift_ids_of_plans,
    unassigned_of_plans,
    unassigned_page,
)
from doorstep.planning.service import lateness_of

OtherPlan = Annotated[strawberry.ID, strawberry.argument(description="The other plan's id.")]

_VERSION = "Counts the changes; send it as `ifVersion` to act only on what you saw."


@strawberry.type(description="One reason why an order is on no route.")
class UnassignedReason:
    code: UnassignedCode = strawberry.field(description="The kind of reason.")
    message: str = strawberry.field(description="What it means and what to do, for people.")
    shift_ids: strawberry.Private[list[UUID]]

    @strawberry.field(description="The shifts that it holds for, at most 250; empty: for all, whatever they are.")
    async def shifts(self, info: Info) -> list[Shift]:
        found = await info.context.load_many(load_shifts, self.shift_ids)
        return [shift for shift in found if shift is not None]

    @strawberry.field(description="The vehicles of those shifts.")
    async def vehicles(self, info: Info) -> list[Vehicle]:
        return list({vehicle.uuid: vehicle for vehicle in await _vehicles(info.context, self.shift_ids)}.values())

    @strawberry.field(description="The kinds of those vehicles.")
    async def vehicle_kinds(self, info: Info) -> list[VehicleKind]:
        return sorted({vehicle.kind for vehicle in await _vehicles(info.context, self.shift_ids)})


@strawberry.type(description="What keeps an order off one kind of vehicle.")
class BlockedVehicleKind:
    kind: VehicleKind = strawberry.field(description="The kind.")
    shifts: int = strawberry.field(
        description="How many of the plan's shifts have such a vehicle and do not take the order."
    )
    codes: list[UnassignedCode] = strawberry.field(description="Why, the most frequent reason of these shifts first.")


async def _vehicles(context: Context, shift_ids: Sequence[UUID]) -> list[Vehicle]:
    """The vehicle of each of the shifts that has one."""
    shifts = await context.load_many(load_shifts, shift_ids)
    found = await context.load_many(
        load_vehicles, [shift.vehicle_uuid for shift in shifts if shift is not None and shift.vehicle_uuid]
    )
    return [vehicle for vehicle in found if vehicle is not None]


@strawberry.type(description="An order that a plan left out, and why.")
class UnassignedOrder:
    row: strawberry.Private[Row]

    @strawberry.field(description="The order. Needs the scope `orders:read`.")
    async def order(self, info: Info) -> Order:
        info.context.require(Permission.ORDERS_READ)
        return there(await info.context.load(load_orders, self.row["order_id"]))

    @strawberry.field(description="Why, the most frequent reason first; never empty, at most one of each code.")
    def reasons(self) -> list[UnassignedReason]:
        return [
            UnassignedReason(
                code=UnassignedCode(one["code"]),
                message=_ADVICE[UnassignedCode(one["code"])],
                shift_ids=[UUID(text) for text in one["shift_ids"]],
            )
            for one in self.row["reasons"]
        ]

    @strawberry.field(
        description="The same by kind of vehicle; empty where the reason holds for all vehicles, whatever they are."
    )
    async def vehicle_kinds(self, info: Info) -> list[BlockedVehicleKind]:
        codes: dict[UUID, list[UnassignedCode]] = {}
        for one in self.row["reasons"]:
            for text in one["shift_ids"]:
                codes.setdefault(UUID(text), []).append(UnassignedCode(one["code"]))
        shifts = [shift for shift in await info.context.load_many(load_shifts, list(codes)) if shift is not None]
        kinds = {vehicle.uuid: vehicle.kind for vehicle in await _vehicles(info.context, list(codes))}
        found: dict[VehicleKind, list[list[UnassignedCode]]] = {}
        for shift in shifts:
            if shift.vehicle_uuid in kinds:
                found.setdefault(kinds[shift.vehicle_uuid], []).append(codes[shift.uuid])
        return [
            BlockedVehicleKind(
                kind=kind,
                shifts=len(of_one),
                codes=[code for code, _ in Counter(code for one in of_one for code in one).most_common()],
            )
            for kind, of_one in sorted(found.items())
        ]

    @strawberry.field(
        description=(
            "What would have to give so that it finds a place, the smallest first and then the smallest of other kinds, at most 3; null until "
            "explainUnassigned was asked about it, and again once the plan is optimized anew."
        )
    )
    def relaxations(self) -> list[Relaxation] | None:
        stored = self.row["relaxations"]
        return None if stored is None else [Relaxation(stored=one) for one in stored["found"]]

    @strawberry.field(description="What explainUnassigned came to; null until it was asked about this order.")
    def explanation(self) -> ExplanationStatus | None:
        stored = self.row["relaxations"]
        return None if stored is None else ExplanationStatus(stored["status"])


_ADVICE = {
    UnassignedCode.CAPACITY: "It is larger than what these vehicles, or their compartments, can carry: split it, or plan a larger vehicle.",
    UnassignedCode.COMPARTMENT: "These vehicles have not the compartment that one of its packages must travel in: plan others, or change the package.",
    UnassignedCode.SKILL: "These drivers and vehicles lack a skill that it requires: plan others, or change requiredSkills.",
    UnassignedCode.VEHICLE_KIND: "It may not go by these kinds of vehicle: plan others, or change vehicleKinds.",
    UnassignedCode.DEPOT: "These shifts do not start at its depot: plan shifts of that depot, or change the order's depot.",
    UnassignedCode.PINNED: "It is pinned to another shift, or that shift is no longer free: make room there, or plan it without the pin.",
    UnassignedCode.RELATION: "It would fit by itself, but not as its relation to other orders asks, or one of those is left out: make room for all of them, or plan it without the relation.",
    UnassignedCode.UNREACHABLE: "No road leads there that these vehicles may take: check its coordinates, or plan another kind of vehicle.",
    UnassignedCode.WINDOW: "These vehicles cannot be there within its windows: widen them, or plan an earlier shift.",
    UnassignedCode.SHIFT: "These shifts are too short to go there and back: plan a longer one.",
    UnassignedCode.RANGE: "The way there and back is longer than these vehicles' range or the longest distance of their shifts: plan others.",
    UnassignedCode.LIMIT: "It would exceed the stops or the driving time of these shifts: allow more, or plan others.",
    UnassignedCode.PRIORITY: "Orders of higher priority took the room: raise its priority, or plan one more shift.",
    UnassignedCode.NO_ROOM: "It would fit alone, but not beside the others: plan one more shift.",
    UnassignedCode.NEEDS_LOCATION: "Its address was not found: give it coordinates with updateOrder.",
    UnassignedCode.NOT_PLANNABLE: "It was assigned, cancelled or finished before the plan was made: leave it out.",
    UnassignedCode.DROPPED: "It had changed when the plan was committed: plan it again.",
}


@strawberry.type(description="One optimization over orders and shifts: a proposal until it is committed.")
class Plan(Node):
    row: strawberry.Private[Row]
    version: int = strawberry.field(description=_VERSION)
    name: str | None = strawberry.field(description="What people call it.")
    status: PlanStatus = strawberry.field(description="Where it stands.")
    failure_reason: str | None = strawberry.field(description="Why it FAILED, and what to do.")
    network: str | None = strawberry.field(
        description="Whose travel times it was planned with: ENGINE, EXTERNAL, STRAIGHT_LINES, or several of them."
    )
    map_version: str | None = strawberry.field(description="The version of the map that it was planned on.")
    engine: str | None = strawberry.field(description="What solved it.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    finished_at: datetime | None = strawberry.field(description="When its optimization ended.")

    @classmethod
    def of(cls, row: Row) -> "Plan":
        """From a row of ``plans``."""
        return cls(
            uuid=row["id"],
            row=row,
            version=row["version"],
            name=row["name"],
            status=PlanStatus(row["status"]),
            failure_reason=row["failure_reason"],
            network=row["network"],
            map_version=row["map_version"],
            engine=row["engine"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            finished_at=row["finished_at"],
        )

    @strawberry.field(description="What it should have little of.")
    def objective(self) -> PlanObjective:
        return PlanObjective(self.row["options"].get("objective", PlanObjective.COST))

    @strawberry.field(description="How late it may serve an order; null where every window holds.")
    def lateness(self) -> PlanLateness | None:
        allowed = lateness_of(self.row["options"])
        if allowed is None:
            return None
        return PlanLateness(max_seconds=allowed.max_seconds, price_per_hour_minor=Long(allowed.price_per_hour_minor))

    @strawberry.field(description="How far its optimization is.")
    async def progress(self, info: Info) -> PlanProgress:
        return await info.context.load(load_progress, self.uuid)

    @strawberry.field(
        description="Its sums as proposed; null until it is PROPOSED. Orders that were dropped when it was committed count as unassigned."
    )
    def summary(self) -> PlanSummary | None:
        return PlanSummary.of(self.row["summary"])

    @strawberry.field(
        description="The sums of the same orders without optimization (each in turn to the nearest vehicle that can take it): what the plan saves."
    )
    def baseline(self) -> PlanSummary | None:
        return PlanSummary.of(self.row["baseline"])

    @strawberry.field(
        description="What it saves against the baseline; null until it is PROPOSED, and where no order could be planned at all."
    )
    def savings(self) -> PlanSavings | None:
        return PlanSavings.of(self.row["summary"], self.row["baseline"])

    @strawberry.field(description="The newer plan that took orders of this one.")
    async def superseded_by(self, info: Info) -> "Plan | None":
        return await info.context.load(load_plans, self.row["superseded_by"]) if self.row["superseded_by"] else None

    @strawberry.field(description="The shifts that it may use, at most 250.")
    async def shifts(self, info: Info) -> list[Shift]:
        ids = await info.context.load(load_shift_ids_of_plans, self.uuid)
        found = await info.context.load_many(load_shifts, ids)
        return [shift for shift in found if shift is not None]

    @strawberry.field(
        description="Held against another plan, in numbers; `changesFrom` names the orders. Null when this tenant has no such plan."
    )
    async def compared_with(self, info: Info, plan_id: OtherPlan) -> PlanComparison | None:
        other = await info.context.load(load_plans, argument_id("plan", plan_id))
        return PlanComparison(plan=self.row, other=other.row) if other is not None else None

    @strawberry.field(
        description=(
            "The orders for which something changes from another plan to this one, as the routes of both stand now, by order id; those for which "
            "nothing does are left out. Null when this tenant has no such plan."
        )
    )
    async def changes_from(
        self, info: Info, plan_id: OtherPlan, kinds: Kinds = None, first: First = None, after: After = None
    ) -> Connection[PlanOrderChange] | None:
        other = await info.context.load(load_plans, argument_id("plan", plan_id))
        if other is None:
            return None
        return await changes_between(
            info.context, (self.uuid, other.uuid), kinds, PageRequest(first=first, after=after)
        )

    @strawberry.field(description="Its routes by start.")
    async def routes(self, info: Info, first: First = None, after: After = None) -> Connection[Route]:
        context, request = info.context, PageRequest(first=first, after=after)
        if after is None:
            page = _first_page(await context.load(load_first_routes, (self.uuid, request.size())), context, request)
        else:
            page = await route_page(await context.reads(), context.tenant_id, RouteQuery(plan_id=self.uuid), request)
        return connection_of(
            "routes", ROUTES_BY_START, page, Route.of, lambda: context.load(load_route_counts, self.uuid)
        )

    @strawberry.field(description="The orders that it left out, and why.")
    async def unassigned(self, info: Info, first: First = None, after: After = None) -> Connection[UnassignedOrder]:
        context, request = info.context, PageRequest(first=first, after=after)
        if after is None:
            page = _first_page(await context.load(load_first_unassigned, (self.uuid, request.size())), context, request)
        else:
            page = await unassigned_page(await context.reads(), context.tenant_id, self.uuid, request)
        return connection_of(
            "unassigned",
            UNASSIGNED_BY_ORDER,
            page,
            lambda row: UnassignedOrder(row=row),
            lambda: context.load(load_unassigned_counts, self.uuid),
        )


def _first_page(rows: list[Row], context: Context, request: PageRequest) -> Page:
    size = request.size()
    return Page(rows[:size], has_previous=False, has_next=len(rows) > size, tenant_id=context.tenant_id)


async def load_plans(context: Context, keys: list[UUID]) -> Sequence[Plan | None]:
    """Plans by id."""
    rows = await plans_by_ids(await context.reads(), context.tenant_id, keys)
    return [Plan.of(rows[key]) if key in rows else None for key in keys]


async def load_progress(context: Context, keys: list[UUID]) -> Sequence[PlanProgress]:
    """How far plans are, by plan id."""
    rows = await plan_progress(await context.reads(), context.tenant_id, keys)
    return [PlanProgress.of(rows[key]) for key in keys]


async def load_shift_ids_of_plans(context: Context, keys: list[UUID]) -> Sequence[list[UUID]]:
    """The shifts of plans, by plan id."""
    found = await shift_ids_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, []) for key in keys]


async def load_first_routes(context: Context, keys: list[tuple[UUID, int]]) -> Sequence[list[Row]]:
    """One more than so many first routes of plans, by (plan id, how many)."""
    most = max(size for _, size in keys) + 1
    found = await first_routes_of_plans(await context.reads(), context.tenant_id, [key for key, _ in keys], most)
    return [found.get(key, [])[: size + 1] for key, size in keys]


async def load_first_unassigned(context: Context, keys: list[tuple[UUID, int]]) -> Sequence[list[Row]]:
    """One more than so many first unassigned orders of plans, by (plan id, how many)."""
    most = max(size for _, size in keys) + 1
    found = await first_unassigned_of_plans(await context.reads(), context.tenant_id, [key for key, _ in keys], most)
    return [found.get(key, [])[: size + 1] for key, size in keys]


async def load_unassigned(context: Context, keys: list[tuple[UUID, UUID]]) -> Sequence[UnassignedOrder | None]:
    """Orders that plans left out, by (plan id, order id)."""
    rows = await unassigned_of_plans(await context.reads(), context.tenant_id, keys)
    return [UnassignedOrder(row=rows[key]) if key in rows else None for key in keys]


async def load_route_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many routes plans have, by plan id."""
    found = await count_routes_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, 0) for key in keys]


async def load_unassigned_counts(context: Context, keys: list[UUID]) -> Sequence[int]:
    """How many orders plans left out, by plan id."""
    found = await count_unassigned_of_plans(await context.reads(), context.tenant_id, keys)
    return [found.get(key, 0) for key in keys]


register_node("plan", "Plan", Permission.PLANNING_READ, load_plans)
PLAN.supply(load_plans)
