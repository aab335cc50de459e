"""Speaks to one OSRM server over HTTP: our own child on loopback and anybody's server alike.

What OSRM taught: it snaps without limit unless told otherwise, one bad position fails a whole table, it closes kept
connections without a word, only recent versions take a JSON body by POST (older ones get short GETs in blocks), and two
positions that snap to nearly the same spot can be -0.8 m apart.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import httpx
import numpy as np
import orjson

from doorstep.places.errors import RoadsRefused, RoadsUnavailable
from doorstep.places.roads import crowfly, polyline
from doorstep.places.roads.known import KnownLegs
from doorstep.places.roads.network import Capabilities, Grid, Leg, Matrix, Position, Route, Snapped
from doorstep.places.roads.profiles import Profile

SOURCES_AT_A_TIME: Final = 250
"""Rows of one table request: keeps the server's memory flat (measured 91 MB instead of 907 MB at 2,000 positions)."""

_GET_BLOCK: Final = 50
_ROUTE_POSITIONS: Final = 100
_SNAPS_AT_A_TIME: Final = 500
_CONCURRENCY: Final = 4
_NO_WAY: Final = frozenset({"NoRoute", "NoSegment"})
_STATUS_WITHOUT_POST: Final = frozenset({404, 405, 411, 415, 501})
_TOO_LONG_FOR_ONE: Final = frozenset({"TooBig", "InvalidOptions"})


