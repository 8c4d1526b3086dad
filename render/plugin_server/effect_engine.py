"""The effect plug-in's engine: the transfer node, then LFO and gain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import gcd

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.daw_plugin.parameters import EFFECT, INDEX
from plugin_backend.transfer.parameters import AXIS
from plugin_backend.transfer.target import Target
from plugin_backend.transfer.transfer_node import TransferNode
from presets.axes import AxisControls
from presets.lookup import check_model, target_of
from presets.preset import Preset
from render.instrument.actions import LATENT
from render.instrument.effect_chain import plugin_effects
from render.plugin_server.engine import Change, Engine
from render.plugin_server.parameter_values import ChangedParameters, in_range, number
from render.plugin_server.preset_slots import SLOTS, PresetPool, PresetSlots

BROKEN = "the model made samples that are not finite: such hops are silent, and the sound starts over after each"


class Unmoved(Target):
    """The target when no preset is selected. It does not move latents, so that a later preset fades in from here."""

    matches = False

    def move(self, z: np.ndarray, statistics: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Return the frames unchanged."""
        return z

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the frames unchanged."""
        return z


UNMOVED = Unmoved(*np.zeros((5, 0)))


SILENT_HOPS, QUIET = 50, 1e-3
"""Hosts run plug-ins on silence for any time before an export. So that each export is the same, the noise starts over
when sound follows this many hops of silence, if the output is below −60 dBFS."""


class EffectEngine(Engine):
    """The effect at the codec's own rate; see :func:`render.plugin_server.engine_factory.make_engine`.

    Its output equals, bit for bit, that of a ``TransferNode(codec, channels, multiple_samples=hop_samples)`` with the
    same targets and controls, followed by the stages ``lfo`` and ``gain``. Without a second preset ``morph`` has no
    effect.
    """

    def __init__(self, codec: Codec, presets: PresetPool, channels: int, hop_samples: int):
        self._codec, self.channels, self.hop_samples = codec, channels, hop_samples
        self.rate_hz, self.problems = codec.spec.sample_rate, []
        make = partial(target_of, codec=codec)
        self._slots = PresetSlots(
            presets, lambda preset: presets.computed(preset, codec.spec.fingerprint, make), self.problems
        )
        self._axes = AxisControls(presets.axes(codec.spec.fingerprint, self.problems))
        self._changed = ChangedParameters(EFFECT)
        spec = codec.spec
        self.latency_samples = spec.latency_samples + spec.hop_samples - gcd(spec.hop_samples, hop_samples)
        self.reset()
        self._node.push(np.zeros((channels, hop_samples), np.float32))  # the first call is slow
        self.reset()

    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        if preset is not None:
            check_model(preset, self._codec)
        self._slots.load_session_preset(slot, preset)

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._node = TransferNode(self._codec, self.channels, multiple_samples=self.hop_samples)
        self._effects, self._position = plugin_effects(self.rate_hz, self.channels), 0
        self._selected: dict[str, Target | None] = {"b": None}
        self._changed.reset()
        self._broken, self._silent_hops, self._quiet = False, 0, False

    def push(
        self,
        hop: np.ndarray,
        parameters: np.ndarray,
        events: list[tuple[int, bytes]],
        wait: bool,
        changes: Sequence[Change] = (),
    ) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`; MIDI has no effect."""
        values = in_range(parameters)
        for slot, name in SLOTS.items():
            self._select(slot, self._slots.get(slot, number(values, name), wait))
        if self._selected["b"] is None:
            values[INDEX["morph"]] = 0.0
        for control, value in self._changed.update(values):
            self._set(control, value)
        mixes = []
        for sample, control, value in self._changed.within(changes):
            if control == "mix":
                mixes.append((sample, control, value))
            else:
                self._effects.set_control(control, value, self._position + sample)
        if not hop.any():
            self._silent_hops += 1
        else:
            if self._silent_hops >= SILENT_HOPS and self._quiet:
                self._node.restart_noise()
            self._silent_hops = 0
        wet = self._node.push(hop, mixes)
        self._quiet = bool(np.abs(wet).max() < QUIET)
        if not np.isfinite(wet).all():  # it would stay so: the node's state is not finite either
            if not self._broken:
                self.problems.append(BROKEN)
            self.reset()
            self._broken = True
            return np.zeros_like(wet)
        out = self._effects.push(wet, self._position - self.latency_samples)
        self._position += hop.shape[1]
        return out

    def _select(self, slot: str, target: Target | None) -> None:
        if slot in self._selected and self._selected[slot] is target:
            return
        self._selected[slot] = target
        if slot == "a" or target is not None:  # slot b is not audible now; its target stays until another comes
            self._node.select(target or UNMOVED, slot)

    def _set(self, control: str, value: float) -> None:
        if match := LATENT.fullmatch(control):
            if int(match[1]) < self._codec.spec.latent_dim:
                self._node.set_latent(int(match[1]), match[2], value)
        elif control.startswith(AXIS):
            if (offset := self._axes.set(control, value)) is not None:
                self._node.set_offset(offset)
        elif not self._effects.set_control(
            control,
            value,
            self._position or -self.latency_samples,  # at first from the very start
        ):
            self._node.set(control, value)

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._slots.close()
