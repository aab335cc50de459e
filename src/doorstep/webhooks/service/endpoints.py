"""Use cases of endpoints: made, changed, deleted.

An endpoint is the company's, as an API key is: it stays when who made it has gone, and can see no more than was granted to it then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from doorstep.identity.service.keys import database_now
from doorstep.identity.service.rights import check_name, check_scopes, must_cover
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.kernel.secrets import SecretKeys
from doorstep.webhooks.events import WebhookEndpointCreated, WebhookEndpointDeleted, WebhookEndpointUpdated
from doorstep.webhooks.model import EndpointRow, EndpointStatus, check_url
from doorstep.webhooks.service.rows import lock_endpoint
from doorstep.webhooks.service.secrets import must_outlive, new_secret

MOST_ENDPOINTS = 50
"""Of one tenant."""

MOST_TYPES = 100

Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint to make; no types: every event. ``document`` was found to be in order; ``scopes`` are those that it is read with."""

    name: str
    url: str
    event_types: Sequence[str] = ()
    document: str | None = None
    scopes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EndpointChanges:
    """What changes of an endpoint; None stays. ``standard`` takes the document away."""

    name: str | None = None
    url: str | None = None
    event_types: Sequence[str] | None = None
    document: str | None = None
    standard: bool = False
    scopes: Sequence[str] | None = None


async def create_endpoint(scope: Scope, keys: SecretKeys, new: NewEndpoint, *, private: bool) -> tuple[Outcome, str]:
    """Make an endpoint that gets what happens from now on; outcome ``{id}`` and the secret. ``private``: also http and our own network.

    Refuses other URLs, scopes that the caller does not hold, and more endpoints than a tenant has.
    """
    scope.require(Permission.WEBHOOKS_WRITE)
    must_outlive(scope)
    name, url = check_name(new.name, "name"), check_url(new.url, private=private)
    types = _check_types(new.event_types)
    scopes = _check_granted(scope, new.document, new.scopes)
    await scope.tx.execute("SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE", scope.tenant_id)
    if await scope.tx.fetchval(_COUNT, scope.tenant_id) >= MOST_ENDPOINTS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"There are {MOST_ENDPOINTS} endpoints: delete one first.")
    endpoint_id = new_id()
    shown, sealed = new_secret(keys)
    head = await scope.tx.fetchrow(_HEAD, scope.tenant_id)
    row = {
        "tenant_id": scope.tenant_id,
        "id": endpoint_id,
        "version": 1,
        "name": name,
        "url": url,
        "document": new.document,
        "status": EndpointStatus.ACTIVE.value,
        "secret": sealed,
        "seq": head["seq"] if head else 0,
        "seq_recorded_at": head["recorded_at"] if head else await database_now(scope),
    }
    await scope.tx.insert(EndpointRow, [row])
    await _set_lists(scope, endpoint_id, types, scopes)
    scope.emit(WebhookEndpointCreated(endpoint_id=endpoint_id, aggregate_version=1))
    return {"id": str(endpoint_id)}, shown


_COUNT = "SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $1"
_HEAD = "SELECT seq, recorded_at FROM event_heads WHERE tenant_id = $1"


async def _set_lists(scope: Scope, endpoint_id: UUID, types: Sequence[str], scopes: Sequence[str]) -> None:
    await scope.tx.execute(
        "UPDATE webhook_endpoints SET event_types = $3, scopes = $4 WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        endpoint_id,
        list(types),
        list(scopes),
    )


async def update_endpoint(
    scope: Scope, endpoint_id: UUID, changes: EndpointChanges, *, private: bool, if_version: int | None = None
) -> Outcome:
    """Change an endpoint; outcome ``{id}``. What is open is delivered as the endpoint is then. Refuses as ``create_endpoint``, and CONFLICT.

    Who changes where something goes, or what is in it, needs every scope that the endpoint has.
    """
    scope.require(Permission.WEBHOOKS_WRITE)
    must_outlive(scope)
    row = await lock_endpoint(scope, endpoint_id, if_version)
    columns: dict[str, Any] = {}
    if changes.name is not None:
        columns["name"] = check_name(changes.name, "name")
    if changes.url is not None:
        columns["url"] = check_url(changes.url, private=private)
    if changes.event_types is not None:
        columns["event_types"] = _check_types(changes.event_types)
    document = None if changes.standard else (changes.document or row["document"])
    kept = row["scopes"] if document is not None else []
    columns["document"] = document
    columns["scopes"] = _check_granted(scope, document, kept if changes.scopes is None else changes.scopes)
    different = {name: value for name, value in columns.items() if row[name] != value}
    if different:
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, 3))
        await scope.tx.execute(
            f"UPDATE webhook_endpoints SET {sets}, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            endpoint_id,
            *different.values(),
        )
        names = sorted("eventTypes" if name == "event_types" else name for name in different)
        scope.emit(WebhookEndpointUpdated(endpoint_id=endpoint_id, changes=names, aggregate_version=row["version"] + 1))
    return {"id": str(endpoint_id)}


async def delete_endpoint(scope: Scope, endpoint_id: UUID) -> Outcome:
    """Deliver nothing more to an endpoint, and forget it with the log of its deliveries. Outcome ``{}``."""
    scope.require(Permission.WEBHOOKS_WRITE)
    row = await lock_endpoint(scope, endpoint_id)
    await scope.tx.execute(
        "DELETE FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2", scope.tenant_id, endpoint_id
    )
    scope.emit(WebhookEndpointDeleted(endpoint_id=endpoint_id, aggregate_version=row["version"] + 1))
    return {}


def _check_types(types: Sequence[str]) -> list[str]:
    if len(types) > MOST_TYPES:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"Give at most {MOST_TYPES} types.", ["eventTypes"])
    return sorted(set(types))


def _check_granted(scope: Scope, document: str | None, scopes: Sequence[str]) -> list[str]:
    """The scopes that a document is read with. The standard payload shows an event's facts, for which ``events:read`` will do."""
    must_cover(scope.principal, [Permission.EVENTS_READ])
    if document is None:
        if scopes:
            message = "Scopes are for a document: the standard payload shows an event's own facts."
            raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["scopes"])
        return []
    if Permission.EVENTS_READ not in scopes:
        message = "Give the scopes that the document is read with: events:read, and those of what it asks for, such as orders:read."
        raise DoorstepError(ProblemCode.REQUIRED, message, ["scopes"])
    granted = check_scopes(scopes, "scopes")
    must_cover(scope.principal, granted, "scopes")
    return granted
