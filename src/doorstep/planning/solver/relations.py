"""What orders have to do with each other: together, apart, one after the other. The rules themselves; `relating` keeps them.

What holds when not all of them can be served:

- SAME_ROUTE: all are on one route, or none is on any.
- DIFFERENT_ROUTES: those that are on routes are on routes of their own; any of them may be left out.
- IN_SEQUENCE: on one route, each delivered somewhere after the one before, others may lie between; the first so many are
  served, so none whose predecessor is left out. Pickups on the way are in no sequence, only deliveries are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise

from doorstep.planning.solver.errors import ProblemInvalidError


class RelationKind(StrEnum):
    """How the orders of a relation belong together."""

    SAME_ROUTE = "SAME_ROUTE"
    DIFFERENT_ROUTES = "DIFFERENT_ROUTES"
    IN_SEQUENCE = "IN_SEQUENCE"


TOGETHER = (RelationKind.SAME_ROUTE, RelationKind.IN_SEQUENCE)


@dataclass(frozen=True, slots=True)
class Relation:
    """A rule about two orders or more; what their sequence means depends on the `kind`."""

    kind: RelationKind
    order_ids: tuple[str, ...]


Relations = Sequence[Relation]


def related(relations: Relations) -> frozenset[str]:
    """Every order that some relation is about."""
    return frozenset(order_id for relation in relations for order_id in relation.order_ids)


def among(relations: Relations, order_ids: Collection[str]) -> tuple[Relation, ...]:
    """The relations of these orders with each other, the others taken out of them."""
    known = frozenset(order_ids)
    kept = (replace(one, order_ids=tuple(name for name in one.order_ids if name in known)) for one in relations)
    return tuple(relation for relation in kept if len(relation.order_ids) > 1)


def units(relations: Relations) -> list[tuple[str, ...]]:
    """The orders that one route must take, each in one unit at most; an order that only keeps apart from others is in none."""
    unit_of: dict[str, dict[str, None]] = {}
    for relation in relations:
        if relation.kind not in TOGETHER:
            continue
        joined: dict[str, None] = {}
        for order_id in relation.order_ids:
            joined |= unit_of.get(order_id, {order_id: None})
        for order_id in joined:
            unit_of[order_id] = joined
    return [tuple(unit) for unit in {id(unit): unit for unit in unit_of.values()}.values()]


def fallen(relations: Relations, gone: Iterable[str]) -> frozenset[str]:
    """The orders that cannot be served when those `gone` are not: themselves, their companions and their successors."""
    result = set(gone)
    before = -1
    while before != len(result):
        before = len(result)
        for relation in relations:
            first = next((n for n, order_id in enumerate(relation.order_ids) if order_id in result), None)
            if first is None or relation.kind not in TOGETHER:
                continue
            result |= set(relation.order_ids[first if relation.kind is RelationKind.IN_SEQUENCE else 0 :])
    return frozenset(result)


def contradictions(relations: Relations, only: Mapping[str, Collection[str]]) -> Iterator[tuple[int, str]]:
    """Relations that no plan can keep whatever it does, by their number, in words.

    `only` are the vehicles of the orders that are bound to some. That a relation asks too much of what there is (capacity,
    times) is no contradiction: then orders stay unassigned.
    """
    unit_of = {order_id: number for number, unit in enumerate(units(relations)) for order_id in unit}
    for number, relation in enumerate(relations):
        if relation.kind is RelationKind.DIFFERENT_ROUTES:
            yield from ((number, message) for message in _apart(relation, unit_of, only))
            continue
        bound = [frozenset(only[name]) for name in only if unit_of.get(name) == unit_of[relation.order_ids[0]]]
        if bound and not frozenset.intersection(*bound):
            yield number, "the orders must be on one route, and are pinned to different shifts"
        if relation.kind is RelationKind.IN_SEQUENCE and _returns(relations[: number + 1]):
            yield number, "with the sequences before it, an order would have to be delivered before itself"


def _apart(relation: Relation, unit_of: Mapping[str, int], only: Mapping[str, Collection[str]]) -> Iterator[str]:
    for one, other in combinations(relation.order_ids, 2):
        if one in unit_of and unit_of[one] == unit_of.get(other):
            yield "two of its orders must be on one route by another relation"
            return
        if one in only and other in only and len({*only[one], *only[other]}) == 1:
            yield "two of its orders are pinned to the same shift"
            return


def _returns(relations: Relations) -> bool:
    """Whether the sequences lead back to where they began."""
    after: dict[str, set[str]] = {}
    for relation in relations:
        for one, other in pairwise(relation.order_ids) if relation.kind is RelationKind.IN_SEQUENCE else ():
            after.setdefault(one, set()).add(other)
    while after:
        ends = [name for name, others in after.items() if not others & after.keys()]
        if not ends:
            return True
        for name in ends:
            del after[name]
    return False


def check_relations(relations: Relations, bound: Mapping[str, Collection[str] | None]) -> None:
    """Raise `ProblemInvalidError` for relations that are none. `bound` has all orders that may be in one, with the vehicles
    that they are bound to, None where to none."""
    for number, relation in enumerate(relations):
        path = f"relations[{number}]"
        if len(relation.order_ids) < 2:
            raise ProblemInvalidError(path, "a relation is about two orders at least")
        if len(set(relation.order_ids)) < len(relation.order_ids):
            raise ProblemInvalidError(path, "names an order twice")
        unknown = [order_id for order_id in relation.order_ids if order_id not in bound]
        if unknown:
            raise ProblemInvalidError(path, f"there is no order {unknown[0]!r}, or it is in a vehicle already")
    only = {order_id: vehicles for order_id, vehicles in bound.items() if vehicles}
    for number, message in contradictions(relations, only):
        raise ProblemInvalidError(f"relations[{number}]", message)


def broken(relations: Relations, routes: Mapping[str, Sequence[str]]) -> Iterator[tuple[Relation, str]]:
    """The relations that do not hold in these `routes` (the orders of each vehicle in the sequence of their deliveries)."""
    carrier = {order_id: vehicle for vehicle, order_ids in routes.items() for order_id in order_ids}
    for relation in relations:
        served = [order_id for order_id in relation.order_ids if order_id in carrier]
        used = {carrier[order_id] for order_id in served}
        if relation.kind is RelationKind.DIFFERENT_ROUTES:
            if len(used) < len(served):
                yield relation, "two of the orders that must be apart are on one route"
        elif len(used) > 1:
            yield relation, "the orders that must be together are on several routes"
        elif relation.kind is RelationKind.SAME_ROUTE and served and len(served) < len(relation.order_ids):
            yield relation, "only some of the orders that must be together are on the route"
        elif relation.kind is RelationKind.IN_SEQUENCE and served:
            if tuple(served) != relation.order_ids[: len(served)]:
                yield relation, "an order is served without the one before it"
            elif [order_id for order_id in routes[carrier[served[0]]] if order_id in set(served)] != served:
                yield relation, "the orders are not delivered in their sequence"
