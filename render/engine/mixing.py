"""Mix cues into their stem, block by block: gain, pan and fades of each cue, and their sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from render.plan.plan import Event
from render.project.channel_layout import Layout, pan_gains

SKIP_SAMPLES = 2**16


def fade_curve(positions: np.ndarray, length: int, fade_in: int, fade_out: int) -> np.ndarray:
    """Return the gain of a cue's raised-cosine fades.

    Args:
        positions: sample positions in the cue.
        length: length of the cue in samples.
        fade_in, fade_out: lengths of the fades in samples; each is at most half of the cue.

    Returns:
        A gain of 0 to 1 for every position.
    """
    gain = np.ones(positions.size)
    for fade, distance in ((fade_in, positions), (fade_out, length - 1 - positions)):
        fade = min(fade, length // 2)
        if fade:
            gain *= 0.5 - 0.5 * np.cos(np.pi * np.clip((distance + 1) / (fade + 1), 0, 1))
    return gain


class Voice:
    """A cue that is playing: its audio with gain, fades and pan, read block by block.

    Args:
        event: the cue.
        pieces: its decoded audio ``[channels, n]``; silence follows when it ends.
        layout: layout of its stem.
    """

    def __init__(self, event: Event, pieces: Iterator[np.ndarray], layout: Layout):
        self.event, self.position, self._layout = event, 0, layout
        self._pieces = pieces
        self._waiting: np.ndarray | None = None

    @property
    def remaining(self) -> int:
        """Samples not yet read."""
        return self.event.length_samples - self.position

    def read(self, samples: int) -> np.ndarray:
        """Return the next ``samples`` samples (at most ``remaining``), ``[layout.front_channels, samples]`` float32."""
        event, audio = self.event, self._next(samples)
        positions = np.arange(self.position - samples, self.position)
        gain = event.gain * fade_curve(positions, event.length_samples, event.fade_in_samples, event.fade_out_samples)
        panned = pan_gains(event.pan, self._layout, len(audio))
        mixed: np.ndarray = sum(panned[:, [c]] * gain * audio[c] for c in range(len(audio)))
        return mixed.astype(np.float32)

    def skip(self, samples: int) -> None:
        """Skip ``samples`` samples (at most ``remaining``)."""
        while samples:
            samples -= self._next(min(samples, SKIP_SAMPLES)).shape[1]

    def _next(self, samples: int) -> np.ndarray:
        """Return the next samples before gain and pan, ``[channels, samples]``; silence after the audio's end."""
        waiting = self._waiting
        while waiting is None or waiting.shape[1] < samples:
            piece = next(self._pieces, None)
            if piece is None:
                piece = np.zeros((1 if waiting is None else len(waiting), samples), np.float32)
            waiting = piece if waiting is None else np.concatenate([waiting, piece], axis=1)
        audio, self._waiting = waiting[:, :samples], waiting[:, samples:]
        self.position += samples
        return audio


class StemMixer:
    """Plays the events of one stem, in order.

    Args:
        events: of this stem, sorted by start.
        gain: linear gain of the stem.
        start_voice: makes the voice of an event when the event begins.
        on_cue_audio: called with each event's own samples, as they go into the mix.
    """

    def __init__(
        self,
        events: list[Event],
        gain: float,
        start_voice: Callable[[Event], Voice],
        on_cue_audio: Callable[[Event, np.ndarray], None] | None = None,
    ):
        self._waiting = list(reversed(events))
        self._gain, self._start_voice, self._on_cue_audio = np.float32(gain), start_voice, on_cue_audio
        self._voices: list[Voice] = []

    def fill(self, position: int, block: np.ndarray) -> None:
        """Add the stem's samples to a block, in place. Positions must be consecutive.

        Args:
            position: of the block's first sample.
            block: ``[layout.front_channels, n]``.
        """
        size = block.shape[1]
        while self._waiting and self._waiting[-1].start_samples < position + size:
            event = self._waiting.pop()
            voice = self._start_voice(event)
            voice.skip(max(0, position - event.start_samples))
            self._voices.append(voice)
        for voice in self._voices:
            offset = max(0, voice.event.start_samples - position)
            count = min(size - offset, voice.remaining)
            audio = voice.read(count)
            block[:, offset : offset + count] += audio
            if self._on_cue_audio is not None:
                self._on_cue_audio(voice.event, audio * self._gain)
        self._voices = [voice for voice in self._voices if voice.remaining]
        block *= self._gain
