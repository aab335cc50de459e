"""Members of the organization: who may sign in, and as what. They act in both of its tenants.

The organization's row is locked first by everything that changes members or roles, so that two changes at once cannot leave it without an owner.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from doorstep.identity.errors import ExceedsRights, LastOwner
from doorstep.identity.events import MemberInvited, MemberRemoved, MemberUpdated
from doorstep.identity.model import MemberStatus, TenantMode
from doorstep.identity.permissions import Role
from doorstep.identity.reads import MEMBER_COLUMNS, OURS
from doorstep.identity.service.authenticating import role_permissions
from doorstep.identity.service.keys import mode_of
from doorstep.identity.service.rights import check_depots, check_name, must_cover
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Conflict, DoorstepError, Forbidden, NotFound, ProblemCode
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import Permission, Scope
from doorstep.places import addresses
from doorstep.places.errors import BadValue

Outcome = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody to be: a role of every organization's or one of its own (exactly one), depots that limit them, the driver that they are."""

    email: str
    name: str
    role: Role | None = None
    role_id: UUID | None = None
    depot_ids: Sequence[UUID] | None = None
    driver_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """What changes of a member; None stays. ``any_depot`` takes the limit to depots away."""

    name: str | None = None
    role: Role | None = None
    role_id: UUID | None = None
    depot_ids: Sequence[UUID] | None = None
    any_depot: bool = False
    driver_id: UUID | None = None


async def invite_member(scope: Scope, new: NewMember) -> Outcome:
    """Let somebody sign in with this e-mail address; outcome ``{id}``. Refuses DUPLICATE, EXCEEDS_RIGHTS, a DRIVER without a driver."""
    scope.require(Permission.MEMBERS_WRITE)
    organization_id = await lock_organization(scope)
    name, email = check_name(new.name, "name"), _email(new.email)
    await _refuse_twin(scope, email)
    await _must_hold_role(scope, new.role, new.role_id)
    depots = await check_depots(scope, new.depot_ids, "depotIds")
    _owners_are_unlimited(new.role, depots)
    drivers = await _drivers(scope, new.role, new.driver_id, None)
    member_id = new_id()
    await scope.tx.execute(
        "INSERT INTO members (organization_id, id, email, name, status, role, role_id, depot_ids, driver_ids, version) "
        "VALUES ($1, $2, $3, $4, 'INVITED', $5, $6, $7, $8, 1)",
        organization_id, member_id, email, name, new.role.value if new.role else None, new.role_id, depots, drivers,
    )  # fmt: skip
    scope.emit(MemberInvited(member_id=member_id, aggregate_version=1))
    return {"id": str(member_id)}


async def update_member(
    scope: Scope, member_id: UUID, changes: MemberChanges, if_version: int | None = None
) -> Outcome:
    """Change a member; outcome ``{id}``. Refuses NOT_FOUND, CONFLICT, LAST_OWNER, EXCEEDS_RIGHTS (of what they are and of what they become)."""
    scope.require(Permission.MEMBERS_WRITE)
    await lock_organization(scope)
    row = await _member(scope, member_id, if_version)
    await _must_hold_role(scope, _role(row), row["role_id"], "id")
    columns: dict[str, Any] = {}
    if changes.name is not None:
        columns["name"] = check_name(changes.name, "name")
    if changes.role is not None or changes.role_id is not None:
        await _must_hold_role(scope, changes.role, changes.role_id)
        if changes.role is not Role.OWNER:
            await _keep_an_owner(scope, row)
        columns |= {"role": changes.role.value if changes.role else None, "role_id": changes.role_id}
    if changes.any_depot or changes.depot_ids is not None:
        columns["depot_ids"] = await check_depots(scope, changes.depot_ids, "depotIds")
    role = Role(columns["role"]) if columns.get("role") else _role(row) if "role" not in columns else None
    _owners_are_unlimited(role, columns.get("depot_ids", row["depot_ids"]))
    if changes.driver_id is not None or (role is Role.DRIVER and row["role"] != Role.DRIVER):
        columns["driver_ids"] = await _drivers(scope, role, changes.driver_id, row["driver_ids"])
    await _write(scope, row, columns)
    return {"id": str(member_id)}


async def remove_member(scope: Scope, member_id: UUID) -> Outcome:
    """End a member's access, and the tokens that they made; effective within 5 s. Twice is once. Refuses NOT_FOUND, LAST_OWNER, EXCEEDS_RIGHTS."""
    scope.require(Permission.MEMBERS_WRITE)
    await lock_organization(scope)
    row = await _member(scope, member_id, None, removed_too=True)
    if row["status"] != MemberStatus.REMOVED:
        await _must_hold_role(scope, _role(row), row["role_id"], "id")
        await _keep_an_owner(scope, row)
        await scope.tx.execute(
            f"UPDATE members SET status = 'REMOVED', version = version + 1, updated_at = now() WHERE {OURS} AND id = $2",
            scope.tenant_id,
            member_id,
        )
        scope.emit(MemberRemoved(member_id=member_id, aggregate_version=row["version"] + 1))
    return {"id": str(member_id)}


