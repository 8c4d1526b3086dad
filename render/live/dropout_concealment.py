"""Aligned dry where an answer is missing, without a click at either end.

What is heard is the dry input plus a *rest*: the answer less the dry. Where answers end, none is there to fade out:
the rest goes on as the last 5 ms turned about their end (2r(0) − r(−t), which keeps value and slope), faded by a raised
cosine. Where answers come again, the rest fades in. An unbroken stream of answers goes through to the bit.
"""

from __future__ import annotations

import numpy as np

FADE_S = 0.005


class DropoutConcealment:
    """Mixes answers and dry, block by block, on the audio thread.

    Args:
        channels, block_samples: of every block.
        latency_samples: of answers; the dry is made as late.
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
        self._risen, self._at = fade, 0

    def mix(self, block: np.ndarray, answer: np.ndarray | None, out: np.ndarray) -> None:
        """Take an input block and the answer that is due; fill ``out``; all ``[channels, block_samples]``."""
        dry = self._delayed(block)
        if answer is not None and self._risen == self._fade and self._tail_at == self._fade:
            np.copyto(out, answer)
            np.subtract(out, dry, out=self._rest)
        else:
            if answer is None and self._risen:
                self._let_go()
            self._rest[:] = 0
            if answer is not None:
                self._rise(answer, dry)
            self._fall()
            np.add(dry, self._rest, out=out)
        self._remember()

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

    def _let_go(self) -> None:
        last = self._past[:, -1:]
        np.multiply(2 * last - self._past[:, -2::-1], self._out, out=self._tail)
        self._tail_at, self._risen = 0, 0

    def _rise(self, answer: np.ndarray, dry: np.ndarray) -> None:
        np.subtract(answer, dry, out=self._rest)
        rising = min(self._block, self._fade - self._risen)
        self._rest[:, :rising] *= self._in[self._risen : self._risen + rising]
        self._risen += rising

    def _fall(self) -> None:
        left = min(self._block, self._fade - self._tail_at)
        self._rest[:, :left] += self._tail[:, self._tail_at : self._tail_at + left]
        self._tail_at += left

    def _remember(self) -> None:
        new = min(self._block, self._fade + 1)
        self._past[:, :-new] = self._past[:, new:]
        self._past[:, -new:] = self._rest[:, -new:]
