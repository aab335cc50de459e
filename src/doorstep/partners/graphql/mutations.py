"""Mutations of partners."""

from typing import Annotated

import strawberry

from doorstep.kernel.graphql.context import Info, Outcome, input_id
from doorstep.kernel.graphql.problems import Payload, Problem, problems_from_json
from doorstep.kernel.graphql.scalars import URL
from doorstep.kernel.scope import Scope
from doorstep.orders.graphql import Order, load_orders
from doorstep.partners import service
from doorstep.partners.graphql.inputs import (
    AcceptPartnershipInput,
    AcceptTenderInput,
    DeclineTenderInput,
    EndPartnershipInput,
    InvitePartnerInput,
    ReleaseTenderInput,
    ReportOrderInput,
    TenderOrderInput,
    UpdatePartnershipInput,
    WithdrawTenderInput,
    ids_given,
)
from doorstep.partners.graphql.types import Partnership, Tender, load_partnerships, load_tenders
from doorstep.settings import Settings

_ONE_INPUT = "All that the mutation needs."


@strawberry.type(description="The partnership as it is now, or why the call was refused.")
class PartnershipPayload(Payload):
    @strawberry.field(description="The partnership; null when the call was refused, except for CONFLICT.")
    async def partnership(self, info: Info) -> Partnership | None:
        identifier = self.outcome_id()
        return await info.context.load(load_partnerships, identifier) if identifier else None


@strawberry.type(description="The invitation, whose link is shown once.")
class InvitePartnerPayload(PartnershipPayload):
    secret: strawberry.Private[str | None] = None

    @strawberry.field(
        description="What the carrier redeems with acceptPartnership, once. Shown now and never again; null in a repeated answer."
    )
    def token(self) -> str | None:
        return self.secret

    @strawberry.field(
        description="The same as a link to this installation's API page, for an e-mail; null in a repeated answer."
    )
    def link(self, info: Info) -> URL | None:
        if self.secret is None:
            return None
        return URL(f"{info.context.services.get(Settings).base_url()}/graphql#invitation={self.secret}")


@strawberry.type(description="The answer to acceptPartnership.")
class AcceptPartnershipPayload(PartnershipPayload):
    pass


@strawberry.type(description="The answer to updatePartnership.")
class UpdatePartnershipPayload(PartnershipPayload):
    pass


@strawberry.type(description="The answer to endPartnership.")
class EndPartnershipPayload(PartnershipPayload):
    pass


@strawberry.type(description="What became of one item of a bulk call.")
class TenderResult:
    index: int = strawberry.field(description="Its place in the input, from 0.")
    given: strawberry.Private[Payload]

    @strawberry.field(description="The tender as it is now; null when the item was refused.")
    async def tender(self, info: Info) -> Tender | None:
        identifier = self.given.outcome_id()
        return await info.context.load(load_tenders, identifier) if identifier else None

    @strawberry.field(description="Why it was refused; empty when it was carried out.")
    def problems(self) -> list[Problem]:
        return self.given.problems


@strawberry.type(description="What became of each item, at most 250.")
class TendersPayload(Payload):
    @strawberry.field(
        description="One result per item, in the order given; empty when the call as a whole was refused."
    )
    def results(self) -> list[TenderResult]:
        return [
            TenderResult(
                index=one["index"],
                given=Payload(outcome={"id": one["id"]}, problems=problems_from_json(one["problems"])),
            )
            for one in self.outcome.get("results", [])
        ]


@strawberry.type(description="The answer to tenderOrder.")
class TenderOrderPayload(TendersPayload):
    pass


@strawberry.type(description="The answer to acceptTender.")
class AcceptTenderPayload(TendersPayload):
    pass


@strawberry.type(description="The answer to declineTender.")
class DeclineTenderPayload(TendersPayload):
    pass


@strawberry.type(description="The answer to withdrawTender.")
class WithdrawTenderPayload(TendersPayload):
    pass


@strawberry.type(description="The answer to releaseTender.")
class ReleaseTenderPayload(TendersPayload):
    pass


@strawberry.type(description="The answer to reportOrder.")
class ReportOrderPayload(Payload):
    @strawberry.field(description="Your order as it is now; null when the report was refused.")
    async def order(self, info: Info) -> Order | None:
        identifier = self.outcome_id()
        return await info.context.load(load_orders, identifier) if identifier else None


