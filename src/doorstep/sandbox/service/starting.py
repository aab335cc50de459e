"""Starting and cancelling simulations. What the robot does is a job's; getting an order onto a route is done here, so that a refusal is told at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from doorstep.kernel import jobs
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS, Scope
from doorstep.orders.model import FINAL, PLANNABLE
from doorstep.orders.reads import PlanningOrder, orders_for_planning
from doorstep.planning.model import ACTIVE_ROUTES, RouteStatus
from doorstep.planning.reads import active_routes_of_orders
from doorstep.planning.service import lock_route, set_route_status
from doorstep.sandbox.model import (
    DEFAULT_LATE_MINUTES,
    DEFAULT_STEP_SECONDS,
    Ending,
    SimulatedOutcome,
    SimulationStatus,
)
from doorstep.sandbox.service.clock import enter
from doorstep.sandbox.service.declining import simulate_decline
from doorstep.sandbox.service.rows import Subject, begin, refuse_running
from doorstep.sandbox.service.staging import put_on_route

MOST_ENDINGS = 250
LONGEST_STEP = 3600
LATEST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class EndingDraft:
    """What a caller says becomes of an order; ``late_minutes`` None: half an hour where the outcome is LATE."""

    outcome: SimulatedOutcome
    late_minutes: int | None = None

    def checked(self, *path: str | int) -> Ending:
        """The ending; refuses minutes that are out of bounds, or of another outcome than LATE."""
        where = [*path, "lateByMinutes"]
        if self.outcome is not SimulatedOutcome.LATE:
            if self.late_minutes is not None:
                raise DoorstepError(ProblemCode.INVALID_VALUE, "Minutes belong to the outcome LATE.", where)
            return Ending(self.outcome)
        minutes = DEFAULT_LATE_MINUTES if self.late_minutes is None else self.late_minutes
        if not 1 <= minutes <= LATEST_MINUTES:
            raise DoorstepError(ProblemCode.INVALID_VALUE, f"LATE is 1 to {LATEST_MINUTES} minutes.", where)
        return Ending(self.outcome, minutes)


async def simulate_route(scope: Scope, route_id: UUID, drafts: Sequence[tuple[UUID, EndingDraft]]) -> dict[str, Any]:
    """Let a robot drive a route as planned; a COMMITTED one is dispatched. Outcome ``{id, route_id}``.

    Orders that are not named are delivered. Refuses a LIVE tenant, an unknown route or order, a route that is not active (ILLEGAL_TRANSITION)
    or has a robot already (IN_USE).
    """
    await enter(scope)
    route, stops = await lock_route(scope, route_id)
    _refuse_inactive(route, "routeId")
    on_route = {order_id for stop in stops for order_id in stop["order_ids"]}
    endings = _endings(drafts, on_route)
    return await _start(scope, route, None, endings, None, "routeId")


def _refuse_inactive(route: Row, path: str) -> None:
    if RouteStatus(route["status"]) not in ACTIVE_ROUTES:
        raise DoorstepError(
            ProblemCode.ILLEGAL_TRANSITION,
            f"This route is {route['status']}: a robot drives one that is COMMITTED, DISPATCHED or IN_PROGRESS.",
            [path],
        )


def _endings(drafts: Sequence[tuple[UUID, EndingDraft]], on_route: set[UUID]) -> dict[UUID, Ending]:
    if len(drafts) > MOST_ENDINGS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Name at most {MOST_ENDINGS} outcomes.", ["outcomes"])
    endings: dict[UUID, Ending] = {}
    for index, (order_id, draft) in enumerate(drafts):
        if order_id not in on_route:
            raise NotFound("order on this route", ["outcomes", index, "orderId"])
        if order_id in endings:
            raise DoorstepError(
                ProblemCode.INVALID_VALUE, "An order ends in one way only.", ["outcomes", index, "orderId"]
            )
        if draft.outcome is SimulatedOutcome.CARRIER_DECLINES:
            said = "An order on a route is offered to nobody: CARRIER_DECLINES belongs to simulateOrder."
            raise DoorstepError(ProblemCode.INVALID_VALUE, said, ["outcomes", index, "outcome"])
        endings[order_id] = draft.checked("outcomes", index)
    return endings


async def simulate_order(
    scope: Scope, order_id: UUID, draft: EndingDraft, seconds_per_step: int | None
) -> dict[str, Any]:
    """Take an order to its ending, one act every ``seconds_per_step`` (None: 60) of the sandbox's clock. Outcome ``{id, route_id, order_id}``.

    An order on no route gets one of its own, with a robot's shift. Refuses a LIVE tenant, an unknown order, one that is neither on a route nor
    waits to be brought (ILLEGAL_TRANSITION), one without a place (NOT_PLANNABLE), a route that has a robot already (IN_USE).
    CARRIER_DECLINES is about an order that is offered to a carrier: see ``simulate_decline``.
    """
    await enter(scope)
    ending = draft.checked()
    step = DEFAULT_STEP_SECONDS if seconds_per_step is None else seconds_per_step
    if not 1 <= step <= LONGEST_STEP:
        raise DoorstepError(ProblemCode.INVALID_VALUE, f"A step is 1 to {LONGEST_STEP} seconds.", ["secondsPerStep"])
    if ending.outcome is SimulatedOutcome.CARRIER_DECLINES:
        return await simulate_decline(scope, order_id, ending, step)
    found = await orders_for_planning(scope.tx, scope.tenant_id, [order_id])
    if not found:
        raise NotFound("order", ["orderId"])
    route, _ = await lock_route(scope, await _route_of(scope, found[0], step))
    _refuse_inactive(route, "orderId")
    return await _start(scope, route, order_id, {order_id: ending}, step, "orderId")


async def _route_of(scope: Scope, order: PlanningOrder, step: int) -> UUID:
    """The route that the order is on, or a new one with a robot."""
    present = (await active_routes_of_orders(scope.tx, scope.tenant_id, [order.id])).get(order.id)
    if present is not None and order.status not in FINAL:
        return present
    if order.status not in PLANNABLE:
        raise DoorstepError(
            ProblemCode.ILLEGAL_TRANSITION,
            f"This order is {order.status} and on no route: orders that are PENDING or AWAITING_REATTEMPT or on a route can be simulated.",
            ["orderId"],
        )
    return await put_on_route(_with_all_rights(scope), order, step)


def _with_all_rights(scope: Scope) -> Scope:
    """The same unit of work, with the rights that a robot's shift and route take: who may simulate needs no others."""
    return replace(scope, principal=replace(scope.principal, permissions=ALL_PERMISSIONS))


