"""Objections: a lower slice asks, before it does something, whether a slice above has a reason against it.

Events tell the slices above what has happened; some things must not happen at all. Fleets does not know what a route is, yet a shift whose route
is on the road must not be archived: fleets names the question, planning supplies who answers.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from doorstep.kernel.scope import Scope

S = TypeVar("S")

Objector = Callable[[Scope, S], Awaitable[None]]
"""Raises a DoorstepError when there is a reason against it."""


class Question(Generic[S]):
    """What is about to be done to a subject (an object's id, or more about it), asked inside its transaction after it is locked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._objectors: list[Objector[S]] = []

    def answered_by(self, objector: Objector[S]) -> None:
        """Say who may object; called when the slice above is imported."""
        self._objectors.append(objector)

    async def ask(self, scope: Scope, subject: S) -> None:
        """Pass, or raise the first objection."""
        for objector in self._objectors:
            await objector(scope, subject)
