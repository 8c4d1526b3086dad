"""Finish decoded audio: cut rumble, drop what precedes the take, and add its modes and effects."""

from __future__ import annotations

from functools import partial

import numpy as np

from plugin_backend.modes.resonator_bank import ResonatorBank
from presets.preset_effects import PresetEffects, PresetEffectsBetween

LOW_CUT_ORDER = 4


class LowCut:
    """A Butterworth high-pass filter. The result does not depend on how the audio is cut into pieces.

    Args:
        cut_hz: frequency at −3 dB; 0 disables the filter.
        sample_rate: in Hz.
        channels: channels of every piece.
    """

    def __init__(self, cut_hz: float, sample_rate: int, channels: int):
        self._filter, self._state = None, np.zeros((LOW_CUT_ORDER // 2, channels, 2))
        if cut_hz:
            from scipy.signal import butter, sosfilt

            sections = butter(LOW_CUT_ORDER, cut_hz, "highpass", fs=sample_rate, output="sos")
            self._filter = partial(sosfilt, sections, axis=1)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Filter the next ``[channels, n]`` samples; return as many, float32."""
        if self._filter is None or not audio.shape[1]:
            return audio
        filtered, self._state = self._filter(audio, zi=self._state)
        return filtered.astype(np.float32)


class TakeFinisher:
    """Turns the decoded pieces of one performance into its audio.

    Args:
        rows: modes ``[n, 6]``; onsets count from the first audible sample.
        low_cut_hz: see :class:`~presets.preset.PresetHeader`.
        sample_rate: in Hz.
        channels: channels of every piece.
        drop_samples: decoded samples before the first audible one.
        effects: effects of the preset, or ``None``.
    """

    def __init__(
        self,
        rows: np.ndarray,
        low_cut_hz: float,
        sample_rate: int,
        channels: int,
        drop_samples: int,
        effects: PresetEffects | PresetEffectsBetween | None = None,
    ):
        self._left, self._at, self._effects = drop_samples, 0, effects
        self._low_cut = LowCut(low_cut_hz, sample_rate, channels)
        self._modes = ResonatorBank(rows, sample_rate) if len(rows) else None

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Finish the next decoded samples ``[channels, n]``; return ``[channels, n or less]`` float32."""
        audio = self._low_cut.push(audio)
        first = min(self._left, audio.shape[1])
        audio, self._left = audio[:, first:], self._left - first
        if self._modes is not None and audio.shape[1]:
            audio = (audio + self._modes.samples(self._at, audio.shape[1])).astype(np.float32)
        self._at += audio.shape[1]
        return audio if self._effects is None else self._effects.push(audio)
