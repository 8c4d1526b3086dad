"""The instrument plug-in's engine: MIDI notes strike the selected preset, and controls change what sounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.daw_plugin.parameters import INSTRUMENT
from plugin_backend.errors import PresetError
from plugin_backend.models.batched_decoder import BatchedDecoder
from plugin_backend.modes.mode_table import apply_controls
from plugin_backend.modes.parameters import CONTROLS
from plugin_backend.transfer.parameters import RING, STRIKING
from presets.lookup import check_model
from presets.preset import Preset
from render.instrument.effect_chain import plugin_effects
from render.instrument.held_walk import HeldWalk, Step
from render.instrument.latent_controls import LatentControls
from render.instrument.latent_take import aligned_takes
from render.instrument.note import MidiKey, Note
from render.instrument.polyphony import CONTROL, LENGTHS, OFF, ON, PROGRAM, SOUND_OFF, Keyboard
from render.instrument.take_pool import nearest_effort
from render.plan.choose_draws import StruckRows
from render.plan.plan import velocity_gain
from render.plugin_server.engine import Change, Engine
from render.plugin_server.parameter_values import ChangedParameters, in_range, number
from render.plugin_server.preset_slots import SLOTS, PresetPool, PresetSlots

BROKEN = "the model made samples that are not finite: such hops are silent, and sounding notes are cut off"


STEP_CONTROLLERS = {11: "effort", 16: "cadence"}
"""MIDI controllers that set a control of strikes until its parameter changes: expression and the first
general purpose controller."""


def checked(preset: Preset, codec: Codec) -> Preset:
    """Return the preset after checking that it fits the codec.

    Raises:
        PresetError: the preset is of another model, or its numbers do not fit that model.
    """
    check_model(preset, codec)
    return preset


class InstrumentEngine(Engine):
    """The instrument at the codec's own rate; see :func:`render.plugin_server.engine_factory.make_engine`.

    A note begins at its event's sample: what the codec needs before it is decoded in that hop. The strikes of every
    preset are counted; seed and number decide take and variation (:class:`~render.instrument.take_pool.TakePool`).
    ``morph`` leads from a strike to the second preset's take of the same number, frame by frame, with aligned attacks;
    level and fades follow. The two presets of a note are fixed when it is struck; the morph between them is not.

    The whole bank is read when the engine is made, so that selecting a preset takes no time later.
    """

    latency_samples = 0

    def __init__(self, codec: Codec, presets: PresetPool, channels: int, hop_samples: int, seed: int):
        self._codec, self.channels, self.hop_samples = codec, channels, hop_samples
        self.rate_hz, self.problems = codec.spec.sample_rate, []
        self._seed, self._silence = seed, codec.silence(1)
        self._slots = PresetSlots(presets, partial(checked, codec=codec), self.problems)
        try:
            self._programs = presets.programs()
        except PresetError as problem:
            self._programs = {}
            self.problems.append(f"program changes have no effect: {problem}")
        self._axes = presets.axes(codec.spec.fingerprint, self.problems)
        self._changed = ChangedParameters(INSTRUMENT)
        self._missing_programs: set[int] = set()
        self._ring_controls = {name: 0.0 if name == "strike" else row.default for name, row in CONTROLS.items()}
        codec.decoder().push(np.repeat(self._silence, 2, axis=1))  # the first call is slow
        self.reset()

    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        if preset is not None:
            checked(preset, self._codec)
        self._slots.load_session_preset(slot, preset)

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`; strikes are counted anew."""
        self._latent_controls = LatentControls(self._codec.spec, self.hop_samples, self._axes)
        self._position = 0
        self._strikes: defaultdict[str, int] = defaultdict(int)
        self._rows: dict[int, StruckRows] = {}
        self._walks: dict[MidiKey, HeldWalk] = {}
        self._stepping, self._walks_begun = {"walk": 0.0, "cadence": 0.0, "effort": 0.0}, 0
        self._program: int | None = None
        self._number, self._broken = -1, False
        self._start_over()

    def _start_over(self) -> None:
        self._walks.clear()
        self._decoder, self._keyboard = BatchedDecoder(self._codec), Keyboard()
        self._effects = plugin_effects(self.rate_hz, self.channels)
        self._changed.reset()

    def push(
        self,
        hop: np.ndarray,
        parameters: np.ndarray,
        events: list[tuple[int, bytes]],
        wait: bool,
        changes: Sequence[Change] = (),
    ) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`; the input is ignored, and ``wait`` has no effect."""
        values, at = in_range(parameters), self._position
        self._variation = self._seed + number(values, "seed")
        for control, value in self._changed.update(values):
            if control in RING:
                self._ring_controls[control.removeprefix("ring_")] = value
            elif control in self._stepping:
                self._stepping[control] = value
            elif not self._effects.set_control(control, value, at):
                self._latent_controls.set(control, value)
        for sample, control, value in self._changed.within(changes):
            self._effects.set_control(control, value, at + sample)
        if self._number != number(values, SLOTS["a"]):
            self._number, self._program = number(values, SLOTS["a"]), None
        self._presets = [
            self._slots.get("a", self._preset_number, wait=True),
            self._slots.get("b", number(values, SLOTS["b"]), wait=True),
        ]
        self._latent_controls.advance()
        for offset, message in events:
            self._walk_until(at + offset)
            self._handle(message, at + offset)
        self._walk_until(at + self.hop_samples)
        self._keyboard.decode_until(at + self.hop_samples, self._decoder, self._latent_controls)
        out = np.zeros((self.channels, self.hop_samples), np.float32)
        self._keyboard.add_to(out, at)
        self._position += self.hop_samples
        if not np.isfinite(out).all():
            if not self._broken:
                self.problems.append(BROKEN)
            self._start_over()
            self._broken = True
            return np.zeros_like(out)
        return self._effects.push(out, at)

    @property
    def _preset_number(self) -> int:
        return self._number if self._program is None else self._program

    def _handle(self, message: bytes, at: int) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if len(message) != LENGTHS.get(kind):
            return
        if kind == ON and message[2]:
            self._key_down(MidiKey(channel, message[1]), message[2] / 127, at)
        elif kind in (ON, OFF):
            self._walks.pop(MidiKey(channel, message[1]), None)
            self._keyboard.release(channel, message[1], at)
        elif kind == CONTROL and message[1] in STEP_CONTROLLERS:
            control, row = STEP_CONTROLLERS[message[1]], STRIKING[STEP_CONTROLLERS[message[1]]]
            self._stepping[control] = row.low + (row.high - row.low) * message[2] / 127
        elif kind == CONTROL:
            if message[1] >= SOUND_OFF:
                self._walks = {key: walk for key, walk in self._walks.items() if key.channel != channel}
            self._keyboard.controller(channel, message[1], message[2], at)
        elif kind == PROGRAM:
            self._select_program(message[1])

    def _select_program(self, program: int) -> None:
        if program in self._programs:
            self._program = self._programs[program]
            self._presets[0] = self._slots.get("a", self._preset_number, wait=True)
        elif program not in self._missing_programs:  # report each once
            self._missing_programs.add(program)
            self.problems.append(f"program {program}: the bank has no such preset")

    def _key_down(self, key: MidiKey, velocity: float, at: int) -> None:
        preset = self._presets[0]
        if preset is not None and preset.header.kind == "hit" and self._stepping["walk"]:
            number = f"{self._variation}\0{preset.name}\0{self._walks_begun}"
            self._walks_begun += 1
            self._walks[key] = HeldWalk(at, number, self.rate_hz, velocity)
        else:
            velocity *= self._stepping["effort"]
            self._strike(key, Step(at, velocity, velocity))

    def _walk_until(self, end: int) -> None:
        """Strike the steps of held walks before sample ``end``, in their order."""
        while due := [key for key, walk in self._walks.items() if walk.next_samples < end]:
            key = min(due, key=lambda key: self._walks[key].next_samples)
            walk = self._walks[key]
            self._strike(key, walk.next_step(self._stepping["effort"]))
            walk.go_on(self._stepping["cadence"])

    def _strike(self, key: MidiKey, step: Step) -> None:
        preset, other = self._presets
        if preset is None:
            return
        spec, strike = self._codec.spec, self._strikes[preset.name]
        self._strikes[preset.name] += 1
        presets = [preset] if other is None else [preset, other]
        if self._variation not in self._rows:
            self._rows = {self._variation: StruckRows(self._variation)}
        rows = self._rows[self._variation]
        draws = [rows.draw(each, spec, f"strike {strike}", nearest_effort(step.effort)) for each in presets]
        draws = [replace(draw, foot=step.foot, part=step.part) for draw in draws]
        morph = self._latent_controls.morph if other is not None else 0.0
        takes = aligned_takes(presets, draws, round(morph), self._silence, spec)
        for take in takes:
            take.modes = apply_controls(take.modes, self._ring_controls, take.seed)
        note = Note(preset.name, key, step.at_samples, velocity_gain(step.velocity), takes, morph, spec)
        self._keyboard.start(note)

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._slots.close()
