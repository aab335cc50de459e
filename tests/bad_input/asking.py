"""Asks with one hostile value in a document that is in order otherwise, and looks at what came of it."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLInputType, get_named_type, is_composite_type
from tests.bad_input.values import HUGE_NUMBER
from tests.isolation.arguments import Filler, Kinds, Question
from tests.isolation.desks import Desk
from tests.isolation.places import Place, every_place
from websockets.exceptions import ConnectionClosed

from doorstep.kernel.db import Database

CODES_OF_INPUT = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_COMPLEX"}
"""What a hostile value may be answered with at the top level; FORBIDDEN and the like would hide whether it was read at all."""

USES_UP = re.compile(
    "accept|archive|assign|cancel|commit|decline|delete|dispatch|end|erase|optimize|recall|release|remove|revoke|rotate|tender|unassign|withdraw|"
    "advance|changeRoute|replanRoutes|reportOrder"
)
"""Mutations after which their objects are in another state."""

_TRACES = """
SELECT (SELECT count(*) FROM events WHERE tenant_id = $1), (SELECT count(*) FROM audit_entries WHERE tenant_id = $1),
  (SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1), (SELECT count(*) FROM orders WHERE tenant_id = $1)
"""


@dataclass
class Verdict:
    """What was asked, and what was wrong with the answers."""

    asked: int = 0
    refused: int = 0
    slowest: tuple[float, str] = (0.0, "")
    """Seconds, and with what: reported, not judged."""

    faults: list[str] = field(default_factory=list)
    """Answers by a fault of ours, or with a code that says something else than that the input is bad."""

    reached: set[str] = field(default_factory=set)
    """Places where a value got past all that stands around it: it was taken, or refused at this very place."""

    taken: list[str] = field(default_factory=list)
    """What was accepted."""

    wrote: list[str] = field(default_factory=list)
    """Refusals that left something behind."""


def places_of(desk: Desk) -> Iterator[tuple[Place, GraphQLInputType]]:
    """Every place that this desk can ask at: at the roots, and on objects that it has."""
    return ((place, kind) for place, kind in every_place() if place.at_root or place.owner in desk.types)


def question_with(desk: Desk, kinds: Kinds, place: Place, value: Any) -> Question:
    """A sound document for the place, with the value put in afterwards, whatever the place's type."""
    shown = _shown(place)
    question = Filler(desk, kinds, place, "x").question(shown)
    variables = json.loads(json.dumps(question.variables))
    holder, names = variables, list(place.names)
    for name in names[:-1]:
        holder = holder[name]
        while isinstance(holder, list):
            holder = holder[0]
    holder[names[-1]] = value
    return Question(question.document, variables, ())


def _shown(place: Place) -> str:
    kind = get_named_type(place.details.type)
    if "problems" in getattr(kind, "fields", {}):
        return "{ __typename problems { code path } }"
    return "{ __typename }" if is_composite_type(kind) else " "


@dataclass
class Asker:
    """One desk's client that sends bodies byte by byte as they are meant."""

    desk: Desk
    system: Database
    verdict: Verdict = field(default_factory=Verdict)

    async def try_value(self, place: Place, kinds: Kinds, value: Any) -> None:
        """Ask with the value, note what is wrong with the answer, and put fresh objects onto the desk where it used them up."""
        question = question_with(self.desk, kinds, place, value)
        answer = await self._ask(question, f"{place} = {str(value)[:40]!r}")
        if _accepted(answer):
            self.verdict.taken.append(str(place))
        if _accepted(answer) or _names(answer, place):
            self.verdict.reached.add(str(place))
        if _accepted(answer) and place.owner == "Mutation" and USES_UP.match(place.field):
            await self.desk.furnish([one for one in self.desk.ids.values() if one in str(question.variables)])

    async def try_subscription(self, place: Place, kinds: Kinds, value: Any) -> None:
        """The same over a socket; a value that is fine is followed by a message, or by silence."""
        question = question_with(self.desk, kinds, place, value)
        if HUGE_NUMBER in json.dumps(question.variables):
            return
        self.verdict.asked += 1
        with suppress(TimeoutError, ConnectionClosed):
            async with asyncio.timeout(0.5):
                message = await self.desk.client.first_message(question.document, (), **question.variables)
            errors = message["payload"] if message["type"] == "error" else ()
            if {error["extensions"]["code"] for error in errors} - CODES_OF_INPUT:
                self.verdict.faults.append(f"{place} = {str(value)[:40]!r}: {message}")

    async def _ask(self, question: Question, what: str) -> dict[str, Any]:
        before, began = await self._traces(), time.monotonic()
        status, text = await self._send(question)
        self.verdict.slowest = max(self.verdict.slowest, (time.monotonic() - began, what))
        self.verdict.asked += 1
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        if status >= 500 or not answer or codes - CODES_OF_INPUT:
            self.verdict.faults.append(f"{what}: {status} {text[:300]}")
        if not _accepted(answer):
            self.verdict.refused += 1
            if await self._traces() != before:
                self.verdict.wrote.append(f"{what}: {text[:300]}")
        return answer

    async def _send(self, question: Question) -> tuple[int, str]:
        client = self.desk.client
        body = json.dumps({"query": question.document, "variables": question.variables})
        response = await client.http.post(
            client.server.graphql_url,
            content=body.replace(f'"{HUGE_NUMBER}"', "1e400").encode(),
            headers={"authorization": f"Bearer {client.key}", "content-type": "application/json"},
        )
        return response.status_code, response.text

    async def _traces(self) -> tuple[int, ...]:
        async with self.system.transaction() as tx:
            row = await tx.fetchrow(_TRACES, self.desk.tenant_id)
            assert row is not None
            return tuple(row)


def _accepted(answer: dict[str, Any]) -> bool:
    if answer.get("errors") or not answer.get("data"):
        return False
    return not any(isinstance(value, dict) and value.get("problems") for value in answer["data"].values())


def _names(answer: dict[str, Any], place: Place) -> bool:
    """Whether an answer speaks of the very place: a problem with its path, or an error of coercion with its name."""
    for value in (answer.get("data") or {}).values():
        results = value.get("results") or () if isinstance(value, dict) else ()
        for holder in (value, *results):
            for problem in (holder.get("problems") or ()) if isinstance(holder, dict) else ():
                words = [part for part in problem["path"] if not part.isdigit()]
                if words and words == list(place.names[-len(words) :]):
                    return True
    return any(
        f"'{place.names[-1]}" in error["message"] or place.names[-1] in error["message"]
        for error in answer.get("errors", ())
    )
