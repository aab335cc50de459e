"""Who walks: a credential, what is its own, and whose things must not exist for it.

A further actor is one more function under ``@actor``. A credential that is limited within its company is a desk whose client has the limited
credential and whose ``maker`` has a whole one, beside ``stage.desk_beside(desk)``, the same company's other depot with another driver.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.isolation.clients import Client
from tests.isolation.desks import Desk
from tests.isolation.places import Place
from tests.isolation.stages import Stage

from doorstep.identity.permissions import NEEDS, ROLES, Role
from doorstep.kernel.scope import ALL_PERMISSIONS, WITHIN_REACH, Permission


@dataclass
class Actor:
    """Somebody with a credential, beside somebody whose things are none of their business."""

    desk: Desk
    foreign: Desk
    shares: frozenset[str] = frozenset()
    """Kinds that both may see, such as the drivers of one company; none between tenants."""

    permissions: frozenset[Permission] = ALL_PERMISSIONS
    """What its credential may do: a root field that needs anything else is forbidden to it, whatever the ids."""

    blind: dict[str, str] = field(default_factory=dict)
    """Places where this actor's own ids, too, are answered as random ones, each with the reason."""

    def __post_init__(self) -> None:
        self.desk.client.transcript.forbidden |= {
            one for kind, one in self.foreign.ids.items() if kind.partition(":")[0] not in self.shares
        } | {self.foreign.canary}

    @property
    def beside_another_tenant(self) -> bool:
        """Whether the other one is another tenant, and not another part of the same."""
        return self.desk.tenant_id != self.foreign.tenant_id

    def is_forbidden(self, place: Place) -> bool:
        """Whether the actor may not ask a field at all."""
        needed = NEEDS.get(f"{place.owner}.{place.field}")
        return needed is not None and not {needed, needed.implied_by} & self.permissions

    def foreign_ids(self) -> dict[str, str]:
        """Kind → id of what must not exist for this actor, a name that clients make up not among them."""
        return {
            kind: one
            for kind, one in self.foreign.ids.items()
            if one.partition("_")[0] == kind.partition(":")[0] and kind.partition(":")[0] not in self.shares
        }


_COPY = "an order that came by a tender is of no depot, and on no driver's route"

BLIND_TILL = {"Mutation.reportOrder(input.orderId)": _COPY}

BLIND_PHONE = {
    "Mutation.reportOrder(input.orderId)": _COPY,
    "Query.plan(id)": "drivers see routes, not what they were planned from",
    "Subscription.planProgress(id)": "as above",
    "Plan.changesFrom(planId)": "as above",
    "Plan.comparedWith(planId)": "as above",
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


async def _company(stage: Stage, narrow: Callable[[Desk], Awaitable[None]]) -> Desk:
    """A desk whose client is limited to what is on it, and that somebody with a whole key furnishes."""
    desk = await stage.bare_desk("company")
    desk.maker, desk.client = desk.client, Client(stage.http, stage.server, "")
    desk.narrow = narrow
    await desk.furnish()
    return desk


@actor("a key of one depot beside another depot of the company")
async def _till(stage: Stage) -> Actor:
    desk = await _company(stage, _key_of_the_depot)
    return Actor(desk, await stage.desk_beside(desk), permissions=WITHIN_REACH, blind=BLIND_TILL)


async def _key_of_the_depot(desk: Desk) -> None:
    """Limited to the depot, with a token that it made itself."""
    limit = {"scopes": sorted(WITHIN_REACH), "depotIds": [desk.ids["depot"]]}
    desk.client.key = (await desk.made("createApiKey", "secret", name=desk.unique("till"), **limit))["secret"]
    document = 'mutation { createAccessToken(input: {scopes: ["orders:read"]}) { accessToken { id } } }'
    desk.ids["token"] = (await desk.client.ask(document))["data"]["createAccessToken"]["accessToken"]["id"]


@actor("a driver beside another driver of the company")
async def _phone(stage: Stage) -> Actor:
    desk = await _company(stage, _token_of_the_driver)
    return Actor(desk, await stage.desk_beside(desk), permissions=ROLES[Role.DRIVER], blind=BLIND_PHONE)


async def _token_of_the_driver(desk: Desk) -> None:
    """Limited to the dispatched routes of the driver."""
    desk.client.key = (await desk.made("createDriverToken", "secret", driverId=desk.ids["driver"]))["secret"]
