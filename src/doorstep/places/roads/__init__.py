"""Travel times, distances and paths for every kind of vehicle.

Read in this order: `network` is the port, `profiles` says which vehicle moves how, `crowfly` and `osrm` are the two
networks behind the port, `known` remembers what the latter said, `programs`, `maps` and `graphs` prepare what our own
engine needs, `routed` is one running engine and `engine` keeps it running, and `roads` is the door: `Roads` picks who
answers. `traffic` says how much longer roads take at some hours.

Invariants: the legs of a route take as long as the matrix said that was planned on; a position without a road spoils its own
row and column and nothing else; no engine outlives the process that started it; a bad map never replaces a good one.
"""

from doorstep.places.errors import RoadsError, RoadsUnavailable
from doorstep.places.roads.engine import EngineState, Tuning
from doorstep.places.roads.network import Capabilities, Leg, Matrix, Position, RoadNetwork, Route, Snapped
from doorstep.places.roads.profiles import KINDS, Profile, profile_of
from doorstep.places.roads.roads import SNAP_SECONDS, EngineStatus, Roads, RoadsMode, RoadsStatus, Source
from doorstep.places.roads.traffic import FREE, HourFactor, Traffic, traffic_of

__all__ = [
    "FREE",
    "KINDS",
    "SNAP_SECONDS",
    "Capabilities",
    "EngineState",
    "EngineStatus",
    "HourFactor",
    "Leg",
    "Matrix",
    "Position",
    "Profile",
    "RoadNetwork",
    "Roads",
    "RoadsError",
    "RoadsMode",
    "RoadsStatus",
    "RoadsUnavailable",
    "Route",
    "Snapped",
    "Source",
    "Traffic",
    "Tuning",
    "profile_of",
    "traffic_of",
]
