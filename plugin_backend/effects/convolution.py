"""Reverberation by an impulse response."""

from __future__ import annotations

import numpy as np

from plugin_backend.effects.base import DspStage, db_to_gain
from plugin_backend.effects.impulse_responses import impulse_response
from plugin_backend.effects.parameters import CONVOLUTION, IMPULSE_RESPONSE
from plugin_backend.errors import ProjectError

SIZES = {512: 2**15, 2048: 2**18}
"""A part's length, and up to which length of an impulse response it is taken: small ones have less to do for short
blocks, and more in all."""

LARGEST = 4096
"""Of what is longer still."""


class PartitionedConvolution:
    """One channel's or several channels' stream through their impulse responses.

    Args:
        ir: ``[channels, samples]``.
    """

    def __init__(self, ir: np.ndarray):
        size = self._size = next((size for size, most in SIZES.items() if ir.shape[1] <= most), LARGEST)
        count = max(1, -(-ir.shape[1] // size))
        parts = np.pad(ir, ((0, 0), (0, count * size - ir.shape[1]))).reshape(len(ir), count, size)
        self._response = np.fft.rfft(parts, 2 * size)
        self._past = np.zeros_like(self._response)
        self._sounds = np.zeros(count, bool)
        self._part, self._tail, self._rest = (np.zeros((len(ir), size)) for _ in range(3))
        self._newest = self._at = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; answer the first ``n`` samples of the convolution that are due."""
        out, at = np.empty(block.shape), 0
        while at < block.shape[1]:
            size = min(self._size - self._at, block.shape[1] - at)
            out[:, at : at + size] = self._some(block[:, at : at + size])
            at += size
        return out

    def _some(self, block: np.ndarray) -> np.ndarray:
        """Samples within one part."""
        first, last = self._at, self._at + block.shape[1]
        self._part[:, first:last], self._at = block, last
        if not self._part.any():
            made = self._tail[:, first:last]
            if last == self._size:
                self._next_part(None, np.zeros_like(self._part))
            return made
        spectrum = np.fft.rfft(self._part, 2 * self._size)
        head = np.fft.irfft(spectrum * self._response[:, 0], 2 * self._size)
        made = head[:, first:last] + self._tail[:, first:last]
        if last == self._size:
            self._next_part(spectrum, head[:, self._size :])
        return made

    def _next_part(self, spectrum: np.ndarray | None, over: np.ndarray) -> None:
        """A part is whole: what it and those before it make of the next one."""
        count = self._sounds.size
        self._newest = (self._newest - 1) % count
        self._past[:, self._newest] = 0.0 if spectrum is None else spectrum
        self._sounds[self._newest] = spectrum is not None
        self._tail, self._rest = self._rest + over, np.zeros_like(self._rest)
        if self._sounds.any() and count > 1:
            both = np.fft.irfft(self._sum(), 2 * self._size)
            self._tail += both[:, : self._size]
            self._rest = both[:, self._size :]
        self._part[:], self._at = 0.0, 0

    def _sum(self) -> np.ndarray:
        """Past parts, the newest first, each by its part of the response from the second on."""
        count, newest = self._sounds.size, self._newest
        ahead = min(count - newest, count - 1)
        total = np.einsum("ckb,ckb->cb", self._past[:, newest : newest + ahead], self._response[:, 1 : 1 + ahead])
        left = count - 1 - ahead
        if left:
            total += np.einsum("ckb,ckb->cb", self._past[:, :left], self._response[:, 1 + ahead :])
        return total

    def state(self) -> dict[str, np.ndarray]:
        """Plain arrays."""
        own = {"past": self._past, "sounds": self._sounds, "part": self._part, "tail": self._tail, "rest": self._rest}
        return {name: it.copy() for name, it in own.items()} | {"at": np.array([self._newest, self._at])}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Be as it was."""
        held = {name: np.array(value) for name, value in state.items()}
        self._past, self._sounds, self._part = held["past"], held["sounds"], held["part"]
        self._tail, self._rest = held["tail"], held["rest"]
        self._newest, self._at = held["at"].tolist()


class Convolution(DspStage):
    """``(1 − mix)`` times the input and ``mix`` times its convolution, without latency.

    A mono impulse response is every channel's; a stereo one left's and right's, and a single channel takes its mean.

    Raises:
        AudioFileError: the impulse response cannot be used.
        ProjectError: it is stereo, and there are more than two channels.
    """

    parameters, gliding = CONVOLUTION, {"mix": float, "gain_db": db_to_gain}

    def __init__(self, sample_rate: int, channels: int, ir: str = IMPULSE_RESPONSE.default, pre_delay_ms: float = 0.0):
        response = impulse_response(ir, sample_rate)
        if channels == 1:
            response = response.mean(axis=0, keepdims=True)
        if len(response) not in (1, channels):
            raise ProjectError(f"ir {ir}: its 2 channels cannot run on {channels}; give a mono one")
        delayed = np.pad(response, ((0, 0), (round(pre_delay_ms * sample_rate / 1000), 0)))
        super().__init__(sample_rate, channels, ir=ir, pre_delay_ms=pre_delay_ms)
        self.parts["wet"] = self._wet = PartitionedConvolution(np.repeat(delayed, channels // len(delayed), axis=0))

    def _process(self, heard: np.ndarray) -> np.ndarray:
        mix, gain = (self._glide(name, heard.shape[1]) for name in ("mix", "gain_db"))
        return (1 - mix) * heard + mix * gain * self._wet.push(heard)
