"""A clock that a test moves by hand."""

from dataclasses import dataclass


@dataclass
class Hands:
    """Stands still until it is moved; in seconds."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now
