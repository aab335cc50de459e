// Made by generate.mjs of the client, from the schema and the .graphql file beside this: do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
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

/** Where an order stands, in its recipient's words. */
export type TrackingStatus =
  /** The driver is there. */
  | 'AT_THE_DOOR'
  /** It was called off. */
  | 'CANCELLED'
  /** The driver is on the way to this recipient. */
  | 'COMING'
  /** Handed over. */
  | 'DELIVERED'
  /** It goes back to the company, or is there. */
  | 'GOES_BACK'
  /** A try failed; the company decides what comes next. */
  | 'NOT_DELIVERED'
  /** On board; others may come first. */
  | 'ON_THE_WAY'
  /** The company has it; nobody is to bring it yet. */
  | 'RECEIVED'
  /** Somebody is to bring it; it is not on board. */
  | 'SCHEDULED'
  /** A try failed, and there will be another. */
  | 'WILL_BE_TRIED_AGAIN';

/** Why a try failed, in the recipient's words. */
export type TrackingTrouble =
  /** The address could not be found. */
  | 'ADDRESS_NOT_FOUND'
  /** A PIN, an age check or a payment did not succeed. */
  | 'CHECK_FAILED'
  /** Nobody was there, or the place was closed. */
  | 'NOBODY_THERE'
  /** The way to the door was closed. */
  | 'NO_ACCESS'
  /** Something that the recipient could not have helped. */
  | 'ON_OUR_SIDE'
  /** It was not accepted at the door. */
  | 'REFUSED';

export type ShownFragment = { status: TrackingStatus, merchantName: string, timeZone: string, stopsBefore: number | null, failedTries: number, trouble: TrackingTrouble | null, deliveredAt: string | null, proofs: Array<ProofKind>, attribution: string | null, window: { start: string, end: string } | null, expected: { start: string, end: string } | null, vehicle: { seenAt: string, metersAway: number | null } | null };

export type LookQueryVariables = Exact<{ [key: string]: never; }>;


export type LookQuery = { tracking: { status: TrackingStatus, merchantName: string, timeZone: string, stopsBefore: number | null, failedTries: number, trouble: TrackingTrouble | null, deliveredAt: string | null, proofs: Array<ProofKind>, attribution: string | null, window: { start: string, end: string } | null, expected: { start: string, end: string } | null, vehicle: { seenAt: string, metersAway: number | null } | null } | null };

export type FollowSubscriptionVariables = Exact<{ [key: string]: never; }>;


export type FollowSubscription = { tracking: { status: TrackingStatus, merchantName: string, timeZone: string, stopsBefore: number | null, failedTries: number, trouble: TrackingTrouble | null, deliveredAt: string | null, proofs: Array<ProofKind>, attribution: string | null, window: { start: string, end: string } | null, expected: { start: string, end: string } | null, vehicle: { seenAt: string, metersAway: number | null } | null } };

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
export const ShownFragmentDoc = new TypedDocumentString(`
    fragment Shown on PublicTracking {
  status
  merchantName
  timeZone
  window {
    start
    end
  }
  expected {
    start
    end
  }
  stopsBefore
  failedTries
  trouble
  deliveredAt
  proofs
  vehicle {
    seenAt
    metersAway
  }
  attribution
}
    `, {"fragmentName":"Shown"}) as unknown as TypedDocumentString<ShownFragment, unknown>;
export const LookDocument = new TypedDocumentString(`
    query Look {
  tracking {
    ...Shown
  }
}
    fragment Shown on PublicTracking {
  status
  merchantName
  timeZone
  window {
    start
    end
  }
  expected {
    start
    end
  }
  stopsBefore
  failedTries
  trouble
  deliveredAt
  proofs
  vehicle {
    seenAt
    metersAway
  }
  attribution
}`) as unknown as TypedDocumentString<LookQuery, LookQueryVariables>;
export const FollowDocument = new TypedDocumentString(`
    subscription Follow {
  tracking {
    ...Shown
  }
}
    fragment Shown on PublicTracking {
  status
  merchantName
  timeZone
  window {
    start
    end
  }
  expected {
    start
    end
  }
  stopsBefore
  failedTries
  trouble
  deliveredAt
  proofs
  vehicle {
    seenAt
    metersAway
  }
  attribution
}`) as unknown as TypedDocumentString<FollowSubscription, FollowSubscriptionVariables>;