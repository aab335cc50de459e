"""Dispatch: a plan that exists is made better with a few orders more, in one run that starts from it.

VROOM takes the present routes as `steps`: all of its searches then start from the same plan and one of them runs, which costs a tenth of planning anew
(measured; see tests/benchmarks). `steps` bind nobody: what must stay with a vehicle is said by `OnBoard` or by a skill of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from doorstep.planning.solver.decompose import Group, compose
from doorstep.planning.solver.engine import Effort, EngineInput
from doorstep.planning.solver.errors import SolverError
from doorstep.planning.solver.problem import Order, PickupDelivery, Problem
from doorstep.planning.solver.process import Limits, RunStatus, run_engine
from doorstep.planning.solver.solution import Solution, StepKind
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.unassigned import hopeless
from doorstep.planning.solver.verify import verify
from doorstep.planning.solver.vroom import from_engine, to_engine

EFFORT: Final = Effort(searches=4, depth=0, threads=1, timeout_seconds=2.0)
MEMORY_BYTES: Final = 1 << 31

Visit = tuple[StepKind, str]
"""A step of a present route: PICKUP or DELIVERY, and the order's id."""


class NoAnswerError(SolverError):
    """The engine gave no answer in its time, or died."""


@dataclass(frozen=True, slots=True)
class WarmAnswer:
    """The new routes, verified, with what was left out; `cpu_seconds` are the engine's, `warm` whether the present routes could be taken up."""

    solution: Solution
    cpu_seconds: float
    warm: bool


async def solve_warm(problem: Problem, present: Mapping[str, Sequence[Visit]], seconds: float) -> WarmAnswer:
    """Plan `problem` from its `present` routes (by vehicle id) within so many seconds; raises `NoAnswerError`.

    Routes that no longer hold (a window that has closed) are planned anew instead. `SolutionRejectedError` when what the engine found does not hold.
    """
    orders, asked = await asyncio.to_thread(_translate, problem)
    if asked is None:
        return WarmAnswer(compose(problem, (), problem.orders), 0.0, False)
    steps = _steps(problem, orders, present)
    run = await run_engine(_with_steps(asked, steps), EFFORT, Limits(seconds, MEMORY_BYTES))
    warm, spent = bool(steps), run.cpu_seconds
    if run.status is RunStatus.REFUSED and steps:
        run = await run_engine(asked, EFFORT, Limits(seconds, MEMORY_BYTES))
        warm, spent = False, spent + run.cpu_seconds
    if run.answer is None:
        raise NoAnswerError(run.reason or "the engine gave no answer")
    return WarmAnswer(await asyncio.to_thread(_read, problem, orders, run.answer), spent, warm)


def _translate(problem: Problem) -> tuple[tuple[Order, ...], EngineInput | None]:
    travel = Travel(problem)
    lost = {order.id for order in hopeless(problem, travel)}
    orders = tuple(order for order in problem.orders if order.id not in lost)
    return orders, to_engine(problem, travel, orders, problem.vehicles) if orders else None


def _read(problem: Problem, orders: Sequence[Order], answer: dict[str, Any]) -> Solution:
    solution = compose(problem, from_engine(problem, orders, answer).routes, problem.orders)
    verify(problem, solution)
    return solution


def _steps(
    problem: Problem, orders: Sequence[Order], present: Mapping[str, Sequence[Visit]]
) -> dict[int, list[dict[str, Any]]]:
    """The present routes in the engine's numbers, by vehicle; orders that it is not asked about are passed over."""
    asked = {order.id for order in orders}
    number = {order.id: at for at, order in enumerate(problem.orders, 1)}
    shipments = {order.id for order in orders if isinstance(order, PickupDelivery)}
    found: dict[int, list[dict[str, Any]]] = {}
    for at, vehicle in enumerate(problem.vehicles, 1):
        steps = [
            {"type": kind.value.lower() if order_id in shipments else "job", "id": number[order_id]}
            for kind, order_id in present.get(vehicle.id, ())
            if order_id in asked and (order_id in shipments or kind is StepKind.DELIVERY)
        ]
        if steps:
            found[at] = steps
    return found


def _with_steps(asked: EngineInput, steps: Mapping[int, list[dict[str, Any]]]) -> EngineInput:
    vehicles = [
        {**vehicle, "steps": steps[vehicle["id"]]} if vehicle["id"] in steps else vehicle
        for vehicle in asked.document["vehicles"]
    ]
    return EngineInput({**asked.document, "vehicles": vehicles}, asked.matrices)


def from_present(problem: Problem, group: Group, asked: EngineInput) -> EngineInput:
    """VROOM's input for a group, to begin with its present routes."""
    present = {
        route.vehicle_id: [(step.kind, step.order_id) for step in route.steps if step.order_id is not None]
        for route in group.present
    }
    return _with_steps(asked, _steps(problem, group.orders, present))
