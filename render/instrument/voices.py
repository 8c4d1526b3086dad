"""Sounds that are struck and held, summed; the oldest of too many fades out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

MOST_VOICES = 32
FADE_SAMPLES = 480
"""A voice that has to go, and a held one at its begin and end, fades for so long."""

CENTRE = 2
"""The channel of a mono sound in three channels and more."""

GainCurve = Callable[[int, int], np.ndarray]
"""From a first sample and a count to the gains of each channel there, ``[channels, count]``."""


class HeldSound(Protocol):
    """A sound without end."""

    def __next__(self) -> np.ndarray:
        """The next piece, ``[channels, n]``."""

    def skip(self, samples: int) -> None:
        """Go on by about so many samples without making them; the sound begins anew."""


def channel_gains(sound_channels: int, channels: int) -> np.ndarray:
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

    Attributes:
        held: it sounds until let go.
        peak: of a held one, what was last heard of it, 0 at first.
    """

    def __init__(
        self, name: str, start_samples: int, sound: np.ndarray | HeldSound, gain: float, level: GainCurve | None = None
    ):
        self.name, self.start_samples, self._gain, self._level = name, start_samples, np.float32(gain), level
        self.held = not isinstance(sound, np.ndarray)
        self._pieces = sound if self.held else None
        self._waiting = None if self.held else sound[None]
        self._at, self._rise_from, self._fade_from, self.peak = 0, 0, None, 0.0

    def fade(self, at_samples: int) -> None:
        """End, from a sample on, within ``FADE_SAMPLES``."""
        at = max(0, at_samples - self.start_samples)
        self._fade_from = at if self._fade_from is None else min(at, self._fade_from)

    @property
    def fading(self) -> bool:
        """Whether it was told to end."""
        return self._fade_from is not None

    @property
    def over(self) -> bool:
        """Whether it has faded out."""
        return self.fading and self._at >= self._fade_from + FADE_SAMPLES

    def reach(self, start_samples: int, end_samples: int) -> bool:
        """Go on to ``start_samples``; return whether pieces are to be made before it is heard until ``end_samples``."""
        unheard = start_samples - self.start_samples - self._at
        if unheard > 0:
            self._leave_out(unheard)
        return self.held and not self.over and self._lacking(end_samples - self.start_samples - self._at)

    def make(self, end_samples: int) -> None:
        """Make the pieces that are heard until then."""
        while self._lacking(end_samples - self.start_samples - self._at):
            piece = next(self._pieces)
            self._waiting = piece if self._waiting is None else np.concatenate([self._waiting, piece], axis=1)

    def _lacking(self, count: int) -> bool:
        return count > 0 and (self._waiting is None or self._waiting.shape[1] < count)

    def _leave_out(self, unheard: int) -> None:
        if self.held and self._lacking(unheard):  # what nobody heard is not made
            self._pieces.skip(unheard)
            self._waiting, self._rise_from = None, self._at + unheard
            self._at += unheard
        else:
            self._next(unheard)

    def add_to(self, out: np.ndarray, start_samples: int) -> bool:
        """Add its samples from ``start_samples`` on to ``[channels, n]``, once they are made; return whether there
        will be more."""
        offset = max(0, self.start_samples - start_samples)
        if offset >= out.shape[1]:
            return True
        if self.over:
            return False
        first, heard = self._at, self._next(out.shape[1] - offset)
        count = heard.shape[1]
        if count:
            sound = self._curve(first, count) * self._placed(heard, first, len(out))
            out[:, offset : offset + count] += sound
            if self.held:
                self.peak = float(np.abs(sound).max())
        return not self.over and (self.held or self._waiting.shape[1] > 0)

    def _placed(self, heard: np.ndarray, first: int, channels: int) -> np.ndarray:
        if self._level is not None:
            return self._level(first, heard.shape[1]) * heard
        return self._gain * (channel_gains(len(heard), channels) @ heard)

    def _curve(self, first: int, count: int) -> np.ndarray | np.float32:
        begun = first - self._rise_from
        if not (self.fading or (self.held and begun < FADE_SAMPLES)):
            return np.float32(1)
        at = np.arange(first, first + count)
        rise = np.clip((at - self._rise_from + 1) / FADE_SAMPLES, 0, 1) if self.held else 1.0
        fall = np.clip((self._fade_from + FADE_SAMPLES - at) / (FADE_SAMPLES + 1), 0, 1) if self.fading else 1.0
        return (np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2).astype(np.float32)

    def _next(self, count: int) -> np.ndarray:
        """The next samples, fewer at the end, ``[sound channels, count]``."""
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

    @property
    def held(self) -> int:
        """How many are held."""
        return len(self._still_held)

    @property
    def _still_held(self) -> list[Voice]:
        return [voice for voice in self._voices if voice.held and not voice.fading]

    def shed(self, count: int) -> None:
        """End so many held ones: the quietest, and of those as quiet the oldest."""
        for voice in sorted(self._still_held, key=lambda voice: voice.peak)[:count]:
            self._voices.remove(voice)

    def add_to(self, out: np.ndarray, start_samples: int) -> None:
        """Add all samples from ``start_samples`` on to ``[channels, n]``; held ones are decoded together."""
        end = start_samples + out.shape[1]
        waiting = [partial(voice.make, end) for voice in self._voices if voice.reach(start_samples, end)]
        if waiting:
            from plugin_backend.models.batched_codec import run_batched

            for outcome in run_batched(waiting):
                if isinstance(outcome, Exception):
                    raise outcome
        self._voices = [voice for voice in self._voices if voice.add_to(out, start_samples)]
