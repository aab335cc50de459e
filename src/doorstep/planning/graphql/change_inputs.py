"""Changes of routes by hand, and re-planning: what is asked for."""

import strawberry

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.graphql.context import input_id
from doorstep.planning.service.changes import Change, Put, Take
from doorstep.planning.service.previewing import Asked
from doorstep.planning.service.replanning import Terms

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_VERSION = "Refuse with CONFLICT when that route is at another version: send the one that the preview told."
_POSITION = (
    "How many of the open stops at customers shall come before its dropoff; left out: it goes where it costs least. "
    "A pickup goes before it where that costs least."
)


@strawberry.input(description="An order that is on no route goes onto one.")
class InsertOrderInput:
    order_id: strawberry.ID = strawberry.field(description="The order: PENDING or AWAITING_REATTEMPT.")
    route_id: strawberry.ID = strawberry.field(description="The route: COMMITTED, DISPATCHED or IN_PROGRESS.")
    position: int | None = strawberry.field(default=None, description=_POSITION)
    if_version: int | None = strawberry.field(default=None, description=_VERSION)

    def change(self) -> Change:
        """For the service; raises INVALID_ID refusals at their places."""
        at = ("change", "insert")
        put = Put(
            input_id("order", self.order_id, *at, "orderId"),
            (*at, "orderId"),
            route_id=input_id("route", self.route_id, *at, "routeId"),
            position=self.position,
            if_version=self.if_version,
            route_path=(*at, "routeId"),
            version_path=(*at, "ifVersion"),
            position_path=(*at, "position"),
        )
        return Change(puts=(put,))


@strawberry.input(description="An order leaves its route and is PENDING again.")
class RemoveOrderInput:
    order_id: strawberry.ID = strawberry.field(description="The order: on a route, not picked up yet.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)

    def change(self) -> Change:
        """For the service; raises INVALID_ID refusals at their places."""
        return Change(takes=(_take(("change", "remove"), "orderId", self.order_id, "ifVersion", self.if_version),))


@strawberry.input(description="An order on a route goes to another place of it, or onto another route.")
class MoveOrderInput:
    order_id: strawberry.ID = strawberry.field(
        description="The order: on a route; for another route also not picked up yet."
    )
    to_route_id: strawberry.ID | None = strawberry.field(
        default=None, description="The route that it goes to; left out: it stays on its own."
    )
    position: int | None = strawberry.field(default=None, description=_POSITION)
    if_version: int | None = strawberry.field(default=None, description=f"Of the route that it is on. {_VERSION}")
    to_if_version: int | None = strawberry.field(default=None, description=f"Of the route that it goes to. {_VERSION}")

    def change(self) -> Change:
        """For the service; raises INVALID_ID refusals at their places."""
        at = ("change", "move")
        take = _take(at, "orderId", self.order_id, "ifVersion", self.if_version)
        to = None if self.to_route_id is None else input_id("route", self.to_route_id, *at, "toRouteId")
        put = Put(
            take.order_id,
            take.path,
            route_id=to,
            position=self.position,
            if_version=self.to_if_version,
            route_path=(*at, "toRouteId"),
            version_path=(*at, "toIfVersion"),
            position_path=(*at, "position"),
        )
        return Change((take,), (put,))


@strawberry.input(description="Two orders on two routes change over, each to where it costs least.")
class SwapOrdersInput:
    order_id: strawberry.ID = strawberry.field(description="The one order: on a route, not picked up yet.")
    other_order_id: strawberry.ID = strawberry.field(description="The other order: likewise.")
    if_version: int | None = strawberry.field(default=None, description=f"Of the one's route. {_VERSION}")
    other_if_version: int | None = strawberry.field(default=None, description=f"Of the other's route. {_VERSION}")

    def change(self) -> Change:
        """For the service; raises INVALID_ID refusals at their places."""
        at = ("change", "swap")
        one = _take(at, "orderId", self.order_id, "ifVersion", self.if_version)
        other = _take(at, "otherOrderId", self.other_order_id, "otherIfVersion", self.other_if_version)
        return Change(
            (one, other),
            (
                Put(one.order_id, one.path, beside=other.order_id, route_path=other.path),
                Put(other.order_id, other.path, beside=one.order_id, route_path=one.path),
            ),
        )


def _take(at: tuple[str, ...], name: str, order_id: strawberry.ID, version_name: str, version: int | None) -> Take:
    return Take(input_id("order", order_id, *at, name), version, (*at, name), (*at, version_name))


@strawberry.input(one_of=True, description="A change of routes by hand: exactly one of these.")
class RouteChangeInput:
    insert: strawberry.Maybe[InsertOrderInput] = strawberry.field(
        default=None, description="An order that is on no route goes onto one."
    )
    remove: strawberry.Maybe[RemoveOrderInput] = strawberry.field(
        default=None, description="An order leaves its route."
    )
    move: strawberry.Maybe[MoveOrderInput] = strawberry.field(
        default=None, description="An order goes to another place of its route, or onto another route."
    )
    swap: strawberry.Maybe[SwapOrdersInput] = strawberry.field(
        default=None, description="Two orders on two routes change over."
    )

    def change(self) -> Change:
        """For the service; raises INVALID_ID refusals at their places."""
        for given in (self.insert, self.remove, self.move, self.swap):
            if given is not None:
                return given.value.change()
        raise DoorstepError(ProblemCode.REQUIRED, "Give insert, remove, move or swap.", ["change"])


@strawberry.input(description="A change of routes by hand that is to be carried out.")
class ChangeRouteInput:
    change: RouteChangeInput = strawberry.field(description="The change.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A route that may be planned again.")
class ReplanRouteInput:
    route_id: strawberry.ID = strawberry.field(description="The route: COMMITTED, DISPATCHED or IN_PROGRESS.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)

    def asked(self, number: int) -> Asked:
        """For the service; raises INVALID_ID refusals at their places."""
        at = ("replan", "routes", str(number))
        return Asked(
            input_id("route", self.route_id, *at, "routeId"), self.if_version, (*at, "routeId"), (*at, "ifVersion")
        )


@strawberry.input(
    description="Routes whose open stops may be put in another order or onto one another, and what a changed ETA costs."
)
class ReplanInput:
    routes: list[ReplanRouteInput] = strawberry.field(
        description="The routes, at most 10 with 300 open stops together."
    )
    keep_order_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Orders that are not moved themselves, at most 250; others may come before them all the same.",
    )
    eta_price_minor_per_minute: int = strawberry.field(
        default=20,
        description="What each minute counts by which a delivery comes earlier or later than its present ETA, in minor units: a change has to save more.",
    )
    eta_tolerance_seconds: int = strawberry.field(default=120, description="So much of that counts nothing.")
    most_eta_shift_seconds: int | None = strawberry.field(
        default=None,
        description="How far a delivery may be moved from its present ETA at all; left out: without limit. Nothing is moved beyond that, or further beyond it than it is late already.",
    )

    def terms(self) -> Terms:
        """For the service; raises INVALID_ID refusals at their places."""
        kept = [
            (input_id("order", text, "replan", "keepOrderIds", index), ("replan", "keepOrderIds", str(index)))
            for index, text in enumerate(self.keep_order_ids or ())
        ]
        return Terms(
            tuple(route.asked(number) for number, route in enumerate(self.routes)),
            tuple(kept),
            self.eta_price_minor_per_minute,
            self.eta_tolerance_seconds,
            self.most_eta_shift_seconds,
        )


@strawberry.input(description="A re-planning that is to be carried out.")
class ReplanRoutesInput:
    replan: ReplanInput = strawberry.field(description="The routes and the terms.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
