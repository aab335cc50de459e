"""API keys by the company's own hand. A secret is shown once, by the call that made it; a replay shows none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from doorstep.identity.events import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated, ApiKeyUpdated
from doorstep.identity.keys import PREFIX_LENGTH, key_hash, new_key
from doorstep.identity.model import ApiKeyRow, TenantMode
from doorstep.identity.service.rights import check_depots, check_name, check_scopes, must_cover
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, DoorstepError, Forbidden, NotFound, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ActorKind, Permission, Scope

MAX_LIVE_KEYS = 500
MOST_OVERLAP_SECONDS = 7 * 86_400

Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key may do: scopes such as ``orders:read``; ``depot_ids`` None: everywhere; ``expires_at`` None: it does not."""

    name: str
    scopes: Sequence[str]
    depot_ids: Sequence[UUID] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """What changes of a key; None stays. ``any_depot`` takes the limit to depots away."""

    name: str | None = None
    scopes: Sequence[str] | None = None
    depot_ids: Sequence[UUID] | None = None
    any_depot: bool = False


async def create_api_key(scope: Scope, new: NewKey) -> tuple[Outcome, str]:
    """Make a key; outcome ``{id}`` and the secret. Refuses unknown scopes, EXCEEDS_RIGHTS, an expiry that is past."""
    scope.require(Permission.KEYS_WRITE)
    _must_outlive(scope)
    name, scopes = check_name(new.name, "name"), check_scopes(new.scopes, "scopes")
    must_cover(scope.principal, scopes, "scopes")
    depots = await check_depots(scope, new.depot_ids, "depotIds")
    if new.expires_at is not None and new.expires_at <= await database_now(scope):
        raise DoorstepError(ProblemCode.INVALID_VALUE, "This is in the past.", ["expiresAt"])
    live = await scope.tx.fetchval(
        "SELECT count(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
        scope.tenant_id,
    )
    if live >= MAX_LIVE_KEYS:
        raise DoorstepError(ProblemCode.TOO_MANY_ITEMS, f"There are {MAX_LIVE_KEYS} live keys: revoke one first.")
    key_id, secret = new_id(), new_key(await mode_of(scope))
    columns = {"tenant_id": scope.tenant_id, "id": key_id, "name": name, "scopes": scopes, **_secret_columns(secret)}
    await scope.tx.insert(ApiKeyRow, [{**columns, "expires_at": new.expires_at}])
    if depots is not None:
        await _set_depots(scope, key_id, depots)
    scope.emit(ApiKeyCreated(key_id=key_id, scopes=scopes, aggregate_version=1))
    return {"id": str(key_id)}, secret


async def update_api_key(scope: Scope, key_id: UUID, changes: KeyChanges, if_version: int | None = None) -> Outcome:
    """Change a key; outcome ``{id}``. Refuses NOT_FOUND, CONFLICT, EXCEEDS_RIGHTS (of the key as it is, too), a revoked key."""
    scope.require(Permission.KEYS_WRITE)
    row = await _lock(scope, key_id, if_version)
    _must_live(row)
    must_cover(scope.principal, row["scopes"], "id")
    columns: dict[str, Any] = {}
    if changes.name is not None:
        columns["name"] = check_name(changes.name, "name")
    if changes.scopes is not None:
        columns["scopes"] = check_scopes(changes.scopes, "scopes")
        must_cover(scope.principal, columns["scopes"], "scopes")
    if changes.any_depot or changes.depot_ids is not None:
        columns["depot_ids"] = await check_depots(scope, changes.depot_ids, "depotIds")
    different = {name: value for name, value in columns.items() if row[name] != value}
    if different:
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, 3))
        await scope.tx.execute(
            f"UPDATE api_keys SET {sets}, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            key_id,
            *different.values(),
        )
        shown = {"depot_ids": "depots"}
        names = sorted(shown.get(name, name) for name in different)
        scope.emit(ApiKeyUpdated(key_id=key_id, changes=names, aggregate_version=row["version"] + 1))
    return {"id": str(key_id)}


