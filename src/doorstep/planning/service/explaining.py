"""The smallest change that would place an order which a proposal left out, looked for while somebody waits, and kept with the plan.

Nothing is written while roads and solver work; then it is, if the plan is still the one that was looked at.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from doorstep.identity.service import check_solver_seconds, spend_solver_seconds
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.planning.errors import nothing_to_plan
from doorstep.planning.model import ExplanationStatus
from doorstep.planning.reads import plans_by_ids
from doorstep.planning.service.plans import check_version, lock_plan
from doorstep.planning.service.problems import Engines, Question, pose
from doorstep.planning.service.proposed import Proposed, load_proposed, sequences_of
from doorstep.planning.solver.easing import SMALL, Eased, Easing, smallest
from doorstep.planning.solver.engine import Engine
from doorstep.planning.solver.errors import ProblemInvalidError, SolverError
from doorstep.planning.solver.estimate import SolveOptions
from doorstep.planning.solver.lateness import with_grace
from doorstep.planning.solver.problem import Order, Problem, Window
from doorstep.planning.solver.relaxing import Change
from doorstep.planning.solver.solution import Solution, StepKind

MOST_ORDERS: Final = 20
MOST_RELAXATIONS: Final = 3
"""The smallest, and the smallest of other kinds."""
SECONDS: Final = 8.0
"""A caller waits for the answer: no more than this, roads and re-solves included, of the ten that an operation has."""
ROADS_SECONDS: Final = 3.0
RESOLVE_SECONDS: Final = 1.0
"""What one re-solve may take; with less than a quarter of it left, none is begun."""
AT_ONCE: Final = 2
"""So many re-solves of one call wait for a slot at the same time."""


@dataclass(slots=True)
class Explained:
    """What ``prepare_explanation`` found: a refusal, or the stored form of each order's answer."""

    plan_id: UUID
    order_ids: list[UUID]
    refusal: DoorstepError | None = None
    plan_version: int = 0
    answers: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    solver_seconds: float = 0.0


async def prepare_explanation(
    db: Database,
    principal: Principal,
    engines: Engines,
    wanted: Callable[[], tuple[UUID, Sequence[UUID], int | None]],
) -> Explained:
    """Look for the relaxations; ``wanted`` says of which plan and orders, and at which version of the plan.

    A refusal, also one that ``wanted`` raises, is kept for ``explain_unassigned`` to raise, so that a replay gets its stored answer first.
    """
    principal.require(Permission.PLANNING_WRITE)
    deadline = time.monotonic() + SECONDS
    try:
        plan_id, order_ids, if_version = wanted()
    except DoorstepError as refusal:
        return Explained(UUID(int=0), [], refusal)
    explained = Explained(plan_id, list(dict.fromkeys(order_ids)))
    try:
        async with engines.desk(principal.tenant_id):
            proposed = await _load(explained, db, principal, if_version)
            await _search(explained, proposed, engines, principal, deadline)
    except DoorstepError as refusal:
        explained.refusal = refusal
    await spend_solver_seconds(db, principal, explained.solver_seconds)
    return explained


async def explain_unassigned(scope: Scope, explained: Explained | None) -> dict[str, Any]:
    """Keep what was found with the plan; returns ``{"id": plan, "order_ids"}``. None is for a replay, which never comes here.

    Raises what preparing refused, and PLAN_STALE when the plan changed since then.
    """
    scope.require(Permission.PLANNING_WRITE)
    if explained is None:
        raise _changed_meanwhile()
    if explained.refusal is not None:
        raise explained.refusal
    plan = await lock_plan(scope, explained.plan_id)
    if plan["version"] != explained.plan_version:
        raise _changed_meanwhile()
    await scope.tx.execute(
        "UPDATE plan_orders SET relaxations = found.answer::jsonb FROM unnest($3::uuid[], $4::text[]) AS found(id, answer) "
        "WHERE plan_orders.tenant_id = $1 AND plan_orders.plan_id = $2 AND plan_orders.order_id = found.id",
        scope.tenant_id,
        explained.plan_id,
        list(explained.answers),
        [orjson.dumps(answer).decode() for answer in explained.answers.values()],
    )
    return {"id": str(explained.plan_id), "order_ids": [str(order_id) for order_id in explained.order_ids]}


def _changed_meanwhile() -> DoorstepError:
    message = "The plan changed while this was being looked for: send this again."
    return DoorstepError(ProblemCode.PLAN_STALE, message, ["planId"])


async def _load(explained: Explained, db: Database, principal: Principal, if_version: int | None) -> Proposed:
    if not explained.order_ids:
        raise nothing_to_plan("There is no order in orderIds.", ["orderIds"])
    if len(explained.order_ids) > MOST_ORDERS:
        message = f"Ask about at most {MOST_ORDERS} orders at a time."
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["orderIds"])
    async with db.snapshot(principal) as tx:
        await check_solver_seconds(tx, principal)
        plan: Row | None = (await plans_by_ids(tx, principal.tenant_id, [explained.plan_id])).get(explained.plan_id)
        if plan is None:
            raise NotFound("plan", ["planId"])
        check_version(plan, if_version)
        explained.plan_version = plan["version"]
        return await load_proposed(tx, principal.tenant_id, plan, explained.order_ids, principal.clock.now())


# ── searching ───────────────────────────────────────────────────────────────────────────────────────────


