"""The enumerations of orders, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.orders.model import (
    ActorRole,
    CancelReason,
    Custody,
    LocationCheck,
    LocationReason,
    LocationStatus,
    OrderActionKind,
    OrderKind,
    OrderStatus,
    ProofKind,
    Readiness,
)
from doorstep.orders.service.drafts import CreatePolicy

show_enum(
    OrderKind,
    "What an order asks for.",
    {
        OrderKind.DELIVERY: "Loaded at the depot, brought to the recipient.",
        OrderKind.PICKUP_AND_DELIVERY: "Fetched at one address, brought to another.",
    },
)
show_enum(
    OrderStatus,
    "Where an order stands.",
    {
        OrderStatus.PENDING: "Taken in, on nobody's route.",
        OrderStatus.OFFERED: "Offered to a partner carrier or to a driver, whose answer is awaited.",
        OrderStatus.ASSIGNED: "On a committed route, or accepted by a partner carrier.",
        OrderStatus.EN_ROUTE_TO_PICKUP: "The driver is on the way to where it is fetched.",
        OrderStatus.AT_PICKUP: "The driver is where it is fetched.",
        OrderStatus.PICKED_UP: "On board.",
        OrderStatus.EN_ROUTE_TO_DROPOFF: "The driver is on the way to the recipient.",
        OrderStatus.AT_DROPOFF: "The driver is at the door.",
        OrderStatus.DELIVERED: "Handed over; final.",
        OrderStatus.ATTEMPT_FAILED: "A try failed; somebody decides what comes next.",
        OrderStatus.AWAITING_REATTEMPT: "It will be tried again; plans may take it.",
        OrderStatus.RETURNING: "On its way back.",
        OrderStatus.RETURNED: "Back at the depot; final.",
        OrderStatus.CANCELLED: "Called off before the goods left; final.",
    },
)
show_enum(
    Custody,
    "Who holds the goods.",
    {
        Custody.SENDER: "The sender, at the pickup address.",
        Custody.DEPOT: "The depot.",
        Custody.VEHICLE: "The driver, in the vehicle.",
        Custody.RECIPIENT: "The recipient.",
    },
)
show_enum(
    Readiness,
    "How far the goods of an order are, in the kitchen or the warehouse.",
    {
        Readiness.NOT_READY: "Not begun; on-demand dispatch waits for a word of when.",
        Readiness.PREPARING: "Being made or packed.",
        Readiness.READY: "They can be fetched or loaded now.",
    },
)
show_enum(
    LocationStatus,
    "Whether an order's addresses are known well enough to send somebody there.",
    {
        LocationStatus.LOCATED: "All ends have coordinates.",
        LocationStatus.NEEDS_LOCATION: "An address was not found for sure: the order stays out of plans until updateOrder gives coordinates or a better address.",
    },
)
show_enum(
    LocationCheck,
    "Whether a point was held against the road network.",
    {
        LocationCheck.CHECKED: "A road leads there.",
        LocationCheck.UNCHECKED: "The road engine did not answer in time, or there is no point yet; planning checks it.",
    },
)
show_enum(
    LocationReason,
    "Why an address was not found for sure.",
    {
        LocationReason.NO_MAP: "This installation has no map.",
        LocationReason.OTHER_COUNTRY: "The map shows another country.",
        LocationReason.NOT_FOUND: "Nothing like it is on the map.",
        LocationReason.STREET_ONLY: "The street was found, the house number was not.",
        LocationReason.PLACE_ONLY: "Only the town was found.",
        LocationReason.AMBIGUOUS: "Several houses fit.",
        LocationReason.DOUBTFUL: "What was found is too different.",
        LocationReason.NO_TIME: "So many misspelt addresses came at once that this one was not searched for: updateOrder with `coordinates: null` looks again.",
    },
)
show_enum(
    ProofKind,
    "What a driver can show for a delivery.",
    {
        ProofKind.PIN: "The recipient tells a number.",
        ProofKind.BARCODE: "Every package's barcode is scanned.",
        ProofKind.NOTE: "The driver writes what happened.",
        ProofKind.LEFT_WITH: "The name of whoever took it.",
    },
)
show_enum(
    OrderActionKind,
    "What can be done to an order.",
    {
        OrderActionKind.LOCATE: "Give coordinates or a better address.",
        OrderActionKind.ASSIGN: "Put it on a route: by a plan that is committed, or directly.",
        OrderActionKind.TENDER: "Offer it to partner carriers.",
        OrderActionKind.WITHDRAW: "Take the offer to a partner carrier back.",
        OrderActionKind.UNASSIGN: "Take it off its route.",
        OrderActionKind.DEPART: "Drive towards it.",
        OrderActionKind.ARRIVE: "Be there.",
        OrderActionKind.PICK_UP: "Take the goods on board.",
        OrderActionKind.DELIVER: "Hand it over.",
        OrderActionKind.FAIL: "Give this try up, with a reason.",
        OrderActionKind.RETURN: "Bring it back to the depot.",
        OrderActionKind.CANCEL: "Call it off; goods on board come back first.",
    },
)
show_enum(
    ActorRole,
    "Whose act something is.",
    {
        ActorRole.MERCHANT: "Whoever ordered.",
        ActorRole.DISPATCHER: "Whoever plans and dispatches.",
        ActorRole.DRIVER: "Whoever drives.",
    },
)
show_enum(
    CancelReason,
    "Why an order is called off.",
    {
        CancelReason.CUSTOMER_REQUEST: "The customer asked for it.",
        CancelReason.OUT_OF_STOCK: "The goods are not there.",
        CancelReason.DUPLICATE: "It was ordered twice.",
        CancelReason.ADDRESS: "Nobody can be sent to the address.",
        CancelReason.CLOSED: "The sender or the recipient is closed.",
        CancelReason.OTHER: "Something else.",
    },
)
show_enum(
    CreatePolicy,
    "What one bad order means for the others of its call.",
    {
        CreatePolicy.REJECT_ALL: "Nothing is created unless every order is sound.",
        CreatePolicy.REJECT_FAILED: "The sound ones are created, the others answered with their problems.",
    },
)
