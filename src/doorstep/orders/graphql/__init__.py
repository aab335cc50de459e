"""Orders in the schema.

- ``words``      the enumerations
- ``types``      what is shown: Order and its parts, and their batch reads
- ``inputs``     what is written
- ``lists``      filter and order of the list
- ``queries``, ``mutations``, ``subscriptions``
- ``events``     the faces of the events
- ``edges``      fields of Order that other slices answer
"""

from doorstep.orders.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.orders.graphql import events as events
from doorstep.orders.graphql.edges import DEPOT
from doorstep.orders.graphql.lists import OrderFilter
from doorstep.orders.graphql.mutations import OrdersMutation
from doorstep.orders.graphql.parts import Eta
from doorstep.orders.graphql.queries import OrdersQuery
from doorstep.orders.graphql.subscriptions import OrdersSubscription
from doorstep.orders.graphql.types import Order, Package, Waypoint, load_orders, load_packages, load_waypoints

__all__ = [
    "DEPOT", "Eta", "Order", "OrderFilter", "OrdersMutation", "OrdersQuery", "OrdersSubscription", "Package", "Waypoint", "load_orders", "load_packages",
    "load_waypoints",
]  # fmt: skip
