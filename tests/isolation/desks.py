"""A desk: one tenant's client, and the ids of what is on it.

``furnishings`` says how one object of each kind is made, through the public API; a kind that the schema names and that no furnishing makes
fails the walk.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from tests.isolation.clients import Client
from tests.isolation.places import Place

TIME_ZONE = "Europe/Vaduz"
COUNTRY = "LI"

NAMED = "made-up-"
"""Begins every name that a client makes up here."""

STATES = {
    "createPlan": "free",
    "explainUnassigned": "free",
    "assignOrders": "free",
    "simulatePlan": "free",
    "updateOrder": "free",
    "tenderOrder": "free",
    "eraseRecipient": "final",
    "reportOrder": "copy",
    "tenders": "copy",
    "acceptTender": "carrier",
    "declineTender": "carrier",
    "releaseTender": "taken",
    "endPartnership": "spare",
    "auditLog": "acting",
}
"""Root fields that want their objects in a certain state: kept on the desk as ``kind:state``."""


def instant(hours: float) -> str:
    """So many hours from now."""
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def civil_day(hours: float) -> str:
    """The tenants' civil day so many hours from now, which near midnight is not UTC's."""
    return (datetime.now(ZoneInfo(TIME_ZONE)) + timedelta(hours=hours)).date().isoformat()


@dataclass
class Desk:
    """A tenant's client, what is theirs, and the word that is in every text of it."""

    name: str
    client: Client
    tenant_id: UUID
    canary: str
    ids: dict[str, str] = field(default_factory=dict)
    """Kind → id. A kind is the prefix of its ids, ``kind:state`` one in a state that some use case wants; names that clients make up too."""

    names: dict[str, list[str]] = field(default_factory=dict)
    """Names that this tenant made up, each to be tried by others once: after that it may be theirs, too."""

    cursors: dict[str, str] = field(default_factory=dict)
    """Place that takes a cursor → one of this desk's own."""

    types: dict[str, str] = field(default_factory=dict)
    """GraphQL type → id of an object of that type, as ``node`` tells."""

    maker: Client | None = None
    """Who puts things onto the desk, when the desk's own credential may not make them all (one that is limited to a depot)."""

    neighbour: "Desk | None" = None
    """The other company of the desk's partnerships, which is nobody's ``foreign``."""

    into_mode: Callable[[str], Awaitable[None]] | None = None
    """Makes the tenant a TEST one and a LIVE one again, for what only a sandbox has."""

    narrow: "Callable[[Desk], Awaitable[None]] | None" = None
    """Gives the client a credential that sees no more than what is on the desk now, for a desk whose own one is limited."""

    made_by: dict[str, str] = field(default_factory=dict)
    """Kind → the furnishing that made it."""

    _type_of: dict[str, str | None] = field(default_factory=dict)

    def own(self, kind: str, field: str = "") -> str | None:
        """The id of an own object that fits a root field."""
        return self.ids.get(f"{kind}:{STATES.get(field)}") or self.ids.get(kind)

    def take_name(self, kind: str) -> str:
        """A name of this tenant's that was not tried yet."""
        stock = self.names.get(kind.removesuffix("s"))
        assert stock, f"no name '{kind}' is left on the desk: make more of them in furnishings.py"
        return stock.pop()

    async def made(self, mutation: str, shown: str, **values: Any) -> dict[str, Any]:
        """What a mutation made; fails when it refused."""
        type_name = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {type_name}!) {{ {mutation}(input: $input) {{ {shown} problems {{ code message path }} }} }}"
        answer = await (self.maker or self.client).ask(document, input=values)
        payload: dict[str, Any] = (answer.get("data") or {}).get(mutation) or {}
        assert payload.get("problems") == [], (mutation, answer)
        return payload

    async def read(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of a query without errors."""
        answer = await (self.maker or self.client).ask(document, **variables)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def furnish(self, used: Collection[str] = ()) -> None:
        """One object of each kind, fresh; when some ids were ``used`` up, of those that stand alone only what was made together with them."""
        touched = {self.made_by[kind] for kind, one in self.ids.items() if one in used} or set(FURNISHINGS)
        again = touched if touched <= ALONE else touched | (FURNISHINGS.keys() - ALONE)
        for name in [name for name in FURNISHINGS if name in again]:
            made = await FURNISHINGS[name](self)
            self.ids |= made
            self.made_by |= dict.fromkeys(made, name)
        if self.narrow is not None:
            await self.narrow(self)
        for kind, one in self.ids.items():
            if ":" not in kind and "_" in one and (type_name := await self._type(kind, one)):
                self.types[type_name] = one

    async def _type(self, kind: str, one: str) -> str | None:
        if kind not in self._type_of:
            document = "query($id: ID!) { node(id: $id) { __typename } }"
            answer = await (self.maker or self.client).ask(document, id=one)
            self._type_of[kind] = ((answer.get("data") or {}).get("node") or {}).get("__typename")
        return self._type_of[kind]

    def new_name(self, what: str) -> str:
        """A name without a canary in it: somebody else may come to use it, too."""
        name = f"{NAMED}{what}-{uuid4().hex[:8]}"
        self.names.setdefault(what, []).append(name)
        return name

    def unique(self, what: str) -> str:
        """A text of its own that holds the canary."""
        return f"{self.canary} {what} {uuid4().hex[:8]}"


Furnish = Callable[[Desk], Awaitable[dict[str, str]]]
FURNISHINGS: dict[str, Furnish] = {}
"""What to put on a desk, in this order: each may use what those before it made."""

ALONE: set[str] = set()
"""Furnishings whose objects no later one uses: they can be made anew by themselves."""


def furnishing(kind: str, *, alone: bool = False) -> Callable[[Furnish], Furnish]:
    """Register how an object of a kind (the prefix of its ids) is made; what it returns goes onto the desk."""

    def register(furnish: Furnish) -> Furnish:
        FURNISHINGS[kind] = furnish
        ALONE.update({kind} if alone else ())
        return furnish

    return register


class Unfurnished(Exception):
    """The walk met a kind that no desk has; the message says what to add."""

    def __init__(self, place: Place, kind: str) -> None:
        super().__init__(
            f"{place} takes an id of the kind '{kind}', and no desk has one: add a furnishing that makes one through the API "
            "(tests/isolation/furnishings.py)."
        )
