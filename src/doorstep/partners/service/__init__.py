"""Use cases of partners: the only writer of its tables.

- ``rows``         locking and moving the rows that two tenants share
- ``verdicts``     up to 250 ids of a call, each answered by itself
- ``partnerships`` invite, redeem, say what is shared, end
- ``offering``     orders to the first carrier of a list, and to the next
- ``copies``       the carrier's own order, from what is shared
- ``answering``    accept, decline
- ``closing``      withdraw, expire, release
- ``watching``     what orders asks before it touches an order between two companies
- ``relaying``     what happened on one side, applied to the other
- ``reporting``    a carrier's own dispatch system moves its order
"""

from doorstep.partners.service import watching as watching  # answers the questions of orders
from doorstep.partners.service.answering import accept_tenders, decline_tenders
from doorstep.partners.service.closing import release_tenders, withdraw_tenders
from doorstep.partners.service.offering import Offer, tender_orders
from doorstep.partners.service.partnerships import (
    Invitation,
    PartnershipPatch,
    accept_partnership,
    end_partnership,
    invite_partner,
    update_partnership,
)
from doorstep.partners.service.reporting import Report, report_order

__all__ = [
    "Invitation",
    "Offer",
    "PartnershipPatch",
    "Report",
    "accept_partnership",
    "accept_tenders",
    "decline_tenders",
    "end_partnership",
    "invite_partner",
    "release_tenders",
    "report_order",
    "tender_orders",
    "update_partnership",
    "withdraw_tenders",
]
