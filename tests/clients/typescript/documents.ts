// Made by generate.mjs of the client, from the schema and the .graphql file beside this: do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** A postal address, as people write it. */
export type AddressInput = {
  /** Town. */
  city: string;
  /** Two letters (ISO 3166-1), such as `LI`; left out, the tenant's country. */
  country?: string | null | undefined;
  /** Street and house number, at most 200 characters. */
  line1: string;
  /** Floor, apartment, company. */
  line2?: string | null | undefined;
  /** Postcode; its country's form is checked. */
  postalCode?: string | null | undefined;
  /** State or province, where addresses need one. */
  region?: string | null | undefined;
};

/** A driver's act at a stop. */
export type AdvanceStopInput = {
  /** What the driver does. */
  act: StopAct;
  /** Made by the device for each act, 1 to 64 printable characters: an act that is reported again has no second effect. */
  actId: string;
  /** Where the device was. */
  coordinates?: CoordinatesInput | null | undefined;
  /** Makes the mutation safe to repeat: the same key with the same input has one effect. 1 to 255 printable characters, kept 48 h. */
  idempotencyKey?: string | null | undefined;
  /** A remark on a failure, at most 1,000 characters; needed with the reason OTHER. */
  note?: string | null | undefined;
  /** When it was, by the device's clock; left out: now. Acts that come late are merged by it and never move a state backwards. */
  occurredAt?: string | null | undefined;
  /** COMPLETE or FAIL only these of the stop's orders; left out: all of them. */
  orderIds?: Array<string> | null | undefined;
  /** What is shown for COMPLETE or FAIL, at most 250. */
  proofs?: Array<ProofInput> | null | undefined;
  /** Why it failed; needed for FAIL. */
  reason?: FailureReason | null | undefined;
  /** The version of the route that the driver saw. On another one the act is refused with STALE_ROUTE, and the payload shows the present route. */
  routeVersion?: number | null | undefined;
  /** The stop. */
  stopId: string;
};

/** A pause: it begins and ends within its window. */
export type BreakInput = {
  /** How long it is, in seconds; it must fit into the window. */
  durationSeconds: number;
  /** It is over by this instant. */
  end: string;
  /** It begins at this instant or later. */
  start: string;
};

/** A plan to make true. */
export type CommitPlanInput = {
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** Refuse with CONFLICT when it is at another version. */
  ifVersion?: number | null | undefined;
  /** What to do about orders and shifts that changed since it was optimized. */
  onChanged?: OnChanged;
  /** The plan: PROPOSED. */
  planId: string;
};

/** A part of a vehicle that has a room of its own, such as a freezer. */
export type CompartmentInput = {
  /** How much fits in there; what is left out is unlimited. It may be more than fits into the vehicle, which then binds. */
  capacity?: LoadInput | null | undefined;
  /** Its name, 1 to 64 characters, such as `frozen`: packages that name it travel in there and in no other place. */
  name: string;
};

/** Whom to ask for at an address. */
export type ContactInput = {
  /** E-mail address. */
  email?: string | null | undefined;
  /** Name, at most 200 characters. */
  name?: string | null | undefined;
  /** Telephone number; without a country code it is read as one of the address's country. */
  phone?: string | null | undefined;
};

/** A point on the globe, WGS 84. */
export type CoordinatesInput = {
  /** Degrees north, -90 to 90. */
  latitude: number;
  /** Degrees east, -180 to 180. */
  longitude: number;
};

/** A token for a portal's page. At most one of depotId, orderId and memberId narrows it. */
export type CreateAccessTokenInput = {
  /** Only this depot exists for it. */
  depotId?: string | null | undefined;
  /** How long it lives, 60 to 3,600 seconds. */
  expiresInSeconds?: number;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). A replay does not show the secret again. */
  idempotencyKey?: string | null | undefined;
  /** It acts as this member, with no more than their rights. */
  memberId?: string | null | undefined;
  /** Only this order exists for it. */
  orderId?: string | null | undefined;
  /** What it may do, such as `orders:read`; nothing that your own credential does not hold. */
  scopes: Array<string>;
};

/** A depot to make. */
export type CreateDepotInput = {
  /** Its postal address. */
  address: AddressInput;
  /** Its point; left out, the address is looked up on the map. */
  coordinates?: CoordinatesInput | null | undefined;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** Its name. */
  name: string;
  /** When it is open, at most 50; left out, always. */
  openingHours?: Array<OpeningHoursInput>;
  /** The time zone of its civil days; left out, the tenant's. */
  timeZone?: string | null | undefined;
};

/** A driver to enter. */
export type CreateDriverInput = {
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** Their name. */
  name: string;
  /** Their telephone number; without a country code it is one of the tenant's country. */
  phone?: string | null | undefined;
  /** What they can do. At most 50. */
  skills?: Array<string>;
};

