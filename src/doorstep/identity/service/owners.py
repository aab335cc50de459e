"""Owners by the operator's hand: the first one of a company, and another when the last one is lost. Under the system role."""

from uuid import UUID

import asyncpg

from doorstep.identity.errors import BadMember
from doorstep.identity.permissions import Role
from doorstep.kernel.db import Database, Row
from doorstep.kernel.ids import new_id
from doorstep.places import addresses
from doorstep.places.errors import BadValue

_ADD = """
INSERT INTO members (organization_id, id, email, name, status, role, version) VALUES ($1, $2, $3, $4, 'INVITED', $5, 1)
"""

_RECOVER = """
UPDATE members SET role = 'OWNER', role_id = NULL, depot_ids = NULL, status = 'INVITED', issuer = NULL, subject = NULL,
    version = version + 1, updated_at = now()
WHERE organization_id = $1 AND email = $2 AND status <> 'REMOVED' RETURNING id
"""

_LIST = """
SELECT member.id, member.email, member.name, coalesce(member.role, role.name) AS role, member.status, member.last_seen_at
FROM members AS member LEFT JOIN roles AS role ON role.organization_id = member.organization_id AND role.id = member.role_id
WHERE member.organization_id = $1 ORDER BY member.id
"""


async def add_member(system: Database, tenant: Row, email: str, name: str, role: Role) -> UUID:
    """Let somebody sign in to the company with this address; raises BadMember."""
    member_id = new_id()
    try:
        async with system.transaction() as tx:
            await tx.execute(
                _ADD, tenant["organization_id"], member_id, _email(email), name.strip() or email, role.value
            )
    except asyncpg.UniqueViolationError as error:
        raise BadMember(
            "This company has a member with this e-mail address already: see `doorstep member list`."
        ) from error
    return member_id


async def recover_owner(system: Database, tenant: Row, email: str) -> UUID:
    """Make whoever next signs in with this verified address an OWNER: a member of the company, or a new one.

    A member loses their former sign-in, depot limits and role; other members stay as they are. Raises BadMember.
    """
    async with system.transaction() as tx:
        found: UUID | None = await tx.fetchval(_RECOVER, tenant["organization_id"], _email(email))
    return found or await add_member(system, tenant, email, "", Role.OWNER)


async def list_members(system: Database, tenant: Row) -> list[Row]:
    """The company's members, oldest first."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(_LIST, tenant["organization_id"])
        return rows


def _email(text: str) -> str:
    try:
        return addresses.email(text).lower()
    except BadValue as bad:
        raise BadMember(bad.message) from bad
