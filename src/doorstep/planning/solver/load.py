"""What orders take up and what vehicles hold: grams, cubic centimetres and pieces, whole numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What an order takes up."""

    weight_grams: int = 0
    volume_cm3: int = 0
    items: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(
            self.weight_grams + other.weight_grams, self.volume_cm3 + other.volume_cm3, self.items + other.items
        )

    def __sub__(self, other: Load) -> Load:
        return Load(
            self.weight_grams - other.weight_grams, self.volume_cm3 - other.volume_cm3, self.items - other.items
        )


@dataclass(frozen=True, slots=True)
class Capacity:
    """What fits in a vehicle; None means that this dimension is not limited."""

    weight_grams: int | None = None
    volume_cm3: int | None = None
    items: int | None = None

    def holds(self, load: Load) -> bool:
        """Whether `load` fits in every dimension."""
        return (
            (self.weight_grams is None or load.weight_grams <= self.weight_grams)
            and (self.volume_cm3 is None or load.volume_cm3 <= self.volume_cm3)
            and (self.items is None or load.items <= self.items)
        )
