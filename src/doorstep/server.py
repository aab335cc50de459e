"""A Doorstep server in this process: it listens, serves the API, runs the worker beside it, and drains at the end.

``doorstep serve`` is this and the signals; the demo and the tests use it as it is.
"""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass

import uvicorn
from prometheus_client import start_http_server
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from doorstep.app import create_app
from doorstep.assembly import assemble
from doorstep.dispatch.jobs import CONSUMERS as DISPATCH_CONSUMERS
from doorstep.dispatch.jobs import JOB_KINDS as DISPATCH_JOB_KINDS
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.event_partitions import partition_upkeep
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.graphql.sse import OpenStreams
from doorstep.kernel.metrics import REGISTRY
from doorstep.messages.jobs import JOB_KINDS as MESSAGES_JOB_KINDS
from doorstep.messages.jobs import PERIODICS as MESSAGES_PERIODICS
from doorstep.messages.jobs import owners_told
from doorstep.partners.jobs import PERIODICS
from doorstep.payloads import Payloads
from doorstep.planning.jobs import CONSUMERS, JOB_KINDS
from doorstep.privacy.jobs import JOB_KINDS as PRIVACY_JOB_KINDS
from doorstep.sandbox.jobs import JOB_KINDS as SANDBOX_JOB_KINDS
from doorstep.settings import Settings
from doorstep.webhooks.jobs import Deliveries, Poster
from doorstep.webhooks.model import STANDARD, Policy
from doorstep.webhooks.reads import endpoints_by_ids
from doorstep.worker import Worker

MAX_MESSAGE_BYTES = 64 * 1024
"""Longest message on a WebSocket."""

STALLED_READER_MILLISECONDS = 15_000
"""After so long without an acknowledgement the kernel gives a connection up, so that a reader who stalled is freed."""

SEND_SECONDS = 20.0
"""How long a reader may take to make room for the next message, before it is cut off."""


MAX_HEAD_BYTES = 64 * 1024
"""Most that is read without a word for the application: the head of a request, its trailers. The parser keeps these however long they are."""

REQUEST_SECONDS = 60.0
"""How long a request may take to come in as a whole, and the first one of a connection to begin."""


class PortTaken(Exception):
    """An address to listen on is not to be had; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers now."""

    url: str
    """Where it listens, without a slash at the end, such as ``http://127.0.0.1:8000``."""

    port: int
    services: Services
    worker: Worker | None

    @property
    def graphql_url(self) -> str:
        """The API, and GraphiQL for a browser."""
        return f"{self.url}/graphql"

    @property
    def socket_url(self) -> str:
        """The API's WebSocket."""
        return f"ws{self.url.removeprefix('http')}/graphql"


