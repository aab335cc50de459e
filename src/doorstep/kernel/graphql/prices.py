"""What each field of the schema costs, by rules over the schema and one table of exceptions; printed into the SDL as ``@cost`` and ``@listSize``.

An object that is stored by itself costs one point, a value inside it nothing. A list counts what it is asked for: a page its ``first`` or
``last``, a list without paging what it usually holds. A mutation costs ten points (or what ACTS says), and one more for each ten items of its
input; below a list that its input sized, ten objects cost one point as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_input_object_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

PAGE = 50
"""What a page holds when neither ``first`` nor ``last`` is given."""

LIST = 5
"""What a list without paging is taken to hold."""

INTROSPECTION = 100
OPERATION = 10
"""Of a mutation and of a subscription."""

COUNT = 10
"""Of ``totalCount``: the whole list is counted."""

LOG_END = 1
"""Of ``eventsCursor``: one more row is read."""

ITEMS_PER_POINT = 10

LISTS: Mapping[str, int] = {
    "Route.stops": 20,
    "Stop.orders": 2,
    "Assignment.stops": 2,
    "Order.attempts": 2,
    "Order.packages": 2,
    "Order.proofs": 2,
    "Order.tenders": 2,
    "Plan.shifts": 20,
    "AuditEntry.changes": 10,
    "Usage.days": 30,
    "UnassignedOrder.relaxations": 3,
    "DispatchPlanPayload.routes": 20,
    "RouteForecast.stops": 20,
    "PlanScenario.routes": 20,
    "ForecastStop.orders": 2,
    "RouteChangePreview.changes": 20,
    "RouteChangePreview.routes": 2,
    "ChangeRoutePayload.routes": 2,
    "ChangeRoutePayload.orders": 2,
    "CommitPlanPayload.dropped": 20,
}
"""Lists that usually hold something else than ``LIST``."""

WORK: Mapping[str, int] = {
    "Mutation.explainUnassigned": 100,
    "PlanComparison.counts": COUNT,
    "Query.previewReplan": 100,
    "Query.previewRouteChange": 20,
    "Query.simulatePlan": 200,
}
"""Fields that take more work than what they show says."""

VALUES = frozenset({"BlockedVehicleKind", "Problem", "RelaxationChange", "TimeWindow"})
"""Types that are lists' items and yet part of their owner."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of one field. ``weight`` is its own, ``each`` that of an object it shows."""

    weight: int = 0
    each: int = 0
    listed: int = 1
    """How many objects it shows, where nothing says that better."""

    paged: bool = False
    """Whether it is a page: the first argument of ``counted`` that is given says how many items the ``sized`` fields below it hold."""

    counted: tuple[str, ...] = ()
    """Arguments, or lists in the argument ``input``, whose items are counted, all together."""

    sized: frozenset[str] = frozenset()
    """Fields of the object that it shows whose number of items it says."""

    items_per_point: int = 1
    shown: str = ""
    """The type of the object that it shows, where it sizes lists of it."""

    @property
    def sizes(self) -> list[str]:
        """The fields, by "Type.field", whose number of items it says."""
        return [f"{self.shown}.{name}" for name in self.sized]


_FREE = Price()


@dataclass(frozen=True, slots=True)
class Prices:
    """All prices of a schema, by "Type.field"; and the ``weights`` of its types."""

    fields: dict[str, Price] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)

    def of(self, owner: str, name: str) -> Price:
        """The price of a field; nothing for one that the schema does not have."""
        return self.fields.get(f"{owner}.{name}", _FREE)


def prices_of(schema: GraphQLSchema) -> Prices:
    """Work the prices out."""
    kinds = [kind for kind in schema.type_map.values() if _fields(kind) and not kind.name.startswith("__")]
    listed = {get_named_type(one.type).name for kind in kinds for one in _fields(kind).values() if _is_list(one.type)}
    weights = {kind.name: _weight(kind, listed) for kind in kinds}
    prices = {
        f"{kind.name}.{name}": _price(schema, kind.name, name, details, weights)
        for kind in kinds
        for name, details in _fields(kind).items()
    }
    for place in [place for price in prices.values() for place in price.sizes]:
        prices[place] = replace(prices[place], listed=1)  # the field above says how many they are
    return Prices({place: price for place, price in prices.items() if price != _FREE}, weights)


def _weight(kind: GraphQLNamedType, listed: set[str]) -> int:
    if kind.name in VALUES or kind.name.endswith(("Edge", "Payload", "PageInfo")):
        return 0
    stored = kind.name == "Node" or any(face.name == "Node" for face in getattr(kind, "interfaces", ()))
    return int(stored or kind.name in listed or kind.name.endswith("Connection"))


def _price(schema: GraphQLSchema, owner: str, name: str, details: GraphQLField, weights: Mapping[str, int]) -> Price:
    shown = get_named_type(details.type)
    each = weights.get(shown.name, 0) if is_composite_type(shown) else 0
    if owner == _name(schema.mutation_type):
        counted = _lists_of_input(details)
        lists = frozenset(one for one, below in _fields(shown).items() if _is_list(below.type) and one != "problems")
        sized = lists if counted else frozenset()
        return Price(
            WORK.get(f"{owner}.{name}", OPERATION),
            each,
            counted=counted,
            sized=sized,
            items_per_point=ITEMS_PER_POINT,
            shown=shown.name,
        )
    if owner == _name(schema.subscription_type):
        return Price(OPERATION, each)
    if shown.name.endswith("Connection"):
        pages = frozenset({"edges", "nodes"})
        slicing = tuple(name for name in ("first", "last") if name in details.args)
        return Price(0, each, paged=True, counted=slicing, sized=pages, shown=shown.name)
    if name == "totalCount":
        return Price(COUNT)
    if name == "eventsCursor":
        return Price(LOG_END)
    if not _is_list(details.type) or not is_composite_type(shown) or shown.name in VALUES:
        return Price(WORK.get(f"{owner}.{name}", 0), each)
    by_ids = tuple(argument for argument, one in details.args.items() if _is_list(one.type))
    return Price(0, each, 1 if by_ids else LISTS.get(f"{owner}.{name}", LIST), counted=by_ids)


def _lists_of_input(details: GraphQLField) -> tuple[str, ...]:
    kind = get_named_type(details.args["input"].type) if "input" in details.args else None
    if kind is None or not is_input_object_type(kind):
        return ()
    return tuple(f"input.{name}" for name, one in kind.fields.items() if _is_list(one.type))


def _fields(kind: GraphQLNamedType) -> dict[str, GraphQLField]:
    return getattr(kind, "fields", {}) if is_object_type(kind) or is_interface_type(kind) else {}


def _is_list(kind: object) -> bool:
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)


def _name(kind: GraphQLNamedType | None) -> str | None:
    return kind.name if kind is not None else None
