"""The address index: `loading` fills it from an extract, `search` finds addresses in it and judges what it found."""

from doorstep.places.address_index.loading import Loaded, load
from doorstep.places.address_index.search import (
    Connection,
    Location,
    LocationStatus,
    Match,
    MatchKind,
    Query,
    Reason,
    current,
    geocode,
    locate,
)

__all__ = [
    "Connection",
    "Loaded",
    "Location",
    "LocationStatus",
    "Match",
    "MatchKind",
    "Query",
    "Reason",
    "current",
    "geocode",
    "load",
    "locate",
]
