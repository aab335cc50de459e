"""What Doorstep's dispatcher is held against on a day of meals: a greedy one, and the figures that both are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np
from tests.benchmarks.whole_days.meals import TARGET_MINUTES, Meal, MealDay
from tests.benchmarks.whole_days.place import at_share, share

STACKED_WITHIN = 4
"""Minutes that a courier waits for another meal of the same kitchen."""


@dataclass(frozen=True)
class Fate:
    """When an order was fetched and brought: minutes of the day, to the end of service."""

    meal: Meal
    fetched: float
    brought: float


def greedy(day: MealDay, most: int) -> tuple[list[Fate], float]:
    """Each meal, by when it is ready, to whoever can fetch it first, as soon as that one must set off; up to ``most`` of a kitchen together.

    Couriers wait at the last door and may finish late: the data set's rules.
    """
    pace = day.meters_per_minute
    free = {courier.name: (float(courier.on), courier.start) for courier in day.couriers}
    off = {courier.name: courier.off for courier in day.couriers}
    left = sorted(day.meals, key=lambda meal: (meal.ready, meal.placed))
    fates: list[Fate] = []
    meters = 0.0
    minute = min(meal.placed for meal in left)
    last = max(off.values())

    def way(a: tuple[float, float], b: tuple[float, float]) -> float:
        return float(np.hypot(a[0] - b[0], a[1] - b[1]))

    while left and minute <= last:
        for meal in [one for one in left if one.placed <= minute]:
            if meal not in left:
                continue
            able = [
                (max(meal.ready, minute + way(place, meal.restaurant) / pace), way(place, meal.restaurant), name)
                for name, (since, place) in free.items()
                if since <= minute < off[name]
            ]
            if not able:
                continue
            fetch, distance, name = min(able)
            if minute + distance / pace < meal.ready - 1:
                continue  # nobody need set off yet
            here = [one for one in left if one.placed <= minute and one.restaurant == meal.restaurant]
            bag = [meal, *(one for one in here if one is not meal and one.ready <= fetch + STACKED_WITHIN)][:most]
            place, clock = meal.restaurant, max(fetch, *(one.ready for one in bag)) + day.pickup_minutes
            fetched, meters = clock, meters + distance
            while bag:
                one = min(bag, key=lambda other: way(place, other.door))
                bag.remove(one)
                left.remove(one)
                meters += way(place, one.door)
                clock += way(place, one.door) / pace + day.dropoff_minutes
                place = one.door
                fates.append(Fate(one, fetched, clock))
            free[name] = (clock, place)
        minute += 1
    return fates, meters


def figures(day: MealDay, fates: Sequence[Fate], meters: float) -> dict[str, float]:
    """As `meals` tells them."""
    waits = [fate.brought - day.dropoff_minutes / 2 - fate.meal.placed for fate in fates]
    idle = [fate.fetched - day.pickup_minutes - fate.meal.ready for fate in fates]
    return {
        "delivered": 100 * len(waits) / len(day.meals),
        "click to door, mean": mean(waits) if waits else 0.0,
        "click to door, p90": at_share(waits, 0.9),
        "late %": share(waits, lambda wait: wait > TARGET_MINUTES),
        "ready to picked up, mean": mean(idle) if idle else 0.0,
        "km per order": meters / 1000 / max(1, len(waits)),
    }