async def lock_organization(scope: Scope) -> UUID:
    """The organization of the tenant, locked until the commit; raises Forbidden in a sandbox, whose keys must change nothing of the live tenant's."""
    if await mode_of(scope) is TenantMode.TEST:
        raise Forbidden("Members and roles are those of the live tenant, too: change them with a live credential.")
    organization_id: UUID = await scope.tx.fetchval(
        f"SELECT id FROM organizations WHERE {OURS.replace('organization_id', 'id', 1)} FOR UPDATE", scope.tenant_id
    )
    return organization_id


async def _write(scope: Scope, row: Row, columns: dict[str, Any]) -> None:
    different = {name: value for name, value in columns.items() if row[name] != value}
    if not different:
        return
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(different, 3))
    await scope.tx.execute(
        f"UPDATE members SET {sets}, version = version + 1, updated_at = now() WHERE {OURS} AND id = $2",
        scope.tenant_id,
        row["id"],
        *different.values(),
    )
    shown = {"role_id": "role", "depot_ids": "depots", "driver_ids": "driver"}
    names = sorted({shown.get(name, name) for name in different})
    scope.emit(MemberUpdated(member_id=row["id"], changes=names, aggregate_version=row["version"] + 1))


async def _member(scope: Scope, member_id: UUID, if_version: int | None, *, removed_too: bool = False) -> Row:
    row = await scope.tx.fetchrow(
        f"SELECT {MEMBER_COLUMNS} FROM members WHERE {OURS} AND id = $2 FOR UPDATE", scope.tenant_id, member_id
    )
    if row is None or (row["status"] == MemberStatus.REMOVED and not removed_too):
        raise NotFound("member", ["id"])
    if if_version is not None and if_version != row["version"]:
        raise Conflict("member", row["version"], member_id)
    return row


def _role(row: Row) -> Role | None:
    return Role(row["role"]) if row["role"] is not None else None


async def _must_hold_role(scope: Scope, role: Role | None, role_id: UUID | None, *path: str) -> None:
    """Exactly one role, which exists, and all of whose permissions the actor has."""
    if (role is None) == (role_id is None):
        raise DoorstepError(ProblemCode.INVALID_VALUE, "Give either role or roleId.", ["role"])
    custom = None
    if role_id is not None:
        custom = await scope.tx.fetchval(
            f"SELECT permissions FROM roles WHERE {OURS} AND id = $2 FOR SHARE", scope.tenant_id, role_id
        )
        if custom is None:
            raise NotFound("role", ["roleId"])
    held = role_permissions(role, custom)
    must_cover(scope.principal, [one.value for one in held], *(path or ("role" if role else "roleId",)))


async def _keep_an_owner(scope: Scope, row: Row) -> None:
    """Refuse when this owner is the last who has signed in (or the last at all)."""
    if row["role"] != Role.OWNER:
        return
    others = await scope.tx.fetch(
        f"SELECT status FROM members WHERE {OURS} AND id <> $2 AND role = 'OWNER' AND status <> 'REMOVED'",
        scope.tenant_id,
        row["id"],
    )
    if not others or (row["status"] == MemberStatus.ACTIVE and all(one["status"] != "ACTIVE" for one in others)):
        raise LastOwner(["id"])


def _owners_are_unlimited(role: Role | None, depots: Sequence[UUID] | None) -> None:
    """An owner who is limited to depots could not manage the organization, and the last one would be locked out."""
    if role is Role.OWNER and depots is not None:
        message = "An owner is not limited to depots: leave depotIds out, or set it to null with the role."
        raise DoorstepError(ProblemCode.INVALID_VALUE, message, ["depotIds"])


async def _drivers(
    scope: Scope, role: Role | None, driver_id: UUID | None, present: Sequence[UUID] | None
) -> list[UUID] | None:
    """Which driver a DRIVER is: one of this tenant, beside that of the other tenant, if there is one."""
    if driver_id is None:
        if role is Role.DRIVER:
            raise DoorstepError(ProblemCode.REQUIRED, "Say which driver they are.", ["driverId"])
        return list(present) if present else None
    if role is not Role.DRIVER:
        raise ExceedsRights("Only members with the role DRIVER are somebody's driver.", ["driverId"])
    found = await scope.tx.fetch(
        "SELECT id FROM drivers WHERE tenant_id = $1 AND id = ANY($2)", scope.tenant_id, [driver_id, *(present or ())]
    )
    ours = {row["id"] for row in found}
    if driver_id not in ours:
        raise NotFound("driver", ["driverId"])
    return [*(one for one in present or () if one not in ours), driver_id]


async def _refuse_twin(scope: Scope, email: str) -> None:
    twin = await scope.tx.fetchval(
        f"SELECT id FROM members WHERE {OURS} AND email = $2 AND status <> 'REMOVED'", scope.tenant_id, email
    )
    if twin is not None:
        message = "There is a member with this e-mail address already: change that one."
        raise DoorstepError(ProblemCode.DUPLICATE, message, ["email"], existing_id=public_id("member", twin))


def _email(text: str) -> str:
    try:
        return addresses.email(text).lower()
    except BadValue as bad:
        raise DoorstepError(ProblemCode.INVALID_EMAIL, bad.message, ["email"]) from bad
