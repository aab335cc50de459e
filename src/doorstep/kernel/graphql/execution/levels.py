"""The rows that wait for a batch, level by level.

An asynchronous resolver is stepped by hand to the point where it asks for a batch. When every row of the level has asked, each batch is read
once, and the resolvers are stepped to their ends: a row costs neither a task nor a future.
"""

import asyncio
from collections.abc import Generator
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
            begun = 0
            while begun < len(waiting.objects) and not waiting.field.alone:
                begun = await self._begin(waiting, begun)
            alone += [(waiting, position) for position in range(begun, len(waiting.objects))]
        if alone:
            await self._run_as_tasks(alone)
        while self._parked:
            await self._answer()

    async def _begin(self, waiting: _Waiting, first: int) -> int:
        """Call the field for the objects from ``first`` on, up to one that awaits something of the event loop's; how far it came."""
        call, values, parked = waiting.field.call, waiting.values, self._parked
        rest = None
        self._context.collecting = True
        try:
            for position in range(first, len(waiting.objects)):
                coroutine = call(self, waiting.objects[position])  # type: ignore[misc]
                try:
                    asked = coroutine.send(None)
                except StopIteration as end:
                    values[position] = end.value
                    continue
                if type(asked) is not Asked:
                    rest = _Rest(coroutine, asked)
                    break
                parked.append(_Call(coroutine, waiting, position, asked))
        finally:
            self._context.collecting = False
        if rest is not None:
            waiting.field.alone = True
            values[position] = await rest
        return position + 1

    async def _answer(self) -> None:
        """Read what was asked for, each batch once, and go on with those who asked."""
        wanted: dict[Batch[Any, Any], list[Any]] = {}
        for call in self._parked:
            wanted.setdefault(call.asked.batch, []).extend(call.asked.keys)
        found = await _load_all(wanted)
        parked, self._parked = self._parked, []
        rests: list[tuple[_Call, _Rest]] = []
        context = self._context
        context.collecting = True
        try:
            for call in parked:
                values = found[call.asked.batch]
                try:
                    asked = call.coroutine.send([values[key] for key in call.asked.keys])
                except StopIteration as end:
                    call.waiting.values[call.position] = end.value
                    continue
                if type(asked) is Asked:
                    call.asked = asked
                    self._parked.append(call)
                else:
                    rests.append((call, _Rest(call.coroutine, asked)))
        except BaseException:
            self._parked += [*parked, *(call for call, _ in rests)]
            raise
        finally:
            context.collecting = False
        for call, rest in rests:
            call.waiting.field.alone = True
            call.waiting.values[call.position] = await rest

    async def _run_as_tasks(self, calls: list[tuple[_Waiting, int]]) -> None:
        outcomes = [waiting.field.call(self, waiting.objects[position]) for waiting, position in calls]  # type: ignore[misc]
        for (waiting, position), value in zip(calls, await _all(outcomes), strict=True):
            waiting.values[position] = value


async def _load_all(wanted: dict[Batch[Any, Any], list[Any]]) -> dict[Batch[Any, Any], dict[Any, Any]]:
    keys = {batch: list(dict.fromkeys(asked)) for batch, asked in wanted.items()}
    values = await _all([batch.load(distinct) for batch, distinct in keys.items()])
    return {batch: dict(zip(keys[batch], loaded, strict=True)) for batch, loaded in zip(keys, values, strict=True)}


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
