"""A made-up town as an OpenStreetMap extract, for machines without a map: no third party's data, the same every time.

Testhaven and Farbridge face each other over a river in the open Atlantic, where nobody takes them for real places. They
borrow Bermuda's country code, whose addresses are written in English and whose postcodes have two letters and two
digits; no real postcode begins with theirs. The town holds what a real map would hold to try vehicles on: one-way
streets, a low bridge, a street that only deliveries may enter, a footpath, and two street names on both banks.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import osmium
from osmium.osm.mutable import Node, Way

COUNTRY: Final = "BM"
TIME_ZONE: Final = "Atlantic/Bermuda"
CITIES: Final = ("Testhaven", "Farbridge")
CENTER: Final = (33.5215, -57.9766)
"""Latitude and longitude of the middle of the town."""
LOW_BRIDGE_METERS: Final = 3.0

_SOUTH_WEST: Final = (33.5, -58.0)
_BLOCK: Final = (0.0011, 0.0012)
_PREFIXES: Final = ("TH", "FB")
_ON_BOTH_BANKS: Final = ("Station Road", "Church Street")
_FIRST_WORDS: Final = (
    *("Maple", "Harbour", "Mill", "Orchard", "Castle", "Garden"),
    *("Bishop", "Meadow", "Quarry", "Chapel", "Foundry", "Heron"),
)
_LAST_WORDS: Final = ("Street", "Lane", "Road", "Row")
_HOUSE_ODDS: Final = 0.45
_HOUSE_OFF_ROAD: Final = 0.00012

_Cell = tuple[int, int]


@dataclass(slots=True)
class _Town:
    size: int
    dice: random.Random
    corners: dict[_Cell, tuple[float, float]] = field(default_factory=dict)
    houses: list[tuple[tuple[float, float], dict[str, str]]] = field(default_factory=list)
    ways: list[tuple[list[_Cell], dict[str, str]]] = field(default_factory=list)

    @property
    def river(self) -> int:
        """The first row of corners on the far bank."""
        return self.size // 2

    def corner(self, cell: _Cell) -> int:
        return 1 + cell[0] * self.size + cell[1]


def build(path: Path, seed: int = 1, size: int = 40) -> Path:
    """Write the town to `path` (.osm.pbf), replacing it in one step; `size` corners on each side, at least 16.

    The default has about 2,000 addresses. The same seed and size give the same town.
    """
    if size < 16:
        raise ValueError("a town needs at least 16 corners on each side")
    town = _Town(size, random.Random(seed))  # noqa: S311 (a town, no secret)
    _lay_corners(town)
    _lay_streets(town)
    _lay_avenues(town)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".town-") as scratch:
        unfinished = Path(scratch) / "town.osm.pbf"
        _write(town, unfinished)
        unfinished.replace(path)
    return path


def _lay_corners(town: _Town) -> None:
    for row in range(town.size):
        for column in range(town.size):
            latitude = _SOUTH_WEST[0] + row * _BLOCK[0] + town.dice.uniform(-0.0001, 0.0001)
            longitude = _SOUTH_WEST[1] + column * _BLOCK[1] + town.dice.uniform(-0.0001, 0.0001)
            town.corners[row, column] = (latitude, longitude)


def _street_names(town: _Town) -> list[str]:
    names = [f"{first} {last}" for first in _FIRST_WORDS for last in _LAST_WORDS]
    town.dice.shuffle(names)
    chosen = [names[row % len(names)] + (" North" if row >= len(names) else "") for row in range(town.size)]
    for bank in (0, town.river):
        chosen[bank + 3], chosen[bank + 6] = _ON_BOTH_BANKS
    return chosen


def _lay_streets(town: _Town) -> None:
    """Streets run from west to east and have houses; every eighth is a main road, every fifth of the others one-way."""
    for row, name in enumerate(_street_names(town)):
        main = row % 8 == 0
        tags = {"highway": "secondary" if main else "residential", "name": name, "maxspeed": "50" if main else "30"}
        if row % 5 == 4 and not main:
            tags["oneway"] = "yes"
        cells = [(row, column) for column in range(town.size)]
        if row == 5:
            for part, extra in ((cells[:7], {}), (cells[6:10], {"motor_vehicle": "delivery"}), (cells[9:], {})):
                town.ways.append((part, {**tags, **extra}))
        else:
            town.ways.append((cells, tags))
        _lay_houses(town, row, name)


def _lay_houses(town: _Town, row: int, street: str) -> None:
    bank = int(row >= town.river)
    for column in range(town.size - 1):
        start, end = town.corners[row, column], town.corners[row, column + 1]
        for step in (1, 2, 3):
            if town.dice.random() >= _HOUSE_ODDS:
                continue
            side = _HOUSE_OFF_ROAD if step % 2 else -_HOUSE_OFF_ROAD
            latitude = start[0] + (end[0] - start[0]) * step / 4 + side
            longitude = start[1] + (end[1] - start[1]) * step / 4
            tags = {
                "addr:housenumber": str(4 * column + step),
                "addr:street": street,
                "addr:city": CITIES[bank],
                "addr:postcode": f"{_PREFIXES[bank]} {row // 10 % 10}{column // 5 % 10}",
                "addr:country": COUNTRY,
            }
            town.houses.append(((latitude, longitude), tags))


def _lay_avenues(town: _Town) -> None:
    """Avenues run from south to north. Every eighth crosses the river; of those, the third has a low bridge."""
    size, river = town.size, town.river
    bridges = {0, 8, 16, 24, 32, size // 4, 3 * size // 4}
    for column in range(size):
        main = column % 8 == 0
        tags = {
            "highway": "secondary" if main else "residential",
            "name": f"{_ordinal(column + 1)} Avenue",
            "maxspeed": "50" if main else "30",
        }
        if column % 5 == 2 and not main:
            tags["oneway"] = "yes" if column % 2 else "-1"
        cells = [(row, column) for row in range(size)]
        town.ways += [(cells[:river], tags), (cells[river:], tags)]
        if column in bridges:
            tags = {key: value for key, value in tags.items() if key != "oneway"} | {"bridge": "yes", "layer": "1"}
            if column == 16 or (column == 8 and size <= 16):
                tags["maxheight"] = f"{LOW_BRIDGE_METERS:g}"
            town.ways.append((cells[river - 1 : river + 1], tags))
    town.ways.append(([(2, 2), (3, 3), (4, 4)], {"highway": "footway", "name": "Heron Path"}))


def _write(town: _Town, path: Path) -> None:
    with osmium.SimpleWriter(str(path)) as writer:
        for number, node in enumerate(_nodes(town), start=1):
            latitude, longitude = node[0]
            writer.add_node(Node(id=number, version=1, location=(longitude, latitude), tags=node[1]))
        for number, (cells, tags) in enumerate(town.ways, start=1):
            writer.add_way(Way(id=number, version=1, nodes=[town.corner(cell) for cell in cells], tags=tags))


def _nodes(town: _Town) -> Iterable[tuple[tuple[float, float], dict[str, str]]]:
    """Corners in the order of their ids, then houses, then the names of the two places."""
    for row in range(town.size):
        for column in range(town.size):
            yield town.corners[row, column], {}
    yield from town.houses
    for bank, kind in enumerate(("town", "village")):
        middle = town.corners[town.river // 2 + bank * town.river, town.size // 2]
        yield middle, {"place": kind, "name": CITIES[bank]}


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
