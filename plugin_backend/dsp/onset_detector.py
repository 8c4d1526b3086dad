"""Detect hits in a stream, within 3 ms and from the past only.

The method is that of :mod:`plugin_backend.hit_detection.onset_strength`, without the future. The stream is cut into
frames of 2.7 ms that overlap by half, in six bands. A band's *background* follows its quietest frames. Its *mask* is
the loudest of the past up to a moment ago; it fades slowly during the body of a hit and fast after it. Novelty is the
rise above both in dB, averaged over the bands: half-wave rectified spectral flux on a decibel scale (Bello et al. 2005,
"A tutorial on onset detection in music signals"). A hit begins where novelty is far enough above its usual value.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from plugin_backend.errors import ProjectError

LOOKAHEAD_S = 0.003
FRAMES_PER_S = 750
EDGES_HZ = np.array([0, 700, 1500, 3000, 6000, 12000, 20000])
HIGHEST_BAND_SHARE = 0.46

DARKEST = 1e-9
BACKGROUND_GAIN = 4.0
BACKGROUND_RISE, BACKGROUND_FALL_S = 10 ** (6 / 10), 0.1
"""A background rises by at most 6 dB per second, and falls within 0.1 s."""

BELOW_LOUD, LOUD_S = 10**-5.5, 3.0
"""A hit more than 55 dB below the recent loudest level is ignored."""

MASK_LAG_FRAMES = 4
BODY_S, BODY_GAP_MS, BODY_FADE_DB, AFTER_FADE = 0.2, 150.0, 6.0, 5.0
"""The body of a hit lasts 200 ms, or less if hits may be less than 150 ms apart."""

LEAST_DB, ABOVE_USUAL, USUAL_S, MOST_USUAL_DB = 5.0, 3.0, 1.5, 3.0
DC_S = 0.05
ATTACK, ABOVE_QUIET = 10 ** (-20 / 20), 3.0

STATE = {name: f"_{name}" for name in ("held", "waiting", "mean", "last", "background", "loud", "usual", "mask", "age")}
STATE["heard"] = "_received"
"""Name in a saved state → attribute."""


@dataclass(frozen=True, slots=True)
class Onset:
    """A hit that begins at ``onset_samples``.

    It was detected when the samples before ``decided_samples`` had been received.
    """

    onset_samples: int
    decided_samples: int


class OnsetDetector:
    """Detects hits in blocks of any length. Block boundaries change nothing.

    Args:
        sample_rate: in Hz, 8 to 192 kHz.
        channels: of every block. They are analysed together.
        sensitivity: 0.1 to 10. A value twice as large detects rises half as steep.
        min_gap_ms: 20 to 5000. A hit that follows another sooner is part of it.

    Attributes:
        lookahead_samples: an onset lies at most this long before its detection.

    Raises:
        ProjectError: a value is out of range.
    """

    def __init__(self, sample_rate: int, channels: int = 1, sensitivity: float = 1.0, min_gap_ms: float = 80.0):
        for name, value, low, high in (("sensitivity", sensitivity, 0.1, 10), ("min_gap_ms", min_gap_ms, 20, 5000)):
            if not low <= value <= high:
                raise ProjectError(f"{name} {value:g}: {low} to {high} can be used")
        self.lookahead_samples = round(LOOKAHEAD_S * sample_rate)
        self._hop = max(4, round(sample_rate / FRAMES_PER_S))
        self._shape = np.hanning(2 * self._hop + 1)[:-1]
        self._shape /= np.sqrt(np.square(self._shape).sum() * 2 * self._hop)
        edges = EDGES_HZ[HIGHEST_BAND_SHARE * sample_rate > EDGES_HZ] * 2 * self._hop / sample_rate
        self._bins = np.unique(np.ceil(edges).astype(int))
        bands, frame_s = self._bins.size - 1, self._hop / sample_rate
        self._least, self._gap = LEAST_DB / sensitivity, round(min_gap_ms * sample_rate / 1000)
        self._rise = BACKGROUND_RISE**frame_s
        self._fall, self._usually, self._level = (1 - np.exp(-frame_s / s) for s in (BACKGROUND_FALL_S, USUAL_S, DC_S))
        self._louder = np.exp(-frame_s / LOUD_S)
        body_s = BODY_S * min(1.0, min_gap_ms / BODY_GAP_MS)
        self._fade, self._body = BODY_FADE_DB * frame_s / body_s, round(body_s / frame_s)
        self._held = np.zeros((channels, max(3 * self._hop, self.lookahead_samples + self._hop)))
        self._waiting, self._received = np.zeros((channels, 0)), 0
        self._mean = np.zeros((channels, 1))
        self._last: int | None = None
        self._background: np.ndarray | None = None
        self._loud, self._usual = 0.0, 0.0
        self._mask, self._age = np.full(bands, -300.0), np.zeros(bands, int)
        self._late: deque[np.ndarray] = deque()

    def push(self, block: np.ndarray) -> list[Onset]:
        """Analyse ``[channels, n]``. Return the detected hits, in order, counted from the first sample pushed."""
        waiting = np.concatenate([self._waiting, block], axis=1)
        onsets, at = [], 0
        while waiting.shape[1] - at >= self._hop:
            new = waiting[:, at : at + self._hop]
            at += self._hop
            self._held = np.concatenate([self._held[:, self._hop :], new], axis=1)
            self._received += self._hop
            if self._novelty() and (self._last is None or self._received - self._last >= self._gap):
                onset = self._onset()
                self._last = self._received
                onsets.append(Onset(onset, self._received))
        self._waiting = waiting[:, at:].copy()
        return onsets

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays. Another detector with the same arguments can continue from it."""

        values = {name: getattr(self, attribute) for name, attribute in STATE.items()}
        return {name: np.array(value) for name, value in values.items() if value is not None} | {
            "late": np.array(self._late)
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore the state of another detector."""
        for name, attribute in STATE.items():
            value = state.get(name)
            setattr(self, attribute, value.copy() if value is not None and value.ndim else value)
        self._received, self._loud, self._usual = int(self._received), float(self._loud), float(self._usual)
        self._last = None if self._last is None else int(self._last)
        self._late = deque(state["late"].reshape(-1, self._mask.size))

    def _powers(self) -> np.ndarray:
        """Return the power of the bands in the last frame."""
        frame = self._held[:, -2 * self._hop :]
        self._mean += self._level * (frame[:, self._hop :].mean(axis=1, keepdims=True) - self._mean)
        spectra = np.fft.rfft((frame - self._mean) * self._shape, axis=1)
        power = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=0)
        return np.add.reduceat(power, self._bins)[:-1]

    def _novelty(self) -> bool:
        """Analyse one more frame. Return whether a hit begins."""
        powers = self._powers()
        if self._background is None:
            self._background = powers.copy()
        self._loud = max(float(powers.sum()), self._loud * self._louder)
        floor = BACKGROUND_GAIN * self._background + self._loud * BELOW_LOUD / powers.size + DARKEST
        masked = 10 * np.log10(10 ** (self._mask / 10) + floor)
        novelty = float(np.maximum(10 * np.log10(powers + floor) - masked, 0.0).mean())
        least = self._least + ABOVE_USUAL * self._usual
        self._usual += self._usually * (min(novelty, MOST_USUAL_DB) - self._usual)
        fell = self._background + self._fall * (powers - self._background)
        self._background = np.where(powers < self._background, fell, np.minimum(self._background * self._rise, powers))
        self._background = np.maximum(self._background, DARKEST * 1e-3)
        self._remember(10 * np.log10(powers + 1e-30))
        return novelty > least

    def _remember(self, level: np.ndarray) -> None:
        self._late.append(level)
        if len(self._late) <= MASK_LAG_FRAMES:
            if len(self._late) == 1 and self._received == self._hop:
                self._mask = level.copy()
            return
        level = self._late.popleft()
        self._mask = self._mask - np.where(self._age < self._body, self._fade, AFTER_FADE * self._fade)
        louder = level >= self._mask
        self._mask, self._age = np.where(louder, level, self._mask), np.where(louder, 0, self._age + 1)

    def _onset(self) -> int:
        """Return the first of the last samples that is within 20 dB of their peak and well above the earlier level."""
        sound = np.abs(self._held - self._mean).max(axis=0)
        recent, before = sound[-self.lookahead_samples :], sound[: -self.lookahead_samples]
        peak = recent.max()
        quiet = float(np.sqrt(np.square(before).mean())) if before.size else 0.0
        first = int(np.argmax(recent >= min(max(ATTACK * peak, ABOVE_QUIET * quiet), peak)))
        return max(0, self._received - self.lookahead_samples + first)
