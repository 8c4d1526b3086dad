"""Run an endpoint: check the request, call the handler in a thread, and write the reply or one clear line."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plugin_backend.errors import BusyError, InputError, PisadaError, SessionError, UploadError
from plugin_backend.text import in_one_line
from studio.web.endpoints import Done, Endpoint, File
from studio.web.sessions import Session

STATUSES: tuple[tuple[type[BaseException], int], ...] = (
    (SessionError, 404),
    (UploadError, 413),
    (BusyError, 503),
    (InputError, 400),
    (msgspec.MsgspecError, 400),
    (UnicodeError, 400),
    (PisadaError, 409),
)


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, in one line."""

    problem: str


def json_reply(value: object, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem_reply(problem: BaseException) -> Response:
    """Return an error as one line of JSON. An error that is not ours is printed in the terminal."""
    for kind, status in STATUSES:
        if isinstance(problem, kind):
            return json_reply(Problem(in_one_line(problem)), status)
    traceback.print_exception(problem, file=sys.stderr)
    return json_reply(Problem(f"the studio failed: {type(problem).__name__}; the terminal shows where"), 500)


async def run_endpoint(endpoint: Endpoint, request: Request) -> Response:
    """Run an endpoint for a request.

    Args:
        endpoint: what to run.
        request: of the page.

    Returns:
        The reply; an error is one line of JSON with the status of :data:`STATUSES`.
    """
    try:
        session = request.app.state.sessions[request.path_params["session"]]
        if endpoint.upload:
            result = await _run_upload(endpoint, request, session)
        else:
            fields: Any = await _fields(endpoint, request)
            result = await _run(endpoint, request, partial(endpoint.handle, session, fields))
    except ClientDisconnect:
        return Response(status_code=499)
    except Exception as problem:  # noqa: BLE001 - every error becomes one line for the page
        return problem_reply(problem)
    return _reply(result)


async def _run(endpoint: Endpoint, request: Request, work: Callable[[], Any]) -> Any:
    if endpoint.slow or endpoint.later:
        return await request.app.state.queue.run(work, endpoint.later)
    return await run_in_threadpool(work)


async def _run_upload(endpoint: Endpoint, request: Request, session: Session) -> Any:
    fields: Any = msgspec.convert(_named(request), endpoint.takes, strict=False)
    limits = session.settings.limits
    most = min(limits.upload_bytes, limits.session_bytes - await run_in_threadpool(session.stored_bytes))
    with tempfile.TemporaryDirectory(prefix="upload-", dir=session.own_folder("uploads")) as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as file:
            await _receive(request, most, file.write)
        return await _run(endpoint, request, partial(endpoint.handle, session, fields, path))


async def _fields(endpoint: Endpoint, request: Request) -> Any:
    pieces: list[bytes] = []
    if endpoint.method != "GET":
        await _receive(request, request.app.state.settings.limits.body_bytes, pieces.append)
    if not (body := b"".join(pieces)):
        return msgspec.convert(_named(request), endpoint.takes, strict=False)
    content = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    named = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in request.path_params.items()}
    named.pop("session")
    return msgspec.json.decode(msgspec.json.encode(content | named), type=endpoint.takes)


def _named(request: Request) -> dict[str, str]:
    named = dict(request.query_params) | request.path_params
    named.pop("session")
    return named


async def _receive(request: Request, most_bytes: int, write: Callable[[bytes], Any]) -> None:
    """Pass the body on, piece by piece.

    Raises:
        UploadError: there is more than allowed. The rest is not read.
    """
    too_large = UploadError(f"the request holds more than {max(0, most_bytes) / 2**20:.0f} MiB, which is the most")
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most_bytes:
        raise too_large
    received = 0
    async for piece in request.stream():
        received += len(piece)
        if received > most_bytes:
            raise too_large
        write(piece)


def _reply(result: Any) -> Response:
    if not isinstance(result, File):
        return json_reply(Done() if result is None else result)
    headers = {}
    if result.name:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(result.name)}"
    return Response(result.data, media_type=result.media, headers=headers)
