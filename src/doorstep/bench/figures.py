"""A measured figure: the median of its rounds, their range, what else was seen, and how busy the machine was."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from doorstep.bench.machine import Machine, cores, load_average

Details = Mapping[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. ``rounds`` is how many values the median and the range are of."""

    name: str
    title: str
    unit: str
    median: float
    lowest: float
    highest: float
    rounds: int
    cores: int
    load_before: float
    load_after: float
    details: Details = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


class Taking:
    """Notes the machine's load before a measurement and makes its figures after it."""

    def __init__(self) -> None:
        self._load_before = load_average()

    def figure(self, name: str, title: str, unit: str, values: Sequence[float], details: Details) -> Figure:
        """The figure of these rounds (at least one)."""
        return Figure(
            name=name,
            title=title,
            unit=unit,
            median=tidy(statistics.median(values)),
            lowest=tidy(min(values)),
            highest=tidy(max(values)),
            rounds=len(values),
            cores=cores(),
            load_before=self._load_before,
            load_after=load_average(),
            details={name: tidy(value) if isinstance(value, float) else value for name, value in details.items()},
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of ``values`` (at least one) do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def percentiles(values: Sequence[float], suffix: str) -> Details:
    """p50, p95 and p99 under names such as ``p50_ms``."""
    return {f"p{percent}_{suffix}": percentile(values, percent) for percent in (50, 95, 99)}


def tidy(value: float) -> float:
    """Three significant digits and no more: what a measurement on a shared machine can carry."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, max(0, 2 - math.floor(math.log10(abs(value)))))


def as_table(figures: Sequence[Figure], machine: Machine) -> Table:
    """The figures for a person to read."""
    table = Table(title="doorstep bench", caption=f"{machine}. Client, server, database and roads share the machine.")
    table.add_column("Measured", ratio=1)
    table.add_column("Median", justify="right", no_wrap=True)
    table.add_column("Range", justify="right", no_wrap=True)
    table.add_column("Cores", justify="right")
    table.add_column("Load", justify="right", no_wrap=True)
    for figure in figures:
        more = " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in figure.details.items())
        table.add_row(
            Text.assemble(figure.title, ("\n" + more, "dim")),
            f"{figure.median:g} {figure.unit}",
            f"{figure.lowest:g} … {figure.highest:g}",
            str(figure.cores),
            f"{figure.load_before} → {figure.load_after}",
        )
    return table
