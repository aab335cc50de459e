"""The faces of the events of identity: ids and names of fields."""

from uuid import UUID

import strawberry

from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.ids import public_id

_CHANGES = "The names of the fields that have new values."


def _id(event: Event, prefix: str) -> strawberry.ID:
    return strawberry.ID(public_id(prefix, UUID(event.row["data"][f"{prefix}_id"])))


@strawberry.type
class AboutKey(Event):
    """Base of the events about an API key; not in the schema by itself."""

    @strawberry.field(description="The key's id.")
    def key_id(self) -> strawberry.ID:
        return _id(self, "key")


@strawberry.type
class AboutMember(Event):
    """Base of the events about a member; not in the schema by itself."""

    @strawberry.field(description="The member's id.")
    def member_id(self) -> strawberry.ID:
        return _id(self, "member")


@strawberry.type
class AboutRole(Event):
    """Base of the events about a role; not in the schema by itself."""

    @strawberry.field(description="The role's id.")
    def role_id(self) -> strawberry.ID:
        return _id(self, "role")


@strawberry.type
class Changing(Event):
    """Base of the events that name what changed; not in the schema by itself."""

    @strawberry.field(description=_CHANGES)
    def changes(self) -> list[str]:
        return list(self.row["data"]["changes"])


@register_event
@strawberry.type(description="An API key is there.")
class ApiKeyCreated(AboutKey):
    @strawberry.field(description="What it may do.")
    def scopes(self) -> list[str]:
        return list(self.row["data"]["scopes"])


@register_event
@strawberry.type(description="Fields of an API key have new values.")
class ApiKeyUpdated(AboutKey, Changing):
    pass


@register_event
@strawberry.type(description="An API key has a new secret.")
class ApiKeyRotated(AboutKey):
    pass


@register_event
@strawberry.type(description="An API key works no more.")
class ApiKeyRevoked(AboutKey):
    pass


@register_event
@strawberry.type(description="Somebody may sign in.")
class MemberInvited(AboutMember):
    pass


@register_event
@strawberry.type(description="Fields of a member have new values.")
class MemberUpdated(AboutMember, Changing):
    pass


@register_event
@strawberry.type(description="A member can no longer sign in.")
class MemberRemoved(AboutMember):
    pass


@register_event
@strawberry.type(description="A role of the organization's own is there.")
class RoleCreated(AboutRole):
    @strawberry.field(description="What its members may do.")
    def permissions(self) -> list[str]:
        return list(self.row["data"]["permissions"])


@register_event
@strawberry.type(description="A role has another name or other permissions.")
class RoleUpdated(AboutRole, Changing):
    pass


@register_event
@strawberry.type(description="A role is gone.")
class RoleDeleted(AboutRole):
    pass


@register_event
@strawberry.type(description="Settings of the tenant have new values.")
class TenantUpdated(Changing):
    pass
