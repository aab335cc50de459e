"""Finds addresses on the map: two stages over the tables of `model`.

First all addresses of a request at once by equality, which nearly all of them pass; then, for the rest, by trigrams
over the names of streets, which forgives typing errors, and the house number by equality. PostgreSQL needs no more
than pg_trgm for it. What is found is judged: an address counts as located only when the house itself was found, in the
right place, and no other house fits as well. Everything else is for a person to decide.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeAlias

import asyncpg

from doorstep.places.writing import edits, line, plain, plain_code, readings

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"

_AT_A_TIME: Final = 500
_ALIKE_AT_A_TIME: Final = 25
_CANDIDATES: Final = 12
_THRESHOLD: Final = "0.22"
_HOUSE_BONUS: Final = 0.15
_AS_GOOD: Final = 0.04
_SAME_SPOT_METERS: Final = 150.0
_PLACE_ENOUGH: Final = 0.4
_PLACE_AGREES: Final = 0.6


class MatchKind(StrEnum):
    """How exactly a position is known: the house, the street, or the town."""

    ROOFTOP = "ROOFTOP"
    STREET = "STREET"
    PLACE = "PLACE"


class LocationStatus(StrEnum):
    """Whether an address was found well enough to send somebody there."""

    LOCATED = "LOCATED"
    NEEDS_LOCATION = "NEEDS_LOCATION"


class Reason(StrEnum):
    """Why an address was not located."""

    NO_MAP = "NO_MAP"
    OTHER_COUNTRY = "OTHER_COUNTRY"
    NOT_FOUND = "NOT_FOUND"
    STREET_ONLY = "STREET_ONLY"
    PLACE_ONLY = "PLACE_ONLY"
    AMBIGUOUS = "AMBIGUOUS"
    DOUBTFUL = "DOUBTFUL"
    NO_TIME = "NO_TIME"


@dataclass(frozen=True, slots=True)
class Query:
    """An address to be found; `country` has two letters."""

    line1: str
    city: str | None
    postal_code: str | None
    country: str


@dataclass(frozen=True, slots=True)
class Match:
    """One answer. `score` is 0 to about 1.2; `ambiguous` says that another house fits as well."""

    kind: MatchKind
    latitude: float
    longitude: float
    score: float
    ambiguous: bool
    line1: str
    city: str | None
    postal_code: str | None


@dataclass(frozen=True, slots=True)
class Location:
    """The verdict on one address, with the best matches first also when it was not located."""

    status: LocationStatus
    reason: Reason | None
    matches: tuple[Match, ...]

    @property
    def latitude(self) -> float | None:
        """Where it is, if it was located."""
        return self.matches[0].latitude if self.status is LocationStatus.LOCATED else None

    @property
    def longitude(self) -> float | None:
        """Where it is, if it was located."""
        return self.matches[0].longitude if self.status is LocationStatus.LOCATED else None

    @property
    def best(self) -> Match | None:
        """The likeliest match."""
        return self.matches[0] if self.matches else None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A match, the two names that met, and how alike the places are (None with nothing to compare)."""

    match: Match
    asked: str
    found: str
    place_likeness: float | None


async def locate(connection: Connection, queries: Sequence[Query], patience: float | None = None) -> list[Location]:
    """A verdict for each address, in the given order.

    Reads only. Runs in the caller's transaction when there is one. Cheap for addresses that are written as on the map
    (one statement for 500 of them), some ten milliseconds for each that is not: with `patience`, those that are not
    tried within so many seconds are left with NO_TIME.
    """
    deadline = None if patience is None else time.monotonic() + patience
    extract = await connection.fetchrow("SELECT id FROM map_extracts WHERE is_current")
    if extract is None:
        return [Location(LocationStatus.NEEDS_LOCATION, Reason.NO_MAP, ()) for _ in queries]
    located: list[Location] = []
    for start in range(0, len(queries), _AT_A_TIME):
        located += await _locate_some(connection, extract["id"], queries[start : start + _AT_A_TIME], deadline)
    return located


async def geocode(
    connection: Connection, line1: str, city: str | None, postal_code: str | None, country: str, limit: int = 5
) -> list[Match]:
    """The likeliest matches of one address, best first: for a search box."""
    [location] = await locate(connection, [Query(line1, city, postal_code, country)])
    return list(location.matches[:limit])


async def current(connection: Connection) -> str | None:
    """Checksum of the extract in the index, or None before the first one."""
    checksum: str | None = await connection.fetchval("SELECT checksum FROM map_extracts WHERE is_current")
    return checksum


