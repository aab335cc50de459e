"""Which issuer speaks for which tenant.

Only the operator adds providers, on the command line: a tenant that could name an issuer by itself could make the server fetch any address,
and could claim an issuer and audience that are another tenant's. (issuer, audience) belongs to one tenant in the whole installation.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from doorstep.identity.errors import ProviderTaken, UnknownProvider, UnusableIssuer
from doorstep.kernel.db import Database, Row
from doorstep.kernel.ids import new_id

MAX_ISSUER = 512
MAX_AUDIENCE = 255


@dataclass(frozen=True, slots=True)
class Provider:
    """An issuer whose tokens for ``audience`` sign people in to the tenant."""

    tenant_id: UUID
    issuer: str
    audience: str


Providers = Callable[[str], Awaitable[Sequence[Provider]]]
"""The providers of an issuer, of whichever tenant."""


def providers_in(db: Database) -> Providers:
    """Providers as the database has them now, asked as the requests' role: it may look up an issuer, not list all."""

    async def of_issuer(issuer: str) -> Sequence[Provider]:
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT tenant_id, audience FROM doorstep_sign_in_providers($1)", issuer)
        return [Provider(row["tenant_id"], issuer, row["audience"]) for row in rows]

    return of_issuer


async def add_provider(system: Database, tenant: Row, issuer: str, audience: str) -> UUID:
    """Let an issuer's tokens for ``audience`` sign people in to a tenant; raises UnusableIssuer, ProviderTaken."""
    check_address(issuer, issuer)
    if urlsplit(issuer).query or len(issuer) > MAX_ISSUER:
        raise UnusableIssuer(f"An issuer has no '?' and at most {MAX_ISSUER} characters.")
    if not (0 < len(audience) <= MAX_AUDIENCE and audience.isprintable()):
        raise UnusableIssuer(
            f"An audience is 1 to {MAX_AUDIENCE} printable characters, such as the portal's client id."
        )
    identifier = new_id()
    try:
        async with system.transaction() as tx:
            await tx.execute(
                "INSERT INTO sign_in_providers (tenant_id, id, issuer, audience) VALUES ($1, $2, $3, $4)",
                tenant["id"], identifier, issuer, audience,
            )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise ProviderTaken(
            "This issuer and audience sign people in already: give each tenant an audience of its own."
        ) from error
    return identifier


async def list_providers(system: Database, tenant: Row) -> list[Row]:
    """A tenant's providers, oldest first."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT id, issuer, audience, created_at FROM sign_in_providers WHERE tenant_id = $1 ORDER BY id",
            tenant["id"],
        )
        return rows


async def remove_provider(system: Database, tenant: Row, identifier: UUID) -> None:
    """End sign-in by a provider, effective within 5 s; raises UnknownProvider."""
    async with system.transaction() as tx:
        done = await tx.fetchval(
            "DELETE FROM sign_in_providers WHERE tenant_id = $1 AND id = $2 RETURNING 1", tenant["id"], identifier
        )
    if done is None:
        raise UnknownProvider("This tenant has no such provider: `doorstep tenant sign-in list` shows all.")


def check_address(address: str, issuer: str) -> None:
    """Pass if ``issuer`` may make us fetch ``address``; raises UnusableIssuer.

    Only https, but an issuer on this machine may use plain http to this machine; and no other issuer may send us to it.
    """
    try:
        parts = urlsplit(address)
        host, is_local = parts.hostname or "", _is_loopback(urlsplit(issuer).hostname or "")
    except ValueError as error:
        raise UnusableIssuer(f"{address!r} is no address.") from error
    schemes = {"https", "http"} if is_local and _is_loopback(host) else {"https"}
    if parts.scheme not in schemes or not host or (_is_loopback(host) and not is_local):
        raise UnusableIssuer(
            f"{address!r} is no https address: only an issuer on this machine (127.0.0.1) may use http."
        )
    if parts.username is not None or parts.fragment or not address.isprintable():
        raise UnusableIssuer(f"{address!r} holds more than an address: leave out user name and '#'.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
