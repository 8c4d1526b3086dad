"""Run several transfer nodes in parallel on one input, each with its own codec, and add their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import lcm

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.dsp.delay import Delay
from plugin_backend.effects.stage import Stage
from plugin_backend.errors import CheckpointError
from plugin_backend.parameters import Parameter
from plugin_backend.transfer.latent_mover import state_subset
from plugin_backend.transfer.parameters import LAYER_PARAMETERS, PARAMETERS
from plugin_backend.transfer.transfer_node import TransferNode

TOTAL = ("mix", "gain_db")
"""Controls of the sum, under the names of a node's own controls. A layer's node has no mix; its output is all wet."""


def check_sample_rates(specs: Sequence[CodecSpec]) -> None:
    """Raise :class:`CheckpointError` if codecs whose outputs are added work at different sample rates."""
    for spec in specs:
        if spec.sample_rate != specs[0].sample_rate:
            raise CheckpointError(
                f"model '{specs[0].name}' works at {specs[0].sample_rate} Hz and '{spec.name}' at "
                f"{spec.sample_rate} Hz: only models of one sample rate can be added"
            )


class ParallelNodes(Stage):
    """Feeds the input to all nodes, aligns their outputs to the latest node, adds them, and mixes the sum with the
    input.

    Hops and latencies may differ between the codecs. Block boundaries change nothing above −120 dBFS. Give targets to
    the nodes themselves: ``layers.nodes[1].select(target)``.

    Args:
        nodes: new nodes, at least one, with equal numbers of channels. From now on they belong to the layers.

    Attributes:
        parameters: ``mix`` and ``gain_db`` of the sum, and those of each layer from 1 on: ``1.on`` and its node's, such
            as ``1.blend``, ``1.gain_db``, ``1.weight.c`` and ``1.3:bias``.
        nodes: the nodes, in the given order.
        repaired_samples: number of NaN and infinite samples that came in; they were set to 0.

    Raises:
        ValueError: there is no node, or the nodes have different numbers of channels.
        CheckpointError: their codecs work at different sample rates.
    """

    def __init__(self, nodes: Sequence[TransferNode]):
        if not nodes or len({node.channels for node in nodes}) > 1:
            raise ValueError(f"nodes of {[node.channels for node in nodes]} channels; give one or more, of the same")
        check_sample_rates([node.spec for node in nodes])
        self.nodes, self.channels, rate_hz = tuple(nodes), nodes[0].channels, nodes[0].spec.sample_rate
        self.multiple_samples = lcm(*(node.multiple_samples for node in nodes))
        self.latency_samples, self.repaired_samples = max(node.latency_samples for node in nodes), 0
        self.parameters: dict[str, Parameter] = {name: PARAMETERS[name] for name in TOTAL}
        for number, node in enumerate(nodes, 1):
            node.set("mix", 1.0)
            node_parameters = {name: row for name, row in node.parameters.items() if name != "mix"} | LAYER_PARAMETERS
            self.parameters |= {
                f"{number}.{name}": replace(row, name=f"{number}.{name}") for name, row in node_parameters.items()
            }
        numbers = map(str, range(1, len(nodes) + 1))
        self._glides = {name: SmoothedValue(1.0, round(FADE_S * rate_hz)) for name in (*TOTAL, *numbers)}
        delays = [self.latency_samples, *(self.latency_samples - node.latency_samples for node in nodes)]
        self._lines, self._begun = [Delay(self.channels, samples) for samples in delays], False

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``: of a node from its next hop on, of the sum and ``on`` from the next sample on.

        Raises:
            ProjectError: the value is out of range.
        """
        value = self.parameters[name].validate(value)
        layer, _, control = name.partition(".")
        if name in TOTAL:
            self._glides[name].select(10 ** (value / 20) if name == "gain_db" else value, at_once=not self._begun)
        elif control == "on":
            self._glides[layer].select(value, at_once=not self._begun)
        else:
            self.nodes[int(layer) - 1].set(control, value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Process ``[channels, n]``. Return ``[channels, n]`` float32, late by ``latency_samples``.

        Raises:
            ValueError: the number of channels is wrong, or *n* is not a multiple of ``multiple_samples``.
        """
        block = self._check_block(block)
        count = block.shape[1]
        self._begun, wet = True, np.zeros(block.shape)
        for number, node in enumerate(self.nodes, 1):
            wet += self._glides[str(number)].advance(count) * self._lines[number].push(node.push(block))
        mix, gain = (self._glides[name].advance(count) for name in TOTAL)
        return ((1 - mix) * self._lines[0].push(block) + mix * gain * wet).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name. After :meth:`restore` the stream continues with the same samples.

        Raises:
            ValueError: the state of a codec's streams cannot be saved.
        """
        arrays = {"begun": np.array(self._begun), "repaired": np.array(self.repaired_samples)}
        arrays |= {f"line.{number}": line.held for number, line in enumerate(self._lines)}
        parts = {f"glide.{name}": glide.state() for name, glide in self._glides.items()}
        parts |= {str(number): node.state() for number, node in enumerate(self.nodes, 1)}
        return arrays | {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from the state of other layers. These must be new, and made with the same arguments.

        Raises:
            ValueError: the state is of other codecs, or of layers with other arguments.
        """
        if f"glide.{len(self.nodes)}.now" not in state or f"glide.{len(self.nodes) + 1}.now" in state:
            raise ValueError(f"this state is not of {len(self.nodes)} layers")
        for number, node in enumerate(self.nodes, 1):
            node.restore(state_subset(state, str(number)))
        self._begun, self.repaired_samples = bool(state["begun"]), int(state["repaired"])
        for number, line in enumerate(self._lines):
            line.held = state[f"line.{number}"]
        for name, glide in self._glides.items():
            glide.restore(state_subset(state, f"glide.{name}"))
