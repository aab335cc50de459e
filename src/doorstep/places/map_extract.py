"""What an OpenStreetMap extract knows about addresses: houses, streets, and the towns and villages they belong to.

Reading is blocking and takes about a second for a small country: call it in a thread.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import osmium

from doorstep.places.errors import BadExtract, CountryUnknown
from doorstep.places.roads.programs import Progress, silent
from doorstep.places.writing import line, plain

_SETTLEMENTS: Final = ("city", "town", "village", "hamlet", "suburb", "borough", "quarter", "neighbourhood")
_MAIN_SETTLEMENTS: Final = ("city", "town", "village")
_HOUSE_KEYS: Final = ("addr:housenumber", "addr:street", "addr:place", "addr:city", "addr:postcode", "addr:country")
_COUNTRY_KEYS: Final = ("ISO3166-1:alpha2", "ISO3166-1", "is_in:country_code")
_PLAIN_NUMBER: Final = re.compile(r"\d+\s?[a-zA-Z]?")
_CODE: Final = re.compile(r"[A-Z]{2}")
_FAR_DEGREES: Final = 0.2
_NEIGHBOUR_DEGREES: Final = 0.004


@dataclass(frozen=True, slots=True)
class House:
    """One address. `country` is a code of two letters; city and postal code are None where the map does not say."""

    street: str
    number: str
    city: str | None
    postal_code: str | None
    country: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Street:
    """A street or part of one, at the middle of its line, and the city around it as far as the map knows."""

    name: str
    latitude: float
    longitude: float
    city: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A town, a village, or a part of one."""

    name: str
    kind: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class MapContents:
    """Everything that an extract says about addresses; `country` is where most of it lies."""

    country: str
    settlements: tuple[Settlement, ...]
    streets: tuple[Street, ...]
    houses: tuple[House, ...]


@dataclass(frozen=True, slots=True)
class SampleAddress:
    """A real address as a customer would write it, and where it is."""

    line1: str
    city: str
    postal_code: str
    country: str
    latitude: float
    longitude: float


@dataclass(slots=True)
class _Found:
    houses: list[tuple[dict[str, str], float, float]] = field(default_factory=list)
    streets: list[Street] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    countries: list[str] = field(default_factory=list)


def read(path: Path, country: str | None = None, progress: Progress = silent) -> MapContents:
    """Everything about addresses in a file; `country` is used for houses that name none.

    Raises BadExtract for a damaged file, CountryUnknown when neither the file nor the caller names a country.
    """
    if not path.is_file():
        raise BadExtract(f"There is no file {path}.")
    try:
        progress("reading addresses", 0.0)
        found = _scan(path)
        progress("reading addresses", 0.6)
        found.houses += _large_buildings(path)
    except RuntimeError as error:  # what osmium raises for every kind of damage
        raise BadExtract(f"{path.name} is no OpenStreetMap extract, or it is cut short.") from error
    here = country or _main_country(found)
    if here is None:
        raise CountryUnknown(f"{path.name} does not say in which country it lies. Add --country with its two letters.")
    progress("reading addresses", 0.9)
    cities = _Cities(found)
    streets = tuple(_with_city(street, cities) for street in found.streets)
    return MapContents(here, tuple(found.settlements), streets, _houses(found, here, cities))


def sample_addresses(path: Path, count: int, seed: int = 1, country: str | None = None) -> list[SampleAddress]:
    """Complete, distinct addresses of the extract's main country, chosen by the seed and the same every time.

    Fewer than `count` when the extract has no more. Raises as `read` does.
    """
    contents = read(path, country)
    complete = [
        SampleAddress(line(h.street, h.number, h.country), h.city, h.postal_code, h.country, h.latitude, h.longitude)
        for h in contents.houses
        if h.city and h.postal_code and h.country == contents.country and _PLAIN_NUMBER.fullmatch(h.number)
    ]
    times = Counter(_key(address) for address in complete)
    unique = [address for address in complete if times[_key(address)] == 1]
    unique.sort(key=_key)
    return random.Random(seed).sample(unique, min(count, len(unique)))  # noqa: S311 (a sample, no secret)


def _key(address: SampleAddress) -> tuple[str, str]:
    return plain(address.line1), plain(address.city)


def _scan(path: Path) -> _Found:
    found = _Found()
    wanted = osmium.filter.KeyFilter("addr:housenumber", "highway", "place", *_COUNTRY_KEYS)
    for thing in _things(osmium.FileProcessor(str(path)).with_locations().with_filter(wanted)):
        tags = {tag.k: tag.v for tag in thing.tags}
        _note_country(found, tags)
        if thing.is_relation():
            continue
        where = _middle(thing)
        if where is None:
            continue
        if "addr:housenumber" in tags:
            found.houses.append(({key: tags[key] for key in _HOUSE_KEYS if key in tags}, *where))
        if "highway" in tags and "name" in tags and thing.is_way():
            found.streets.append(Street(tags["name"], *where))
        elif tags.get("place") in _SETTLEMENTS and "name" in tags:
            found.settlements.append(Settlement(tags["name"], tags["place"], *where))
    return found