async def _start(
    scope: Scope, route: Row, order_id: UUID | None, endings: Mapping[UUID, Ending], step: int | None, path: str
) -> dict[str, Any]:
    subject = Subject(route_id=route["id"], order_id=order_id)
    await refuse_running(scope, subject, path)
    if route["status"] == RouteStatus.COMMITTED:
        await set_route_status(scope, route, RouteStatus.DISPATCHED, scope.clock.now())
    return await begin(scope, subject, endings, step)


async def cancel_simulation(scope: Scope, simulation_id: UUID) -> dict[str, Any]:
    """Take the robot off; its route and orders stay as they are. Outcome ``{id}``. Refuses NOT_FOUND, and ILLEGAL_TRANSITION when it is over."""
    await enter(scope)
    row = await scope.tx.fetchrow(
        "SELECT status, job_id FROM simulations WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        scope.tenant_id,
        simulation_id,
    )
    if row is None:
        raise NotFound("simulation", ["simulationId"])
    if row["status"] != SimulationStatus.RUNNING:
        raise DoorstepError(
            ProblemCode.ILLEGAL_TRANSITION,
            f"Simulation {public_id('simulation', simulation_id)} is {row['status']}: there is nothing to cancel.",
            ["simulationId"],
        )
    await scope.tx.execute(
        "UPDATE simulations SET status = 'CANCELLED', next_act_at = NULL, finished_at = $3, version = version + 1, updated_at = now() "
        "WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        simulation_id,
        scope.clock.now(),
    )
    await jobs.cancel(scope, row["job_id"])
    return {"id": str(simulation_id)}
