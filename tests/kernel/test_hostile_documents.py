"""Every hostile document is refused, after an amount of work that is counted: tokens read, and selections looked at by the passes."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from graphql.language.lexer import Lexer
from tests.conftest import cloned_database
from tests.kernel.hostile import HARMLESS, HOSTILE
from tests.kernel.test_document_limits import doubling, measured

from doorstep.kernel.graphql import limits
from doorstep.kernel.graphql.costs import Costing
from doorstep.kernel.graphql.documents import MAX_TOKENS
from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.server import Server, running_server
from doorstep.settings import Settings

CODES = {
    "QUERY_TOO_COMPLEX",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "OPERATION_RESOLUTION_FAILURE",
    "BAD_USER_INPUT",
}


@pytest.fixture(scope="module")
async def server(cluster: EmbeddedCluster, template: str, session_home: Path) -> AsyncIterator[Server]:
    settings = Settings(_env_file=None, home=session_home, roads="straight", drain_seconds=2)  # type: ignore[call-arg]
    with cloned_database(cluster, template) as urls:
        async with running_server(settings, urls, work=False, port=0) as running:
            yield running


class Work:
    """What was done in this process since it was made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = 0
        self.passes: list[limits.DocumentMeasure | Costing] = []
        lex, work = Lexer.advance, self

        def counted(lexer: Lexer) -> object:
            work.tokens += 1
            return lex(lexer)

        monkeypatch.setattr(Lexer, "advance", counted)
        for kind in (limits.DocumentMeasure, Costing):
            self._watch(monkeypatch, kind)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
        make, passes = kind.__init__, self.passes

        def made(found: object, *arguments: object) -> None:
            passes.append(found)  # type: ignore[arg-type]
            make(found, *arguments)

        monkeypatch.setattr(kind, "__init__", made)

    @property
    def visits(self) -> int:
        return max((found.visits for found in self.passes), default=0)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_stopped(server: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    work = Work(monkeypatch)
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(server.graphql_url, json={"query": HOSTILE[name]()})
        body = answer.json()
        assert (await http.post(server.graphql_url, json={"query": "{ viewer { scopes } }"})).status_code == 200
    if name in HARMLESS:
        assert "errors" not in body
    else:
        assert {error["extensions"]["code"] for error in body["errors"]} <= CODES
        assert not body.get("data")
    assert len(answer.content) < 32_768
    assert work.tokens <= MAX_TOKENS + 30, "no more is read than may be, whatever is sent"
    assert work.visits <= MAX_TOKENS, "each selection is looked at once"


def test_a_pass_that_follows_every_spread_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: the same pass without its memory."""

    monkeypatch.setattr(limits.DocumentMeasure, "_of_fragment", _forgetful)
    measure, _ = measured(doubling(12, "a: __typename"))
    with pytest.raises(AssertionError):
        assert measure.visits <= MAX_TOKENS


def _forgetful(measure: limits.DocumentMeasure, name: str) -> limits.Extent:
    return measure.extent(measure._fragments[name].selection_set)
