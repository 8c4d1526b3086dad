"""Keys and pedals: which notes sound, and when they are released."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from plugin_backend.models.batched_decoder import BatchedDecoder
from render.instrument.latent_controls import LatentControls
from render.instrument.note import Note
from render.instrument.voices import Voices

OFF, ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
"""The first byte of a MIDI message, without the channel."""

LENGTHS = {OFF: 3, ON: 3, CONTROL: 3, PROGRAM: 2}
"""Bytes of each message. Messages of another length or kind are ignored."""

PEDAL, SOUND_OFF, RESET, NOTES_OFF = 64, 120, 121, 123
"""Controllers: sustain, all sound off, reset all controllers, and from 123 on all notes off."""


class Keyboard:
    """Notes by channel and key. When there are too many, the oldest fades out.

    Attributes:
        notes: the sounding notes.
    """

    def __init__(self) -> None:
        self._voices = Voices()
        self.notes: list[Note] = []
        self._pedals_down: set[int] = set()

    def start(self, note: Note) -> None:
        """Start a note."""
        self._voices.start(note)
        self.notes.append(note)

    def release(self, channel: int, key: int | None, at_samples: int) -> None:
        """Release held notes: they fade out, or wait for the pedal to come up.

        Args:
            channel: MIDI channel, from 0.
            key: MIDI key; ``None``: all keys of the channel.
            at_samples: the sample where the fade begins.
        """
        for note in self._notes_of(channel):
            if note.held and key in (None, note.key):
                note.let_go = True
                if channel not in self._pedals_down:
                    note.fade(at_samples)

    def controller(self, channel: int, number: int, value: int, at_samples: int) -> None:
        """Handle a MIDI control change; unknown controllers do nothing.

        Args:
            channel: MIDI channel, from 0.
            number: of the controller.
            value: 0..127.
            at_samples: the sample of the message.
        """
        if number in (PEDAL, RESET):
            self._pedal(channel, number == PEDAL and value >= 64, at_samples)
        elif number == SOUND_OFF:
            for note in self._notes_of(channel):
                note.fade(at_samples)
        elif number >= NOTES_OFF:
            self.release(channel, None, at_samples)

    def _pedal(self, channel: int, down: bool, at_samples: int) -> None:
        if down:
            self._pedals_down.add(channel)
            return
        self._pedals_down.discard(channel)
        for note in self._notes_of(channel):
            if note.let_go:
                note.fade(at_samples)

    def _notes_of(self, channel: int) -> list[Note]:
        return [note for note in self.notes if note.channel == channel]

    def decode_until(self, end_samples: int, decoder: BatchedDecoder, controls: LatentControls) -> None:
        """Decode all notes up to a sample. Notes that need the same number of frames are decoded in one call.

        Args:
            end_samples: the sample after the last that will be heard.
            decoder: has the streams of all notes.
            controls: move the latents on their way.
        """
        groups: defaultdict[tuple[int, bool], list[Note]] = defaultdict(list)
        for note in self.notes:
            note.morphs = controls.morphs
            groups[note.frames_until(end_samples), note.new].append(note)
        for (frames, _), notes in groups.items():
            if frames:
                owners = [note for note in notes for _ in range(note.channels)]
                audio = decoder.push(owners, controls.process(notes, frames))
                for note in notes:
                    first = owners.index(note)
                    note.feed(audio[first : first + note.channels])

    def add_to(self, out: np.ndarray, start_samples: int) -> None:
        """Add all notes to a block ``[channels, n]`` from ``start_samples`` on; they must have been fed enough."""
        self._voices.add_to(out, start_samples)
        self.notes = [note for note in self.notes if note.going]