class _Socket(WebSocketsSansIOProtocol):
    """A WebSocket whose reader must take each message in time: one that reads a byte now and then would else be waited for for ever."""

    _is_over = False
    """Whether the peer broke the protocol: what it still sends is thrown away."""

    def data_received(self, data: bytes) -> None:
        """Read on, also what nobody wants any more."""
        if not self._is_over:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Say why the connection ends, and end it when the peer has: closed with bytes unread it is reset, and the reason lost."""
        close = self.conn.close_sent
        self._is_over = self.close_sent = True
        self.queue.put_nowait(
            {
                "type": "websocket.disconnect",
                "code": close.code if close else 1002,
                "reason": close.reason if close else "",
            }
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)

    async def send(self, message: ASGISendEvent) -> None:
        """Send, or cut the connection off without a goodbye that nobody would read."""
        if not self.writable.is_set():
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self.writable.wait()
            except TimeoutError as error:
                self.transport.abort()
                raise ClientDisconnected from error
        await super().send(message)


class _Http(HttpToolsProtocol):
    """HTTP whose requests come in within a size and a time: the parser's own have no limit, and whoever sends them needs no credential."""

    _unheard = 0
    """Bytes that were read since the application was told of any."""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there, and has so long to ask something."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless there was too much of nothing."""
        if self._unheard > MAX_HEAD_BYTES:
            if getattr(self.cycle, "response_complete", True):  # there is none before the first request
                self.send_400_response(f"The head of a request is at most {MAX_HEAD_BYTES} bytes.")
            else:
                self.transport.abort()
            return
        self._unheard += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Its head is here."""
        self._unheard = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body is here."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._unheard = 0
        self._arrived()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From here on it is a socket, which has times of its own."""
        self._arrived()
        super().handle_websocket_upgrade()

    def _wait(self) -> None:
        self._arrived()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Uvicorn(uvicorn.Server):
    """Signals are its owner's business: it also runs inside the demo and the tests."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def running_server(
    settings: Settings, urls: DatabaseUrls, *, work: bool = True, host: str | None = None, port: int | None = None
) -> AsyncIterator[Server]:
    """A server until the block ends (port 0: a free one); with ``work`` jobs, reactions and the solver run in it as well.

    At the end it stops listening, closes WebSockets with 1012 (clients resume by cursor), lets requests and jobs finish within
    ``settings.drain_seconds``, and stops. Raises PortTaken.
    """
    listener = listen(host or settings.host, settings.port if port is None else port)
    try:
        async with assemble(settings, urls) as services:
            worker = start_worker(services) if work else None
            server = _Uvicorn(_configuration(settings, services))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await _answering(server, serving)
                yield Server(_address(listener), listener.getsockname()[1], services, worker)
            finally:
                server.should_exit = True
                services.get(OpenStreams).end()
                await asyncio.gather(
                    serving, *([worker.stop(settings.drain_seconds)] if worker else []), return_exceptions=True
                )
    finally:
        listener.close()


@asynccontextmanager
async def running_worker(settings: Settings, urls: DatabaseUrls) -> AsyncIterator[Services]:
    """Jobs, reactions and the solver without the API, until the block ends; what runs then finishes within the drain time."""
    async with assemble(settings, urls) as services:
        worker = start_worker(services)
        try:
            yield services
        finally:
            await worker.stop(settings.drain_seconds)


def spare_the_collector() -> None:
    """Set the garbage collector up for a process that serves: call it once, when everything is loaded.

    An answer is thousands of small objects that are all alive until it is sent, so a collector that looks every 700 allocations looks in vain
    and again and again at the schema, too. Measured: a page of 100 orders with stops takes 0.62 of the CPU time, 1,000 orders in bulk 0.7.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def start_worker(services: Services) -> Worker:
    """A worker with everything that Doorstep does in the background, started."""
    kinds = {**JOB_KINDS, **DISPATCH_JOB_KINDS, **PRIVACY_JOB_KINDS, **SANDBOX_JOB_KINDS, **MESSAGES_JOB_KINDS}
    consumers = [*CONSUMERS, *DISPATCH_CONSUMERS, owners_told(endpoints_by_ids)]
    keep_days = services.get(Settings).event_days
    upkeep = partition_upkeep(keep_days, [consumer.name for consumer in consumers])
    periodics = [*PERIODICS, *MESSAGES_PERIODICS, upkeep, *deliveries(services).periodics()]
    worker = Worker(services, kinds, consumers, periodics=periodics)
    worker.start()
    return worker


def deliveries(services: Services, policy: Policy = STANDARD) -> Deliveries:
    """The delivery of webhooks, which executes stored documents without knowing the schema."""
    poster = Poster(private=services.get(Settings).webhooks_private, policy=policy)
    return Deliveries(
        services.db, services.system, services.secret_keys, services.get(Payloads).execute, poster, policy
    )


async def _answering(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise RuntimeError("the web server ended before it answered")
        await asyncio.sleep(0.01)


def _configuration(settings: Settings, services: Services) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        log_config=None,
        access_log=False,
        lifespan="off",
        http=_Http,
        ws=_Socket,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
    )


def listen(host: str, port: int) -> socket.socket:
    """A bound TCP socket, not yet accepting; raises PortTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTaken(f"Cannot listen on '{host}': {error.strerror}. Choose another with DOORSTEP_HOST.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            # Connections inherit it from the socket that accepts them.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_READER_MILLISECONDS)
        listener.bind(address)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise PortTaken(
            f"Cannot listen on {host} port {port}: {reason}. Choose another with --port or DOORSTEP_PORT."
        ) from error
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - shown as a place that answers
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def metrics_endpoint(settings: Settings) -> Iterator[str]:
    """Prometheus' ``/metrics`` on a port of its own until the block ends; yields its address.

    A port that was asked for and is taken raises PortTaken. The default one gives way to a free one, so that ``doorstep work`` runs beside
    ``doorstep serve`` on one machine.
    """
    asked = "metrics_port" in settings.model_fields_set
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, REGISTRY)
    except OSError as error:
        if asked:
            raise PortTaken(
                f"Cannot serve /metrics on {settings.metrics_host} port {settings.metrics_port}: "
                f"{(error.strerror or str(error)).lower()}. Choose another with DOORSTEP_METRICS_PORT (0 takes a free one)."
            ) from error
        server, thread = start_http_server(0, settings.metrics_host, REGISTRY)
    try:
        yield f"http://{settings.metrics_host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
