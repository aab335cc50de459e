"""Routes under way planned again without breaking promises: what is done or under way stays, and a changed ETA has a price.

The same steps as a change by hand: weighed outside of any transaction, written by ``changing`` if nothing changed meanwhile. Orders go along their
route or onto another of those named; none is left out and none is added.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Permission, Principal
from doorstep.planning.errors import nothing_to_plan, refuse_all
from doorstep.planning.model import StopKind
from doorstep.planning.service.changes import Path, Weighed
from doorstep.planning.service.previewing import (
    Asked,
    Line,
    Loaded,
    drives,
    line_of,
    load_routes,
    may_leave,
    pose_routes,
    refuse_untimed,
    side_of,
)
from doorstep.planning.service.problems import Engines, Question, from_depot
from doorstep.planning.solver.handwork import Stop
from doorstep.planning.solver.settling import Lane, Promises, settle
from doorstep.planning.solver.travel import Travel

MOST_ROUTES: Final = 10
MOST_STOPS: Final = 300
MOST_KEPT: Final = 250
MOST_PRICE: Final = 1_000_000
MOST_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Terms:
    """Which routes may change, what a changed ETA costs (minor units for each minute beyond the tolerance, earlier or later), how far one may
    be moved at all, and the orders that are not moved themselves."""

    routes: tuple[Asked, ...]
    kept: tuple[tuple[UUID, Path], ...]
    price_per_minute: int
    tolerance_seconds: int
    most_seconds: int | None


async def weigh_replan(db: Database, principal: Principal, engines: Engines, wanted: Callable[[], Terms]) -> Weighed:
    """Plan what is left of routes again. A refusal is kept, as ``weigh`` keeps it; raises Unavailable as ``weigh`` does."""
    principal.require(Permission.PLANNING_WRITE)
    weighed = Weighed()
    try:
        terms = wanted()
        refuse_all(_faults(terms))
        async with engines.desk(principal.tenant_id):
            async with db.snapshot(principal) as tx:
                loaded = await load_routes(tx, principal, terms.routes)
            refuse_all(_kept_faults(terms, loaded))
            question = await pose_routes(engines, loaded, principal.clock.now())
            await asyncio.to_thread(_settle, weighed, loaded, question, terms)
    except DoorstepError as refusal:
        weighed.refusal = refusal
    return weighed


def _faults(terms: Terms) -> list[DoorstepError]:
    faults: list[DoorstepError] = []
    if not terms.routes:
        faults.append(nothing_to_plan("There is no route in routes.", ["replan", "routes"]))
    for name, values, most in (("routes", terms.routes, MOST_ROUTES), ("keepOrderIds", terms.kept, MOST_KEPT)):
        if len(values) > most:
            message = f"Give at most {most}: plan the rest by itself."
            faults.append(DoorstepError(ProblemCode.TOO_MANY_ITEMS, message, ["replan", name]))
    for name, value, most in (
        ("etaPriceMinorPerMinute", terms.price_per_minute, MOST_PRICE),
        ("etaToleranceSeconds", terms.tolerance_seconds, MOST_SECONDS),
        ("mostEtaShiftSeconds", terms.most_seconds or 0, MOST_SECONDS),
    ):
        if not 0 <= value <= most:
            faults.append(DoorstepError(ProblemCode.INVALID_VALUE, f"Give 0 to {most}.", ["replan", name]))
    return faults


def _kept_faults(terms: Terms, loaded: Loaded) -> list[DoorstepError]:
    faults: list[DoorstepError] = [
        NotFound("order on these routes", path) for order_id, path in terms.kept if order_id not in loaded.orders
    ]
    if sum(len(present.free) for present in loaded.presents.values()) > MOST_STOPS:
        message = f"These routes have more than {MOST_STOPS} open stops: plan them in two parts."
        faults.append(DoorstepError(ProblemCode.PLAN_TOO_LARGE, message, ["replan", "routes"]))
    return faults


def _settle(weighed: Weighed, loaded: Loaded, question: Question, terms: Terms) -> None:
    weighed.orders, weighed.question = loaded.orders, question
    refuse_untimed(weighed, question)
    if question.problem is None:
        raise nothing_to_plan("These routes have no open stop at a customer.", ["replan", "routes"])
    travel = Travel(question.problem)
    lines = [line_of(loaded, route_id) for route_id in loaded.presents]
    promises = Promises(
        at=_promised(question, loaded),
        price_per_minute=terms.price_per_minute,
        tolerance_seconds=terms.tolerance_seconds,
        most_seconds=terms.most_seconds,
        kept=frozenset(str(order_id) for order_id, _ in terms.kept),
    )
    lanes = [_lane(question, travel, line) for line in lines]
    settled = settle(question.problem, lanes, promises, _only(loaded, lines))
    for line, stops in zip(lines, settled, strict=True):
        line.stops = stops
    before, after = _routes_of(lines, now=False), _routes_of(lines, now=True)
    moved = {order_id for order_id, route_id in after.items() if before[order_id] != route_id}
    weighed.leaving = {order_id: before[order_id] for order_id in moved}
    weighed.coming = {order_id: after[order_id] for order_id in moved}
    weighed.order_paths = dict.fromkeys(sorted(moved), ("replan", "routes"))
    weighed.sides = [side_of(question, travel, line) for line in lines]


def _lane(question: Question, travel: Travel, line: Line) -> Lane:
    _, vehicle, legs = drives(question, travel, line)
    at_depot = line.present.head is None
    return Lane(vehicle, legs, line.stops, takes_loaded=at_depot, waits=at_depot, locked=line.locked)


def _promised(question: Question, loaded: Loaded) -> dict[str, int]:
    """When each delivery is announced as things stand, in seconds of the problem."""
    found: dict[str, int] = {}
    for present in loaded.presents.values():
        for stop in present.free:
            if stop["kind"] == StopKind.DROPOFF:
                at = stop["eta_at"] or stop["planned_arrival"]
                seconds = round(at.timestamp()) - question.epoch
                found |= {str(order_id): seconds for order_id in present.orders_of.get(stop["id"], ())}
    return found


def _only(loaded: Loaded, lines: list[Line]) -> Mapping[str, frozenset[str]]:
    """The shifts that may bring each order: those of all routes, but for goods on board or loaded, its own."""
    everybody = frozenset(str(line.shift.id) for line in lines)
    waiting = frozenset(str(line.shift.id) for line in lines if line.present.head is None)
    only: dict[str, frozenset[str]] = {}
    for line in lines:
        own = frozenset([str(line.shift.id)])
        for order_id in line.present.order_ids:
            order = loaded.orders[order_id]
            others = waiting if from_depot(order) else everybody
            only[str(order_id)] = own | others if may_leave(line.present, order) else own
    return only


def _routes_of(lines: list[Line], *, now: bool) -> dict[UUID, UUID]:
    stops: list[tuple[UUID, Stop]] = [
        (line.route_id, stop) for line in lines for stop in (line.stops if now else line.before)
    ]
    return {UUID(order_id): route_id for route_id, stop in stops for _, order_id in stop}
