// Made by generate.mjs of the client, from the schema and the .graphql file beside this: do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
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

/** A driver's answer to an offer. */
export type AnswerDispatchOfferInput = {
  /** Yes or no. */
  answer: DispatchAnswer;
  /** Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours). */
  idempotencyKey?: string | null | undefined;
  /** The offer: OFFERED, before its deadline. */
  offerId: string;
};

/** A point on the globe, WGS 84. */
export type CoordinatesInput = {
  /** Degrees north, -90 to 90. */
  latitude: number;
  /** Degrees east, -180 to 180. */
  longitude: number;
};

/** What a driver says to an offer. */
export type DispatchAnswer =
  /** Yes: the order is put on the driver's route. */
  | 'ACCEPT'
  /** No: it goes to the next. */
  | 'DECLINE';

/** Where an offer to a driver stands. */
export type DispatchOfferState =
  /** The driver said yes; the order is about to be put on the route. */
  | 'ACCEPTED'
  /** The order is on the driver's route; final. */
  | 'ASSIGNED'
  /** The driver said no; final. */
  | 'DECLINED'
  /** Nobody answered in time; final. */
  | 'EXPIRED'
  /** The driver may answer until the deadline. */
  | 'OFFERED'
  /** The order was called off, or did not fit any more; final. */
  | 'WITHDRAWN';

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

export type DayQueryVariables = Exact<{ [key: string]: never; }>;


export type DayQuery = { viewer: { tenant: { name: string, timeZone: string } } | null, routes: { nodes: Array<{ id: string, status: RouteStatus, startsAt: string }> } | null, dispatchOffers: Array<{ id: string, arrivesAt: string, expiresAt: string, order: { id: string, reference: string | null, displayReference: string | null, load: { items: number, weightGrams: number }, pickup: { address: { formatted: string } } | null, dropoff: { address: { formatted: string } } | null } | null }> | null };

export type WorkQueryVariables = Exact<{
  id: string;
}>;


export type WorkQuery = { route: { id: string, version: number, status: RouteStatus, startsAt: string, summary: { distanceMeters: number, orders: number }, stops: Array<{ id: string, sequence: number, kind: StopKind, status: StopStatus, plannedArrival: string, coordinates: { latitude: number, longitude: number } | null, eta: { at: string } | null, orders: Array<{ id: string, reference: string | null, displayReference: string | null, status: OrderStatus, proofRequired: { kinds: Array<ProofKind> }, load: { items: number, weightGrams: number }, packages: Array<{ id: string, barcode: string | null, description: string | null, fragile: boolean }>, pickup: { instructions: string | null, accessCode: string | null, address: { formatted: string }, contact: { name: string | null, phone: string | null } | null, windows: Array<{ start: string, end: string }> } | null, dropoff: { instructions: string | null, accessCode: string | null, address: { formatted: string }, contact: { name: string | null, phone: string | null } | null, windows: Array<{ start: string, end: string }> } | null }> }> } | null };

export type AdvanceMutationVariables = Exact<{
  input: AdvanceStopInput;
}>;


export type AdvanceMutation = { advanceStop: { stop: { id: string, status: StopStatus } | null, problems: Array<{ code: ProblemCode, message: string }> } | null };

export type AnswerMutationVariables = Exact<{
  input: AnswerDispatchOfferInput;
}>;


export type AnswerMutation = { answerDispatchOffer: { offer: { id: string, state: DispatchOfferState } | null, problems: Array<{ code: ProblemCode, message: string }> } | null };

export type DoorFragment = { instructions: string | null, accessCode: string | null, address: { formatted: string }, contact: { name: string | null, phone: string | null } | null, windows: Array<{ start: string, end: string }> };

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
export const DoorFragmentDoc = new TypedDocumentString(`
    fragment Door on Waypoint {
  address {
    formatted
  }
  contact {
    name
    phone
  }
  windows {
    start
    end
  }
  instructions
  accessCode
}
    `, {"fragmentName":"Door"}) as unknown as TypedDocumentString<DoorFragment, unknown>;
export const DayDocument = new TypedDocumentString(`
    query Day {
  viewer {
    tenant {
      name
      timeZone
    }
  }
  routes(first: 10, filter: {statuses: [DISPATCHED, IN_PROGRESS]}) {
    nodes {
      id
      status
      startsAt
    }
  }
  dispatchOffers {
    id
    arrivesAt
    expiresAt
    order {
      id
      reference
      displayReference
      load {
        items
        weightGrams
      }
      pickup {
        address {
          formatted
        }
      }
      dropoff {
        address {
          formatted
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<DayQuery, DayQueryVariables>;
export const WorkDocument = new TypedDocumentString(`
    query Work($id: ID!) {
  route(id: $id) {
    id
    version
    status
    startsAt
    summary {
      distanceMeters
      orders
    }
    stops {
      id
      sequence
      kind
      status
      plannedArrival
      coordinates {
        latitude
        longitude
      }
      eta {
        at
      }
      orders {
        id
        reference
        displayReference
        status
        proofRequired {
          kinds
        }
        load {
          items
          weightGrams
        }
        packages {
          id
          barcode
          description
          fragile
        }
        pickup {
          ...Door
        }
        dropoff {
          ...Door
        }
      }
    }
  }
}
    fragment Door on Waypoint {
  address {
    formatted
  }
  contact {
    name
    phone
  }
  windows {
    start
    end
  }
  instructions
  accessCode
}`) as unknown as TypedDocumentString<WorkQuery, WorkQueryVariables>;
export const AdvanceDocument = new TypedDocumentString(`
    mutation Advance($input: AdvanceStopInput!) {
  advanceStop(input: $input) {
    stop {
      id
      status
    }
    problems {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<AdvanceMutation, AdvanceMutationVariables>;
export const AnswerDocument = new TypedDocumentString(`
    mutation Answer($input: AnswerDispatchOfferInput!) {
  answerDispatchOffer(input: $input) {
    offer {
      id
      state
    }
    problems {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<AnswerMutation, AnswerMutationVariables>;