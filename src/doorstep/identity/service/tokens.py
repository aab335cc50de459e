"""Short-lived credentials: for a portal's page, so that it never holds a key, and for a driver's phone.

A token holds no more than its maker does at any moment, and ends with it. Its expiry is the database's clock; its maker may put it off, so that an
open socket lives on without another handshake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from doorstep.identity.keys import PREFIX_LENGTH, key_hash, new_token
from doorstep.identity.model import AccessTokenRow, TokenKind
from doorstep.identity.permissions import ROLES, Role
from doorstep.identity.reads import rows_by_ids
from doorstep.identity.service.keys import mode_of
from doorstep.identity.service.rights import check_scopes, must_cover
from doorstep.kernel.db import Row
from doorstep.kernel.errors import DoorstepError, Forbidden, NotFound, ProblemCode
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import ActorKind, Permission, Scope

LEAST_SECONDS = 60
LONGEST_SECONDS = {TokenKind.ACCESS: 3600, TokenKind.DRIVER: 86_400}
LONGEST_LIFE = timedelta(hours=24)
"""How long a token can live in all, however often it is renewed."""

Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a portal's token may do. At most one of depot, order and member narrows it; ``seconds`` is how long it lives."""

    scopes: Sequence[str]
    seconds: int
    depot_id: UUID | None = None
    order_id: UUID | None = None
    member_id: UUID | None = None


async def create_access_token(scope: Scope, new: NewToken) -> tuple[Outcome, str]:
    """Make a portal's token; outcome ``{id}`` and the secret. Refuses unknown scopes, EXCEEDS_RIGHTS, NOT_FOUND, more than one limit.

    A maker that is limited to depots makes tokens for members of these depots; others do not exist for it.
    """
    scope.require(Permission.TOKENS_WRITE)
    maker = _maker(scope)
    scopes = check_scopes(new.scopes, "scopes")
    must_cover(scope.principal, scopes, "scopes")
    if sum(one is not None for one in (new.depot_id, new.order_id, new.member_id)) > 1:
        raise DoorstepError(ProblemCode.INVALID_VALUE, "Give at most one of depotId, orderId and memberId.")
    await _must_be_there(scope, "depots", "depot", new.depot_id, "depotId")
    await _must_be_there(scope, "orders", "order", new.order_id, "orderId")
    if new.member_id is not None:
        member = (await rows_by_ids(scope.tx, "members", scope.tenant_id, [new.member_id])).get(new.member_id)
        if member is None or member["status"] == "REMOVED" or not _within_reach(scope, member):
            raise NotFound("member", ["memberId"])
        if member["role"] == Role.DRIVER:
            message = "A driver's token is made by createDriverToken: it is limited to their own routes."
            raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["memberId"])
    depots = [new.depot_id] if new.depot_id is not None else None
    limits = {"order_id": new.order_id, "member_id": new.member_id, **maker}
    return await _make(scope, TokenKind.ACCESS, scopes, new.seconds, depots, limits)


def _within_reach(scope: Scope, member: Row) -> bool:
    """Whether a limited maker may know of the member: of those alone who are limited to nothing but depots of its own."""
    reach = scope.principal.reach
    return not reach.limited or (
        member["depot_ids"] is not None and set(member["depot_ids"]) <= (reach.depot_ids or set())
    )


async def create_driver_token(scope: Scope, driver_id: UUID, seconds: int) -> tuple[Outcome, str]:
    """Make a token for a driver's phone: it sees the driver's own dispatched routes and acts on them. Outcome ``{id}`` and the secret."""
    scope.require(Permission.TOKENS_WRITE)
    maker = _maker(scope)
    scopes = sorted(permission.value for permission in ROLES[Role.DRIVER])
    must_cover(scope.principal, scopes)
    await _must_be_there(scope, "drivers", "driver", driver_id, "driverId")
    return await _make(scope, TokenKind.DRIVER, scopes, seconds, None, {"driver_id": driver_id, **maker})


def may_make_driver_tokens(scope: Scope) -> bool:
    """Whether ``create_driver_token`` would not refuse for want of rights: for those who make one beside something else."""
    makes = scope.actor.kind in (ActorKind.API_KEY, ActorKind.MEMBER) and scope.principal.allows(
        Permission.TOKENS_WRITE
    )
    return makes and all(scope.principal.allows(one) for one in ROLES[Role.DRIVER])


