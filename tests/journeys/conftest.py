"""Journeys: a server with a map, and clients from outside (the gql package) that know nothing but its address and a key."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from doorstep.kernel.db import DatabaseUrls
from doorstep.places import address_index, town
from doorstep.places.errors import EngineMissing
from doorstep.places.map_extract import SampleAddress, sample_addresses
from doorstep.places.roads import Profile, graphs, maps, programs
from doorstep.server import Server, running_server
from doorstep.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
LIECHTENSTEIN = REPOSITORY.parent / "shared" / "data" / "osm" / "liechtenstein-240304.osm.pbf"
VEHICLES = {"town": ("CAR", "BICYCLE"), "liechtenstein": ("CAR", "CAR")}


@dataclass(frozen=True)
class Ground:
    """A data folder with a map in use, and addresses of it. ``network`` is what plans are computed on."""

    name: str
    home: Path
    addresses: list[SampleAddress]
    time_zone: str
    network: str
    vehicles: tuple[str, ...]

    @property
    def country(self) -> str:
        return self.addresses[0].country


@pytest.fixture(scope="session")
def engine_home() -> Iterator[Path]:
    """The road engine's programs, fetched once; an empty folder where there are none for this machine."""
    home = Path(tempfile.mkdtemp(prefix="doorstep-journey-"))
    with contextlib.suppress(EngineMissing):
        programs.install(home)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session", params=["town", "liechtenstein"])
async def ground(request: pytest.FixtureRequest, engine_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The made-up town, always; Liechtenstein where its extract lies beside the repository."""
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "town":
        extract, time_zone = town.build(home / "testhaven.osm.pbf"), town.TIME_ZONE
    elif LIECHTENSTEIN.is_file():
        extract, time_zone = LIECHTENSTEIN, "Europe/Vaduz"
    else:
        pytest.skip("the Liechtenstein extract is not in ../shared/data/osm")
    vehicles = VEHICLES[request.param]
    has_engine = programs.find(engine_home) is not None
    if has_engine:
        (home / "roads").mkdir()
        if (engine_home / "roads" / "engine").exists():
            (home / "roads" / "engine").symlink_to(engine_home / "roads" / "engine")
        await graphs.use_extract(str(extract), home, [Profile(kind.lower()) for kind in vehicles])
    else:
        maps.use(await asyncio.to_thread(maps.store, extract, home), home)
    addresses = await asyncio.to_thread(sample_addresses, extract, 60)
    return Ground(request.param, home, addresses, time_zone, "ENGINE" if has_engine else "STRAIGHT_LINES", vehicles)


@pytest.fixture
async def server(ground: Ground, database_urls: DatabaseUrls) -> AsyncIterator[Server]:
    """A whole server on that ground, with the map's addresses in its index."""
    road_map = maps.current(ground.home)
    assert road_map is not None
    connection = await asyncpg.connect(database_urls.system)
    try:
        await address_index.load(connection, road_map.path, road_map.checksum)
    finally:
        await connection.close()
    settings = Settings(home=ground.home, solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as running:
        yield running


@pytest.fixture
async def plain_server(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Server]:
    """A whole server without a map."""
    settings = Settings(home=tmp_path, roads="straight", solver_slots=1, drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, port=0) as running:
        yield running


class Outsider:
    """A company's program: HTTP for questions and changes, a WebSocket for streams."""

    def __init__(self, server: Server, key: str) -> None:
        self._server = server
        self._headers = {"Authorization": f"Bearer {key}"}
        self._stack = contextlib.AsyncExitStack()
        self._session: AsyncClientSession | None = None

    async def __aenter__(self) -> "Outsider":
        transport = HTTPXAsyncTransport(self._server.graphql_url, headers=self._headers, timeout=30)
        self._session = await self._stack.enter_async_context(
            Client(transport=transport, fetch_schema_from_transport=True)
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data; an error is raised."""
        assert self._session is not None
        return await self._session.execute(GraphQLRequest(document, variable_values=variables))

    async def change(self, document: str, **values: Any) -> dict[str, Any]:
        """The payload of a document with one mutation that has no problems."""
        payload: dict[str, Any] = next(iter((await self.ask(document, input=values)).values()))
        assert payload["problems"] == [], payload
        return payload

    def socket(self) -> WebsocketsTransport:
        """A WebSocket that introduces itself in ``connection_init``."""
        return WebsocketsTransport(
            self._server.socket_url, init_payload=self._headers, subprotocols=["graphql-transport-ws"]
        )

    async def watch(self, document: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """What a subscription yields, until it ends."""
        async with Client(transport=self.socket()) as session:
            async for item in session.subscribe(GraphQLRequest(document, variable_values=variables)):
                yield item


EVENTS = """
subscription Events($after: Cursor) {
  events(after: $after) {
    kind
    cursor
    event {
      __typename
      id
      ... on OrderStatusChanged { orderId from to occurredAt }
      ... on OrderEtaChanged { orderId }
    }
  }
}
"""


@dataclass
class Subscriber:
    """Follows the log of events over connections that are cut off; it keeps what it read and where it was."""

    outsider: Outsider
    after: str
    events: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    kinds: list[str] = field(default_factory=list)
    _socket: Any = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Read for ever; after a cut go on after the last item that was read."""
        while True:
            with contextlib.suppress(TransportError, OSError):
                await self._read()

    async def _read(self) -> None:
        transport = self.outsider.socket()
        async with Client(transport=transport) as session:
            self._socket = transport.adapter.websocket  # type: ignore[attr-defined]
            self.connections += 1
            stream = session.subscribe(GraphQLRequest(EVENTS, variable_values={"after": self.after}))
            async with contextlib.aclosing(stream):
                async for item in stream:
                    await self._keep(item["events"])

    async def _keep(self, item: dict[str, Any]) -> None:
        async with self._changed:
            self.after = item["cursor"]
            self.kinds.append(item["kind"])
            if item["kind"] == "EVENT":
                self.events.append(item["event"])
            self._changed.notify_all()

    async def has(self, amount: int) -> None:
        """Wait until so many events were read."""
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: len(self.events) >= amount)

    def cut(self) -> None:
        """Tear the connection, with whatever is in it, without a word to anybody."""
        self._socket.transport.abort()


@pytest.fixture
def outsider() -> type[Outsider]:
    """Makes a program from a server and a key: ``async with outsider(server, key) as office``."""
    return Outsider


@pytest.fixture
def subscriber() -> type[Subscriber]:
    """Makes a follower of the log from an outsider and a cursor."""
    return Subscriber
