"""Fleets in the schema.

- ``types``      what is shown: Depot, Vehicle, Driver, Shift, and their batch reads
- ``inputs``     what is written
- ``lists``      filters and orders of the four lists
- ``queries``, ``mutations``
- ``events``     the faces of the events
"""

from doorstep.fleets.graphql import events as events
from doorstep.fleets.graphql.mutations import FleetsMutation
from doorstep.fleets.graphql.queries import FleetsQuery
from doorstep.fleets.graphql.types import (
    Break,
    Depot,
    Driver,
    Shift,
    Vehicle,
    load_depots,
    load_drivers,
    load_shifts,
    load_vehicles,
)

__all__ = [
    "Break", "Depot", "Driver", "FleetsMutation", "FleetsQuery", "Shift", "Vehicle", "load_depots", "load_drivers", "load_shifts",
    "load_vehicles",
]  # fmt: skip
