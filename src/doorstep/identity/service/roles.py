"""Roles of the organization's own, made of permissions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from doorstep.identity.events import RoleCreated, RoleDeleted, RoleUpdated
from doorstep.identity.permissions import Role
from doorstep.identity.reads import OURS, ROLE_COLUMNS
from doorstep.identity.service.members import lock_organization
from doorstep.identity.service.rights import check_name, check_scopes, must_cover
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, DoorstepError, NotFound, ProblemCode
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope

Outcome = dict[str, Any]


async def create_role(scope: Scope, name: str, permissions: Sequence[str]) -> Outcome:
    """Make a role; outcome ``{id}``. Refuses DUPLICATE names, unknown permissions, EXCEEDS_RIGHTS."""
    scope.require(Permission.MEMBERS_WRITE)
    organization_id = await lock_organization(scope)
    tidy, held = await _check(scope, name, permissions, None)
    role_id = new_id()
    await scope.tx.execute(
        "INSERT INTO roles (organization_id, id, name, permissions, version) VALUES ($1, $2, $3, $4, 1)",
        organization_id, role_id, tidy, held,
    )  # fmt: skip
    scope.emit(RoleCreated(role_id=role_id, permissions=held, aggregate_version=1))
    return {"id": str(role_id)}


async def update_role(
    scope: Scope,
    role_id: UUID,
    name: str | None,
    permissions: Sequence[str] | None,
    if_version: int | None = None,
) -> Outcome:
    """Change a role, for all members who have it; outcome ``{id}``. Refuses EXCEEDS_RIGHTS of what it held and of what it will hold."""
    scope.require(Permission.MEMBERS_WRITE)
    await lock_organization(scope)
    row = await _lock(scope, role_id, if_version)
    must_cover(scope.principal, row["permissions"], "id")
    given = name if name is not None else row["name"]
    tidy, held = await _check(scope, given, permissions if permissions is not None else row["permissions"], role_id)
    changes = [
        word
        for word, before, after in (("name", row["name"], tidy), ("permissions", row["permissions"], held))
        if before != after
    ]
    if changes:
        await scope.tx.execute(
            f"UPDATE roles SET name = $3, permissions = $4, version = version + 1, updated_at = now() WHERE {OURS} AND id = $2",
            scope.tenant_id, role_id, tidy, held,
        )  # fmt: skip
        scope.emit(RoleUpdated(role_id=role_id, changes=changes, aggregate_version=row["version"] + 1))
    return {"id": str(role_id)}


async def delete_role(scope: Scope, role_id: UUID) -> Outcome:
    """Delete a role that no member has; outcome ``{}``. Refuses NOT_FOUND, IN_USE."""
    scope.require(Permission.MEMBERS_WRITE)
    await lock_organization(scope)
    row = await _lock(scope, role_id, None)
    holder = await scope.tx.fetchval(
        f"SELECT id FROM members WHERE {OURS} AND role_id = $2 AND status <> 'REMOVED' LIMIT 1",
        scope.tenant_id,
        role_id,
    )
    if holder is not None:
        message = "A member has this role: give them another one first."
        raise DoorstepError(ProblemCode.IN_USE, message, ["id"], existing_id=public_id("member", holder))
    await scope.tx.execute(
        f"UPDATE members SET role = 'VIEWER', role_id = NULL WHERE {OURS} AND role_id = $2", scope.tenant_id, role_id
    )
    await scope.tx.execute(f"DELETE FROM roles WHERE {OURS} AND id = $2", scope.tenant_id, role_id)
    scope.emit(RoleDeleted(role_id=role_id, aggregate_version=row["version"]))
    return {}


async def _check(scope: Scope, name: str, permissions: Sequence[str], own_id: UUID | None) -> tuple[str, list[str]]:
    tidy, held = check_name(name, "name"), check_scopes(permissions, "permissions")
    must_cover(scope.principal, held, "permissions")
    if tidy.upper() in Role.__members__:
        message = "This is the name of a role that every organization has: choose another."
        raise DoorstepError(ProblemCode.DUPLICATE, message, ["name"])
    twin = await scope.tx.fetchval(
        f"SELECT id FROM roles WHERE {OURS} AND lower(name) = lower($2)", scope.tenant_id, tidy
    )
    if twin is not None and twin != own_id:
        message = "There is a role with this name already."
        raise DoorstepError(ProblemCode.DUPLICATE, message, ["name"], existing_id=public_id("role", twin))
    return tidy, held


async def _lock(scope: Scope, role_id: UUID, if_version: int | None) -> Row:
    row = await scope.tx.fetchrow(
        f"SELECT {ROLE_COLUMNS} FROM roles WHERE {OURS} AND id = $2 FOR UPDATE", scope.tenant_id, role_id
    )
    if row is None:
        raise NotFound("role", ["id"])
    if if_version is not None and if_version != row["version"]:
        raise Conflict("role", row["version"], role_id)
    return row
