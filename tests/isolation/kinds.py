"""What each id argument takes, in the API's own words: garbage is answered with an id such as would do (``order_01jd2n…``)."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tests.isolation.arguments import ANY, NO_ID, Filler, Kinds
from tests.isolation.desks import Desk, Unfurnished
from tests.isolation.places import Place, id_places

TAKE_ANY = {
    "Query.node(id)",
    "Query.nodes(ids)",
    "Query.auditLog(filter.actorIds)",
    "Query.auditLog(filter.subjectIds)",
}
"""Arguments that take ids of every kind."""

_SUCH_AS = re.compile(r"Expected an id such as (\w+)_01")


async def learn_kinds(desk: Desk) -> Kinds:
    """The kind of every id argument of the schema; fails where garbage is not answered by naming it, and for a kind that no furnishing makes."""
    known: Kinds = {place: ANY if str(place) in TAKE_ANY else "" for place in id_places()}
    for _, group in groupby(list(known), key=lambda place: (place.owner, place.field)):
        for place in group:
            await _learn(desk, known, place)
    mute = sorted(str(place) for place, kind in known.items() if not kind)
    assert not mute, (
        f"Garbage for {', '.join(mute)} is not answered by 'Expected an id such as …', so the walk cannot tell what they take: parse ids with "
        "argument_id or input_id before anything else, give the other arguments sound values in tests/isolation/arguments.py, or name what "
        "clients make up in MADE_BY_CLIENTS of places.py."
    )
    for place, kind in known.items():
        if kind != ANY and desk.own(kind) is None:
            raise Unfurnished(place, kind)
    return known


async def _learn(desk: Desk, known: Kinds, place: Place) -> None:
    """Ask with garbage until the API has said what it wants at this place; other unknown places are learned on the way."""
    for _ in range(4):
        if known[place]:
            return
        question = Filler(desk, known, place, NO_ID).question()
        ask = desk.client.first_message if place.owner == "Subscription" else desk.client.ask
        answer = await ask(question.document, (), **question.variables)
        for path, kind in _refusals(answer):
            told = place if path is None else _place_of(known, place, path)
            if told is not None:
                known[told] = kind


def _refusals(answer: Any) -> Iterator[tuple[list[str] | None, str]]:
    """The path inside the input (None at the top level) and the wanted kind of each refusal in an answer."""
    if isinstance(answer, list):
        for one in answer:
            yield from _refusals(one)
    elif isinstance(answer, dict):
        if found := _SUCH_AS.search(str(answer.get("message", ""))):
            path = None if "extensions" in answer else [part for part in answer.get("path") or () if not part.isdigit()]
            yield path, found[1]
        for one in answer.values():
            yield from _refusals(one)


def _place_of(known: Kinds, place: Place, path: list[str]) -> Place | None:
    """The place of the same field that a problem's path names: paths begin inside the input, or inside an item of a bulk input."""
    same_field = [one for one in known if (one.owner, one.field) == (place.owner, place.field)]
    fitting = [one for one in same_field if list(one.names[-len(path) :]) == path]
    return min(fitting, key=lambda one: len(one.names), default=None)
