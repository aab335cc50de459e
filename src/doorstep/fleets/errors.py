"""What fleets refuses beyond what every slice does."""

from uuid import UUID

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id


class Archived(DoorstepError):
    """Something archived cannot be changed or used."""

    def __init__(self, what: str, path: tuple[str | int, ...]) -> None:
        super().__init__(ProblemCode.ARCHIVED, f"This {what} is archived: use another one.", path)


class InUse(DoorstepError):
    """Something that a present or coming shift needs cannot be archived; None: the shift is out of the credential's reach."""

    def __init__(self, what: str, shift_id: UUID | None) -> None:
        super().__init__(
            ProblemCode.IN_USE,
            f"A present or coming shift needs this {what}: archive or change that shift first."
            if shift_id is not None
            else f"A present or coming shift that you do not see needs this {what}: ask whoever plans it.",
            ("id",),
            existing_id=public_id("shift", shift_id) if shift_id is not None else None,
        )


class ShiftOverlap(DoorstepError):
    """A driver or a vehicle would be in two shifts at the same time; None: the other is out of the credential's reach."""

    def __init__(self, what: str, shift_id: UUID | None, path: tuple[str | int, ...]) -> None:
        super().__init__(
            ProblemCode.SHIFT_OVERLAP,
            f"This {what} has another shift at that time: choose other times or another {what}.",
            path,
            existing_id=public_id("shift", shift_id) if shift_id is not None else None,
        )
