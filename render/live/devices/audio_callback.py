"""The device's callback: sends input blocks, plays output blocks, and never waits."""

from __future__ import annotations

import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from plugin_backend.processes import AUDIO_PRIORITY, request_priority
from render.live.devices.device_list import INPUT, OUTPUT
from render.live.devices.rate_adapter import upmix
from render.live.dropout_concealment import DropoutConcealment

HEAD = struct.Struct("<qqq")
"""Header of a block: its number, blocks the device lost or repeated, blocks whose output came too late."""

BEHIND_BLOCKS = 1
"""The output is played this many blocks after its input."""

MOST_WAITING_BYTES = 2**16


class AudioCallback:
    """Numbers the device's blocks, sends them, and plays the output of the block before.

    Args:
        pipe: to the parent process, which computes the output.
        picks: direction → the device's channels that are used.
        realtime: request real-time priority.

    Attributes:
        number: of the last block; −1 before the first.
        ended: whether the parent is gone.
    """

    def __init__(self, pipe: Connection, picks: dict[str, list[int]], realtime: bool):
        self._priority_requested = not realtime
        self._pipe, self._in, self._out = pipe, picks.get(INPUT, []), picks.get(OUTPUT, [])
        self.number, self.ended = -1, False
        self._begun, self._device_errors, self._missed = False, 0, 0
        self._received, self._in_flight = -1, 0
        self._early: tuple[int, np.ndarray] | None = None  # an output that is not due yet

    def begin(self, latency_samples: int, channels: int, block_samples: int, rate_hz: int) -> None:
        """Start passing blocks on. Blocks before this call, while other parts got ready, were silent.

        Args:
            latency_samples: of the output, at the device's rate, with this process's block.
            channels: of the player.
            block_samples, rate_hz: of the device.
        """
        shape = len(self._out), block_samples
        self._channels, self._output = channels, np.zeros(shape, np.float32)
        self._concealment = DropoutConcealment(*shape, latency_samples, rate_hz)
        self._begun = True

    def both_ways(self, indata: np.ndarray, outdata: np.ndarray, frames: int, _: Any, status: Any) -> None:
        """Handle one block of a stream with input and output, as PortAudio's callback."""
        outdata.fill(0)
        self._exchange(indata, outdata, status)

    def one_way(self, is_input: bool) -> Callable[[np.ndarray, int, Any, Any], None]:
        """Return the PortAudio callback of a stream with input or output only."""

        def callback(data: np.ndarray, frames: int, _: Any, status: Any) -> None:
            if not is_input:
                data.fill(0)
            self._exchange(data if is_input else None, None if is_input else data, status)

        return callback

    def _exchange(self, indata: np.ndarray | None, outdata: np.ndarray | None, status: Any) -> None:
        if not self._begun or self.ended:
            return
        if not self._priority_requested:  # PortAudio's own thread requests it for itself
            self._priority_requested = True
            request_priority(AUDIO_PRIORITY)
        self.number += 1
        self._device_errors += bool(status)
        try:
            self._send(indata)
            output = self._receive(self.number - BEHIND_BLOCKS)
        except (OSError, EOFError):  # the parent is gone
            self.ended = True
            return
        if outdata is not None:
            self._mix(indata, output)
            outdata[:, self._out] = self._output.T

    def _mix(self, indata: np.ndarray | None, output: np.ndarray | None) -> None:
        """Fill ``_output`` with the output; if it is missing, with the input as late as it, cross-faded."""
        outputs, count = self._output.shape
        inputs = indata[:, self._in].T if indata is not None else np.zeros((0, count), np.float32)
        dry = upmix(upmix(inputs, self._channels), outputs)
        self._concealment.mix(dry, None if output is None else output.reshape(count, outputs).T, self._output)

    def _send(self, indata: np.ndarray | None) -> None:
        audio = np.ascontiguousarray(indata[:, self._in]).tobytes() if indata is not None else b""
        waiting = self._in_flight
        if waiting <= BEHIND_BLOCKS + 1 or waiting * (1024 + len(audio)) <= MOST_WAITING_BYTES:  # else: a gap
            self._pipe.send_bytes(HEAD.pack(self.number, self._device_errors, self._missed) + audio)
            self._in_flight += 1

    def _receive(self, wanted: int) -> np.ndarray | None:
        """Return the output of block ``wanted`` if it is there; before the first block it is silence."""
        if wanted < 0:
            return np.zeros(self._output.size, np.float32)
        while self._received < wanted and self._early is None and self._pipe.poll(0):
            message = self._pipe.recv_bytes()
            self._in_flight -= 1
            self._received, *_ = HEAD.unpack_from(message)
            if self._received >= wanted:
                self._early = self._received, np.frombuffer(message, np.float32, offset=HEAD.size)
        if self._early is not None and self._early[0] == wanted:
            output, self._early = self._early[1], None
            return output
        if self._early is not None and self._early[0] < wanted:
            self._early = None
        self._missed += 1
        return None
