"""How many sockets each tenant has open at this process, held to what its operator allows."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

from doorstep.kernel.scope import Principal

QUOTA_CLOSE_CODE = 4429


class TooManySockets(Exception):
    """The tenant has as many sockets open as it may; the message fits a close frame."""


class OpenSockets:
    """A count by tenant; belongs to one event loop."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    def enter(self, principal: Principal) -> Callable[[], None]:
        """Count a socket in; returns what counts it out, to be called once. Raises TooManySockets."""
        most = principal.most_sockets
        if most is not None and self._open[principal.tenant_id] >= most:
            raise TooManySockets(f"Quota: at most {most} sockets at a time; close one first")
        self._open[principal.tenant_id] += 1
        return lambda: self._leave(principal.tenant_id)

    def _leave(self, tenant_id: UUID) -> None:
        self._open[tenant_id] -= 1
        if not self._open[tenant_id]:
            del self._open[tenant_id]