/** A new order. */
export type CreateOrderInput = {
  /** The depot that it is served from; left out: any. */
  depotId?: string | null | undefined;
  /** What people read on the ticket, at most 100 characters; may repeat. */
  displayReference?: string | null | undefined;
  /** Where it goes. */
  dropoff: WaypointInput;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). 1 to 255 printable characters. */
  idempotencyKey?: string | null | undefined;
  /** What it asks for. */
  kind?: OrderKind;
  /** Your own data. */
  metadata?: Record<string, unknown> | null | undefined;
  /** Its parcels, at most 100; without any it takes no room in a vehicle. */
  packages?: Array<PackageInput>;
  /** Where it is fetched; needed for PICKUP_AND_DELIVERY, and only there. */
  pickup?: WaypointInput | null | undefined;
  /** 0 to 100; where not all fit, higher ones go first. */
  priority?: number;
  /** What the driver must show; left out: nothing. */
  proofRequired?: ProofRequirementInput | null | undefined;
  /** How far the goods are; change it with setOrderReadiness. */
  readiness?: Readiness;
  /** When they are expected to be ready, at most a year ahead: nothing is fetched or delivered earlier. Not with READY. */
  readyAt?: string | null | undefined;
  /** Your own number, at most 100 characters; unique in the tenant when given. */
  reference?: string | null | undefined;
  /** What driver and vehicle must be able to do, at most 20 of 64 characters. */
  requiredSkills?: Array<string>;
  /** The kinds of vehicle that may bring it; empty: any. */
  vehicleKinds?: Array<VehicleKind>;
};

/** What a plan is about: orders by id (at most 1,000) or by filter (at most 20,000); shifts by id or by day, at most 250. */
export type CreatePlanInput = {
  /** All shifts that start on this day of the tenant's time zone, are not over and have no route yet. */
  date?: string | null | undefined;
  /** With `date`: of these depots only, at most 250. */
  depotIds?: Array<string> | null | undefined;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** How late orders may be served; left out, every window holds. ON_TIME needs it. */
  lateness?: PlanLatenessInput | null | undefined;
  /** What people call it, at most 200 characters. */
  name?: string | null | undefined;
  /** What it should have little of. */
  objective?: PlanObjective;
  /** Whether to optimize at once; false leaves it DRAFT for optimizePlan. */
  optimize?: boolean;
  /** All PENDING and AWAITING_REATTEMPT orders that meet this; more than 20,000 are PLAN_TOO_LARGE, so that none is left out unseen. */
  orderFilter?: OrderFilter | null | undefined;
  /** These orders, at most 1,000; each must be PENDING or AWAITING_REATTEMPT. */
  orderIds?: Array<string> | null | undefined;
  /** Orders of the plan that only this shift may take (where it has no room, they stay unassigned with PINNED), or that are delivered at this instant; at most 250. */
  pins?: Array<PlanPinInput> | null | undefined;
  /** Orders of the plan that go on the same route, on different routes or in sequence, at most 100. What contradicts itself or the pins is INVALID_VALUE. */
  relations?: Array<PlanRelationInput> | null | undefined;
  /** These shifts, at most 250; each needs a vehicle and must have no route yet. */
  shiftIds?: Array<string> | null | undefined;
};

/** A shift to make. */
export type CreateShiftInput = {
  /** Its pauses, at most 10. */
  breaks?: Array<BreakInput>;
  /** Where it starts. */
  depotId: string;
  /** Who drives. */
  driverId: string;
  /** When it ends; at most 24 hours later. */
  end: string;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** Longest way of its route. */
  maxDistanceMeters?: number | null | undefined;
  /** Longest time at the wheel. */
  maxDrivingSeconds?: number | null | undefined;
  /** Most stops of its route. */
  maxStops?: number | null | undefined;
  /** How often its vehicle may set out, at most 10: in between it comes back to the depot and loads anew. Its capacity holds for each tour, all limits for the shift. */
  maxTours?: number;
  /** How long loading anew takes, in seconds. */
  reloadSeconds?: number;
  /** Whether it ends at the depot; otherwise at its last stop. */
  returnsToDepot?: boolean;
  /** When it starts. */
  start: string;
  /** What they drive; it can be chosen later, but before planning. */
  vehicleId?: string | null | undefined;
};

/** A vehicle to make. */
export type CreateVehicleInput = {
  /** How much fits in; what is left out is unlimited. */
  capacity?: LoadInput | null | undefined;
  /** Its compartments, at most 10, each named once. */
  compartments?: Array<CompartmentInput>;
  /** What using it costs; nothing when left out. */
  costs?: VehicleCostsInput | null | undefined;
  /** Where it belongs. */
  depotId?: string | null | undefined;
  /** Grams of CO2e per kilometre, 0 to 10,000, from its papers. Left out, it is 0 for feet and bicycles and unknown for all else. */
  emissionsGramsPerKilometer?: number | null | undefined;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** What sort of vehicle it is; decides which roads it takes. */
  kind: VehicleKind;
  /** How far it goes in one shift. */
  maxRangeMeters?: number | null | undefined;
  /** Its name or number plate. */
  name: string;
  /** What it can do. At most 50. */
  skills?: Array<string>;
  /** How fast it is compared with others of its kind, 0.1 to 5. */
  speedFactor?: number;
};

