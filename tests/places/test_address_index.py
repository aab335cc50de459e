"""The address index on a real PostgreSQL: hit rates, verdicts, and swapping the map under running requests."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from math import cos, hypot, radians
from pathlib import Path

import asyncpg
import pytest

from doorstep.assembly import DatabaseUrls
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.places import address_index, map_extract, town
from doorstep.places.address_index import Location, LocationStatus, MatchKind, Query, Reason
from doorstep.places.errors import BadExtract
from doorstep.places.map_extract import SampleAddress

Connection = asyncpg.Connection


@pytest.fixture
async def app(database_urls: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_urls.app)
    yield connection
    await connection.close()


@pytest.fixture
async def system(database_urls: DatabaseUrls) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_urls.system)
    yield connection
    await connection.close()


def asked(address: SampleAddress) -> Query:
    return Query(address.line1, address.city, address.postal_code, address.country)


def is_hit(address: SampleAddress, location: Location) -> bool:
    best = location.best
    if best is None:
        return False
    north = (best.latitude - address.latitude) * 111_320
    east = (best.longitude - address.longitude) * 111_320 * cos(radians(address.latitude))
    return hypot(north, east) < 75


def with_typing_error(dice: random.Random, query: Query) -> Query:
    """Drops, swaps or changes one letter of the longest word."""
    words = query.line1.split()
    at = max(range(len(words)), key=lambda index: len(words[index]) * words[index][0].isalpha())
    word, spot = words[at], dice.randrange(1, len(words[at]) - 1)
    variants = [
        word[:spot] + word[spot + 1 :],
        word[:spot] + word[spot + 1] + word[spot] + word[spot + 2 :],
        word[:spot] + dice.choice("aeinrst") + word[spot + 1 :],
    ]
    words[at] = dice.choice(variants)
    return replace(query, line1=" ".join(words))


def as_typed_in_a_hurry(query: Query) -> Query:
    line1 = query.line1.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return replace(query, line1=line1, postal_code=None)


Loaded = tuple[Connection, list[SampleAddress]]


@pytest.fixture(scope="session", params=["town", "liechtenstein"])
async def loaded(request: pytest.FixtureRequest, cluster: EmbeddedCluster, template: str) -> AsyncIterator[Loaded]:
    """A database that holds a whole map, for tests that only ask, and 200 addresses of that map."""
    extract: Path = request.getfixturevalue({"town": "town_extract"}.get(request.param, request.param))
    name = f"map_of_{request.param}"
    cluster.create_database(name, template=template)
    system = await asyncpg.connect(cluster.url("system", name))
    await address_index.load(system, extract, "checksum")
    await system.close()
    app = await asyncpg.connect(cluster.url("app", name))
    yield app, map_extract.sample_addresses(extract, 200, seed=11)
    await app.close()
    cluster.drop_database(name)


async def test_addresses_are_found(loaded: Loaded) -> None:
    app, samples = loaded
    for alter in (lambda query: query, as_typed_in_a_hurry, lambda query: replace(query, city=None)):
        locations = await address_index.locate(app, [alter(asked(address)) for address in samples])
        located = [location for location in locations if location.status is LocationStatus.LOCATED]
        assert sum(map(is_hit, samples, locations)) >= 196
        assert len(located) >= 190
        assert all(location.best and location.best.kind is MatchKind.ROOFTOP for location in located)


async def test_typing_errors_are_forgiven_but_never_lead_astray(loaded: Loaded) -> None:
    app, samples = loaded
    dice = random.Random(3)
    locations = await address_index.locate(app, [with_typing_error(dice, asked(address)) for address in samples])
    assert sum(map(is_hit, samples, locations)) >= 190
    wrong = [
        address
        for address, location in zip(samples, locations, strict=True)
        if location.status is LocationStatus.LOCATED and not is_hit(address, location)
    ]
    assert len(wrong) <= 1


@pytest.fixture
async def loaded_town(system: Connection, town_extract: Path) -> Path:
    await address_index.load(system, town_extract, "town")
    return town_extract


async def verdict(app: Connection, line1: str, city: str | None = None, code: str | None = None) -> Reason | None:
    [location] = await address_index.locate(app, [Query(line1, city, code, town.COUNTRY)])
    assert (location.status is LocationStatus.LOCATED) == (location.reason is None) == (location.latitude is not None)
    return location.reason


async def test_each_doubt_is_named(app: Connection, loaded_town: Path) -> None:
    there = map_extract.sample_addresses(loaded_town, 1)[0]
    street = there.line1.split(" ", 1)[1]
    assert await verdict(app, there.line1, there.city) is None
    assert await verdict(app, f"9999 {street}", there.city) is Reason.STREET_ONLY
    assert await verdict(app, street, there.city) is Reason.STREET_ONLY
    assert await verdict(app, "12 Zxqvw Boulevard", "Testhaven") is Reason.PLACE_ONLY
    assert await verdict(app, "12 Zxqvw Boulevard", "Qqqqq") is Reason.NOT_FOUND
    assert await verdict(app, there.line1, "Elsewhere") is Reason.DOUBTFUL
    assert await verdict(app, "", "") is Reason.NOT_FOUND
    [abroad] = await address_index.locate(app, [Query("1 Rue X", "Paris", None, "FR")])
    assert abroad.reason is Reason.OTHER_COUNTRY


async def test_a_street_on_both_banks_needs_its_town(app: Connection, loaded_town: Path) -> None:
    houses = map_extract.read(loaded_town).houses
    numbers = [
        {house.number for house in houses if (house.street, house.city) == ("Church Street", city)}
        for city in town.CITIES
    ]
    number = min(numbers[0] & numbers[1])
    assert await verdict(app, f"{number} Church Street") is Reason.AMBIGUOUS
    [first, *_] = await address_index.geocode(app, f"{number} Church Street", None, None, town.COUNTRY)
    assert first.ambiguous
    for city in town.CITIES:
        assert await verdict(app, f"{number} Church Street", city) is None


async def test_without_a_map_everything_needs_a_location(app: Connection) -> None:
    assert await verdict(app, "12 Mill Lane", "Testhaven") is Reason.NO_MAP
    assert await address_index.current(app) is None


async def test_many_addresses_at_once_keep_their_order(app: Connection, loaded_town: Path) -> None:
    samples = map_extract.sample_addresses(loaded_town, 1_200)
    locations = await address_index.locate(app, [asked(address) for address in samples])
    assert all(map(is_hit, samples, locations))


async def test_a_new_map_replaces_the_old_one_whole(
    app: Connection, system: Connection, loaded_town: Path, tmp_path: Path
) -> None:
    other = town.build(tmp_path / "other.osm.pbf", seed=9, size=20)
    again = await address_index.load(system, loaded_town, "town")
    assert not again.fresh
    async with app.transaction(isolation="repeatable_read", readonly=True):
        before = await app.fetchval("SELECT count(*) FROM map_houses")
        fresh = await address_index.load(system, other, "other")
        assert fresh.fresh
        assert await app.fetchval("SELECT count(*) FROM map_houses") == before
        sample = map_extract.sample_addresses(loaded_town, 1)[0]
        [location] = await address_index.locate(app, [asked(sample)])
        assert is_hit(sample, location)
    assert await address_index.current(app) == "other"
    assert await app.fetchval("SELECT count(*) FROM map_houses") == fresh.houses
    assert await app.fetchval("SELECT count(*) FROM map_extracts") == 1


async def test_a_damaged_map_leaves_the_index_as_it_was(
    app: Connection, system: Connection, loaded_town: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.osm.pbf"
    await asyncio.to_thread(lambda: bad.write_bytes(loaded_town.read_bytes()[:5_000]))
    with pytest.raises(BadExtract):
        await address_index.load(system, bad, "bad")
    assert await address_index.current(app) == "town"


async def test_requests_may_not_write_the_map(app: Connection, loaded_town: Path) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DELETE FROM map_houses")
