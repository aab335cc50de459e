"""What a subscriber would be shown of one event, for those who deliver it otherwise: the payloads of webhooks.

A stored document is executed by the same resolvers and with the same checks as over a socket, with one item of the stream as its root. The standard
payload is such a document, too: of every event type's own facts, written from the schema, so that nothing says twice what an event's fields are.
"""

import asyncio
from functools import cached_property
from typing import Any
from uuid import uuid4

from graphql import GraphQLNamedType, get_named_type, is_leaf_type, is_object_type
from strawberry.schema.config import StrawberryConfig
from strawberry.types.graphql import OperationType

from doorstep.identity.permissions import NEEDS
from doorstep.kernel.db import Row
from doorstep.kernel.errors import TimedOut, Unavailable
from doorstep.kernel.event_stream import LogPosition, encode_cursor
from doorstep.kernel.graphql.context import Context, Services
from doorstep.kernel.graphql.events import EventStreamItem, EventStreamItemKind, show_event
from doorstep.kernel.graphql.faults import public_errors
from doorstep.kernel.graphql.scalars import Cursor
from doorstep.kernel.scope import Principal
from doorstep.schema import DoorstepSchema, build_schema

_NAMES = StrawberryConfig().name_converter
_ENVELOPE = frozenset({"id", "cursor", "recordedAt"})
"""Facts that stand outside of ``data``."""


class Payloads:
    """Executes documents on single events; ``seconds`` is what one may take. The schema is built when it is first needed, unless one is given."""

    def __init__(self, services: Services, seconds: float) -> None:
        self._services = services
        self._seconds = seconds
        self._given: DoorstepSchema | None = None
        self._facts: dict[str, str] = {}

    def use(self, schema: DoorstepSchema) -> None:
        """Take a schema that is there already."""
        self._given = schema

    @cached_property
    def _schema(self) -> DoorstepSchema:
        return self._given or build_schema()

    async def execute(self, document: str | None, principal: Principal, event: Row) -> dict[str, Any]:
        """``data`` and, where there are any, ``errors`` of a subscription document, or the event's facts as ``data`` (``document`` None).

        Raises Forbidden for who may not read events, and Unavailable while the database is away.
        """
        needed = NEEDS["Subscription.events"]
        if needed is not None:
            principal.require(needed)
        text = document if document is not None else self._facts_of(event["type"])
        answer = await self._run(text, principal, event)
        if document is None:
            return {"data": ((answer.get("data") or {}).get("events") or {}).get("event")}
        return answer

    async def _run(self, text: str, principal: Principal, event: Row) -> dict[str, Any]:
        context = Context(self._services, principal, uuid4().hex)
        position = LogPosition(event["epoch"], event["seq"], event["recorded_at"])
        cursor = Cursor(encode_cursor(principal.tenant_id, position))
        item = EventStreamItem(kind=EventStreamItemKind.EVENT, cursor=cursor, head=cursor, event=show_event(event))
        try:
            async with asyncio.timeout(self._seconds):
                result = await self._schema.execute(
                    text, context_value=context, root_value=item, allowed_operation_types={OperationType.SUBSCRIPTION}
                )
        except TimeoutError:
            stopped = TimedOut(f"The document took longer than {self._seconds:g} s and was stopped.")
            return {"data": None, "errors": [{"message": stopped.message, "extensions": {"code": stopped.code}}]}
        finally:
            await context.close()
        errors = [error.formatted for error in public_errors(result)] if result.errors else []
        if any((error.get("extensions") or {}).get("code") == Unavailable.code for error in errors):
            raise Unavailable("The database is away for the moment.")
        return {"data": result.data, **({"errors": errors} if errors else {})}

    def _facts_of(self, type_name: str) -> str:
        if type_name not in self._facts:
            kind = self._schema._schema.type_map[type_name]
            self._facts[type_name] = (
                f"subscription {{ events {{ event {{ ... on {type_name} {{ {_facts(kind)} }} }} }} }}"
            )
        return self._facts[type_name]


def _facts(kind: GraphQLNamedType) -> str:
    """The fields of an event that are facts as of then: values, and objects that are nothing but values. What is read as of now is left out."""
    definition = kind.extensions["strawberry-definition"] if kind.extensions else None
    as_of_now = {
        _NAMES.get_graphql_name(field)
        for field in getattr(definition, "fields", ())
        if field.base_resolver is not None and field.base_resolver.is_async
    }
    chosen: list[str] = []
    for name, details in getattr(kind, "fields", {}).items():
        shown = get_named_type(details.type)
        if name in as_of_now or name in _ENVELOPE or details.args:
            continue
        if is_leaf_type(shown):
            chosen.append(name)
        elif is_object_type(shown) and all(is_leaf_type(get_named_type(one.type)) for one in shown.fields.values()):
            chosen.append(f"{name} {{ {' '.join(shown.fields)} }}")
    return " ".join(chosen)
