"""Keeps one profile's road engine running: builds its graph, starts it, restarts it when it dies, swaps its map.

One task per profile does all of that, so that there is one place where the state changes. The old engine answers until
the new map's engine is up, and then finishes what it was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from doorstep.places.errors import MapError, PlacesError, RoadsUnavailable
from doorstep.places.roads import graphs, maps, routed
from doorstep.places.roads.maps import RoadMap
from doorstep.places.roads.osrm import Osrm
from doorstep.places.roads.profiles import Profile
from doorstep.places.roads.programs import require
from doorstep.places.roads.routed import Routed

_log = structlog.get_logger(__name__)
_LOOK_AT_THE_MAP_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 30.0
_STEADY_SECONDS: Final = 20.0
_DRAIN_SECONDS: Final = 120.0


class EngineState(StrEnum):
    """What an engine is doing."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an engine is run: how far from a road a position may lie, its threads, how many positions in one matrix."""

    radius_meters: float = 1_000.0
    threads: int = 2
    max_points: int = 10_000


class Engine:
    """The engine of one profile on the current map of `home`."""

    def __init__(self, profile: Profile, home: Path, tuning: Tuning) -> None:
        self.profile = profile
        self.failure: PlacesError | None = None
        self._home = home
        self._tuning = tuning
        self._child: Routed | None = None
        self._news = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._supervise(), name=f"road engine {profile.value}")
        self._task.add_done_callback(self._supervision_ended)

    @property
    def state(self) -> EngineState:
        """What the engine is doing now."""
        if self._child is not None and self._child.alive:
            return EngineState.RUNNING
        return EngineState.FAILED if self.failure is not None else EngineState.STARTING

    @property
    def pid(self) -> int | None:
        """The engine's process while it runs."""
        return self._child.pid if self._child is not None and self._child.alive else None

    @property
    def version(self) -> str | None:
        """The data version that the running engine serves."""
        return self._child.graph.data_version if self._child is not None else None

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Osrm]:
        """The running engine's adapter, which stays valid until the block ends also when the map changes meanwhile.

        Waits while the graph is built and the engine starts. Raises what went wrong when it cannot come up.
        """
        child = await self._running()
        child.users += 1
        try:
            yield child.network
        finally:
            child.users -= 1

    async def close(self) -> None:
        """Stop the engine and whatever it was about to do."""
        tasks = [self._task, *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def _running(self) -> Routed:
        while True:
            news = self._news
            if self._child is not None and self._child.alive:
                return self._child
            if self.failure is not None:
                raise self.failure
            await news.wait()

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            seen = maps.fingerprint(self._home)
            try:
                await self._bring_up()
            except (PlacesError, OSError) as problem:
                error = problem if isinstance(problem, PlacesError) else RoadsUnavailable(str(problem))
                _log.warning("roads.engine_failed", profile=self.profile.value, reason=error.message)
                self._fail(error)
                await self._map_changed(seen, within=pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            started = asyncio.get_running_loop().time()
            await self._until_dead_or_new_map(seen)
            steady = asyncio.get_running_loop().time() - started > _STEADY_SECONDS
            if self._child is not None and not self._child.alive:
                code = self._child.process.returncode
                _log.warning("roads.engine_died", profile=self.profile.value, exit_code=code)
                self._replace(None)
                pause = _FIRST_PAUSE_SECONDS if steady else min(pause * 2, _LONGEST_PAUSE_SECONDS)
                if not steady and pause > _FIRST_PAUSE_SECONDS * 4:
                    self._fail(RoadsUnavailable("The road engine keeps dying; it is tried again soon."))
                    await asyncio.sleep(pause)

    async def _bring_up(self) -> None:
        road_map = maps.current(self._home)
        if road_map is None:
            raise MapError("There is no map. Run: doorstep roads build FILE.osm.pbf")
        child = await self._start_on(road_map)
        self._replace(child)
        _log.info("roads.engine_running", profile=self.profile.value, pid=child.pid, map=road_map.name)

    async def _start_on(self, road_map: RoadMap) -> Routed:
        graph = await graphs.build(road_map, self.profile, self._home)
        tuning = self._tuning
        return await routed.start(
            graph,
            require(self._home),
            radius_meters=tuning.radius_meters,
            threads=tuning.threads,
            max_points=tuning.max_points,
        )

    def _replace(self, child: Routed | None) -> None:
        old, self._child = self._child, child
        if child is not None:
            self.failure = None
        if old is not None:
            task = asyncio.create_task(self._retire(old))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
        self._tell()

    def _fail(self, error: PlacesError) -> None:
        self.failure = error
        self._tell()

    def _tell(self) -> None:
        """Wake everybody who waits for the state to change."""
        self._news.set()
        self._news = asyncio.Event()

    def _supervision_ended(self, task: asyncio.Task[None]) -> None:
        """Nobody may wait for an engine that nobody looks after any more."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("roads.supervision_failed", profile=self.profile.value, exc_info=fault)
        self._fail(RoadsUnavailable("The road engine has been stopped."))

    async def _retire(self, old: Routed) -> None:
        """Let the old engine finish its answers, then stop it."""
        try:
            waited = 0.0
            while old.alive and old.users and waited < _DRAIN_SECONDS:
                await asyncio.sleep(0.1)
                waited += 0.1
        finally:
            await old.stop()

    async def _map_changed(self, seen: tuple[int, int] | None, within: float) -> None:
        """Return when the pointer changes, at the latest after `within` seconds."""
        for _ in range(max(1, round(within / _LOOK_AT_THE_MAP_SECONDS))):
            if maps.fingerprint(self._home) != seen:
                return
            await asyncio.sleep(min(_LOOK_AT_THE_MAP_SECONDS, within))

    async def _until_dead_or_new_map(self, seen: tuple[int, int] | None) -> None:
        child = self._child
        if child is None:
            return
        ended = asyncio.create_task(child.ended())
        try:
            while not ended.done() and maps.fingerprint(self._home) in (seen, None):
                await asyncio.wait({ended}, timeout=_LOOK_AT_THE_MAP_SECONDS)
        finally:
            ended.cancel()
