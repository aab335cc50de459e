"""Rules about single values. A ``Checks`` collects all faults of an input, so that a form shows them together."""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from doorstep.kernel.errors import DoorstepError, ProblemCode, Refusals
from doorstep.places.addresses import text as tidy_text
from doorstep.places.errors import BadValue

MOST_SKILLS = 50
LONGEST_SKILL = 50
LONGEST_COMPARTMENT = 64
LARGEST_INTEGER = 2**31 - 1

T = TypeVar("T")


class Checks:
    """The faults found so far."""

    def __init__(self) -> None:
        self._faults: list[DoorstepError] = []

    def fault(self, code: ProblemCode, message: str, *path: str | int) -> None:
        """Note one."""
        self._faults.append(DoorstepError(code, message, path))

    def done(self) -> None:
        """Raise what was found, if anything."""
        if self._faults:
            raise Refusals(self._faults)

    def name(self, value: str, *path: str | int) -> str:
        """A name: not blank."""
        tidy = self.of_places(lambda: tidy_text(value, str(path[-1])), ProblemCode.INVALID_VALUE, *path[:-1])
        if tidy is None and not self._has(path):
            self.fault(ProblemCode.REQUIRED, "Give a name.", *path)
        return tidy or ""

    def of_places(self, normalise: Callable[[], T], code: ProblemCode, *path: str | int) -> T | None:
        """What a function of places makes of a value; its refusal is noted with ``code`` at its field below ``path``."""
        try:
            return normalise()
        except BadValue as error:
            self.fault(code, error.message, *path, _camel(error.field))
            return None

    def whole(self, value: int | None, least: int, most: int, *path: str | int) -> int | None:
        """An integer within bounds, both included; None passes."""
        if value is not None and not least <= value <= most:
            self.fault(ProblemCode.INVALID_VALUE, f"Give a number from {least} to {most}.", *path)
        return value

    def between(self, value: float, least: float, most: float, *path: str | int) -> float:
        """A number within bounds, both included (NaN is not)."""
        if not least <= value <= most:
            self.fault(ProblemCode.INVALID_VALUE, f"Give a number from {least:g} to {most:g}.", *path)
        return value

    def skills(self, values: Sequence[str], *path: str | int) -> list[str]:
        """Skills without repetition, in alphabetical order."""
        if len(values) > MOST_SKILLS:
            self.fault(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MOST_SKILLS} skills.", *path)
            return []
        tidy = {value.strip() for value in values}
        if any(not 1 <= len(skill) <= LONGEST_SKILL or not skill.isprintable() for skill in tidy):
            message = f"A skill is 1 to {LONGEST_SKILL} printable characters, such as `lift`."
            self.fault(ProblemCode.INVALID_VALUE, message, *path)
        return sorted(tidy)

    def word(self, value: str, *path: str | int) -> str:
        """The name of a compartment, tidied as orders tidy it, so that the two are the same word."""
        tidy = unicodedata.normalize("NFC", value).strip()
        if not 1 <= len(tidy) <= LONGEST_COMPARTMENT or not tidy.isprintable():
            message = f"A compartment's name is 1 to {LONGEST_COMPARTMENT} printable characters, such as `frozen`."
            self.fault(ProblemCode.INVALID_VALUE, message, *path)
        return tidy

    def window(self, start: datetime, end: datetime, *path: str | int) -> bool:
        """Whether a window starts before it ends."""
        if start < end:
            return True
        self.fault(ProblemCode.INVALID_WINDOW, "It must start before it ends.", *path)
        return False

    def _has(self, path: Sequence[str | int]) -> bool:
        return any(fault.path == [str(part) for part in path] for fault in self._faults)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
