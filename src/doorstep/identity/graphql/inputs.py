"""Inputs of the mutations of identity. In a change an absent field stays as it is."""

from datetime import datetime
from uuid import UUID

import strawberry

from doorstep.identity.permissions import Role
from doorstep.identity.service.keys import KeyChanges, NewKey
from doorstep.identity.service.members import MemberChanges, NewMember
from doorstep.identity.service.settings import TenantChanges
from doorstep.identity.service.tokens import NewToken
from doorstep.kernel.graphql.context import input_id
from doorstep.kernel.graphql.scalars import CountryCode, CurrencyCode, TimeZone
from doorstep.places.roads import HourFactor
from doorstep.places.roads import Profile as RoadProfile
from doorstep.places.roads.traffic import WEEK

_KEY = "Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours)."
_KEY_SECRET = f"{_KEY} A replay does not show the secret again."
_VERSION = "Refuse with CONFLICT when the object is at another version."
_SCOPES = "What it may do, such as `orders:read`; nothing that your own credential does not hold."
_DEPOTS = "Limit it to these depots, at most 100: nothing else exists for it."


def _depots(ids: list[strawberry.ID] | None) -> list[UUID] | None:
    return None if ids is None else [input_id("depot", text, "depotIds", at) for at, text in enumerate(ids)]


def _id(prefix: str, text: strawberry.ID | None, path: str) -> UUID | None:
    return input_id(prefix, text, path) if text is not None else None


