"""``doorstep ask``: one GraphQL document from the shell; prints JSON, or the one value that ``--pick`` names."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
import typer
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from rich.console import Console

from doorstep.demo.client import ApiClient, RefusedByApi
from doorstep.settings import get_settings

errors = Console(stderr=True)


def ask(
    document: Annotated[str, typer.Argument(help="A query, mutation or subscription.")],
    input: Annotated[str, typer.Argument(help="The value of $input, as JSON.")] = "",  # noqa: A002 - GraphQL's own word
    variables: Annotated[str, typer.Option(help="All variables, as JSON.")] = "{}",
    pick: Annotated[str, typer.Option(help="Print only this value, such as createDepot.depot.id.")] = "",
    key: Annotated[str, typer.Option(envvar="DOORSTEP_KEY", help="The API key.")] = "",
    url: Annotated[str, typer.Option(envvar="DOORSTEP_URL", help="The server; by default this machine's.")] = "",
) -> None:
    """Send a document to a running server; a subscription prints an item a line until it ends.

    Ends with 1 and the messages on standard error when the answer has errors or problems.
    """
    settings = get_settings()
    try:
        values = orjson.loads(variables) | ({"input": orjson.loads(input)} if input else {})
        kind = next(node.operation for node in parse(document).definitions if isinstance(node, OperationDefinitionNode))
    except (orjson.JSONDecodeError, GraphQLError, StopIteration) as error:
        errors.print(f"[red]This is not a GraphQL document with JSON variables:[/red] {error}")
        raise typer.Exit(2) from error
    client = ApiClient(url or f"http://127.0.0.1:{settings.port}", key)
    work = _follow if kind is OperationType.SUBSCRIPTION else _once
    try:
        asyncio.run(work(client, document, values, pick))
    except (RefusedByApi, OSError) as error:
        errors.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from error


async def _once(client: ApiClient, document: str, values: dict[str, Any], pick: str) -> None:
    try:
        data = await client.ask(document, **values)
    finally:
        await client.close()
    problems = [problem["message"] for problem in _problems(data)]
    if problems:
        raise RefusedByApi(" ".join(problems))
    _show(data, pick)


async def _follow(client: ApiClient, document: str, values: dict[str, Any], pick: str) -> None:
    try:
        async with aclosing(client.watch(document, **values)) as items:
            async for item in items:
                _show(item, pick)
    finally:
        await client.close()


def _problems(value: object) -> Iterator[dict[str, Any]]:
    """Every problem in an answer, of bulk items too."""
    if isinstance(value, dict):
        yield from value.get("problems") or []
        for inner in value.values():
            yield from _problems(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _problems(inner)


def _show(data: Any, pick: str) -> None:
    for part in filter(None, pick.split(".")):
        data = data[int(part)] if isinstance(data, list) else (data or {}).get(part)
    typer.echo(data if isinstance(data, str) else orjson.dumps(data).decode())
