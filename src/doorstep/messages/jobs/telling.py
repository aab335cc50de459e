"""What owners are told of: an endpoint of webhooks that was disabled, and events that it never got.

Webhooks are beside this slice, and known here by their events alone; whoever assembles the worker says how their rows are read.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from doorstep.identity.reads import tenant_row
from doorstep.kernel.consumers import Consumer
from doorstep.kernel.db import Row, Transaction
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Scope
from doorstep.messages.model import MessageKind
from doorstep.messages.service import Words, was_told_today, write_to_owners

NAME: Final = "messages"
STATUS_CHANGED: Final = "WebhookEndpointStatusChanged"
EVENTS_LOST: Final = "WebhookEventsLost"

ReadEndpoints = Callable[[Transaction, UUID, Sequence[UUID]], Awaitable[Mapping[UUID, Row]]]
"""Rows of endpoints by id, with ``name``, ``url`` and ``failing_since``; unknown ids are missing."""

_LONGEST_NAME = 100

_HEAD = """\
Company: {company} ({mode})
Endpoint: {name} ({id}), at {host}

"""
_DISABLED = """\
{why} Doorstep has disabled the endpoint: nothing is delivered to it, and its events wait in the log.

What to do: see to it that the receiver answers with a status of 200 to 299, then call resumeWebhookEndpoint with the endpoint's id. Delivery goes
on where it stopped, in order. webhookDeliveries shows what the receiver answered last; replayWebhookDeliveries sends again what was given up.
"""
_FAILING = "Nothing that was sent to it has been taken{since}, for 5 days or more."
_GONE = "It answered 410, which means that it wants no more."
_LOST = """\
The endpoint stood still for longer than the event log is kept. {count} events, also such as it does not ask for, are no longer in the log and were
not delivered to it. This is told at most once a day.

What to do: read how things stand now by the API's queries, such as orders, since a replay cannot bring these events back. Then look at the
endpoint (webhookEndpoint): resumeWebhookEndpoint lets it go on if it is PAUSED or DISABLED. updateRetention says how long the log is kept.
"""


def owners_told(read_endpoints: ReadEndpoints) -> Consumer:
    """The consumer that writes to owners, in the transaction that moves its place."""
    return Consumer(NAME, frozenset({STATUS_CHANGED, EVENTS_LOST}), partial(_react, read_endpoints))


async def _react(read_endpoints: ReadEndpoints, scope: Scope, event: Row) -> None:
    data = event["data"]
    if event["type"] == STATUS_CHANGED and data["to_status"] != "DISABLED":
        return
    endpoint_id = UUID(data["endpoint_id"])
    endpoint = (await read_endpoints(scope.tx, scope.tenant_id, [endpoint_id])).get(endpoint_id)
    if endpoint is None:  # deleted meanwhile: there is nothing to do about it
        return
    name = " ".join(endpoint["name"].split())[:_LONGEST_NAME]
    head = await _head(scope, endpoint, name)
    if event["type"] == STATUS_CHANGED:
        why = _GONE if data["reason"] == "GONE" else _FAILING.format(since=_since(endpoint["failing_since"]))
        words = Words(f'Webhook endpoint "{name}" was disabled', head + _DISABLED.format(why=why))
        await write_to_owners(scope, MessageKind.WEBHOOK_DISABLED, event["seq"], endpoint_id, words)
    elif not await was_told_today(scope, MessageKind.WEBHOOK_EVENTS_LOST, endpoint_id):
        words = Words(
            f'Events were lost to the webhook endpoint "{name}"', head + _LOST.format(count=f"{data['count']:,}")
        )
        await write_to_owners(scope, MessageKind.WEBHOOK_EVENTS_LOST, event["seq"], endpoint_id, words)


async def _head(scope: Scope, endpoint: Row, name: str) -> str:
    tenant = await tenant_row(scope.tx, scope.tenant_id)
    return _HEAD.format(
        company=tenant["name"] if tenant else "",
        mode=tenant["mode"] if tenant else "",
        name=name,
        id=public_id("webhook", endpoint["id"]),
        # The host alone: a path or query may hold a secret of the receiver's.
        host=urlsplit(endpoint["url"]).hostname,
    )


def _since(moment: datetime | None) -> str:
    return f" since {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
