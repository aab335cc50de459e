"""How deep and how wide a document may be, by one pass that looks at each selection once.

A fragment that is spread twice by each of its twenty spreaders stands for a million selections. What a fragment adds is therefore worked out
once and remembered: the work grows with the length of the document, never with what it expands to. Fields below ``__schema`` and ``__type``
have a limit of their own, since the introspection that tools send is deep by nature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    SKIP,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    VisitorAction,
)

MAX_DEPTH = 12
MAX_INTROSPECTION_DEPTH = 16
MAX_ALIASES = 30
MAX_ROOT_FIELDS = 20
MAX_ROOT_FIELDS_OF_MUTATION = 10
MAX_INTROSPECTIONS = 3
"""Each is a walk through the whole schema, and needs no credential."""

MAX_REPEATS = 100
"""Each pair of fields of one name in the answer is compared before they become one: 250 of them cost a third of a second."""

CODE = "QUERY_TOO_COMPLEX"

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
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

    names: frozenset[str] = frozenset()
    """Names in the answer at its top level."""

    repeats: int = 0
    """Fields with selections that the answer has already under their name, below the top level."""

    objects: Mapping[str, int] = field(default_factory=dict)
    """Names at the top level of fields with selections, and how often each is there."""

    @property
    def all_repeats(self) -> int:
        """The same with the top level."""
        return self.repeats + sum(times - 1 for times in self.objects.values())

    def beside(self, other: "Extent") -> "Extent":
        """Both in one selection set."""
        return Extent(
            max(self.depth, other.depth),
            max(self.introspection_depth, other.introspection_depth),
            self.aliases + other.aliases,
            self.introspections + other.introspections,
            self.names | other.names,
            self.repeats + other.repeats,
            {name: self.objects.get(name, 0) + other.objects.get(name, 0) for name in (*self.objects, *other.objects)},
        )


class DocumentMeasure:
    """Measures the selection sets of one document; ``visits`` is how many selections it has looked at."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.visits = 0
        self._fragments = fragments
        self._known: dict[str, Extent] = {}

    def extent(self, selection_set: SelectionSetNode) -> Extent:
        """What it comes to. A fragment that leads back to itself, or is not there, adds nothing here: other rules refuse it."""
        total = Extent()
        for selection in selection_set.selections:
            self.visits += 1
            if isinstance(selection, FieldNode):
                total = total.beside(self._of_field(selection))
            elif isinstance(selection, FragmentSpreadNode):
                total = total.beside(self._of_fragment(selection.name.value))
            elif isinstance(selection, InlineFragmentNode):
                total = total.beside(self.extent(selection.selection_set))
        return total

    def _of_field(self, node: FieldNode) -> Extent:
        below = self.extent(node.selection_set) if node.selection_set else Extent()
        aliases = below.aliases + (node.alias is not None)
        name = (node.alias or node.name).value
        names, objects = frozenset({name}), {name: 1} if node.selection_set else {}
        if node.name.value in _INTROSPECTION:
            return Extent(
                0, 1 + max(below.depth, below.introspection_depth), aliases, 1, names, below.all_repeats, objects
            )
        through = 1 + below.introspection_depth if below.introspection_depth else 0
        return Extent(1 + below.depth, through, aliases, below.introspections, names, below.all_repeats, objects)

    def _of_fragment(self, name: str) -> Extent:
        known = self._known.get(name)
        if known is None:
            self._known[name] = Extent()
            fragment = self._fragments.get(name)
            known = self._known[name] = self.extent(fragment.selection_set) if fragment else Extent()
        return known


def excesses(extent: Extent, operation: OperationType) -> list[str]:
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
    if extent.all_repeats > MAX_REPEATS:
        found.append(f"Fields are repeated more than {MAX_REPEATS} times. Ask for each once.")
    if extent.introspections > MAX_INTROSPECTIONS:
        found.append(f"There are more than {MAX_INTROSPECTIONS} introspections. Send several requests.")
    if len(extent.names) > roots:
        found.append(
            f"There are {len(extent.names)} fields at the top; at most {roots} are allowed. Send several requests."
        )
    return found


class DocumentLimits(ValidationRule):
    """The limits as a validation rule.

    It is a class of this module, and not one made per request, because the cache of validations has the rules in its key.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.measure = DocumentMeasure(
            {node.name.value: node for node in context.document.definitions if isinstance(node, FragmentDefinitionNode)}
        )

    def enter_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> VisitorAction:
        """Refuse an operation that is too deep or too wide."""
        for message in excesses(self.measure.extent(node.selection_set), node.operation):
            self.report_error(GraphQLError(message, [node], extensions={"code": CODE}))
        return SKIP

    def enter_fragment_definition(self, _node: FragmentDefinitionNode, *_args: Any) -> VisitorAction:
        """Fragments are measured where they are spread."""
        return SKIP
