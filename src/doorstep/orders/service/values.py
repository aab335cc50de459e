"""The rules about single values: what is refused, with which code and where. No I/O.

A ``Check`` collects refusals instead of stopping at the first, so that a form shows all of its faults together.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from secrets import randbelow
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import InvalidId, parse_id
from doorstep.kernel.time import TimeWindow, utc
from doorstep.orders.model import ProofKind, Readiness
from doorstep.orders.service.drafts import AddressDraft, ContactDraft, PackageDraft, ProofDraft
from doorstep.places import addresses
from doorstep.places.errors import BadValue

T = TypeVar("T")

FURTHEST_READY: Final = timedelta(days=366)
"""How far ahead goods may be announced: no plan looks further."""

READY_IS_NOW: Final = "What is READY is ready now: leave `readyAt` out, or say PREPARING."
MAX_WINDOWS: Final = 10
MAX_PACKAGES: Final = 100
MAX_SKILLS: Final = 20
MAX_SERVICE_SECONDS: Final = 86_400
MAX_PRIORITY: Final = 100
MAX_PACKAGE_GRAMS: Final = 20_000_000
MAX_PACKAGE_CUBIC_CENTIMETERS: Final = 20_000_000
MAX_PACKAGE_ITEMS: Final = 10_000
MAX_REFERENCE: Final = 100
MAX_SKILL: Final = 64
MAX_BARCODE: Final = 100
MAX_ACCESS_CODE: Final = 100
MAX_NAME: Final = 200
MAX_DESCRIPTION: Final = 500
MAX_INSTRUCTIONS: Final = 1000
MAX_METADATA_KEYS: Final = 50
MAX_METADATA_BYTES: Final = 4096

_PIN = re.compile(r"\d{4,8}", re.ASCII)
_UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Cn"})
_LINE_BREAKS: Final = frozenset("\n\r\t")
_CODE_OF_FIELD: Final = {
    "phone": ProblemCode.INVALID_PHONE,
    "email": ProblemCode.INVALID_EMAIL,
    "name": ProblemCode.INVALID_VALUE,
}
_PUBLIC_NAME: Final = {"postal_code": "postalCode"}

Path = tuple[str | int, ...]


class Check:
    """Refusals of one order as they are found; ``path`` is where the order stands in the mutation's input."""

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.refusals: list[DoorstepError] = []

    def refuse(self, code: ProblemCode, message: str, *where: str | int, existing_id: str | None = None) -> None:
        """Note a refusal."""
        self.refusals.append(DoorstepError(code, message, (*self.path, *where), existing_id=existing_id))

    # ── text ──

    def text(self, value: str | None, limit: int, *where: str | int, lines: bool = False) -> str | None:
        """Trimmed text, None when nothing is left; refuses what is too long or cannot be printed."""
        if value is None:
            return None
        tidy = unicodedata.normalize("NFC", value).strip()
        allowed = _LINE_BREAKS if lines else frozenset[str]()
        if len(tidy) > limit:
            self.refuse(ProblemCode.INVALID_VALUE, f"At most {limit} characters.", *where)
            return None
        if any(letter not in allowed and unicodedata.category(letter) in _UNPRINTABLE for letter in tidy):
            self.refuse(ProblemCode.INVALID_VALUE, "This text has characters that cannot be printed.", *where)
            return None
        return tidy or None

    def number(self, value: int, least: int, most: int, *where: str | int) -> int:
        """A whole number within bounds; a refused one becomes the least."""
        if least <= value <= most:
            return value
        self.refuse(ProblemCode.INVALID_VALUE, f"{least} to {most}.", *where)
        return least

    def ready_at(self, readiness: Readiness, at: datetime | None, now: datetime) -> datetime | None:
        """When goods will be ready; nothing for those that are."""
        if at is not None and readiness is Readiness.READY:
            self.refuse(ProblemCode.INVALID_VALUE, READY_IS_NOW, "readyAt")
        elif at is not None and at > now + FURTHEST_READY:
            self.refuse(ProblemCode.INVALID_VALUE, f"At most {FURTHEST_READY.days} days ahead.", "readyAt")
        return at

    def few(self, values: Sequence[object], most: int, *where: str | int) -> bool:
        """Whether a list is short enough."""
        if len(values) <= most:
            return True
        self.refuse(ProblemCode.TOO_MANY_ITEMS, f"At most {most}.", *where)
        return False

    def id_of(self, prefix: str, text: str | None, *where: str | int) -> UUID | None:
        """The UUID of an id of that type; whether this tenant has such an object is asked later."""
        if text is None:
            return None
        try:
            return parse_id(prefix, text)
        except InvalidId as error:
            self.refuse(ProblemCode.INVALID_ID, f"{error}.".capitalize(), *where)
            return None

    def skills(self, values: list[str]) -> list[str]:
        """Skills without repeats, in the order given."""
        if not self.few(values, MAX_SKILLS, "requiredSkills"):
            return []
        tidy = [self.text(value, MAX_SKILL, "requiredSkills", at) for at, value in enumerate(values)]
        for at, skill in enumerate(tidy):
            if skill is None and not values[at].strip():
                self.refuse(ProblemCode.REQUIRED, "A skill needs a name.", "requiredSkills", at)
        return list(dict.fromkeys(skill for skill in tidy if skill))

    def metadata(self, value: dict[str, Any]) -> dict[str, Any]:
        """A JSON object within its limits."""
        try:
            encoded = orjson.dumps(value)
        except (TypeError, ValueError):
            self.refuse(ProblemCode.INVALID_VALUE, "This is not JSON.", "metadata")
            return {}
        if len(value) > MAX_METADATA_KEYS or len(encoded) > MAX_METADATA_BYTES or b"\\u0000" in encoded:
            limits = f"At most {MAX_METADATA_KEYS} keys and {MAX_METADATA_BYTES} bytes of JSON, without U+0000."
            self.refuse(ProblemCode.INVALID_VALUE, limits, "metadata")
            return {}
        return value

    # ── packages and proof ──

    def packages(self, drafts: list[PackageDraft]) -> list[PackageDraft]:
        """Packages with bounded loads and tidy texts."""
        if not self.few(drafts, MAX_PACKAGES, "packages"):
            return []
        return [self._package(draft, at) for at, draft in enumerate(drafts)]

    def _package(self, draft: PackageDraft, at: int) -> PackageDraft:
        load = ("packages", at, "load")
        return PackageDraft(
            barcode=self.text(draft.barcode, MAX_BARCODE, "packages", at, "barcode"),
            description=self.text(draft.description, MAX_DESCRIPTION, "packages", at, "description"),
            weight_grams=self.number(draft.weight_grams, 0, MAX_PACKAGE_GRAMS, *load, "weightGrams"),
            volume_cubic_centimeters=self.number(
                draft.volume_cubic_centimeters, 0, MAX_PACKAGE_CUBIC_CENTIMETERS, *load, "volumeCubicCentimeters"
            ),
            items=self.number(draft.items, 0, MAX_PACKAGE_ITEMS, *load, "items"),
            fragile=draft.fragile,
            compartment=self._compartment(draft.compartment, "packages", at, "compartment"),
        )

    def _compartment(self, value: str | None, *where: str | int) -> str | None:
        """Its name; one without letters is refused, since it would let the goods travel anywhere."""
        if value is not None and not value.strip():
            self.refuse(
                ProblemCode.REQUIRED, "A compartment needs a name; leave it out where any place will do.", *where
            )
            return None
        return self.text(value, MAX_SKILL, *where)

    def proof(self, draft: ProofDraft) -> tuple[list[str], str | None]:
        """The kinds of proof without repeats, and the PIN: the given one, or a random one where a PIN is required and none is given."""
        kinds = list(dict.fromkeys(kind.value for kind in draft.kinds))
        wants_pin = ProofKind.PIN.value in kinds
        if draft.pin is None:
            return kinds, f"{randbelow(10_000):04d}" if wants_pin else None
        if not wants_pin:
            self.refuse(ProblemCode.INVALID_VALUE, "A pin needs PIN among the kinds.", "proofRequired", "pin")
        elif not _PIN.fullmatch(draft.pin):
            self.refuse(ProblemCode.INVALID_VALUE, "A PIN is 4 to 8 digits.", "proofRequired", "pin")
        return kinds, draft.pin

    def barcodes_to_scan(self, kinds: Sequence[str], barcodes: Sequence[str | None]) -> None:
        """BARCODE as proof needs something to scan on every package."""
        if ProofKind.BARCODE.value in kinds and (not barcodes or not all(barcodes)):
            self.refuse(
                ProblemCode.REQUIRED,
                "BARCODE as proof needs packages that all have a barcode.",
                "proofRequired",
                "kinds",
            )

    # ── places and times ──

    def coordinates(self, point: Coordinates, *where: str | int) -> bool:
        """Whether the point lies on the globe."""
        if point.on_globe():
            return True
        self.refuse(
            ProblemCode.INVALID_COORDINATES,
            "Latitude is -90 to 90 degrees, longitude -180 to 180.",
            *where,
            "coordinates",
        )
        return False

    def windows(self, given: list[TimeWindow], *where: str | int) -> list[TimeWindow]:
        """The windows in UTC, earliest first; each starts before it ends, and none overlaps another (they may touch)."""
        path = (*where, "windows")
        if not self.few(given, MAX_WINDOWS, *path):
            return []
        order = sorted(range(len(given)), key=lambda at: utc(given[at].start))
        windows = {at: TimeWindow(utc(given[at].start), utc(given[at].end)) for at in order}
        for at, window in windows.items():
            if window.start >= window.end:
                self.refuse(ProblemCode.INVALID_WINDOW, "A window must start before it ends.", *path, at)
        for before, after in pairwise(order):
            if windows[after].start < windows[before].end:
                self.refuse(ProblemCode.INVALID_WINDOW, f"This window overlaps window {before}.", *path, after)
        return list(windows.values())

    def address(self, draft: AddressDraft, default_country: str | None, *where: str | int) -> addresses.Address | None:
        """The address in its country's form, or None when it was refused."""
        path = (*where, "address")
        country = draft.country or default_country
        if country is None:
            message = "Name the country (two letters, such as LI): this tenant has no default."
            self.refuse(ProblemCode.REQUIRED, message, *path, "country")
            return None
        known = len(self.refusals)
        for name, text in (("line1", draft.line1), ("city", draft.city)):
            if not text.strip():
                self.refuse(ProblemCode.REQUIRED, "This must not be empty.", *path, name)
        if len(self.refusals) > known:
            return None
        return self._places(
            lambda: addresses.address(
                draft.line1,
                country,
                line2=draft.line2,
                city=draft.city,
                postcode=draft.postal_code,
                region=draft.region,
            ),
            *path,
        )

    def contact(self, draft: ContactDraft | None, country: str | None, *where: str | int) -> dict[str, str | None]:
        """The contact's columns; the telephone number is read as one of ``country``."""
        draft = draft or ContactDraft()
        path = (*where, "contact")
        phone, email = draft.phone, draft.email
        return {
            "contact_name": self._places(lambda: addresses.text(draft.name, "name"), *path),
            "contact_phone": self._places(lambda: addresses.phone(phone, country, "phone"), *path)
            if phone and phone.strip()
            else None,
            "contact_email": self._places(lambda: addresses.email(email, "email"), *path)
            if email and email.strip()
            else None,
        }

    def _places(self, judge: Callable[[], T], *where: str | int) -> T | None:
        try:
            return judge()
        except BadValue as bad:
            code = _CODE_OF_FIELD.get(bad.field, ProblemCode.INVALID_ADDRESS)
            self.refuse(code, bad.message, *where, _PUBLIC_NAME.get(bad.field, bad.field))
            return None