/** A route to hand to its driver. */
export type DispatchRouteInput = {
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** Refuse with CONFLICT when it is at another version. */
  ifVersion?: number | null | undefined;
  /** The route: COMMITTED. */
  routeId: string;
};

/** What an item of the event stream is. */
export type EventStreamItemKind =
  /** Everything that was in the log at the start has been sent. */
  | 'CAUGHT_UP'
  /** A fact. */
  | 'EVENT'
  /** Nothing that the filter lets through for 15 seconds; the stream lives, and `cursor` has moved on. */
  | 'HEARTBEAT';

/** Why an attempt failed. */
export type FailureReason =
  /** The address could not be found. */
  | 'ADDRESS_NOT_FOUND'
  /** The recipient is too young, or did not show it. */
  | 'AGE_CHECK_FAILED'
  /** The place was closed. */
  | 'CLOSED'
  /** The goods are damaged: they go back. */
  | 'DAMAGED'
  /** Something is missing. */
  | 'MISSING_ITEMS'
  /** Nobody was there. */
  | 'NOT_HOME'
  /** The goods were not ready to be fetched. */
  | 'NOT_READY'
  /** The way to the door was closed. */
  | 'NO_ACCESS'
  /** There was no time left. */
  | 'NO_TIME'
  /** Something else; the note says what. */
  | 'OTHER'
  /** It could not be paid. */
  | 'PAYMENT_FAILED'
  /** The recipient did not know the PIN. */
  | 'PIN_WRONG'
  /** The recipient did not want it: it goes back. */
  | 'REFUSED'
  /** It was not safe. */
  | 'UNSAFE'
  /** The vehicle failed. */
  | 'VEHICLE_TROUBLE'
  /** The weather did not allow it. */
  | 'WEATHER';

/** How much something carries or can carry; what is left out is 0 for a package (1 item), and unlimited for a vehicle. */
export type LoadInput = {
  /** Number of items, 0 or more. */
  items?: number | null | undefined;
  /** Volume in cubic centimetres, 0 or more. */
  volumeCubicCentimeters?: number | null | undefined;
  /** Weight in grams, 0 or more. */
  weightGrams?: number | null | undefined;
};

/** Whether an order's addresses are known well enough to send somebody there. */
export type LocationStatus =
  /** All ends have coordinates. */
  | 'LOCATED'
  /** An address was not found for sure: the order stays out of plans until updateOrder gives coordinates or a better address. */
  | 'NEEDS_LOCATION';

/** What committing does about orders and shifts that changed since the plan saw them. */
export type OnChanged =
  /** Leave them out, commit the rest and report what was dropped. */
  | 'DROP'
  /** Refuse with PLAN_STALE or ORDER_TAKEN, one problem for each; nothing is written. */
  | 'REFUSE';

/** When a depot is open, on its clock on the wall. */
export type OpeningHoursInput = {
  /** Until when, such as `18:30`; `24:00` is midnight. */
  closes: string;
  /** From when on, such as `08:00`. */
  opens: string;
  /** The weekdays: 1 is Monday, 7 is Sunday; all when left out. */
  weekdays?: Array<number> | null | undefined;
};

/** Which orders; conditions are joined by AND, the values of one by OR. Nothing given: all. Lists hold at most 250. */
export type OrderFilter = {
  /** Taken in at this instant or later. */
  createdFrom?: string | null | undefined;
  /** Taken in before this instant. */
  createdTo?: string | null | undefined;
  /** Served from one of these depots. */
  depotIds?: Array<string> | null | undefined;
  /** With this ticket number, to the letter. */
  displayReference?: string | null | undefined;
  /** Due at this instant or later. */
  dueFrom?: string | null | undefined;
  /** Due before this instant. */
  dueTo?: string | null | undefined;
  /** Of one of these kinds. */
  kinds?: Array<OrderKind> | null | undefined;
  /** Whose addresses are found, or not. */
  locationStatus?: LocationStatus | null | undefined;
  /** With one of these references. */
  references?: Array<string> | null | undefined;
  /** In one of these states. */
  statuses?: Array<OrderStatus> | null | undefined;
};

/** What an order asks for. */
export type OrderKind =
  /** Loaded at the depot, brought to the recipient. */
  | 'DELIVERY'
  /** Fetched at one address, brought to another. */
  | 'PICKUP_AND_DELIVERY';

