"""A secret is shown by the call that stored it, and by no other: one that nobody stored would be kept, and would fit nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from doorstep.identity.graphql import mutations as identity
from doorstep.webhooks.graphql import mutations as webhooks


@pytest.mark.parametrize("slice_", [identity, webhooks])
@pytest.mark.parametrize("lost", [False, True])
async def test_after_a_lost_race_the_twins_outcome_comes_without_a_secret(slice_: Any, lost: bool) -> None:
    """The first try is undone by a concurrent change, a twin with the same key goes first, and the second try finds what it stored."""

    async def make(_scope: Any) -> tuple[dict[str, Any], str]:
        return {"id": "one"}, "secret"

    class Context:
        async def write(self, _operation: str, _input: Any, payload: Any, use_case: Any) -> Any:
            outcome = await use_case(None)
            return payload(outcome={"id": "one"} if lost else outcome, problems=[], secret=None)

    answer = await slice_._write_secret(Context(), "make", None, SimpleNamespace, make)
    assert answer.secret == (None if lost else "secret")
