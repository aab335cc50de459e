"""The rule that nobody gives rights that they do not have, nor comes by them: in one place for keys, tokens, members and roles."""

from collections.abc import Sequence
from uuid import UUID

from doorstep.identity.errors import ExceedsRights
from doorstep.identity.reads import usable_depots
from doorstep.identity.service.authenticating import permissions_named
from doorstep.kernel.errors import DoorstepError, NotFound, ProblemCode
from doorstep.kernel.scope import Permission, Principal, Scope

MAX_DEPOTS = 100
MAX_NAME = 100


def check_scopes(scopes: Sequence[str], *path: str | int) -> list[str]:
    """Scopes without repeats, sorted; refuses those that do not exist, and none at all."""
    known = {permission.value for permission in Permission}
    for at, scope in enumerate(scopes):
        if scope not in known:
            listed = ", ".join(sorted(known))
            raise DoorstepError(ProblemCode.INVALID_VALUE, f"There is no such scope. Known are: {listed}.", (*path, at))
    if not scopes:
        raise DoorstepError(ProblemCode.REQUIRED, "Give at least one scope, such as orders:read.", path)
    return sorted(set(scopes))


def check_name(name: str, *path: str | int) -> str:
    """A name people read: 1 to 100 printable characters."""
    tidy = " ".join(name.split())
    if not 1 <= len(tidy) <= MAX_NAME or not tidy.isprintable():
        raise DoorstepError(ProblemCode.INVALID_VALUE, f"A name is 1 to {MAX_NAME} printable characters.", path)
    return tidy


def must_cover(principal: Principal, scopes: Sequence[str], *path: str | int) -> None:
    """Refuse unless the principal holds every one of the scopes itself."""
    beyond = sorted(one.value for one in permissions_named(scopes) if not principal.allows(one))
    if beyond:
        raise ExceedsRights(f"Your own credential does not hold {', '.join(beyond)}.", path)


async def check_depots(scope: Scope, depot_ids: Sequence[UUID] | None, *path: str | int) -> list[UUID] | None:
    """The depots of a limit, which must be the tenant's and within the principal's own reach; None stays no limit unless it has one itself."""
    own = scope.principal.reach.depot_ids
    if depot_ids is None:
        return sorted(own) if own is not None else None
    wanted = list(dict.fromkeys(depot_ids))
    if not 1 <= len(wanted) <= MAX_DEPOTS:
        raise DoorstepError(ProblemCode.INVALID_VALUE, f"Give 1 to {MAX_DEPOTS} depots, or leave this out.", path)
    there = await usable_depots(scope.tx, scope.tenant_id, wanted)
    for at, depot_id in enumerate(wanted):
        if depot_id not in there:
            raise NotFound("depot", (*path, at))
    return wanted