@strawberry.type
class PartnersMutation:
    @strawberry.mutation(
        description="Invite a carrier, as the merchant: makes a one-time link that another tenant redeems, or the operator for a new one."
    )
    async def invite_partner(
        self, info: Info, input: Annotated[InvitePartnerInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> InvitePartnerPayload | None:
        tokens: list[str] = []

        async def use_case(scope: Scope) -> Outcome:
            outcome, token = await service.invite_partner(scope, input.invitation())
            tokens[:] = [token]
            return outcome

        payload = await info.context.write("invitePartner", input, InvitePartnerPayload, use_case)
        # Never in the stored outcome: a repeated call gets no token.
        payload.secret = tokens[0] if tokens and not payload.problems else None
        return payload

    @strawberry.mutation(
        description="Redeem an invitation; the tenant of the credential becomes the merchant's carrier."
    )
    async def accept_partnership(
        self, info: Info, input: Annotated[AcceptPartnershipInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> AcceptPartnershipPayload | None:
        return await info.context.write(
            "acceptPartnership",
            input,
            AcceptPartnershipPayload,
            lambda scope: service.accept_partnership(scope, input.token),
        )

    @strawberry.mutation(description="Share other fields, or until another day, as the merchant.")
    async def update_partnership(
        self, info: Info, input: Annotated[UpdatePartnershipInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> UpdatePartnershipPayload | None:
        return await info.context.write(
            "updatePartnership",
            input,
            UpdatePartnershipPayload,
            lambda scope: service.update_partnership(
                scope, input_id("partnership", input.id, "id"), input.patch(), input.if_version
            ),
        )

    @strawberry.mutation(
        description="End a partnership, as either side. Open offers are withdrawn (by the merchant) or declined (by the carrier); orders that "
        "were accepted run to their end, and both sides see it."
    )
    async def end_partnership(
        self, info: Info, input: Annotated[EndPartnershipInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> EndPartnershipPayload | None:
        return await info.context.write(
            "endPartnership",
            input,
            EndPartnershipPayload,
            lambda scope: service.end_partnership(scope, input_id("partnership", input.id, "id")),
        )

    @strawberry.mutation(
        description="Offer orders to partner carriers, each answered by itself. The first of `offers` is asked; when it declines or does not accept "
        "within its deadline, the next one is; after the last the order is PENDING again."
    )
    async def tender_order(
        self, info: Info, input: Annotated[TenderOrderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> TenderOrderPayload | None:
        return await info.context.write(
            "tenderOrder",
            input,
            TenderOrderPayload,
            lambda scope: service.tender_orders(
                scope, ids_given("order", input.order_ids, "orderIds"), input.offered()
            ),
        )

    @strawberry.mutation(
        description="Accept offers, as the carrier. Your own order, with the fields that the merchant shares, is there at once."
    )
    async def accept_tender(
        self, info: Info, input: Annotated[AcceptTenderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> AcceptTenderPayload | None:
        return await info.context.write(
            "acceptTender",
            input,
            AcceptTenderPayload,
            lambda scope: service.accept_tenders(scope, ids_given("tender", input.ids, "ids")),
        )

    @strawberry.mutation(description="Decline offers, as the carrier.")
    async def decline_tender(
        self, info: Info, input: Annotated[DeclineTenderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> DeclineTenderPayload | None:
        return await info.context.write(
            "declineTender",
            input,
            DeclineTenderPayload,
            lambda scope: service.decline_tenders(scope, ids_given("tender", input.ids, "ids"), input.reason),
        )

    @strawberry.mutation(
        description="Take offers back, as the merchant; nobody else of the list is asked. What is accepted is called off with cancelOrder."
    )
    async def withdraw_tender(
        self, info: Info, input: Annotated[WithdrawTenderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> WithdrawTenderPayload | None:
        return await info.context.write(
            "withdrawTender",
            input,
            WithdrawTenderPayload,
            lambda scope: service.withdraw_tenders(scope, ids_given("tender", input.ids, "ids")),
        )

    @strawberry.mutation(
        description="Give accepted orders back, as the carrier, before their goods are on board: the merchant's order is PENDING again."
    )
    async def release_tender(
        self, info: Info, input: Annotated[ReleaseTenderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> ReleaseTenderPayload | None:
        return await info.context.write(
            "releaseTender",
            input,
            ReleaseTenderPayload,
            lambda scope: service.release_tenders(scope, ids_given("tender", input.ids, "ids"), input.reason),
        )

    @strawberry.mutation(
        description="Move an order that came by a tender through its states without a route of Doorstep, for carriers with a dispatch system of "
        "their own; they keep their number in `carrierReference` (updateOrder). Also for an order of yours that a carrier had on board when it was "
        "closed: say yourself how it ended."
    )
    async def report_order(
        self, info: Info, input: Annotated[ReportOrderInput, strawberry.argument(description=_ONE_INPUT)]
    ) -> ReportOrderPayload | None:
        return await info.context.write(
            "reportOrder", input, ReportOrderPayload, lambda scope: service.report_order(scope, input.report())
        )
