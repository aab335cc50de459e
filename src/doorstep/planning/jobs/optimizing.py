"""Optimizing a plan: read a snapshot, ask roads and solver, write the proposal in one fenced transaction.

Whatever keeps it from an answer for the moment (a database, a road engine, an engine process that died) is raised and tried again by the worker;
what no repetition mends makes the plan FAILED with the reason at once.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, shifts_for_planning
from doorstep.identity.service import spend_solver_seconds
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Unavailable
from doorstep.kernel.jobs import Job, LostLease
from doorstep.kernel.scope import Scope
from doorstep.orders.model import PLANNABLE
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.places.roads import Roads
from doorstep.planning.model import PlanPhase, PlanStatus, UnassignedCode
from doorstep.planning.reads import (
    active_routes_of_orders,
    active_routes_of_shifts,
    plan_order_ids,
    plan_shift_versions,
    plans_by_ids,
)
from doorstep.planning.service.aims import solver_aim_of, unknown_emissions
from doorstep.planning.service.by_hour import settle
from doorstep.planning.service.parts import Part, cut, second_try, together
from doorstep.planning.service.plans import lock_plan
from doorstep.planning.service.problems import Left, Question, pose
from doorstep.planning.service.proposals import add_paths, draft_routes, plan_summary, reasons_of
from doorstep.planning.service.ties import Ties
from doorstep.planning.service.writing import Proposal, fail_plan, propose
from doorstep.planning.solver.choosing import choose
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import ProblemInvalidError, SolutionRejectedError
from doorstep.planning.solver.estimate import Lateness, Objective
from doorstep.planning.solver.pool import Outcome, Progress, SolverPool, SolveStatus
from doorstep.planning.solver.solution import Solution, Summary

WRITE_SECONDS = 30.0
"""A statement that writes a large proposal may take so long."""


class CannotPlan(Exception):
    """No repetition helps: the plan fails with this reason."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    objective: Objective
    lateness: Lateness | None
    orders: list[PlanningOrder]
    shifts: list[PlanningShift]
    order_versions: dict[UUID, int]
    set_aside: dict[UUID, list[Left]]
    ties: Ties


async def optimize(job: Job) -> None:
    """Run the job of kind ``optimize_plan``: input ``{"plan_id"}``."""
    plan_id = UUID(job.input["plan_id"])
    try:
        proposal = await _find(job, await _load(job, plan_id))
    except CannotPlan as failure:
        reason = str(failure)
        async with job.db.write(job.principal) as scope:
            await fail_plan(scope, await _own_plan(job, scope, plan_id), reason)
            await job.finish(scope, {"status": PlanStatus.FAILED.value})
        return
    async with job.db.write(job.principal, statement_seconds=WRITE_SECONDS) as scope:
        await propose(scope, await _own_plan(job, scope, plan_id), proposal)
        await job.finish(scope, {"status": PlanStatus.PROPOSED.value})


async def give_up_plan(scope: Scope, job: Job, reason: str) -> None:
    """After the last try: the plan is FAILED, unless it moved on by itself."""
    plan = await lock_plan(scope, UUID(job.input["plan_id"]))
    if plan["status"] == PlanStatus.OPTIMIZING and plan["job_id"] == job.id:
        await fail_plan(scope, plan, reason)


async def _own_plan(job: Job, scope: Scope, plan_id: UUID) -> Row:
    """The plan, locked, if this run may still write it (plans are locked before jobs, everywhere); raises LostLease."""
    plan = await lock_plan(scope, plan_id)
    await job.fence(scope)
    if plan["status"] != PlanStatus.OPTIMIZING or plan["job_id"] != job.id:
        raise LostLease(job.kind)
    return plan


async def _load(job: Job, plan_id: UUID) -> _Loaded:
    async with job.db.snapshot(job.tenant_id) as tx:
        plan = (await plans_by_ids(tx, job.tenant_id, [plan_id])).get(plan_id)
        if plan is None or plan["status"] != PlanStatus.OPTIMIZING or plan["job_id"] != job.id:
            raise LostLease(job.kind)
        order_ids = list(await plan_order_ids(tx, job.tenant_id, plan_id))
        shift_ids = list(await plan_shift_versions(tx, job.tenant_id, plan_id))
        orders = await orders_for_planning(tx, job.tenant_id, order_ids)
        taken = await active_routes_of_orders(tx, job.tenant_id, order_ids)
        shifts = await shifts_for_planning(tx, job.tenant_id, shift_ids)
        used = await active_routes_of_shifts(tx, job.tenant_id, shift_ids)
    now = job.principal.clock.now()
    free = [shift for shift in shifts if shift.vehicle and shift.id not in used and shift.ends_at > now]
    if not free:
        raise CannotPlan(
            "None of the plan's shifts is free any more: each is over, archived, without a vehicle or on a route."
        )
    objective, lateness = solver_aim_of(plan["options"])
    unknown = unknown_emissions(objective, free)
    if unknown is not None:
        raise CannotPlan(unknown)
    ties = Ties.of(plan["options"])
    if lateness is not None:
        lateness = replace(lateness, firm=frozenset(str(order_id) for order_id in ties.times))
    gone = {order.id for order in orders if order.id in taken or order.status not in PLANNABLE}
    return _Loaded(
        objective=objective,
        lateness=lateness,
        orders=[order for order in orders if order.id not in gone],
        shifts=free,
        order_versions={order.id: order.version for order in orders},
        set_aside={order_id: [Left(UnassignedCode.NOT_PLANNABLE)] for order_id in gone},
        ties=ties,
    )


