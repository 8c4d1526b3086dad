"""Keys and pedals: which notes sound, and which are let go."""

from __future__ import annotations

import numpy as np

from render.instrument.note import Note
from render.instrument.voices import Voices

OFF, ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
"""Of a MIDI message's first byte, but for the channel."""

LENGTHS = {OFF: 3, ON: 3, CONTROL: 3, PROGRAM: 2}
"""Bytes; what is shorter or of another kind is ignored."""

PEDAL, SOUND_OFF, RESET, NOTES_OFF = 64, 120, 121, 123
"""Controllers: sustain, all sound off, reset all controllers, and from 123 on all notes off."""


class Keyboard:
    """Notes by channel and key; of too many the oldest fades out.

    Attributes:
        notes: those that sound.
    """

    def __init__(self):
        self._voices, self.notes, self._down = Voices(), [], set()

    def start(self, note: Note) -> None:
        """Begin a note."""
        self._voices.start(note)
        self.notes.append(note)

    def let_go(self, channel: int, key: int | None, at_samples: int) -> None:
        """A key is up, or all: what is held by it fades from that sample on, or when the pedal comes up."""
        for note in self._of(channel):
            if note.held and key in (None, note.key):
                note.let_go = True
                if channel not in self._down:
                    note.fade(at_samples)

    def controller(self, channel: int, number: int, value: int, at_samples: int) -> None:
        """Take a control change; what is none of ours does nothing."""
        if number in (PEDAL, RESET):
            self._pedal(channel, number == PEDAL and value >= 64, at_samples)
        elif number == SOUND_OFF:
            for note in self._of(channel):
                note.fade(at_samples)
        elif number >= NOTES_OFF:
            self.let_go(channel, None, at_samples)

    def _pedal(self, channel: int, down: bool, at_samples: int) -> None:
        if down:
            self._down.add(channel)
            return
        self._down.discard(channel)
        for note in self._of(channel):
            if note.let_go:
                note.fade(at_samples)

    def _of(self, channel: int) -> list[Note]:
        return [note for note in self.notes if note.channel == channel]

    def add_to(self, out: np.ndarray, start_samples: int) -> None:
        """Add all samples from ``start_samples`` on to ``[channels, n]``; what was fed is enough for them."""
        self._voices.add_to(out, start_samples)
        self.notes = [note for note in self.notes if note.going]
