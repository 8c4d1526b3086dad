"""The device's callback: it hands blocks over, takes answers, and never waits."""

from __future__ import annotations

import struct
from multiprocessing.connection import Connection

import numpy as np

from plugin_backend.processes import AUDIO_PRIORITY, request_priority
from render.live.devices.device_list import INPUT, OUTPUT
from render.live.devices.rate_adapter import upmix
from render.live.dropout_concealment import DropoutConcealment

HEAD = struct.Struct("<qqq")
"""Before a block: its number, blocks that the device lost or repeated, blocks whose answer came too late."""

BEHIND_BLOCKS = 1
"""An answer is heard so many blocks after its input."""

MOST_WAITING_BYTES = 2**16


class AudioCallback:
    """Numbers the device's blocks, sends them, and plays the answer to the block before."""

    def __init__(self, pipe: Connection, picks: dict[str, list[int]], realtime: bool):
        self._asked = not realtime
        self._pipe, self._in, self._out = pipe, picks.get(INPUT, []), picks.get(OUTPUT, [])
        self.number, self.ended = -1, False
        self._begun, self._troubles, self._missed = False, 0, 0
        self._answered, self._held, self._under_way = -1, None, 0

    def begin(self, latency_samples: int, channels: int, block_samples: int, rate_hz: int) -> None:
        """From now on; what the device asked before, while others still got ready, was silence.

        Args:
            latency_samples: of answers, at the device's rate, this process's block included.
            channels: of the player.
            block_samples, rate_hz: of the device.
        """
        shape = len(self._out), block_samples
        self._channels, self._heard = channels, np.zeros(shape, np.float32)
        self._fallback = DropoutConcealment(*shape, latency_samples, rate_hz)
        self._begun = True

    def both_ways(self, indata, outdata, frames, _, status) -> None:
        """The callback of a stream both ways."""
        outdata.fill(0)
        self._turn(indata, outdata, status)

    def one_way(self, inward: bool):
        """The callback of a stream one way."""

        def callback(data, frames, _, status) -> None:
            if not inward:
                data.fill(0)
            self._turn(data if inward else None, None if inward else data, status)

        return callback

    def _turn(self, indata: np.ndarray | None, outdata: np.ndarray | None, status) -> None:
        if not self._begun or self.ended:
            return
        if not self._asked:  # by PortAudio's own thread, for itself
            self._asked = True
            request_priority(AUDIO_PRIORITY)
        self.number += 1
        self._troubles += bool(status)
        try:
            self._send(indata)
            answer = self._answer(self.number - BEHIND_BLOCKS)
        except (OSError, EOFError):  # the parent is gone
            self.ended = True
            return
        if outdata is not None:
            self._mix(indata, answer)
            outdata[:, self._out] = self._heard.T

    def _mix(self, indata: np.ndarray | None, answer: np.ndarray | None) -> None:
        """The answer, or for want of one the input as late, cross-faded."""
        outputs, count = self._heard.shape
        taken = indata[:, self._in].T if indata is not None else np.zeros((0, count), np.float32)
        dry = upmix(upmix(taken, self._channels), outputs)
        self._fallback.mix(dry, None if answer is None else answer.reshape(count, outputs).T, self._heard)

    def _send(self, indata: np.ndarray | None) -> None:
        sound = np.ascontiguousarray(indata[:, self._in]).tobytes() if indata is not None else b""
        waiting = self._under_way
        if waiting <= BEHIND_BLOCKS + 1 or waiting * (1024 + len(sound)) <= MOST_WAITING_BYTES:  # else: a gap
            self._pipe.send_bytes(HEAD.pack(self.number, self._troubles, self._missed) + sound)
            self._under_way += 1

    def _answer(self, wanted: int) -> np.ndarray | None:
        """The answer to block ``wanted``, if it is there; before the first it was silence."""
        if wanted < 0:
            return np.zeros(self._heard.size, np.float32)
        while self._answered < wanted and self._held is None and self._pipe.poll(0):
            told = self._pipe.recv_bytes()
            self._under_way -= 1
            self._answered, *_ = HEAD.unpack_from(told)
            if self._answered >= wanted:
                self._held = self._answered, np.frombuffer(told, np.float32, offset=HEAD.size)
        if self._held is not None and self._held[0] == wanted:
            answer, self._held = self._held[1], None
            return answer
        if self._held is not None and self._held[0] < wanted:
            self._held = None
        self._missed += 1
        return None
