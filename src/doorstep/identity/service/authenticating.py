"""From a credential to a principal: what it may do is worked out here, afresh every two seconds."""

import time
from collections.abc import Iterable
from uuid import UUID

from doorstep.identity.keys import is_link_token, key_hash, well_formed
from doorstep.identity.oidc import NOT_SIGNED_IN, OidcVerifier, SignedIn, looks_like_token
from doorstep.identity.permissions import ROLES, Role
from doorstep.identity.service.tenants import clock_of
from doorstep.kernel.db import Database, Row
from doorstep.kernel.errors import Forbidden, Unauthenticated
from doorstep.kernel.scope import Actor, ActorKind, Permission, Principal, Reach

CACHE_SECONDS = 2.0
"""How long an authenticated credential is trusted without asking again; a revocation is promised within 5 s."""

SUSPENDED = "This company's access is suspended: ask whoever runs this installation."

AUTHENTICATE = """
SELECT found.*, standing.* FROM doorstep_authenticate($1) AS found CROSS JOIN LATERAL doorstep_standing(found.tenant_id) AS standing
"""

_SIGN_IN = """
SELECT found.*, standing.* FROM doorstep_sign_in($1, $2, $3, $4) AS found CROSS JOIN LATERAL doorstep_standing($1) AS standing
"""

_RECIPIENT = """
SELECT found.*, standing.* FROM doorstep_recipient($1) AS found CROSS JOIN LATERAL doorstep_standing(found.tenant_id) AS standing
"""

_RECIPIENTS = """
SELECT asked.hash, found.*, standing.* FROM unnest($1::bytea[]) AS asked(hash) CROSS JOIN LATERAL doorstep_recipient(asked.hash) AS found
CROSS JOIN LATERAL doorstep_standing(found.tenant_id) AS standing
"""

_CACHE_SIZE = 10_000
_PERMISSIONS = {permission.value: permission for permission in Permission}
_ACTORS = {"KEY": ActorKind.API_KEY, "ACCESS": ActorKind.ACCESS_TOKEN, "DRIVER": ActorKind.DRIVER_TOKEN}


class Authenticator:
    """Turns keys and tokens into principals, asking the database at most every two seconds for one credential."""

    def __init__(self, db: Database, verifier: OidcVerifier) -> None:
        self._db = db
        self._verifier = verifier
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, credential: str) -> Principal:
        """The principal of a credential; raises Unauthenticated, the same for every reason; Forbidden when the tenant is suspended."""
        hashed = key_hash(credential)
        now = time.monotonic()
        known = self._known.get(hashed)
        if known is not None and known[0] > now:
            return known[1]
        try:
            principal = await self._ask(credential)
        except (Unauthenticated, Forbidden):
            self._known.pop(hashed, None)
            raise
        self._keep(hashed, principal, now)
        return principal

    async def foresee(self, credentials: Iterable[str]) -> None:
        """Ask for the recipients' links among these in one question, before each is asked for: there may be thousands of them with a page open."""
        hashes = [key_hash(one) for one in credentials if is_link_token(one)]
        if len(hashes) < 2:
            return
        now = time.monotonic()
        async with self._db.transaction() as tx:
            rows = await tx.fetch(_RECIPIENTS, hashes)
        for hashed in hashes:
            self._known.pop(hashed, None)
        for row in rows:
            if not row["suspended"]:
                self._keep(row["hash"], recipient_principal(row), now)

    def _keep(self, hashed: bytes, principal: Principal, now: float) -> None:
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[hashed] = (now + CACHE_SECONDS, principal)

    async def _ask(self, credential: str) -> Principal:
        if looks_like_token(credential):
            return await self._member(credential)
        return await (self._recipient(credential) if is_link_token(credential) else self._holder(credential))

    def forget(self, tenant_id: UUID) -> None:
        """Ask the database again for every credential of a tenant, whose clock was set; other processes do within CACHE_SECONDS."""
        self._known = {key: known for key, known in self._known.items() if known[1].tenant_id != tenant_id}

    async def _holder(self, secret: str) -> Principal:
        """Whoever holds a key or token of ours; what cannot be one is looked up as well, so that a guesser learns nothing from the time it takes."""
        async with self._db.transaction() as tx:
            row: Row | None = await tx.fetchrow(AUTHENTICATE, key_hash(secret))
        if row is None or not well_formed(secret):
            raise Unauthenticated("This credential is unknown, expired or revoked.")
        _refuse_suspended(row)
        return principal_of(row)

    async def _recipient(self, secret: str) -> Principal:
        """Whoever has the link of an order, until 48 h after its final state."""
        async with self._db.transaction() as tx:
            row: Row | None = await tx.fetchrow(_RECIPIENT, key_hash(secret))
        if row is None:
            raise Unauthenticated("This credential is unknown, expired or revoked.")
        _refuse_suspended(row)
        return recipient_principal(row)

    async def _member(self, token: str) -> Principal:
        """The member whom a tenant's issuer vouches for; at the first sign-in it is the one invited by the address that the issuer has verified."""
        who = await self._verifier.verify(token)
        email = who.email if who.email_verified else None
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(_SIGN_IN, who.tenant_id, who.issuer, who.subject, email)
        if row is None or (row["role"] == Role.DRIVER and row["driver_id"] is None):
            raise Unauthenticated(NOT_SIGNED_IN)
        _refuse_suspended(row)
        return member_principal(who, row)


