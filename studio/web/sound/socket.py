"""The stream of one tab: acts and credits come in, blocks of sound go out.

The page says how far it has played and how much it wants ahead. The server never sends more than that. So a page that
stops costs nothing, and the sound is never dropped or repeated.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import msgspec
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from plugin_backend.errors import PisadaError, SessionError
from plugin_backend.text import in_one_line
from render.instrument.note_player import HOP_SAMPLES
from studio.web.sessions import Session
from studio.web.sound.acts import Act, Applied, Credit, Hello, Received, Refused
from studio.web.sound.engine import CHANNELS, RATE_HZ

if TYPE_CHECKING:
    from studio.web.work_queue import WorkQueue

MOST_HOPS = 4
"""Hops of one message, at most."""

CLOSED, FULL, ELSEWHERE = 4404, 4429, 4409
HEADER = struct.Struct("<dI")
"""Of a block: position of its first sample, and its length in samples. Left and right follow, float32; nothing follows
if all samples are 0."""

DECODER = msgspec.json.Decoder(Received)


class SoundStream:
    """Sends what a session's engine plays. Bytes that come in are samples of the microphone, float32.

    Args:
        socket: accepted.
        session: of the tab.
        queue: for slow work.
    """

    def __init__(self, socket: WebSocket, session: Session, queue: WorkQueue):
        self._socket, self._engine, self._queue = socket, session.engine, queue
        self._credit = Credit(self._engine.position, 0)
        self._wanted = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "studio-sound")

    async def run(self) -> None:
        """Play until the page leaves."""
        await self._send(Hello(RATE_HZ, CHANNELS, self._engine.position))
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._play)
                await self._receive()
                tasks.cancel_scope.cancel()
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _receive(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            if (samples := received.get("bytes")) is not None:
                self._engine.microphone.put(np.frombuffer(samples[: len(samples) // 4 * 4], "<f4"))
                continue
            try:
                message = DECODER.decode(received["text"])
            except msgspec.MsgspecError as problem:
                await self._send(Refused(0, in_one_line(problem)))
                continue
            if isinstance(message, Credit):
                self._credit = message
                self._wanted.set()
            else:
                await self._act(message)

    async def _act(self, act: Act) -> None:
        try:
            if act.control == "strike" or act.text:
                await asyncio.get_running_loop().run_in_executor(None, self._engine.prepare, act)
            else:
                self._engine.prepare(act)
            self._engine.act(act)
        except (PisadaError, msgspec.MsgspecError) as problem:
            await self._send(Refused(act.id, in_one_line(problem)))

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            missing = self._credit.played + self._credit.target - self._engine.position
            if missing <= 0:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            hops = min(MOST_HOPS, -(-missing // HOP_SAMPLES))
            block, applied = await loop.run_in_executor(self._thread, self._render, hops)
            try:
                await self._socket.send_bytes(block)
                for one in applied:
                    await self._send(one)
            except WebSocketDisconnect:
                return

    def _render(self, hops: int) -> tuple[bytes, list[Applied]]:
        start = self._engine.position
        audio = np.concatenate([self._engine.push() for _ in range(hops)], axis=1)
        header = HEADER.pack(start, audio.shape[1])
        return header + (audio.astype("<f4").tobytes() if audio.any() else b""), self._engine.take_applied()

    async def _send(self, message: msgspec.Struct) -> None:
        await self._socket.send_text(msgspec.json.encode(message).decode())


async def play_sound(socket: WebSocket) -> None:
    """Connect the sound of a tab; its earlier connection must have ended."""
    state = socket.app.state
    try:
        session = state.sessions[socket.path_params["session"]]
    except SessionError:
        await socket.accept()
        await socket.close(CLOSED)
        return
    await socket.accept()
    if session.streaming or state.sessions.streams >= state.settings.limits.streams:
        await socket.close(ELSEWHERE if session.streaming else FULL)
        return
    session.streaming = True
    try:
        await SoundStream(socket, session, state.queue).run()
    except Exception:  # noqa: BLE001 - one tab's failure must not end the server; the page connects again
        traceback.print_exc(file=sys.stderr)
        with suppress(RuntimeError):  # the page has left already
            await socket.close(1011)
    finally:
        session.streaming = False
