"""The sums of plans and routes, and how far an optimization is."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.scalars import Long
from doorstep.planning.model import (
    PlanPhase,
    PlanStatus,
)

_COST = "In minor units of the tenant's currency (`viewer.tenant.currency`): a vehicle's fixed cost once per route, its hourly cost for the time between start and end without breaks, its cost per kilometre."
_EMISSIONS = "Grams of CO2e: kilometres × each vehicle's grams per kilometre; null where a vehicle's are not known."
_LATE = "How long after their promised windows orders are served, added up over the late ones, in seconds: only with `lateness`, and goods on board."
_LATE_COST = "What the lateness weighs: its hours × the plan's `lateness.pricePerHourMinor`, rounded once per route; no money is paid, and `costMinor` is without it. 0 on a route that assignOrders made or changed."
_FILL = "How full at its fullest, in the tightest of weight, volume and items of the whole and of its compartments, 0 to 1; null when nothing limits it."


@strawberry.type(description="The sums of a plan.")
class PlanSummary:
    cost_minor: Long = strawberry.field(description=f"What it costs. {_COST}")
    distance_meters: Long = strawberry.field(description="Way of all routes, in metres.")
    duration_seconds: Long = strawberry.field(description="Driving, service, waiting and breaks together, in seconds.")
    driving_seconds: Long = strawberry.field(description="Time at the wheel, in seconds.")
    service_seconds: Long = strawberry.field(description="Time at the doors, in seconds.")
    waiting_seconds: Long = strawberry.field(description="Time waiting for windows to open, in seconds.")
    break_seconds: Long = strawberry.field(description="Breaks, in seconds.")
    late_seconds: Long = strawberry.field(description=_LATE)
    late_orders: int = strawberry.field(description="Number of its orders that are served late.")
    late_cost_minor: Long = strawberry.field(description=_LATE_COST)
    routes: int = strawberry.field(description="Number of routes, which is of vehicles used.")
    orders: int = strawberry.field(description="Number of orders on routes.")
    unassigned: int = strawberry.field(description="Number of orders on no route.")
    emissions_grams: Long | None = strawberry.field(description=_EMISSIONS)
    load_factor: float | None = strawberry.field(description=f"Mean over the routes. {_FILL}")
    longest_route_seconds: Long | None = strawberry.field(
        description="`durationSeconds` of the longest route; null without routes."
    )
    shortest_route_seconds: Long | None = strawberry.field(
        description="`durationSeconds` of the shortest route; null without routes."
    )

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> "PlanSummary | None":
        """From its stored form."""
        if not stored:
            return None
        return cls(
            **_sums(stored),
            unassigned=stored["unassigned"],
            longest_route_seconds=stored.get("longest_route_seconds"),
            shortest_route_seconds=stored.get("shortest_route_seconds"),
        )


@strawberry.type(
    description=(
        "What a plan saves: each field is the baseline's sum less the plan's, so that a negative value is more than without the plan. Both are of the same "
        "orders, but each may leave out others: where `orders` is not 0 they did not do the same work, and the differences say so much less."
    )
)
class PlanSavings:
    orders: int = strawberry.field(
        description="`summary.orders` − `baseline.orders`: so many orders more are on the plan's routes."
    )
    cost_minor: Long = strawberry.field(
        description="`baseline.costMinor` − `summary.costMinor`, in minor units of the tenant's currency."
    )
    distance_meters: Long = strawberry.field(description="`baseline.distanceMeters` − `summary.distanceMeters`.")
    duration_seconds: Long = strawberry.field(
        description="`baseline.durationSeconds` − `summary.durationSeconds`: hours of work."
    )
    driving_seconds: Long = strawberry.field(
        description="`baseline.drivingSeconds` − `summary.drivingSeconds`: hours at the wheel."
    )
    routes: int = strawberry.field(description="`baseline.routes` − `summary.routes`: vehicles that stay at home.")
    emissions_grams: Long | None = strawberry.field(
        description="`baseline.emissionsGrams` − `summary.emissionsGrams`, grams of CO2e; null where either is not known."
    )

    @classmethod
    def of(cls, summary: dict[str, Any] | None, baseline: dict[str, Any] | None) -> "PlanSavings | None":
        """From the stored sums; None without either."""
        if not summary or not baseline:
            return None
        less = SumsDifference.of(baseline, summary)
        same = {field.name: getattr(less, field.name) for field in fields(cls)}
        return cls(**{**same, "orders": -less.orders})


@strawberry.type(description="How late a plan may serve an order.")
class PlanLateness:
    max_seconds: int = strawberry.field(description="Service begins at most so long after a window, in seconds.")
    price_per_hour_minor: Long = strawberry.field(
        description="What an hour of an order's lateness weighs against cost, in minor units of the tenant's currency."
    )


@strawberry.type(description="The sums of a route as planned.")
class RouteSummary:
    cost_minor: Long = strawberry.field(description=f"What it costs. {_COST}")
    distance_meters: Long = strawberry.field(description="Its way, in metres.")
    duration_seconds: Long = strawberry.field(description="Driving, service, waiting and breaks together, in seconds.")
    driving_seconds: Long = strawberry.field(description="Time at the wheel, in seconds.")
    service_seconds: Long = strawberry.field(description="Time at the doors, in seconds.")
    waiting_seconds: Long = strawberry.field(description="Time waiting for windows to open, in seconds.")
    break_seconds: Long = strawberry.field(description="Breaks, in seconds.")
    late_seconds: Long = strawberry.field(description=_LATE)
    late_orders: int = strawberry.field(description="Number of its orders that are served late.")
    late_cost_minor: Long = strawberry.field(description=_LATE_COST)
    orders: int = strawberry.field(description="Number of its orders.")
    emissions_grams: Long | None = strawberry.field(description=_EMISSIONS)
    load_factor: float | None = strawberry.field(description=_FILL)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "RouteSummary":
        """From its stored form."""
        sums = _sums(stored)
        del sums["routes"]
        return cls(**sums)


def _sums(stored: dict[str, Any]) -> dict[str, Any]:
    names = (
        "distance_meters",
        "duration_seconds",
        "driving_seconds",
        "service_seconds",
        "waiting_seconds",
        "break_seconds",
        "late_seconds",
        "routes",
        "orders",
        "emissions_grams",
        "load_factor",
    )
    lateness = {"late_orders": stored.get("late_orders", 0), "late_cost_minor": stored.get("late_cost", 0)}
    return {"cost_minor": stored["cost"], **lateness, **{name: stored[name] for name in names}}


@strawberry.type(description="What is different between two sums: the one that is looked at less the other.")
class SumsDifference:
    cost_minor: Long = strawberry.field(description=f"What it costs more, below 0 less. {_COST}")
    distance_meters: Long = strawberry.field(description="Way, in metres.")
    duration_seconds: Long = strawberry.field(description="Driving, service, waiting and breaks together, in seconds.")
    driving_seconds: Long = strawberry.field(description="Time at the wheel, in seconds.")
    waiting_seconds: Long = strawberry.field(description="Time waiting for windows to open, in seconds.")
    late_seconds: Long = strawberry.field(description="Lateness, in seconds.")
    routes: int = strawberry.field(description="Number of routes.")
    orders: int = strawberry.field(description="Number of orders on routes.")
    emissions_grams: Long | None = strawberry.field(
        description="Grams of CO2e: kilometres × what each vehicle's `emissionsGramsPerKilometer` says; null where one of the two is not known."
    )

    @classmethod
    def of(cls, after: dict[str, Any], before: dict[str, Any]) -> "SumsDifference":
        """From two stored forms."""
        return cls.between([after], [before])

    @classmethod
    def between(cls, after: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> "SumsDifference":
        """From the stored forms of several routes each."""
        ones, others = [_sums(one) for one in after], [_sums(one) for one in before]
        return cls(**{field.name: _less(ones, others, field.name) for field in fields(cls)})


def _less(after: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]], name: str) -> Any:
    """How much more a sum is; None where a part of it is not known."""
    ones, others = [one[name] for one in after], [one[name] for one in before]
    return None if None in ones or None in others else sum(ones) - sum(others)


@strawberry.type(description="How far a plan's optimization is.")
class PlanProgress:
    status: PlanStatus = strawberry.field(description="Where the plan stands.")
    phase: PlanPhase = strawberry.field(description="What the optimization is busy with.")
    fraction: float = strawberry.field(description="A guess at the part that is done, 0 to 1.")
    attempt: int = strawberry.field(description="Counts the runs: a run whose worker died is repeated.")
    best_cost_minor: Long | None = strawberry.field(description="What the best routes so far cost, in minor units.")
    routes: int | None = strawberry.field(description="Routes of the best answer so far.")
    unassigned: int | None = strawberry.field(description="Orders that the best answer so far leaves out.")
    runs_ahead: int | None = strawberry.field(
        description="While it waits for the solver: how many runs, of this company's and others' plans, go before. Null once it is served."
    )
    engine: str | None = strawberry.field(
        description="Who found the best routes so far: VROOM, or PYVRP, which goes on from VROOM's."
    )
    failure_reason: str | None = strawberry.field(description="Why it FAILED, and what to do.")

    @classmethod
    def of(cls, row: Row) -> "PlanProgress":
        """From a row of ``reads.plan_progress``."""
        status = PlanStatus(row["status"])
        told = row["progress"] or {}
        over = status not in (PlanStatus.OPTIMIZING, PlanStatus.DRAFT)
        phase = PlanPhase.DONE if over else PlanPhase(told.get("phase", PlanPhase.QUEUED))
        summary = row["summary"] if over else None
        return cls(
            status=status,
            phase=PlanPhase.QUEUED if status is PlanStatus.DRAFT else phase,
            fraction=1.0 if over else told.get("fraction", 0.0) if status is PlanStatus.OPTIMIZING else 0.0,
            attempt=row["attempts"] or 0,
            best_cost_minor=summary["cost"] if summary else told.get("cost"),
            routes=summary["routes"] if summary else told.get("routes"),
            unassigned=summary["unassigned"] if summary else told.get("unassigned"),
            runs_ahead=None if over else told.get("ahead"),
            engine=told.get("engine"),
            failure_reason=row["failure_reason"],
        )