def member_principal(who: SignedIn, row: Row) -> Principal:
    """What a row of ``doorstep_sign_in`` comes to; a DRIVER is limited to the driver that they are in this tenant."""
    is_driver = row["role"] == Role.DRIVER
    depots = frozenset(row["depot_ids"]) if row["depot_ids"] is not None else None
    return Principal(
        who.tenant_id,
        Actor(ActorKind.MEMBER, row["member_id"]),
        role_permissions(row["role"], row["permissions"]),
        clock_of(row),
        row["time_zone"],
        row["country"],
        Reach(depots, None, row["driver_id"] if is_driver else None),
        row["member_id"],
        who.expires_at,
        row["most_sockets"],
        frozenset(row["allowed_origins"]),
        row["persisted_only"],
    )


def recipient_principal(row: Row) -> Principal:
    """What a row of ``doorstep_recipient`` comes to: no permission, and one order within reach. It asks with the documents of our own page."""
    return Principal(
        row["tenant_id"],
        Actor(ActorKind.RECIPIENT, row["order_id"]),
        frozenset(),
        clock_of(row),
        row["time_zone"],
        row["country"],
        Reach(order_id=row["order_id"]),
        expires_at=row["expires_at"],
        allowed_origins=frozenset(row["allowed_origins"]),
        recipient_of=row["order_id"],
    )


def _refuse_suspended(row: Row) -> None:
    if row["suspended"]:
        raise Forbidden(SUSPENDED)


def principal_of(row: Row) -> Principal:
    """What a row of ``doorstep_authenticate`` comes to: a token never holds more than its maker does now, nor than the member as whom it acts."""
    granted = permissions_named(row["scopes"])
    for ceiling in (_of_key(row), _of_member(row, "member"), _of_member(row, "issuer")):
        if ceiling is not None:
            granted = within(granted, ceiling)
    if row["driver_id"] is None and Role.DRIVER in (row["member_role"], row["issuer_role"]):
        granted = frozenset()  # a driver's rights are those over their own routes, which this token does not name
    depots = _narrowest(row["depot_ids"], row["key_depot_ids"], row["member_depot_ids"], row["issuer_depot_ids"])
    return Principal(
        row["tenant_id"],
        Actor(_ACTORS[row["kind"]], row["id"]),
        granted,
        clock_of(row),
        row["time_zone"],
        row["country"],
        Reach(depots, row["order_id"], row["driver_id"]),
        row["member_id"],
        row["expires_at"],
        row["most_sockets"],
        frozenset(row["allowed_origins"]),
        row["persisted_only"],
    )


def permissions_named(scopes: Iterable[str]) -> frozenset[Permission]:
    """Stored scopes as permissions; what this version does not know grants nothing."""
    return frozenset(_PERMISSIONS[scope] for scope in scopes if scope in _PERMISSIONS)


def within(wanted: frozenset[Permission], ceiling: frozenset[Permission]) -> frozenset[Permission]:
    """Of the wanted permissions those that the ceiling holds, itself or by its right to write."""
    return frozenset(one for one in wanted if one in ceiling or one.implied_by in ceiling)


def role_permissions(role: str | None, custom: Iterable[str] | None) -> frozenset[Permission]:
    """What a member's role holds: one of every organization's, or a custom one's list."""
    return ROLES[Role(role)] if role is not None else permissions_named(custom or ())


def _of_key(row: Row) -> frozenset[Permission] | None:
    return None if row["key_scopes"] is None else permissions_named(row["key_scopes"])


def _of_member(row: Row, who: str) -> frozenset[Permission] | None:
    role, custom = row[f"{who}_role"], row[f"{who}_permissions"]
    return None if role is None and custom is None else role_permissions(role, custom)


def _narrowest(*limits: list[UUID] | None) -> frozenset[UUID] | None:
    """What all limits leave; None: there is none."""
    given = [frozenset(limit) for limit in limits if limit is not None]
    return frozenset.intersection(*given) if given else None
