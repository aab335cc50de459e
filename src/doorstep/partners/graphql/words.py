"""The enumerations of partners, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.partners.model import (
    PartnershipStatus,
    PartnerSide,
    ReportAct,
    SharedField,
    TenderReason,
    TenderStatus,
)

show_enum(
    PartnershipStatus,
    "Where a partnership stands.",
    {
        PartnershipStatus.INVITED: "The merchant's invitation waits to be redeemed.",
        PartnershipStatus.ACTIVE: "Orders may be offered over it.",
        PartnershipStatus.ENDED: "Nothing more is offered; what was accepted runs to its end.",
    },
)
show_enum(
    TenderStatus,
    "Where a tender stands.",
    {
        TenderStatus.OFFERED: "The carrier may accept or decline until the deadline.",
        TenderStatus.ACCEPTED: "The carrier has an order of its own for it.",
        TenderStatus.DECLINED: "The carrier did not want it; final.",
        TenderStatus.EXPIRED: "Nobody answered in time; final.",
        TenderStatus.WITHDRAWN: "The merchant took the offer back; final.",
        TenderStatus.RELEASED: "The carrier gave it back before it had the goods; final.",
        TenderStatus.CANCELLED: "The merchant called the order off before the carrier had the goods; final.",
        TenderStatus.FULFILLED: "Delivered, or brought back; final.",
    },
)
show_enum(
    TenderReason,
    "Why a carrier declines or releases.",
    {
        TenderReason.PRICE: "The price is too low.",
        TenderReason.NO_CAPACITY: "No driver is free.",
        TenderReason.NO_VEHICLE: "No vehicle fits.",
        TenderReason.AREA: "It lies where the carrier does not go.",
        TenderReason.TIME: "The windows cannot be met.",
        TenderReason.OTHER: "Something else.",
    },
)
show_enum(
    SharedField,
    "What a merchant may share of its orders, beside what every delivery needs: addresses, windows, load and which proofs are required.",
    {
        SharedField.REFERENCE: "The ticket number (or the reference where there is none), as the carrier's `displayReference`.",
        SharedField.CONTACT_NAME: "Names of whom to ask for.",
        SharedField.CONTACT_PHONE: "Telephone numbers.",
        SharedField.CONTACT_EMAIL: "E-mail addresses.",
        SharedField.INSTRUCTIONS: "What the driver should know.",
        SharedField.ACCESS_CODE: "What opens the door.",
        SharedField.PACKAGES: "The parcels one by one, with barcodes and compartments; without it the load alone.",
        SharedField.SKILLS: "The required skills, and how much must travel in which compartment.",
        SharedField.METADATA: "The merchant's own data.",
        SharedField.PIN: "The PIN itself; without it the carrier's driver can still show what the recipient says, which is compared with its hash.",
    },
)
show_enum(
    PartnerSide,
    "Which of the two companies of a partnership.",
    {PartnerSide.MERCHANT: "Whose orders are offered.", PartnerSide.CARRIER: "Who brings them."},
)
show_enum(
    ReportAct,
    "What a carrier's own dispatch system says has happened to an order. Steps that are left out are taken as well.",
    {
        ReportAct.ASSIGN: "A driver has it: ASSIGNED.",
        ReportAct.DEPART: "Sets off, for the pickup or for the drop-off.",
        ReportAct.ARRIVE: "Is there, at the pickup or at the drop-off.",
        ReportAct.PICK_UP: "Has the goods on board: PICKED_UP.",
        ReportAct.DELIVER: "Handed over, with every required proof: DELIVERED.",
        ReportAct.FAIL: "This try failed, for a reason: ATTEMPT_FAILED.",
        ReportAct.RETRY: "It will be tried again: AWAITING_REATTEMPT.",
        ReportAct.RETURN: "On its way back to the sender: RETURNING.",
        ReportAct.HAND_BACK: "Back with the sender: RETURNED.",
    },
)
