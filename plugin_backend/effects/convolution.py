"""Reverberation by convolution with an impulse response."""

from __future__ import annotations

import numpy as np

from plugin_backend.effects.base import DspStage, db_to_gain
from plugin_backend.effects.impulse_responses import impulse_response
from plugin_backend.effects.parameters import CONVOLUTION, IMPULSE_RESPONSE
from plugin_backend.errors import ProjectError

SIZES = {512: 2**15, 2048: 2**18}
"""Length of a part → up to which length of an impulse response it is used.

Small parts cost less for short blocks, but more in total.
"""

LARGEST = 4096
"""Length of a part for longer impulse responses."""


class PartitionedConvolution:
    """Convolves a stream of one or several channels with their impulse responses.

    Args:
        ir: ``[channels, samples]``.
    """

    def __init__(self, ir: np.ndarray):
        size = self._size = next((size for size, most in SIZES.items() if ir.shape[1] <= most), LARGEST)
        count = max(1, -(-ir.shape[1] // size))
        parts = np.pad(ir, ((0, 0), (0, count * size - ir.shape[1]))).reshape(len(ir), count, size)
        self._response = np.fft.rfft(parts, 2 * size)
        self._past = np.zeros_like(self._response)
        self._is_nonzero = np.zeros(count, bool)
        self._part, self._tail, self._rest = (np.zeros((len(ir), size)) for _ in range(3))
        self._newest = self._at = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Convolve ``[channels, n]``. Return the next ``n`` samples of the convolution."""
        out, at = np.empty(block.shape), 0
        while at < block.shape[1]:
            size = min(self._size - self._at, block.shape[1] - at)
            out[:, at : at + size] = self._process_within_part(block[:, at : at + size])
            at += size
        return out

    def _process_within_part(self, block: np.ndarray) -> np.ndarray:
        """Convolve samples within one part."""
        first, last = self._at, self._at + block.shape[1]
        self._part[:, first:last], self._at = block, last
        if not self._part.any():
            output = self._tail[:, first:last]
            if last == self._size:
                self._next_part(None, np.zeros_like(self._part))
            return output
        spectrum = np.fft.rfft(self._part, 2 * self._size)
        head = np.fft.irfft(spectrum * self._response[:, 0], 2 * self._size)
        output = head[:, first:last] + self._tail[:, first:last]
        if last == self._size:
            self._next_part(spectrum, head[:, self._size :])
        return output

    def _next_part(self, spectrum: np.ndarray | None, overlap: np.ndarray) -> None:
        """End a part: compute what it and the earlier parts add to the next part."""
        count = self._is_nonzero.size
        self._newest = (self._newest - 1) % count
        self._past[:, self._newest] = 0.0 if spectrum is None else spectrum
        self._is_nonzero[self._newest] = spectrum is not None
        self._tail, self._rest = self._rest + overlap, np.zeros_like(self._rest)
        if self._is_nonzero.any() and count > 1:
            result = np.fft.irfft(self._sum(), 2 * self._size)
            self._tail += result[:, : self._size]
            self._rest = result[:, self._size :]
        self._part[:], self._at = 0.0, 0

    def _sum(self) -> np.ndarray:
        """Return the sum of past parts, the newest first, each times its part of the response from the second on."""
        count, newest = self._is_nonzero.size, self._newest
        ahead = min(count - newest, count - 1)
        total = np.einsum("ckb,ckb->cb", self._past[:, newest : newest + ahead], self._response[:, 1 : 1 + ahead])
        left = count - 1 - ahead
        if left:
            total += np.einsum("ckb,ckb->cb", self._past[:, :left], self._response[:, 1 + ahead :])
        return total

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        arrays = {
            "past": self._past,
            "sounds": self._is_nonzero,
            "part": self._part,
            "tail": self._tail,
            "rest": self._rest,
        }
        return {name: array.copy() for name, array in arrays.items()} | {"at": np.array([self._newest, self._at])}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        arrays = {name: np.array(value) for name, value in state.items()}
        self._past, self._is_nonzero, self._part = arrays["past"], arrays["sounds"], arrays["part"]
        self._tail, self._rest = arrays["tail"], arrays["rest"]
        self._newest, self._at = arrays["at"].tolist()


class Convolution(DspStage):
    """``(1 − mix)`` times the input plus ``mix`` times its convolution, without latency.

    A mono impulse response is used for every channel. A stereo one is used for left and right; a single channel takes
    its mean.

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

    def _process(self, block: np.ndarray) -> np.ndarray:
        mix, gain = (self._glide(name, block.shape[1]) for name in ("mix", "gain_db"))
        return (1 - mix) * block + mix * gain * self._wet.push(block)
