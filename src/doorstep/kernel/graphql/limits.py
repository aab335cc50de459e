"""How deep and how wide a document may be, by one pass that looks at each selection once.

A fragment that is spread twice by each of its twenty spreaders stands for a million selections. What a fragment adds is therefore worked out
once and remembered: the work grows with the length of the document, never with what it expands to. Fields below ``__schema`` and ``__type``
have a limit of their own, since the introspection that tools send is deep by nature.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    NoFragmentCyclesRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
)
from graphql.validation import ASTValidationContext

MAX_DEPTH = 12
MAX_INTROSPECTION_DEPTH = 16
MAX_ALIASES = 30
MAX_ROOT_FIELDS = 20
MAX_ROOT_FIELDS_OF_MUTATION = 10
MAX_INTROSPECTIONS = 3
"""Each is a walk through the whole schema, and needs no credential."""

MAX_OPERATIONS = 30
"""Of one document: each is validated, and one is executed."""

MAX_REPEATS = 100
MAX_PAIRS = 20_000
"""Fields of one name in one object's answer are compared in pairs before they become one, which takes long: one leaf may be there two hundred times."""

OBJECT_PAIR = 20
"""Pairs of leaves that cost as much as a pair of fields with selections: of one such field 45 may be there."""

CODE = "QUERY_TOO_COMPLEX"

REPETITIVE = "Fields are repeated too often. Ask for each once."

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(slots=True)
class Extent:
    """What a selection set comes to when its fragments are put in."""

    depth: int = 0
    """Fields below each other, without introspection."""

    introspection_depth: int = 0
    """The same on the way through ``__schema`` or ``__type``."""

    aliases: int = 0
    """Aliases, counted at every place where they take effect."""

    introspections: int = 0
    """Fields ``__schema`` and ``__type``, counted as aliases are."""

    names: set[str] = field(default_factory=set)
    """Names in the answer at its top level."""

    repeats: int = 0
    """Fields with selections that the answer has already under their name, below the top level."""

    objects: Counter[str] = field(default_factory=Counter)
    """Names at the top level of fields with selections, and how often each is there."""

    leaves: Counter[str] = field(default_factory=Counter)
    """The same of fields without selections, as they are written, without those of ``spreads``."""

    spreads: set[str] = field(default_factory=set)
    """Fragments that are put in at the top level, also by each other."""

    @property
    def all_repeats(self) -> int:
        """The same with the top level."""
        return self.repeats + self.objects.total() - len(self.objects)

    def add(self, other: "Extent") -> None:
        """Have the other in the same selection set."""
        self.depth = max(self.depth, other.depth)
        self.introspection_depth = max(self.introspection_depth, other.introspection_depth)
        self.aliases += other.aliases
        self.introspections += other.introspections
        self.names |= other.names
        self.repeats += other.repeats
        for name, times in other.objects.items():
            self.objects[name] += times
        self.spreads |= other.spreads


