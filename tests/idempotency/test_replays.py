"""Every mutation of the schema, sent twice under one key: the second time answers what the first one did, and writes nothing.

Which mutations there are, and what they take, is read from the schema itself, so that one that is added tomorrow is replayed tomorrow.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLInputObjectType, GraphQLInputType, GraphQLList, get_named_type
from tests.bad_input.asking import USES_UP
from tests.idempotency.acts import NEEDS_A_WORKER, OF_THE_SANDBOX, PREPARED
from tests.isolation.arguments import Filler, Kinds, Question
from tests.isolation.canaries import everything_of
from tests.isolation.desks import Desk
from tests.isolation.kinds import learn_kinds
from tests.isolation.places import Place, bare, object_type
from tests.isolation.stages import Stage, open_stage

from doorstep.kernel.db import Database
from doorstep.kernel.graphql import context as kernel_context
from doorstep.kernel.ids import id_prefix, new_id, public_id
from doorstep.server import start_worker

pytestmark = pytest.mark.timeout(600)

MUTATIONS = sorted(object_type("Mutation").fields)


SHOWS_THE_TIME = {"setSandboxClock"}
"""Its payload is read anew at each call, and one of its fields is what a clock says now."""


def input_of(mutation: str) -> GraphQLInputObjectType:
    """The type of a mutation's one argument."""
    kind = get_named_type(object_type("Mutation").fields[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    return kind


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_takes_an_optional_key(mutation: str) -> None:
    key = input_of(mutation).fields["idempotencyKey"]
    assert (str(key.type), key.default_value) == ("String", None)


@dataclass
class Replays:
    """What came of sending every mutation twice, and once more with another input."""

    carried_out: set[str] = field(default_factory=set)
    refused: dict[str, Any] = field(default_factory=dict)
    other_answers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    secrets_again: dict[str, Any] = field(default_factory=dict)
    secrets: int = 0
    wrote_again: list[str] = field(default_factory=list)
    not_mismatched: dict[str, Any] = field(default_factory=dict)
    wrote_on_mismatch: list[str] = field(default_factory=list)


def question_of(desk: Desk, kinds: Kinds, mutation: str, key: str, prepared: dict[str, Any]) -> Question:
    """A sound call of a mutation with a key."""
    place = Place("Mutation", mutation, ("input", "idempotencyKey"), listed=False)
    question = Filler(desk, kinds, place, key).question()
    question.variables["input"] |= prepared
    return question


def _with_other_input(question: Question, mutation: str) -> Question:
    """The same key with something else in the input."""
    kind, given = input_of(mutation), question.variables["input"]
    other = _changed(kind, {name: value for name, value in given.items() if name != "idempotencyKey"})
    if other is None:
        name, type_name = next(
            (name, str(member.type).rstrip("!"))
            for name, member in kind.fields.items()
            if name not in given and str(member.type).rstrip("!") in CHANGES
        )
        other = {name: CHANGES[type_name](None)}
    return Question(question.document, {**question.variables, "input": {**given, **other}}, ())


def _other_id(text: Any) -> str:
    return public_id(id_prefix(text), new_id()) if text and id_prefix(text) else f"{text}x"


CHANGES: dict[str, Callable[[Any], Any]] = {
    "ID": _other_id,
    "String": lambda text: f"{text}x",
    "Int": lambda number: (number or 39) + 1,
    "Float": lambda number: (number or 0.5) + 0.001,
    "Boolean": lambda flag: not flag,
}
"""Scalar → another value of it; None stands for a field that was not given."""


def _changed(kind: GraphQLInputType, value: Any) -> Any:
    """The value with its first changeable leaf changed, or None where it has none."""
    inside, named = bare(kind), get_named_type(kind)
    if isinstance(inside, GraphQLList):
        first = _changed(inside.of_type, value[0]) if value else None
        return None if first is None else [first, *value[1:]]
    if isinstance(named, GraphQLInputObjectType):
        for name, one in value.items():
            if (changed := _changed(named.fields[name].type, one)) is not None:
                return {**value, name: changed}
        return None
    return CHANGES[named.name](value) if named.name in CHANGES else None


def _without_secrets(payload: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A payload with null for what it showed once, and what that was."""
    shown = [name for name in ("secret", "token", "link", "driverUrl") if isinstance(payload.get(name), str)]
    return {**payload, **dict.fromkeys(shown)}, [payload[name] for name in shown]


@dataclass
class Replayer:
    """Sends the mutations of one desk."""

    desk: Desk
    kinds: Kinds
    system: Database
    found: Replays = field(default_factory=Replays)
    named: list[str] = field(default_factory=list)
    """Own ids that the last mutation named."""

    async def replay(self, mutation: str, prepared: dict[str, Any]) -> None:
        """One mutation, twice, and with another input."""
        question = question_of(self.desk, self.kinds, mutation, uuid4().hex, prepared)
        self.named = [one for one in self.desk.ids.values() if one in str(question.variables)]
        first = await self._ask(question, mutation)
        if not _carried_out(first):
            self.found.refused[mutation] = first
            return
        self.found.carried_out.add(mutation)
        rows = await self._rows()
        again = await self._ask(question, mutation)
        if mutation in SHOWS_THE_TIME:
            first, again = ({**one, "clock": {**one["clock"], "now": None}} for one in (first, again))
        wanted, secrets = _without_secrets(first)
        self.found.secrets += len(secrets)
        if again != wanted:
            self.found.other_answers[mutation] = (wanted, again)
        if any(secret in str(again) for secret in secrets):
            self.found.secrets_again[mutation] = again
        if await self._rows() != rows:
            self.found.wrote_again.append(mutation)
        other = await self._ask(_with_other_input(question, mutation), mutation)
        if [problem["code"] for problem in other.get("problems") or ()] != ["IDEMPOTENCY_MISMATCH"]:
            self.found.not_mismatched[mutation] = other
        if await self._rows() != rows:
            self.found.wrote_on_mismatch.append(mutation)

    async def _ask(self, question: Question, mutation: str) -> dict[str, Any]:
        answer = await self.desk.client.ask(question.document, **question.variables)
        payload = (answer.get("data") or {}).get(mutation)
        return payload if isinstance(payload, dict) else {"problems": answer.get("errors")}

    async def _rows(self) -> tuple[dict[str, str], int]:
        """All that the tenant has, and how much anybody was told: a partner's rows change with an event of theirs."""
        async with self.system.transaction() as tx:
            events: int = await tx.fetchval("SELECT count(*) FROM events")
        return await everything_of(self.system, self.desk), events


def _carried_out(payload: dict[str, Any]) -> bool:
    results = payload.get("results")
    if results is not None:
        return payload.get("problems") == [] and any(not one["problems"] for one in results)
    return payload.get("problems") == []


async def replay_all(stage: Stage, slug: str, mutations: list[str]) -> Replays:
    """Every one of them on one desk, with fresh objects after those that use theirs up."""
    desk = await stage.desk(slug)
    replayer = Replayer(desk, await learn_kinds(desk), stage.system)
    prepared = await _solved_plans(stage, desk) if NEEDS_A_WORKER & set(mutations) else {}
    for mutation in mutations:
        assert desk.into_mode is not None
        await desk.into_mode("TEST" if mutation in OF_THE_SANDBOX else "LIVE")
        if mutation in PREPARED and mutation not in NEEDS_A_WORKER:
            prepared[mutation] = await PREPARED[mutation](desk)
        await replayer.replay(mutation, prepared.get(mutation, {}))
        await desk.into_mode("LIVE")
        if USES_UP.match(mutation) and replayer.named:
            await desk.furnish(replayer.named)
    return replayer.found


async def _solved_plans(stage: Stage, desk: Desk) -> dict[str, dict[str, Any]]:
    """A worker runs only for these: otherwise it would write while rows are compared."""
    worker = start_worker(stage.server.services)
    try:
        return {mutation: await PREPARED[mutation](desk) for mutation in sorted(NEEDS_A_WORKER)}
    finally:
        await worker.stop(5)


@pytest.fixture(scope="module")
async def stage(cluster, template, tmp_path_factory) -> AsyncIterator[Stage]:
    async with open_stage(cluster, template, tmp_path_factory.mktemp("replays")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def found(stage: Stage) -> Replays:
    return await replay_all(stage, "mine", MUTATIONS)


def test_every_mutation_was_carried_out_once(found: Replays) -> None:
    assert found.refused == {}, (
        "make what the input needs in acts.py, or furnish its objects in the state that it wants"
    )
    assert found.carried_out == set(MUTATIONS)


def test_a_replay_answers_what_the_first_one_did(found: Replays) -> None:
    assert found.other_answers == {}


def test_a_replay_writes_nothing(found: Replays) -> None:
    assert found.wrote_again == []


def test_a_secret_is_not_shown_again(found: Replays) -> None:
    assert found.secrets >= 5
    assert found.secrets_again == {}


def test_another_input_under_the_key_is_refused_and_writes_nothing(found: Replays) -> None:
    assert found.not_mismatched == {}
    assert found.wrote_on_mismatch == []


async def test_keys_are_of_one_mutation(stage: Stage) -> None:
    """The same key on two mutations is two keys."""
    desk, key = await stage.desk("two-mutations"), uuid4().hex
    kinds = await learn_kinds(desk)
    for mutation in ("createDriver", "createRole"):
        question = question_of(desk, kinds, mutation, key, {})
        payload = (await desk.client.ask(question.document, **question.variables))["data"][mutation]
        assert payload["problems"] == []


ODD_KEYS = {
    "": False, " ": True, "é": True, "鍵🔑": True, "x" * 255: True, "🔑" * 255: True, "x" * 256: False, "🔑" * 256: False, "a\nb": False,
    "\x00": False, "a\x7f": False, "\u202eabc": False, "\u2028": False, "\ufeff": False, "'; DROP TABLE orders --": True, "%s {0} $1": True,
}  # fmt: skip
"""Key → whether it is one: 1 to 255 characters that can be printed."""


async def test_odd_keys_are_taken_or_refused_by_name(stage: Stage) -> None:
    desk = await stage.bare_desk("odd-keys")
    document = (
        "mutation($input: CreateDriverInput!) { createDriver(input: $input) { driver { id } problems { code path } } }"
    )
    for key, sound in ODD_KEYS.items():
        asked = {"name": f"Driver {uuid4().hex}", "idempotencyKey": key}
        first = (await desk.client.ask(document, input=asked))["data"]["createDriver"]
        again = (await desk.client.ask(document, input=asked))["data"]["createDriver"]
        assert first == again, ascii(key)
        wanted = [] if sound else [{"code": "INVALID_VALUE", "path": ["idempotencyKey"]}]
        assert first["problems"] == wanted, ascii(key)


async def test_planted_fault_a_server_that_forgets_its_keys_is_caught(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgets(*_: object) -> None:
        return None

    monkeypatch.setattr(kernel_context, "find_outcome", forgets)
    monkeypatch.setattr(kernel_context, "store_outcome", forgets)
    found = await replay_all(stage, "forgetful", ["createAccessToken", "createDriver"])
    assert found.wrote_again == ["createAccessToken", "createDriver"]
    assert set(found.other_answers) == {"createAccessToken", "createDriver"}
    assert set(found.not_mismatched) == {"createAccessToken", "createDriver"}
