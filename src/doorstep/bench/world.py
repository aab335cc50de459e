"""Made-up input for the measurements. Pure and without chance: the same numbers give the same orders on every machine."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import count
from math import ceil
from typing import Any

from doorstep.demo.world import place_input
from doorstep.places.map_extract import SampleAddress

VEHICLE_KIND = "VAN"
ORDERS_PER_VEHICLE = 25
SKILL = "heavy"
MOST_SHIFTS = 250
"""So many a plan may have."""
OPENING = timedelta(hours=8)
SHIFT = timedelta(hours=10)
WINDOW = timedelta(hours=3)
_STRIDE = 7919
"""A prime: walks through the addresses in no order that a street has."""


def tomorrow() -> datetime:
    """The start of the day that is planned: tomorrow, so that no window has passed."""
    return datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time.min, UTC)


def vehicles_for(orders: int) -> int:
    """How many vehicles a day of so many orders gets; a few more than it needs, where a plan may have them."""
    return min(MOST_SHIFTS, max(2, ceil(orders / ORDERS_PER_VEHICLE)))


def vehicle_input(number: int, depot_id: str) -> dict[str, Any]:
    """A ``CreateVehicleInput``."""
    costs = {"fixedMinor": 1500, "perHourMinor": 2400, "perKilometerMinor": 30}
    capacity = {"items": 80, "weightGrams": 900_000}
    return {"name": f"Van {number}", "kind": VEHICLE_KIND, "depotId": depot_id, "capacity": capacity, "costs": costs}


def shift_input(driver_id: str, vehicle_id: str, depot_id: str, midnight: datetime) -> dict[str, Any]:
    """A ``CreateShiftInput``."""
    start, end = midnight + OPENING, midnight + OPENING + SHIFT
    times = {"start": start.isoformat(), "end": end.isoformat()}
    return {"driverId": driver_id, "vehicleId": vehicle_id, "depotId": depot_id, **times}


def breaks(midnight: datetime) -> list[dict[str, Any]]:
    """``BreakInput`` of a shift: half an hour around noon."""
    start, end = midnight + timedelta(hours=11), midnight + timedelta(hours=14)
    return [{"start": start.isoformat(), "end": end.isoformat(), "durationSeconds": 1800}]


def skills_of(driver: int) -> list[str]:
    """Every second driver has the skill that ``demanding`` orders ask for."""
    return [SKILL] if driver % 2 else []


def demanding(orders: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same orders, every third of them for a driver with a skill."""
    for number, order in enumerate(orders):
        yield order if number % 3 else {**order, "requiredSkills": [SKILL]}


def orders(addresses: Sequence[SampleAddress], depot_id: str, midnight: datetime) -> Iterator[dict[str, Any]]:
    """``NewOrderInput`` without end: address, point, contact, window, one or two packages, metadata."""
    for number in count(1):
        address = addresses[number * _STRIDE % len(addresses)]
        start = midnight + OPENING + timedelta(minutes=30 * (number % 15))
        window = {"start": start.isoformat(), "end": (start + WINDOW).isoformat()}
        yield {
            "reference": f"B-{number:07}",
            "displayReference": f"#{number % 1000:03}",
            "kind": "DELIVERY",
            "depotId": depot_id,
            "dropoff": {
                **place_input(address),
                "contact": {"name": f"Customer {number}", "phone": f"+44 20 7946 {number % 1000:04}"},
                "windows": [window],
                "serviceSeconds": 120,
            },
            "packages": [
                {"barcode": f"B{number:07}P{part}", "load": {"weightGrams": 500 + 100 * (number % 20), "items": 1}}
                for part in range(1 + number % 2)
            ],
            "metadata": {"channel": "bench"},
        }
