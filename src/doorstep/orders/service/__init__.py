"""Use cases of orders: the only writer of its tables, and the door for planning and tracking.

- ``drafts``     what a caller says of an order, before anything is checked
- ``values``     the rules about single values
- ``preparing``  checks and normalises, finds addresses and holds points against the roads, outside of any transaction
- ``depots``     which depot an order is brought from when it names none
- ``intake``     one path for one order and for a thousand
- ``patches``    prepares changes, ``changes`` applies them and cancels
- ``readiness``  how far the goods are
- ``questions``  what is asked before an order between two companies is touched
- ``moves``      states, custody and ETAs, also for planning and tracking
"""

from doorstep.orders.service.changes import cancel_order, carry_over, record_location_checks, update_order
from doorstep.orders.service.depots import choose_depots
from doorstep.orders.service.intake import create_order, create_orders, take_in
from doorstep.orders.service.moves import EtaChange, Move, give_orders, lock_orders, move_orders, set_etas
from doorstep.orders.service.patches import prepare_patch
from doorstep.orders.service.preparing import prepare_orders
from doorstep.orders.service.readiness import set_order_readiness

__all__ = [
    "EtaChange",
    "Move",
    "cancel_order",
    "carry_over",
    "choose_depots",
    "create_order",
    "create_orders",
    "give_orders",
    "lock_orders",
    "move_orders",
    "prepare_orders",
    "prepare_patch",
    "record_location_checks",
    "set_etas",
    "set_order_readiness",
    "take_in",
    "update_order",
]
