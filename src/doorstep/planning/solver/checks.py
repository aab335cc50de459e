"""Checks of single values, each of which raises `ProblemInvalidError` with the path of what is out of place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from doorstep.planning.solver.errors import ProblemInvalidError
from doorstep.planning.solver.load import AMOUNTS

MAX_TIME = 2**40
"""Points in time beyond this are mistakes in units, not dates."""
MAX_WINDOWS = 100
MAX_LOAD = 2**32 - 1
"""Largest load or capacity in any dimension; the engine reads amounts as unsigned 32-bit numbers."""


class Span(Protocol):
    """Anything from `start` to `end`."""

    @property
    def start(self) -> int:
        """Where it begins."""

    @property
    def end(self) -> int:
        """Where it ends."""


def check_windows(path: str, windows: Sequence[Span]) -> None:
    """Not too many windows, each of which is one."""
    if len(windows) > MAX_WINDOWS:
        raise ProblemInvalidError(path, f"at most {MAX_WINDOWS} windows, there are {len(windows)}")
    for index, window in enumerate(windows):
        check_window(f"{path}[{index}]", window)


def check_window(path: str, window: Span) -> None:
    """Whole numbers, the end not before the start."""
    check_whole(f"{path}.start", window.start, -MAX_TIME, MAX_TIME)
    check_whole(f"{path}.end", window.end, -MAX_TIME, MAX_TIME)
    if window.end < window.start:
        raise ProblemInvalidError(path, f"ends before it starts ({window.end} < {window.start})")


def check_location(path: str, value: int, size: int) -> None:
    """The index of one of `size` locations."""
    check_whole(path, value, 0, size - 1)


def check_optional_whole(path: str, value: int | None, low: int, high: int) -> None:
    """Nothing, or a whole number from `low` to `high`."""
    if value is not None:
        check_whole(path, value, low, high)


def check_whole(path: str, value: Any, low: int, high: int) -> None:
    """A whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProblemInvalidError(path, f"must be a whole number, it is {value!r}")
    if not low <= value <= high:
        raise ProblemInvalidError(path, f"must be from {low} to {high}, it is {value}")


def check_skills(path: str, skills: Iterable[Any]) -> None:
    """Words."""
    for skill in skills:
        if not isinstance(skill, str) or not skill:
            raise ProblemInvalidError(path, f"a skill must be a word, it is {skill!r}")


def check_unique(path: str, ids: Iterable[Any]) -> frozenset[str]:
    """Words of which none occurs twice; answers them."""
    seen: set[str] = set()
    for identifier in ids:
        if not isinstance(identifier, str) or not identifier:
            raise ProblemInvalidError(path, f"an id must be a word, it is {identifier!r}")
        if identifier in seen:
            raise ProblemInvalidError(path, f"the id {identifier!r} occurs twice")
        seen.add(identifier)
    return frozenset(seen)


def check_matrices(matrices: Mapping[str, Any]) -> int:
    """Durations and distances of at least one profile, all over the same locations; answers how many those are."""
    if not matrices:
        raise ProblemInvalidError("matrices", "at least one profile is needed")
    sizes: set[int] = set()
    for profile, pair in matrices.items():
        for kind, matrix in (("durations", pair.durations), ("distances", pair.distances)):
            path = f"matrices[{profile}].{kind}"
            check_matrix(path, matrix)
            sizes.add(int(matrix.shape[0]))
    if len(sizes) > 1:
        raise ProblemInvalidError("matrices", f"cover different numbers of locations: {sorted(sizes)}")
    return sizes.pop()


def check_matrix(path: str, matrix: Any) -> None:
    """A square array of numbers, none negative."""
    if not isinstance(matrix, np.ndarray) or matrix.dtype.kind not in "fiu":
        raise ProblemInvalidError(path, "must be an array of numbers")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ProblemInvalidError(path, f"must be square and not empty, its shape is {matrix.shape}")
    if bool((matrix < 0).any()):
        raise ProblemInvalidError(path, "holds a negative value")


def check_load(path: str, load: Any) -> None:
    """Whole numbers in each dimension, none too large for an engine."""
    for name in AMOUNTS:
        check_whole(f"{path}.{name}", getattr(load, name), 0, MAX_LOAD)
    if load.compartments:
        _check_names(f"{path}.compartments", [name for name, _ in load.compartments])
    for compartment, part in load.compartments:
        check_load(f"{path}.compartments[{compartment}]", part)
        for name in AMOUNTS:
            check_whole(f"{path}.compartments[{compartment}].{name}", getattr(part, name), 0, getattr(load, name))
        _check_flat(f"{path}.compartments[{compartment}]", part)


def check_capacity(path: str, capacity: Any) -> None:
    """Whole numbers or None in each dimension, of the whole and of each compartment; those may hold more than the whole,
    which then binds."""
    for name in AMOUNTS:
        check_optional_whole(f"{path}.{name}", getattr(capacity, name), 0, MAX_LOAD)
    if capacity.compartments:
        _check_names(f"{path}.compartments", [name for name, _ in capacity.compartments])
    for compartment, room in capacity.compartments:
        check_capacity(f"{path}.compartments[{compartment}]", room)
        _check_flat(f"{path}.compartments[{compartment}]", room)


def check_break_load(path: str, load: Any) -> None:
    """A load without compartments: what a driver may carry in a break is said of the whole vehicle."""
    check_load(path, load)
    _check_flat(path, load)


def _check_flat(path: str, given: Any) -> None:
    if given.compartments:
        raise ProblemInvalidError(f"{path}.compartments", "there are no compartments here")


def _check_names(path: str, names: list[Any]) -> None:
    check_unique(path, names)
    if names != sorted(names):
        raise ProblemInvalidError(path, "must be in alphabetical order")
