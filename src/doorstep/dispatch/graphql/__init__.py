"""Dispatch in the schema.

- ``words``      the enumerations
- ``types``      DispatchOffer and its batch read
- ``queries``, ``mutations``
- ``events``     the faces of the events
"""

from doorstep.dispatch.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.dispatch.graphql import events as events
from doorstep.dispatch.graphql.mutations import DispatchMutation
from doorstep.dispatch.graphql.queries import DispatchQuery
from doorstep.dispatch.graphql.types import DispatchOffer, load_offers

__all__ = ["DispatchMutation", "DispatchOffer", "DispatchQuery", "load_offers"]
