"""Variables that are meant to hurt: those of a subscription are looked at before it is executed, and must cost as little there."""

import json
from typing import Any

import pytest
from graphql import GraphQLError
from graphql.execution import values
from tests.identity.conftest import Client
from tests.kernel.streams.conftest import EVENTS, followers_of, following


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


async def told(company: Client, variables: dict[str, Any]) -> dict[str, Any]:
    """The first message of a stream of server-sent events."""
    headers = {"authorization": f"Bearer {company.credential}", "accept": "text/event-stream"}
    body = {"query": EVENTS, "variables": variables}
    async with company.http.stream("POST", company.server.graphql_url, json=body, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found
    raise AssertionError("the stream said nothing")


async def test_variables_that_the_operation_does_not_have_make_no_difference(company: Client) -> None:
    async with following(company) as plain, following(company, unknown=nested(300)) as deep:
        assert (await plain.next())["kind"] == (await deep.next())["kind"] == "CAUGHT_UP"
        assert len(followers_of(company).feeds) == 1
    assert (await told(company, {"unknown": nested(300)}))["data"]["events"]["kind"] == "CAUGHT_UP"


@pytest.mark.parametrize("wrong", [{"filter": nested(300)}, {"after": nested(300)}, {"filter": {"types": nested(300)}}])
async def test_variables_that_are_nested_too_deeply_are_bad_input(company: Client, wrong: dict[str, Any]) -> None:
    assert {error["extensions"]["code"] for error in (await told(company, wrong))["errors"]} == {"BAD_USER_INPUT"}
    async with following(company, **wrong) as one:
        message = await one.message()
    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "BAD_USER_INPUT")


async def test_a_list_of_wrong_values_is_given_up_at_once(company: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them was an error of its own: 100,000 in 200 kB took three seconds, in which nobody else was served."""
    made = 0

    class Counted(GraphQLError):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            nonlocal made
            made += 1
            super().__init__(*arguments, **named)

    monkeypatch.setattr(values, "GraphQLError", Counted)
    [error, *_] = (await told(company, {"filter": {"types": [1] * 2_000}}))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert 0 < made < 120
