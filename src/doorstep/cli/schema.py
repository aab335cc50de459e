"""``doorstep schema``: the GraphQL schema as text."""

from pathlib import Path
from typing import Annotated

import typer

from doorstep.cli.terminal import CommandError, console
from doorstep.schema import schema_text


def schema(
    file: Annotated[Path, typer.Argument(help="The file that --check compares with.")] = Path("schema.graphql"),
    check: Annotated[
        bool, typer.Option("--check", help="Say whether the file is current; ends with 1 if not.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None,
) -> None:
    """Print the GraphQL schema, write it to a file, or check that a file holds it."""
    text = schema_text()
    if check:
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            raise CommandError(f"{file} is not current: write it with `doorstep schema --out {file}`.")
        console.print(f"{file} is current.")
    elif out is not None:
        out.write_text(text, encoding="utf-8")
        console.print(f"Wrote {out}.")
    else:
        typer.echo(text, nl=False)
