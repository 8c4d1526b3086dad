"""Struck and held sounds, mixed. When there are too many, the oldest fades out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np

MOST_VOICES = 32
FADE_SAMPLES = 480
"""Length of the fade when a voice is stopped, and of the fades at both ends of a held voice."""

CENTRE = 2
"""The channel of a mono sound where there are three channels or more."""

GainCurve = Callable[[int, int], np.ndarray]
"""Takes a first sample and a count; returns the gain of each channel there, ``[channels, count]``."""


class HeldSound(Protocol):
    """A sound without end."""

    def __next__(self) -> np.ndarray:
        """Return the next piece, ``[channels, n]``."""

    def skip(self, samples: int) -> None:
        """Skip about this many samples without computing them; the sound starts over."""


def channel_gains(sound_channels: int, channels: int) -> np.ndarray:
    """Return gains ``[channels, sound_channels]``: stereo goes to L and R; mono goes to both, or to C."""
    gains = np.zeros((channels, sound_channels), np.float32)
    if channels == 1:
        gains[:] = 1.0 if sound_channels == 1 else np.sqrt(0.5)
    elif sound_channels > 1:
        gains[0, 0] = gains[1, 1] = 1.0
    else:
        gains[[0, 1] if channels == 2 else [CENTRE]] = 1.0
    return gains


class Voice:
    """A sound that begins at a sample.

    Args:
        name: of the preset.
        start_samples: its first sample.
        sound: ``[samples]`` or ``[channels, samples]``; or endless pieces ``[channels, n]``, which fade in and are held
            until released.
        gain: of all channels.
        gain_curve: the gain of each channel over time, in place of ``gain`` and the usual channels.

    Attributes:
        held: whether it sounds until it is released.
        peak: the peak of the last block of a held voice; 0 at first.
    """

    def __init__(
        self,
        name: str,
        start_samples: int,
        sound: np.ndarray | HeldSound,
        gain: float,
        gain_curve: GainCurve | None = None,
    ):
        self.name, self.start_samples, self._gain, self._gain_curve = name, start_samples, np.float32(gain), gain_curve
        self._pieces: HeldSound | None = None
        self._waiting: np.ndarray | None = None
        if isinstance(sound, np.ndarray):
            self._waiting = np.atleast_2d(sound)
        else:
            self._pieces = sound
        self.held = self._pieces is not None
        self._at, self._fade_in_from, self.peak = 0, 0, 0.0
        self._fade_out_from: int | None = None

    def fade(self, at_samples: int) -> None:
        """Fade out from a sample on, within ``FADE_SAMPLES``."""
        at = max(0, at_samples - self.start_samples)
        self._fade_out_from = at if self._fade_out_from is None else min(at, self._fade_out_from)

    @property
    def fading(self) -> bool:
        """Whether :meth:`fade` was called."""
        return self._fade_out_from is not None

    @property
    def finished(self) -> bool:
        """Whether it has faded out."""
        return self._fade_out_from is not None and self._at >= self._fade_out_from + FADE_SAMPLES

    def seek(self, start_samples: int, end_samples: int) -> bool:
        """Go on to ``start_samples``.

        Returns:
            Whether :meth:`decode_until` must be called before :meth:`add_to` can mix up to ``end_samples``.
        """
        passed = start_samples - self.start_samples - self._at
        if passed > 0:
            self._skip(passed)
        return self.held and not self.finished and self._lacks(end_samples - self.start_samples - self._at)

    def decode_until(self, end_samples: int) -> None:
        """Decode the pieces that sound before ``end_samples``."""
        while self._lacks(end_samples - self.start_samples - self._at):
            assert self._pieces is not None
            piece = next(self._pieces)
            self._waiting = piece if self._waiting is None else np.concatenate([self._waiting, piece], axis=1)

    def _lacks(self, count: int) -> bool:
        return count > 0 and (self._waiting is None or self._waiting.shape[1] < count)

    def _skip(self, count: int) -> None:
        if self._pieces is not None and self._lacks(count):  # do not decode what nobody hears
            self._pieces.skip(count)
            self._waiting, self._fade_in_from = None, self._at + count
            self._at += count
        else:
            self._next(count)

    def add_to(self, out: np.ndarray, start_samples: int) -> bool:
        """Add its samples to a block, after they are decoded.

        Args:
            out: ``[channels, n]``.
            start_samples: the block's first sample.

        Returns:
            Whether the voice goes on after the block.
        """
        offset = max(0, self.start_samples - start_samples)
        if offset >= out.shape[1]:
            return True
        if self.finished:
            return False
        first, audio = self._at, self._next(out.shape[1] - offset)
        count = audio.shape[1]
        if count:
            mixed = self._fades(first, count) * self._in_channels(audio, first, len(out))
            out[:, offset : offset + count] += mixed
            if self.held:
                self.peak = float(np.abs(mixed).max())
        return not self.finished and (self.held or (self._waiting is not None and self._waiting.shape[1] > 0))

    def _in_channels(self, audio: np.ndarray, first: int, channels: int) -> np.ndarray:
        if self._gain_curve is not None:
            return self._gain_curve(first, audio.shape[1]) * audio
        return self._gain * (channel_gains(len(audio), channels) @ audio)

    def _fades(self, first: int, count: int) -> np.ndarray | np.float32:
        fade_out_from = self._fade_out_from
        if fade_out_from is None and not (self.held and first - self._fade_in_from < FADE_SAMPLES):
            return np.float32(1)
        at = np.arange(first, first + count)
        rise = np.clip((at - self._fade_in_from + 1) / FADE_SAMPLES, 0, 1) if self.held else 1.0
        fall = 1.0 if fade_out_from is None else np.clip((fade_out_from + FADE_SAMPLES - at) / (FADE_SAMPLES + 1), 0, 1)
        return (np.sin(np.pi / 2 * rise) ** 2 * np.sin(np.pi / 2 * fall) ** 2).astype(np.float32)

    def _next(self, count: int) -> np.ndarray:
        """Return the next samples ``[sound channels, count]``, fewer at the end."""
        assert self._waiting is not None
        audio, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        self._at += count
        return audio


class Voices:
    """All sounding voices: at most ``MOST_VOICES``, not counting those that fade out."""

    def __init__(self) -> None:
        self._voices: list[Voice] = []

    def start(self, voice: Voice) -> None:
        """Start a voice. If there are too many, the oldest fades out from the same sample on."""
        sounding = [other for other in self._voices if not other.fading]
        for oldest in sounding[: max(0, len(sounding) - MOST_VOICES + 1)]:
            oldest.fade(voice.start_samples)
        self._voices.append(voice)

    def release(self, name: str, at_samples: int) -> None:
        """Release the held voices of a name, or all held voices if the name is empty."""
        for voice in self._voices:
            if voice.held and name in ("", voice.name):
                voice.fade(at_samples)

    def fade_all(self, at_samples: int) -> None:
        """Fade out every voice from a sample on."""
        for voice in self._voices:
            voice.fade(at_samples)

    @property
    def held(self) -> int:
        """The number of held voices that do not fade out."""
        return len(self._held_voices)

    @property
    def _held_voices(self) -> list[Voice]:
        return [voice for voice in self._voices if voice.held and not voice.fading]

    def shed(self, count: int) -> None:
        """End this many held voices at once: the quietest first; of equally quiet ones, the oldest first."""
        for voice in sorted(self._held_voices, key=lambda voice: voice.peak)[:count]:
            self._voices.remove(voice)

    def add_to(self, out: np.ndarray, start_samples: int) -> None:
        """Add all voices to a block ``[channels, n]``. Held voices are decoded together."""
        end = start_samples + out.shape[1]
        to_decode = [partial(voice.decode_until, end) for voice in self._voices if voice.seek(start_samples, end)]
        if to_decode:
            from plugin_backend.models.batched_codec import run_batched

            for outcome in run_batched(to_decode):
                if isinstance(outcome, Exception):
                    raise outcome
        self._voices = [voice for voice in self._voices if voice.add_to(out, start_samples)]
