"""Messages in the schema: the outbox, to read."""

from doorstep.messages.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.messages.graphql.queries import MessagesQuery

__all__ = ["MessagesQuery"]
