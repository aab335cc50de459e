"""The enumerations of tracking, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.tracking.model import AttemptOutcome, FailureReason, StopAct
from doorstep.tracking.model.recipients import TrackingStatus, TrackingTrouble

show_enum(
    StopAct,
    "What a driver does at a stop.",
    {
        StopAct.DEPART: "Sets off for the stop. Whichever stop was under way before is left without an outcome.",
        StopAct.ARRIVE: "Is there.",
        StopAct.COMPLETE: "Has done it: loaded at the depot, fetched at a pickup, handed over at a dropoff (with every required proof), paused, come back.",
        StopAct.FAIL: "Could not do it, for a reason. Goods on board come back to the depot; what was not fetched is off the route.",
        StopAct.SKIP: "Not now: with goods on board for it the stop goes last, else its orders are off the route.",
    },
)
show_enum(
    FailureReason,
    "Why an attempt failed.",
    {
        FailureReason.NOT_HOME: "Nobody was there.",
        FailureReason.ADDRESS_NOT_FOUND: "The address could not be found.",
        FailureReason.NO_ACCESS: "The way to the door was closed.",
        FailureReason.REFUSED: "The recipient did not want it: it goes back.",
        FailureReason.DAMAGED: "The goods are damaged: they go back.",
        FailureReason.MISSING_ITEMS: "Something is missing.",
        FailureReason.AGE_CHECK_FAILED: "The recipient is too young, or did not show it.",
        FailureReason.PIN_WRONG: "The recipient did not know the PIN.",
        FailureReason.PAYMENT_FAILED: "It could not be paid.",
        FailureReason.NOT_READY: "The goods were not ready to be fetched.",
        FailureReason.CLOSED: "The place was closed.",
        FailureReason.NO_TIME: "There was no time left.",
        FailureReason.VEHICLE_TROUBLE: "The vehicle failed.",
        FailureReason.WEATHER: "The weather did not allow it.",
        FailureReason.UNSAFE: "It was not safe.",
        FailureReason.OTHER: "Something else; the note says what.",
    },
)
show_enum(
    AttemptOutcome,
    "How one try ended.",
    {AttemptOutcome.DELIVERED: "Handed over.", AttemptOutcome.FAILED: "Not handed over, or not fetched."},
)
show_enum(
    TrackingStatus,
    "Where an order stands, in its recipient's words.",
    {
        TrackingStatus.RECEIVED: "The company has it; nobody is to bring it yet.",
        TrackingStatus.SCHEDULED: "Somebody is to bring it; it is not on board.",
        TrackingStatus.ON_THE_WAY: "On board; others may come first.",
        TrackingStatus.COMING: "The driver is on the way to this recipient.",
        TrackingStatus.AT_THE_DOOR: "The driver is there.",
        TrackingStatus.DELIVERED: "Handed over.",
        TrackingStatus.NOT_DELIVERED: "A try failed; the company decides what comes next.",
        TrackingStatus.WILL_BE_TRIED_AGAIN: "A try failed, and there will be another.",
        TrackingStatus.GOES_BACK: "It goes back to the company, or is there.",
        TrackingStatus.CANCELLED: "It was called off.",
    },
)
show_enum(
    TrackingTrouble,
    "Why a try failed, in the recipient's words.",
    {
        TrackingTrouble.NOBODY_THERE: "Nobody was there, or the place was closed.",
        TrackingTrouble.ADDRESS_NOT_FOUND: "The address could not be found.",
        TrackingTrouble.NO_ACCESS: "The way to the door was closed.",
        TrackingTrouble.REFUSED: "It was not accepted at the door.",
        TrackingTrouble.CHECK_FAILED: "A PIN, an age check or a payment did not succeed.",
        TrackingTrouble.ON_OUR_SIDE: "Something that the recipient could not have helped.",
    },
)
