"""The three companies of the demo: who they are, what they drive, what they deliver. Pure: addresses in, GraphQL inputs out."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from doorstep.places.map_extract import SampleAddress

FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chloe",
    "Dario",
    "Elif",
    "Femi",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Mila",
    "Noah",
    "Olga",
    "Paul",
)
NOT_HOME_SHARE = 0.03
OPENING = timedelta(hours=9)
"""When the shifts start, after midnight."""

SHIFT = timedelta(hours=5)


@dataclass(frozen=True, slots=True)
class Company:
    """A demo tenant. ``stock`` is where its goods wait; ``pickups``: its orders are fetched at one address and brought to another."""

    slug: str
    name: str
    vehicle_kind: str
    vehicles: int
    orders: int
    capacity: dict[str, int]
    window_minutes: int
    service_seconds: int
    pickups: bool = False


COMPANIES = (
    Company("luna", "Luna Pizza", "BICYCLE", 6, 80, {"items": 20, "weightGrams": 40_000}, 90, 90),
    Company("harbour", "Harbour Books & Homeware", "VAN", 6, 150, {"items": 60, "weightGrams": 800_000}, 180, 120),
    Company("swift", "Swift Couriers", "CAR", 5, 70, {"items": 25, "weightGrams": 250_000}, 240, 90, pickups=True),
)

MERCHANT, CARRIER, TENDERED = "luna", "swift", 20
"""Who has so many of its orders brought by whom."""


def address_input(address: SampleAddress) -> dict[str, Any]:
    """A GraphQL ``AddressInput``."""
    return {"line1": address.line1, "city": address.city, "postalCode": address.postal_code, "country": address.country}


def place_input(address: SampleAddress) -> dict[str, Any]:
    """Address and point of a waypoint or depot."""
    point = {"latitude": address.latitude, "longitude": address.longitude}
    return {"address": address_input(address), "coordinates": point}


def depot_input(company: Company, address: SampleAddress) -> dict[str, Any]:
    """Where the company's stock waits."""
    return {"name": f"{company.name}, {address.line1}", **place_input(address)}


def vehicle_inputs(company: Company, depot_id: str) -> list[dict[str, Any]]:
    """Its vehicles."""
    costs = {"fixedMinor": 1500, "perHourMinor": 2400, "perKilometerMinor": 30}
    return [
        {
            "name": f"{company.vehicle_kind.title().replace('_', ' ')} {number}",
            "kind": company.vehicle_kind,
            "depotId": depot_id,
            "capacity": company.capacity,
            "costs": costs,
        }
        for number in range(1, company.vehicles + 1)
    ]


def driver_inputs(company: Company) -> list[dict[str, Any]]:
    """Its drivers, one for each vehicle."""
    return [{"name": FIRST_NAMES[number]} for number in range(company.vehicles)]


def shift_times(midnight: datetime) -> tuple[datetime, datetime]:
    """When the day's shifts start and end."""
    return midnight + OPENING, midnight + OPENING + SHIFT


def order_inputs(
    company: Company, depot_id: str, addresses: Sequence[SampleAddress], midnight: datetime, day: int
) -> list[dict[str, Any]]:
    """The day's orders."""
    dice = random.Random(f"{company.slug}/{day}")
    return [
        _order(company, depot_id, addresses, midnight, f"{company.slug}-{day}-{number:03}", dice)
        for number in range(1, company.orders + 1)
    ]


def _order(
    company: Company,
    depot_id: str,
    addresses: Sequence[SampleAddress],
    midnight: datetime,
    reference: str,
    dice: random.Random,
) -> dict[str, Any]:
    dropoff, pickup = dice.sample(addresses, 2)
    start = midnight + OPENING + timedelta(minutes=15 * dice.randrange(0, 9))
    window = {"start": start.isoformat(), "end": (start + timedelta(minutes=company.window_minutes)).isoformat()}
    load = {"weightGrams": dice.choice((500, 900, 1500, 3000)), "items": 1}
    order: dict[str, Any] = {
        "reference": reference,
        "displayReference": f"#{reference[-3:]}",
        "kind": "PICKUP_AND_DELIVERY" if company.pickups else "DELIVERY",
        "depotId": None if company.pickups else depot_id,
        "dropoff": {
            **place_input(dropoff),
            "contact": {"name": f"{dice.choice(FIRST_NAMES)} {chr(65 + dice.randrange(26))}."},
            "windows": [window],
            "serviceSeconds": company.service_seconds,
        },
        "packages": [{"barcode": f"{reference.upper()}-P1", "load": load}],
        "metadata": {"channel": "demo"},
    }
    if company.pickups:
        order["pickup"] = {**place_input(pickup), "serviceSeconds": 60}
    return order


def is_not_home(reference: str) -> bool:
    """Whether the recipient of this order will not open: decided by its reference, so that a day is the same on each run."""
    return random.Random(reference).random() < NOT_HOME_SHARE
