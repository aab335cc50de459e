"""The ASGI application: GraphQL, its page, the example portal, the driver's and the recipient's page, the schema, the event catalog, the export, health."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from doorstep.event_catalog import EventCatalog
from doorstep.identity.http import ExportEndpoint
from doorstep.identity.service import Authenticator
from doorstep.kernel.graphql.context import Services
from doorstep.kernel.graphql.tolls import Limits
from doorstep.kernel.graphql.view import GraphQLView
from doorstep.payloads import Payloads
from doorstep.readiness import readiness
from doorstep.schema import build_schema, schema_text
from doorstep.settings import Settings

STATIC = Path(str(files("doorstep"))) / "static"
_NOT_BUILT = """<!doctype html><title>Doorstep</title><p>This page was not built into this installation.
Reinstall the package to build it: pip install . (needs the npm registry). The API at /graphql works without it."""


# A page loads nothing from elsewhere and sends its key nowhere else; the editor makes style elements and holds its fonts as data.
_PAGE_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
        "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
}


class GraphQLEndpoint:
    """``/graphql``: the API, or its page when a browser asks for HTML."""

    def __init__(self, api: ASGIApp) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the page to a browser's plain GET, everything else by the API."""
        if scope["type"] == "http" and scope["method"] == "GET":
            request = Request(scope)
            if "query" not in request.query_params and "text/html" in request.headers.get("accept", ""):
                await _page("graphiql")(scope, receive, send)
                return
        await self._api(scope, receive, send)


def _page(name: str) -> Response:
    page = STATIC / "pages" / name / "index.html"
    return (
        FileResponse(page, headers=_PAGE_HEADERS) if page.is_file() else HTMLResponse(_NOT_BUILT, headers=_PAGE_HEADERS)
    )


def _served(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_request: Request) -> Response:
        return _page(name)

    return serve


def create_app(services: Services) -> Starlette:
    """The application over services that are already started."""
    settings = services.get(Settings)
    built = build_schema()
    services.get(Payloads).use(built)
    authenticator = services.get(Authenticator)
    api = GraphQLView(
        built,
        services,
        authenticator,
        limits=Limits(
            settings.max_cost, settings.operation_seconds, settings.sockets_per_key, settings.subscriptions_per_key
        ),
        allowed_origins=tuple(settings.allowed_origins),
        foresee=authenticator.foresee,
    )
    endpoint = GraphQLEndpoint(api)
    sdl = schema_text()
    catalog = cache(lambda: EventCatalog.of(built._schema))

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_request: Request) -> Response:
        state = await readiness(services)
        return JSONResponse(state.as_json(), status_code=200 if state.ready else 503)

    async def schema(_request: Request) -> Response:
        return PlainTextResponse(sdl)

    async def events(_request: Request) -> Response:
        return HTMLResponse(catalog().as_page(), headers=_PAGE_HEADERS)

    async def events_as_text(_request: Request) -> Response:
        return PlainTextResponse(catalog().as_markdown(), media_type="text/markdown")

    async def driver_worker(_request: Request) -> Response:
        # Of its own, because a service worker may serve no pages above its address, unless the answer with its script says so.
        script = STATIC / "pages" / "driver_worker.js"
        headers = {**_PAGE_HEADERS, "service-worker-allowed": "/driver"}
        return FileResponse(script, headers=headers) if script.is_file() else Response(status_code=404)

    async def home(_request: Request) -> Response:
        return RedirectResponse("/graphql")

    routes = [
        Route("/", home),
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Route("/portal", _served("portal")),
        Route("/driver", _served("driver")),
        Route("/driver/manifest", _served("driver")),
        Route("/driver/worker.js", driver_worker),
        Route("/track", _served("track")),
        Route("/schema.graphql", schema),
        Route("/docs/events", events),
        Route("/docs/events.md", events_as_text),
        Route("/export", ExportEndpoint(services), methods=["GET"]),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Mount("/static", StaticFiles(directory=STATIC, check_dir=False)),
    ]
    return Starlette(routes=routes)  # the API alone reads bodies, and limits them itself
