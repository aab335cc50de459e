"""The enumerations of dispatch, as the schema describes them."""

from doorstep.dispatch.model import OfferAnswer, OfferState
from doorstep.kernel.graphql.enums import show_enum

show_enum(
    OfferState,
    "Where an offer to a driver stands.",
    {
        OfferState.OFFERED: "The driver may answer until the deadline.",
        OfferState.ACCEPTED: "The driver said yes; the order is about to be put on the route.",
        OfferState.ASSIGNED: "The order is on the driver's route; final.",
        OfferState.DECLINED: "The driver said no; final.",
        OfferState.EXPIRED: "Nobody answered in time; final.",
        OfferState.WITHDRAWN: "The order was called off, or did not fit any more; final.",
    },
    name="DispatchOfferState",
)
show_enum(
    OfferAnswer,
    "What a driver says to an offer.",
    {
        OfferAnswer.ACCEPT: "Yes: the order is put on the driver's route.",
        OfferAnswer.DECLINE: "No: it goes to the next.",
    },
    name="DispatchAnswer",
)