async def rotate_api_key(scope: Scope, key_id: UUID, overlap_seconds: int) -> tuple[Outcome, str]:
    """Give a key a new secret; the present one works on for ``overlap_seconds`` (0 to 7 days), an older one ends at once. Outcome ``{id}``."""
    scope.require(Permission.KEYS_WRITE)
    _must_outlive(scope)
    row = await _lock(scope, key_id, None)
    _must_live(row)
    must_cover(scope.principal, row["scopes"], "id")
    if not 0 <= overlap_seconds <= MOST_OVERLAP_SECONDS:
        message = f"Give 0 to {MOST_OVERLAP_SECONDS} seconds."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["previousValidForSeconds"])
    secret = new_key(await mode_of(scope))
    await scope.tx.execute(
        "UPDATE api_keys SET previous_hash = hash, previous_prefix = prefix, previous_until = now() + $5::interval, hash = $3, prefix = $4, "
        "version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id, key_id, *_secret_columns(secret).values(), timedelta(seconds=overlap_seconds),
    )  # fmt: skip
    scope.emit(ApiKeyRotated(key_id=key_id, aggregate_version=row["version"] + 1))
    return {"id": str(key_id)}, secret


async def revoke_api_key(scope: Scope, key_id: UUID) -> Outcome:
    """End a key, and with it the tokens that it made; effective within 5 s. Twice is once. Outcome ``{id}``."""
    scope.require(Permission.KEYS_WRITE)
    row = await _lock(scope, key_id, None)
    if row["revoked_at"] is None:
        await scope.tx.execute(
            "UPDATE api_keys SET revoked_at = now(), version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = $2",
            scope.tenant_id,
            key_id,
        )
        scope.emit(ApiKeyRevoked(key_id=key_id, aggregate_version=row["version"] + 1))
    return {"id": str(key_id)}


async def mode_of(scope: Scope) -> TenantMode:
    """LIVE or TEST, as secrets show it."""
    return TenantMode(await scope.tx.fetchval("SELECT mode FROM tenants WHERE id = $1", scope.tenant_id))


async def database_now(scope: Scope) -> datetime:
    """The instant by which credentials expire."""
    now: datetime = await scope.tx.fetchval("SELECT now()")
    return now


def _secret_columns(secret: str) -> dict[str, Any]:
    return {"hash": key_hash(secret), "prefix": secret[:PREFIX_LENGTH]}


async def _set_depots(scope: Scope, key_id: UUID, depots: Sequence[UUID]) -> None:
    await scope.tx.execute(
        "UPDATE api_keys SET depot_ids = $3 WHERE tenant_id = $1 AND id = $2", scope.tenant_id, key_id, list(depots)
    )


async def _lock(scope: Scope, key_id: UUID, if_version: int | None) -> Row:
    row = await scope.tx.fetchrow(
        "SELECT id, version, name, scopes, depot_ids, revoked_at, expires_at <= now() AS expired FROM api_keys "
        "WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
        scope.tenant_id,
        key_id,
    )
    if row is None:
        raise NotFound("key", ["id"])
    if if_version is not None and if_version != row["version"]:
        raise Conflict("key", row["version"], key_id)
    return row


def _must_outlive(scope: Scope) -> None:
    """A token of an hour makes no secret that lives on after it."""
    if scope.actor.kind in {ActorKind.ACCESS_TOKEN, ActorKind.DRIVER_TOKEN}:
        raise Forbidden("Secrets of keys are made with API keys and by members who signed in, not with tokens.")


def _must_live(row: Row) -> None:
    if row["revoked_at"] is not None or row["expired"]:
        raise DoorstepError(ProblemCode.ARCHIVED, "This key is revoked or has expired: make a new one.", ["id"])
