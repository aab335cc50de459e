"""``viewer``: who am I, and what may I do; keys, members and roles as lists."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from doorstep.identity.graphql.types import ApiKey, CustomRole, Member, Tenant, load_members, load_tenant
from doorstep.identity.reads import NEWEST_FIRST, count_of, page_of
from doorstep.kernel.db import Row
from doorstep.kernel.errors import Forbidden
from doorstep.kernel.graphql.connections import After, Before, Connection, First, Last, connection_of
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.ids import public_id
from doorstep.kernel.paging import PageRequest
from doorstep.kernel.scope import ActorKind, Permission, Principal


@strawberry.type(description="Who asks, and what the credential may do.")
class Viewer:
    tenant: Tenant = strawberry.field(description="The tenant of the credential.")
    kind: ActorKind = strawberry.field(description="What sort of credential it is.")
    key_id: strawberry.ID | None = strawberry.field(description="The API key, null for another kind of credential.")
    token_id: strawberry.ID | None = strawberry.field(description="The token, null for another kind of credential.")
    member_id: strawberry.ID | None = strawberry.field(description="The member who signed in, or as whom a token acts.")
    scopes: list[str] = strawberry.field(description="What the credential may do, such as `orders:read`.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(
        description="The depots that it is limited to: nothing else exists for it. Null: no limit."
    )
    order_id: strawberry.ID | None = strawberry.field(description="The one order that it is limited to.")
    driver_id: strawberry.ID | None = strawberry.field(description="The driver whose routes it sees.")
    expires_at: datetime | None = strawberry.field(description="When the credential ends by itself; null: it does not.")
    principal: strawberry.Private[Principal]

    @strawberry.field(description="The member behind the credential, as far as it may read members; null: none.")
    async def member(self, info: Info) -> Member | None:
        member_id = self.principal.member_id
        if member_id is None or not self.principal.allows(Permission.MEMBERS_READ):
            return None
        return await info.context.load(load_members, member_id)


def _viewer(principal: Principal, tenant: Tenant) -> Viewer:
    actor, reach = principal.actor, principal.reach
    is_token = actor.kind in {ActorKind.ACCESS_TOKEN, ActorKind.DRIVER_TOKEN}
    return Viewer(
        principal=principal,
        tenant=tenant,
        kind=actor.kind,
        key_id=_id("key", actor.id if actor.kind is ActorKind.API_KEY else None),
        token_id=_id("token", actor.id if is_token else None),
        member_id=_id("member", principal.member_id),
        scopes=sorted(permission.value for permission in principal.permissions),
        depot_ids=None
        if reach.depot_ids is None
        else [strawberry.ID(public_id("depot", one)) for one in sorted(reach.depot_ids)],
        order_id=_id("order", reach.order_id),
        driver_id=_id("driver", reach.driver_id),
        expires_at=principal.expires_at,
    )


def _id(prefix: str, identifier: Any) -> strawberry.ID | None:
    return strawberry.ID(public_id(prefix, identifier)) if identifier else None


async def _list(
    context: Context, table: str, request: PageRequest, node: Callable[[Row], Any], extra: tuple[str, ...] = ()
) -> Connection[Any]:
    page = await page_of(await context.reads(), table, context.tenant_id, request, extra)

    async def count() -> int:
        return await count_of(await context.reads(), table, context.tenant_id, extra)

    return connection_of(table, NEWEST_FIRST, page, node, count)


@strawberry.type
class IdentityQuery:
    @strawberry.field(description="Who asks; null without a credential.")
    async def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal_or_none
        if principal is not None and principal.recipient_of is not None:
            raise Forbidden("A recipient's link shows `tracking` alone.")
        tenant = await load_tenant(info.context) if principal is not None else None
        return _viewer(principal, tenant) if principal is not None and tenant is not None else None

    @strawberry.field(description="The tenant's API keys, newest first.")
    async def api_keys(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        include_revoked: Annotated[
            bool, strawberry.argument(description="Whether revoked ones are listed, too.")
        ] = False,
    ) -> Connection[ApiKey] | None:
        request = PageRequest(first, after, last, before)
        return await _list(
            info.context, "api_keys", request, ApiKey.of, () if include_revoked else ("revoked_at IS NULL",)
        )

    @strawberry.field(description="The organization's members, newest first.")
    async def members(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        include_removed: Annotated[
            bool, strawberry.argument(description="Whether removed ones are listed, too.")
        ] = False,
    ) -> Connection[Member] | None:
        request = PageRequest(first, after, last, before)
        return await _list(
            info.context, "members", request, Member.of, () if include_removed else ("status <> 'REMOVED'",)
        )

    @strawberry.field(description="The roles of the organization's own, newest first.")
    async def roles(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[CustomRole] | None:
        return await _list(info.context, "roles", PageRequest(first, after, last, before), CustomRole.of)
