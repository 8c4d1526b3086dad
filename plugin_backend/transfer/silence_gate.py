"""Fades a sound out while the input is silent: without the input's envelope it would go on as loud as before."""

from __future__ import annotations

import numpy as np

FADE_OUT_S = 0.1
"""Time from full level to silence. A fade in takes one hop."""


class SilenceGate:
    """The level of each hop of a decoded sound, 0 to 1.

    It rises while an audible hop is encoded, which is before the sound of that hop comes out of the decoder; at once if
    the codec has less latency than a hop. It falls when no sound of an audible hop is left in the decoder.

    Args:
        channels: of the encoded input.
        hop_samples: of the codec.
        latency_samples: of the codec.
        sample_rate: in Hz.
    """

    def __init__(self, channels: int, hop_samples: int, latency_samples: int, sample_rate: int):
        self._hold = 1 + -(-latency_samples // hop_samples)
        self._step = hop_samples / (FADE_OUT_S * sample_rate)
        self._opens_at_once = latency_samples < hop_samples
        self._silent_hops, self._level = np.full(channels, self._hold), np.zeros(channels)

    def advance(self, is_audible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the levels at the hop's start and at its end, each ``[channels]``.

        Args:
            is_audible: whether the hop of the input that is encoded now is audible, ``[channels]``.
        """
        before = np.where(is_audible & self._opens_at_once, 1.0, self._level)
        self._silent_hops = np.where(is_audible, 0, np.minimum(self._silent_hops + 1, self._hold))
        self._level = np.where(self._silent_hops < self._hold, 1.0, np.maximum(before - self._step, 0.0))
        return before, self._level

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""
        return {"silent_hops": self._silent_hops, "level": self._level}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""
        self._silent_hops, self._level = state["silent_hops"], state["level"]
