"""Planning in the schema.

- ``words``          the enumerations
- ``sums``           the sums of plans and routes, progress
- ``routes``         Route, Stop, Assignment, and their batch reads
- ``comparisons``    a plan held against another one
- ``plans``          Plan and what it left out, and their batch reads
- ``change_inputs``  changes of routes by hand, and re-planning
- ``changes``        what they would come to
- ``simulations``    several plans side by side, none of which is kept
- ``inputs``         what is written
- ``queries``, ``mutations``, ``subscriptions``
- ``events``         the faces of the events
"""

from doorstep.planning.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.planning.graphql import events as events
from doorstep.planning.graphql.mutations import PlanningMutation
from doorstep.planning.graphql.plans import Plan, UnassignedOrder, load_plans
from doorstep.planning.graphql.queries import PlanningQuery
from doorstep.planning.graphql.routes import Assignment, Route, Stop, load_routes, load_stops
from doorstep.planning.graphql.subscriptions import PlanningSubscription
from doorstep.planning.graphql.sums import PlanProgress

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
