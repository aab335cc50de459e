"""Orders between two companies: what orders asks before it touches one, and partners (a slice above) answers.

An order's ``given_tender_id`` names the tender by which a partner carrier has it or is offered it; a copy's ``source_tender_id`` the one by which
it came from a merchant. Only such orders are asked about, so that the others cost nothing.
"""

from collections.abc import Sequence

from doorstep.kernel.db import Row
from doorstep.kernel.objections import Question
from doorstep.orders.model import OrderStatus

COPIES_MOVE: Question[Sequence[tuple[Row, OrderStatus]]] = Question("orders that came from a merchant move")
"""The locked rows as they were, each with the state that it moves to."""

COPIES_MOVED: Question[Sequence[tuple[Row, OrderStatus]]] = Question("orders that came from a merchant have moved")
"""The same once their moves are written and told: what follows from them is told after them."""

GIVEN_ORDER_IS_CANCELLED: Question[tuple[Row, OrderStatus]] = Question(
    "an order that a partner carrier has is called off"
)
"""The locked row, and what calling it off makes of it."""

GIVEN_ORDER_CHANGES: Question[tuple[Row, frozenset[str]]] = Question("an order that a partner carrier has is changed")
"""The locked row, and the schema's names of the fields that change."""
