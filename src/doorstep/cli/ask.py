"""``doorstep ask``: one GraphQL document from the shell; prints JSON, or the one value that ``--pick`` names."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from typing import Annotated, Any, NoReturn

import httpx
import orjson
import typer
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from rich.console import Console
from websockets.exceptions import ConnectionClosed

from doorstep.demo.client import ApiClient, RefusedByApi
from doorstep.kernel.graphql.sessions import FORBIDDEN
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
    values = _json("--variables", variables) | ({"input": _json("The input", input)} if input else {})
    kind = _kind(document)
    if not key:
        _end("Set DOORSTEP_KEY to an API key, or give --key: `doorstep key create` makes one.", 2)
    address = url or f"http://127.0.0.1:{get_settings().port}"
    work = _follow if kind is OperationType.SUBSCRIPTION else _once
    try:
        asyncio.run(work(ApiClient(address, key, tries=1), document, values, pick))
    except RefusedByApi as error:
        _end(str(error), 1)
    except ConnectionClosed as error:
        _end(_ended(error), 1)
    except (httpx.HTTPError, OSError):
        _end(f"No server answers at {address}: start `doorstep serve`, or say where it is with --url.", 1)


def _end(message: str, code: int) -> NoReturn:
    errors.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def _ended(error: ConnectionClosed) -> str:
    if error.rcvd is not None and error.rcvd.code == FORBIDDEN:
        return "The server refuses this key: it is unknown, expired or revoked. `doorstep key create` makes one."
    return f"The server ended the subscription: {error.rcvd.reason if error.rcvd else 'the connection was lost'}."


def _json(what: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _end(f"{what} is not JSON: {error}", 2)


def _kind(document: str) -> OperationType:
    try:
        nodes = parse(document).definitions
    except GraphQLError as error:
        _end(f"The document is not GraphQL: {error}", 2)
    for node in nodes:
        if isinstance(node, OperationDefinitionNode):
            return node.operation
    _end("The document has no query, mutation or subscription.", 2)


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
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise RefusedByApi(f"The answer has nothing at {pick}: {orjson.dumps(data).decode()}") from error
    typer.echo(data if isinstance(data, str) else orjson.dumps(data).decode())
