"""The road network that the rest of Doorstep asks: it picks, per kind of vehicle, who answers.

An external OSRM where one is configured, else our own engine on the current map, else straight lines. That choice is
made at every call, so a map that is built while the server runs is used from then on. Only what *cannot* have roads
falls back to straight lines: an engine that is down or slow is an error, never silently a worse answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from doorstep.places.errors import BadExtract, PlacesError, RoadsError, RoadsUnavailable
from doorstep.places.roads import maps, programs
from doorstep.places.roads.crowfly import CrowFly
from doorstep.places.roads.engine import Engine, EngineState, Tuning
from doorstep.places.roads.network import Capabilities, Matrix, Position, RoadNetwork, Route, Snapped
from doorstep.places.roads.osrm import Osrm
from doorstep.places.roads.profiles import MOTORISED, Profile, profile_of

SNAP_SECONDS = 2.0
"""How long an order that is being taken waits for the road engine."""


ATTRIBUTION = "© OpenStreetMap contributors"


class RoadsMode(StrEnum):
    """AUTO uses roads wherever there is a way to; STRAIGHT never does."""

    AUTO = "auto"
    STRAIGHT = "straight"


class Source(StrEnum):
    """Who answers for a profile."""

    EXTERNAL = "EXTERNAL"
    ENGINE = "ENGINE"
    STRAIGHT_LINES = "STRAIGHT_LINES"

    @property
    def attribution(self) -> str | None:
        """Whom to name wherever a way or a time from it is shown (ODbL); nobody owns straight lines."""
        return None if self is Source.STRAIGHT_LINES else ATTRIBUTION


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine that somebody has asked for."""

    profile: str
    state: EngineState
    pid: int | None
    data_version: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class RoadsStatus:
    """For health checks and the terminal; `ok` is false while an engine that is needed does not run."""

    source: Source
    map_name: str | None
    map_version: str | None
    engines: tuple[EngineStatus, ...]
    explanation: str

    @property
    def ok(self) -> bool:
        """Whether every engine that was asked for answers."""
        return all(engine.state is not EngineState.FAILED for engine in self.engines)


