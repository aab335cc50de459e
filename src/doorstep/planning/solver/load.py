"""What orders take up and what vehicles hold: grams, cubic centimetres and pieces, whole numbers.

Goods that must travel in a compartment count twice: in the vehicle's whole capacity and in that compartment's. Engines
know only amounts side by side, so each compartment that occurs is, for them, up to three more `Dimension`s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

AMOUNTS = ("weight_grams", "volume_cm3", "items")

Dimension = tuple[str | None, str]
"""An amount in a compartment, or (None) in the whole vehicle."""


WHOLE: tuple[Dimension, ...] = tuple((None, name) for name in AMOUNTS)


@dataclass(frozen=True, slots=True)
class Load:
    """What an order takes up. `compartments`: what of it lies in each, by name in alphabetical order; those have no
    compartments of their own."""

    weight_grams: int = 0
    volume_cm3: int = 0
    items: int = 0
    compartments: tuple[tuple[str, Load], ...] = ()

    def __add__(self, other: Load) -> Load:
        parts = _added(self, other) if self.compartments or other.compartments else ()
        return Load(
            self.weight_grams + other.weight_grams,
            self.volume_cm3 + other.volume_cm3,
            self.items + other.items,
            parts,
        )

    def __sub__(self, other: Load) -> Load:
        parts = _added(self, other, -1) if self.compartments or other.compartments else ()
        return Load(
            self.weight_grams - other.weight_grams,
            self.volume_cm3 - other.volume_cm3,
            self.items - other.items,
            parts,
        )

    @property
    def whole(self) -> Load:
        """The same without a word of compartments."""
        return Load(self.weight_grams, self.volume_cm3, self.items) if self.compartments else self

    @property
    def least(self) -> int:
        """The smallest amount; below 0 only where more was taken out than lay there."""
        whole = min(self.weight_grams, self.volume_cm3, self.items)
        return min(whole, *(part.least for _, part in self.compartments)) if self.compartments else whole


@dataclass(frozen=True, slots=True)
class Capacity:
    """What fits in a vehicle; None means that this dimension is not limited. `compartments`: those that it has, by name in
    alphabetical order, and what fits in each."""

    weight_grams: int | None = None
    volume_cm3: int | None = None
    items: int | None = None
    compartments: tuple[tuple[str, Capacity], ...] = ()

    def holds(self, load: Load) -> bool:
        """Whether `load` fits in every dimension, and each part of it in its compartment, which must be there."""
        return (
            (self.weight_grams is None or load.weight_grams <= self.weight_grams)
            and (self.volume_cm3 is None or load.volume_cm3 <= self.volume_cm3)
            and (self.items is None or load.items <= self.items)
            and (not load.compartments or self._holds_parts(load))
        )

    def lacks(self, load: Load) -> frozenset[str]:
        """The compartments that `load` asks for and the vehicle has not."""
        if not load.compartments:
            return frozenset()
        return frozenset(name for name, _ in load.compartments) - {name for name, _ in self.compartments}

    def _holds_parts(self, load: Load) -> bool:
        fits = dict(self.compartments)
        return all(name in fits and fits[name].holds(part) for name, part in load.compartments)


def amount(load: Load, dimension: Dimension) -> int:
    """How much of it there is in the load."""
    compartment, name = dimension
    part = load if compartment is None else dict(load.compartments).get(compartment)
    value: int = 0 if part is None else getattr(part, name)
    return value


def limit(capacity: Capacity, dimension: Dimension) -> int | None:
    """How much of it fits; None: any. Nothing fits in a compartment that is not there."""
    compartment, name = dimension
    room = capacity if compartment is None else dict(capacity.compartments).get(compartment)
    value: int | None = 0 if room is None else getattr(room, name)
    return value


def dimensions(loads: Iterable[Load]) -> list[Dimension]:
    """What occurs in these loads: first in the whole, then in each compartment."""
    every = list(loads)
    names = sorted({name for load in every if load.compartments for name, _ in load.compartments})
    found: list[Dimension] = [(None, name) for name in AMOUNTS if any(getattr(load, name) for load in every)]
    inside: list[Dimension] = [(compartment, name) for compartment in names for name in AMOUNTS]
    return found + [dimension for dimension in inside if any(amount(load, dimension) for load in every)]


def peak(loads: Iterable[Load]) -> Load:
    """The most of each dimension in any of the loads."""
    every = list(loads)
    names = sorted({name for load in every if load.compartments for name, _ in load.compartments})
    return Load(
        max([load.weight_grams for load in every]),
        max([load.volume_cm3 for load in every]),
        max([load.items for load in every]),
        tuple((name, peak(dict(load.compartments).get(name, Load()) for load in every)) for name in names),
    )


def excess(load: Load, capacity: Capacity) -> int:
    """What does not fit, in the units of the load, over all dimensions; a compartment that is missing is another fault."""
    if capacity.holds(load):
        return 0
    lacked = capacity.lacks(load)
    there = [dimension for dimension in dimensions([load]) if dimension[0] not in lacked]
    limits = ((amount(load, dimension), limit(capacity, dimension)) for dimension in there)
    return sum(max(0, value - most) for value, most in limits if most is not None)


def _added(one: Load, other: Load, sign: int = 1) -> tuple[tuple[str, Load], ...]:
    """The parts together, without those that are empty: an empty compartment is not spoken of."""
    mine, theirs, nothing = dict(one.compartments), dict(other.compartments), Load()
    parts: list[tuple[str, Load]] = []
    for name in sorted({*mine, *theirs}):
        left, right = mine.get(name, nothing), theirs.get(name, nothing)
        part = left + right if sign > 0 else left - right
        if part != nothing:
            parts.append((name, part))
    return tuple(parts)