@strawberry.input(description="An API key to make.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for, such as `till`.")
    scopes: list[str] = strawberry.field(description=_SCOPES)
    depot_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=_DEPOTS)
    expires_at: datetime | None = strawberry.field(default=None, description="When it ends by itself.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)

    def key(self) -> NewKey:
        """For the service."""
        return NewKey(self.name, self.scopes, _depots(self.depot_ids), self.expires_at)


@strawberry.input(description="Changes to an API key.")
class UpdateApiKeyInput:
    id: strawberry.ID = strawberry.field(description="The key.")
    name: str | None = strawberry.field(default=None, description="What it is for.")
    scopes: list[str] | None = strawberry.field(default=None, description=_SCOPES)
    depot_ids: strawberry.Maybe[list[strawberry.ID] | None] = strawberry.field(
        default=None, description=f"{_DEPOTS} Null takes the limit away."
    )
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> KeyChanges:
        """What is given."""
        depots = self.depot_ids.value if self.depot_ids is not None else None
        lifted = self.depot_ids is not None and depots is None
        return KeyChanges(self.name, self.scopes, _depots(depots), lifted)


@strawberry.input(description="A key to give a new secret.")
class RotateApiKeyInput:
    id: strawberry.ID = strawberry.field(description="The key.")
    previous_valid_for_seconds: int = strawberry.field(
        default=86_400, description="How long its present secret works on beside the new one, 0 to 604,800 seconds."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)


@strawberry.input(description="A key to end.")
class RevokeApiKeyInput:
    id: strawberry.ID = strawberry.field(description="The key.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A token for a portal's page. At most one of depotId, orderId and memberId narrows it.")
class CreateAccessTokenInput:
    scopes: list[str] = strawberry.field(description=_SCOPES)
    expires_in_seconds: int = strawberry.field(default=3600, description="How long it lives, 60 to 3,600 seconds.")
    depot_id: strawberry.ID | None = strawberry.field(default=None, description="Only this depot exists for it.")
    order_id: strawberry.ID | None = strawberry.field(default=None, description="Only this order exists for it.")
    member_id: strawberry.ID | None = strawberry.field(
        default=None, description="It acts as this member, with no more than their rights."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)

    def token(self) -> NewToken:
        """For the service."""
        return NewToken(
            self.scopes,
            self.expires_in_seconds,
            _id("depot", self.depot_id, "depotId"),
            _id("order", self.order_id, "orderId"),
            _id("member", self.member_id, "memberId"),
        )


@strawberry.input(description="A token for a driver's phone.")
class CreateDriverTokenInput:
    driver_id: strawberry.ID = strawberry.field(description="The driver.")
    expires_in_seconds: int = strawberry.field(default=43_200, description="How long it lives, 60 to 86,400 seconds.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY_SECRET)


@strawberry.input(description="A token whose end is put off. Only its maker may.")
class RenewAccessTokenInput:
    id: strawberry.ID = strawberry.field(description="The token.")
    expires_in_seconds: int = strawberry.field(
        default=3600, description="How long it lives from now, at most 24 hours after it was made."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A token to end.")
class RevokeAccessTokenInput:
    id: strawberry.ID = strawberry.field(description="The token.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Somebody to let in. Give either `role` or `roleId`.")
class InviteMemberInput:
    email: str = strawberry.field(description="The address that their sign-in must have verified.")
    name: str = strawberry.field(description="Their name.")
    role: Role | None = strawberry.field(default=None, description="One of the roles that every organization has.")
    role_id: strawberry.ID | None = strawberry.field(default=None, description="A role of the organization's own.")
    depot_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=_DEPOTS)
    driver_id: strawberry.ID | None = strawberry.field(default=None, description="Which driver a DRIVER is.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def member(self) -> NewMember:
        """For the service."""
        return NewMember(
            self.email,
            self.name,
            self.role,
            _id("role", self.role_id, "roleId"),
            _depots(self.depot_ids),
            _id("driver", self.driver_id, "driverId"),
        )


@strawberry.input(description="Changes to a member. A role is changed by either `role` or `roleId`.")
class UpdateMemberInput:
    id: strawberry.ID = strawberry.field(description="The member.")
    name: str | None = strawberry.field(default=None, description="Their name.")
    role: Role | None = strawberry.field(default=None, description="One of the roles that every organization has.")
    role_id: strawberry.ID | None = strawberry.field(default=None, description="A role of the organization's own.")
    depot_ids: strawberry.Maybe[list[strawberry.ID] | None] = strawberry.field(
        default=None, description=f"{_DEPOTS} Null takes the limit away."
    )
    driver_id: strawberry.ID | None = strawberry.field(default=None, description="Which driver a DRIVER is.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> MemberChanges:
        """What is given."""
        depots = self.depot_ids.value if self.depot_ids is not None else None
        return MemberChanges(
            self.name,
            self.role,
            _id("role", self.role_id, "roleId"),
            _depots(depots),
            self.depot_ids is not None and depots is None,
            _id("driver", self.driver_id, "driverId"),
        )


@strawberry.input(description="A member whose access ends.")
class RemoveMemberInput:
    id: strawberry.ID = strawberry.field(description="The member.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A role to make.")
class CreateRoleInput:
    name: str = strawberry.field(description="Its name, unlike that of any other role.")
    permissions: list[str] = strawberry.field(description="What its members may do, such as `orders:read`.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Changes to a role; they count for all members who have it.")
class UpdateRoleInput:
    id: strawberry.ID = strawberry.field(description="The role.")
    name: str | None = strawberry.field(default=None, description="Its name.")
    permissions: list[str] | None = strawberry.field(default=None, description="What its members may do.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A role to delete.")
class DeleteRoleInput:
    id: strawberry.ID = strawberry.field(description="The role.")
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="Changes to on-demand dispatch; what is left out stays.")
class DispatchPolicyInput:
    enabled: bool | None = strawberry.field(default=None, description="Whether the dispatcher works for this tenant.")
    offer_seconds: int | None = strawberry.field(
        default=None,
        description="How long a driver may think about an offer, 5 to 600; 0: orders are assigned without asking.",
    )
    most_orders: int | None = strawberry.field(
        default=None, description="How many orders a courier may have at a time, 1 to 50."
    )

    def changes(self) -> TenantChanges:
        """What is given."""
        changes = TenantChanges()
        if self.enabled is not None:
            changes["dispatch_enabled"] = self.enabled
        if self.offer_seconds is not None:
            changes["dispatch_offer_seconds"] = self.offer_seconds
        if self.most_orders is not None:
            changes["dispatch_most_orders"] = self.most_orders
        return changes


@strawberry.input(description="How much longer roads take at some hours than the road network says.")
class TravelTimeFactorInput:
    profile: RoadProfile = strawberry.field(description="The way of moving about that it holds for.")
    weekdays: list[int] | None = strawberry.field(
        default=None, description="The weekdays that it holds on: 1 is Monday, 7 is Sunday; all when left out."
    )
    from_hour: int = strawberry.field(
        default=0, description="The hour from which it holds, 0 to 23, on the depot's clock on the wall."
    )
    until_hour: int = strawberry.field(
        default=24, description="The hour until which it holds, 1 to 24 and after `fromHour`."
    )
    factor: float = strawberry.field(
        description="What the network's durations are multiplied by, 0.5 to 3: 1.5 makes ten minutes fifteen."
    )

    def value(self) -> HourFactor:
        """What is given."""
        days = WEEK if self.weekdays is None else frozenset(self.weekdays)
        return HourFactor(self.profile, self.from_hour, self.until_hour, self.factor, days)


@strawberry.input(description="Changes to how a tenant wants some things done.")
class PoliciesInput:
    complete_without_arrival: bool | None = strawberry.field(
        default=None,
        description="Whether a driver may complete a stop on the way to it, without reporting the arrival first.",
    )
    persisted_documents_only: bool | None = strawberry.field(
        default=None,
        description="Whether only registered documents are answered, except for credentials that hold `tenant:write`.",
    )
    dispatch: DispatchPolicyInput | None = strawberry.field(default=None, description="On-demand dispatch.")
    nearest_depot: bool | None = strawberry.field(
        default=None,
        description="Whether a DELIVERY that names no depot gets the nearest one that is open when it is due, as it is taken in; otherwise the plan decides from which depot it comes.",
    )
    travel_times: list[TravelTimeFactorInput] | None = strawberry.field(
        default=None,
        description="How much longer roads take at some hours, instead of what was set until now; at most 100, no two for the same hour.",
    )

    def changes(self) -> TenantChanges:
        """What is given."""
        changes = TenantChanges()
        if self.complete_without_arrival is not None:
            changes["complete_without_arrival"] = self.complete_without_arrival
        if self.persisted_documents_only is not None:
            changes["persisted_only"] = self.persisted_documents_only
        if self.nearest_depot is not None:
            changes["nearest_depot"] = self.nearest_depot
        if self.dispatch is not None:
            changes.update(self.dispatch.changes())
        if self.travel_times is not None:
            changes["travel_time_factors"] = [one.value() for one in self.travel_times]
        return changes


@strawberry.input(description="Changes to the tenant's settings.")
class UpdateTenantInput:
    name: str | None = strawberry.field(default=None, description="Its name.")
    time_zone: TimeZone | None = strawberry.field(default=None, description="The time zone of its civil days.")
    country: strawberry.Maybe[CountryCode | None] = strawberry.field(
        default=None, description="The country taken where an address names none; null: none is taken."
    )
    currency: CurrencyCode | None = strawberry.field(default=None, description="The currency of its amounts.")
    locale: str | None = strawberry.field(default=None, description="Its language, such as `en` or `de-CH`.")
    allowed_origins: list[str] | None = strawberry.field(
        default=None,
        description="Origins whose pages may call, such as `https://portal.example.com`, instead of those until now; at most 20.",
    )
    policies: PoliciesInput | None = strawberry.field(default=None, description="How it wants some things done.")
    if_version: int | None = strawberry.field(default=None, description=_VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)

    def changes(self) -> TenantChanges:
        """What is given."""
        changes = TenantChanges()
        if self.name is not None:
            changes["name"] = self.name
        if self.time_zone is not None:
            changes["time_zone"] = self.time_zone
        if self.country is not None:
            changes["country"] = self.country.value
        if self.currency is not None:
            changes["currency"] = self.currency
        if self.locale is not None:
            changes["locale"] = self.locale
        if self.policies is not None:
            changes.update(self.policies.changes())
        if self.allowed_origins is not None:
            changes["allowed_origins"] = self.allowed_origins
        return changes
