"""The sandbox in the schema.

- ``words``      its enumerations
- ``types``      Simulation, SandboxClock
- ``inputs``     what is written
- ``queries``, ``mutations``
"""

from doorstep.sandbox.graphql import words as words  # isort: skip - the types below need the enumerations
from doorstep.sandbox.graphql.mutations import SandboxMutation
from doorstep.sandbox.graphql.queries import SandboxQuery
from doorstep.sandbox.graphql.types import SandboxClock, Simulation

__all__ = ["SandboxClock", "SandboxMutation", "SandboxQuery", "Simulation"]
