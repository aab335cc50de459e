"""Fields of ``Order`` that other slices answer.

Orders may not import them (fleets lies beside, planning and tracking above), so the fields name a batch read here, and ``schema`` or the slice
above supplies it.
"""

from typing import TYPE_CHECKING
from uuid import UUID

from doorstep.kernel.graphql.context import UpwardEdge

if TYPE_CHECKING:
    from doorstep.fleets.graphql import Depot
    from doorstep.kernel.graphql.scalars import URL
    from doorstep.partners.graphql import Tender
    from doorstep.planning.graphql import Assignment
    from doorstep.tracking.graphql import Attempt, Proof

DEPOT: "UpwardEdge[UUID, Depot | None]" = UpwardEdge("Order.depot")
"""A depot by its id."""

ASSIGNMENT: "UpwardEdge[UUID, Assignment | None]" = UpwardEdge("Order.assignment")
"""The active assignment of an order, by the order's id."""

TENDER: "UpwardEdge[UUID, Tender | None]" = UpwardEdge("Order.carrierTender")
"""A tender by its id; None without the scope that shows tenders."""

TENDERS: "UpwardEdge[UUID, list[Tender]]" = UpwardEdge("Order.tenders")
"""The tenders by which an order was offered to partner carriers, by the order's id, first to last."""

ATTEMPTS: "UpwardEdge[UUID, list[Attempt]]" = UpwardEdge("Order.attempts")
"""An order's attempts by its id, first to last."""

PROOFS: "UpwardEdge[UUID, list[Proof]]" = UpwardEdge("Order.proofs")
"""An order's proofs by its id, first to last."""

TRACKING_URL: "UpwardEdge[UUID, URL | None]" = UpwardEdge("Order.trackingUrl")
"""The recipient's link of an order, by the order's id; None for a credential that may not hand out any."""
