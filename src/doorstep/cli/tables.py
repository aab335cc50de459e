"""Lists for people as tables, for programs as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from doorstep.cli.terminal import console
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show(rows: Sequence[Any], columns: Sequence[str], prefix: str, as_json: bool, empty: str) -> None:
    """Print rows; ``prefix`` is that of their ids, ``empty`` what to say when there are none."""
    if as_json:
        print_json([{"id": public_id(prefix, row["id"]), **{name: row[name] for name in columns}} for row in rows])
    elif not rows:
        console.print(empty)
    else:
        table = Table(box=None)
        for name in ("id", *columns):
            table.add_column(
                name.replace("_", " "), no_wrap=name in {"id", "slug", "prefix", "status"}, overflow="fold"
            )
        for row in rows:
            table.add_row(public_id(prefix, row["id"]), *(_cell(row[name]) for name in columns))
        console.print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list):
        return "all" if len(value) == len(Permission) else ", ".join(map(str, value))
    return str(value)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    typer.echo(orjson.dumps(value).decode())
