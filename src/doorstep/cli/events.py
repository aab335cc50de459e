"""``doorstep events new-epoch``: what the operator has to say about the event log, because PostgreSQL cannot know it."""

import typer

from doorstep.cli.database import system_database
from doorstep.cli.terminal import console, run
from doorstep.kernel.epochs import new_epoch
from doorstep.settings import get_settings

events = typer.Typer(name="events", help="The event log.", no_args_is_help=True)


@events.callback()
def with_commands() -> None:
    """Keeps a single command a command."""


@events.command("new-epoch")
def new_epoch_command() -> None:
    """After the database went back to a snapshot of its disk: make every cursor of before RESYNC_REQUIRED. Run it before clients come back.

    `doorstep restore`, a base backup or a dump elsewhere and a promoted standby need none: they are noticed. Running servers follow within seconds.
    """

    async def work() -> None:
        async with system_database(get_settings()) as database, database.transaction() as tx:
            await new_epoch(tx)

    run(work)
    console.print(
        "A new epoch has begun. Every stream ends with RESYNC_REQUIRED; clients read afresh and go on from the cursor that comes with it."
    )
