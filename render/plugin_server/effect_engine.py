"""The effect: every hop through the transfer node, then LFO and gain."""

from __future__ import annotations

from functools import partial
from math import gcd

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.daw_plugin.parameters import INDEX
from plugin_backend.transfer.target import Target
from plugin_backend.transfer.transfer_node import TransferNode
from presets.lookup import check_model, target_of
from presets.preset import Preset
from render.instrument.actions import LATENT
from render.instrument.effect_chain import plugin_effects
from render.plugin_server.engine import Engine
from render.plugin_server.parameter_values import ChangedParameters, in_range, number
from render.plugin_server.preset_slots import SLOTS, PresetPool, PresetSlots

BROKEN = "the model made numbers that are no sound: such hops are silent, and the sound begins anew after each"


class Unmoved(Target):
    """The place of a preset where none is chosen: what is there stays as it is, and what comes is faded to."""

    matches = False

    def moved(self, z: np.ndarray, heard: tuple) -> np.ndarray:
        """The frames themselves."""
        return z

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """The frames themselves."""
        return z


UNMOVED = Unmoved(*np.zeros((5, 0)))


SILENT_HOPS, QUIET = 50, 1e-3
"""Hosts run plug-ins on silence for as long as they please before an export. So that what they export is the same each
time, the noise begins anew where sound follows this many hops of silence, if nothing louder than −60 dBFS is heard."""


class EffectEngine(Engine):
    """At the codec's own rate; see :func:`render.plugin_server.engine_factory.make_engine`.

    What it gives is to the bit what a ``TransferNode(codec, channels, multiple_samples=hop_samples)`` with the same
    targets and controls gives, followed by the stages ``lfo`` and ``gain``. Where no second preset is chosen ``morph``
    leads nowhere.
    """

    def __init__(self, codec: Codec, presets: PresetPool, channels: int, hop_samples: int):
        self._codec, self.channels, self.hop_samples = codec, channels, hop_samples
        self.rate_hz, self.problems = codec.spec.sample_rate, []
        make = partial(target_of, codec=codec)
        self._chosen = PresetSlots(
            presets, lambda preset: presets.made(preset, codec.spec.fingerprint, make), self.problems
        )
        self._turned = ChangedParameters()
        spec = codec.spec
        self.latency_samples = spec.latency_samples + spec.hop_samples - gcd(spec.hop_samples, hop_samples)
        self.reset()
        self._node.push(np.zeros((channels, hop_samples), np.float32))  # the first time is slow
        self.reset()

    def session(self, slot: str, preset: Preset | None) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        if preset is not None:
            check_model(preset, self._codec)
        self._chosen.session(slot, preset)

    def reset(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._node = TransferNode(self._codec, self.channels, multiple_samples=self.hop_samples)
        self._after, self._position = plugin_effects(self.rate_hz, self.channels), 0
        self._in: dict[str, Target | None] = {"b": None}
        self._turned.reset()
        self._broken, self._silent_hops, self._quiet = False, 0, False

    def push(self, hop: np.ndarray, parameters: np.ndarray, events: list[tuple[int, bytes]], wait: bool) -> np.ndarray:
        """See :class:`~render.plugin_server.engine.Engine`; nothing is struck here."""
        values = in_range(parameters)
        for slot, name in SLOTS.items():
            self._select(slot, self._chosen.of(slot, number(values, name), wait))
        if self._in["b"] is None:
            values[INDEX["morph"]] = 0.0
        for parameter, value in self._turned.now(values):
            self._set(parameter.control, value)
        if not hop.any():
            self._silent_hops += 1
        else:
            if self._silent_hops >= SILENT_HOPS and self._quiet:
                self._node.restart_noise()
            self._silent_hops = 0
        moved = self._node.push(hop)
        self._quiet = bool(np.abs(moved).max() < QUIET)
        if not np.isfinite(moved).all():  # nor would it ever be again: it is remembered
            if not self._broken:
                self.problems.append(BROKEN)
            self.reset()
            self._broken = True
            return np.zeros_like(moved)
        out = self._after.push(moved, self._position - self.latency_samples)
        self._position += hop.shape[1]
        return out

    def _select(self, slot: str, target: Target | None) -> None:
        if slot in self._in and self._in[slot] is target:
            return
        self._in[slot] = target
        if slot == "a" or target is not None:  # an unheard ``b`` stays until another comes
            self._node.select(target or UNMOVED, slot)

    def _set(self, control: str, value: float) -> None:
        if found := LATENT.fullmatch(control):
            if int(found[1]) < self._codec.spec.latent_dim:
                self._node.set_latent(int(found[1]), found[2], value)
        elif not self._after.turn(control, value, self._position or -self.latency_samples):  # at first from the start
            self._node.set(control, value)

    def close(self) -> None:
        """See :class:`~render.plugin_server.engine.Engine`."""
        self._chosen.close()
