"""How many sockets and subscriptions are open at this process, held to what the operator allows a tenant and a credential."""

from collections import Counter
from collections.abc import Callable, Hashable

from doorstep.kernel.errors import RateLimited
from doorstep.kernel.graphql.attempts import network_of
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.scope import Principal

QUOTA_CLOSE_CODE = 4429
RETRY_SECONDS = 1.0

MOST_OF_RECIPIENT = 20
"""Sockets with one recipient's link; they are not counted with those of the company, which cannot know how many read its messages."""


class TooManySockets(Exception):
    """The tenant or the credential has as many sockets open as it may; the message fits a close frame."""


class OpenSockets:
    """A count by tenant and by credential, of strangers by their network; belongs to one event loop."""

    def __init__(self, most_of_credential: int) -> None:
        self._most_of_credential = most_of_credential
        self._open: Counter[Hashable] = Counter()

    def enter(self, principal: Principal) -> Callable[[], None]:
        """Count a socket in; returns what counts it out, to be called once. Raises TooManySockets."""
        tenant, credential = principal.tenant_id, _credential(principal)
        if principal.recipient_of is not None:
            return self._enter_recipient(credential)
        most = principal.most_sockets
        if most is not None and self._open[tenant] >= most:
            raise TooManySockets(f"Quota: at most {most} sockets at a time; close one first")
        if self._open[credential] >= self._most_of_credential:
            raise TooManySockets(f"At most {self._most_of_credential} sockets with one key at a time; close one first")
        return self._count(tenant, credential)

    def _enter_recipient(self, credential: Hashable) -> Callable[[], None]:
        if self._open[credential] >= MOST_OF_RECIPIENT:
            raise TooManySockets(f"At most {MOST_OF_RECIPIENT} sockets with one link at a time; close one first")
        return self._count(credential)

    def enter_stranger(self, address: str) -> Callable[[], None]:
        """The same for a socket without a credential: it costs as much, and nobody else answers for it."""
        network = network_of(address)
        if self._open[network] >= self._most_of_credential:
            raise TooManySockets(f"At most {self._most_of_credential} sockets without a key from your network")
        return self._count(network)

    def _count(self, *counted: Hashable) -> Callable[[], None]:
        self._open.update(counted)

        def leave() -> None:
            for one in counted:
                _drop(self._open, one)

        return leave


class OpenSubscriptions:
    """A count by credential, or by the client's network where there is none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[Hashable] = Counter()

    def enter(self, context: Context) -> Callable[[], None]:
        """Count a subscription in; returns what counts it out, to be called once. Raises RateLimited."""
        principal = context.principal_or_none
        whose = _credential(principal) if principal is not None else network_of(context.address or "")
        if self._open[whose] >= self._most:
            raise RateLimited(
                f"At most {self._most:,} subscriptions with one key at a time: end one first.", seconds=RETRY_SECONDS
            )
        self._open[whose] += 1
        return lambda: _drop(self._open, whose)


def _credential(principal: Principal) -> Hashable:
    return principal.tenant_id, principal.actor


def _drop(counter: Counter[Hashable], one: Hashable) -> None:
    counter[one] -= 1
    if not counter[one]:
        del counter[one]
