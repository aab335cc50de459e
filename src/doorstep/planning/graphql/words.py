"""The enumerations of planning, as the schema describes them."""

from doorstep.kernel.graphql.enums import show_enum
from doorstep.planning.model import (
    ExplanationStatus,
    PlanChangeKind,
    PlanObjective,
    PlanPhase,
    PlanRelationKind,
    PlanStatus,
    RelaxationKind,
    RelaxationSearch,
    RouteRule,
    RouteStatus,
    StopKind,
    StopStatus,
    UnassignedCode,
)
from doorstep.planning.service import OnChanged

show_enum(
    PlanStatus,
    "Where a plan stands.",
    {
        PlanStatus.DRAFT: "Made, not optimized yet.",
        PlanStatus.OPTIMIZING: "Being optimized; `planProgress` tells how far.",
        PlanStatus.PROPOSED: "Ready to look at; nothing about orders or vehicles has changed yet.",
        PlanStatus.COMMITTED: "True: its orders are assigned to its routes; final.",
        PlanStatus.SUPERSEDED: "A newer plan took orders of it; final.",
        PlanStatus.FAILED: "The optimization failed; `failureReason` says why, optimizePlan tries again.",
        PlanStatus.CANCELLED: "Given up; final.",
    },
)
show_enum(
    PlanPhase,
    "What an optimization is busy with.",
    {
        PlanPhase.QUEUED: "Waiting for a worker, or not asked for yet.",
        PlanPhase.ROADS: "Asking the roads for travel times.",
        PlanPhase.SOLVING: "Looking for good routes.",
        PlanPhase.PATHS: "Asking the roads for the routes' paths.",
        PlanPhase.DONE: "Over.",
    },
)
show_enum(
    PlanObjective,
    "What a plan should have little of, after leaving out as few orders as possible (those of low priority first).",
    {
        PlanObjective.COST: "Cost: fixed, per hour and per kilometre, as the vehicles' costs say.",
        PlanObjective.DURATION: "Time at the wheel: `drivingSeconds`, not `durationSeconds`.",
        PlanObjective.DISTANCE: "Kilometres.",
        PlanObjective.FEWEST_VEHICLES: "Vehicles, then cost.",
        PlanObjective.EMISSIONS: "CO2e: kilometres × each vehicle's `emissionsGramsPerKilometer`, which must be known (EMISSIONS_UNKNOWN).",
        PlanObjective.ON_TIME: "Lateness, then cost; with `lateness`, which says how late an order may be rather than left out.",
        PlanObjective.BALANCE: "Work of the longest route, then of the second longest, and so on, of the vehicles that the cheapest plan uses.",
    },
)
show_enum(
    PlanRelationKind,
    "How orders of a plan belong together. What cannot be kept is not broken: the orders stay unassigned with RELATION.",
    {
        PlanRelationKind.SAME_ROUTE: "All on one route, or none on any.",
        PlanRelationKind.DIFFERENT_ROUTES: "No two on one route; any of them may stay unassigned.",
        PlanRelationKind.IN_SEQUENCE: "On one route, each delivered somewhere after the one before it; others may lie between. Where one stays unassigned, all after it do.",
    },
)
show_enum(
    PlanChangeKind,
    "What is different for an order between two plans; the first that holds.",
    {
        PlanChangeKind.ASSIGNED: "It is on a route, and was on none.",
        PlanChangeKind.UNASSIGNED: "It is on no route, and was on one.",
        PlanChangeKind.MOVED: "Another shift brings it.",
        PlanChangeKind.RETIMED: "The same shift brings it at another time.",
    },
)
show_enum(
    RouteRule,
    "What a change of a route by hand would break, or break worse than it is broken now.",
    {
        RouteRule.WINDOW: "An order would be reached after its windows; `excess` is seconds.",
        RouteRule.CAPACITY: "More than the vehicle can carry; `excess` is what does not fit, in grams, cubic centimetres or items.",
        RouteRule.COMPARTMENT: "The vehicle has not the compartment that a package must travel in.",
        RouteRule.SKILL: "Driver and vehicle lack a skill that an order requires.",
        RouteRule.VEHICLE_KIND: "An order may not go by this kind of vehicle.",
        RouteRule.DEPOT: "The shift does not start at the order's depot.",
        RouteRule.PINNED: "The order's goods are in another vehicle.",
        RouteRule.UNREACHABLE: "No road leads there.",
        RouteRule.SHIFT: "The route would end after the shift; `excess` is seconds.",
        RouteRule.BREAK: "A break could not be taken as the shift wants it.",
        RouteRule.MAX_STOPS: "More stops than the shift allows.",
        RouteRule.MAX_DISTANCE: "Longer than shift and vehicle allow; `excess` is metres.",
        RouteRule.MAX_DRIVING: "More time at the wheel than the shift allows; `excess` is seconds.",
    },
)
show_enum(
    RouteStatus,
    "Where a route stands.",
    {
        RouteStatus.DRAFT: "Part of a plan that is not committed.",
        RouteStatus.COMMITTED: "True, but its driver does not know of it yet.",
        RouteStatus.DISPATCHED: "With its driver, not begun.",
        RouteStatus.IN_PROGRESS: "Being driven.",
        RouteStatus.COMPLETED: "Done; final.",
        RouteStatus.CANCELLED: "Given up; final.",
    },
)
show_enum(
    StopKind,
    "What happens at a stop.",
    {
        StopKind.DEPOT_START: "The vehicle is loaded at its depot.",
        StopKind.PICKUP: "Orders are fetched.",
        StopKind.DROPOFF: "Orders are handed over.",
        StopKind.BREAK: "The driver pauses, wherever the vehicle is.",
        StopKind.RELOAD: "The vehicle is back at its depot to be loaded for its next tour; goods that come back are handed in.",
        StopKind.DEPOT_END: "The vehicle is back; what is still on board is handed in.",
    },
)
show_enum(
    StopStatus,
    "Where a stop stands.",
    {
        StopStatus.PENDING: "Still to come.",
        StopStatus.EN_ROUTE: "The driver is on the way to it.",
        StopStatus.ARRIVED: "The driver is there.",
        StopStatus.COMPLETED: "Done; final.",
        StopStatus.FAILED: "Tried without success; final.",
        StopStatus.SKIPPED: "Left out by the driver; final.",
        StopStatus.CANCELLED: "No longer needed; final.",
    },
)
show_enum(
    UnassignedCode,
    "Why an order is on no route of a plan.",
    {
        UnassignedCode.CAPACITY: "It is larger than what the vehicle, or its compartment, can carry.",
        UnassignedCode.COMPARTMENT: "The vehicle has not the compartment that one of its packages must travel in.",
        UnassignedCode.SKILL: "Driver and vehicle lack a skill that it requires.",
        UnassignedCode.VEHICLE_KIND: "It may not go by this kind of vehicle.",
        UnassignedCode.DEPOT: "The shift does not start at its depot.",
        UnassignedCode.PINNED: "It is pinned to another shift.",
        UnassignedCode.RELATION: "It would fit by itself, but not as its relation to other orders asks, or one of those is left out.",
        UnassignedCode.UNREACHABLE: "No road leads there that the vehicle may take.",
        UnassignedCode.WINDOW: "The vehicle cannot be there within its windows.",
        UnassignedCode.SHIFT: "The shift is too short to go there and back.",
        UnassignedCode.RANGE: "The way there and back is longer than the shift's longest distance or the vehicle's range.",
        UnassignedCode.LIMIT: "It would exceed the shift's stops or driving time.",
        UnassignedCode.PRIORITY: "Orders of higher priority took the room.",
        UnassignedCode.NO_ROOM: "It would fit alone, but not beside the others.",
        UnassignedCode.NEEDS_LOCATION: "Its address was not found; give it coordinates with updateOrder.",
        UnassignedCode.NOT_PLANNABLE: "It was assigned, cancelled or finished before the plan was made.",
        UnassignedCode.DROPPED: "It had changed when the plan was committed with onChanged: DROP.",
    },
)
show_enum(
    OnChanged,
    "What committing does about orders and shifts that changed since the plan saw them.",
    {
        OnChanged.REFUSE: "Refuse with PLAN_STALE or ORDER_TAKEN, one problem for each; nothing is written.",
        OnChanged.DROP: "Leave them out, commit the rest and report what was dropped.",
    },
)
show_enum(
    ExplanationStatus,
    "What the search for something that could give came to.",
    {
        ExplanationStatus.FOUND: "Something would place the order; `relaxations` say what.",
        ExplanationStatus.NONE: "Nothing that can give would place it: see `reasons`.",
        ExplanationStatus.OUT_OF_TIME: "Nothing was found in time; ask again, for fewer orders at once.",
    },
)
show_enum(
    RelaxationKind,
    "What would have to give.",
    {
        RelaxationKind.WINDOW: "A window of the delivery: `amount` seconds.",
        RelaxationKind.PICKUP_WINDOW: "A window of the pickup: `amount` seconds.",
        RelaxationKind.WEIGHT: "What the vehicle, or its `compartment`, carries: `amount` grams.",
        RelaxationKind.VOLUME: "What the vehicle, or its `compartment`, carries: `amount` cubic centimetres.",
        RelaxationKind.ITEMS: "What the vehicle, or its `compartment`, carries: `amount` items.",
        RelaxationKind.COMPARTMENT: "The vehicle has that compartment.",
        RelaxationKind.SKILL: "The driver or the vehicle has `amount` skills more, or the order requires them no longer.",
        RelaxationKind.VEHICLE_KIND: "The order may go by this kind of vehicle.",
        RelaxationKind.DEPOT: "The order is loaded at this shift's depot.",
        RelaxationKind.PIN: "The order is no longer pinned to its shift.",
        RelaxationKind.SHIFT: "The shift ends `amount` seconds later.",
        RelaxationKind.STOPS: "The shift allows `amount` stops more.",
        RelaxationKind.DISTANCE: "The shift or the vehicle goes `amount` metres farther.",
        RelaxationKind.DRIVING: "The shift allows `amount` seconds more at the wheel.",
    },
)
show_enum(
    RelaxationSearch,
    "How a relaxation was found.",
    {
        RelaxationSearch.INSERTION: "The order was put into the proposed routes as they are.",
        RelaxationSearch.RESOLVE: "The nearest routes were solved once more, together with the order.",
    },
)
