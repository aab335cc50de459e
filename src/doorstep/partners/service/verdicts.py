"""The verdicts of a bulk mutation about tenders: up to 250 ids, each answered by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode, all_refusals

MAX_ITEMS: Final = 250


class Verdicts:
    """The ids of a call and what is said of each; ``name`` is the input's field that holds them.

    Raises TOO_MANY_ITEMS for none and for too many.
    """

    def __init__(self, given: Sequence[UUID | DoorstepError], name: str) -> None:
        if not 1 <= len(given) <= MAX_ITEMS:
            raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Name 1 to {MAX_ITEMS} at a time.", [name])
        self._name = name
        self._given = list(given)
        self._refusals: dict[int, DoorstepError] = {}
        seen: set[UUID] = set()
        for index, one in enumerate(given):
            if isinstance(one, DoorstepError):
                self.refuse(index, one)
            elif one in seen:
                said = "This call names it already."
                self.refuse(index, DoorstepError(ProblemCode.INVALID_VALUE, said, [name, index]))
            else:
                seen.add(one)

    @property
    def sound(self) -> list[UUID]:
        """The ids that are not refused so far."""
        return [identifier for _, identifier in self.entries()]

    def entries(self) -> Iterator[tuple[int, UUID]]:
        """The same with their places in the input."""
        for index, one in enumerate(self._given):
            if index not in self._refusals and isinstance(one, UUID):
                yield index, one

    def refuse(self, index: int, refusal: DoorstepError) -> None:
        """Say why the item at that place is not carried out."""
        self._refusals[index] = refusal

    def path(self, index: int) -> tuple[str | int, ...]:
        """Where an item stands in the input."""
        return (self._name, index)

    def outcome(self, answered: Mapping[UUID, UUID]) -> dict[str, Any]:
        """``{results: [{index, id, problems}]}``; ``answered`` has the id to show for each that was carried out.

        Raises a refusal that carries the same when every item was refused: then nothing was written.
        """
        results = [self._result(index, one, answered) for index, one in enumerate(self._given)]
        outcome = {"results": results}
        if len(self._refusals) == len(self._given):
            said = f"Nothing was done: all {len(self._given)} were refused, see results."
            error = DoorstepError(ProblemCode.ABORTED, said, [self._name])
            error.outcome = outcome
            raise error
        return outcome

    def _result(self, index: int, given: UUID | DoorstepError, answered: Mapping[UUID, UUID]) -> dict[str, Any]:
        refusal = self._refusals.get(index)
        problems = [
            {"code": one.code.value, "message": one.message, "path": one.path, "existing_id": one.existing_id}
            for one in (all_refusals(refusal) if refusal else [])
        ]
        shown = None if refusal or not isinstance(given, UUID) else answered[given]
        return {"index": index, "id": str(shown) if shown else None, "problems": problems}
