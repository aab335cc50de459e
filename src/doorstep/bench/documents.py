"""The GraphQL documents that are measured; each could be pasted into GraphiQL."""

from doorstep.demo.documents import PROBLEMS

CREATE_ORDER = f"""
mutation CreateOrder($input: CreateOrderInput!) {{
  createOrder(input: $input) {{ order {{ id reference status version }} {PROBLEMS} }}
}}
"""

CREATE_ORDERS = f"""
mutation CreateOrders($input: CreateOrdersInput!) {{
  createOrders(input: $input) {{ results {{ index order {{ id reference }} {PROBLEMS} }} {PROBLEMS} }}
}}
"""

EVENTS = """
subscription { events { kind event { recordedAt ... on OrderPlaced { orderId } } } }
"""

PAGE = """
query Page($first: Int!, $after: Cursor) {
  orders(first: $first, after: $after) {
    nodes {
      id reference displayReference version kind status custody priority dueAt createdAt updatedAt
      eta { at lateBySeconds stopsBefore }
      dropoff {
        address { line1 city postalCode country formatted } coordinates { latitude longitude }
        contact { name phone } windows { start end } serviceSeconds
      }
      packages { id barcode load { weightGrams items } }
      assignment {
        route { id status driver { name } }
        stops { id kind status sequence plannedArrival plannedDeparture coordinates { latitude longitude } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

PLAN = """
query Plan($id: ID!) {
  plan(id: $id) { status failureReason network engine summary { costMinor distanceMeters routes orders unassigned } }
}
"""
