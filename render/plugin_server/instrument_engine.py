"""The instrument: MIDI notes strike the chosen preset, and controls move what sounds."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.daw_plugin.parameters import INSTRUMENT
from plugin_backend.errors import PresetError
from plugin_backend.models.batched_decoder import BatchedDecoder
from plugin_backend.modes.mode_table import apply_controls
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.transfer.parameters import RING
from presets.lookup import check_model
from presets.preset import Preset
from render.instrument.effect_chain import plugin_effects
from render.instrument.latent_controls import LatentControls
from render.instrument.latent_take import aligned_takes
from render.instrument.note import Note
from render.instrument.polyphony import CONTROL, LENGTHS, OFF, ON, PROGRAM, Keyboard
from render.plan.plan import velocity_gain
from render.plan.resolve import take_seed
from render.plugin_server.engine import Engine
from render.plugin_server.parameter_values import ChangedParameters, in_range, number
from render.plugin_server.preset_slots import SLOTS, PresetPool, PresetSlots

BROKEN = "the model made numbers that are no sound: such hops are silent, and what sounded is cut off"


def checked(preset: Preset, codec: Codec) -> Preset:
    """The preset itself.

    Raises:
        PresetError: it is of another model, or its numbers do not fit that model.
    """
    check_model(preset, codec)
    return preset


class InstrumentEngine(Engine):
    """At the codec's own rate; see :func:`render.plugin_server.engine_factory.make_engine`.

    A note begins at its event's sample: what the codec needs before is decoded in that hop. Every preset's strikes
    are counted; take and variation follow from seed and number (:class:`~render.instrument.take_pool.TakePool`).
    A strike
    leads by ``morph`` to the second preset's take of the same number, straight from frame to frame, attack on attack;
    level and fades go along. Which presets a note is between is settled when it is struck, how far is not.

    The whole bank is read when this is made, so that choosing takes no time later.
    """

    latency_samples = 0

    def __init__(self, codec: Codec, presets: PresetPool, channels: int, hop_samples: int, seed: int):
        self._codec, self.channels, self.hop_samples = codec, channels, hop_samples
        self.rate_hz, self.problems = codec.spec.sample_rate, []
        self._seed, self._silence = seed, codec.silence(1)
        self._chosen = PresetSlots(presets, partial(checked, codec=codec), self.problems)
        try:
            self._programs = presets.programs()
        except PresetError as problem:
            self._programs = {}
            self.problems.append(f"program changes choose nothing: {problem}")
        self._turned, self._missed = ChangedParameters(), set()
        self._ring = {name: 0.0 if name == "strike" else row.default for name, row in CONTROLS.items()}
        codec.decoder().push(np.repeat(self._silence, 2, axis=1))  # the first time is slow
        self.reset()

    def session(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        if preset is not None:
            checked(preset, self._codec)
        self._chosen.session(slot, preset)

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`; strikes are counted anew."""
        self._moving, self._position = LatentControls(self._codec.spec, self.hop_samples), 0
        self._strikes: defaultdict[str, int] = defaultdict(int)
        self._program: int | None = None
        self._number, self._broken = -1, False
        self._begin()

    def _begin(self) -> None:
        self._rows, self._keyboard = BatchedDecoder(self._codec), Keyboard()
        self._after = plugin_effects(self.rate_hz, self.channels)
        self._turned.reset()

    def push(self, hop: np.ndarray, parameters: np.ndarray, events: list[tuple[int, bytes]], wait: bool) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`; what comes in is not heard, and nothing is to be waited
        for."""
        values, at = in_range(parameters), self._position
        self._variation = self._seed + number(values, "seed")
        for parameter, value in self._turned.now(values):
            if parameter.control in RING:
                if INSTRUMENT in parameter.kinds:
                    self._ring[parameter.control.removeprefix("ring_")] = value
            elif not self._after.turn(parameter.control, value, at):
                self._moving.set(parameter.control, value)
        if self._number != number(values, SLOTS["a"]):
            self._number, self._program = number(values, SLOTS["a"]), None
        self._presets = [
            self._chosen.of("a", self._wanted, wait=True),
            self._chosen.of("b", number(values, SLOTS["b"]), wait=True),
        ]
        self._moving.advance()
        for offset, message in events:
            self._heard(message, at + offset)
        self._decode(at + self.hop_samples)
        out = np.zeros((self.channels, self.hop_samples), np.float32)
        self._keyboard.add_to(out, at)
        self._position += self.hop_samples
        if not np.isfinite(out).all():
            if not self._broken:
                self.problems.append(BROKEN)
            self._begin()
            self._broken = True
            return np.zeros_like(out)
        return self._after.push(out, at)

    @property
    def _wanted(self) -> int:
        return self._number if self._program is None else self._program

    def _heard(self, message: bytes, at: int) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if len(message) != LENGTHS.get(kind):
            return
        if kind == ON and message[2]:
            self._strike(channel, message[1], message[2] / 127, at)
        elif kind in (ON, OFF):
            self._keyboard.let_go(channel, message[1], at)
        elif kind == CONTROL:
            self._keyboard.controller(channel, message[1], message[2], at)
        elif kind == PROGRAM:
            self._choose(message[1])

    def _choose(self, program: int) -> None:
        if program in self._programs:
            self._program = self._programs[program]
            self._presets[0] = self._chosen.of("a", self._wanted, wait=True)
        elif program not in self._missed:  # each is told once
            self._missed.add(program)
            self.problems.append(f"program {program}: the bank has no such preset")

    def _strike(self, channel: int, key: int, velocity: float, at: int) -> None:
        preset, other = self._presets
        if preset is None:
            return
        spec, struck = self._codec.spec, self._strikes[preset.name]
        self._strikes[preset.name] += 1
        seed, presets = (
            take_seed(self._variation, f"strike {struck}", 1),
            [preset] if other is None else [preset, other],
        )
        morph = self._moving.morph if other is not None else 0.0
        takes = aligned_takes(presets, seed, round(morph), self._silence, spec.hop_samples)
        for take in takes:
            take.modes = apply_controls(take.modes, self._ring, seed)
        own = takes, morph, spec
        self._keyboard.start(Note(preset.name, channel, key, at, velocity_gain(velocity), *own))

    def _decode(self, end: int) -> None:
        """All that will be heard until ``end``: those that want as many frames in one call."""
        alike: defaultdict[tuple[int, bool], list[Note]] = defaultdict(list)
        for note in self._keyboard.notes:
            note.morphs = self._moving.morphs
            alike[note.frames_until(end), note.new].append(note)
        for (frames, _), notes in alike.items():
            if frames:
                owners = [note for note in notes for _ in range(note.channels)]
                audio = self._rows.push(owners, self._moving.moved(notes, frames))
                for note in notes:
                    first = owners.index(note)
                    note.feed(audio[first : first + note.channels])

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._chosen.close()
