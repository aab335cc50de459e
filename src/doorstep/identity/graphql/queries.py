"""``viewer``: who am I, and what may I do."""

import strawberry

from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.scalars import CountryCode, TimeZone
from doorstep.kernel.ids import public_id


@strawberry.type(description="The company whose data a credential sees.")
class Tenant:
    id: strawberry.ID = strawberry.field(description="The tenant's id.")
    slug: str = strawberry.field(description="Its short name.")
    name: str = strawberry.field(description="Its name.")
    mode: str = strawberry.field(description="LIVE, or TEST for a sandbox.")
    time_zone: TimeZone = strawberry.field(description="The time zone of its civil days.")
    country: CountryCode | None = strawberry.field(description="The country taken where an address names none.")
    currency: str = strawberry.field(description="The currency of its amounts, ISO 4217.")


@strawberry.type(description="Who asks, and what the credential may do.")
class Viewer:
    tenant: Tenant = strawberry.field(description="The tenant of the credential.")
    key_id: strawberry.ID | None = strawberry.field(description="The API key, null for another kind of credential.")
    scopes: list[str] = strawberry.field(description="What the credential may do, such as `orders:read`.")


@strawberry.type
class IdentityQuery:
    @strawberry.field(description="Who asks; null without a credential.")
    async def viewer(self, info: Info) -> Viewer | None:
        principal = info.context.principal_or_none
        if principal is None:
            return None
        tx = await info.context.reads()
        row = await tx.fetchrow(
            "SELECT id, slug, name, mode, time_zone, country, currency FROM tenants WHERE id = $1", principal.tenant_id
        )
        if row is None:
            return None
        return Viewer(
            tenant=Tenant(
                id=strawberry.ID(public_id("tenant", row["id"])),
                slug=row["slug"],
                name=row["name"],
                mode=row["mode"],
                time_zone=TimeZone(row["time_zone"]),
                country=CountryCode(row["country"]) if row["country"] else None,
                currency=row["currency"],
            ),
            key_id=strawberry.ID(public_id("key", principal.actor.id)) if principal.actor.id else None,
            scopes=sorted(permission.value for permission in principal.permissions),
        )
