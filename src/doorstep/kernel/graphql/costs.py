"""What an operation may cost, known from its document and variables, and what it did cost, known from its answer.

A document is priced once: each selection is looked at once, a fragment that is spread many times is worked out once. Sums are then made with
the variables of each request, again once for each selection set; a document whose prices need no variable has its sum from the beginning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_object_type,
    value_from_ast_untyped,
)

from doorstep.kernel.graphql.prices import INTROSPECTION, PAGE, Price, Prices

MOST_PER_PAGE = 250

SAMPLE = 50
"""On so many items of a long list it is counted what is below them."""

_PLACES = [(at + (at * 0.618034) % 1) / SAMPLE for at in range(SAMPLE)]
"""Where they lie: spread evenly, and yet in step with nothing that comes round regularly."""

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Sum:
    """What a selection set costs for its object, and for each item of the page or the input that the field above it is about."""

    once: int = 0
    each: int = 0

    def plus(self, other: "_Sum") -> "_Sum":
        return _Sum(self.once + other.once, self.each + other.each)

    def most(self, other: "_Sum") -> "_Sum":
        return _Sum(max(self.once, other.once), max(self.each, other.each))


@dataclass(slots=True)
class _Field:
    """A field that costs something, or holds one that does."""

    key: str
    price: Price
    below: "_Set | None"
    arguments: dict[str, ValueNode]
    sized_above: bool

    def items(self, variables: Variables) -> int:
        """How many items its arguments speak of."""
        if self.price.paged:
            return _page(self.arguments, self.price.counted, variables)
        return sum(_length(self.arguments, path, variables) for path in self.price.counted)

    def shown(self, items: int) -> int:
        """How many objects it shows by itself."""
        if self.sized_above:
            return 1
        return items if self.price.counted and not self.price.sized else self.price.listed


@dataclass(slots=True)
class _Set:
    """A selection set, priced: fields and sets for whatever the object is, and others only for objects of one type."""

    fields: list[_Field] = field(default_factory=list)
    always: "list[_Set]" = field(default_factory=list)
    by_type: "dict[str, list[_Set]]" = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """Whether nothing in it costs anything: then nobody need look at it again."""
        return not (self.fields or self.always or self.by_type)


class Costing:
    """The costs of one operation. ``visits`` is how many selections were looked at to price it."""

    def __init__(
        self, schema: GraphQLSchema, prices: Prices, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self.visits = 0
        self._schema, self._prices = schema, prices
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[tuple[str, frozenset[str]], _Set] = {}
        self._asks_variables = False
        self._defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }
        root = schema.get_root_type(operation.operation)
        self._root = self._set(operation.selection_set, root.name if root else "")
        self._fixed = None if self._asks_variables else self._sum({})

    def requested(self, variables: Variables | None) -> int:
        """The most that the operation is taken to cost; at least one point."""
        return self._sum(self._given(variables)) if self._fixed is None else self._fixed

    def actual(self, data: Mapping[str, Any], variables: Variables | None) -> int:
        """What an answer came to; at least one point."""
        return max(1, _spent(self._root, data, self._given(variables)))

    def _given(self, variables: Variables | None) -> Variables:
        return {**self._defaults, **(variables or {})}

    def _sum(self, variables: Variables) -> int:
        return max(1, _Adding(variables).sum(self._root).once)

    def _set(self, selections: SelectionSetNode, owner: str, sized: frozenset[str] = frozenset()) -> _Set:
        priced = _Set()
        for selection in selections.selections:
            self.visits += 1
            if isinstance(selection, FieldNode):
                self._add_field(priced, selection, owner, sized)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition.name.value if selection.type_condition else owner
                self._add_set(priced, self._set(selection.selection_set, condition, sized), owner, condition)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments.get(selection.name.value)
                if fragment is not None:
                    condition = fragment.type_condition.name.value
                    self._add_set(priced, self._fragment(fragment, condition, sized), owner, condition)
        return priced

    def _fragment(self, fragment: FragmentDefinitionNode, condition: str, sized: frozenset[str]) -> _Set:
        """A fragment that leads back to itself adds nothing: other rules refuse it."""
        key = (fragment.name.value, sized)
        if key not in self._known:
            self._known[key] = _Set()
            self._known[key] = self._set(fragment.selection_set, condition, sized)
        return self._known[key]

    def _add_set(self, priced: _Set, part: _Set, owner: str, condition: str) -> None:
        if part.free:
            return
        if condition != owner and is_object_type(self._schema.type_map.get(condition)):
            priced.by_type.setdefault(condition, []).append(part)
        else:
            priced.always.append(part)

    def _add_field(self, priced: _Set, node: FieldNode, owner: str, sized: frozenset[str]) -> None:
        name, key = node.name.value, (node.alias or node.name).value
        if name in {"__schema", "__type"}:
            priced.fields.append(_Field(key, Price(INTROSPECTION), None, {}, sized_above=False))
            return
        price = self._prices.of(owner, name)
        below = None
        if node.selection_set is not None and (kind := self._shown(owner, name)) is not None:
            below = self._set(node.selection_set, kind, price.sized)
        if below is not None and below.free:
            below = None
        if below is None and not (price.weight or price.each):
            return
        arguments = {one.name.value: one.value for one in node.arguments or ()}
        if price.paged or price.counted:
            self._asks_variables = self._asks_variables or any(map(_has_variable, arguments.values()))
        priced.fields.append(_Field(key, price, below, arguments, sized_above=name in sized))

    def _shown(self, owner: str, name: str) -> str | None:
        details = getattr(self._schema.type_map.get(owner), "fields", {}).get(name)
        return get_named_type(details.type).name if details is not None else None


class _Adding:
    """One sum over a priced document; each set is added up once."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._known: dict[int, _Sum] = {}

    def sum(self, priced: _Set) -> _Sum:
        known = self._known.get(id(priced))
        if known is not None:
            return known
        total = self._all(priced.always)
        for one in priced.fields:
            cost = self._of_field(one)
            total = total.plus(_Sum(each=cost) if one.sized_above else _Sum(cost))
        dearest = _Sum()
        for parts in priced.by_type.values():
            dearest = dearest.most(self._all(parts))
        total = self._known[id(priced)] = total.plus(dearest)
        return total

    def _all(self, parts: Iterable[_Set]) -> _Sum:
        total = _Sum()
        for part in parts:
            total = total.plus(self.sum(part))
        return total

    def _of_field(self, one: _Field) -> int:
        price, items = one.price, one.items(self._variables)
        below = self.sum(one.below) if one.below is not None else _Sum()
        sized = below.each * items
        if price.items_per_point > 1:
            return price.weight + price.each + below.once + _points(items + sized, price.items_per_point)
        return price.weight + one.shown(items) * (price.each + below.once + sized)