async def _locate_some(
    connection: Connection, extract_id: int, queries: Sequence[Query], deadline: float | None
) -> list[Location]:
    found = await _exactly(connection, extract_id, queries)
    locations = [_judge(candidates) for candidates in found]
    rest = [index for index, location in enumerate(locations) if location.reason in (Reason.NOT_FOUND, Reason.DOUBTFUL)]
    for start in range(0, len(rest), _ALIKE_AT_A_TIME):
        some = rest[start : start + _ALIKE_AT_A_TIME]
        if deadline is not None and time.monotonic() > deadline:
            alike = [
                Location(LocationStatus.NEEDS_LOCATION, Reason.NO_TIME, locations[index].matches) for index in some
            ]
        else:
            alike = [
                _judge(these) for these in await _alike(connection, extract_id, [queries[index] for index in some])
            ]
        for index, location in zip(some, alike, strict=True):
            locations[index] = location
    blank = [index for index, location in enumerate(locations) if not location.matches]
    if blank:
        known = await _countries(connection, extract_id)
        for index in blank:
            if queries[index].country not in known:
                locations[index] = Location(LocationStatus.NEEDS_LOCATION, Reason.OTHER_COUNTRY, ())
    return locations


async def _countries(connection: Connection, extract_id: int) -> set[str]:
    rows = await connection.fetch("SELECT DISTINCT country FROM map_names WHERE extract_id = $1", extract_id)
    return {row["country"] for row in rows}


_COLUMNS: Final = """
    asked.query, name.kind, name.name, name.city, name.postal_code, name.country,
    asked.street, name.plain_name, name.latitude AS street_latitude, name.longitude AS street_longitude,
    CASE WHEN asked.city <> '' AND name.plain_city <> ''
         THEN similarity(name.plain_city, asked.city) END AS city_likeness,
    CASE WHEN asked.code <> '' AND name.plain_code <> ''
         THEN (name.plain_code = asked.code)::int::float8 END AS code_likeness,
    house.number, house.latitude, house.longitude
"""

# OFFSET 0 keeps the planner from turning these around: right after a load it knows nothing of the tables' sizes.
_ASKED: Final = """
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
     AS asked(query, kind, street, number, city, code, country)
"""

_EXACTLY: Final = f"""
SELECT {_COLUMNS}, 1.0::float8 AS name_likeness
{_ASKED}
CROSS JOIN LATERAL (
    SELECT same.* FROM map_names AS same
    WHERE same.extract_id = $1 AND same.country = asked.country AND same.plain_name = asked.street OFFSET 0
) AS name
CROSS JOIN LATERAL (
    SELECT there.* FROM map_houses AS there
    WHERE there.extract_id = $1 AND there.name_id = name.id AND there.plain_number = asked.number OFFSET 0
) AS house
WHERE asked.number <> '' AND asked.kind = 'STREET' AND name.kind = 'STREET'
"""

_ALIKE: Final = f"""
SELECT {_COLUMNS}, name.name_likeness
{_ASKED}
CROSS JOIN LATERAL (
    SELECT likely.*, similarity(likely.plain_name, asked.street)::float8 AS name_likeness
    FROM (SELECT any_name.* FROM map_names AS any_name WHERE any_name.plain_name % asked.street OFFSET 0) AS likely
    WHERE likely.extract_id = $1 AND likely.country = asked.country AND likely.kind = asked.kind
    ORDER BY 0.65 * similarity(likely.plain_name, asked.street)
             + 0.3 * greatest(CASE WHEN asked.city <> '' THEN similarity(likely.plain_city, asked.city) ELSE 0 END,
                              CASE WHEN asked.code <> '' AND likely.plain_code = asked.code THEN 1 ELSE 0 END)
             + CASE WHEN asked.number <> '' AND EXISTS (
                   SELECT FROM map_houses AS there
                   WHERE there.extract_id = $1 AND there.name_id = likely.id AND there.plain_number = asked.number
               ) THEN {_HOUSE_BONUS} ELSE 0 END DESC
    LIMIT {_CANDIDATES}
) AS name
LEFT JOIN LATERAL (
    SELECT there.* FROM map_houses AS there
    WHERE there.extract_id = $1 AND there.name_id = name.id AND there.plain_number = asked.number
      AND asked.number <> '' OFFSET 0
) AS house ON true
"""


async def _exactly(connection: Connection, extract_id: int, queries: Sequence[Query]) -> list[list[_Candidate]]:
    rows = await connection.fetch(_EXACTLY, extract_id, *_asked(queries))
    return _grouped(rows, len(queries))