class Roads:
    """Made once per process; `start` and `close` with the process. Safe for any number of concurrent calls.

    `external` maps profile names (car, van, truck, scooter, bicycle, foot) to base addresses of OSRM servers; motor
    vehicles without one of their own use the car's.
    """

    def __init__(
        self,
        home: Path,
        *,
        external: Mapping[str, str] | None = None,
        mode: RoadsMode = RoadsMode.AUTO,
        tuning: Tuning | None = None,
    ) -> None:
        self.home = home
        self.mode = mode
        self._tuning = tuning or Tuning()
        self._addresses = {Profile(name): address for name, address in (external or {}).items()}
        self._external: dict[str, Osrm] = {}
        self._engines: dict[Profile, Engine] = {}
        self._programs_found = False
        self._closed = False

    @property
    def max_snap_meters(self) -> float:
        """A position farther than this from every road cannot be delivered to by road."""
        return self._tuning.radius_meters

    async def start(self) -> None:
        """Nothing is started before it is needed; this only makes a closed object usable again."""
        self._closed = False

    async def close(self) -> None:
        """Stop all engines and close all connections."""
        self._closed = True
        engines, self._engines = list(self._engines.values()), {}
        servers, self._external = list(self._external.values()), {}
        await asyncio.gather(*(engine.close() for engine in engines), *(server.close() for server in servers))

    async def warm_up(self, kinds: Iterable[str]) -> None:
        """Build and start what these kinds of vehicle need, and wait for it. Raises RoadsUnavailable."""
        await asyncio.gather(*(self.data_version(kind) for kind in dict.fromkeys(kinds)))

    async def snap(
        self, points: Sequence[Position], kind: str | None = None, within: float | None = SNAP_SECONDS
    ) -> list[Snapped]:
        """The nearest road to each (latitude, longitude); compare `distance_meters` with `max_snap_meters`.

        Without a kind any motor vehicle's roads will do, preferably those of an engine that runs already.
        Raises RoadsUnavailable when there is no answer `within` so many seconds.
        """
        profile = self._running_motorised() if kind is None else profile_of(kind)
        async with _in_time(within), self._network(profile) as network:
            return await network.snap(points)

    async def matrix(self, points: Sequence[Position], kind: str | None, within: float | None = None) -> Matrix:
        """Seconds and metres between all positions, NaN where no way leads; waits for a graph that is being built.

        Without a kind any motor vehicle's roads will do, as in `snap`.
        """
        profile = self._running_motorised() if kind is None else profile_of(kind)
        async with _in_time(within), self._network(profile) as network:
            return await network.matrix(points)

    async def route(self, points: Sequence[Position], kind: str, within: float | None = None) -> Route:
        """The way through the positions in this order, a polyline per leg."""
        async with _in_time(within), self._network(profile_of(kind)) as network:
            return await network.route(points)

    async def data_version(self, kind: str) -> str | None:
        """Which map answers for this kind now."""
        async with self._network(profile_of(kind)) as network:
            return await network.data_version()

    def source(self, kind: str) -> Source:
        """Who would answer for this kind now."""
        return self._source(profile_of(kind))

    def capabilities(self, kind: str) -> Capabilities:
        """Whether real roads answer for this kind, and how many positions fit into one matrix."""
        real = self.source(kind) is not Source.STRAIGHT_LINES
        return Capabilities(real_roads=real, max_points=self._tuning.max_points)

    def status(self) -> RoadsStatus:
        """How the roads are, without asking any engine."""
        source = self._source(Profile.CAR)
        try:
            road_map = maps.current(self.home)
        except BadExtract:
            road_map = None
        engines = tuple(
            EngineStatus(
                profile.value,
                engine.state,
                engine.pid,
                engine.version,
                engine.failure.message if engine.failure else None,
            )
            for profile, engine in self._engines.items()
        )
        return RoadsStatus(
            source,
            road_map.name if road_map else None,
            road_map.version if road_map else None,
            engines,
            self._explain(source),
        )

    @asynccontextmanager
    async def _network(self, profile: Profile) -> AsyncIterator[RoadNetwork]:
        if self._closed:
            raise RoadsUnavailable("The road network has been closed.")
        source, address = self._source(profile), self._address(profile)
        if source is Source.STRAIGHT_LINES:
            yield CrowFly(profile)
        elif address is not None:
            yield self._server(profile, address)
        else:
            async with self._borrowed(profile) as network:
                yield network

    @asynccontextmanager
    async def _borrowed(self, profile: Profile) -> AsyncIterator[Osrm]:
        engine = self._engines.get(profile)
        if engine is None:
            engine = self._engines[profile] = Engine(profile, self.home, self._tuning)
        try:
            async with engine.borrow() as network:
                yield network
        except RoadsError:
            raise
        except PlacesError as error:
            raise RoadsUnavailable(error.message) from error

    def _server(self, profile: Profile, address: str) -> Osrm:
        if address not in self._external:
            tuning = self._tuning
            self._external[address] = Osrm(
                address, profile, radius_meters=tuning.radius_meters, max_points=tuning.max_points
            )
        return self._external[address]

    def _address(self, profile: Profile) -> str | None:
        own = self._addresses.get(profile)
        return own or (self._addresses.get(Profile.CAR) if profile in MOTORISED else None)

    def _source(self, profile: Profile) -> Source:
        if profile is Profile.STRAIGHT or self.mode is RoadsMode.STRAIGHT:
            return Source.STRAIGHT_LINES
        if self._address(profile) is not None:
            return Source.EXTERNAL
        has_map = profile in self._engines or maps.fingerprint(self.home) is not None
        return Source.ENGINE if has_map and self._has_programs() else Source.STRAIGHT_LINES

    def _has_programs(self) -> bool:
        self._programs_found = self._programs_found or programs.find(self.home) is not None
        return self._programs_found

    def _running_motorised(self) -> Profile:
        running = (
            profile
            for profile in MOTORISED
            if profile in self._engines and self._engines[profile].state is EngineState.RUNNING
        )
        return next(running, Profile.CAR)

    def _explain(self, source: Source) -> str:
        if source is Source.EXTERNAL:
            return "Real roads from an OSRM server."
        if source is Source.ENGINE:
            return "Real roads from the built-in engine."
        if self.mode is RoadsMode.STRAIGHT:
            return "Straight lines, as configured."
        if maps.fingerprint(self.home) is None:
            return "Straight lines, because there is no map. Run: doorstep roads build FILE.osm.pbf"
        return "Straight lines, because the road engine is not installed. Run: doorstep roads install"


@asynccontextmanager
async def _in_time(within: float | None) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError as error:
        raise RoadsUnavailable(f"The road engine did not answer within {within:g} seconds.") from error
