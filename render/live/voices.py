"""Sounds that are struck and held, summed; the oldest of too many fades out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

MOST_VOICES = 32
FADE_SAMPLES = 480
"""A voice that has to go, and a held one at its begin and end, fades for so long."""

CENTRE = 2
"""The channel of a mono sound in three channels and more."""

Level = Callable[[int, int], np.ndarray]
"""From a first sample and a count to the gains of each channel there, ``[channels, count]``."""


def spread(sound_channels: int, channels: int) -> np.ndarray:
    """Gains ``[channels, sound_channels]``: stereo keeps to L and R, mono sounds in both, or in C."""
    gains = np.zeros((channels, sound_channels), np.float32)
    if channels == 1:
        gains[:] = 1.0 if sound_channels == 1 else np.sqrt(0.5)
    elif sound_channels > 1:
        gains[0, 0] = gains[1, 1] = 1.0
    else:
        gains[[0, 1] if channels == 2 else [CENTRE]] = 1.0
    return gains


class Voice:
    """A sound from a sample on.

    Args:
        start_samples: its first sample.
        sound: ``[samples]``, or pieces ``[channels, n]`` without end, which fade in and are held until let go.
        level: its gain in each channel as it goes on; else ``gain`` and where it belongs.
    """

    def __init__(
        self, name: str, start_samples: int, sound: np.ndarray | Iterator, gain: float, level: Level | None = None
    ):
        self.name, self.start_samples, self._gain, self._level = name, start_samples, np.float32(gain), level
        self.held = not isinstance(sound, np.ndarray)
        self._pieces = sound if self.held else None
        self._waiting = None if self.held else sound[None]
        self._at, self._fade_from = 0, None

    def fade(self, at_samples: int) -> None:
        """End, from a sample on, within ``FADE_SAMPLES``."""
        at = max(0, at_samples - self.start_samples)
        self._fade_from = at if self._fade_from is None else min(at, self._fade_from)

    @property
    def fading(self) -> bool:
        """Whether it was told to end."""
        return self._fade_from is not None

    def add_to(self, out: np.ndarray, start_samples: int) -> bool:
        """Add its samples from ``start_samples`` on to ``[channels, n]``; answers whether there will be more."""
        offset = max(0, self.start_samples - start_samples)
        if offset >= out.shape[1]:
            return True
        self._next(start_samples + offset - self.start_samples - self._at)  # what was not heard
        first, heard = self._at, self._next(out.shape[1] - offset)
        count = heard.shape[1]
        if count:
            out[:, offset : offset + count] += self._curve(first, count) * self._placed(heard, first, len(out))
        over = self.fading and self._at >= self._fade_from + FADE_SAMPLES
        return not over and (self.held or self._waiting.shape[1] > 0)

    def _placed(self, heard: np.ndarray, first: int, channels: int) -> np.ndarray:
        if self._level is not None:
            return self._level(first, heard.shape[1]) * heard
        return self._gain * (spread(len(heard), channels) @ heard)

    def _curve(self, first: int, count: int) -> np.ndarray | np.float32:
        if not (self.fading or (self.held and first < FADE_SAMPLES)):
            return np.float32(1)
        at = np.arange(first, first + count)
        rise = np.clip((at + 1) / FADE_SAMPLES, 0, 1) if self.held else 1.0
        fall = np.clip((self._fade_from + FADE_SAMPLES - at) / (FADE_SAMPLES + 1), 0, 1) if self.fading else 1.0
        return (np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2).astype(np.float32)

    def _next(self, count: int) -> np.ndarray:
        """The next samples, fewer at the end, ``[sound channels, count]``."""
        while self.held and (self._waiting is None or self._waiting.shape[1] < count):
            piece = next(self._pieces)
            self._waiting = piece if self._waiting is None else np.concatenate([self._waiting, piece], axis=1)
        heard, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        self._at += count
        return heard


class Voices:
    """All that sounds, ``MOST_VOICES`` at most besides those that fade out."""

    def __init__(self):
        self._voices: list[Voice] = []

    def start(self, voice: Voice) -> None:
        """Begin a voice; of too many the oldest fades out from there on."""
        sounding = [other for other in self._voices if not other.fading]
        for oldest in sounding[: max(0, len(sounding) - MOST_VOICES + 1)]:
            oldest.fade(voice.start_samples)
        self._voices.append(voice)

    def release(self, name: str, at_samples: int) -> None:
        """Let held ones of a name go, or all ("")."""
        for voice in self._voices:
            if voice.held and name in ("", voice.name):
                voice.fade(at_samples)

    def add_to(self, out: np.ndarray, start_samples: int) -> None:
        """Add all samples from ``start_samples`` on to ``[channels, n]``."""
        self._voices = [voice for voice in self._voices if voice.add_to(out, start_samples)]
