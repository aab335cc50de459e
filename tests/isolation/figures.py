"""The figures of the isolation tests: what was walked, and what was found."""

from dataclasses import dataclass, field


@dataclass
class Figures:
    """Counted over a run, printed at its end."""

    walked: dict[str, int] = field(default_factory=dict)
    """What → how many: root fields, id arguments, operations, canaries."""

    faults: int = 0
    caught: int = 0

    def add(self, what: str, number: int) -> None:
        """Count some more of something."""
        self.walked[what] = self.walked.get(what, 0) + number

    def planted(self, faults: int, caught: int) -> None:
        """Count planted faults and those of them that a test turned red for."""
        self.faults += faults
        self.caught += caught

    def line(self) -> str:
        """All of them in one line; empty when nothing was counted."""
        parts = [f"{number:,} {what}" for what, number in self.walked.items()]
        parts += [f"planted faults caught: {self.caught} of {self.faults}"] if self.faults else []
        return "; ".join(parts)


FIGURES = Figures()