/** Where an order stands. */
export type OrderStatus =
  /** On a committed route, or accepted by a partner carrier. */
  | 'ASSIGNED'
  /** A try failed; somebody decides what comes next. */
  | 'ATTEMPT_FAILED'
  /** The driver is at the door. */
  | 'AT_DROPOFF'
  /** The driver is where it is fetched. */
  | 'AT_PICKUP'
  /** It will be tried again; plans may take it. */
  | 'AWAITING_REATTEMPT'
  /** Called off before the goods left; final. */
  | 'CANCELLED'
  /** Handed over; final. */
  | 'DELIVERED'
  /** The driver is on the way to the recipient. */
  | 'EN_ROUTE_TO_DROPOFF'
  /** The driver is on the way to where it is fetched. */
  | 'EN_ROUTE_TO_PICKUP'
  /** Offered to a partner carrier or to a driver, whose answer is awaited. */
  | 'OFFERED'
  /** Taken in, on nobody's route. */
  | 'PENDING'
  /** On board. */
  | 'PICKED_UP'
  /** Back at the depot; final. */
  | 'RETURNED'
  /** On its way back. */
  | 'RETURNING';

/** A parcel. */
export type PackageInput = {
  /** What is scanned, at most 100 characters. */
  barcode?: string | null | undefined;
  /** The compartment of a vehicle that it must travel in, such as `frozen`, at most 64 characters; left out: anywhere. */
  compartment?: string | null | undefined;
  /** What is inside, at most 500 characters. */
  description?: string | null | undefined;
  /** Whether it breaks easily. */
  fragile?: boolean;
  /** How much of a vehicle it takes: at most 20,000,000 grams, 20,000,000 cubic centimetres and 10,000 items. Left out: 1 item without weight and volume. */
  load?: LoadInput | null | undefined;
};

/** How late a plan may serve an order. The promised windows stay the aim: an order is served late rather than left out, and with the objective COST also where that saves more than it weighs. With any other objective lateness is as little as can be. */
export type PlanLatenessInput = {
  /** Service begins at most so long after a window, in seconds: from 1 to the length of the plan's longest shift. */
  maxSeconds: number;
  /** What an hour of an order's lateness weighs against cost, in minor units of the tenant's currency, 0 to 10,000,000. It is not part of `costMinor`. */
  pricePerHourMinor: number;
};

/** What a plan should have little of, after leaving out as few orders as possible (those of low priority first). */
export type PlanObjective =
  /** Work of the longest route, then of the second longest, and so on, of the vehicles that the cheapest plan uses. */
  | 'BALANCE'
  /** Cost: fixed, per hour and per kilometre, as the vehicles' costs say. */
  | 'COST'
  /** Kilometres. */
  | 'DISTANCE'
  /** Time at the wheel: `drivingSeconds`, not `durationSeconds`. */
  | 'DURATION'
  /** CO2e: kilometres × each vehicle's `emissionsGramsPerKilometer`, which must be known (EMISSIONS_UNKNOWN). */
  | 'EMISSIONS'
  /** Vehicles, then cost. */
  | 'FEWEST_VEHICLES'
  /** Lateness, then cost; with `lateness`, which says how late an order may be rather than left out. */
  | 'ON_TIME';

/** An order that only this shift may take, or that is delivered at this instant, or both. */
export type PlanPinInput = {
  /** Service at the delivery begins at most 5 minutes before or after this instant, and inside one of the order's windows; never late, whatever `lateness` allows. Left out, its windows alone hold. */
  at?: string | null | undefined;
  /** The order, one of the plan's. */
  orderId: string;
  /** The shift, one of the plan's; left out, any may take it. */
  shiftId?: string | null | undefined;
};

/** Orders of the plan that belong together. It binds the optimization: later changes by hand need not keep it. */
export type PlanRelationInput = {
  /** How they belong together. */
  kind: PlanRelationKind;
  /** The orders, 2 to 20, each one of the plan's; for IN_SEQUENCE in the sequence of their deliveries. */
  orderIds: Array<string>;
};

/** How orders of a plan belong together. What cannot be kept is not broken: the orders stay unassigned with RELATION. */
export type PlanRelationKind =
  /** No two on one route; any of them may stay unassigned. */
  | 'DIFFERENT_ROUTES'
  /** On one route, each delivered somewhere after the one before it; others may lie between. Where one stays unassigned, all after it do. */
  | 'IN_SEQUENCE'
  /** All on one route, or none on any. */
  | 'SAME_ROUTE';

/** Where a plan stands. */
export type PlanStatus =
  /** Given up; final. */
  | 'CANCELLED'
  /** True: its orders are assigned to its routes; final. */
  | 'COMMITTED'
  /** Made, not optimized yet. */
  | 'DRAFT'
  /** The optimization failed; `failureReason` says why, optimizePlan tries again. */
  | 'FAILED'
  /** Being optimized; `planProgress` tells how far. */
  | 'OPTIMIZING'
  /** Ready to look at; nothing about orders or vehicles has changed yet. */
  | 'PROPOSED'
  /** A newer plan took orders of it; final. */
  | 'SUPERSEDED';