async def renew_access_token(scope: Scope, token_id: UUID, seconds: int) -> Outcome:
    """Put a live token's end off to ``seconds`` from now, at most 24 h after it was made; only its maker may. Outcome ``{id}``."""
    scope.require(Permission.TOKENS_WRITE)
    row = await _own_token(scope, token_id)
    _check_seconds(TokenKind(row["kind"]), seconds)
    done = await scope.tx.fetchval(
        "UPDATE access_tokens SET expires_at = greatest(expires_at, least(now() + $3::interval, created_at + $4::interval)) "
        "WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > now() RETURNING 1",
        scope.tenant_id, token_id, timedelta(seconds=seconds), LONGEST_LIFE,
    )  # fmt: skip
    if done is None:
        raise DoorstepError(ProblemCode.ARCHIVED, "This token has expired or was revoked: make a new one.", ["id"])
    return {"id": str(token_id)}


async def revoke_access_token(scope: Scope, token_id: UUID) -> Outcome:
    """End a token, effective within 5 s; its maker may, and whoever may write keys. Twice is once. Outcome ``{id}``."""
    scope.require(Permission.TOKENS_WRITE)
    await _own_token(scope, token_id, also_by=Permission.KEYS_WRITE)
    await scope.tx.execute(
        "UPDATE access_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = $1 AND id = $2",
        scope.tenant_id,
        token_id,
    )
    return {"id": str(token_id)}


def _check_seconds(kind: TokenKind, seconds: int) -> None:
    longest = LONGEST_SECONDS[kind]
    if not LEAST_SECONDS <= seconds <= longest:
        message = f"Such a token lives {LEAST_SECONDS} to {longest} seconds."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["expiresInSeconds"])


def _maker(scope: Scope) -> dict[str, UUID | None]:
    """The key or the member who makes the token; tokens make no tokens."""
    actor = scope.actor
    if actor.kind is ActorKind.API_KEY:
        return {"key_id": actor.id, "issued_by": None}
    if actor.kind is ActorKind.MEMBER:
        return {"key_id": None, "issued_by": actor.id}
    raise Forbidden("Tokens are made by API keys and by members who signed in, not by tokens.")


async def _make(
    scope: Scope,
    kind: TokenKind,
    scopes: Sequence[str],
    seconds: int,
    depots: list[UUID] | None,
    limits: dict[str, UUID | None],
) -> tuple[Outcome, str]:
    _check_seconds(kind, seconds)
    token_id, secret = new_id(), new_token(await mode_of(scope))
    own = scope.principal.reach.depot_ids
    if depots is None and own is not None:
        depots = sorted(own)
    columns: dict[str, Any] = {"order_id": None, "driver_id": None, "member_id": None, **limits}
    await scope.tx.execute(
        f"INSERT INTO {AccessTokenRow.__tablename__} (tenant_id, id, kind, hash, prefix, scopes, depot_ids, expires_at, {', '.join(columns)}) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8::interval, $9, $10, $11, $12, $13)",
        scope.tenant_id, token_id, kind.value, key_hash(secret), secret[:PREFIX_LENGTH], list(scopes), depots,
        timedelta(seconds=seconds), *columns.values(),
    )  # fmt: skip
    return {"id": str(token_id)}, secret


async def _own_token(scope: Scope, token_id: UUID, *, also_by: Permission | None = None) -> Row:
    row = (await rows_by_ids(scope.tx, "access_tokens", scope.tenant_id, [token_id])).get(token_id)
    mine = row is not None and scope.actor.id in (row["key_id"], row["issued_by"])
    if row is None or not (mine or (also_by is not None and scope.principal.allows(also_by))):
        raise NotFound("token", ["id"])
    return row


async def _must_be_there(scope: Scope, table: str, word: str, identifier: UUID | None, path: str) -> None:
    if identifier is None:
        return
    there = await scope.tx.fetchval(
        f"SELECT 1 FROM {table} WHERE tenant_id = $1 AND id = $2", scope.tenant_id, identifier
    )
    if there is None:
        raise NotFound(word, [path])
