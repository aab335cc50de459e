"""A route in the field, on the test's own database."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest
from tests.tracking.field import Field, Goods, Stop, make_field

from doorstep.kernel.db import Database

Dispatch = Callable[..., Awaitable[Field]]


@pytest.fixture
def dispatch(db: Database, system: Database) -> Dispatch:
    """Makes a tenant with a DISPATCHED route of these stops and orders."""

    async def make(stops: Sequence[Stop], goods: Mapping[str, Goods] | None = None, **route: Any) -> Field:
        return await make_field(db, system, stops, goods, **route)

    return make
