"""The request of a delivery: its body, made anew for each try from what is known then, and its headers, signed by Standard Webhooks."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from standardwebhooks import Webhook

from doorstep import __version__
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.event_stream import LogPosition, encode_cursor
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import EVERYTHING, Permission, Principal
from doorstep.kernel.secrets import SecretKeys
from doorstep.orders import events as order_events
from doorstep.webhooks.model import DeliveryOrigin
from doorstep.webhooks.reads import event_of, missed_before
from doorstep.webhooks.service import Claimed, signing_secret

Execute = Callable[[str | None, Principal, Row], Awaitable[dict[str, Any]]]
"""``(document, principal, event)`` → ``data`` and, where there are any, ``errors``: what a subscription would show of the event. None: its facts."""

_ABOUT_ORDERS = frozenset(
    one.TYPE
    for one in (
        order_events.OrderPlaced,
        order_events.OrderUpdated,
        order_events.OrderStatusChanged,
        order_events.OrderEtaChanged,
    )
)
"""Events whose version is the order's."""


class EventGone(Exception):
    """The log no longer holds the event."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    body: bytes
    headers: dict[str, str]


async def message_of(
    claimed: Claimed, db: Database, principal: Principal, keys: SecretKeys, execute: Execute
) -> Message:
    """The request of a claimed delivery; raises EventGone, and RequestError while the database is away."""
    if claimed.origin is DeliveryOrigin.TEST or claimed.seq is None or claimed.recorded_at is None:
        return _signed(claimed, keys, public_id("delivery", claimed.id), _test(claimed), {})
    async with db.snapshot(claimed.tenant_id) as tx:
        event = await event_of(tx, claimed.tenant_id, claimed.seq, claimed.recorded_at)
        if event is None:
            raise EventGone
        missed = await _missed(tx, claimed, claimed.seq)
    told = await execute(claimed.document, _reader(principal, claimed), event)
    cursor = _cursor(claimed.tenant_id, event["epoch"], event["seq"], event["recorded_at"])
    version = event["aggregate_version"] if event["type"] in _ABOUT_ORDERS else None
    identifier = public_id("event", event["id"])
    body = {
        "id": identifier,
        "type": event["type"],
        "timestamp": _instant(event["recorded_at"]),
        "cursor": cursor,
        "orderId": public_id("order", event["order_id"]) if event["order_id"] else None,
        "orderVersion": version,
        "replay": claimed.origin is DeliveryOrigin.REPLAY,
        "missedBefore": missed,
        **told,
    }
    headers = {"doorstep-cursor": cursor}
    if version is not None:
        headers["doorstep-order-version"] = str(version)
    return _signed(claimed, keys, identifier, body, headers)


def _instant(at: datetime) -> str:
    """An instant as the schema writes it, so that ``timestamp`` reads like the instants of ``data``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _test(claimed: Claimed) -> dict[str, Any]:
    return {
        "id": public_id("delivery", claimed.id),
        "type": claimed.type,
        "timestamp": _instant(datetime.now(UTC)),
        "data": {"endpointId": public_id("webhook", claimed.endpoint_id)},
    }


def _reader(principal: Principal, claimed: Claimed) -> Principal:
    """Who the payload is shown to: the tenant, with what was granted to the endpoint and no more."""
    granted = {Permission(one) for one in claimed.scopes if one in Permission.__members__.values()}
    permissions = frozenset(granted) if claimed.document is not None else frozenset({Permission.EVENTS_READ})
    return replace(principal, permissions=permissions, reach=EVERYTHING)


async def _missed(tx: Transaction, claimed: Claimed, seq: int) -> dict[str, Any] | None:
    """What of the same order was given up before this: how many, the first of them, and the cursor from which ``events(after:)`` has them all."""
    if claimed.subject_id is None:
        return None
    rows = await missed_before(tx, claimed.tenant_id, claimed.endpoint_id, claimed.subject_id, seq)
    if not rows:
        return None
    first = rows[0]
    return {
        "count": len(rows),
        "eventId": public_id("event", first["event_id"]),
        "after": _cursor(claimed.tenant_id, first["epoch"], first["seq"] - 1, first["recorded_at"]),
    }


def _cursor(tenant_id: UUID, epoch: int, seq: int, recorded_at: datetime) -> str:
    return encode_cursor(tenant_id, LogPosition(epoch, seq, recorded_at))


def _signed(
    claimed: Claimed, keys: SecretKeys, identifier: str, body: dict[str, Any], headers: dict[str, str]
) -> Message:
    text = orjson.dumps(body).decode()
    now = datetime.now(UTC)
    signatures = _signatures([signing_secret(keys, one) for one in claimed.secrets], identifier, now, text)
    standard = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"Doorstep-Webhooks/{__version__}",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures,
    }
    return Message(text.encode(), {**standard, **headers})


def _signatures(secrets: Sequence[bytes], identifier: str, now: datetime, text: str) -> str:
    """One for each live secret, so that a receiver may know either."""
    return " ".join(Webhook(one).sign(identifier, now, text) for one in secrets)
