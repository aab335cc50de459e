"""Documents with arguments that are in order but for the one value under test."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)
from tests.isolation.comparing import NEW_NAME
from tests.isolation.desks import COUNTRY, TIME_ZONE, Desk, Unfurnished, civil_day, instant
from tests.isolation.places import MADE_BY_CLIENTS, OPERATIONS, Place, bare, takes_one
from tests.isolation.selections import selection

SOUND: dict[str, Any] = {
    "country": COUNTRY,
    "latitude": 47.14,
    "longitude": 9.52,
    "act": "COMPLETE",
    "scopes": "orders:read",
    "permissions": "orders:read",
    "url": "https://example.org/",
}
"""Values for arguments by name, where any value of the type will not do."""

SOUND_ENUMS = {("ProofInput", "kind"): "NOTE"} | dict.fromkeys(
    [("InviteMemberInput", "role"), ("UpdateMemberInput", "role")], "DRIVER"
)

ALONGSIDE: dict[str, dict[str, set[str]]] = {
    "CreatePlanInput": {
        "": {"orderIds", "shiftIds"},
        "orderFilter": {"shiftIds"},
        "depotIds": {"orderIds", "date"},
    },
    "SimulatePlanInput": {"": {"orderIds", "scenarios"}, "orderFilter": {"scenarios"}},
    "PlanScenarioInput": {"": {"shiftIds"}, "depotIds": {"date"}, "date": set()},
    "ProofInput": {"": {"note"}},
    "ReplayWebhookDeliveriesInput": {"": {"since"}, "after": set()},
    "InviteMemberInput": {"": {"role"}, "roleId": set(), "depotIds": {"role", "driverId"}},
    "UpdateMemberInput": {"driverId": {"role"}},
}
"""Input type → what must be given with a field of it (of its own accord or with "" for all others), beyond what the schema demands."""

Kinds = dict[Place, str]
"""What each id argument takes: learned from the API's own words (``kinds``)."""


@dataclass(frozen=True)
class Question:
    """A document, its variables, and what the client names in them."""

    document: str
    variables: dict[str, Any]
    named: tuple[str, ...]


ANY = "any"
"""The kind of an argument that takes ids of every kind."""


def fitting(place: Place, kind: str) -> str:
    """The kind to try at a place; of those that take any kind an order, and where somebody who acts is wanted a key."""
    return ("key" if place.names[-1:] == ("actorIds",) else "order") if kind == ANY else kind


NO_ID = "?"
"""Stands where an id is wanted whose kind is not known yet."""


class Filler:
    """Fills the arguments of one field: own ids everywhere, ``value`` at the place under test."""

    def __init__(self, desk: Desk, kinds: Kinds, place: Place, value: Any) -> None:
        self._desk = desk
        self._kinds = kinds
        self._place = place
        self._value = value

    def question(self, shown: str | None = None) -> Question:
        """The whole document; ``shown`` is the field's selection, else all that lies near."""
        place, details = self._place, self._place.details
        values = {
            name: self._of(argument.type, (name,))
            for name, argument in details.args.items()
            if self._wanted(name, argument)
        }
        types = [f"${name}: {details.args[name].type}" for name in values]
        called = f"{place.field}({', '.join(f'{name}: ${name}' for name in values)})" if values else place.field
        called += f" {shown or selection(details.type)}"
        word, body = OPERATIONS.get(place.owner, "query"), f"{{ {called} }}"
        if not place.at_root:
            if place.owner not in self._desk.types:
                raise Unfurnished(place, f"of type {place.owner}")
            body = f"{{ node(id: $of) {{ __typename ... on {place.owner} {body} }} }}"
            types.append("$of: ID!")
            values["of"] = self._desk.types[place.owner]
        head = f"{word}({', '.join(types)})" if types else word
        named = tuple(self._value) if isinstance(self._value, list) else (str(self._value),)
        return Question(f"{head} {body}", values, named if self._place.names else ())

    def _wanted(self, name: str, argument: GraphQLArgument) -> bool:
        return isinstance(argument.type, GraphQLNonNull) or self._place.names[:1] == (name,)

    def _of(self, kind: GraphQLInputType, path: tuple[str, ...]) -> Any:
        if path == self._place.names and isinstance(self._value, list):
            return self._value
        kind = bare(kind)
        if isinstance(kind, GraphQLList):
            return [self._of(kind.of_type, path)]
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind, path)
        if path == self._place.names:
            return self._value
        if isinstance(kind, GraphQLEnumType):
            sound = SOUND.get(path[-1])
            return sound if sound in kind.values else next(iter(kind.values))
        return self._scalar(get_named_type(kind).name, path)

    def _object(self, kind: GraphQLInputObjectType, path: tuple[str, ...]) -> dict[str, Any]:
        names = self._place.names
        wanted = names[len(path)] if names[: len(path)] == path and len(names) > len(path) else ""
        needed = {name for name, member in kind.fields.items() if is_required_input_field(member)} | {wanted} - {""}
        beside = ALONGSIDE.get(kind.name, {})
        needed |= beside.get(wanted, beside.get("", set()))
        if takes_one(kind):
            needed = {wanted or next(iter(kind.fields))}
        return {
            name: SOUND_ENUMS.get((kind.name, name)) or self._of(kind.fields[name].type, (*path, name))
            for name in sorted(needed)
        }

    def _scalar(self, name: str, path: tuple[str, ...]) -> Any:
        if path[-1] in MADE_BY_CLIENTS:
            return uuid4().hex
        if path[-1] in {"name", "email"}:
            return f"{NEW_NAME}{uuid4().hex[:8]}{'@example.org' if path[-1] == 'email' else ''}"
        if name == "ID":
            return self._own_id(path)
        if name == "DateTime":
            return instant(2 if path[-1] == "end" else 0)
        values: dict[str, Any] = {
            "Int": 1,
            "Float": 1.0,
            "Boolean": True,
            "Long": 1,
            "Date": civil_day(24),
            "TimeZone": TIME_ZONE,
            "Cursor": "",
        }
        return SOUND.get(path[-1], values.get(name, "x"))

    def _own_id(self, path: tuple[str, ...]) -> str:
        place = next(
            one
            for one in self._kinds
            if (one.owner, one.field, one.names) == (self._place.owner, self._place.field, path)
        )
        kind = self._kinds[place]
        if not kind:
            return NO_ID
        own = self._desk.own(fitting(place, kind), self._place.field)
        if own is None:
            raise Unfurnished(place, kind)
        return own
