"""Tracking in the schema.

- ``words``      its enumerations
- ``types``      Attempt, Proof, Position, and their batch reads
- ``inputs``     what a device reports
- ``mutations``  advanceStop, reportPositions
- ``subscriptions``  positions as they change
- ``recipients``  what a recipient sees behind their link
- ``links``      that link: Order.trackingUrl, revokeTracking
- ``events``     the faces of the events
"""

from doorstep.tracking.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.tracking.graphql import events as events
from doorstep.tracking.graphql.links import LinksMutation
from doorstep.tracking.graphql.mutations import TrackingMutation
from doorstep.tracking.graphql.recipients import RecipientQuery, RecipientSubscription
from doorstep.tracking.graphql.subscriptions import TrackingSubscription
from doorstep.tracking.graphql.types import Attempt, Position, Proof

__all__ = [
    "Attempt", "LinksMutation", "Position", "Proof", "RecipientQuery", "RecipientSubscription", "TrackingMutation", "TrackingSubscription",
]  # fmt: skip
