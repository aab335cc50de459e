"""Several plans of the same orders side by side, none of which is kept: nothing is written and nothing reserved.

Each scenario is solved like a plan, through the same pool in slots of its tenant, within a time that somebody waits for; what it used of the
solver counts against the tenant's day like a plan's.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift
from doorstep.identity.service import check_solver_seconds, spend_solver_seconds
from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals, Unavailable, all_refusals
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.kernel.time import TimeWindow
from doorstep.orders.reads import PlanningOrder, PlanningPoint, orders_for_planning
from doorstep.planning.errors import refuse_all
from doorstep.planning.model import UnassignedCode
from doorstep.planning.service.aims import aim_faults, solver_aim
from doorstep.planning.service.by_hour import settle
from doorstep.planning.service.plans import MOST_SHIFTS, NewPlan, orders_wanted, shifts_wanted
from doorstep.planning.service.problems import Engines, Question, pose
from doorstep.planning.service.proposals import plan_summary, reasons_of, route_summary
from doorstep.planning.solver.choosing import choose
from doorstep.planning.solver.errors import ProblemInvalidError, SolutionRejectedError
from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.pool import Outcome
from doorstep.planning.solver.solution import Solution, Summary

MOST_SCENARIOS: Final = 5
MOST_ORDERS: Final = 500
"""More are planned by a job: createPlan, then `Plan.comparedWith`."""
MOST_WINDOW_SECONDS: Final = 86_400

SECONDS: Final = 8.0
"""All scenarios together, waiting for the solver included; an operation may take ten by default."""
ROADS_SECONDS: Final = 3.0
LEAST_SOLVE_SECONDS: Final = 0.5
SOFT_SHARE: Final = 0.5
"""Of its turn a scenario may search for so long; the rest is for starting, checking and a busy machine."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to do it: shifts and objective as for a new plan, and how all windows are moved (later is above 0) and widened at both ends."""

    plan: NewPlan
    shift_windows_seconds: int = 0
    widen_windows_seconds: int = 0


