"""Partners in the schema.

- ``words``      the enumerations
- ``types``      Partnership and Tender, and their batch reads
- ``inputs``     what is written
- ``queries``, ``mutations``, ``subscriptions``
- ``events``     the faces of the events
"""

from doorstep.partners.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.partners.graphql import events as events
from doorstep.partners.graphql.mutations import PartnersMutation
from doorstep.partners.graphql.queries import PartnersQuery
from doorstep.partners.graphql.subscriptions import PartnersSubscription
from doorstep.partners.graphql.types import Partnership, Tender, load_partnerships, load_tenders

__all__ = [
    "PartnersMutation",
    "PartnersQuery",
    "PartnersSubscription",
    "Partnership",
    "Tender",
    "load_partnerships",
    "load_tenders",
]
