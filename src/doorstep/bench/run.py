"""All measurements, one after the other, on one server."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from doorstep.bench.figures import Figure
from doorstep.bench.intake import in_bulk, one_by_one
from doorstep.bench.machine import this_machine
from doorstep.bench.pages import pages
from doorstep.bench.plans import Day, planning
from doorstep.bench.stage import BenchOptions, Stage, open_stage
from doorstep.bench.streams import delivery
from doorstep.settings import Settings


@contextmanager
def bench_settings(settings: Settings, home: Path | None) -> Iterator[Settings]:
    """Embedded defaults in ``home``, which is kept, or in a folder of their own that is removed at the end."""
    own: dict[str, Any] = {"database_url": None, "database_system_url": None, "database_owner_url": None}
    own |= {"osrm_urls": {}, "log_level": "error", "port": 0}
    if home is not None:
        yield settings.model_copy(update={**own, "home": home.absolute()})
        return
    with tempfile.TemporaryDirectory(prefix="doorstep-bench-", ignore_cleanup_errors=True) as folder:
        # PostgreSQL runs as another user where this process is root's.
        Path(folder).chmod(0o755)
        yield settings.model_copy(update={**own, "home": Path(folder)})


async def run_bench(settings: Settings, options: BenchOptions, console: Console) -> list[Figure]:
    """Every figure; the progress goes to ``console``."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("Preparing", total=5 + len(options.plans))

        def preparing(label: str, done: float) -> None:
            bar.update(task, description=f"{label} {done:.0%}" if 0 < done < 1 else label)

        figures: list[Figure] = []
        async with open_stage(settings, options, preparing) as stage:
            if stage.ground.note:
                console.print(stage.ground.note, style="yellow", markup=False)
            async for label, figure in _measure(stage, options):
                bar.update(task, description=label)
                if figure is not None:
                    figures.append(figure)
                    bar.advance(task)
        return figures


async def _measure(stage: Stage, options: BenchOptions) -> AsyncIterator[tuple[str, Figure | None]]:
    """What is measured next, then what came of it."""
    for clients in (1, options.clients):
        label = f"Orders one by one, {clients} client{'s' if clients > 1 else ''}"
        yield label, None
        yield label, await one_by_one(stage, clients)
    yield "Orders in bulk", None
    yield "Orders in bulk", await in_bulk(stage)
    yield "Events to a subscriber", None
    yield "Events to a subscriber", await delivery(stage)
    day: Day | None = None
    for size in sorted(options.plans):
        yield f"Planning {size:,} orders", None
        day = await Day.open(stage, size)
        yield f"Planning {size:,} orders", await planning(stage, day, size)
    if day is not None:
        yield "Pages of orders", None
        yield "Pages of orders", await pages(stage, day.company)


def as_json(figures: list[Figure], options: BenchOptions) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": this_machine().as_json(),
        "map": "the made-up town" if options.osm is None else Path(options.osm).name,
        "seconds_per_rate": options.seconds,
        "figures": [figure.as_json() for figure in figures],
    }
