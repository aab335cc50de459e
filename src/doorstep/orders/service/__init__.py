"""Use cases of orders: the only writer of its tables, and the door for planning and tracking.

- ``drafts``     what a caller says of an order, before anything is checked
- ``preparing``  checks and normalises it, finds its addresses and holds its points against the roads, outside of any transaction
- ``intake``     one path for one order and for a thousand
- ``changes``    patches
- ``moves``      states, custody and ETAs, also for planning and tracking
"""

from doorstep.orders.service.moves import EtaChange, Move, lock_orders, move_orders, set_etas

__all__ = ["EtaChange", "Move", "lock_orders", "move_orders", "set_etas"]
