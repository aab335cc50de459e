"""answerDispatchOffer."""

from typing import Annotated

import strawberry

from doorstep.dispatch.graphql.types import DispatchOffer, load_offers
from doorstep.dispatch.model import OfferAnswer
from doorstep.dispatch.service import answer_offer
from doorstep.kernel.graphql.context import Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.scope import Scope


@strawberry.input(description="A driver's answer to an offer.")
class AnswerDispatchOfferInput:
    offer_id: strawberry.ID = strawberry.field(description="The offer: OFFERED, before its deadline.")
    answer: OfferAnswer = strawberry.field(description="Yes or no.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours).",
    )


@strawberry.type(description="The answer to answerDispatchOffer.")
class AnswerDispatchOfferPayload(Payload):
    @strawberry.field(description="The offer as it is now; null when the answer was refused.")
    async def offer(self, info: Info) -> DispatchOffer | None:
        identifier = self.outcome_id()
        return await info.context.load(load_offers, identifier) if identifier else None


@strawberry.type
class DispatchMutation:
    @strawberry.mutation(
        description=(
            "Answer an offer: by its driver's token, or by the office for the driver. After a yes the order is put on the route within moments "
            "(ASSIGNED), or the offer is WITHDRAWN, should it not fit any more. The same answer again changes nothing."
        )
    )
    async def answer_dispatch_offer(
        self, info: Info, input: Annotated[AnswerDispatchOfferInput, strawberry.argument(description="The answer.")]
    ) -> AnswerDispatchOfferPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await answer_offer(scope, input_id("offer", input.offer_id, "offerId"), input.answer)

        return await info.context.write("answerDispatchOffer", input, AnswerDispatchOfferPayload, use_case)
