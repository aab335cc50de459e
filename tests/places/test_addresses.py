import pytest

from doorstep.places import addresses
from doorstep.places.errors import BadValue


@pytest.mark.parametrize(("written", "code"), [("de", "DE"), (" US ", "US"), ("uk", "GB"), ("EL", "GR"), ("li", "LI")])
def test_countries(written: str, code: str) -> None:
    assert addresses.country(written) == code


@pytest.mark.parametrize("written", ["", "XX", "ZZ", "DEU", "Germany", "D1", "🇩🇪"])
def test_what_is_no_country(written: str) -> None:
    with pytest.raises(BadValue) as refused:
        addresses.country(written)
    assert refused.value.field == "country"


@pytest.mark.parametrize(
    ("written", "country", "code"),
    [
        ("9490", "LI", "9490"),
        ("FL-9490", "LI", "9490"),
        ("sw1a1aa", "GB", "SW1A 1AA"),
        ("SW1A  1AA", "GB", "SW1A 1AA"),
        ("m5v3l9", "CA", "M5V 3L9"),
        ("95014-1234", "US", "95014-1234"),
        ("00-950", "PL", "00-950"),
        ("00950", "PL", "00-950"),
        ("th07", "BM", "TH 07"),
        ("whatever", "HK", "WHATEVER"),
    ],
)
def test_postcodes(written: str, country: str, code: str) -> None:
    assert addresses.postal_code(written, country) == code


@pytest.mark.parametrize(("written", "country"), [("1339", "DE"), ("94851", "LI"), ("8000", "LI"), ("SW1A", "GB")])
def test_what_is_no_postcode(written: str, country: str) -> None:
    with pytest.raises(BadValue, match="no postcode") as refused:
        addresses.postal_code(written, country)
    assert refused.value.field == "postal_code"


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("030 90 18 20", "DE", "+4930901820"),
        ("+49 30 901820", "LI", "+4930901820"),
        ("(441) 370-1234", "BM", "+14413701234"),
        ("+423 236 60 60", None, "+4232366060"),
    ],
)
def test_phones(written: str, country: str | None, number: str) -> None:
    assert addresses.phone(written, country) == number


@pytest.mark.parametrize(("written", "country"), [("12", "DE"), ("call me", "DE"), ("030 901820", None), ("", "DE")])
def test_what_is_no_phone(written: str, country: str | None) -> None:
    with pytest.raises(BadValue, match="no telephone number") as refused:
        addresses.phone(written, country, "contact.phone")
    assert refused.value.field == "contact.phone"


def test_emails() -> None:
    assert addresses.email(" Ada@EXAMPLE.org ") == "Ada@example.org"
    with pytest.raises(BadValue, match="no e-mail address"):
        addresses.email("ada.example.org")


def test_an_address_is_tidied_and_may_lack_what_can_be_found() -> None:
    found = addresses.address("  12   Mill Lane ", "bm", city="Testhaven", postcode="th07", line2=" ")
    assert found == addresses.Address("12 Mill Lane", None, "Testhaven", "TH 07", None, "BM")
    assert addresses.address("12 Mill Lane", "BM").postal_code is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"line1": " ", "country_code": "BM"}, "line1"),
        ({"line1": "x" * 201, "country_code": "BM"}, "line1"),
        ({"line1": "Mill\x00Lane", "country_code": "BM"}, "line1"),
        ({"line1": "12 Mill Lane", "country_code": "??"}, "country"),
        ({"line1": "12 Mill Lane", "country_code": "BM", "postcode": "12345678"}, "postal_code"),
        ({"line1": "12 Mill Lane", "country_code": "BM", "city": "y" * 201}, "city"),
    ],
)
def test_each_bad_value_is_named(values: dict[str, str], field: str) -> None:
    with pytest.raises(BadValue) as refused:
        addresses.address(**values)
    assert refused.value.field == field


def test_a_postcode_of_a_megabyte_is_refused_before_it_is_tried_in_every_form():
    """Each place of it was tried with a space: a million texts of a megabyte each, which no machine holds."""
    with pytest.raises(BadValue, match="At most 32"):
        addresses.postal_code("x" * 1_000_000, "LI")