async def _search(
    explained: Explained, proposed: Proposed, engines: Engines, principal: Principal, deadline: float
) -> None:
    now = principal.clock.now()
    found: Mapping[str, list[Eased]] = {}
    cut: Collection[str] = ()
    question: Question | None = None
    if proposed.shifts:
        question = await _pose(engines, proposed, now)
        if question.problem is not None:
            # Who is on a route may be as late as the plan lets it; what has to give for an order is told of its promise.
            grace = dict.fromkeys((str(order.id) for order in proposed.kept), proposed.grace_seconds)
            problem = with_grace(question.problem, grace)
            search = _Search(engines, str(principal.tenant_id), problem, deadline)
            found = await search.run(proposed, question)
            explained.solver_seconds = search.cpu_seconds
            cut = search.cut
    for order_id in explained.order_ids:
        eased = found.get(str(order_id), ())
        missed = ExplanationStatus.OUT_OF_TIME if str(order_id) in cut else ExplanationStatus.NONE
        explained.answers[order_id] = {
            "status": (ExplanationStatus.FOUND if eased else missed).value,
            "found": [_eased_json(one, question) for one in eased if question is not None],
        }


async def _pose(engines: Engines, proposed: Proposed, now: datetime) -> Question:
    try:
        return await pose(
            engines.roads,
            [*proposed.kept, *proposed.asked],
            proposed.shifts,
            now,
            within=ROADS_SECONDS,
            ties=proposed.ties,
        )
    except ProblemInvalidError as error:
        message = f"The solver cannot work with this: {error}."
        raise DoorstepError(ProblemCode.NOT_PLANNABLE, message, ["planId"]) from error


@dataclass(slots=True)
class _Search:
    """One call's search: into the routes as they are, then again with the nearest routes solved once more."""

    engines: Engines
    owner: str
    problem: Problem
    deadline: float
    cpu_seconds: float = 0.0
    cut: set[str] = field(default_factory=set)
    """The orders for which the time was over before everything was tried."""

    async def run(self, proposed: Proposed, question: Question) -> dict[str, list[Eased]]:
        """What was found for each order that can be asked about, the smallest first."""
        easing = await asyncio.to_thread(Easing, self.problem, sequences_of(proposed, question, self.problem))
        orders = [self.problem.order_by_id[str(one.id)] for one in proposed.asked if one.id not in question.set_aside]
        found: dict[str, list[Eased]] = {}
        for number, order in enumerate(orders):
            share = max(0.0, self.deadline - time.monotonic()) / (len(orders) - number)
            until = time.monotonic() + share
            found[order.id] = await asyncio.to_thread(easing.by_insertion, order, until, MOST_RELAXATIONS)
            if time.monotonic() > until:
                self.cut.add(order.id)
        again = [order for order in orders if not found[order.id] or found[order.id][0].share > SMALL]
        again.sort(key=lambda order: -found[order.id][0].share if found[order.id] else float("-inf"))
        at_once = asyncio.Semaphore(AT_ONCE)

        async def improve(order: Order) -> None:
            async with at_once:
                found[order.id] = await self._improved(easing, order, found[order.id])

        await asyncio.gather(*(improve(order) for order in again))
        return found

    async def _improved(self, easing: Easing, order: Order, inserted: list[Eased]) -> list[Eased]:
        """With what a re-solve of the nearest routes brings, where that is smaller."""
        for near in await asyncio.to_thread(easing.neighbourhoods, order, inserted[0] if inserted else None):
            solution = await self._solved(near)
            if solution is None:
                self.cut.add(order.id)
                break
            resolved = await asyncio.to_thread(easing.by_resolve, order, near, solution, self.deadline)
            if resolved is not None:
                return smallest(inserted, resolved, MOST_RELAXATIONS)
        return inserted

    async def _solved(self, near: Problem) -> Solution | None:
        """The neighbourhood solved anew; None when the time is over or the engine fails."""
        left = self.deadline - time.monotonic()
        if left < RESOLVE_SECONDS / 4:
            return None
        options = SolveOptions(
            level=0, time_limit_seconds=min(RESOLVE_SECONDS, left), hard_limit_seconds=left, engine=Engine.VROOM
        )
        try:
            async with asyncio.timeout(left):
                outcome = await self.engines.solver.solve(near, options, owner=self.owner)
        except (TimeoutError, SolverError):
            return None
        self.cpu_seconds += outcome.cpu_seconds
        return outcome.solution


# ── the stored form ─────────────────────────────────────────────────────────────────────────────────────


def _eased_json(eased: Eased, question: Question) -> dict[str, Any]:
    begin = next(
        step.service_start
        for step in eased.route.steps
        if step.order_id == eased.order_id and step.kind is StepKind.DELIVERY
    )
    return {
        "shift_id": eased.vehicle_id,
        "search": eased.search.value,
        "share": round(eased.share, 4),
        "added_cost_minor": eased.added_cost,
        "arrives_at": question.instant(begin).isoformat(),
        "changes": [_change_json(change, question) for change in eased.changes],
    }


def _change_json(change: Change, question: Question) -> dict[str, Any]:
    return {
        "kind": change.lever.value,
        "amount": change.amount,
        "share": round(change.share, 4),
        "earlier": change.earlier,
        "skills": sorted(change.skills),
        "compartment": change.compartment,
        "window": _window_json(change.widened, question),
        "instead_of": _window_json(change.window, question),
    }


def _window_json(window: Window | None, question: Question) -> dict[str, str] | None:
    if window is None:
        return None
    return {"start": question.instant(window.start).isoformat(), "end": question.instant(window.end).isoformat()}
