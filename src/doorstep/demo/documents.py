"""The GraphQL documents that the demo sends; each could be pasted into GraphiQL."""

PROBLEMS = "problems { code message path }"

FLEET = """
query Fleet {
  depots(first: 1) { nodes { id } }
  vehicles(first: 100) { nodes { id name } }
  drivers(first: 100) { nodes { id name } }
}
"""

CREATE_DEPOT = f"mutation ($input: CreateDepotInput!) {{ createDepot(input: $input) {{ depot {{ id }} {PROBLEMS} }} }}"
CREATE_VEHICLE = (
    f"mutation ($input: CreateVehicleInput!) {{ createVehicle(input: $input) {{ vehicle {{ id }} {PROBLEMS} }} }}"
)
CREATE_DRIVER = (
    f"mutation ($input: CreateDriverInput!) {{ createDriver(input: $input) {{ driver {{ id }} {PROBLEMS} }} }}"
)
CREATE_SHIFT = f"mutation ($input: CreateShiftInput!) {{ createShift(input: $input) {{ shift {{ id }} {PROBLEMS} }} }}"

CREATE_ORDERS = f"""
mutation CreateOrders($input: CreateOrdersInput!) {{
  createOrders(input: $input) {{
    results {{ index order {{ id reference }} {PROBLEMS} }}
    {PROBLEMS}
  }}
}}
"""

CREATE_PLAN = f"mutation ($input: CreatePlanInput!) {{ createPlan(input: $input) {{ plan {{ id }} {PROBLEMS} }} }}"
COMMIT_PLAN = (
    f"mutation ($input: CommitPlanInput!) {{ commitPlan(input: $input) {{ plan {{ id status }} {PROBLEMS} }} }}"
)
DISPATCH_ROUTE = (
    f"mutation ($input: DispatchRouteInput!) {{ dispatchRoute(input: $input) {{ route {{ id status }} {PROBLEMS} }} }}"
)
CANCEL_ORDER = (
    f"mutation ($input: CancelOrderInput!) {{ cancelOrder(input: $input) {{ order {{ id status }} {PROBLEMS} }} }}"
)

PLAN_PROGRESS = "subscription ($id: ID!) { planProgress(id: $id) { status phase } }"

PLAN = """
query Plan($id: ID!) {
  plan(id: $id) {
    status
    failureReason
    summary { distanceMeters durationSeconds routes orders }
    baseline { distanceMeters durationSeconds }
    unassigned(first: 250) { nodes { order { id reference } reasons { code } } }
    routes(first: 100) { nodes { id driver { name } vehicle { id name } } }
  }
}
"""

ROUTE = """
query Route($id: ID!) {
  route(id: $id) {
    id
    version
    stops {
      id kind status sequence plannedArrival plannedDeparture coordinates { latitude longitude }
      orders { id reference status packages { barcode } }
    }
  }
}
"""

ADVANCE_STOP = f"""
mutation Advance($input: AdvanceStopInput!) {{
  advanceStop(input: $input) {{ stop {{ id status }} {PROBLEMS} }}
}}
"""

REPORT_POSITIONS = f"mutation ($input: ReportPositionsInput!) {{ reportPositions(input: $input) {{ {PROBLEMS} }} }}"

PARTNERS = """
query Partners {
  partnerships(first: 1, filter: { statuses: [ACTIVE], side: MERCHANT }) { nodes { id } }
}
"""

INVITE_PARTNER = f"mutation ($input: InvitePartnerInput!) {{ invitePartner(input: $input) {{ token {PROBLEMS} }} }}"
ACCEPT_PARTNERSHIP = f"mutation ($input: AcceptPartnershipInput!) {{ acceptPartnership(input: $input) {{ partnership {{ id }} {PROBLEMS} }} }}"
TENDER_ORDER = f"""
mutation Tender($input: TenderOrderInput!) {{
  tenderOrder(input: $input) {{ results {{ tender {{ id }} {PROBLEMS} }} {PROBLEMS} }}
}}
"""
OFFERS = """
query Offers { tenders(first: 250, filter: { statuses: [OFFERED], side: CARRIER }) { nodes { id } } }
"""
ACCEPT_TENDER = f"""
mutation Accept($input: AcceptTenderInput!) {{
  acceptTender(input: $input) {{ results {{ tender {{ id order {{ id }} }} {PROBLEMS} }} {PROBLEMS} }}
}}
"""

ORDERS = """
query Orders($after: Cursor) {
  orders(first: 250, after: $after, filter: { statuses: [AWAITING_REATTEMPT, PENDING] }) {
    nodes { id reference status }
    pageInfo { hasNextPage endCursor }
  }
}
"""

EVENTS = """
subscription Events($after: Cursor) {
  events(after: $after) {
    kind
    cursor
    event {
      __typename
      occurredAt
      ... on OrderPlaced { orderId }
      ... on OrderStatusChanged { orderId from to order { reference displayReference } }
    }
  }
}
"""

TO_PASTE = (
    (
        "The last orders, where they stand and when they arrive",
        "query { orders(first: 10) { nodes { reference status eta { at } dropoff { address { formatted } } } } }",
    ),
    (
        "Every status change from now on, as it happens (a subscription)",
        "subscription { events { kind cursor event { ... on OrderStatusChanged { occurredAt from to order { reference } } } } }",
    ),
    (
        "The routes under way",
        "query { routes(first: 5) { nodes { status driver { name } stops { kind status plannedArrival orders { reference } } } } }",
    ),
)
"""What the terminal prints to try: a sentence and a document."""

TO_PASTE_AS_MERCHANT = """\
subscription {
  events(filter: { types: ["TenderAccepted", "TenderReleased", "TenderFulfilled", "OrderStatusChanged", "OrderEtaChanged", "ProofReported"] }) {
    cursor
    event {
      __typename
      occurredAt
      ... on TenderFulfilled { order { reference status } }
      ... on OrderStatusChanged { from to order { reference carrierTender { status partnership { carrierName } } } }
    }
  }
}"""
TO_PASTE_AS_CARRIER = """\
subscription {
  events(filter: { types: ["TenderOffered", "TenderWithdrawn", "TenderCancelled", "OrderStatusChanged"] }) {
    cursor
    event {
      __typename
      occurredAt
      ... on TenderOffered { tender { priceMinor currency deadlineAt dropoffArea { postalCode city } } }
      ... on OrderStatusChanged { from to order { displayReference merchantTender { partnership { merchantName } } } }
    }
  }
}"""
"""What either side of a partnership may follow: each reads its own log alone."""
