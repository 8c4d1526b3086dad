"""A studio that listens, its client with the token, and one browser for all tests."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from presets.bank import FACTORY_BANK
from presets.store import path_of
from studio.web.app import make_app
from studio.web.serve import address_of, bind
from studio.web.settings import Settings, open_settings

SMALL = ("step-gravel", "step-stone", "prop-wood", "amb-wind")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


class Client:
    """Sends requests to the application as its page does.

    Attributes:
        settings: of the studio.
        http: Starlette's client, with the token's cookie.
        session: secret name of its session.
    """

    def __init__(self, settings: Settings):
        from starlette.testclient import TestClient

        self.settings = settings
        self.base = f"127.0.0.1:{settings.port}"
        self.http = TestClient(make_app(settings), base_url=f"http://{self.base}", raise_server_exceptions=False)
        self.http.get("/", params={"token": settings.token})
        self.session = self.http.post("/api/sessions").json()["session"]

    def path(self, route: str, session: str = "") -> str:
        return f"/api/sessions/{session or self.session}{route}"

    def get(self, route: str, **query: object):
        return self.http.get(self.path(route), params=query)

    def post(self, route: str, **body: object):
        return self.http.post(self.path(route), json=body)

    def socket(self, route: str):
        return self.http.websocket_connect(f"ws://{self.base}{self.path(route)}")


@pytest.fixture
def settings(tmp_path: Path, impulse_bank: Path) -> Settings:
    """Settings with a bank of the model ``pcm``, which needs no weights."""
    return open_settings(None, [impulse_bank], tmp_path / "work", port=7333)


@pytest.fixture
def client(settings: Settings) -> Client:
    return Client(settings)


@pytest.fixture(scope="session")
def small_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank named ``small`` with some presets of the factory bank."""
    folder = tmp_path_factory.mktemp("banks") / "small"
    folder.mkdir()
    for name in SMALL:
        shutil.copy(path_of(name, FACTORY_BANK), folder)
    return folder


@pytest.fixture(scope="session")
def studio_address(tmp_path_factory: pytest.TempPathFactory, small_bank: Path) -> Iterator[str]:
    """The address of a studio that listens on this machine, with some presets of the factory bank."""
    import uvicorn

    settings = open_settings(None, [small_bank], tmp_path_factory.mktemp("studio"), port=0)
    bound = bind(settings)
    settings = replace(settings, port=bound.getsockname()[1])
    config = uvicorn.Config(
        make_app(settings), log_level="warning", ws_per_message_deflate=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield address_of(settings)
    server.should_exit = True
    thread.join(10)
    bound.close()


@pytest.fixture(scope="session")
def browser():
    """Chromium, or a skip where it is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.is_file():
        pytest.skip("needs chromium (Debian)")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, studio_address: str):
    """A tab of the studio at 1280 by 800. An error on its console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    tab, problems = context.new_page(), []
    tab.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda problem: problems.append(str(problem)))
    tab.goto(studio_address)
    tab.wait_for_selector("#pane > section:not([hidden])")
    yield tab
    context.close()
    assert problems == []
