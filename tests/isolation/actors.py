"""Who walks: a credential, what is its own, and whose things must not exist for it.

A further actor is one more function under ``@actor``. A credential limited to a depot, for one, is a desk whose client has the limited key and
whose ``maker`` has a whole one, beside ``stage.desk_beside(desk)``, the same tenant's other depot; ``shares`` names what both may see.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.isolation.desks import Desk
from tests.isolation.stages import Stage


@dataclass
class Actor:
    """Somebody with a credential, beside somebody whose things are none of their business."""

    desk: Desk
    foreign: Desk
    shares: frozenset[str] = frozenset()
    """Kinds that both may see, such as the drivers of one company; none between tenants."""

    blind: dict[str, str] = field(default_factory=dict)
    """Places where this actor's own ids, too, are answered as random ones (what it may never do), each with the reason."""

    def __post_init__(self) -> None:
        self.desk.client.transcript.forbidden |= {
            one for kind, one in self.foreign.ids.items() if kind.partition(":")[0] not in self.shares
        } | {self.foreign.canary}
        self.desk.client.transcript.canary = self.foreign.canary

    @property
    def beside_another_tenant(self) -> bool:
        """Whether the other one is another tenant, and not another part of the same."""
        return self.desk.tenant_id != self.foreign.tenant_id

    def foreign_ids(self) -> dict[str, str]:
        """Kind → id of what must not exist for this actor, a name that clients make up not among them."""
        return {
            kind: one
            for kind, one in self.foreign.ids.items()
            if one.partition("_")[0] == kind.partition(":")[0] and kind.partition(":")[0] not in self.shares
        }


Enter = Callable[[Stage], Awaitable[Actor]]
ACTORS: dict[str, Enter] = {}
"""Name → how the actor and the other one come onto the stage."""


def actor(name: str) -> Callable[[Enter], Enter]:
    """Register an actor; the whole walk is run for each."""

    def register(enter: Enter) -> Enter:
        ACTORS[name] = enter
        return enter

    return register


@actor("a tenant beside another tenant")
async def _tenant(stage: Stage) -> Actor:
    return Actor(await stage.desk("mine"), await stage.desk("theirs"))