async def _find(job: Job, loaded: _Loaded) -> Proposal:
    """The whole plan's proposal, part by part where one matrix would be too large."""
    pieces = cut(loaded.orders, loaded.shifts, loaded.ties)
    proposal: Proposal | None = None
    for number, part in enumerate(pieces.parts):
        found = await _find_part(_Stage(job, number, len(pieces.parts)), loaded, part)
        proposal = found if proposal is None else together(proposal, found)
    if proposal is None:
        raise CannotPlan("None of the plan's orders can be planned any more.")
    again = second_try(loaded.orders, loaded.shifts, proposal) if len(pieces.parts) > 1 else None
    if again is not None:
        last = _Stage(job, len(pieces.parts), len(pieces.parts) + 1)
        proposal = together(proposal, await _find_part(last, loaded, again))
    never_asked = {**loaded.set_aside, **pieces.left}
    unassigned = never_asked | proposal.unassigned
    baseline = proposal.baseline
    return replace(
        proposal,
        unassigned=unassigned,
        summary=proposal.summary | {"unassigned": len(unassigned)},
        baseline=baseline and baseline | {"unassigned": baseline["unassigned"] + len(never_asked)},
        order_versions=loaded.order_versions,
        shift_versions={shift.id: shift.version for shift in loaded.shifts},
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """One part of a plan's optimization: the ``number``-th of ``count``."""

    job: Job
    number: int
    count: int

    async def report(self, phase: PlanPhase, fraction: float, **told: Any) -> None:
        """Publish how far the whole is, when this part is so far."""
        await self.job.report(progress_json(phase, (self.number + fraction) / self.count, **told))


async def _find_part(stage: _Stage, loaded: _Loaded, part: Part) -> Proposal:
    job = stage.job
    roads: Roads = job.services.get(Roads)
    await stage.report(PlanPhase.ROADS, 0.02)
    try:
        question = await pose(roads, part.orders, part.shifts, job.principal.clock.now(), ties=loaded.ties)
    except ProblemInvalidError as error:
        raise CannotPlan(f"The solver cannot work with this: {error}.") from error
    question.lateness = loaded.lateness
    outcome = await settle(question, partial(_solve, stage, question, loaded.objective))
    solution = outcome.solution if outcome and outcome.solution else Solution((), (), Summary())
    await stage.report(PlanPhase.PATHS, 0.9, best=solution.summary, unassigned=len(solution.unassigned))
    routes = draft_routes(question, solution)
    await add_paths(roads, routes)
    unassigned = {**question.set_aside, **reasons_of(outcome.unassigned if outcome else ())}
    baseline = outcome.baseline if outcome else None
    left_by_baseline = len(unassigned) - len(solution.unassigned)
    return Proposal(
        routes=routes,
        unassigned=unassigned,
        summary=plan_summary(question, solution, len(unassigned)),
        baseline=plan_summary(question, baseline, left_by_baseline + len(baseline.unassigned)) if baseline else None,
        order_versions={},
        shift_versions={},
        engine=outcome.engine if outcome else None,
    )


async def _solve(stage: _Stage, question: Question, objective: Objective) -> Outcome | None:
    """The solver's outcome, always with a solution; None when there was nothing to ask."""
    job, problem = stage.job, question.problem
    if problem is None:
        return None
    pool: SolverPool = job.services.get(SolverPool)

    async def report(progress: Progress) -> None:
        share = progress.runs_done / progress.runs_total if progress.runs_total else 0.0
        await stage.report(
            PlanPhase.SOLVING,
            0.1 + 0.75 * share,
            best=progress.best,
            unassigned=progress.unassigned,
            ahead=progress.ahead,
            engine=progress.engine,
        )

    options = await asyncio.to_thread(choose, problem, pool.slots, objective=objective)
    options = replace(options, lateness=question.lateness)
    try:
        outcome = await pool.solve(problem, options, progress=report, owner=str(job.tenant_id))
    except SolutionRejectedError as error:
        raise CannotPlan(f"The solver's plan broke its own rules and was not used: {error}.") from error
    await spend_solver_seconds(job.db, job.principal, outcome.cpu_seconds)
    if outcome.status is SolveStatus.CRASHED:
        raise Unavailable(f"The solver's process died: {outcome.reason}")
    if outcome.solution is None:
        raise CannotPlan(f"The solver found no plan ({outcome.status}): {outcome.reason}")
    return outcome


def progress_json(
    phase: PlanPhase,
    fraction: float,
    *,
    best: Summary | None = None,
    unassigned: int | None = None,
    ahead: int | None = None,
    engine: Engine | None = None,
) -> dict[str, Any]:
    """A job's progress as it is stored."""
    return {
        "phase": phase.value,
        "fraction": round(fraction, 3),
        "cost": best.cost if best else None,
        "routes": best.routes if best else None,
        "unassigned": unassigned,
        "ahead": ahead,
        "engine": engine.value if engine else None,
    }
