"""What can go wrong with a place, a map or a road engine, each with a sentence for the person who must act.

Two families: `BadValue` is about one field that a client sent and becomes a problem of its own item; everything under
`RoadsError` and `MapError` is about the installation (a map file, the disk, the engine) and is shown to operators.
"""

from __future__ import annotations

from pathlib import Path


class PlacesError(Exception):
    """Base of every error that this slice raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadValue(PlacesError):
    """One field of an address or a contact cannot be right; `field` names it in snake_case."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MapError(PlacesError):
    """A map file cannot be used."""


class BadExtract(MapError):
    """The file is absent, cut short or no OpenStreetMap extract."""


class CountryUnknown(MapError):
    """The extract does not say which country it shows, and nobody else did."""


class NoRoadsForProfile(MapError):
    """The extract holds no road that this kind of vehicle may use."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"The map has no road that a vehicle of the profile {profile} may use.")
        self.profile = profile


class DownloadFailed(MapError):
    """A map could not be fetched."""


class DiskFull(MapError):
    """There is no room for the graph or the extract."""

    def __init__(self, where: Path) -> None:
        super().__init__(f"The disk of {where} is full. Free some space, or set DOORSTEP_HOME to a larger disk.")
        self.where = where


class GraphBuildFailed(MapError):
    """One of OSRM's programs gave up for a reason that we do not know; the message holds its last words."""


class RoadsError(PlacesError):
    """The road network cannot answer."""


class RoadsUnavailable(RoadsError):
    """No answer now: the engine is starting, being built, gone, or too slow. Trying again later is right."""


class RoadsRefused(RoadsError):
    """The engine answered and said no; `code` is its own word for it (NoRoute, NoSegment, TooBig, …)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message or code)
        self.code = code


class EngineMissing(RoadsError):
    """OSRM's programs are not on this machine."""


class EngineUnsupported(EngineMissing):
    """There is no build of OSRM's programs for this platform."""
