"""Mutations of webhooks. Secrets are shown by the call that made them, and never again."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

from doorstep.kernel.graphql.context import Context, Info, input_id
from doorstep.kernel.graphql.documents import DocumentCache
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.scope import Scope
from doorstep.settings import Settings
from doorstep.webhooks import service
from doorstep.webhooks.graphql.inputs import (
    CreateWebhookEndpointInput,
    DeleteWebhookEndpointInput,
    PauseWebhookEndpointInput,
    ReplayWebhookDeliveriesInput,
    ResumeWebhookEndpointInput,
    RotateWebhookSecretInput,
    TestWebhookEndpointInput,
    UpdateWebhookEndpointInput,
)
from doorstep.webhooks.graphql.types import WebhookDelivery, WebhookEndpoint, load_deliveries, load_endpoints

_INPUT = strawberry.argument(description="All that the mutation needs.")
_SECRET = "The secret that signs, shown this once: keep it now. Null when it was refused, and in a replay."  # noqa: S105 - a description


@strawberry.type
class EndpointPayload(Payload):
    """Base of the answers that show an endpoint; not in the schema by itself."""

    @strawberry.field(description="The endpoint as it is now; null when there is none to show.")
    async def endpoint(self, info: Info) -> WebhookEndpoint | None:
        identifier = self.outcome_id()
        return await info.context.load(load_endpoints, identifier) if identifier else None


@strawberry.type
class SecretPayload(EndpointPayload):
    """Base of the answers that show a secret; not in the schema by itself."""

    secret: str | None = strawberry.field(default=None, description=_SECRET)


@strawberry.type(description="The answer to createWebhookEndpoint.")
class CreateWebhookEndpointPayload(SecretPayload):
    pass


@strawberry.type(description="The answer to updateWebhookEndpoint.")
class UpdateWebhookEndpointPayload(EndpointPayload):
    pass


@strawberry.type(description="The answer to pauseWebhookEndpoint.")
class PauseWebhookEndpointPayload(EndpointPayload):
    pass


@strawberry.type(description="The answer to resumeWebhookEndpoint.")
class ResumeWebhookEndpointPayload(EndpointPayload):
    pass


@strawberry.type(description="The answer to rotateWebhookSecret.")
class RotateWebhookSecretPayload(SecretPayload):
    pass


@strawberry.type(description="The answer to replayWebhookDeliveries.")
class ReplayWebhookDeliveriesPayload(EndpointPayload):
    pass


@strawberry.type(description="The answer to testWebhookEndpoint.")
class TestWebhookEndpointPayload(EndpointPayload):
    @strawberry.field(description="The test on its way; read it again (`node`) for its outcome.")
    async def delivery(self, info: Info) -> WebhookDelivery | None:
        identifier = self.outcome_id("delivery_id")
        return await info.context.load(load_deliveries, identifier) if identifier else None


@strawberry.type(description="The answer to deleteWebhookEndpoint.")
class DeleteWebhookEndpointPayload(Payload):
    pass


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


def _private(context: Context) -> bool:
    return context.services.get(Settings).webhooks_private


def _documents(info: Info) -> DocumentCache:
    schema: Any = info.schema
    known: DocumentCache = schema.documents
    return known


@strawberry.type
class WebhooksMutation:
    @strawberry.mutation(
        description=(
            "Have events delivered to an address, from now on: at least once each, those of one order in order, signed by Standard Webhooks. "
            "A receiver answers with a status of 200 to 299 within 15 seconds, and may see an event twice, with the same `webhook-id`."
        )
    )
    async def create_webhook_endpoint(
        self, info: Info, input: Annotated[CreateWebhookEndpointInput, _INPUT]
    ) -> CreateWebhookEndpointPayload | None:
        context = info.context

        async def use_case(scope: Scope) -> tuple[dict[str, Any], str]:
            new = input.endpoint(_documents(info))
            return await service.create_endpoint(scope, context.services.secret_keys, new, private=_private(context))

        return await _write_secret(context, "createWebhookEndpoint", input, CreateWebhookEndpointPayload, use_case)

    @strawberry.mutation(
        description="Change an endpoint; what is on its way already goes where it leads then. Needs every scope that its document is read with."
    )
    async def update_webhook_endpoint(
        self, info: Info, input: Annotated[UpdateWebhookEndpointInput, _INPUT]
    ) -> UpdateWebhookEndpointPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await service.update_endpoint(
                scope,
                input.endpoint_id(),
                input.changes(_documents(info)),
                private=_private(info.context),
                if_version=input.if_version,
            )

        return await info.context.write("updateWebhookEndpoint", input, UpdateWebhookEndpointPayload, use_case)

    @strawberry.mutation(
        description="Deliver nothing to an endpoint until it is resumed. Its events wait for as long as the log goes back."
    )
    async def pause_webhook_endpoint(
        self, info: Info, input: Annotated[PauseWebhookEndpointInput, _INPUT]
    ) -> PauseWebhookEndpointPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await service.pause_endpoint(scope, input_id("webhook", input.id, "id"))

        return await info.context.write("pauseWebhookEndpoint", input, PauseWebhookEndpointPayload, use_case)

    @strawberry.mutation(
        description="Go on with an endpoint that is PAUSED, DISABLED or DOWN where it stands; what waits for another try is tried at once, with an ACTIVE one, too."
    )
    async def resume_webhook_endpoint(
        self, info: Info, input: Annotated[ResumeWebhookEndpointInput, _INPUT]
    ) -> ResumeWebhookEndpointPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await service.resume_endpoint(scope, input_id("webhook", input.id, "id"))

        return await info.context.write("resumeWebhookEndpoint", input, ResumeWebhookEndpointPayload, use_case)

    @strawberry.mutation(
        description="Give an endpoint a new secret; for a while its present one signs as well, so that the receiver changes over without a gap."
    )
    async def rotate_webhook_secret(
        self, info: Info, input: Annotated[RotateWebhookSecretInput, _INPUT]
    ) -> RotateWebhookSecretPayload | None:
        keys = info.context.services.secret_keys

        async def use_case(scope: Scope) -> tuple[dict[str, Any], str]:
            endpoint_id = input_id("webhook", input.id, "id")
            return await service.rotate_secret(scope, keys, endpoint_id, input.previous_valid_for_seconds)

        return await _write_secret(info.context, "rotateWebhookSecret", input, RotateWebhookSecretPayload, use_case)

    @strawberry.mutation(
        description=(
            "Deliver again what follows a cursor or was recorded since an instant, with the same `webhook-id`s, marked as a replay. The endpoint's "
            "cursor goes back, so new events follow when the replay is through, in order."
        )
    )
    async def replay_webhook_deliveries(
        self, info: Info, input: Annotated[ReplayWebhookDeliveriesInput, _INPUT]
    ) -> ReplayWebhookDeliveriesPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            endpoint_id = input_id("webhook", input.id, "id")
            return await service.replay_deliveries(scope, endpoint_id, input.position(scope.tenant_id), input.since)

        return await info.context.write("replayWebhookDeliveries", input, ReplayWebhookDeliveriesPayload, use_case)

    @strawberry.mutation(
        description="Send a test (`type` is WebhookTest) to an endpoint, once, whatever its status; its outcome changes nothing else."
    )
    async def test_webhook_endpoint(
        self, info: Info, input: Annotated[TestWebhookEndpointInput, _INPUT]
    ) -> TestWebhookEndpointPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await service.test_endpoint(scope, input_id("webhook", input.id, "id"))

        return await info.context.write("testWebhookEndpoint", input, TestWebhookEndpointPayload, use_case)

    @strawberry.mutation(
        description="Deliver nothing more to an endpoint, and forget it with the log of its deliveries."
    )
    async def delete_webhook_endpoint(
        self, info: Info, input: Annotated[DeleteWebhookEndpointInput, _INPUT]
    ) -> DeleteWebhookEndpointPayload | None:
        async def use_case(scope: Scope) -> dict[str, Any]:
            return await service.delete_endpoint(scope, input_id("webhook", input.id, "id"))

        return await info.context.write("deleteWebhookEndpoint", input, DeleteWebhookEndpointPayload, use_case)
