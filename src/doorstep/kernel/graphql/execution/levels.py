"""The rows that wait for a batch, level by level.

An asynchronous resolver is stepped by hand to the point where it asks for a batch. When every row of the level has asked, each batch is read
once, and the resolvers are stepped to their ends: a row costs neither a task nor a future.
"""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import GraphQLResolveInfo
from strawberry.types import Info

from doorstep.kernel.graphql.batches import Asked, Batch
from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.execution.columns import FieldPlan

if TYPE_CHECKING:
    from doorstep.kernel.graphql.execution.executor import LevelExecutor


@dataclass(slots=True)
class _Waiting:
    """A field of many objects whose values are not there yet."""

    field: FieldPlan
    objects: list[Any]
    rows: list[dict[str, Any]]
    values: list[Any]


@dataclass(slots=True)
class _Call:
    """One object's resolver, stepped by hand, and what it asked for."""

    coroutine: Any
    waiting: _Waiting
    position: int
    asked: Asked[Any, Any]


class Levels:
    """The completion of one value."""

    def __init__(self, executor: "LevelExecutor") -> None:
        self.executor = executor
        self.infos: dict[Any, GraphQLResolveInfo[Any] | Info[Any, Any]] = {}
        """What resolvers get, one for each field, made by the compiled fields at first use."""
        self.arguments: dict[Any, dict[str, Any]] = {}
        """The arguments of fields that have any."""
        self._context: Context = executor.context_value
        self._waiting: list[_Waiting] = []
        self._parked: list[_Call] = []

    @property
    def done(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def wait(self, field: FieldPlan, objects: list[Any], rows: list[dict[str, Any]]) -> None:
        """Fill the field in for these objects with the next level."""
        self._waiting.append(_Waiting(field, objects, rows, [None] * len(objects)))

    async def run(self) -> None:
        """Level after level, until nothing waits."""
        while self._waiting:
            level, self._waiting = self._waiting, []
            await self._resolve(level)
            for waiting in level:
                name = waiting.field.name
                for row, value in zip(waiting.rows, waiting.field.complete(self, waiting.values), strict=True):
                    row[name] = value

    def abandon(self) -> None:
        """End the resolvers that were stepped half way."""
        for call in self._parked:
            call.coroutine.close()
        self._parked.clear()
        self._waiting.clear()

    async def _resolve(self, level: list[_Waiting]) -> None:
        alone: list[tuple[_Waiting, int]] = []
        for waiting in level:
            for position, one in enumerate(waiting.objects):
                if waiting.field.alone:
                    alone.append((waiting, position))
                else:
                    await self._begin(waiting, position, one)
        if alone:
            await self._run_as_tasks(alone)
        while self._parked:
            await self._answer()

    async def _begin(self, waiting: _Waiting, position: int, one: Any) -> None:
        outcome = waiting.field.call(self, one)  # type: ignore[misc]
        if hasattr(outcome, "send"):
            await self._step(_Call(outcome, waiting, position, None), None)  # type: ignore[arg-type]
        else:
            waiting.values[position] = outcome

    async def _step(self, call: _Call, answer: Any) -> None:
        """To the next question, or to the end."""
        context = self._context
        context.collecting = True
        try:
            asked = call.coroutine.send(answer)
        except StopIteration as end:
            call.waiting.values[call.position] = end.value
            return
        finally:
            context.collecting = False
        if type(asked) is Asked:
            call.asked = asked
            self._parked.append(call)
        else:
            call.waiting.field.alone = True
            call.waiting.values[call.position] = await _Rest(call.coroutine, asked)

    async def _answer(self) -> None:
        """Read what was asked for, each batch once, and go on with those who asked."""
        parked, self._parked = self._parked, []
        try:
            wanted: dict[Batch[Any, Any], dict[Any, None]] = {}
            for call in parked:
                wanted.setdefault(call.asked.batch, {}).update(dict.fromkeys(call.asked.keys))
            found = await _load_all([(batch, list(keys)) for batch, keys in wanted.items()])
            while parked:
                call = parked.pop()
                values = found[call.asked.batch]
                await self._step(call, [values[key] for key in call.asked.keys])
        finally:
            self._parked += parked

    async def _run_as_tasks(self, calls: list[tuple[_Waiting, int]]) -> None:
        outcomes = [waiting.field.call(self, waiting.objects[position]) for waiting, position in calls]  # type: ignore[misc]
        for (waiting, position), value in zip(calls, await _all(outcomes), strict=True):
            waiting.values[position] = value


async def _load_all(wanted: Sequence[tuple[Batch[Any, Any], list[Any]]]) -> dict[Batch[Any, Any], dict[Any, Any]]:
    values = await _all([batch.load(keys) for batch, keys in wanted])
    return {batch: dict(zip(keys, loaded, strict=True)) for (batch, keys), loaded in zip(wanted, values, strict=True)}


async def _all(awaitables: list[Any]) -> list[Any]:
    """Everything that they come to; all have ended when the first error is raised, so that nothing runs on beside what follows."""
    if len(awaitables) == 1:
        return [await awaitables[0]]
    outcomes = await asyncio.gather(*awaitables, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes


class _Rest:
    """The rest of a coroutine that was stepped by hand and awaits something of the event loop's."""

    def __init__(self, coroutine: Any, awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        awaited = self._awaited
        try:
            while True:
                try:
                    answer = yield awaited
                except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's, too
                    awaited = self._coroutine.throw(error)
                else:
                    awaited = self._coroutine.send(answer)
        except StopIteration as end:
            return end.value