class Osrm:
    """One OSRM server for one profile; implements `RoadNetwork`.

    `radius_meters`: a position farther than this from any road has no way to anywhere. Positions go over the wire as
    longitude, latitude; callers never see that. Raises RoadsUnavailable when the server does not answer.
    """

    def __init__(
        self,
        base_url: str,
        profile: Profile,
        *,
        radius_meters: float = 1_000.0,
        timeout_seconds: float = 120.0,
        trust_env: bool = True,
        max_points: int = 10_000,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.profile = profile
        self.radius_meters = radius_meters
        self.capabilities = Capabilities(real_roads=True, max_points=max_points)
        self._client = httpx.AsyncClient(
            base_url=self.base_url, timeout=httpx.Timeout(timeout_seconds, connect=5.0), trust_env=trust_env
        )
        self._takes_json: bool | None = None
        self._version: str | None = None
        self._known = KnownLegs()
        self._gate = asyncio.Semaphore(_CONCURRENCY)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def data_version(self) -> str | None:
        """What the server calls its map; None when it does not say."""
        if self._version is None:
            await self._get("nearest", [(0.0, 0.0)], {"radiuses": "unlimited", "number": "1"})
        return self._version

    async def snap(self, points: Sequence[Position]) -> list[Snapped]:
        """The nearest road to each position, however far away. Raises RoadsRefused when the map has no road at all."""
        found: list[Snapped] = []
        for start in range(0, len(points), _SNAPS_AT_A_TIME):
            found += await self._snap_some(points[start : start + _SNAPS_AT_A_TIME])
        return found

    async def matrix(self, points: Sequence[Position]) -> Matrix:
        """Durations and distances between all positions; NaN where no way leads or a position is far from any road.

        Only pairs that were not told lately are asked for.
        """
        durations, distances, new = self._known.look_up(points)
        if not new:
            return Matrix(durations, distances, self._version)
        if len(new) > len(points) // 2 or not await self._complete(points, new, durations, distances):
            durations, distances, _ = await self._whole_matrix(points)
        for grid in (durations, distances):
            np.maximum(grid, 0, out=grid)  # keeps NaN
        self._known.keep(points, durations, distances, self._version)
        return Matrix(durations, distances, self._version)

    async def _complete(self, points: Sequence[Position], new: Sequence[int], durations: Grid, distances: Grid) -> bool:
        """Fill in the rows and columns of the ``new`` positions; False when the server does not do that in one go."""
        missing = set(new)
        near = [index for index in range(len(points)) if index in missing or not np.isnan(durations[index, index])]
        places = {index: number for number, index in enumerate(near)}
        asked = [points[index] for index in near]
        old = [index for index in near if index not in missing]
        try:
            for rows, columns in ((list(new), near), (old, list(new))):
                for start in range(0, len(rows), SOURCES_AT_A_TIME):
                    some = rows[start : start + SOURCES_AT_A_TIME]
                    body = await self._post_table(
                        asked, [places[row] for row in some], [places[column] for column in columns]
                    )
                    if body is None:
                        return False
                    durations[np.ix_(some, columns)] = body["durations"]
                    distances[np.ix_(some, columns)] = body["distances"]
        except RoadsRefused:
            return False
        return True

    async def _whole_matrix(self, points: Sequence[Position]) -> Matrix:
        count = len(points)
        durations, distances = _nothing(count), _nothing(count)
        good = list(range(count))
        try:
            filled = await self._table([points[index] for index in good])
        except RoadsRefused as refusal:
            if refusal.code != "NoSegment":
                raise
            good = await self._on_a_road(points)
            filled = await self._table([points[index] for index in good]) if good else (_nothing(0), _nothing(0))
        if good:
            rows = np.ix_(good, good)
            durations[rows], distances[rows] = filled
        return Matrix(durations, distances, self._version)

    async def route(self, points: Sequence[Position]) -> Route:
        """The way through all positions, one leg between each two; a leg without a way is a straight line, marked so.

        Legs take as long as `matrix` says, because the vehicle may turn round at every stop. An exception was seen with
        the truck profile in one neighbourhood: 6 of 399 legs differed by 6 seconds, perhaps between two ways of equal weight.
        """
        legs: list[Leg] = []
        for start in range(0, max(len(points) - 1, 0), _ROUTE_POSITIONS):
            legs += await self._legs(points[start : start + _ROUTE_POSITIONS + 1])
        return Route(tuple(legs), self._version)

    async def _legs(self, points: Sequence[Position]) -> list[Leg]:
        options = {"overview": "false", "steps": "true", "geometries": "polyline6", "continue_straight": "false"}
        try:
            body = await self._ask("route", points, options, {"steps": True, "continue_straight": False})
        except RoadsRefused as refusal:
            if refusal.code in _TOO_LONG_FOR_ONE and len(points) > 2:
                middle = len(points) // 2
                return await self._legs(points[: middle + 1]) + await self._legs(points[middle:])
            if refusal.code not in _NO_WAY:
                raise
            if len(points) == 2:
                return [crowfly.leg(points[0], points[1], self.profile, straight=True)]
            return [leg for pair in pairwise(points) for leg in await self._legs(pair)]
        return [_leg(raw, points[index]) for index, raw in enumerate(body["routes"][0]["legs"])]

    async def _snap_some(self, points: Sequence[Position]) -> list[Snapped]:
        if len(points) > 1 and self._takes_json is not False:
            body = await self._post("nearest", points, {"radiuses": ["unlimited"] * len(points)})
            if body is not None and all(isinstance(entry, list) for entry in body["waypoints"]):
                return [_snapped(entry[0]) for entry in body["waypoints"]]
        answers = await asyncio.gather(
            *(self._get("nearest", [point], {"number": "1", "radiuses": "unlimited"}) for point in points)
        )
        return [_snapped(answer["waypoints"][0]) for answer in answers]

    async def _on_a_road(self, points: Sequence[Position]) -> list[int]:
        snapped = await self.snap(points)
        return [index for index, found in enumerate(snapped) if found.distance_meters <= self.radius_meters]

    async def _table(self, points: Sequence[Position]) -> tuple[Grid, Grid]:
        """Both grids of positions that all lie near a road; RoadsRefused NoSegment when one does not."""
        count = len(points)
        durations, distances = _nothing(count), _nothing(count)
        for start in range(0, count, SOURCES_AT_A_TIME):
            sources = range(start, min(start + SOURCES_AT_A_TIME, count))
            try:
                body = await self._post_table(points, list(sources))
            except RoadsRefused as refusal:
                if refusal.code not in _TOO_LONG_FOR_ONE:
                    raise
                body = None
            if body is None:
                return await self._table_in_blocks(points)
            durations[start : sources.stop] = body["durations"]
            distances[start : sources.stop] = body["distances"]
        return durations, distances

    async def _post_table(
        self, points: Sequence[Position], sources: list[int], destinations: list[int] | None = None
    ) -> dict[str, Any] | None:
        if self._takes_json is False:
            return None
        options = {
            "sources": sources,
            **({} if destinations is None else {"destinations": destinations}),
            "annotations": ["duration", "distance"],
            "skip_waypoints": True,
            "radiuses": [self.radius_meters] * len(points),
        }
        return await self._post("table", points, options)

    async def _table_in_blocks(self, points: Sequence[Position]) -> tuple[Grid, Grid]:
        """For servers without POST, or with a small limit: squares whose address stays short."""
        count = len(points)
        durations, distances = _nothing(count), _nothing(count)
        blocks = [range(start, min(start + _GET_BLOCK, count)) for start in range(0, count, _GET_BLOCK)]

        async def fill(rows: range, columns: range) -> None:
            asked = [points[index] for index in [*rows, *columns]]
            options = {
                "annotations": "duration,distance",
                "sources": ";".join(str(index) for index in range(len(rows))),
                "destinations": ";".join(str(len(rows) + index) for index in range(len(columns))),
                "radiuses": ";".join([f"{self.radius_meters:g}"] * len(asked)),
            }
            body = await self._get("table", asked, options)
            durations[rows.start : rows.stop, columns.start : columns.stop] = body["durations"]
            distances[rows.start : rows.stop, columns.start : columns.stop] = body["distances"]

        await asyncio.gather(*(fill(rows, columns) for rows in blocks for columns in blocks))
        return durations, distances

    async def _ask(
        self, service: str, points: Sequence[Position], query: dict[str, str], typed: dict[str, object]
    ) -> dict[str, Any]:
        """POST where the server takes it, else GET; `typed` replaces what JSON writes differently from a query."""
        radius = self.radius_meters
        if self._takes_json is not False:
            options = {**query, **typed, "radiuses": [radius] * len(points)}
            body = await self._post(service, points, options)
            if body is not None:
                return body
        return await self._get(service, points, {**query, "radiuses": ";".join([f"{radius:g}"] * len(points))})

    async def _post(self, service: str, points: Sequence[Position], options: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, or None when the server turns out to know no POST."""
        content = {"coordinates": [[lon, lat] for lat, lon in points], "generate_hints": False, **options}
        answer = await self._send(
            "POST",
            f"/{service}/v1/driving",
            content=orjson.dumps(content),
            headers={"content-type": "application/json"},
        )
        body = _body(answer)
        if not self._takes_json:
            self._takes_json = not (
                body is None
                or body["code"] in ("InvalidUrl", "InvalidQuery")
                or answer.status_code in _STATUS_WITHOUT_POST
            )
            if not self._takes_json:
                return None
        return self._checked(body)

    async def _get(self, service: str, points: Sequence[Position], options: dict[str, str]) -> dict[str, Any]:
        where = ";".join(f"{lon:.6f},{lat:.6f}" for lat, lon in points)
        answer = await self._send(
            "GET", f"/{service}/v1/driving/{where}", params={"generate_hints": "false", **options}
        )
        return self._checked(_body(answer))

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request, and one more when the server had closed a connection that we kept."""
        async with self._gate:
            try:
                return await self._client.request(method, path, **request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                pass
            except httpx.HTTPError as error:
                raise _unavailable(error) from error
            try:
                return await self._client.request(method, path, **request)
            except httpx.HTTPError as error:
                raise _unavailable(error) from error

    def _checked(self, body: dict[str, Any] | None) -> dict[str, Any]:
        if body is None:
            raise RoadsUnavailable("The road engine's answer was not OSRM's.")
        self._version = body.get("data_version") or self._version
        if body.get("code") != "Ok":
            raise RoadsRefused(str(body.get("code")), str(body.get("message", "")))
        return body


def _body(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) and "code" in body else None


def _unavailable(error: httpx.HTTPError) -> RoadsUnavailable:
    return RoadsUnavailable(f"The road engine does not answer ({type(error).__name__}).")


def _snapped(waypoint: dict[str, Any]) -> Snapped:
    if "location" not in waypoint:
        raise RoadsRefused(str(waypoint.get("code", "NoSegment")), str(waypoint.get("message", "")))
    longitude, latitude = waypoint["location"]
    distance = float(waypoint["distance"])
    return Snapped(latitude, longitude, distance if math.isfinite(distance) else math.inf)


def _leg(raw: dict[str, Any], start: Position) -> Leg:
    line = polyline.join([step["geometry"] for step in raw["steps"]]) or polyline.encode([start])
    return Leg(max(0.0, float(raw["distance"])), max(0.0, float(raw["duration"])), line)


def _nothing(count: int) -> Grid:
    return np.full((count, count), np.nan, dtype=np.float32)
