"""A lunch rush in simulated time: what the dispatcher decides is as good for those who wait as what a greedy one does."""

import random

import pytest
from tests.benchmarks.whole_days.greedy import figures, greedy
from tests.benchmarks.whole_days.meals import Courier, Meal, MealDay
from tests.benchmarks.whole_days.offline import Rules, rehearse

from doorstep.dispatch.service import aiming


def lunch() -> MealDay:
    """Sixty meals of eight kitchens within two hours, and fourteen couriers: as many as it takes."""
    dice = random.Random(8)

    def place() -> tuple[float, float]:
        return dice.uniform(0, 6000), dice.uniform(0, 6000)

    kitchens = [place() for _ in range(8)]
    placed = sorted(dice.randint(660, 780) for _ in range(60))
    meals = [
        Meal(f"o{number}", place(), dice.choice(kitchens), minute, minute + dice.randint(8, 25))
        for number, minute in enumerate(placed)
    ]
    return MealDay("lunch", meals, [Courier(f"c{number}", place(), 650, 900) for number in range(14)], 400.0, 4, 4)


async def test_a_rush_is_served_as_soon_as_greed_would() -> None:
    day = lunch()
    known = figures(day, *greedy(day, 2))
    found, _ = await rehearse(day, Rules(most_orders=2))
    assert found["delivered"] == 100.0
    assert found["click to door, mean"] <= known["click to door, mean"]
    assert found["late %"] <= known["late %"]


async def test_without_aims_it_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: every order at any time, as cheap as can be."""
    monkeypatch.setattr(aiming, "PATIENCE", (None,))
    monkeypatch.setattr(aiming, "SPARE_SECONDS", 7200)
    day = lunch()
    found, _ = await rehearse(day, Rules(most_orders=2))
    assert found["click to door, mean"] > 1.1 * figures(day, *greedy(day, 2))["click to door, mean"]