/** Why a mutation, or one of its items, was refused. */
export type ProblemCode =
  /** Sound itself, but not carried out because others of the same call were refused. */
  | 'ABORTED'
  /** The order is offered to a partner carrier, or with one; `existingId` names the tender. */
  | 'ALREADY_TENDERED'
  /** The object is archived and can no longer be used. */
  | 'ARCHIVED'
  /** `ifVersion` is not the present version; the payload shows the present object. */
  | 'CONFLICT'
  /** Another one has this name or e-mail address already; `existingId` names it. */
  | 'DUPLICATE'
  /** Another order has this reference; `existingId` names it. */
  | 'DUPLICATE_REFERENCE'
  /** A plan is to emit little, and nobody has said what this vehicle emits; `existingId` names it. */
  | 'EMISSIONS_UNKNOWN'
  /** Nobody gives or takes over rights that they do not have themselves. */
  | 'EXCEEDS_RIGHTS'
  /** The same mutation with this key is still at work; send it again. */
  | 'IDEMPOTENCY_IN_PROGRESS'
  /** The key was used with another input. */
  | 'IDEMPOTENCY_MISMATCH'
  /** The object's state does not allow this; the message names the states that follow. */
  | 'ILLEGAL_TRANSITION'
  /** The address is incomplete, contradicts its country's rules, or cannot be found where a point is needed. */
  | 'INVALID_ADDRESS'
  /** The point is not on the globe. */
  | 'INVALID_COORDINATES'
  /** This is no e-mail address. */
  | 'INVALID_EMAIL'
  /** The text is not an id of the wanted type. */
  | 'INVALID_ID'
  /** This is no telephone number of the address's country. */
  | 'INVALID_PHONE'
  /** The value breaks a rule that the message states. */
  | 'INVALID_VALUE'
  /** The window ends before it starts, or lies where it may not. */
  | 'INVALID_WINDOW'
  /** The invitation is unknown, used, expired, or not for this tenant. */
  | 'INVITATION_INVALID'
  /** Something that is under way stands on it; `existingId` names it where it is one thing. */
  | 'IN_USE'
  /** An organization keeps at least one owner who can sign in. */
  | 'LAST_OWNER'
  /** No order or no shift is left to plan with. */
  | 'NOTHING_TO_PLAN'
  /** This is for TEST tenants, and the key is of a LIVE one. */
  | 'NOT_A_SANDBOX'
  /** This tenant has no such object. */
  | 'NOT_FOUND'
  /** The order's state, place or kind does not allow planning it so. */
  | 'NOT_PLANNABLE'
  /** The point is too far from any road. */
  | 'OFF_ROAD'
  /** Another plan or route has the order. */
  | 'ORDER_TAKEN'
  /** The partnership is not accepted yet, or has ended. */
  | 'PARTNERSHIP_INACTIVE'
  /** Orders or shifts changed since the plan saw them; the problems list which. */
  | 'PLAN_STALE'
  /** More orders than one plan may be about; the message says how many that is. */
  | 'PLAN_TOO_LARGE'
  /** A proof does not fit: a wrong PIN, an unknown barcode. */
  | 'PROOF_REJECTED'
  /** A proof is missing that the order asks for. */
  | 'PROOF_REQUIRED'
  /** The company has used up what the operator allows it; the message says how much that is and when it begins anew. */
  | 'QUOTA_EXCEEDED'
  /** Something is missing that this input needs. */
  | 'REQUIRED'
  /** The driver or the vehicle is on another shift at that time; `existingId` names it. */
  | 'SHIFT_OVERLAP'
  /** The shift has no vehicle, so nothing can be planned on it. */
  | 'SHIFT_WITHOUT_VEHICLE'
  /** The route changed since the driver saw it; the payload shows the present one. */
  | 'STALE_ROUTE'
  /** The deadline for an answer has passed. */
  | 'TENDER_EXPIRED'
  /** The order is larger than the vehicle. */
  | 'TOO_LARGE_FOR_FLEET'
  /** The list is longer than it may be. */
  | 'TOO_MANY_ITEMS';

/** What the driver shows for an outcome. */
export type ProofInput = {
  /** Of kind BARCODE: what was scanned. */
  barcode?: string | null | undefined;
  /** What sort of proof it is. */
  kind: ProofKind;
  /** Of kind NOTE: the note; with other kinds a remark. At most 1,000 characters. */
  note?: string | null | undefined;
  /** The order that it is for. Left out: a PIN and a barcode go to the orders that they fit, everything else to all orders of the act. */
  orderId?: string | null | undefined;
  /** Of kind PIN: what the recipient said. */
  pin?: string | null | undefined;
  /** Of kind LEFT_WITH: with whom it was left; with other kinds who took it. At most 200 characters. */
  recipientName?: string | null | undefined;
};

