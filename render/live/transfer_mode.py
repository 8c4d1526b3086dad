"""Mode ``transfer``: sends the input through the transfer node, or through several nodes in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, lcm

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.latent_mover import PAIR
from plugin_backend.transfer.parallel_nodes import TOTAL, ParallelNodes
from plugin_backend.transfer.parameters import LATENT_PARAMETERS, PARAMETERS, axis_control
from plugin_backend.transfer.target import Target
from plugin_backend.transfer.transfer_node import LEVELS, NoiseSettings, TransferNode
from presets.axes import Axes, AxisControls, needed_axes
from presets.lookup import target_of
from presets.preset import Preset
from render.apply.preset_layers import Layer, as_transfer_layer
from render.apply.transfer_mode import PRESET_CONTROLS
from render.instrument.actions import LATENT
from render.live.rig import Rig

WARM_HOPS = 4
LAYER = "layer."
"""Prefix of a layer's own controls: ``layer.2.on`` and ``layer.2.gain_db``."""


class TransferMode:
    """The transfer node, or the nodes of several layers.

    Args:
        rig: settings, channels, block size and seed.
        codec: of the first layer.
        preset: of the first layer; given only when presets are summed with it.
        summed: presets of the same codec, and their weights.
        added: layers that are decoded in parallel.
        axes: of the codec, or ``None``.

    Attributes:
        grain_samples: the length of every pushed piece is a multiple of it.
        latency_samples: from input to output.
        parameters: the controls that :meth:`set` takes.

    Raises:
        PresetError: the rig sets axes that the codec does not have.
    """

    def __init__(
        self,
        rig: Rig,
        codec: Codec,
        preset: Preset | None = None,
        summed: Sequence[tuple[Preset, float]] = (),
        added: Sequence[Layer] = (),
        axes: Axes | None = None,
    ):
        self._axes = AxisControls(axes)
        if rig.axes:
            needed_axes(axes, codec.spec.name).to_latents(rig.axes)
        self._rig, self._codec, spec = rig, codec, codec.spec
        self._main = as_transfer_layer(Layer(codec, preset), None, summed) if preset is not None else None
        self._added = [as_transfer_layer(layer) for layer in added]
        hops = [spec.hop_samples, *(layer.codec.spec.hop_samples for layer in added)]
        self.grain_samples = lcm(*(gcd(hop, rig.block_samples) for hop in hops))
        self._targets: dict[str, Target] = {}
        self._slots: dict[str, str] = {}
        settings = rig.settings
        self._set = dict(settings.controls)
        self._set |= {
            f"latent.{n}.{name}": value for n, controls in settings.latents.items() for name, value in controls.items()
        }
        self._set |= {axis_control(name): value for name, value in rig.axes.items()}
        self._set |= {f"weight.{slot}": weight for slot, weight in self._weights.items()}
        self._set |= {f"{LAYER}{number}.gain_db": layer.gain_db for number, layer in enumerate(added, 2)}
        self.parameters: dict[str, Parameter] = dict(PARAMETERS) | {
            f"latent.{latent}.{name}": parameter
            for latent in range(spec.latent_dim)
            for name, parameter in LATENT_PARAMETERS.items()
        }
        self.parameters |= self._axes.parameters
        self.restart(0)
        self.latency_samples = self._node.latency_samples
        self.parameters |= {f"weight.{slot}": self._nodes[0].parameters[f"weight.{slot}"] for slot in self._weights}
        for number in range(1, len(self._nodes) + 1) if added else ():
            rows = {name: self._node.parameters[f"{number}.{name}"] for name in ("on", "gain_db")}
            self.parameters |= {f"{LAYER}{number}.{name}": row for name, row in rows.items()}
        self._node.push(np.zeros((rig.channels, WARM_HOPS * lcm(*hops)), np.float32))  # the first call is slow
        self.restart(0)

    @property
    def _weights(self) -> dict[str, float]:
        return self._main.weights if self._main is not None else {}

    def prepare(self, preset: Preset) -> None:
        """Compute a preset's target."""
        if preset.name not in self._targets:
            self._targets[preset.name] = target_of(preset, self._codec)

    def ready(self, preset: Preset) -> bool:
        """Return whether the preset's target is computed."""
        return preset.name in self._targets

    def select(self, preset: Preset, slot: str, at_samples: int) -> None:
        """Put a preset into a slot from the next hop on.

        Args:
            preset: which.
            slot: ``a`` or ``b``.
            at_samples: not used; hops decide.
        """
        self.prepare(preset)
        self._slots[slot] = preset.name
        self._nodes[0].select(self._targets[preset.name], slot)

    def set(self, name: str, value: float, at_samples: int) -> None:
        """Set a control: ``mix`` and ``gain_db`` of one node at their sample, any other from the next hop on.

        Args:
            name: a key of ``parameters``.
            value: in the control's unit.
            at_samples: the first input sample with the new value, within the next block that is pushed.
        """
        self._set[name] = value
        if name in LEVELS and not self._added:
            self._changes.append((at_samples, name, value))
        else:
            self._apply(name, value)

    def _apply(self, name: str, value: float) -> None:
        match = LATENT.fullmatch(name)
        if match:
            self._nodes[0].set_latent(int(match[1]), match[2], value)
        elif (offset := self._axes.set(name, value)) is not None:
            self._nodes[0].set_offset(offset)
        elif name in TOTAL or name.startswith(LAYER):
            self._node.set(name.removeprefix(LAYER), value)
        else:
            first_only = name in PRESET_CONTROLS or name not in PARAMETERS
            for node in self._nodes[:1] if first_only else self._nodes:
                node.set(name, value)

    def restart(self, at_samples: int) -> None:
        """Replace the nodes by new ones with the same settings: the sound starts over."""
        rig, fixed = self._rig, [layer.targets for layer in self._added]
        codecs = [self._codec, *(layer.codec for layer in self._added)]
        slots = [PAIR + len(self._weights), *(PAIR for _ in fixed)]
        self._nodes = [
            TransferNode(
                codec, rig.channels, self.grain_samples, rig.mono, slots=count, noise=NoiseSettings(rig.seed, rig.width)
            )
            for codec, count in zip(codecs, slots, strict=True)
        ]
        first = (
            {slot: target for slot, target in self._main.targets.items() if slot in self._weights} if self._main else {}
        )
        first |= {slot: self._targets[name] for slot, name in self._slots.items()}
        for node, targets in zip(self._nodes, [first, *fixed], strict=True):
            for slot, target in targets.items():
                node.select(target, slot)
        self._node = ParallelNodes(self._nodes) if fixed else self._nodes[0]
        self._changes: list[tuple[int, str, float]] = []
        for name, value in self._set.items():
            self._apply(name, value)

    def push(self, block: np.ndarray, start_samples: int) -> np.ndarray:
        """Process ``[channels, n]``; return as many samples, later by ``latency_samples``."""
        if not isinstance(self._node, TransferNode):
            return self._node.push(block)
        changes, self._changes = self._changes, []
        last = max(0, block.shape[1] - 1)
        return self._node.push(block, [(min(max(at - start_samples, 0), last), *rest) for at, *rest in changes])

    def upcoming_takes(self) -> list[tuple[Preset, list[str]]]:
        """Return an empty list: this mode plays no takes."""
        return []
