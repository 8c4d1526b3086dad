"""From what a codec decoded to what is heard: no rumble, from a take's first sample on, its modes and effects added."""

from __future__ import annotations

from functools import partial

import numpy as np

from plugin_backend.modes.resonator_bank import ResonatorBank
from presets.preset_effects import PresetEffects, PresetEffectsBetween

LOW_CUT_ORDER = 4


class LowCut:
    """A Butterworth high-pass, piece by piece; where pieces are cut changes nothing.

    Args:
        cut_hz: where it is 3 dB down; 0 lets all through, untouched.
        sample_rate: in Hz.
        channels: of every piece.
    """

    def __init__(self, cut_hz: float, sample_rate: int, channels: int):
        self._filter, self._past = None, np.zeros((LOW_CUT_ORDER // 2, channels, 2))
        if cut_hz:
            from scipy.signal import butter, sosfilt

            sections = butter(LOW_CUT_ORDER, cut_hz, "highpass", fs=sample_rate, output="sos")
            self._filter = partial(sosfilt, sections, axis=1)

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; return as many, float32."""
        if self._filter is None or not audio.shape[1]:
            return audio
        cut, self._past = self._filter(audio, zi=self._past)
        return cut.astype(np.float32)


class TakeFinisher:
    """Turns the decoded pieces of one performance into its sound.

    Args:
        rows: what rings, ``[n, 6]``; onsets count from the first sample that is heard.
        low_cut_hz: see :class:`~presets.preset.PresetHeader`.
        sample_rate: in Hz.
        channels: of every piece.
        drop_samples: decoded before the first that is heard.
        chain: the effects it is heard through; ``None``: none.
    """

    def __init__(
        self,
        rows: np.ndarray,
        low_cut_hz: float,
        sample_rate: int,
        channels: int,
        drop_samples: int,
        chain: PresetEffects | PresetEffectsBetween | None = None,
    ):
        self._left, self._at, self._chain = drop_samples, 0, chain
        self._cut = LowCut(low_cut_hz, sample_rate, channels)
        self._ringing = ResonatorBank(rows, sample_rate) if len(rows) else None

    def push(self, audio: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]`` as decoded; return what of it is heard, ``[channels, n or less]`` float32."""
        audio = self._cut.push(audio)
        first = min(self._left, audio.shape[1])
        audio, self._left = audio[:, first:], self._left - first
        if self._ringing is not None and audio.shape[1]:
            audio = (audio + self._ringing.samples(self._at, audio.shape[1])).astype(np.float32)
        self._at += audio.shape[1]
        return audio if self._chain is None else self._chain.push(audio)
