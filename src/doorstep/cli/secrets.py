"""``doorstep secrets``: the keys that seal what the database keeps."""

import typer

from doorstep.cli.database import system_database
from doorstep.cli.terminal import console, run
from doorstep.kernel.secrets import SecretKeys
from doorstep.settings import get_settings
from doorstep.webhooks.service import seal_anew

secrets = typer.Typer(name="secrets", help="The keys that seal what the database keeps.", no_args_is_help=True)


@secrets.callback()
def with_commands() -> None:
    """Keeps a single command a command: typer would make it the group itself."""


@secrets.command("rotate")
def rotate_command() -> None:
    """Seal every stored secret with the first of DOORSTEP_SECRET_KEYS, so that the keys after it can be dropped. It may be run again at any time."""
    settings = get_settings()

    async def work() -> int:
        async with system_database(settings) as database:
            keys = SecretKeys.load(settings.secret_keys, settings.home, may_make=settings.embedded)
            return await seal_anew(database, keys)

    done = run(work)
    console.print(f"Sealed the secrets of {done} webhook endpoint{'s' if done != 1 else ''} with the first key.")