/** What a driver can show for a delivery. */
export type ProofKind =
  /** Every package's barcode is scanned. */
  | 'BARCODE'
  /** The name of whoever took it. */
  | 'LEFT_WITH'
  /** The driver writes what happened. */
  | 'NOTE'
  /** The recipient tells a number. */
  | 'PIN';

/** What the driver must show before an order counts as delivered. */
export type ProofRequirementInput = {
  /** Every kind that must be shown; empty: none. */
  kinds: Array<ProofKind>;
  /** The PIN, 4 to 8 digits; left out where a PIN is required, a random one is made. */
  pin?: string | null | undefined;
};

/** How far the goods of an order are, in the kitchen or the warehouse. */
export type Readiness =
  /** Not begun; on-demand dispatch waits for a word of when. */
  | 'NOT_READY'
  /** Being made or packed. */
  | 'PREPARING'
  /** They can be fetched or loaded now. */
  | 'READY';

/** Where a route stands. */
export type RouteStatus =
  /** Given up; final. */
  | 'CANCELLED'
  /** True, but its driver does not know of it yet. */
  | 'COMMITTED'
  /** Done; final. */
  | 'COMPLETED'
  /** With its driver, not begun. */
  | 'DISPATCHED'
  /** Part of a plan that is not committed. */
  | 'DRAFT'
  /** Being driven. */
  | 'IN_PROGRESS';

/** What a driver does at a stop. */
export type StopAct =
  /** Is there. */
  | 'ARRIVE'
  /** Has done it: loaded at the depot, fetched at a pickup, handed over at a dropoff (with every required proof), paused, come back. */
  | 'COMPLETE'
  /** Sets off for the stop. Whichever stop was under way before is left without an outcome. */
  | 'DEPART'
  /** Could not do it, for a reason. Goods on board come back to the depot; what was not fetched is off the route. */
  | 'FAIL'
  /** Not now: with goods on board for it the stop goes last, else its orders are off the route. */
  | 'SKIP';

/** What happens at a stop. */
export type StopKind =
  /** The driver pauses, wherever the vehicle is. */
  | 'BREAK'
  /** The vehicle is back; what is still on board is handed in. */
  | 'DEPOT_END'
  /** The vehicle is loaded at its depot. */
  | 'DEPOT_START'
  /** Orders are handed over. */
  | 'DROPOFF'
  /** Orders are fetched. */
  | 'PICKUP'
  /** The vehicle is back at its depot to be loaded for its next tour; goods that come back are handed in. */
  | 'RELOAD';

/** Where a stop stands. */
export type StopStatus =
  /** The driver is there. */
  | 'ARRIVED'
  /** No longer needed; final. */
  | 'CANCELLED'
  /** Done; final. */
  | 'COMPLETED'
  /** The driver is on the way to it. */
  | 'EN_ROUTE'
  /** Tried without success; final. */
  | 'FAILED'
  /** Still to come. */
  | 'PENDING'
  /** Left out by the driver; final. */
  | 'SKIPPED';

/** From one instant to another. */
export type TimeWindowInput = {
  /** Its last instant; must be after `start`. */
  end: string;
  /** Its first instant. */
  start: string;
};

/** What using a vehicle costs, in minor units of the tenant's currency, each 0 to 10,000,000. */
export type VehicleCostsInput = {
  /** For a route at all. */
  fixedMinor?: number;
  /** For each hour of the route. */
  perHourMinor?: number;
  /** For each kilometre. */
  perKilometerMinor?: number;
};

/** What sort of vehicle it is; decides which roads it takes. */
export type VehicleKind =
  /** A bicycle. */
  | 'BICYCLE'
  /** A car. */
  | 'CAR'
  /** A bicycle made for loads. */
  | 'CARGO_BIKE'
  /** A drone; flies in straight lines. */
  | 'DRONE'
  /** A motorcycle. */
  | 'MOTORCYCLE'
  /** A person on foot. */
  | 'ON_FOOT'
  /** A robot on the pavement; takes the ways of pedestrians. */
  | 'ROBOT'
  /** A scooter or moped. */
  | 'SCOOTER'
  /** A truck. */
  | 'TRUCK'
  /** A van. */
  | 'VAN';

/** One end of an order. */
export type WaypointInput = {
  /** What opens the door, at most 100 characters. */
  accessCode?: string | null | undefined;
  /** The postal address. */
  address: AddressInput;
  /** Whom to ask for. */
  contact?: ContactInput | null | undefined;
  /** The point. Left out, the address is looked up on the map; when it is not found for sure the order is created as NEEDS_LOCATION. */
  coordinates?: CoordinatesInput | null | undefined;
  /** What the driver should know, at most 1,000 characters. */
  instructions?: string | null | undefined;
  /** Seconds that the driver needs at the door, 0 to 86,400. */
  serviceSeconds?: number;
  /** When somebody may come: at most 10 that do not overlap; empty: any time. */
  windows?: Array<TimeWindowInput>;
};

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { scopes: Array<string>, tenant: { name: string } } | null };

