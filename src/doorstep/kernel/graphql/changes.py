"""What streams of changing objects have in common in the schema."""

from enum import StrEnum

import strawberry

from doorstep.kernel.graphql.enums import show_enum
from doorstep.kernel.graphql.streams import LogItemKind


class ChangeKind(StrEnum):
    """What an item of a stream of changing objects is."""

    CHANGE = "CHANGE"
    CAUGHT_UP = "CAUGHT_UP"
    HEARTBEAT = "HEARTBEAT"

    @classmethod
    def of(cls, kind: LogItemKind) -> "ChangeKind":
        """The kind that an item of the log's stream comes to."""
        return cls.CHANGE if kind is LogItemKind.NEWS else cls(kind.value)


show_enum(
    ChangeKind,
    "What an item of a stream of changing objects is.",
    {
        ChangeKind.CHANGE: "An object that changed.",
        ChangeKind.CAUGHT_UP: "Everything that had changed at the start has been sent.",
        ChangeKind.HEARTBEAT: "No change that the filter lets through for 15 seconds; the stream lives, and `cursor` has moved on.",
    },
    name="ChangeStreamItemKind",
)

AFTER = strawberry.argument(description="A cursor of the event log: what changed after it. Left out: from now on.")
