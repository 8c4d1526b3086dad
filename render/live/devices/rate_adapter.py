"""Adapts a device to the player: channels, sample rate and block size, at a constant delay."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from plugin_backend.dsp.resample import Resampler

TRIED_S = 4.0
"""A resampler's longest delay is measured over this many seconds; ``SPARE_SAMPLES`` are added."""

SPARE_SAMPLES = 32


def upmix(sound: np.ndarray, channels: int) -> np.ndarray:
    """Change the number of channels.

    Args:
        sound: ``[n_in, n]``.
        channels: the new number. If it is larger, channels are repeated in turn; if it is smaller, they are averaged in
            turn; no input channel gives silence.

    Returns:
        ``[channels, n]``.
    """
    have = len(sound)
    if have == 0 or channels == 0:
        return np.zeros((channels, sound.shape[1]), np.float32)
    if have <= channels:
        return sound[np.arange(channels) % have]
    return np.stack([sound[channel::channels].mean(axis=0, dtype=np.float32) for channel in range(channels)])


class RateAdapterEnd(NamedTuple):
    """One end of a rate adapter: channels, block size and sample rate in Hz."""

    channels: int
    block_samples: int
    rate_hz: int


class RateAdapter:
    """Passes a device's blocks through the player, and returns as many samples.

    Args:
        play: processes one block of the player, ``[channels, block_samples]`` in and out.
        player: the player's end.
        device: the device's end; its channels are those of the output.

    Attributes:
        latency_samples: at the device's rate, without the player's own; 0 if rates and blocks are equal.
    """

    def __init__(self, play: Callable[[np.ndarray], np.ndarray], player: RateAdapterEnd, device: RateAdapterEnd):
        self._play, self._channels, self._block, self._outputs = play, *player[:2], device.channels
        self.latency_samples = 0
        self._to_player: Resampler | None = None
        self._to_device: Resampler | None = None
        if device[1:] == player[1:]:
            return
        self._waiting = np.zeros((self._channels, 0), np.float32)
        inward = _longest_delay(device.rate_hz, player.rate_hz, device.block_samples)
        outward = _longest_delay(player.rate_hz, device.rate_hz, player.block_samples)
        self.latency_samples = -(-(inward + player.block_samples) * device.rate_hz // player.rate_hz) + outward
        self._ready = np.zeros((self._channels, self.latency_samples), np.float32)
        if player.rate_hz != device.rate_hz:
            self._to_player = Resampler(device.rate_hz, player.rate_hz, self._channels)
            self._to_device = Resampler(player.rate_hz, device.rate_hz, self._channels)

    def _through_player(self, audio: np.ndarray) -> np.ndarray:
        self._waiting = np.concatenate([self._waiting, _resampled(self._to_player, audio)], axis=1)
        played = [np.zeros((self._channels, 0), np.float32)]
        while self._waiting.shape[1] >= self._block:
            block = self._play(np.ascontiguousarray(self._waiting[:, : self._block]))
            self._waiting = self._waiting[:, self._block :]
            played.append(_resampled(self._to_device, block))
        return np.concatenate(played, axis=1)

    def process(self, audio: np.ndarray) -> np.ndarray:
        """Process one block of the device, ``[n, inputs]``; return ``[n, outputs]``."""
        into = upmix(audio.T, self._channels)
        if not self.latency_samples:
            return upmix(self._play(np.ascontiguousarray(into)), self._outputs).T
        self._ready = np.concatenate([self._ready, self._through_player(into)], axis=1)
        count = len(audio)
        out, self._ready = self._ready[:, :count], self._ready[:, count:].copy()
        return upmix(out, self._outputs).T


def _longest_delay(from_hz: int, to_hz: int, block_samples: int) -> int:
    """Measure how many samples a resampler that is fed in blocks holds back at most."""
    if from_hz == to_hz:
        return 0
    resampler = Resampler(from_hz, to_hz, 1)
    silence = np.zeros((1, block_samples), np.float32)
    returned = held_back = 0
    for number in range(1, int(TRIED_S * from_hz) // block_samples):
        returned += resampler.push(silence).shape[1]
        held_back = max(held_back, number * block_samples * to_hz // from_hz - returned)
    return held_back + SPARE_SAMPLES


def _resampled(resampler: Resampler | None, audio: np.ndarray) -> np.ndarray:
    return audio if resampler is None else resampler.push(audio)
