"""What can go wrong in the solver, as types, so that callers never read messages to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class SolverError(Exception):
    """Base of everything the solver raises on purpose."""


class ProblemInvalidError(SolverError):
    """The problem as given can never be solved or makes no sense; `field` is the path of the offending value."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class SolveCancelledError(SolverError):
    """The caller's `cancelled` event was set; every engine process of the solve is gone."""


class Rule(StrEnum):
    """The rules that `verify` holds every solution against."""

    VEHICLE = "VEHICLE"
    ORDER_ONCE = "ORDER_ONCE"
    SHAPE = "SHAPE"
    TRAVEL = "TRAVEL"
    UNREACHABLE = "UNREACHABLE"
    TIMES = "TIMES"
    WINDOW = "WINDOW"
    SHIFT = "SHIFT"
    BREAK = "BREAK"
    LOAD = "LOAD"
    CAPACITY = "CAPACITY"
    COMPARTMENT = "COMPARTMENT"
    SKILL = "SKILL"
    VEHICLE_KIND = "VEHICLE_KIND"
    DEPOT = "DEPOT"
    PINNED = "PINNED"
    PRECEDENCE = "PRECEDENCE"
    MAX_TOURS = "MAX_TOURS"
    RELATION = "RELATION"
    MAX_STOPS = "MAX_STOPS"
    MAX_DISTANCE = "MAX_DISTANCE"
    MAX_DRIVING = "MAX_DRIVING"
    SUMMARY = "SUMMARY"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule, where, and in words."""

    rule: Rule
    message: str
    vehicle_id: str | None = None
    order_id: str | None = None


class SolutionRejectedError(SolverError):
    """A solution broke at least one rule; it must not be shown to anybody."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        super().__init__(f"{first.rule}: {first.message}{more}")
        self.violations = tuple(violations)
