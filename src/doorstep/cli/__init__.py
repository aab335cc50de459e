"""The command line: one module per family of commands, each a few functions that typer turns into commands.

- ``terminal``  what all share: consoles, progress, running a coroutine, one line for every known failure
- ``serving``   ``serve``, ``work``
- ``database``  ``migrate``, and the database that operator commands use
- ``tenants``   ``tenant create``, ``tenant list``, ``key …``; ``members``: ``member …``; ``signing_in`` adds ``tenant sign-in …``
- ``operating`` the rest of ``tenant …``: suspend, quotas, usage, export, close
- ``partners``  ``partner …``
- ``roads``     ``roads …``
- ``secrets``   ``secrets …``
- ``events``    ``events new-epoch``
- ``backup``    ``backup``, ``restore``
- ``schema``    ``schema``
- ``demo``, ``bench``, ``ask``
"""

import importlib
import sys

import typer

from doorstep.kernel.logs import configure_logging

COMMANDS = {
    "demo": "demo",
    "serve": "serving",
    "work": "serving",
    "migrate": "database",
    "schema": "schema",
    "tenant": "operating",
    "key": "tenants",
    "member": "members",
    "partner": "partners",
    "roads": "roads",
    "secrets": "secrets",
    "events": "events",
    "backup": "backup",
    "restore": "backup",
    "ask": "ask",
    "bench": "bench",
}
"""Each command or group and the module that has it; only the wanted one is loaded, the whole schema takes two seconds."""


def command_line(*names: str) -> typer.Typer:
    """The command line with the named commands."""
    application = typer.Typer(
        name="doorstep",
        help="Last-mile delivery behind one GraphQL API. Settings come from the environment: see .env.example.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )

    @application.callback()
    def with_commands() -> None:
        """Keeps a single command a command: typer would make it the program itself."""

    for name in names:
        found = getattr(importlib.import_module(f"doorstep.cli.{COMMANDS[name]}"), name)
        if isinstance(found, typer.Typer):
            application.add_typer(found)
        else:
            application.command(name)(found)
    return application


def run() -> None:
    """Run the command that the arguments name; a known failure is one line and exit code 1."""
    # To standard error, so that a command's output is its own; serve and work log more.
    configure_logging("console", "warning")
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    application = command_line(*([name] if name in COMMANDS else COMMANDS))
    if name == "ask":
        application()
        return
    terminal = importlib.import_module("doorstep.cli.terminal")
    with terminal.failures_in_one_line():
        application()
