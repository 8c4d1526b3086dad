"""Between a device and the player: channels spread, rates matched, blocks cut anew, at a constant delay."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr

TRIED_S = 4.0
"""What a resampler holds back at worst is found by trying so long, and a little is added."""

SPARE_SAMPLES = 32


def upmix(sound: np.ndarray, channels: int) -> np.ndarray:
    """``[have, n]`` as ``[channels, n]``: fewer are repeated in turn, more are averaged in turn; none is silence."""
    have = len(sound)
    if have == 0 or channels == 0:
        return np.zeros((channels, sound.shape[1]), np.float32)
    if have <= channels:
        return sound[np.arange(channels) % have]
    return np.stack([sound[own::channels].mean(axis=0, dtype=np.float32) for own in range(channels)])


class RateAdapter:
    """Passes a device's blocks through ``play`` and answers as many samples.

    Args:
        play: ``[channels, block_samples]`` at ``rate_hz`` to the same.
        channels, block_samples, rate_hz: of the player.
        device_hz, device_block: of the device.
        outputs: channels answered.

    Attributes:
        latency_samples: at the device's rate, beside the player's own: 0 where rates and blocks are the same.
    """

    def __init__(
        self,
        play: Callable[[np.ndarray], np.ndarray],
        channels: int,
        block_samples: int,
        rate_hz: int,
        device_hz: int,
        device_block: int,
        outputs: int,
    ):
        self._play, self._channels, self._block, self._outputs = play, channels, block_samples, outputs
        self.latency_samples = 0
        self._inward = self._outward = None
        if (device_hz, device_block) == (rate_hz, block_samples):
            return
        self._waiting = np.zeros((channels, 0), np.float32)
        inward, outward = _late(device_hz, rate_hz, device_block), _late(rate_hz, device_hz, block_samples)
        self.latency_samples = -(-(inward + block_samples) * device_hz // rate_hz) + outward
        self._ready = np.zeros((channels, self.latency_samples), np.float32)
        if rate_hz != device_hz:
            self._inward = soxr.ResampleStream(device_hz, rate_hz, channels, dtype="float32")
            self._outward = soxr.ResampleStream(rate_hz, device_hz, channels, dtype="float32")

    def _through(self, sound: np.ndarray) -> np.ndarray:
        self._waiting = np.concatenate([self._waiting, _resampled(self._inward, sound)], axis=1)
        played = [np.zeros((self._channels, 0), np.float32)]
        while self._waiting.shape[1] >= self._block:
            block = self._play(np.ascontiguousarray(self._waiting[:, : self._block]))
            self._waiting = self._waiting[:, self._block :]
            played.append(_resampled(self._outward, block))
        return np.concatenate(played, axis=1)

    def pass_on(self, sound: np.ndarray) -> np.ndarray:
        """``[n, inputs]`` of the device, *n* its block; answers ``[n, outputs]``."""
        into = upmix(sound.T, self._channels)
        if not self.latency_samples:
            return upmix(self._play(np.ascontiguousarray(into)), self._outputs).T
        self._ready = np.concatenate([self._ready, self._through(into)], axis=1)
        count = len(sound)
        out, self._ready = self._ready[:, :count], self._ready[:, count:].copy()
        return upmix(out, self._outputs).T


def _late(from_hz: int, to_hz: int, block_samples: int) -> int:
    """How many samples a resampler fed in blocks owes at worst."""
    if from_hz == to_hz:
        return 0
    resampler, nothing = (
        soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32"),
        np.zeros((block_samples, 1), np.float32),
    )
    given = owed = 0
    for number in range(1, int(TRIED_S * from_hz) // block_samples):
        given += len(resampler.resample_chunk(nothing))
        owed = max(owed, number * block_samples * to_hz // from_hz - given)
    return owed + SPARE_SAMPLES


def _resampled(resampler: soxr.ResampleStream | None, sound: np.ndarray) -> np.ndarray:
    if resampler is None:
        return sound
    return resampler.resample_chunk(np.ascontiguousarray(sound.T)).reshape(-1, len(sound)).T
