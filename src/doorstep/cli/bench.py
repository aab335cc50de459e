"""``doorstep bench``: what this machine does a second."""

from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer

from doorstep.bench.contest import as_table as contest_table
from doorstep.bench.contest import contest
from doorstep.bench.figures import as_table
from doorstep.bench.instances import UnknownSet, load_instances
from doorstep.bench.machine import this_machine
from doorstep.bench.run import as_json, bench_settings, run_bench
from doorstep.bench.served import ServerEnded
from doorstep.bench.stage import BenchOptions
from doorstep.cli.terminal import CommandError, console, errors, run
from doorstep.demo.client import RefusedByApi
from doorstep.kernel.logs import configure_logging
from doorstep.settings import get_settings

LARGEST_PLAN = 20_000
MOST_SECONDS = 3600


bench = typer.Typer(name="bench", help="What this machine does a second; `bench solver`: how good its plans are.")


@bench.callback(invoke_without_command=True)
def measure(  # noqa: PLR0913, PLR0917 - one for each option of the command line
    context: typer.Context,
    orders: Annotated[int, typer.Option(min=1, max=1000, help="Orders in one bulk call.")] = 1000,
    plans: Annotated[str, typer.Option(help="Sizes of the plans, with commas.")] = "100,300,1000",
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long each rate is measured.")] = 5.0,
    clients: Annotated[int, typer.Option(min=2, max=50, help="Clients at the same time, where there are several.")] = 8,
    events: Annotated[int, typer.Option(min=10, max=100_000, help="Events that a subscriber is to receive.")] = 300,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds of each rate; shown are median and range.")] = 5,
    plan_rounds: Annotated[int, typer.Option(min=1, max=100, help="How often each plan is made.")] = 3,
    osm: Annotated[
        str | None,
        typer.Option(help="An OpenStreetMap extract (.osm.pbf), a file or an address; without it a made-up town."),
    ] = None,
    demanding: Annotated[
        bool, typer.Option(help="Plans with a break in each shift, and a skill that every third order asks for.")
    ] = False,
    home: Annotated[
        Path | None, typer.Option(help="A data folder to use and keep; without it one that is removed at the end.")
    ] = None,
    as_json_text: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measure this machine: orders taken in, pages read, plans made, events delivered, on a server with embedded defaults."""
    if context.invoked_subcommand is not None:
        return
    options = BenchOptions(orders, _sizes(plans), seconds, clients, events, rounds, plan_rounds, osm, demanding)
    with bench_settings(get_settings(), home) as settings:
        configure_logging(settings.log_format, settings.log_level)
        try:
            figures = run(lambda: run_bench(settings, options, errors))
        except (RefusedByApi, ServerEnded) as error:
            raise CommandError(f"The measurement stopped: {error}") from error
    if as_json_text:
        typer.echo(orjson.dumps(as_json(figures, options), option=orjson.OPT_INDENT_2).decode())
    else:
        console.print(as_table(figures, this_machine()))


@bench.command("solver")
def bench_solver(
    data: Annotated[
        Path,
        typer.Argument(
            exists=True, file_okay=False, help="A folder with solomon, homberger, li_lim_100, city and best-known.json."
        ),
    ],
    sets: Annotated[str, typer.Option(help="Which of them, with commas.")] = "solomon,homberger,li_lim_100,city",
    most: Annotated[int, typer.Option(min=1, max=1000, help="Instances of each set.")] = 3,
    seconds: Annotated[str, typer.Option(help="Wall-clock limits, with commas.")] = "1,10,30",
    slots: Annotated[int, typer.Option(min=1, max=64, help="Engine processes at a time.")] = 1,
    as_json_text: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Plan public instances and compare, on equal processor time, with VROOM and PyVRP (and OR-Tools, where it is installed) alone."""
    try:
        instances = load_instances(data, [name.strip() for name in sets.split(",") if name.strip()], most)
    except UnknownSet as error:
        raise CommandError(str(error)) from error
    except FileNotFoundError as error:
        raise CommandError(f"{data} has no best-known.json: give the folder with the public instances.") from error
    bouts = []
    for limit in _limits(seconds):
        for instance in instances:
            errors.print(f"{instance.name} ({limit:g} s)", style="dim", markup=False)
            bouts.append(run(partial(contest, instance, limit, slots)))
    if as_json_text:
        told = {"machine": this_machine().as_json(), "bouts": [bout.as_json() for bout in bouts]}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        console.print(contest_table(bouts, this_machine()))


def _limits(text: str) -> tuple[float, ...]:
    try:
        limits = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise CommandError(
            f"--seconds takes limits with commas between them, such as 1,10,30; not {text!r}."
        ) from error
    if not limits or not all(0 < limit <= MOST_SECONDS for limit in limits):
        raise CommandError(f"--seconds takes at least one limit, each above 0 and at most {MOST_SECONDS:,}.")
    return limits


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise CommandError(f"--plans takes sizes with commas between them, such as 100,300; not {text!r}.") from error
    if not sizes or not all(1 <= size <= LARGEST_PLAN for size in sizes):
        raise CommandError(f"--plans takes at least one size, each from 1 to {LARGEST_PLAN:,}.")
    return sizes
