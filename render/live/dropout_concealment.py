"""Dropout concealment: plays the aligned dry input where an output block is missing, without a click at either end.

What is audible is the dry input plus a *rest*: the output less the dry input. When outputs stop, there is nothing to
fade out. So the rest is continued by its last 5 ms, mirrored about their end (2r(0) − r(−t), which keeps value and
slope) and faded by a raised cosine. When outputs come again, the rest fades in. An unbroken series of output blocks
passes unchanged, bit for bit.
"""

from __future__ import annotations

import numpy as np

FADE_S = 0.005


class DropoutConcealment:
    """Mixes output blocks and the dry input on the audio thread.

    Args:
        channels, block_samples: of every block.
        latency_samples: of the output; the dry input is delayed by as much.
        sample_rate: in Hz.
    """

    def __init__(self, channels: int, block_samples: int, latency_samples: int, sample_rate: int):
        fade = max(1, round(FADE_S * sample_rate))
        self._fade, self._block = fade, block_samples
        self._in = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / (fade + 1))).astype(np.float32)
        self._out = self._in[::-1].copy()
        self._ring = np.zeros((channels, latency_samples + block_samples), np.float32)
        self._dry = np.zeros((channels, block_samples), np.float32)
        self._rest, self._scratch = np.zeros_like(self._dry), np.zeros_like(self._dry)
        self._past = np.zeros((channels, fade + 1), np.float32)  # of the rest
        self._tail, self._tail_at = np.zeros((channels, fade), np.float32), fade
        self._faded_in, self._at = fade, 0

    def mix(self, block: np.ndarray, output: np.ndarray | None, out: np.ndarray) -> None:
        """Fill ``out`` for one block.

        Args:
            block: the input, ``[channels, block_samples]``.
            output: the output that is due now, of the same shape; ``None`` if it is missing.
            out: what will be audible, of the same shape.
        """
        dry = self._delayed(block)
        if output is not None and self._faded_in == self._fade and self._tail_at == self._fade:
            np.copyto(out, output)
            np.subtract(out, dry, out=self._rest)
        else:
            if output is None and self._faded_in:
                self._start_tail()
            self._rest[:] = 0
            if output is not None:
                self._fade_in(output, dry)
            self._add_tail()
            np.add(dry, self._rest, out=out)
        self._keep_past()

    def _delayed(self, block: np.ndarray) -> np.ndarray:
        ring, dry = self._ring, self._dry
        size, count = ring.shape[1], self._block
        for whole, into, begin in ((ring, None, self._at), (ring, dry, (self._at + count) % size)):
            first = min(count, size - begin)
            if into is None:
                whole[:, begin : begin + first] = block[:, :first]
                whole[:, : count - first] = block[:, first:]
            else:
                into[:, :first] = whole[:, begin : begin + first]
                into[:, first:] = whole[:, : count - first]
        self._at = (self._at + count) % size
        return dry

    def _start_tail(self) -> None:
        last = self._past[:, -1:]
        np.multiply(2 * last - self._past[:, -2::-1], self._out, out=self._tail)
        self._tail_at, self._faded_in = 0, 0

    def _fade_in(self, output: np.ndarray, dry: np.ndarray) -> None:
        np.subtract(output, dry, out=self._rest)
        count = min(self._block, self._fade - self._faded_in)
        self._rest[:, :count] *= self._in[self._faded_in : self._faded_in + count]
        self._faded_in += count

    def _add_tail(self) -> None:
        left = min(self._block, self._fade - self._tail_at)
        self._rest[:, :left] += self._tail[:, self._tail_at : self._tail_at + left]
        self._tail_at += left

    def _keep_past(self) -> None:
        new = min(self._block, self._fade + 1)
        self._past[:, :-new] = self._past[:, new:]
        self._past[:, -new:] = self._rest[:, -new:]
