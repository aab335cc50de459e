"""Lists inside lists multiply; one answer holds only so many objects of them, and says so before it has made the rest."""

from collections.abc import Sequence

import pytest

from doorstep.kernel.db import Database
from doorstep.kernel.errors import TooComplex
from doorstep.kernel.event_stream import EventHub
from doorstep.kernel.graphql.context import MAX_LISTED, Context, Services
from doorstep.kernel.scope import Principal


async def thousand(_context: Context, keys: list[int]) -> Sequence[list[int]]:
    """A list of 1,000 for each key."""
    return [list(range(1000)) for _ in keys]


async def test_lists_of_one_operation_are_counted_together(db: Database, system: Database, alpha: Principal) -> None:
    context = Context(Services(db, system, EventHub(system)), alpha, "test")
    for key in range(MAX_LISTED // 1000):
        assert len(await context.load(thousand, key)) == 1000
    with pytest.raises(TooComplex):
        await context.load(thousand, 0)
    await context.finish()
    assert len(await context.load(thousand, 0)) == 1000