class DocumentMeasure:
    """Measures the selection sets of one document; ``visits`` is how many selections it has looked at."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.visits = 0
        self.pairs = 0
        """How often two leaves of one name are compared, in what was measured until now; dearer pairs count as several."""
        self._fragments = fragments
        self._known: dict[str, Extent] = {}

    def extent(self, selection_set: SelectionSetNode) -> Extent:
        """What an object's selections come to. A fragment that leads back to itself, or is not there, adds nothing here: other rules refuse it."""
        total = Extent()
        self._add(selection_set, total)
        leaves = total.leaves
        if total.spreads:
            leaves = leaves.copy()
            for name in total.spreads:
                leaves.update(self._known.get(name, _NOTHING).leaves)
        self.pairs += _pairs(leaves) + OBJECT_PAIR * _pairs(total.objects)
        return total

    def has(self, fragment: str) -> bool:
        """Whether a fragment is in something that was measured."""
        return fragment in self._known

    def _add(self, selection_set: SelectionSetNode, total: Extent) -> None:
        for selection in selection_set.selections:
            self.visits += 1
            if isinstance(selection, FieldNode):
                self._add_field(selection, total)
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._of_fragment(selection.name.value))
                total.spreads.add(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                self._add(selection.selection_set, total)

    def _add_field(self, node: FieldNode, total: Extent) -> None:
        name = (node.alias or node.name).value
        total.names.add(name)
        total.aliases += node.alias is not None
        below = _NOTHING
        if node.selection_set:
            below = self.extent(node.selection_set)
            total.objects[name] += 1
            total.aliases += below.aliases
            total.repeats += below.all_repeats
        else:
            total.leaves[name] += 1
        through = 1 + below.introspection_depth if below.introspection_depth else 0
        if node.name.value in _INTROSPECTION:
            total.introspections += 1
            through = 1 + max(below.depth, below.introspection_depth)
        else:
            total.introspections += below.introspections
            total.depth = max(total.depth, 1 + below.depth)
        total.introspection_depth = max(total.introspection_depth, through)

    def _of_fragment(self, name: str) -> Extent:
        known = self._known.get(name)
        if known is None:
            self._known[name] = Extent()
            known = Extent()
            if fragment := self._fragments.get(name):
                self._add(fragment.selection_set, known)
            self._known[name] = known
        return known


_NOTHING = Extent()


def _pairs(names: Counter[str]) -> int:
    return sum(times * (times - 1) // 2 for times in names.values() if times > 1)


def is_repetitive(extent: Extent, pairs: int) -> bool:
    """Whether it would take long to make one field of each that is repeated."""
    return extent.all_repeats > MAX_REPEATS or pairs > MAX_PAIRS


def excesses(extent: Extent, pairs: int, operation: OperationType) -> list[str]:
    """What an operation of this extent has too much of, as sentences for its author."""
    roots = MAX_ROOT_FIELDS_OF_MUTATION if operation is OperationType.MUTATION else MAX_ROOT_FIELDS
    found = []
    if extent.depth > MAX_DEPTH:
        found.append(f"The fields are {extent.depth} levels deep; at most {MAX_DEPTH} are allowed.")
    if extent.introspection_depth > MAX_INTROSPECTION_DEPTH:
        found.append(
            f"The introspection is {extent.introspection_depth} levels deep; at most {MAX_INTROSPECTION_DEPTH} are allowed."
        )
    if extent.aliases > MAX_ALIASES:
        found.append(f"There are more than {MAX_ALIASES} aliases. Ask for lists, or send several requests.")
    if is_repetitive(extent, pairs):
        found.append(REPETITIVE)
    if extent.introspections > MAX_INTROSPECTIONS:
        found.append(f"There are more than {MAX_INTROSPECTIONS} introspections. Send several requests.")
    if len(extent.names) > roots:
        found.append(
            f"There are {len(extent.names)} fields at the top; at most {roots} are allowed. Send several requests."
        )
    return found


def limit_errors(document: DocumentNode) -> list[GraphQLError]:
    """What a document has too much of.

    It is no validation rule: to be called at each node of a document, and told the node's type, takes longer than the pass itself.
    """
    fragments = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    measure = DocumentMeasure({one.name.value: one for one in fragments})
    if len(operations) > MAX_OPERATIONS:
        many = f"The document has {len(operations)} operations; at most {MAX_OPERATIONS} are allowed. Send those that you need."
        return [_error(many, operations[MAX_OPERATIONS])]
    found = []
    try:
        for operation in operations:
            extent = measure.extent(operation.selection_set)
            found += [_error(message, operation) for message in excesses(extent, measure.pairs, operation.operation)]
        # Fragments that no operation has are compared as well, before it is found that nobody needs them.
        for fragment in fragments:
            if not measure.has(fragment.name.value) and is_repetitive(
                measure.extent(fragment.selection_set), measure.pairs
            ):
                found.append(_error(REPETITIVE, fragment))
    except RecursionError:
        return [_error(f"The fields are nested too deeply; at most {MAX_DEPTH} levels are allowed.", document)]
    return found


def circles(document: DocumentNode) -> list[GraphQLError]:
    """What validation says of fragments that lead back to themselves; the fragments alone are looked at for it, and no rule has to go round."""
    found: list[GraphQLError] = []
    rule = NoFragmentCyclesRule(ASTValidationContext(document, found.append))
    for one in document.definitions:
        if isinstance(one, FragmentDefinitionNode):
            rule.enter_fragment_definition(one)
    return found


def _error(message: str, node: Node) -> GraphQLError:
    return GraphQLError(message, [node], extensions={"code": CODE})
