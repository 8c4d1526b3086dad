"""Only the studio's own page, with its token, may use it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.websockets import WebSocketDisconnect

from studio.web.settings import Limits


def test_nothing_is_given_without_the_token(client):
    client.http.cookies.clear()
    for path in ("/", "/api/panes", "/static/main.js", client.path("/bank/presets"), "/?token=wrong"):
        assert client.http.get(path).status_code == 401
    assert client.http.post("/api/sessions").status_code == 401


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(client):
    client.http.cookies.clear()
    reply = client.http.get("/", params={"token": client.settings.token}, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= set(reply.headers["set-cookie"].split("; "))
    assert client.http.get("/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example:7333", "127.0.0.1:80", "127.0.0.1", "localhost.evil.example:7333"])
def test_another_name_for_this_machine_is_refused(client, host):
    assert client.http.get("/api/panes", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:7333", "http://127.0.0.1:7334"])
def test_another_page_is_refused(client, origin):
    headers = {"origin": origin}
    assert client.http.post("/api/sessions", headers=headers).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.http.websocket_connect(f"ws://{client.base}{client.path('/sound')}", headers=headers),
    ):
        pass


def test_every_reply_carries_the_headers_that_keep_the_page_apart(client):
    for path in ("/", "/api/panes", "/static/main.js", "/nothing"):
        headers = client.http.get(path).headers
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_no_file_outside_is_given(client, path):
    assert client.http.get(path).status_code == 404


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "own/../x", "impulses/burst.preset.safetensors", "/etc/passwd", "x", ""]
)
def test_a_preset_is_named_by_bank_and_name_only(client, key):
    reply = client.get("/bank/plot", key=key)
    assert (reply.status_code, list(reply.json())) == (400, ["problem"])


def test_a_large_body_is_refused_before_it_is_read(client, settings):
    from tests.studio.web.conftest import Client

    small = Client(replace(settings, limits=Limits(body_bytes=100)))
    reply = small.http.post(small.path("/instrument/undo"), content=b"x" * 200)
    assert reply.status_code in (404, 413)


def test_when_there_are_too_many_tabs_the_oldest_idle_one_is_closed(settings):
    from tests.studio.web.conftest import Client

    client = Client(replace(settings, limits=Limits(sessions=2)))
    first = client.session
    client.get("/bank/presets")
    others = [client.http.post("/api/sessions").json()["session"] for _ in range(2)]
    assert len({first, *others}) == 3
    assert client.http.get(client.path("/bank/presets", first)).status_code == 404
    assert client.http.get(client.path("/bank/presets", others[1])).status_code == 200


def test_a_closed_or_guessed_session_is_not_given(client):
    for session in ("x", "../..", "A" * 22):
        assert client.http.get(f"/api/sessions/{session}/bank/presets").status_code == 404
    reopened = client.http.post("/api/sessions", json={"session": "A" * 22}).json()["session"]
    assert reopened not in ("A" * 22, client.session)
