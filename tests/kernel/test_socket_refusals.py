"""What a socket answers to a document that cannot be read: the client's fault, by its code, and nothing in the log of ours."""

import json

import pytest
from websockets.asyncio.client import connect

from doorstep.kernel.db import DatabaseUrls
from doorstep.server import running_server
from doorstep.settings import Settings


async def test_a_document_that_cannot_be_parsed_is_the_client_s_fault(
    database_urls: DatabaseUrls, tmp_path: object, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(_env_file=None, home=tmp_path, roads="straight", drain_seconds=2)  # type: ignore[call-arg,arg-type]
    async with (
        running_server(settings, database_urls, work=False, port=0) as server,
        connect(server.socket_url, subprotocols=["graphql-transport-ws"]) as socket,  # type: ignore[list-item]
    ):
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "subscription {"}}))
        message = json.loads(await socket.recv())
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    said = capfd.readouterr()
    assert "subscription_failed" not in said.out + said.err
