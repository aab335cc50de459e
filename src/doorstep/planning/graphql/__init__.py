"""Planning in the schema.

- ``words``          the enumerations
- ``types``          what is shown: Plan, Route, Stop, Assignment and their parts, and their batch reads
- ``inputs``         what is written
- ``queries``, ``mutations``, ``subscriptions``
- ``events``         the faces of the events
"""

from doorstep.planning.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.planning.graphql import events as events
from doorstep.planning.graphql.mutations import PlanningMutation
from doorstep.planning.graphql.queries import PlanningQuery
from doorstep.planning.graphql.subscriptions import PlanningSubscription
from doorstep.planning.graphql.types import (
    Assignment,
    Plan,
    PlanProgress,
    Route,
    Stop,
    UnassignedOrder,
    load_plans,
    load_routes,
    load_stops,
)

__all__ = [
    "Assignment",
    "Plan",
    "PlanProgress",
    "PlanningMutation",
    "PlanningQuery",
    "PlanningSubscription",
    "Route",
    "Stop",
    "UnassignedOrder",
    "load_plans",
    "load_routes",
    "load_stops",
]
