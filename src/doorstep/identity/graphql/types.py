"""Who may act, as the schema shows it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.identity.model import MemberStatus, TokenKind
from doorstep.identity.permissions import Role
from doorstep.identity.reads import rows_by_ids, tenant_row
from doorstep.identity.service.authenticating import role_permissions
from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info
from doorstep.kernel.graphql.nodes import Node, register_node
from doorstep.kernel.graphql.scalars import CountryCode, CurrencyCode, EmailAddress, TimeZone
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import Permission
from doorstep.places.roads import HourFactor
from doorstep.places.roads import Profile as RoadProfile

_VERSION = "Counts the changes; send it as `ifVersion` to change only what you saw."
_MADE = "When it was made."
_CHANGED = "When it last changed."
_DEPOTS = "The depots that it is limited to: nothing else exists for it. Null: no limit."


@strawberry.type(description="How orders are given to couriers as they come in, without a plan.")
class DispatchPolicy:
    enabled: bool = strawberry.field(description="Whether the dispatcher works for this tenant.")
    offer_seconds: int = strawberry.field(
        description="How long a driver may think about an offer before it goes to the next; 0: orders are assigned without asking."
    )
    most_orders: int = strawberry.field(
        description="How many orders that are not delivered yet a courier may have at a time, offers included."
    )


@strawberry.type(description="How much longer roads take at some hours than the road network says.")
class TravelTimeFactor:
    profile: RoadProfile = strawberry.field(description="The way of moving about that it holds for.")
    weekdays: list[int] = strawberry.field(description="The weekdays that it holds on: 1 is Monday, 7 is Sunday.")
    from_hour: int = strawberry.field(
        description="The hour from which it holds, 0 to 23, on the depot's clock on the wall."
    )
    until_hour: int = strawberry.field(description="The hour until which it holds, 1 to 24.")
    factor: float = strawberry.field(
        description="What the network's durations are multiplied by: 1.5 makes ten minutes fifteen."
    )

    @classmethod
    def of(cls, stored: HourFactor) -> "TravelTimeFactor":
        """From a stored factor."""
        return cls(
            profile=stored.profile,
            weekdays=sorted(stored.weekdays),
            from_hour=stored.from_hour,
            until_hour=stored.until_hour,
            factor=stored.factor,
        )


@strawberry.type(description="How a tenant wants some things done.")
class Policies:
    complete_without_arrival: bool = strawberry.field(
        description="Whether a driver may complete a stop on the way to it, without reporting the arrival first."
    )
    persisted_documents_only: bool = strawberry.field(
        description="Whether only registered documents are answered, except for credentials that hold `tenant:write`."
    )
    dispatch: DispatchPolicy = strawberry.field(description="On-demand dispatch.")
    nearest_depot: bool = strawberry.field(
        description="Whether a DELIVERY that names no depot gets the nearest one that is open when it is due, as it is taken in; otherwise the plan decides from which depot it comes."
    )
    travel_times: list[TravelTimeFactor] = strawberry.field(
        description="How much longer roads take at some hours. Plans, dispatch and ETAs reckon with them; hours without a factor are as the network says."
    )


@strawberry.type(
    description="A company's walled part of this installation. Each organization has one for real deliveries and a sandbox."
)
class Tenant:
    id: strawberry.ID = strawberry.field(description="The tenant's id.")
    slug: str = strawberry.field(description="Its short name.")
    name: str = strawberry.field(description="Its name.")
    mode: str = strawberry.field(description="LIVE, or TEST for a sandbox.")
    time_zone: TimeZone = strawberry.field(description="The time zone of its civil days.")
    country: CountryCode | None = strawberry.field(description="The country taken where an address names none.")
    currency: CurrencyCode = strawberry.field(description="The currency of its amounts, ISO 4217.")
    locale: str = strawberry.field(description="The language of what it tells people, such as `en` or `de-CH`.")
    policies: Policies = strawberry.field(description="How it wants some things done.")
    allowed_origins: list[str] = strawberry.field(description="Origins whose pages may call, beside the API's own.")
    version: int = strawberry.field(description=_VERSION)
    organization_id: strawberry.ID = strawberry.field(description="The organization that it belongs to.")
    organization_name: str = strawberry.field(description="The organization's name.")

    @classmethod
    def of(cls, row: Row) -> "Tenant":
        """From a row of ``tenant_row``."""
        return cls(
            id=strawberry.ID(public_id("tenant", row["id"])),
            slug=row["slug"],
            name=row["name"],
            mode=row["mode"],
            time_zone=TimeZone(row["time_zone"]),
            country=CountryCode(row["country"]) if row["country"] else None,
            currency=CurrencyCode(row["currency"]),
            locale=row["locale"],
            policies=Policies(
                complete_without_arrival=row["complete_without_arrival"],
                persisted_documents_only=row["persisted_only"],
                nearest_depot=row["nearest_depot"],
                dispatch=DispatchPolicy(
                    enabled=row["dispatch_enabled"],
                    offer_seconds=row["dispatch_offer_seconds"],
                    most_orders=row["dispatch_most_orders"],
                ),
                travel_times=[
                    TravelTimeFactor.of(HourFactor.from_json(stored)) for stored in row["travel_time_factors"]
                ],
            ),
            allowed_origins=list(row["allowed_origins"]),
            version=row["version"],
            organization_id=strawberry.ID(public_id("organization", row["organization_id"])),
            organization_name=row["organization_name"],
        )


@strawberry.type(description="An API key. Its secret is shown once, by the mutation that made it.")
class ApiKey(Node):
    version: int = strawberry.field(description=_VERSION)
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="The first characters of its secret, by which people recognise it.")
    scopes: list[str] = strawberry.field(description="What it may do, such as `orders:read`.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(description=_DEPOTS)
    expires_at: datetime | None = strawberry.field(description="When it ends by itself; null: it does not.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used, to the minute.")
    previous_prefix: str | None = strawberry.field(
        description="The first characters of its secret before the last rotation."
    )
    previous_until: datetime | None = strawberry.field(description="Until when that former secret works, too.")
    created_at: datetime = strawberry.field(description=_MADE)
    updated_at: datetime = strawberry.field(description=_CHANGED)

    @classmethod
    def of(cls, row: Row) -> "ApiKey":
        """From a row of ``api_keys``."""
        names = ("version", "name", "prefix", "scopes", "expires_at", "revoked_at", "last_used_at", "previous_prefix")
        more = ("previous_until", "created_at", "updated_at")
        return cls(uuid=row["id"], depot_ids=_depots(row), **{name: row[name] for name in (*names, *more)})


@strawberry.type(description="A short-lived credential. It can do no more than its maker does now, and ends with it.")
class AccessToken(Node):
    kind: TokenKind = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="The first characters of its secret.")
    scopes: list[str] = strawberry.field(description="What it may do, as far as its maker may.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(description=_DEPOTS)
    order_id: strawberry.ID | None = strawberry.field(description="The one order that it is limited to.")
    driver_id: strawberry.ID | None = strawberry.field(description="The driver whose routes it sees.")
    member_id: strawberry.ID | None = strawberry.field(description="The member as whom it acts.")
    expires_at: datetime = strawberry.field(description="When it ends.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked.")
    created_at: datetime = strawberry.field(description=_MADE)

    @classmethod
    def of(cls, row: Row) -> "AccessToken":
        """From a row of ``access_tokens``."""
        return cls(
            uuid=row["id"],
            kind=TokenKind(row["kind"]),
            prefix=row["prefix"],
            scopes=row["scopes"],
            depot_ids=_depots(row),
            order_id=_id("order", row["order_id"]),
            driver_id=_id("driver", row["driver_id"]),
            member_id=_id("member", row["member_id"]),
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            created_at=row["created_at"],
        )


@strawberry.type(description="A role of the organization's own, made of permissions.")
class CustomRole(Node):
    version: int = strawberry.field(description=_VERSION)
    name: str = strawberry.field(description="Its name.")
    permissions: list[str] = strawberry.field(description="What its members may do, such as `orders:read`.")
    created_at: datetime = strawberry.field(description=_MADE)
    updated_at: datetime = strawberry.field(description=_CHANGED)

    @classmethod
    def of(cls, row: Row) -> "CustomRole":
        """From a row of ``roles``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            name=row["name"],
            permissions=row["permissions"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


@strawberry.type(description="Somebody who may sign in to the organization's portals; they act in both of its tenants.")
class Member(Node):
    version: int = strawberry.field(description=_VERSION)
    email: EmailAddress = strawberry.field(description="The address that the sign-in must have verified.")
    name: str = strawberry.field(description="Their name.")
    status: MemberStatus = strawberry.field(description="How they stand.")
    role: Role | None = strawberry.field(description="Their role; null when they have one of the organization's own.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(description=_DEPOTS)
    driver_ids: list[strawberry.ID] = strawberry.field(description="The drivers that a DRIVER is, one a tenant.")
    last_seen_at: datetime | None = strawberry.field(description="When they last called, to the minute.")
    created_at: datetime = strawberry.field(description="When they were invited.")
    updated_at: datetime = strawberry.field(description=_CHANGED)
    role_uuid: strawberry.Private[UUID | None]

    @strawberry.field(description="Their role of the organization's own, if they have one.")
    async def custom_role(self, info: Info) -> CustomRole | None:
        return await info.context.load(load_roles, self.role_uuid) if self.role_uuid else None

    @strawberry.field(description="What they may do, such as `orders:read`.")
    async def permissions(self, info: Info) -> list[str]:
        custom = await self.custom_role(info) if self.role is None else None
        return sorted(one.value for one in role_permissions(self.role, custom.permissions if custom else None))

    @classmethod
    def of(cls, row: Row) -> "Member":
        """From a row of ``members``."""
        return cls(
            uuid=row["id"],
            version=row["version"],
            email=EmailAddress(row["email"]),
            name=row["name"],
            status=MemberStatus(row["status"]),
            role=Role(row["role"]) if row["role"] else None,
            role_uuid=row["role_id"],
            depot_ids=_depots(row),
            driver_ids=[strawberry.ID(public_id("driver", one)) for one in row["driver_ids"] or ()],
            last_seen_at=row["last_seen_at"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )


def _id(prefix: str, identifier: UUID | None) -> strawberry.ID | None:
    return strawberry.ID(public_id(prefix, identifier)) if identifier else None


def _depots(row: Row) -> list[strawberry.ID] | None:
    given = row["depot_ids"]
    return None if given is None else [strawberry.ID(public_id("depot", one)) for one in given]


async def load_api_keys(context: Context, keys: list[UUID]) -> Sequence[ApiKey | None]:
    """Keys by id."""
    rows = await rows_by_ids(await context.reads(), "api_keys", context.tenant_id, keys)
    return [ApiKey.of(rows[key]) if key in rows else None for key in keys]


async def load_tokens(context: Context, keys: list[UUID]) -> Sequence[AccessToken | None]:
    """Tokens by id."""
    rows = await rows_by_ids(await context.reads(), "access_tokens", context.tenant_id, keys)
    return [AccessToken.of(rows[key]) if key in rows else None for key in keys]


async def load_members(context: Context, keys: list[UUID]) -> Sequence[Member | None]:
    """Members by id."""
    rows = await rows_by_ids(await context.reads(), "members", context.tenant_id, keys)
    return [Member.of(rows[key]) if key in rows else None for key in keys]


async def load_roles(context: Context, keys: list[UUID]) -> Sequence[CustomRole | None]:
    """Roles by id."""
    rows = await rows_by_ids(await context.reads(), "roles", context.tenant_id, keys)
    return [CustomRole.of(rows[key]) if key in rows else None for key in keys]


async def load_tenant(context: Context) -> Tenant | None:
    """The tenant of the credential."""
    row = await tenant_row(await context.reads(), context.tenant_id)
    return Tenant.of(row) if row else None


register_node("key", "ApiKey", Permission.KEYS_READ, load_api_keys)
register_node("token", "AccessToken", Permission.TOKENS_WRITE, load_tokens)
register_node("member", "Member", Permission.MEMBERS_READ, load_members)
register_node("role", "CustomRole", Permission.MEMBERS_READ, load_roles)
