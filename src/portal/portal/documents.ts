// Made by generate.mjs of the client, from the schema and the .graphql file beside this: do not edit.
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** What an item of the event stream is. */
export type EventStreamItemKind =
  /** Everything that was in the log at the start has been sent. */
  | 'CAUGHT_UP'
  /** A fact. */
  | 'EVENT'
  /** Nothing that the filter lets through for 15 seconds; the stream lives, and `cursor` has moved on. */
  | 'HEARTBEAT';

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

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { expiresAt: string | null, tenant: { name: string, timeZone: string } } | null };

export type OrdersQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  statuses?: Array<OrderStatus> | OrderStatus | null | undefined;
}>;


export type OrdersQuery = { orders: { totalCount: number, nodes: Array<{ id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type TimelineQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type TimelineQuery = { order: { id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, events: { nodes: Array<
        | { __typename: 'ApiKeyCreated', id: string, occurredAt: string }
        | { __typename: 'ApiKeyRevoked', id: string, occurredAt: string }
        | { __typename: 'ApiKeyRotated', id: string, occurredAt: string }
        | { __typename: 'ApiKeyUpdated', id: string, occurredAt: string }
        | { __typename: 'DepotArchived', id: string, occurredAt: string }
        | { __typename: 'DepotCreated', id: string, occurredAt: string }
        | { __typename: 'DepotUpdated', id: string, occurredAt: string }
        | { __typename: 'DispatchOfferChanged', id: string, occurredAt: string }
        | { __typename: 'DispatchOfferMade', id: string, occurredAt: string }
        | { __typename: 'DriverArchived', id: string, occurredAt: string }
        | { __typename: 'DriverCreated', id: string, occurredAt: string }
        | { __typename: 'DriverUpdated', id: string, occurredAt: string }
        | { __typename: 'MemberInvited', id: string, occurredAt: string }
        | { __typename: 'MemberRemoved', id: string, occurredAt: string }
        | { __typename: 'MemberUpdated', id: string, occurredAt: string }
        | { __typename: 'OrderEtaChanged', at: string | null, lateBySeconds: number, id: string, occurredAt: string }
        | { __typename: 'OrderPlaced', id: string, occurredAt: string }
        | { __typename: 'OrderReadinessChanged', id: string, occurredAt: string }
        | { __typename: 'OrderStatusChanged', to: OrderStatus, reason: string | null, id: string, occurredAt: string }
        | { __typename: 'OrderUpdated', changes: Array<string>, id: string, occurredAt: string }
        | { __typename: 'PartnershipAccepted', id: string, occurredAt: string }
        | { __typename: 'PartnershipEnded', id: string, occurredAt: string }
        | { __typename: 'PartnershipInvited', id: string, occurredAt: string }
        | { __typename: 'PartnershipUpdated', id: string, occurredAt: string }
        | { __typename: 'PlanFinished', id: string, occurredAt: string }
        | { __typename: 'PlanStatusChanged', id: string, occurredAt: string }
        | { __typename: 'ProofCaptured', kind: ProofKind, id: string, occurredAt: string }
        | { __typename: 'ProofReported', id: string, occurredAt: string }
        | { __typename: 'RecipientErased', id: string, occurredAt: string }
        | { __typename: 'RetentionChanged', id: string, occurredAt: string }
        | { __typename: 'RoleCreated', id: string, occurredAt: string }
        | { __typename: 'RoleDeleted', id: string, occurredAt: string }
        | { __typename: 'RoleUpdated', id: string, occurredAt: string }
        | { __typename: 'RouteChanged', id: string, occurredAt: string }
        | { __typename: 'RouteStatusChanged', id: string, occurredAt: string }
        | { __typename: 'ShiftArchived', id: string, occurredAt: string }
        | { __typename: 'ShiftCreated', id: string, occurredAt: string }
        | { __typename: 'ShiftUpdated', id: string, occurredAt: string }
        | { __typename: 'StopStatusChanged', id: string, occurredAt: string, stopTo: StopStatus }
        | { __typename: 'TenantUpdated', id: string, occurredAt: string }
        | { __typename: 'TenderAccepted', id: string, occurredAt: string }
        | { __typename: 'TenderCancelled', id: string, occurredAt: string }
        | { __typename: 'TenderDeclined', id: string, occurredAt: string }
        | { __typename: 'TenderExpired', id: string, occurredAt: string }
        | { __typename: 'TenderFulfilled', id: string, occurredAt: string }
        | { __typename: 'TenderOffered', id: string, occurredAt: string }
        | { __typename: 'TenderReleased', id: string, occurredAt: string }
        | { __typename: 'TenderWithdrawn', id: string, occurredAt: string }
        | { __typename: 'TrackingRevoked', id: string, occurredAt: string }
        | { __typename: 'VehicleArchived', id: string, occurredAt: string }
        | { __typename: 'VehicleCreated', id: string, occurredAt: string }
        | { __typename: 'VehicleUpdated', id: string, occurredAt: string }
        | { __typename: 'WebhookEndpointCreated', id: string, occurredAt: string }
        | { __typename: 'WebhookEndpointDeleted', id: string, occurredAt: string }
        | { __typename: 'WebhookEndpointStatusChanged', id: string, occurredAt: string }
        | { __typename: 'WebhookEndpointUpdated', id: string, occurredAt: string }
        | { __typename: 'WebhookEventsLost', id: string, occurredAt: string }
        | { __typename: 'WebhookSecretRotated', id: string, occurredAt: string }
      >, pageInfo: { hasNextPage: boolean, endCursor: string | null } }, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null } | null };

export type RoutesQueryVariables = Exact<{
  first: number;
  statuses?: Array<RouteStatus> | RouteStatus | null | undefined;
}>;


export type RoutesQuery = { routes: { totalCount: number, nodes: Array<{ id: string, status: RouteStatus, path: string | null, attribution: string | null, driver: { name: string } | null, vehicle: { name: string } | null, summary: { distanceMeters: number, orders: number }, stops: Array<{ id: string, sequence: number, kind: StopKind, status: StopStatus, coordinates: { latitude: number, longitude: number } | null }> }> } | null };

export type LiveSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type LiveSubscription = { events: { kind: EventStreamItemKind, cursor: string, event:
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
      | { __typename: 'OrderEtaChanged', orderId: string, id: string, order: { id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null } | null }
      | { __typename: 'OrderPlaced', orderId: string, id: string }
      | { __typename: 'OrderReadinessChanged', id: string }
      | { __typename: 'OrderStatusChanged', orderId: string, id: string, order: { id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null } | null }
      | { __typename: 'OrderUpdated', orderId: string, id: string, order: { id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null } | null }
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
      | { __typename: 'RouteChanged', routeId: string, id: string }
      | { __typename: 'RouteStatusChanged', routeId: string, id: string }
      | { __typename: 'ShiftArchived', id: string }
      | { __typename: 'ShiftCreated', id: string }
      | { __typename: 'ShiftUpdated', id: string }
      | { __typename: 'StopStatusChanged', routeId: string, orderIds: Array<string>, id: string }
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

export type OrderLineFragment = { id: string, version: number, reference: string | null, displayReference: string | null, status: OrderStatus, statusReason: string | null, createdAt: string, dropoff: { address: { formatted: string } } | null, eta: { at: string, lateBySeconds: number } | null };

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
export const OrderLineFragmentDoc = new TypedDocumentString(`
    fragment OrderLine on Order {
  id
  version
  reference
  displayReference
  status
  statusReason
  createdAt
  dropoff {
    address {
      formatted
    }
  }
  eta {
    at
    lateBySeconds
  }
}
    `, {"fragmentName":"OrderLine"}) as unknown as TypedDocumentString<OrderLineFragment, unknown>;
export const ViewerDocument = new TypedDocumentString(`
    query Viewer {
  viewer {
    expiresAt
    tenant {
      name
      timeZone
    }
  }
}
    `) as unknown as TypedDocumentString<ViewerQuery, ViewerQueryVariables>;
export const OrdersDocument = new TypedDocumentString(`
    query Orders($first: Int!, $after: Cursor, $statuses: [OrderStatus!]) {
  orders(first: $first, after: $after, filter: {statuses: $statuses}) {
    totalCount
    nodes {
      ...OrderLine
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment OrderLine on Order {
  id
  version
  reference
  displayReference
  status
  statusReason
  createdAt
  dropoff {
    address {
      formatted
    }
  }
  eta {
    at
    lateBySeconds
  }
}`) as unknown as TypedDocumentString<OrdersQuery, OrdersQueryVariables>;
export const TimelineDocument = new TypedDocumentString(`
    query Timeline($id: ID!, $after: Cursor) {
  order(by: {id: $id}) {
    ...OrderLine
    events(first: 100, after: $after) {
      nodes {
        __typename
        id
        occurredAt
        ... on OrderStatusChanged {
          to
          reason
        }
        ... on OrderUpdated {
          changes
        }
        ... on OrderEtaChanged {
          at
          lateBySeconds
        }
        ... on StopStatusChanged {
          stopTo: to
        }
        ... on ProofCaptured {
          kind
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment OrderLine on Order {
  id
  version
  reference
  displayReference
  status
  statusReason
  createdAt
  dropoff {
    address {
      formatted
    }
  }
  eta {
    at
    lateBySeconds
  }
}`) as unknown as TypedDocumentString<TimelineQuery, TimelineQueryVariables>;
export const RoutesDocument = new TypedDocumentString(`
    query Routes($first: Int!, $statuses: [RouteStatus!]) {
  routes(first: $first, filter: {statuses: $statuses}) {
    totalCount
    nodes {
      id
      status
      path
      attribution
      driver {
        name
      }
      vehicle {
        name
      }
      summary {
        distanceMeters
        orders
      }
      stops {
        id
        sequence
        kind
        status
        coordinates {
          latitude
          longitude
        }
      }
    }
  }
}
    `) as unknown as TypedDocumentString<RoutesQuery, RoutesQueryVariables>;
export const LiveDocument = new TypedDocumentString(`
    subscription Live($after: Cursor) {
  events(after: $after) {
    kind
    cursor
    event {
      __typename
      id
      ... on OrderPlaced {
        orderId
      }
      ... on OrderStatusChanged {
        orderId
        order {
          ...OrderLine
        }
      }
      ... on OrderUpdated {
        orderId
        order {
          ...OrderLine
        }
      }
      ... on OrderEtaChanged {
        orderId
        order {
          ...OrderLine
        }
      }
      ... on StopStatusChanged {
        routeId
        orderIds
      }
      ... on RouteStatusChanged {
        routeId
      }
      ... on RouteChanged {
        routeId
      }
    }
  }
}
    fragment OrderLine on Order {
  id
  version
  reference
  displayReference
  status
  statusReason
  createdAt
  dropoff {
    address {
      formatted
    }
  }
  eta {
    at
    lateBySeconds
  }
}`) as unknown as TypedDocumentString<LiveSubscription, LiveSubscriptionVariables>;