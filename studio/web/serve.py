"""Open a studio: bind the port, print the address, and serve until interrupted."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace

import uvicorn

from plugin_backend.errors import PisadaError, ProjectError
from studio.web.app import make_app
from studio.web.security import EVERYWHERE
from studio.web.sessions import Sessions
from studio.web.settings import DEFAULT_PORT, Settings

BACKLOG = 128
STOP_S = 2


def bind(settings: Settings) -> socket.socket:
    """Return a bound socket. The default port may be taken by another studio; then any port is used.

    Raises:
        ProjectError: the address or the port cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = [settings.port, 0] if settings.port == DEFAULT_PORT else [settings.port]
    for port in ports:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host.strip("[]"), port))
            bound.listen(BACKLOG)
            return bound
        except OSError as problem:
            bound.close()
            reason = problem
    raise ProjectError(f"--host {settings.host} --port {settings.port}: {reason.strerror}; give another") from reason


def address_of(settings: Settings) -> str:
    """Return the address to open, with the token."""
    host = "127.0.0.1" if settings.host in EVERYWHERE else settings.host
    named = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{named}:{settings.port}/?token={settings.token}"


def serve(settings: Settings, report: Callable[[str], None], browser: bool = True) -> None:
    """Serve a studio until it is interrupted.

    Args:
        settings: what is opened.
        report: receives lines for the user; the first holds the address.
        browser: whether the address is opened in the user's browser.

    Raises:
        ProjectError: the address or the port cannot be used.
        PresetError, CheckpointError: a bank or a model cannot be used.
    """
    bound = bind(settings)
    with bound:
        settings = replace(settings, port=bound.getsockname()[1])
        sessions = Sessions(settings)
        guard = make_app(settings, sessions)
        report(f"open {address_of(settings)}")
        _warm_up(sessions)
        if browser:
            threading.Thread(target=webbrowser.open, args=(address_of(settings),), daemon=True).start()
        config = uvicorn.Config(
            guard,
            log_level="warning",
            access_log=False,
            ws_per_message_deflate=False,
            ws_ping_interval=None,  # a busy machine is slow to reply; a page that is gone closes its connection
            ws_max_size=2**20,
            timeout_graceful_shutdown=STOP_S,
            server_header=False,
        )
        try:
            uvicorn.Server(config).run(sockets=[bound])
        except KeyboardInterrupt:
            report("closed; what the sessions saved is kept")


def _warm_up(sessions: Sessions) -> None:
    """Load the first model in a thread, so that the first press of a preset is heard at once."""

    def load() -> None:
        try:
            sessions.models.load_first()
        except PisadaError:
            return  # the page shows it when the model is used

    threading.Thread(target=load, daemon=True, name="studio-warm-up").start()