def _things(processor: Iterable[Any]) -> Iterable[Any]:
    """What a file holds. Its four kinds share methods that osmium's types do not tell."""
    return processor


def _note_country(found: _Found, tags: dict[str, str]) -> None:
    said = tags.get("addr:country", "").upper()
    if _CODE.fullmatch(said):
        found.codes[said] += 1
    if tags.get("place") == "country" or tags.get("admin_level") in ("2", "4"):
        found.countries += [tags[key].upper() for key in _COUNTRY_KEYS if _CODE.fullmatch(tags.get(key, "").upper())][
            :1
        ]


def _middle(thing: Any) -> tuple[float, float] | None:
    """Where a node is, or the middle of a way's box (its middle node where the way is open, so that it lies on it)."""
    if thing.is_node():
        return (thing.location.lat, thing.location.lon) if thing.location.valid() else None
    points = [(node.location.lat, node.location.lon) for node in thing.nodes if node.location.valid()]
    if not points:
        return None
    if thing.is_closed() and "highway" not in thing.tags:
        return _box_middle(points)
    return points[len(points) // 2]


def _box_middle(points: list[tuple[float, float]]) -> tuple[float, float]:
    latitudes, longitudes = zip(*points, strict=True)
    return (min(latitudes) + max(latitudes)) / 2, (min(longitudes) + max(longitudes)) / 2


def _large_buildings(path: Path) -> Iterator[tuple[dict[str, str], float, float]]:
    """Houses that are drawn as several outlines."""
    wanted = osmium.filter.KeyFilter("addr:housenumber")
    for thing in osmium.FileProcessor(str(path)).with_areas(wanted).with_filter(wanted):
        if not isinstance(thing, osmium.osm.Area) or thing.from_way():
            continue
        points = [(node.lat, node.lon) for ring in thing.outer_rings() for node in ring if node.location.valid()]
        if points:
            yield ({tag.k: tag.v for tag in thing.tags}, *_box_middle(points))


def _main_country(found: _Found) -> str | None:
    if found.codes:
        return found.codes.most_common(1)[0][0]
    return Counter(found.countries).most_common(1)[0][0] if found.countries else None


def _houses(found: _Found, country: str, cities: _Cities) -> tuple[House, ...]:
    houses: list[House] = []
    for tags, latitude, longitude in found.houses:
        street = tags.get("addr:street") or tags.get("addr:place")
        if not street:
            continue
        said = tags.get("addr:country", "").upper()
        city = tags.get("addr:city") or cities.of(latitude, longitude)
        code = tags.get("addr:postcode")
        where = said if _CODE.fullmatch(said) else country
        numbers = (number.strip() for number in re.split(r"[;,]", tags["addr:housenumber"]))
        houses += [House(street, number, city, code, where, latitude, longitude) for number in numbers if number]
    return tuple(houses)


def _with_city(street: Street, cities: _Cities) -> Street:
    return replace(street, city=cities.of(street.latitude, street.longitude))


class _Cities:
    """Names the city of a spot that does not say: that of the houses around it, else the nearest settlement's."""

    def __init__(self, found: _Found) -> None:
        self._houses = _Nearest(_NEIGHBOUR_DEGREES)
        for tags, latitude, longitude in found.houses:
            if "addr:city" in tags:
                self._houses.add(tags["addr:city"], latitude, longitude)
        self._settlements = _Nearest(_FAR_DEGREES)
        for settlement in found.settlements:
            if settlement.kind in _MAIN_SETTLEMENTS:
                self._settlements.add(settlement.name, settlement.latitude, settlement.longitude)

    def of(self, latitude: float, longitude: float) -> str | None:
        return self._houses.to(latitude, longitude) or self._settlements.to(latitude, longitude)


class _Nearest:
    """Finds the nearest of many named spots within a distance in degrees, by looking into nine squares only."""

    def __init__(self, reach: float) -> None:
        self._reach = reach
        self._squares: defaultdict[tuple[int, int], list[tuple[float, float, str]]] = defaultdict(list)

    def add(self, name: str, latitude: float, longitude: float) -> None:
        self._squares[self._square(latitude, longitude)].append((latitude, longitude, name))

    def to(self, latitude: float, longitude: float) -> str | None:
        row, column = self._square(latitude, longitude)
        squeeze = math.cos(math.radians(latitude))
        near = (
            ((north - latitude) ** 2 + ((east - longitude) * squeeze) ** 2, name)
            for across in (row - 1, row, row + 1)
            for along in (column - 1, column, column + 1)
            for north, east, name in self._squares.get((across, along), ())
        )
        away, name = min(near, default=(math.inf, ""))
        return name if away < self._reach**2 else None

    def _square(self, latitude: float, longitude: float) -> tuple[int, int]:
        return math.floor(latitude / self._reach), math.floor(longitude / self._reach)
