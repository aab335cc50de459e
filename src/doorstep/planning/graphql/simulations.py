"""Several plans of the same orders side by side, none of which is kept, as the schema shows them."""

import datetime as dt
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import Shift, load_shifts
from doorstep.kernel.graphql.context import Info, input_id
from doorstep.kernel.graphql.problems import Problem
from doorstep.orders.graphql import OrderFilter
from doorstep.planning.graphql.inputs import PlanLatenessInput
from doorstep.planning.graphql.sums import PlanSummary, RouteSummary, SumsDifference
from doorstep.planning.model import PlanObjective, UnassignedCode
from doorstep.planning.service import NewPlan
from doorstep.planning.service.simulating import Scenario, Simulated, Wanted


@strawberry.input(description="One way to carry the orders out.")
class PlanScenarioInput:
    name: str | None = strawberry.field(default=None, description="What you call it; the answer repeats it.")
    shift_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With these shifts, at most 250; each needs a vehicle and must have no route yet."
    )
    date: dt.date | None = strawberry.field(
        default=None,
        description="With all shifts that start on this day of the tenant's time zone, are not over and have no route yet.",
    )
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With `date`: of these depots only, at most 250."
    )
    objective: PlanObjective = strawberry.field(
        default=PlanObjective.COST, description="What it should have little of."
    )
    lateness: PlanLatenessInput | None = strawberry.field(
        default=None, description="How late an order may be, as for a new plan; null: every window holds."
    )
    shift_windows_seconds: int = strawberry.field(
        default=0, description="All windows of all orders so much later, below 0 earlier; at most a day."
    )
    widen_windows_seconds: int = strawberry.field(
        default=0, description="All windows of all orders so much wider at both ends; at most a day."
    )

    def scenario(self, number: int) -> Scenario:
        """For the service; raises INVALID_ID refusals at their places."""
        at = ("scenarios", number)
        plan = NewPlan(
            shift_ids=_ids(self.shift_ids, "shift", *at, "shiftIds"),
            day=self.date,
            depot_ids=_ids(self.depot_ids, "depot", *at, "depotIds"),
            objective=self.objective,
            lateness=self.lateness.allowance() if self.lateness is not None else None,
        )
        return Scenario(plan, self.shift_windows_seconds, self.widen_windows_seconds)


@strawberry.input(description="Orders, and the ways to carry them out that are to be held against each other.")
class SimulatePlanInput:
    scenarios: list[PlanScenarioInput] = strawberry.field(description="1 to 5 scenarios; all of them at once.")
    order_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These orders, at most 500; each must be PENDING or AWAITING_REATTEMPT."
    )
    order_filter: OrderFilter | None = strawberry.field(
        default=None, description="All PENDING and AWAITING_REATTEMPT orders that meet this, at most 500."
    )

    def wanted(self) -> Wanted:
        """For the service; raises INVALID_ID refusals at their places."""
        orders = NewPlan(
            order_ids=_ids(self.order_ids, "order", "orderIds"),
            order_query=self.order_filter.query() if self.order_filter is not None else None,
        )
        return Wanted(orders, tuple(one.scenario(number) for number, one in enumerate(self.scenarios)))


def _ids(texts: list[strawberry.ID] | None, prefix: str, *path: str | int) -> tuple[UUID, ...] | None:
    if texts is None:
        return None
    return tuple(input_id(prefix, text, *path, index) for index, text in enumerate(texts))


@strawberry.type(description="How many orders a scenario leaves out for one reason.")
class PlanScenarioLeft:
    code: UnassignedCode = strawberry.field(description="The reason that holds for most shifts.")
    orders: int = strawberry.field(description="How many orders.")


@strawberry.type(description="What one shift would do.")
class PlanScenarioRoute:
    summary: RouteSummary = strawberry.field(description="Its sums.")
    shift_uuid: strawberry.Private[UUID]

    @strawberry.field(description="The shift.")
    async def shift(self, info: Info) -> Shift | None:
        return await info.context.load(load_shifts, self.shift_uuid)


@strawberry.type(description="What came of one scenario.")
class PlanScenario:
    name: str | None = strawberry.field(description="What you call it.")
    objective: PlanObjective = strawberry.field(description="What it was to have little of.")
    problems: list[Problem] = strawberry.field(description="Why it could not be tried, such as a shift that is over.")
    failure_reason: str | None = strawberry.field(
        description="Why there is no plan all the same, such as a solver that had no time; the same question may be sent again."
    )
    found: strawberry.Private[Simulated]
    first: strawberry.Private[Simulated]

    @strawberry.field(description="Its sums; null without a plan.")
    def summary(self) -> PlanSummary | None:
        return PlanSummary.of(self.found.summary)

    @strawberry.field(
        description="The sums of the same orders on the same shifts without optimization (each in turn to the nearest vehicle that can take it)."
    )
    def baseline(self) -> PlanSummary | None:
        return PlanSummary.of(self.found.baseline)

    @strawberry.field(description="Its sums less those of the first scenario; null where one of the two has no plan.")
    def difference(self) -> SumsDifference | None:
        after, before = self.found.summary, self.first.summary
        return SumsDifference.of(after, before) if after and before else None

    @strawberry.field(description="Why orders are left out, the most frequent reason first; at most one of each code.")
    def unassigned(self) -> list[PlanScenarioLeft]:
        return [PlanScenarioLeft(code=code, orders=count) for code, count in self.found.reasons.most_common()]

    @strawberry.field(description="What each shift that it uses would do, at most 250.")
    def routes(self) -> list[PlanScenarioRoute]:
        return [PlanScenarioRoute(summary=RouteSummary.of(sums), shift_uuid=one) for one, sums in self.found.routes]

    @strawberry.field(description="Whose travel times it was planned with.")
    def network(self) -> str | None:
        return self.found.network

    @strawberry.field(description="What solved it.")
    def engine(self) -> str | None:
        return self.found.engine


@strawberry.type(description="Several plans of the same orders side by side. Nothing was written or reserved.")
class PlanSimulation:
    problems: list[Problem] = strawberry.field(
        description="Why the question as a whole was refused; empty when the scenarios were tried."
    )
    scenarios: list[PlanScenario] = strawberry.field(description="What came of each scenario, as they were given.")

    @classmethod
    def of(cls, asked: SimulatePlanInput, simulated: list[Simulated]) -> "PlanSimulation":
        """The answer to all scenarios."""
        scenarios = [
            PlanScenario(
                name=one.name,
                objective=one.objective,
                problems=[] if found.refusal is None else Problem.of(found.refusal),
                failure_reason=found.failure,
                found=found,
                first=simulated[0],
            )
            for one, found in zip(asked.scenarios, simulated, strict=True)
        ]
        return cls(problems=[], scenarios=scenarios)
