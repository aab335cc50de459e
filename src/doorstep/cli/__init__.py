"""The command line: one module per family of commands, each a few functions that typer turns into commands.

- ``terminal``  what all share: consoles, progress, running a coroutine, one line for every known failure
- ``serving``   ``serve``, ``work``
- ``database``  ``migrate``, and the database that operator commands use
- ``tenants``   ``tenant …``, ``key …``
- ``roads``     ``roads …``
- ``schema``    ``schema``
- ``demo``, ``bench``, ``ask``
"""

import typer

from doorstep.cli import demo as demo_command
from doorstep.cli.ask import ask
from doorstep.cli.bench import bench
from doorstep.cli.database import migrate
from doorstep.cli.roads import roads
from doorstep.cli.schema import schema
from doorstep.cli.serving import serve, work
from doorstep.cli.tenants import key, tenant
from doorstep.cli.terminal import failures_in_one_line
from doorstep.kernel.logs import configure_logging

application = typer.Typer(
    name="doorstep",
    help="Last-mile delivery behind one GraphQL API. Settings come from the environment: see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (demo_command.demo, bench, serve, work, migrate, schema, ask):
    application.command()(command)
for group in (tenant, key, roads):
    application.add_typer(group)


def run() -> None:
    """Run the command that the arguments name; a known failure is one line and exit code 1."""
    # To standard error, so that a command's output is its own; serve and work log more.
    configure_logging("console", "warning")
    with failures_in_one_line():
        application()
