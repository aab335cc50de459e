"""The hook in graphql-core's executor, and the cache of compiled selections."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from graphql import GraphQLOutputType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from doorstep.kernel.graphql.context import Context
from doorstep.kernel.graphql.execution.columns import Column
from doorstep.kernel.graphql.execution.compiling import Compiler
from doorstep.kernel.graphql.execution.levels import Levels
from doorstep.kernel.graphql.execution.surprises import Unsupported

MAX_PLANS = 512
"""As many compiled selections are kept as parsed documents."""

Complete = Callable[..., Any]


class Plans:
    """Compiled selections by operation, field and Boolean variables; None: graphql-core runs it.

    The operation is a node of a parsed document, which the parser's cache hands out again for the same text. It is known by its identity: to
    hash it would be a walk through the document.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], tuple[Any, Column | None]] = OrderedDict()

    def get(
        self, executor: "LevelExecutor", kind: GraphQLOutputType, details: list[Any], name: str | int
    ) -> Column | None:
        """The selection below a root field, compiled now or before."""
        operation = executor.operation
        switches = [
            (variable, value) for variable, value in executor.variable_values.coerced.items() if isinstance(value, bool)
        ]
        key = (id(operation), id(executor.schema), name, str(kind), *switches)
        known = self._known.get(key)
        if known is not None and known[0] is operation:
            self._known.move_to_end(key)
            return known[1]
        try:
            column: Column | None = Compiler(executor).column(kind, details)
        except (Unsupported, RecursionError):
            column = None
        self._known[key] = (operation, column)
        if len(self._known) > MAX_PLANS:
            self._known.popitem(last=False)
        return column


_PLANS = Plans()


class LevelExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, which lets ``Levels`` complete what root fields return."""

    def complete_object_value(self, return_type: Any, *rest: Any) -> Any:
        """An object; below a root field, level by level."""
        return self._complete(super().complete_object_value, return_type, *rest)

    def complete_abstract_value(self, return_type: Any, *rest: Any) -> Any:
        """An object of some type; below a root field, level by level."""
        return self._complete(super().complete_abstract_value, return_type, *rest)

    def complete_list_value(self, return_type: Any, *rest: Any) -> Any:
        """A list; below a root field, level by level."""
        return self._complete(super().complete_list_value, return_type, *rest)

    def _complete(
        self, usual: Complete, kind: Any, details: Any, info: Any, path: Any, value: Any, position: Any
    ) -> Any:
        def by_graphql_core() -> Any:
            return usual(kind, details, info, path, value, position)

        if path.prev is not None or not self._may_take_levels():
            return by_graphql_core()
        column = _PLANS.get(self, kind, details, path.key)
        if column is None:
            return by_graphql_core()
        listed = self.context_value.listed
        levels = Levels(self)
        try:
            completed = column(levels, [value])
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and reports it
            levels.abandon()
            self.context_value.listed = listed
            return by_graphql_core()
        return completed[0] if levels.done else self._run(levels, completed, by_graphql_core, listed)

    def _may_take_levels(self) -> bool:
        watched = self.middleware_manager is not None and self.middleware_manager.middlewares
        return isinstance(self.context_value, Context) and self.abort_signal is None and not watched

    async def _run(self, levels: Levels, completed: list[Any], by_graphql_core: Callable[[], Any], listed: int) -> Any:
        try:
            await levels.run()
            return completed[0]
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and reports it
            self.context_value.listed = listed
        finally:
            levels.abandon()
        again = by_graphql_core()
        return await again if self.is_awaitable(again) else again
