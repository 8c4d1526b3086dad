"""Mode ``transfer``: the input through the transfer node."""

from __future__ import annotations

from math import gcd

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.parameter import Parameter
from plugin_backend.transfer.node import TransferNode
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, PARAMETERS
from plugin_backend.transfer.target import Target
from presets.preset import Preset
from render.apply.targets import target_of
from render.live.actions import LATENT
from render.live.rig import Rig

WARM_HOPS = 4


class Moved:
    """The node, and how to make another like it.

    Attributes:
        grain_samples: every piece pushed is a multiple of it.
    """

    def __init__(self, rig: Rig, codec: Codec):
        self._rig, self._codec, spec = rig, codec, codec.spec
        self.grain_samples = gcd(spec.hop_samples, rig.block_samples)
        self._targets: dict[str, Target] = {}
        self._slots: dict[str, str] = {}
        settings = rig.settings
        self._set = dict(settings.controls)
        self._set |= {f"latent.{n}.{name}": value for n, own in settings.latents.items() for name, value in own.items()}
        self.parameters: dict[str, Parameter] = dict(PARAMETERS) | {
            f"latent.{latent}.{name}": parameter
            for latent in range(spec.latent_dim)
            for name, parameter in LATENT_PARAMETERS.items()
        }
        self.restart(0)
        self.latency_samples = self._node.latency_samples
        self._node.push(np.zeros((rig.channels, WARM_HOPS * spec.hop_samples), np.float32))  # the first time is slow
        self.restart(0)

    def prepare(self, preset: Preset) -> None:
        """Make a preset's target."""
        if preset.name not in self._targets:
            self._targets[preset.name] = target_of(preset, self._codec)

    def ready(self, preset: Preset) -> bool:
        """Whether its target is made."""
        return preset.name in self._targets

    def select(self, preset: Preset, slot: str, at_samples: int) -> None:
        """Move towards it from the next hop on."""
        self.prepare(preset)
        self._slots[slot] = preset.name
        self._node.select(self._targets[preset.name], slot)

    def set(self, name: str, value: float, at_samples: int) -> None:
        """Set one of ``parameters`` from the next hop on."""
        self._set[name] = value
        found = LATENT.fullmatch(name)
        if found:
            self._node.set_latent(int(found[1]), found[2], value)
        else:
            self._node.set(name, value)

    def restart(self, at_samples: int) -> None:
        """A new node, set alike: the sound begins anew."""
        rig = self._rig
        self._node = TransferNode(self._codec, rig.channels, self.grain_samples, mono=rig.mono)
        for slot, name in self._slots.items():
            self._node.select(self._targets[name], slot)
        for name, value in self._set.items():
            self.set(name, value, at_samples)

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Take ``[channels, n]``; answer as many, late by ``latency_samples``."""
        return self._node.push(block)

    def wanted(self) -> list:
        """Nothing needs decoding."""
        return []