async def _alike(connection: Connection, extract_id: int, queries: Sequence[Query]) -> list[list[_Candidate]]:
    threshold = f"SET LOCAL pg_trgm.similarity_threshold = {_THRESHOLD}"
    if connection.is_in_transaction():
        # The caller began it, perhaps by hand, which asyncpg's own nesting refuses.
        await connection.execute(threshold)
        return _grouped(await connection.fetch(_ALIKE, extract_id, *_asked(queries)), len(queries))
    async with connection.transaction():
        await connection.execute(threshold)
        rows = await connection.fetch(_ALIKE, extract_id, *_asked(queries))
    return _grouped(rows, len(queries))


def _asked(queries: Sequence[Query]) -> tuple[list[Any], ...]:
    """The columns of `asked`: every reading of every address, and its town by itself."""
    rows: list[tuple[int, str, str, str, str, str, str]] = []
    for index, query in enumerate(queries):
        city, code = plain(query.city or ""), plain_code(query.postal_code or "")
        rows += [
            (index, "STREET", reading.street, reading.number or "", city, code, query.country)
            for reading in readings(query.line1)
        ]
        if city:
            rows.append((index, "PLACE", city, "", "", "", query.country))
    return tuple(list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [], [], [], [])


def _grouped(rows: Iterable[Any], count: int) -> list[list[_Candidate]]:
    found: list[list[_Candidate]] = [[] for _ in range(count)]
    for row in rows:
        found[row["query"]].append(_candidate(row))
    return found


def _candidate(row: Any) -> _Candidate:
    likenesses = [row[key] for key in ("city_likeness", "code_likeness") if row[key] is not None]
    place = max(likenesses) if likenesses else None
    both = 0.05 if len(likenesses) == 2 and min(likenesses) > _PLACE_ENOUGH else 0.0
    score = 0.65 * row["name_likeness"] + 0.3 * (0.5 if place is None else place) + both
    if row["number"] is not None:
        kind, line1 = MatchKind.ROOFTOP, line(row["name"], row["number"], row["country"])
        latitude, longitude, score = row["latitude"], row["longitude"], score + _HOUSE_BONUS
    else:
        kind, line1 = MatchKind(row["kind"]), row["name"]
        latitude, longitude = row["street_latitude"], row["street_longitude"]
        score -= 0.4 if kind is MatchKind.PLACE else 0.0
    match = Match(kind, latitude, longitude, score, False, line1, row["city"], row["postal_code"])
    return _Candidate(match, row["street"], row["plain_name"], place)


def _judge(candidates: list[_Candidate]) -> Location:
    if not candidates:
        return Location(LocationStatus.NEEDS_LOCATION, Reason.NOT_FOUND, ())
    ranked = _without_repetition(sorted(candidates, key=lambda candidate: -candidate.match.score))
    best = ranked[0]
    ambiguous = any(
        best.match.score - other.match.score < _AS_GOOD and _meters(best.match, other.match) > _SAME_SPOT_METERS
        for other in ranked[1:]
    )
    matches = [candidate.match for candidate in ranked]
    if ambiguous:
        matches[0] = replace(best.match, ambiguous=True)
    reason = _reason(best, ambiguous)
    status = LocationStatus.LOCATED if reason is None else LocationStatus.NEEDS_LOCATION
    return Location(status, reason, tuple(matches))


def _reason(best: _Candidate, ambiguous: bool) -> Reason | None:
    if best.match.kind is MatchKind.PLACE:
        return Reason.PLACE_ONLY
    if best.match.kind is MatchKind.STREET:
        return Reason.STREET_ONLY
    if ambiguous:
        return Reason.AMBIGUOUS
    return None if _is_sure(best) else Reason.DOUBTFUL


def _is_sure(best: _Candidate) -> bool:
    """Written as on the map, or with so few typing errors, in a place that agrees, that nothing else can be meant."""
    if best.place_likeness is not None and best.place_likeness < _PLACE_ENOUGH:
        return False
    if best.asked == best.found:
        return True
    agrees = best.place_likeness is not None and best.place_likeness >= _PLACE_AGREES
    length = min(len(best.asked), len(best.found))
    forgiven = (length >= 5) + (length >= 10) if agrees else int(length >= 8)
    return edits(best.asked, best.found) <= forgiven


def _without_repetition(ranked: Iterable[_Candidate]) -> list[_Candidate]:
    """Several readings may find the same house; the best one stands for all."""
    seen: dict[tuple[MatchKind, float, float], _Candidate] = {}
    for candidate in ranked:
        match = candidate.match
        seen.setdefault((match.kind, match.latitude, match.longitude), candidate)
    return list(seen.values())


def _meters(here: Match, there: Match) -> float:
    """Good enough within a town."""
    north = (there.latitude - here.latitude) * 111_320
    east = (there.longitude - here.longitude) * 111_320 * math.cos(math.radians(here.latitude))
    return math.hypot(north, east)
