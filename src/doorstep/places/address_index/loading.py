"""Fills the address index from an extract: beside the current one, in one transaction, which then takes over."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from doorstep.places import map_extract
from doorstep.places.address_index.search import Connection, current
from doorstep.places.map_extract import House, MapContents
from doorstep.places.model import NameKind
from doorstep.places.roads.programs import Progress, silent
from doorstep.places.writing import plain, plain_code, plain_number

_ROWS_AT_A_TIME: Final = 20_000
_LOCK: Final = 7_302_115_634_001
_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in the index now; `fresh` is false when this extract was current already."""

    country: str
    names: int
    houses: int
    fresh: bool


@dataclass(slots=True)
class _Name:
    kind: NameKind
    country: str
    name: str
    city: str | None
    postal_code: str | None
    spots: list[tuple[float, float]] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)


async def load(
    connection: Connection, extract: Path, checksum: str, country: str | None = None, progress: Progress = silent
) -> Loaded:
    """Read an extract into the index and make it current; does nothing when it is already.

    Needs the system role. Requests go on with the old extract until the transaction commits. Safe to call in several
    processes at once. Raises BadExtract and CountryUnknown, after which the old extract is still current.
    """
    if await current(connection) == checksum:
        return await _present(connection)
    contents = await asyncio.to_thread(map_extract.read, extract, country, progress)
    names = await asyncio.to_thread(_names, contents)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if await current(connection) == checksum:
            return await _present(connection)
        await _replace(connection, checksum, contents.country, names, progress)
    progress("address index ready", 1.0)
    return Loaded(contents.country, len(names), sum(len(name.houses) for name in names), True)


async def _present(connection: Connection) -> Loaded:
    row = await connection.fetchrow("SELECT country, names, houses FROM map_extracts WHERE is_current")
    return Loaded(row["country"], row["names"], row["houses"], False) if row else Loaded("", 0, 0, False)


async def _replace(
    connection: Connection, checksum: str, country: str, names: Sequence[_Name], progress: Progress
) -> None:
    houses = sum(len(name.houses) for name in names)
    for table, column in (("map_houses", "extract_id"), ("map_names", "extract_id"), ("map_extracts", "id")):
        await connection.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM map_extracts)")
    extract_id: int = await connection.fetchval(
        "INSERT INTO map_extracts (checksum, country, names, houses, is_current, loaded_at) "
        "VALUES ($1, $2, $3, $4, true, now()) RETURNING id",
        checksum,
        country,
        len(names),
        houses,
    )
    name_rows = [(number, *_name_row(name)) for number, name in enumerate(names, start=1)]
    house_rows = [
        (row, number, house.number, plain_number(house.number), house.latitude, house.longitude)
        for row, (number, house) in enumerate(
            ((number, house) for number, name in enumerate(names, start=1) for house in name.houses), start=1
        )
    ]
    total = max(1, len(name_rows) + len(house_rows))
    for statement, rows, before in ((_NAMES, name_rows, 0), (_HOUSES, house_rows, len(name_rows))):
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            chunk: Sequence[tuple[Any, ...]] = rows[start : start + _ROWS_AT_A_TIME]
            await connection.execute(statement, extract_id, *(list(column) for column in zip(*chunk, strict=True)))
            progress("writing the address index", (before + start + len(chunk)) / total)


_NAMES: Final = """
INSERT INTO map_names (extract_id, id, kind, country, name, city, postal_code, latitude, longitude,
                       plain_name, plain_city, plain_code)
SELECT $1, * FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::float8[],
                         $9::float8[], $10::text[], $11::text[], $12::text[])
"""
_HOUSES: Final = """
INSERT INTO map_houses (extract_id, id, name_id, number, plain_number, latitude, longitude)
SELECT $1, * FROM unnest($2::int[], $3::int[], $4::text[], $5::text[], $6::float8[], $7::float8[])
"""


def _name_row(name: _Name) -> tuple[Any, ...]:
    latitude = sum(spot[0] for spot in name.spots) / len(name.spots)
    longitude = sum(spot[1] for spot in name.spots) / len(name.spots)
    return (
        *(name.kind.value, name.country, name.name, name.city, name.postal_code, latitude, longitude),
        *(plain(name.name), plain(name.city or ""), plain_code(name.postal_code or "")),
    )


def _names(contents: MapContents) -> list[_Name]:
    """Streets with their houses, streets without any, and the towns."""
    names: dict[_Key, _Name] = {}
    for house in contents.houses:
        key = _key(NameKind.STREET, house.country, house.street, house.city, house.postal_code)
        name = names.setdefault(key, _Name(NameKind.STREET, house.country, house.street, house.city, house.postal_code))
        name.houses.append(house)
        name.spots.append((house.latitude, house.longitude))
    with_houses = {key[:4] for key in names}
    for street in contents.streets:
        key = _key(NameKind.STREET, contents.country, street.name, street.city, None)
        if key[:4] not in with_houses:
            name = names.setdefault(key, _Name(NameKind.STREET, contents.country, street.name, street.city, None))
            name.spots.append((street.latitude, street.longitude))
    for place, spots in _places(contents).items():
        key = _key(NameKind.PLACE, contents.country, place, None, None)
        names.setdefault(key, _Name(NameKind.PLACE, contents.country, place, None, None)).spots += spots
    return [name for name in names.values() if plain(name.name)]


def _places(contents: MapContents) -> dict[str, list[tuple[float, float]]]:
    """Where the towns are: the spot on the map, else the middle of the houses that name them."""
    spots: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for house in contents.houses:
        if house.city and house.country == contents.country:
            spots[house.city].append((house.latitude, house.longitude))
    for settlement in contents.settlements:
        spots[settlement.name] = [(settlement.latitude, settlement.longitude)]
    return spots


def _key(kind: NameKind, country: str, name: str, city: str | None, code: str | None) -> _Key:
    return kind.value, country, plain(name), plain(city or ""), plain_code(code or "")
