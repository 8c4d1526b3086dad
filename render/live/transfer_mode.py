"""Mode ``transfer``: the input through the transfer node, or through several beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.latent_mover import PAIR
from plugin_backend.transfer.parallel_nodes import TOTAL, ParallelNodes
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, PARAMETERS
from plugin_backend.transfer.target import Target
from plugin_backend.transfer.transfer_node import TransferNode
from presets.lookup import target_of
from presets.preset import Preset
from render.apply.preset_layers import Layer, as_transfer_layer
from render.apply.transfer_mode import PRESET_CONTROLS
from render.instrument.actions import LATENT
from render.live.rig import Rig

WARM_HOPS = 4
LAYER = "layer."
"""Before a layer's own controls, ``layer.2.on`` and ``layer.2.gain_db``."""


class TransferMode:
    """The node, or the nodes of several layers, and how to make others like them.

    Args:
        preset: what is summed goes with it.
        summed: presets of the same codec, and their weights.
        added: what is decoded beside.

    Attributes:
        grain_samples: every piece pushed is a multiple of it.
    """

    def __init__(
        self,
        rig: Rig,
        codec: Codec,
        preset: Preset | None = None,
        summed: Sequence[tuple[Preset, float]] = (),
        added: Sequence[Layer] = (),
    ):
        self._rig, self._codec, spec = rig, codec, codec.spec
        self._main = as_transfer_layer(Layer(codec, preset), None, summed) if preset is not None else None
        self._added = [as_transfer_layer(layer) for layer in added]
        hops = [spec.hop_samples, *(layer.codec.spec.hop_samples for layer in added)]
        self.grain_samples = lcm(*(gcd(hop, rig.block_samples) for hop in hops))
        self._targets: dict[str, Target] = {}
        self._slots: dict[str, str] = {}
        settings = rig.settings
        self._set = dict(settings.controls)
        self._set |= {f"latent.{n}.{name}": value for n, own in settings.latents.items() for name, value in own.items()}
        self._set |= {f"weight.{slot}": weight for slot, weight in self._weights.items()}
        self._set |= {f"{LAYER}{number}.gain_db": layer.gain_db for number, layer in enumerate(added, 2)}
        self.parameters: dict[str, Parameter] = dict(PARAMETERS) | {
            f"latent.{latent}.{name}": parameter
            for latent in range(spec.latent_dim)
            for name, parameter in LATENT_PARAMETERS.items()
        }
        self.restart(0)
        self.latency_samples = self._whole.latency_samples
        self.parameters |= {f"weight.{slot}": self._nodes[0].parameters[f"weight.{slot}"] for slot in self._weights}
        for number in range(1, len(self._nodes) + 1) if added else ():
            own = {name: self._whole.parameters[f"{number}.{name}"] for name in ("on", "gain_db")}
            self.parameters |= {f"{LAYER}{number}.{name}": row for name, row in own.items()}
        self._whole.push(np.zeros((rig.channels, WARM_HOPS * lcm(*hops)), np.float32))  # the first time is slow
        self.restart(0)

    @property
    def _weights(self) -> dict[str, float]:
        return self._main.weights if self._main is not None else {}

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
        self._nodes[0].select(self._targets[preset.name], slot)

    def set(self, name: str, value: float, at_samples: int) -> None:
        """Set one of ``parameters`` from the next hop on."""
        self._set[name] = value
        found = LATENT.fullmatch(name)
        if found:
            self._nodes[0].set_latent(int(found[1]), found[2], value)
        elif name in TOTAL or name.startswith(LAYER):
            self._whole.set(name.removeprefix(LAYER), value)
        else:
            alone = name in PRESET_CONTROLS or name not in PARAMETERS
            for node in self._nodes[:1] if alone else self._nodes:
                node.set(name, value)

    def restart(self, at_samples: int) -> None:
        """A new node, set alike: the sound begins anew."""
        rig, fixed = self._rig, [layer.targets for layer in self._added]
        codecs = [self._codec, *(layer.codec for layer in self._added)]
        slots = [PAIR + len(self._weights), *(PAIR for _ in fixed)]
        self._nodes = [
            TransferNode(codec, rig.channels, self.grain_samples, rig.mono, slots=count, seed=rig.seed, width=rig.width)
            for codec, count in zip(codecs, slots, strict=True)
        ]
        own = (
            {slot: target for slot, target in self._main.targets.items() if slot in self._weights} if self._main else {}
        )
        own |= {slot: self._targets[name] for slot, name in self._slots.items()}
        for node, targets in zip(self._nodes, [own, *fixed], strict=True):
            for slot, target in targets.items():
                node.select(target, slot)
        self._whole = ParallelNodes(self._nodes) if fixed else self._nodes[0]
        for name, value in self._set.items():
            self.set(name, value, at_samples)

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Take ``[channels, n]``; answer as many, late by ``latency_samples``."""
        return self._whole.push(block)

    def wanted(self) -> list:
        """Nothing needs decoding."""
        return []