@dataclass(slots=True)
class Simulated:
    """What came of a scenario: its sums and those of its baseline in their stored form, or why there are none: it was refused, or the solver failed."""

    refusal: DoorstepError | None = None
    failure: str | None = None
    summary: dict[str, Any] | None = None
    baseline: dict[str, Any] | None = None
    reasons: Counter[UnassignedCode] = field(default_factory=Counter)
    routes: list[tuple[UUID, dict[str, Any]]] = field(default_factory=list)
    engine: str | None = None
    network: str | None = None
    solver_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The orders that are simulated (as for a new plan), and the scenarios."""

    orders: NewPlan
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    orders: list[PlanningOrder]
    shifts: list[list[PlanningShift]]
    refusals: list[DoorstepError | None]


async def simulate_plan(
    db: Database, principal: Principal, engines: Engines, wanted: Callable[[], Wanted]
) -> list[Simulated]:
    """Solve every scenario, all at once, and answer in their order; a scenario that cannot be solved says why and leaves the others alone.

    Raises what createPlan refuses about orders, TOO_MANY_ITEMS, PLAN_TOO_LARGE and INVALID_VALUE about the question as a whole,
    QUOTA_EXCEEDED when the tenant has no solver seconds left today, and Unavailable while others are at all desks (`Engines.desk`).
    """
    principal.require(Permission.PLANNING_WRITE)
    asked = wanted()
    refuse_all(_faults(asked))
    ends = time.monotonic() + SECONDS
    async with engines.desk(principal.tenant_id):
        loaded = await _load(db, principal, asked)
        run = _Run(principal, engines, loaded, ends, len(asked.scenarios))
        simulated = await asyncio.gather(*(run.scenario(number, one) for number, one in enumerate(asked.scenarios)))
    await spend_solver_seconds(db, principal, sum(one.solver_seconds for one in simulated))
    return list(simulated)


def _faults(asked: Wanted) -> list[DoorstepError]:
    faults: list[DoorstepError] = []
    count = len(asked.scenarios)
    if not 1 <= count <= MOST_SCENARIOS:
        code = ProblemCode.TOO_MANY_ITEMS if count else ProblemCode.REQUIRED
        faults.append(DoorstepError(code, f"Give 1 to {MOST_SCENARIOS} scenarios.", ["scenarios"]))
    for number, one in enumerate(asked.scenarios[:MOST_SCENARIOS]):
        for name, value, least in (
            ("shiftWindowsSeconds", one.shift_windows_seconds, -MOST_WINDOW_SECONDS),
            ("widenWindowsSeconds", one.widen_windows_seconds, 0),
        ):
            if not least <= value <= MOST_WINDOW_SECONDS:
                message = f"Windows are moved by {least} to {MOST_WINDOW_SECONDS} seconds."
                faults.append(DoorstepError(ProblemCode.INVALID_VALUE, message, ["scenarios", number, name]))
        for name, ids in (("shiftIds", one.plan.shift_ids), ("depotIds", one.plan.depot_ids)):
            if len(ids or ()) > MOST_SHIFTS:
                message = f"Give at most {MOST_SHIFTS}."
                faults.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["scenarios", number, name]))
    if len(asked.orders.order_ids or ()) > MOST_ORDERS:
        faults.append(_too_large("orderIds"))
    return faults


def _too_large(name: str) -> DoorstepError:
    message = f"At most {MOST_ORDERS} orders are simulated while you wait; for more make plans (createPlan) and hold them against each other."
    return DoorstepError(ProblemCode.PLAN_TOO_LARGE, message, [name])


async def _load(db: Database, principal: Principal, asked: Wanted) -> _Loaded:
    async with db.snapshot(principal) as tx:
        await check_solver_seconds(tx, principal)
        scope = Scope(principal, tx)
        faults: list[DoorstepError] = []
        rows = await orders_wanted(scope, asked.orders, faults)
        refuse_all(faults)
        if len(rows) > MOST_ORDERS:
            raise _too_large("orderFilter")
        orders = await orders_for_planning(tx, principal.tenant_id, [row["id"] for row in rows])
        shifts: list[list[PlanningShift]] = []
        refusals: list[DoorstepError | None] = []
        for number, one in enumerate(asked.scenarios):
            own: list[DoorstepError] = []
            shifts.append(await shifts_wanted(scope, one.plan, own))
            own += aim_faults(one.plan.objective, one.plan.lateness, shifts[-1], one.plan.shift_ids)
            each = [fault for refusal in own for fault in all_refusals(refusal)]
            refusals.append(Refusals([fault.under("scenarios", number) for fault in each]) if each else None)
    return _Loaded(orders, shifts, refusals)


class _NoPlan(Exception):
    """The solver brought nothing for one scenario."""


@dataclass(frozen=True, slots=True)
class _Run:
    """All scenarios of one simulation on their way."""

    principal: Principal
    engines: Engines
    loaded: _Loaded
    ends: float
    count: int

    async def scenario(self, number: int, scenario: Scenario) -> Simulated:
        """Solve one, or say why not."""
        began = time.monotonic()
        found = Simulated(refusal=self.loaded.refusals[number])
        if found.refusal is None:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + self.ends - began):
                    await self._solve(found, number, scenario)
            except DoorstepError as refusal:
                found.refusal = refusal.under("scenarios", number)
            except (Unavailable, TimeoutError) as error:
                said = (
                    str(error) or "The solver did not come to this scenario in time: send it again, or ask for fewer."
                )
                found.failure = said
            except _NoPlan as error:
                found.failure = str(error)
        return found

    async def _solve(self, found: Simulated, number: int, scenario: Scenario) -> None:
        shifts = self.loaded.shifts[number]
        objective, lateness = solver_aim(scenario.plan.objective, scenario.plan.lateness)
        orders = [_moved(order, scenario) for order in self.loaded.orders]
        now = self.principal.clock.now()
        try:
            question = await pose(self.engines.roads, orders, shifts, now, within=ROADS_SECONDS)
        except ProblemInvalidError as error:
            raise DoorstepError(ProblemCode.NOT_PLANNABLE, f"The solver cannot work with this: {error}.") from error
        question.lateness = lateness
        outcome = await settle(question, partial(self._outcome, question, objective))
        if outcome is not None:
            found.solver_seconds = outcome.cpu_seconds
            if outcome.solution is None:
                raise _NoPlan(f"The solver found no plan ({outcome.status}): {outcome.reason}.")
        _tell(found, question, outcome)

    async def _outcome(self, question: Question, objective: Objective) -> Outcome | None:
        pool, problem = self.engines.solver, question.problem
        if problem is None:
            return None
        options = await asyncio.to_thread(choose, problem, pool.slots, objective=objective)
        options = replace(self._within(options), lateness=question.lateness)
        try:
            return await pool.solve(problem, options, owner=str(self.principal.tenant_id))
        except SolutionRejectedError as error:
            raise _NoPlan(f"The solver's plan broke its own rules and was not used: {error}.") from error

    def _within(self, options: SolveOptions) -> SolveOptions:
        """The same effort with this scenario's share of the time that is left, as if the slots were all ours."""
        left = max(LEAST_SOLVE_SECONDS, self.ends - time.monotonic())
        turns = -(-self.count // self.engines.solver.slots)
        share = max(LEAST_SOLVE_SECONDS, SOFT_SHARE * left / turns)
        return replace(
            options,
            time_limit_seconds=min(options.time_limit_seconds, share),
            hard_limit_seconds=min(options.hard_limit_seconds, left),
        )


def _tell(found: Simulated, question: Question, outcome: Outcome | None) -> None:
    solution = outcome.solution if outcome and outcome.solution else Solution((), (), Summary())
    left = {**question.set_aside, **reasons_of(outcome.unassigned if outcome else ())}
    found.summary = plan_summary(question, solution, len(left))
    base = outcome.baseline if outcome else None
    found.baseline = plan_summary(question, base, len(question.set_aside) + len(base.unassigned)) if base else None
    found.reasons = Counter(reasons[0].code for reasons in left.values())
    found.routes = [
        (UUID(route.vehicle_id), route_summary(question.shifts[UUID(route.vehicle_id)], route))
        for route in solution.routes
    ]
    found.engine = outcome.engine if outcome else None
    found.network = ", ".join(sorted({source for source, _ in question.sources.values()})) or None


def _moved(order: PlanningOrder, scenario: Scenario) -> PlanningOrder:
    """The order with its windows as the scenario has them."""
    later, wider = timedelta(seconds=scenario.shift_windows_seconds), timedelta(seconds=scenario.widen_windows_seconds)
    if not later and not wider:
        return order

    def point(one: PlanningPoint) -> PlanningPoint:
        windows = [TimeWindow(each.start + later - wider, each.end + later + wider) for each in one.windows]
        return replace(one, windows=windows)

    return replace(order, dropoff=point(order.dropoff), pickup=point(order.pickup) if order.pickup else None)
