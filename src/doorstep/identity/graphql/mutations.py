"""Mutations of identity: the company's keys, tokens, members, roles and settings. Secrets are shown by the call that made them, and never again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

from doorstep.identity.graphql.inputs import (
    CreateAccessTokenInput,
    CreateApiKeyInput,
    CreateDriverTokenInput,
    CreateRoleInput,
    DeleteRoleInput,
    InviteMemberInput,
    RemoveMemberInput,
    RenewAccessTokenInput,
    RevokeAccessTokenInput,
    RevokeApiKeyInput,
    RotateApiKeyInput,
    UpdateApiKeyInput,
    UpdateMemberInput,
    UpdateRoleInput,
    UpdateTenantInput,
)
from doorstep.identity.graphql.types import (
    AccessToken,
    ApiKey,
    CustomRole,
    Member,
    Tenant,
    load_api_keys,
    load_members,
    load_roles,
    load_tenant,
    load_tokens,
)
from doorstep.identity.service import keys, members, roles, settings, tokens
from doorstep.kernel.graphql.context import Context, Info, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.scope import Scope

_INPUT = strawberry.argument(description="All that the mutation needs.")
_SECRET = "The secret, shown this once: keep it now. Null when it was refused, and in a replay."  # noqa: S105 - a description


@strawberry.type
class SecretPayload(Payload):
    """Base of the answers that show a secret; not in the schema by itself."""

    secret: str | None = strawberry.field(default=None, description=_SECRET)


@strawberry.type
class KeyPayload(Payload):
    """Base of the answers that show a key; not in the schema by itself."""

    @strawberry.field(description="The key as it is now; null when there is none to show.")
    async def api_key(self, info: Info) -> ApiKey | None:
        identifier = self.outcome_id()
        return await info.context.load(load_api_keys, identifier) if identifier else None


@strawberry.type(description="The answer to createApiKey.")
class CreateApiKeyPayload(KeyPayload, SecretPayload):
    pass


@strawberry.type(description="The answer to updateApiKey.")
class UpdateApiKeyPayload(KeyPayload):
    pass


@strawberry.type(description="The answer to rotateApiKey.")
class RotateApiKeyPayload(KeyPayload, SecretPayload):
    pass


@strawberry.type(description="The answer to revokeApiKey.")
class RevokeApiKeyPayload(KeyPayload):
    pass


@strawberry.type
class TokenPayload(Payload):
    """Base of the answers that show a token; not in the schema by itself."""

    @strawberry.field(description="The token as it is now; null when there is none to show.")
    async def access_token(self, info: Info) -> AccessToken | None:
        identifier = self.outcome_id()
        return await info.context.load(load_tokens, identifier) if identifier else None


@strawberry.type(description="The answer to createAccessToken.")
class CreateAccessTokenPayload(TokenPayload, SecretPayload):
    pass


@strawberry.type(description="The answer to createDriverToken.")
class CreateDriverTokenPayload(TokenPayload, SecretPayload):
    pass


@strawberry.type(description="The answer to renewAccessToken.")
class RenewAccessTokenPayload(TokenPayload):
    pass


@strawberry.type(description="The answer to revokeAccessToken.")
class RevokeAccessTokenPayload(TokenPayload):
    pass


@strawberry.type
class MemberPayload(Payload):
    """Base of the answers that show a member; not in the schema by itself."""

    @strawberry.field(description="The member as they are now; null when there is none to show.")
    async def member(self, info: Info) -> Member | None:
        identifier = self.outcome_id()
        return await info.context.load(load_members, identifier) if identifier else None


@strawberry.type(description="The answer to inviteMember.")
class InviteMemberPayload(MemberPayload):
    pass


@strawberry.type(description="The answer to updateMember.")
class UpdateMemberPayload(MemberPayload):
    pass


@strawberry.type(description="The answer to removeMember.")
class RemoveMemberPayload(MemberPayload):
    pass


@strawberry.type
class RolePayload(Payload):
    """Base of the answers that show a role; not in the schema by itself."""

    @strawberry.field(description="The role as it is now; null when there is none to show.")
    async def role(self, info: Info) -> CustomRole | None:
        identifier = self.outcome_id()
        return await info.context.load(load_roles, identifier) if identifier else None


@strawberry.type(description="The answer to createRole.")
class CreateRolePayload(RolePayload):
    pass


@strawberry.type(description="The answer to updateRole.")
class UpdateRolePayload(RolePayload):
    pass


@strawberry.type(description="The answer to deleteRole.")
class DeleteRolePayload(Payload):
    pass


@strawberry.type(description="The answer to updateTenant.")
class UpdateTenantPayload(Payload):
    @strawberry.field(description="The tenant as it is now.")
    async def tenant(self, info: Info) -> Tenant | None:
        return await load_tenant(info.context)


S = TypeVar("S", bound=SecretPayload)


async def _write_secret(
    context: Context,
    operation: str,
    input: Any,
    payload: type[S],
    use_case: Callable[[Scope], Awaitable[tuple[dict[str, Any], str]]],
) -> S:
    """The secret goes past the stored outcome, straight into the answer."""
    made: list[tuple[dict[str, Any], str]] = []

    async def remembering(scope: Scope) -> dict[str, Any]:
        outcome, secret = await use_case(scope)
        made[:] = [(outcome, secret)]
        return outcome

    answer = await context.write(operation, input, payload, remembering)
    if made and answer.outcome is made[0][0]:  # not what a twin stored, who won after this one's first try was undone
        answer.secret = made[0][1]
    return answer


@strawberry.type
class IdentityMutation:
    @strawberry.mutation(description="Make an API key. It can do nothing that your own credential cannot.")
    async def create_api_key(
        self, info: Info, input: Annotated[CreateApiKeyInput, _INPUT]
    ) -> CreateApiKeyPayload | None:
        return await _write_secret(
            info.context,
            "createApiKey",
            input,
            CreateApiKeyPayload,
            lambda scope: keys.create_api_key(scope, input.key()),
        )

    @strawberry.mutation(description="Change an API key's name, scopes or depots; effective within 5 seconds.")
    async def update_api_key(
        self, info: Info, input: Annotated[UpdateApiKeyInput, _INPUT]
    ) -> UpdateApiKeyPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await keys.update_api_key(scope, input_id("key", input.id, "id"), input.changes(), input.if_version)

        return await info.context.write("updateApiKey", input, UpdateApiKeyPayload, use_case)

    @strawberry.mutation(
        description="Give an API key a new secret; its present one works on for a while, so that clients change over without a gap."
    )
    async def rotate_api_key(
        self, info: Info, input: Annotated[RotateApiKeyInput, _INPUT]
    ) -> RotateApiKeyPayload | None:
        async def use_case(scope: Scope) -> tuple[dict[str, Any], str]:
            return await keys.rotate_api_key(scope, input_id("key", input.id, "id"), input.previous_valid_for_seconds)

        return await _write_secret(info.context, "rotateApiKey", input, RotateApiKeyPayload, use_case)

    @strawberry.mutation(
        description="End an API key and every token that it made, within 5 seconds, on open sockets, too."
    )
    async def revoke_api_key(
        self, info: Info, input: Annotated[RevokeApiKeyInput, _INPUT]
    ) -> RevokeApiKeyPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await keys.revoke_api_key(scope, input_id("key", input.id, "id"))

        return await info.context.write("revokeApiKey", input, RevokeApiKeyPayload, use_case)

    @strawberry.mutation(
        description="Make a token for a portal's page, so that the page never holds a key. It lives an hour at most, and may be renewed."
    )
    async def create_access_token(
        self, info: Info, input: Annotated[CreateAccessTokenInput, _INPUT]
    ) -> CreateAccessTokenPayload | None:
        return await _write_secret(
            info.context,
            "createAccessToken",
            input,
            CreateAccessTokenPayload,
            lambda scope: tokens.create_access_token(scope, input.token()),
        )

    @strawberry.mutation(
        description="Make a token for a driver's phone: it sees the driver's own dispatched routes with their orders, and acts on them."
    )
    async def create_driver_token(
        self, info: Info, input: Annotated[CreateDriverTokenInput, _INPUT]
    ) -> CreateDriverTokenPayload | None:
        async def use_case(scope: Scope) -> tuple[dict[str, Any], str]:
            driver_id = input_id("driver", input.driver_id, "driverId")
            return await tokens.create_driver_token(scope, driver_id, input.expires_in_seconds)

        return await _write_secret(info.context, "createDriverToken", input, CreateDriverTokenPayload, use_case)

    @strawberry.mutation(
        description="Put off the end of a token that you made: requests and open sockets that use it live on. At most 24 hours in all."
    )
    async def renew_access_token(
        self, info: Info, input: Annotated[RenewAccessTokenInput, _INPUT]
    ) -> RenewAccessTokenPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await tokens.renew_access_token(scope, input_id("token", input.id, "id"), input.expires_in_seconds)

        return await info.context.write("renewAccessToken", input, RenewAccessTokenPayload, use_case)

    @strawberry.mutation(description="End a token, within 5 seconds, on open sockets, too.")
    async def revoke_access_token(
        self, info: Info, input: Annotated[RevokeAccessTokenInput, _INPUT]
    ) -> RevokeAccessTokenPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await tokens.revoke_access_token(scope, input_id("token", input.id, "id"))

        return await info.context.write("revokeAccessToken", input, RevokeAccessTokenPayload, use_case)

    @strawberry.mutation(description="Let somebody sign in with a verified e-mail address.")
    async def invite_member(
        self, info: Info, input: Annotated[InviteMemberInput, _INPUT]
    ) -> InviteMemberPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await members.invite_member(scope, input.member())

        return await info.context.write("inviteMember", input, InviteMemberPayload, use_case)

    @strawberry.mutation(description="Change a member's name, role, depots or driver; effective within 5 seconds.")
    async def update_member(
        self, info: Info, input: Annotated[UpdateMemberInput, _INPUT]
    ) -> UpdateMemberPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            member_id = input_id("member", input.id, "id")
            return await members.update_member(scope, member_id, input.changes(), input.if_version)

        return await info.context.write("updateMember", input, UpdateMemberPayload, use_case)

    @strawberry.mutation(description="End a member's access and the tokens that they made, within 5 seconds.")
    async def remove_member(
        self, info: Info, input: Annotated[RemoveMemberInput, _INPUT]
    ) -> RemoveMemberPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await members.remove_member(scope, input_id("member", input.id, "id"))

        return await info.context.write("removeMember", input, RemoveMemberPayload, use_case)

    @strawberry.mutation(description="Make a role of the organization's own.")
    async def create_role(self, info: Info, input: Annotated[CreateRoleInput, _INPUT]) -> CreateRolePayload | None:
        return await info.context.write(
            "createRole",
            input,
            CreateRolePayload,
            lambda scope: roles.create_role(scope, input.name, input.permissions),
        )

    @strawberry.mutation(description="Change a role, for all members who have it.")
    async def update_role(self, info: Info, input: Annotated[UpdateRoleInput, _INPUT]) -> UpdateRolePayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            role_id = input_id("role", input.id, "id")
            return await roles.update_role(scope, role_id, input.name, input.permissions, input.if_version)

        return await info.context.write("updateRole", input, UpdateRolePayload, use_case)

    @strawberry.mutation(description="Delete a role that no member has.")
    async def delete_role(self, info: Info, input: Annotated[DeleteRoleInput, _INPUT]) -> DeleteRolePayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await roles.delete_role(scope, input_id("role", input.id, "id"))

        return await info.context.write("deleteRole", input, DeleteRolePayload, use_case)

    @strawberry.mutation(description="Change the tenant's settings; running processes follow within 2 seconds.")
    async def update_tenant(
        self, info: Info, input: Annotated[UpdateTenantInput, _INPUT]
    ) -> UpdateTenantPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await settings.update_tenant(scope, input.changes(), input.if_version)

        return await info.context.write("updateTenant", input, UpdateTenantPayload, use_case)
