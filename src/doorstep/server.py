"""A serving process: the application on a socket, the worker beside it, the metrics on their own port; drained when it ends."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from prometheus_client import start_http_server

from doorstep.app import create_app
from doorstep.assembly import assemble
from doorstep.kernel.db import DatabaseUrls
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.metrics import REGISTRY
from doorstep.planning.jobs import CONSUMERS, JOB_KINDS
from doorstep.settings import Settings
from doorstep.worker import Worker

MAX_SOCKET_MESSAGE = 64 * 1024
STALLED_MILLISECONDS = 15_000
"""A peer that acknowledges nothing for so long is dropped, so that a reader that stalls is freed."""

BACKLOG = 1024


class PortInUse(Exception):
    """Somebody listens there already; the message says which setting chooses another port."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its address and what it is made of."""

    url: str
    port: int
    services: Services


class _QuietServer(uvicorn.Server):
    """Uvicorn without signal handlers of its own: who runs the process decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


@asynccontextmanager
async def running_server(settings: Settings, urls: DatabaseUrls, *, work: bool = True) -> AsyncIterator[Server]:
    """Serve until the block ends; ``settings.port`` 0 takes any free port. Raises PortInUse.

    At the end nothing new is accepted, streams end (clients resume by cursor), requests and jobs under way get
    ``settings.drain_seconds``.
    """
    listener = _listen(settings.host, settings.port)
    try:
        async with assemble(settings, urls) as services:
            port = int(listener.getsockname()[1])
            async with _web(settings, services, listener), _worker(settings, services, work=work):
                yield Server(settings.base_url(port), port, services)
    finally:
        listener.close()


@asynccontextmanager
async def running_worker(settings: Settings, urls: DatabaseUrls) -> AsyncIterator[Services]:
    """Only jobs and solver, until the block ends."""
    async with assemble(settings, urls) as services, _worker(settings, services, work=True):
        yield services


@asynccontextmanager
async def serving_metrics(settings: Settings) -> AsyncIterator[str]:
    """Prometheus' page on its own port; yields its address. Raises PortInUse."""
    try:
        server, thread = start_http_server(settings.metrics_port, addr=settings.metrics_host, registry=REGISTRY)
    except OSError as error:
        raise PortInUse(
            f"Port {settings.metrics_port} for metrics is taken: set DOORSTEP_METRICS_PORT to another one (0: any)."
        ) from error
    try:
        yield f"http://{settings.metrics_host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"Cannot listen on {host}:{port} ({error.strerror}): choose another with --port or DOORSTEP_PORT."
        ) from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def _web(settings: Settings, services: Services, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        create_app(services),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MAX_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    server = _QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers a flag, no event
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await services.hub.close()
        await serving


@asynccontextmanager
async def _worker(settings: Settings, services: Services, *, work: bool) -> AsyncIterator[None]:
    if not work:
        yield
        return
    worker = Worker(services, JOB_KINDS, CONSUMERS)
    worker.start()
    try:
        yield
    finally:
        await worker.stop(settings.drain_seconds)