def _spent(priced: _Set, data: Mapping[str, Any], variables: Variables) -> int:
    total = 0
    for one in priced.fields:
        value = data.get(one.key)
        if value is None:
            continue
        spent = one.price.each
        if value.__class__ is list:
            spent = spent * len(value) + (_spent_on(one.below, value, variables) if one.below is not None else 0)
        elif one.below is not None:
            spent += _spent(one.below, value, variables)
        if one.price.items_per_point > 1:
            spent = _points(spent + one.items(variables), one.price.items_per_point)
        total += one.price.weight + spent
    for part in priced.always:
        total += _spent(part, data, variables)
    if priced.by_type:
        total += max(sum(_spent(part, data, variables) for part in parts) for parts in priced.by_type.values())
    return total


def _spent_on(below: _Set, items: list[Any], variables: Variables) -> int:
    """What is below a list's items; of a long list it is counted on some, evenly spread, since to count all would cost a tenth of a page."""
    if len(items) <= SAMPLE:
        return sum(_spent(below, item, variables) for item in items if item is not None)
    some = (items[int(place * len(items))] for place in _PLACES)
    return round(sum(_spent(below, item, variables) for item in some if item is not None) * len(items) / SAMPLE)


def _points(items: int, per_point: int) -> int:
    return -(-items // per_point)


def _page(arguments: Mapping[str, ValueNode], sizes: Iterable[str], variables: Variables) -> int:
    for name in sizes:
        node = arguments.get(name)
        value = _plain(node, variables) if node is not None else None
        if isinstance(value, int | float):  # a variable of 250.0 is an Int, too
            return int(min(max(value, 1), MOST_PER_PAGE))
    return PAGE


def _length(arguments: Mapping[str, ValueNode], path: str, variables: Variables) -> int:
    """How many items a list has that an argument is, or that is in one."""
    name, _, inner = path.partition(".")
    node = arguments.get(name)
    value = _plain(node, variables) if node is not None else None
    if inner:
        value = value.get(inner) if isinstance(value, dict) else None
        if isinstance(value, ValueNode):
            value = _plain(value, variables)
    if value is None:
        return 0
    return len(value) if isinstance(value, list) else 1


def _plain(node: ValueNode, variables: Variables) -> Any:
    """A value as far as it is needed: lists and objects keep their parts as they stand."""
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(node, IntValueNode):
        return int(node.value)
    if isinstance(node, ListValueNode):
        return list(node.values)
    if isinstance(node, ObjectValueNode):
        return {one.name.value: one.value for one in node.fields}
    return None


def _has_variable(node: ValueNode) -> bool:
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ObjectValueNode):
        return any(isinstance(one.value, VariableNode) for one in node.fields)
    return False
