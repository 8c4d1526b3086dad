"""Who may use the studio: checks of host, origin and token before every request, and headers after it."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = ("0.0.0.0", "::", "[::]")
OPEN_AGAIN = "Open the address that `pisada studio` printed: it holds the key of this studio."
FOREIGN = "This request comes from another page or under another name. Open the address that `pisada studio` printed."

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), midi=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",
}
"""The first two allow shared memory between the page and its audio thread."""


def content_policy(hosts: frozenset[str]) -> str:
    """Return the content security policy: everything comes from this server, and no script or style is inline."""
    sockets = " ".join(f"ws://{host}" for host in sorted(hosts) if "[" not in host)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        f"connect-src 'self' {sockets}; worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """Return the names under which a browser on this machine reaches the server.

    Args:
        host: the address that the server listens on.
        port: its port.
    """
    named = f"[{host}]" if ":" in host and not host.startswith("[") else host
    names = LOCAL_NAMES if host in EVERYWHERE else (*LOCAL_NAMES, named)
    return frozenset(f"{name}:{port}" for name in names)


class Guard:
    """Lets a request pass only from the studio's own page with its token.

    A foreign ``Host`` is refused, so that no other name can be made to point here (DNS rebinding). A foreign
    ``Origin`` is refused, so that no other page can send requests. The token comes once in the address, and then in a
    cookie that scripts cannot read.

    Args:
        app: what is guarded.
        token: the secret.
        hosts: names and port under which the server is reached.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]):
        self._app, self._token, self._hosts = app, token, hosts
        self._origins = frozenset(f"http://{host}" for host in hosts)
        self._cookie = f"pisada_{min(hosts).rpartition(':')[2]}"
        self._policy = content_policy(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": "refused"})
        else:
            await refusal(scope, receive, self._with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return PlainTextResponse(FOREIGN, 421)
        if any(origin.lower() not in self._origins for origin in origins):
            return PlainTextResponse(FOREIGN, 403)
        if scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if given and self._is_token(given):
                reply = RedirectResponse("/", 303)
                reply.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
                return reply
        return None if self._is_token(self._cookie_value(headers)) else PlainTextResponse(OPEN_AGAIN, 401)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _cookie_value(self, headers: Headers) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return morsel.value if morsel is not None else ""

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["Content-Security-Policy"] = self._policy
            await send(message)

        return send_with_headers
