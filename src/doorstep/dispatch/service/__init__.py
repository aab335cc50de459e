"""Use cases of dispatch: the only writer of its table.

- ``deciding``   a round: who should take which of the orders that wait, computed outside of any transaction
- ``aiming``     how soon each order shall come, as windows that the engine understands; pure
- ``giving``     what was decided is written: assigned at once, or offered
- ``answering``  a driver's answer, and what follows from it or from none
- ``waking``     when the dispatcher works
"""

from doorstep.dispatch.service.answering import answer_offer, let_go, settle_offer, withdraw_offers
from doorstep.dispatch.service.deciding import Decision, Round, decide
from doorstep.dispatch.service.giving import give
from doorstep.dispatch.service.waking import DISPATCH, SETTLE, wake_dispatcher

__all__ = [
    "DISPATCH", "SETTLE", "Decision", "Round", "answer_offer", "decide", "give", "let_go", "settle_offer", "wake_dispatcher", "withdraw_offers",
]  # fmt: skip
