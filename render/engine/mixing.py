"""A stem's cues, summed block by block: what its pull node plays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from render.plan.plan import Event


class StemMixer:
    """Plays one stem's events in order.

    Args:
        events: this stem's, sorted by start.
        gain: the stem's linear gain.
        start_voice: makes the voice of an event, when its block comes.
        heard: gets each event's own samples, as they go into the mix.
    """

    def __init__(
        self,
        events: list[Event],
        gain: float,
        start_voice: Callable[[Event], Voice],
        heard: Callable[[Event, np.ndarray], None] | None = None,
    ):
        self._waiting = list(reversed(events))
        self._gain, self._start_voice, self._heard = np.float32(gain), start_voice, heard
        self._sounding: list[Voice] = []

    def fill(self, position: int, block: np.ndarray) -> None:
        """Add the samples from ``position`` on to ``block`` ``[layout.sounding, n]``; positions come in order."""
        size = block.shape[1]
        while self._waiting and self._waiting[-1].start_samples < position + size:
            event = self._waiting.pop()
            voice = self._start_voice(event)
            voice.skip(max(0, position - event.start_samples))
            self._sounding.append(voice)
        for voice in self._sounding:
            offset = max(0, voice.event.start_samples - position)
            count = min(size - offset, voice.remaining)
            sound = voice.read(count)
            block[:, offset : offset + count] += sound
            if self._heard is not None:
                self._heard(voice.event, sound * self._gain)
        self._sounding = [voice for voice in self._sounding if voice.remaining]
        block *= self._gain
