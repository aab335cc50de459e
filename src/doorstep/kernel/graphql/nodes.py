"""``node`` and ``nodes``: any object by its id. Slices register how each id prefix is read."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import strawberry

from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import BatchRead, Info, guard
from doorstep.kernel.graphql.prefixes import name_prefix, prefix_of
from doorstep.kernel.ids import InvalidId, id_prefix, parse_id, public_id
from doorstep.kernel.scope import Permission

MAX_NODES = 250


@strawberry.interface(description="An object with a globally unique id.")
class Node:
    uuid: strawberry.Private[UUID]

    @strawberry.field(description="The object's id: sortable by creation, and it says what it names (`order_01jd2n…`).")
    def id(self) -> strawberry.ID:
        name = type(self).__name__
        prefix = prefix_of(name)
        if prefix is None:
            raise LookupError(f"nothing says the id prefix of {name}")
        return strawberry.ID(public_id(prefix, self.uuid))


_READ: dict[str, tuple[Permission, BatchRead[UUID, Any]]] = {}
_LISTED: dict[str, str] = {}


def register_node(prefix: str, type_name: str, permission: Permission, batch: BatchRead[UUID, Any]) -> None:
    """Say how objects with ``prefix`` are read and which permission that needs; missing ones are None."""
    name_prefix(type_name, prefix)
    _READ[prefix] = (permission, batch)
    guard(batch, permission)


def name_node(prefix: str, type_name: str, field: str) -> None:
    """Say the prefix of a type that ``node`` does not read, and which field of Query does."""
    name_prefix(type_name, prefix)
    _LISTED[prefix] = field


async def _read(info: Info, text: str) -> Any:
    found = _READ.get(id_prefix(text))
    if found is None and (field := _LISTED.get(id_prefix(text))) is not None:
        raise BadUserInput(f"An object with this kind of id is read by `{field}` alone.")
    if found is None:
        raise BadUserInput("Expected an id of this API, such as order_01jd2n….")
    permission, batch = found
    info.context.require(permission)
    try:
        return await info.context.load(batch, parse_id(id_prefix(text), text))
    except InvalidId as error:
        raise BadUserInput(f"{error}.") from error


async def _read_if_id(info: Info, text: str) -> Any:
    """One bad id must not cost the others their answers."""
    try:
        return await _read(info, text)
    except BadUserInput:
        return None


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="Any object by its id, but for events and entries of the audit log; null when this tenant has none with it."
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The object's id.")]
    ) -> Node | None:
        found: Node | None = await _read(info, id)
        return found

    @strawberry.field(
        description="Up to 250 objects by their ids, in the order asked for; null where there is none, where the text is no id, and for events and entries of the audit log."
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids, at most 250.")],
    ) -> list[Node | None] | None:
        if len(ids) > MAX_NODES:
            raise BadUserInput(f"Ask for at most {MAX_NODES} ids at a time.")
        return list(await asyncio.gather(*(_read_if_id(info, text) for text in ids)))
