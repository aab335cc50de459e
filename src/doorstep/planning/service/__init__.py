"""Use cases of planning: the only writer of its tables, and the door for tracking.

- ``plans``       create, optimize, cancel a plan
- ``comparing``   two plans side by side
- ``committing``  commit a plan: the moment at which it becomes true
- ``routes``      dispatch, recall, cancel routes
- ``preparing``   a shift's route with more orders on it, computed
- ``assigning``   what was computed is written, without a plan
- ``changes``     changes by hand: what is asked for, what it would come to
- ``previewing``  such a change, computed
- ``replanning``  routes under way planned again, where a changed ETA has a price
- ``changing``    a change or a new plan of routes, written
- ``inserting``   orders beside locked stops
- ``locking``     stops that keep their places
- ``leaving``     orders off their routes
- ``proposed``    a proposal as it stands, around orders that it left out
- ``explaining``  what would have to give so that they find a place
- ``execution``   what tracking needs: lock a stop's route, write stops, end assignments
- ``problems``    orders and shifts become the solver's problem
- ``proposals``   the solver's answer becomes routes and stops
- ``writing``     routes and stops in bulk
- ``refreshing``  a changed route's legs and times anew
- ``simulating``  several plans side by side, none of which is kept
- ``standing``    a shift stands while a route of it does
"""

from doorstep.planning.service.aims import LatenessAllowance, lateness_of
from doorstep.planning.service.assigning import assign_orders
from doorstep.planning.service.changing import change_routes, draw_paths
from doorstep.planning.service.committing import REFRESH, OnChanged, commit_plan
from doorstep.planning.service.execution import (
    lock_route,
    lock_route_of_stop,
    place_stops,
    release_orders,
    set_route_status,
    take_off_stops,
    touch_route,
    write_stop,
    write_stop_etas,
)
from doorstep.planning.service.explaining import Explained, explain_unassigned, prepare_explanation
from doorstep.planning.service.leaving import unassign_orders
from doorstep.planning.service.locking import set_stop_locks
from doorstep.planning.service.plans import NewPlan, cancel_plan, create_plan, optimize_plan
from doorstep.planning.service.preparing import prepare_assignment
from doorstep.planning.service.previewing import weigh
from doorstep.planning.service.problems import Engines
from doorstep.planning.service.replanning import weigh_replan
from doorstep.planning.service.routes import (
    cancel_route,
    dispatch_plan,
    dispatch_route,
    dispatch_to_driver,
    recall_route,
)
from doorstep.planning.service.simulating import simulate_plan
from doorstep.planning.service.standing import refuse_while_routed
from doorstep.planning.service.ties import OrderRelation, Pin

__all__ = [
    "REFRESH",
    "Engines",
    "Explained",
    "LatenessAllowance",
    "NewPlan",
    "OnChanged",
    "OrderRelation",
    "Pin",
    "assign_orders",
    "cancel_plan",
    "cancel_route",
    "change_routes",
    "commit_plan",
    "create_plan",
    "dispatch_plan",
    "dispatch_route",
    "dispatch_to_driver",
    "draw_paths",
    "explain_unassigned",
    "lateness_of",
    "lock_route",
    "lock_route_of_stop",
    "optimize_plan",
    "place_stops",
    "prepare_assignment",
    "prepare_explanation",
    "recall_route",
    "refuse_while_routed",
    "release_orders",
    "set_route_status",
    "set_stop_locks",
    "simulate_plan",
    "take_off_stops",
    "touch_route",
    "unassign_orders",
    "weigh",
    "weigh_replan",
    "write_stop",
    "write_stop_etas",
]
