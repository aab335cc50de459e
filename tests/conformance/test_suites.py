"""The public conformance suites of GraphQL's transports, whole, against a server that listens."""

from typing import Any

from tests.conformance.conftest import Audited
from tests.conformance.suites import Suites

MUTATION = 'mutation { cancelOrder(input: { id: "order_1" }) { problems { code } } }'


def failures(result: dict[str, Any]) -> list[str]:
    return [f"{one['name']}: {one.get('reason') or one.get('got')}" for one in result["audits"] if not _passed(one)]


def _passed(one: dict[str, Any]) -> bool:
    return bool(one.get("ok", one.get("status") == "ok"))


async def test_graphql_over_http(suites: Suites, audited: Audited) -> None:
    result = await suites.run("http-audit.mjs", audited.server.graphql_url, audited.key)
    assert failures(result) == []
    assert sum(level["pass"] for level in result["tally"].values()) == 61


async def test_graphql_transport_ws(suites: Suites, audited: Audited) -> None:
    """Subscriptions stand for the suite's queries, since sockets carry nothing else here."""
    result = await suites.run(
        "ws-audit.mjs",
        audited.server.graphql_url,
        audited.key,
        AUDIT_QUERY=audited.one,
        AUDIT_SUBSCRIPTION=audited.finite,
        AUDIT_SUBSCRIPTION_LONG=audited.endless,
        AUDIT_INIT_TIMEOUT_MS="5000",
    )
    assert failures(result) == []
    assert result["tally"]["MUST"] == {"pass": 44, "fail": 0}


async def test_graphql_sse(suites: Suites, audited: Audited) -> None:
    """Distinct connections; the suite's one MAY, a single connection for all, is not offered."""
    result = await suites.run(
        "sse-audit.mjs",
        audited.server.graphql_url,
        audited.key,
        AUDIT_SUBSCRIPTION=audited.finite,
        AUDIT_SUBSCRIPTION_LONG=audited.endless,
        AUDIT_MUTATION=MUTATION,
    )
    assert result["tally"] == {
        "MUST": {"pass": 11, "fail": 0},
        "SHOULD": {"pass": 2, "fail": 0},
        "MAY": {"pass": 0, "fail": 1},
    }, failures(result)
