"""A stem's cues, summed block by block: what its pull node plays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from render.events import Event
from render.voice import Voice


class StemMixer:
    """Plays one stem's events in order.

    Args:
        events: this stem's, sorted by start.
        gain: the stem's linear gain.
        start_voice: makes the voice of an event, when its block comes.
    """

    def __init__(self, events: list[Event], gain: float, start_voice: Callable[[Event], Voice]):
        self._waiting = list(reversed(events))
        self._gain, self._start_voice = np.float32(gain), start_voice
        self._sounding: list[Voice] = []

    def fill(self, position: int, block: np.ndarray) -> None:
        """Add the samples from ``position`` on to ``block`` ``[2, n]``; positions come in order."""
        size = block.shape[1]
        while self._waiting and self._waiting[-1].start_samples < position + size:
            self._sounding.append(self._start_voice(self._waiting.pop()))
        for voice in self._sounding:
            offset = max(0, voice.event.start_samples - position)
            count = min(size - offset, voice.remaining)
            block[:, offset : offset + count] += voice.read(count)
        self._sounding = [voice for voice in self._sounding if voice.remaining]
        block *= self._gain
