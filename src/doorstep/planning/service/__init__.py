"""Use cases of planning: the only writer of its tables, and the door for tracking.

- ``plans``       create, optimize, cancel a plan
- ``committing``  commit a plan: the moment at which it becomes true
- ``routes``      dispatch, recall, cancel routes
- ``assigning``   orders to a shift and off it, without a plan
- ``execution``   what tracking needs: lock a stop's route, write stops, end assignments
- ``proposals``   a computed proposal becomes routes and stops
"""

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

__all__ = [
    "lock_route",
    "lock_route_of_stop",
    "place_stops",
    "release_orders",
    "set_route_status",
    "take_off_stops",
    "touch_route",
    "write_stop",
    "write_stop_etas",
]
