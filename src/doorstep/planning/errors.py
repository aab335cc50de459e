"""Planning's refusals: each says what stands in the way and what to do."""

from collections.abc import Sequence
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.kernel.ids import public_id

MOST_SHOWN = 50
"""Of a long list of refusals so many are told one by one."""


def refuse_all(refusals: Sequence[DoorstepError]) -> None:
    """Raise the refusals together, the first ones in full and the rest as a number; none: pass."""
    if not refusals:
        return
    shown = list(refusals[:MOST_SHOWN])
    more = len(refusals) - len(shown)
    if more:
        last = shown[-1]
        shown.append(DoorstepError(last.code, f"The same holds for {more} more.", last.path[:1]))
    raise Refusals(shown)


def order_taken(order_id: UUID, route_id: UUID, path: Sequence[str | int]) -> DoorstepError:
    """The order is on another route already."""
    return DoorstepError(
        ProblemCode.ORDER_TAKEN,
        f"Order {public_id('order', order_id)} is on route {public_id('route', route_id)} already: take it off first (unassignOrders) or leave it out.",
        path,
        existing_id=public_id("route", route_id),
    )


def not_plannable(order_id: UUID, status: str, path: Sequence[str | int]) -> DoorstepError:
    """The order's state keeps it out of plans."""
    return DoorstepError(
        ProblemCode.NOT_PLANNABLE,
        f"Order {public_id('order', order_id)} is {status}: only PENDING and AWAITING_REATTEMPT orders can be planned. Leave it out.",
        path,
        existing_id=public_id("order", order_id),
    )


def has_tours(route_id: UUID, path: Sequence[str | int]) -> DoorstepError:
    """The route's vehicle will still come back for another tour, which only whole plans reckon with."""
    return DoorstepError(
        ProblemCode.NOT_PLANNABLE,
        f"Route {public_id('route', route_id)} loads anew for another tour: it cannot be changed before that. Take orders off it (unassignOrders) and plan them again.",
        path,
        existing_id=public_id("route", route_id),
    )


def shift_without_vehicle(shift_id: UUID, path: Sequence[str | int]) -> DoorstepError:
    """The shift cannot drive."""
    return DoorstepError(
        ProblemCode.SHIFT_WITHOUT_VEHICLE,
        f"Shift {public_id('shift', shift_id)} has no vehicle: give it one with updateShift, archive it, or name the shifts to plan with shiftIds.",
        path,
        existing_id=public_id("shift", shift_id),
    )


def shift_over(shift_id: UUID, path: Sequence[str | int]) -> DoorstepError:
    """The shift has ended by the tenant's clock."""
    return DoorstepError(
        ProblemCode.INVALID_VALUE,
        f"Shift {public_id('shift', shift_id)} is over: choose one that still has time.",
        path,
        existing_id=public_id("shift", shift_id),
    )


def shift_in_use(shift_id: UUID, route_id: UUID | None, path: Sequence[str | int]) -> DoorstepError:
    """The shift has an active route; None: one out of the credential's reach."""
    if route_id is None:
        message = (
            f"Shift {public_id('shift', shift_id)} has a route with orders that you do not see: choose another shift."
        )
        return DoorstepError(ProblemCode.IN_USE, message, path)
    return DoorstepError(
        ProblemCode.IN_USE,
        f"Shift {public_id('shift', shift_id)} has route {public_id('route', route_id)} already: "
        "add orders to it with assignOrders, or cancel that route first (cancelRoute).",
        path,
        existing_id=public_id("route", route_id),
    )


def nothing_to_plan(message: str, path: Sequence[str | int] = ()) -> DoorstepError:
    """There is no order, or no shift, to plan with."""
    return DoorstepError(ProblemCode.NOTHING_TO_PLAN, message, path)


def stale(what: str, identifier: UUID, change: str, path: Sequence[str | int] = ("planId",)) -> DoorstepError:
    """Something is no longer as the plan saw it."""
    return DoorstepError(
        ProblemCode.PLAN_STALE,
        f"{what.capitalize()} {public_id(what, identifier)} {change} since the plan was made: optimize the plan again (optimizePlan), "
        "or commit with onChanged: DROP to commit the rest.",
        path,
        existing_id=public_id(what, identifier),
    )


def wrong_state(what: str, present: str, wanted: str, advice: str, path: Sequence[str | int]) -> DoorstepError:
    """A plan or route is not in the state that the act needs."""
    return DoorstepError(ProblemCode.ILLEGAL_TRANSITION, f"This {what} is {present}, not {wanted}. {advice}", path)