export type CreateDepotMutationVariables = Exact<{
  input: CreateDepotInput;
}>;


export type CreateDepotMutation = { createDepot: { depot: { id: string } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreateVehicleMutationVariables = Exact<{
  input: CreateVehicleInput;
}>;


export type CreateVehicleMutation = { createVehicle: { vehicle: { id: string } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreateDriverMutationVariables = Exact<{
  input: CreateDriverInput;
}>;


export type CreateDriverMutation = { createDriver: { driver: { id: string } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreateShiftMutationVariables = Exact<{
  input: CreateShiftInput;
}>;


export type CreateShiftMutation = { createShift: { shift: { id: string } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreateOrderMutationVariables = Exact<{
  input: CreateOrderInput;
}>;


export type CreateOrderMutation = { createOrder: { order: { id: string, reference: string | null, status: OrderStatus } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreatePlanMutationVariables = Exact<{
  input: CreatePlanInput;
}>;


export type CreatePlanMutation = { createPlan: { plan: { id: string } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type PlanProgressSubscriptionVariables = Exact<{
  id: string;
}>;


export type PlanProgressSubscription = { planProgress: { status: PlanStatus } };

export type CommitPlanMutationVariables = Exact<{
  input: CommitPlanInput;
}>;


export type CommitPlanMutation = { commitPlan: { plan: { routes: { nodes: Array<{ id: string }> } } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type DispatchRouteMutationVariables = Exact<{
  input: DispatchRouteInput;
}>;


export type DispatchRouteMutation = { dispatchRoute: { route: { status: RouteStatus, stops: Array<{ id: string, kind: StopKind }> } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type AdvanceStopMutationVariables = Exact<{
  input: AdvanceStopInput;
}>;


export type AdvanceStopMutation = { advanceStop: { stop: { status: StopStatus } | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type CreateAccessTokenMutationVariables = Exact<{
  input: CreateAccessTokenInput;
}>;


export type CreateAccessTokenMutation = { createAccessToken: { secret: string | null, problems: Array<{ code: ProblemCode, message: string, path: Array<string> }> } | null };

export type OrdersQueryVariables = Exact<{
  filter?: OrderFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type OrdersQuery = { orders: { nodes: Array<{ id: string, reference: string | null, status: OrderStatus, eta: { at: string, lateBySeconds: number } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type WatchSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type WatchSubscription = { events: { kind: EventStreamItemKind, cursor: string, event:
      | { __typename: 'ApiKeyCreated', id: string }
      | { __typename: 'ApiKeyRevoked', id: string }
      | { __typename: 'ApiKeyRotated', id: string }
      | { __typename: 'ApiKeyUpdated', id: string }
      | { __typename: 'DepotArchived', id: string }
      | { __typename: 'DepotCreated', id: string }
      | { __typename: 'DepotUpdated', id: string }
      | { __typename: 'DispatchOfferChanged', id: string }
      | { __typename: 'DispatchOfferMade', id: string }
      | { __typename: 'DriverArchived', id: string }
      | { __typename: 'DriverCreated', id: string }
      | { __typename: 'DriverUpdated', id: string }
      | { __typename: 'MemberInvited', id: string }
      | { __typename: 'MemberRemoved', id: string }
      | { __typename: 'MemberUpdated', id: string }
      | { __typename: 'OrderEtaChanged', id: string }
      | { __typename: 'OrderPlaced', id: string }
      | { __typename: 'OrderReadinessChanged', id: string }
      | { __typename: 'OrderStatusChanged', from: OrderStatus, to: OrderStatus, id: string, order: { reference: string | null } | null }
      | { __typename: 'OrderUpdated', id: string }
      | { __typename: 'PartnershipAccepted', id: string }
      | { __typename: 'PartnershipEnded', id: string }
      | { __typename: 'PartnershipInvited', id: string }
      | { __typename: 'PartnershipUpdated', id: string }
      | { __typename: 'PlanFinished', id: string }
      | { __typename: 'PlanStatusChanged', id: string }
      | { __typename: 'ProofCaptured', id: string }
      | { __typename: 'ProofReported', id: string }
      | { __typename: 'RecipientErased', id: string }
      | { __typename: 'RetentionChanged', id: string }
      | { __typename: 'RoleCreated', id: string }
      | { __typename: 'RoleDeleted', id: string }
      | { __typename: 'RoleUpdated', id: string }
      | { __typename: 'RouteChanged', id: string }
      | { __typename: 'RouteStatusChanged', id: string }
      | { __typename: 'ShiftArchived', id: string }
      | { __typename: 'ShiftCreated', id: string }
      | { __typename: 'ShiftUpdated', id: string }
      | { __typename: 'StopStatusChanged', id: string }
      | { __typename: 'TenantUpdated', id: string }
      | { __typename: 'TenderAccepted', id: string }
      | { __typename: 'TenderCancelled', id: string }
      | { __typename: 'TenderDeclined', id: string }
      | { __typename: 'TenderExpired', id: string }
      | { __typename: 'TenderFulfilled', id: string }
      | { __typename: 'TenderOffered', id: string }
      | { __typename: 'TenderReleased', id: string }
      | { __typename: 'TenderWithdrawn', id: string }
      | { __typename: 'TrackingRevoked', id: string }
      | { __typename: 'VehicleArchived', id: string }
      | { __typename: 'VehicleCreated', id: string }
      | { __typename: 'VehicleUpdated', id: string }
      | { __typename: 'WebhookEndpointCreated', id: string }
      | { __typename: 'WebhookEndpointDeleted', id: string }
      | { __typename: 'WebhookEndpointStatusChanged', id: string }
      | { __typename: 'WebhookEndpointUpdated', id: string }
      | { __typename: 'WebhookEventsLost', id: string }
      | { __typename: 'WebhookSecretRotated', id: string }
     | null } };

export type ReasonFragment = { code: ProblemCode, message: string, path: Array<string> };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const ReasonFragmentDoc = new TypedDocumentString(`
    fragment Reason on Problem {
  code
  message
  path
}
    `, {"fragmentName":"Reason"}) as unknown as TypedDocumentString<ReasonFragment, unknown>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  viewer {
    tenant {
      name
    }
    scopes
  }
}
    `) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const CreateDepotDocument = new TypedDocumentString(`
    mutation CreateDepot($input: CreateDepotInput!) {
  createDepot(input: $input) {
    depot {
      id
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateDepotMutation, CreateDepotMutationVariables>;
export const CreateVehicleDocument = new TypedDocumentString(`
    mutation CreateVehicle($input: CreateVehicleInput!) {
  createVehicle(input: $input) {
    vehicle {
      id
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateVehicleMutation, CreateVehicleMutationVariables>;
export const CreateDriverDocument = new TypedDocumentString(`
    mutation CreateDriver($input: CreateDriverInput!) {
  createDriver(input: $input) {
    driver {
      id
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateDriverMutation, CreateDriverMutationVariables>;
export const CreateShiftDocument = new TypedDocumentString(`
    mutation CreateShift($input: CreateShiftInput!) {
  createShift(input: $input) {
    shift {
      id
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateShiftMutation, CreateShiftMutationVariables>;
export const CreateOrderDocument = new TypedDocumentString(`
    mutation CreateOrder($input: CreateOrderInput!) {
  createOrder(input: $input) {
    order {
      id
      reference
      status
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateOrderMutation, CreateOrderMutationVariables>;
export const CreatePlanDocument = new TypedDocumentString(`
    mutation CreatePlan($input: CreatePlanInput!) {
  createPlan(input: $input) {
    plan {
      id
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreatePlanMutation, CreatePlanMutationVariables>;
export const PlanProgressDocument = new TypedDocumentString(`
    subscription PlanProgress($id: ID!) {
  planProgress(id: $id) {
    status
  }
}
    `) as unknown as TypedDocumentString<PlanProgressSubscription, PlanProgressSubscriptionVariables>;
export const CommitPlanDocument = new TypedDocumentString(`
    mutation CommitPlan($input: CommitPlanInput!) {
  commitPlan(input: $input) {
    plan {
      routes {
        nodes {
          id
        }
      }
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CommitPlanMutation, CommitPlanMutationVariables>;
export const DispatchRouteDocument = new TypedDocumentString(`
    mutation DispatchRoute($input: DispatchRouteInput!) {
  dispatchRoute(input: $input) {
    route {
      status
      stops {
        id
        kind
      }
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<DispatchRouteMutation, DispatchRouteMutationVariables>;
export const AdvanceStopDocument = new TypedDocumentString(`
    mutation AdvanceStop($input: AdvanceStopInput!) {
  advanceStop(input: $input) {
    stop {
      status
    }
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<AdvanceStopMutation, AdvanceStopMutationVariables>;
export const CreateAccessTokenDocument = new TypedDocumentString(`
    mutation CreateAccessToken($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) {
    secret
    problems {
      ...Reason
    }
  }
}
    fragment Reason on Problem {
  code
  message
  path
}`) as unknown as TypedDocumentString<CreateAccessTokenMutation, CreateAccessTokenMutationVariables>;
export const OrdersDocument = new TypedDocumentString(`
    query Orders($filter: OrderFilter, $after: Cursor) {
  orders(first: 50, after: $after, filter: $filter) {
    nodes {
      id
      reference
      status
      eta {
        at
        lateBySeconds
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<OrdersQuery, OrdersQueryVariables>;
export const WatchDocument = new TypedDocumentString(`
    subscription Watch($after: Cursor) {
  events(after: $after) {
    kind
    cursor
    event {
      id
      __typename
      ... on OrderStatusChanged {
        from
        to
        order {
          reference
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<WatchSubscription, WatchSubscriptionVariables>;