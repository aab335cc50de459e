"""The walk: every place where a client names something, with what is foreign, what is random, and what is its own."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID, uuid4

from tests.isolation.actors import Actor
from tests.isolation.arguments import ANY, Filler, Kinds, Question, fitting
from tests.isolation.comparing import comparable, outline
from tests.isolation.desks import Desk, Unfurnished
from tests.isolation.places import OPERATIONS, Place, cursor_places, id_places, name_places, object_type, root_fields
from tests.isolation.selections import ways, whole

from doorstep.kernel.ids import new_id, public_id

ABSENT = UUID(int=0)
OTHERS = 3
BY_ID = {"node": "id", "nodes": "ids"}
"""Fields that show whatever an id names: asked once for each type."""


@dataclass
class Walk:
    """What a walk found."""

    actor: Actor
    kinds: Kinds
    others: int | None = OTHERS
    """How many of the foreign kinds that do not fit a place are tried there; None: all."""

    differing: list[str] = field(default_factory=list)
    """Places where a foreign name was answered otherwise than a random one."""

    blind: set[str] = field(default_factory=set)
    """Places where an own name was answered as a random one: there the walk would notice nothing."""

    @property
    def desk(self) -> Desk:
        """Who walks."""
        return self.actor.desk

    async def ask(self, question: Question, place: Place) -> dict[str, Any]:
        """The answer, or a subscription's first message."""
        client = self.desk.client
        ask = client.first_message if place.owner == "Subscription" else client.ask
        return await ask(question.document, question.named, **question.variables)

    async def answer(self, place: Place, value: Any) -> dict[str, Any]:
        """What is answered to one value in one place, everything else being the actor's own."""
        return await self.ask(Filler(self.desk, self.kinds, place, value).question(), place)

    def compare(self, place: Place, foreign: Any, random: Any) -> None:
        """Note a difference."""
        if foreign != random:
            self.differing.append(f"{place}: {str(foreign)[:300]} ≠ {str(random)[:300]}")

    # ── foreign and random ──────────────────────────────────────────────────────────────────────────────

    async def ids(self) -> None:
        """Foreign ids in each place, also of kinds that do not fit it, alone and among own ones, against a random id."""
        foreign = self.actor.foreign_ids()
        for place in id_places():
            if self.kinds[place] not in {ANY, *foreign, *self.actor.shares}:
                raise Unfurnished(place, self.kinds[place])
            for kind in self._to_try(place, list(foreign)):
                await self.foreign_id(place, foreign[kind], public_id(kind.partition(":")[0], new_id()))

    def _to_try(self, place: Place, kinds: list[str]) -> list[str]:
        """All foreign objects of the kind that fits, and of those that do not a few: the same ones in every run."""
        fitting = [kind for kind in kinds if self.kinds[place] in (kind.partition(":")[0], ANY)]
        others = [kind for kind in kinds if kind not in fitting] if place.owner != "Subscription" else []
        if self.actor.is_forbidden(place):
            fitting, others = [], [*fitting[:1], *others]
        if self.others is not None and len(others) > self.others:
            others = Random(str(place)).sample(others, self.others)
        return fitting + others

    async def foreign_id(self, place: Place, foreign: str, random: str, *, among_own: bool = True) -> None:
        """One foreign id in one place against a random one, alone and among own ones."""
        told = comparable(await self.answer(place, foreign), foreign)
        self.compare(place, told, comparable(await self.answer(place, random), random))
        prefix = foreign.partition("_")[0]
        own = self.desk.own(prefix, place.field)
        if among_own and place.listed and own and self.kinds[place] in {prefix, ANY}:
            told = outline(await self._done(place, [own, foreign]), foreign)
            own = self.desk.own(prefix, place.field)
            self.compare(place, told, outline(await self._done(place, [own, random]), random))

    async def _done(self, place: Place, values: list[Any]) -> dict[str, Any]:
        """The answer to several values, after which what was used up is replaced."""
        question = Filler(self.desk, self.kinds, place, values).question()
        told = await self.ask(question, place)
        await self._replace_what_was_used(question, place, told)
        return told

    async def names(self) -> None:
        """Names that clients make up, such as references and idempotency keys: another tenant's mean nothing."""
        for place in name_places():
            random = uuid4().hex
            foreign = self.actor.foreign.take_name(place.names[-1])
            told = []
            for name in (foreign, random):
                asker = self.desk if place.names[-1] != "idempotencyKey" else self._stranger()
                question = Filler(asker, self.kinds, place, name).question()
                answer = await self.ask(question, place)
                told.append(outline(answer, name))
                await self._replace_what_was_used(question, place, answer)
            self.compare(place, *told)

    def _stranger(self) -> Desk:
        """The same credential with ids that nobody has: all it can be told is whether the name itself means something."""
        ids = {kind: public_id(one.partition("_")[0], ABSENT) for kind, one in self.actor.foreign_ids().items()}
        return Desk("stranger", self.desk.client, self.desk.tenant_id, self.desk.canary, ids)

    async def cursors(self) -> None:
        """Foreign cursors are refused as garbage is; the actor's own are not."""
        for place in cursor_places():
            foreign, own = self.actor.foreign.cursors.get(str(place)), self.desk.cursors.get(str(place))
            if foreign is None or own is None:
                continue
            told = await self.answer(place, foreign)
            self.compare(place, comparable(told, foreign), comparable(await self.answer(place, "garbage"), "garbage"))
            if _code(told) != "BAD_USER_INPUT":
                self.differing.append(f"{place}: a foreign cursor is answered by {str(told)[:300]}")
            if _code(await self.answer(place, own)) is not None:
                self.blind.add(str(place))

    # ── own ─────────────────────────────────────────────────────────────────────────────────────────────

    async def own_ids(self) -> None:
        """Each place with an own id against a random one."""
        for place in id_places():
            await self.own_id(place)

    async def own_id(self, place: Place) -> None:
        """One place with an own id: where it is answered as a random one, the walk is blind."""
        kind = fitting(place, self.kinds[place])
        random, own = public_id(kind, new_id()), self.desk.own(kind, place.field)
        refused = comparable(await self.answer(place, random), random)
        question = Filler(self.desk, self.kinds, place, own).question()
        told = await self.ask(question, place)
        if self.actor.is_forbidden(place):
            self.compare(place, {_code(refused), _code(told)}, {"FORBIDDEN"})
        elif comparable(told, own or "") == refused:
            self.blind.add(str(place))
        await self._replace_what_was_used(question, place, told)

    async def roots(self, *owners: str) -> None:
        """Each root field (of Query alone, for example), with the actor's own ids where it needs any."""
        for owner, name, _ in root_fields():
            if name not in BY_ID and owner in (owners or OPERATIONS):
                await self._shown(Place(owner, name, (), listed=False), None, None)

    async def types(self) -> None:
        """Each object type by the shortest way to it (with every kind everywhere: by three), from the actor's own objects on."""
        for type_name, found in ways().items():
            shown = whole(object_type(type_name))
            near = [way for way in found if way.owner == "Query"][: 1 if self.others is not None else 3] or found[:1]
            for way in near:
                place, value = Place(way.owner, way.field, (), listed=False), None
                if way.field == "events":  # of a long log the items that are wanted
                    place, value = Place(way.owner, way.field, ("filter", "types"), listed=True), [type_name]
                await self._shown(place, value if way.steps[-1:] == (f"... on {type_name}",) else None, way.to(shown))
        for type_name, own in self.desk.types.items():
            shown = f"{{ __typename ... on {type_name} {whole(object_type(type_name))} }}"
            for name, argument in BY_ID.items():
                await self._shown(Place("Query", name, (argument,), listed=name == "nodes"), own, shown)

    async def _shown(self, place: Place, value: Any, shown: str | None) -> None:
        if value is None:
            place = Place(place.owner, place.field, (), listed=False)
        question = Filler(self.desk, self.kinds, place, value).question(shown)
        await self._replace_what_was_used(question, place, await self.ask(question, place))

    async def _replace_what_was_used(self, question: Question, place: Place, told: Any) -> None:
        """After an act that was done to own objects, fresh ones: it may have used up what the next one needs."""
        asked = str(question.variables)
        used = {own for own in self.desk.ids.values() if own in asked}
        if place.owner != "Mutation" or not used:
            return
        payload = (told.get("data") or {}).get(place.field) or {}
        if payload.get("problems", []) == [] or any(one["problems"] == [] for one in payload.get("results") or ()):
            await self.desk.furnish(used)


def _code(told: dict[str, Any]) -> str | None:
    """The code of an answer's first top-level error, over HTTP or in a socket's message."""
    errors = told.get("errors") or (
        told["payload"] if told.get("type") == "error" else told.get("payload", {}).get("errors")
    )
    return errors[0]["extensions"]["code"] if errors else None


async def learn_cursors(desk: Desk, kinds: Kinds) -> None:
    """A cursor of the desk's own for each place that takes one, from the list that it belongs to: for subscriptions that is the log."""
    for place in cursor_places():
        source = (
            Place("Query", "events", (), listed=False)
            if place.owner == "Subscription"
            else Place(place.owner, place.field, (), listed=False)
        )
        shown = "{ edges { cursor } pageInfo { endCursor } }"
        question = Filler(desk, kinds, source, None).question(shown)
        answer = await desk.client.ask(question.document, **question.variables)
        if cursor := _find(answer, "cursor"):
            desk.cursors[str(place)] = cursor


def _find(answer: Any, key: str) -> str | None:
    if isinstance(answer, list):
        return next((found for one in answer if (found := _find(one, key))), None)
    if isinstance(answer, dict):
        return answer.get(key) or next((found for one in answer.values() if (found := _find(one, key))), None)
    return None
