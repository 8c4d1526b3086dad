"""The studio as a web application: its routes, from the tables of the panes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from studio.web.endpoints import Endpoint
from studio.web.openapi import api_document
from studio.web.panes import PANES
from studio.web.replies import json_reply, problem_reply, run_endpoint
from studio.web.security import Guard, allowed_hosts
from studio.web.sessions import Sessions
from studio.web.settings import Settings
from studio.web.sound.socket import play_sound
from studio.web.work_queue import WorkQueue

STATIC = Path(__file__).parent / "static"
API = "/api/sessions/{session}"


class Opened(msgspec.Struct, frozen=True):
    """A session, as the page gets it.

    Attributes:
        session: its secret name.
        title: what is open.
        project: the project's file; empty without one.
    """

    session: str
    title: str
    project: str


class Open(msgspec.Struct, frozen=True):
    """A request for a session.

    Attributes:
        session: the one that the tab had before; empty for a new one.
    """

    session: str = ""


def pane_modules() -> list[ModuleType]:
    """Return the routes of each pane."""
    return [import_module(f"studio.web.routes.{pane.name}") for pane in PANES]


def all_endpoints() -> list[Endpoint]:
    """Return the endpoints of all panes."""
    return [endpoint for module in pane_modules() for endpoint in module.ENDPOINTS]


def make_app(settings: Settings, sessions: Sessions | None = None) -> Guard:
    """Return the application, guarded by its token.

    Args:
        settings: what is opened. The port must be the real one.
        sessions: of these settings; by default new ones.
    """
    sessions, queue = sessions or Sessions(settings), WorkQueue(settings.limits.waiting)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        queue.close()
        for module in pane_modules():
            getattr(module, "close", _nothing)()

    routes: list[BaseRoute] = [
        Route("/", _page),
        Route("/api/panes", _panes),
        Route("/api/openapi.json", _openapi),
        Route("/api/sessions", _open, methods=["POST"]),
        WebSocketRoute(f"{API}/sound", play_sound),
    ]
    routes += [_route(endpoint) for endpoint in all_endpoints()]
    for module in pane_modules():
        routes += [WebSocketRoute(f"{API}{path}", handler) for path, handler in getattr(module, "SOCKETS", ())]
        routes += [Route(f"{API}{path}", handler) for path, handler in getattr(module, "FILES", ())]
    routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.settings, app.state.sessions, app.state.queue = settings, sessions, queue
    return Guard(app, settings.token, allowed_hosts(settings.host, settings.port))


def _nothing() -> None:
    """Close nothing: the pane holds nothing open."""


def _route(endpoint: Endpoint) -> Route:
    async def handle(request: Request) -> Response:
        return await run_endpoint(endpoint, request)

    return Route(f"{API}{endpoint.path}", handle, methods=[endpoint.method])


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _panes(request: Request) -> Response:
    return json_reply([pane._asdict() for pane in PANES])


async def _openapi(request: Request) -> Response:
    return json_reply(api_document(API, all_endpoints()))


async def _open(request: Request) -> Response:
    state = request.app.state
    try:
        body = await request.body()
        asked = msgspec.json.decode(body, type=Open) if body else Open()
        session = state.sessions.open(asked.session)
    except Exception as problem:  # noqa: BLE001 - every error becomes one line for the page
        return problem_reply(problem)
    file = state.settings.project_file
    return json_reply(Opened(session.id, state.settings.title, str(file or "")))
