"""Several transfer nodes beside one another on one input, each with its own codec, added after decoding."""

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
"""Controls of the sum, under the names of the node's own; a layer's node has no mix, all of it is wet."""


def check_sample_rates(specs: Sequence[CodecSpec]) -> None:
    """Raises CheckpointError if codecs to be added work at different sample rates."""
    for spec in specs:
        if spec.sample_rate != specs[0].sample_rate:
            raise CheckpointError(
                f"model '{specs[0].name}' works at {specs[0].sample_rate} Hz and '{spec.name}' at "
                f"{spec.sample_rate} Hz: only models of one sample rate can be added"
            )


class ParallelNodes(Stage):
    """All the nodes hear the input; what they make is aligned to the latest of them, added, and mixed with the input.

    Hops and latencies may differ between the codecs, and where blocks are cut changes nothing above −120 dBFS.
    Targets are given to the nodes themselves: ``layers.nodes[1].select(target)``.

    Args:
        nodes: new ones, at least one, of as many channels each; they are the layers' from now on.

    Attributes:
        parameters: ``mix`` and ``gain_db`` of the sum, and each layer's from 1 on: ``1.on`` and its node's, as
            ``1.blend``, ``1.gain_db``, ``1.weight.c`` and ``1.3:bias``.
        nodes: as they were given.
        repaired_samples: how many NaN and infinite samples came in; they were taken for 0.

    Raises:
        ValueError: no node, or they have different numbers of channels.
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
            own = {name: row for name, row in node.parameters.items() if name != "mix"} | LAYER_PARAMETERS
            self.parameters |= {f"{number}.{name}": replace(row, name=f"{number}.{name}") for name, row in own.items()}
        numbers = map(str, range(1, len(nodes) + 1))
        self._glides = {name: SmoothedValue(1.0, round(FADE_S * rate_hz)) for name in (*TOTAL, *numbers)}
        late = [self.latency_samples, *(self.latency_samples - node.latency_samples for node in nodes)]
        self._lines, self._begun = [Delay(self.channels, samples) for samples in late], False

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``: of a node from its next hop on, of the sum and ``on`` from the next sample on.

        Raises:
            ProjectError: out of range.
        """
        value = self.parameters[name].checked(value)
        layer, _, own = name.partition(".")
        if name in TOTAL:
            self._glides[name].select(10 ** (value / 20) if name == "gain_db" else value, at_once=not self._begun)
        elif own == "on":
            self._glides[layer].select(value, at_once=not self._begun)
        else:
            self.nodes[int(layer) - 1].set(own, value)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; answer ``[channels, n]`` float32, late by ``latency_samples``.

        Raises:
            ValueError: another number of channels, or *n* is not a multiple of ``multiple_samples``.
        """
        block = self._received(block)
        count = block.shape[1]
        self._begun, wet = True, np.zeros(block.shape)
        for number, node in enumerate(self.nodes, 1):
            wet += self._glides[str(number)].take(count) * self._lines[number].push(node.push(block))
        mix, gain = (self._glides[name].take(count) for name in TOTAL)
        return ((1 - mix) * self._lines[0].push(block) + mix * gain * wet).astype(np.float32)

    def state(self) -> dict[str, np.ndarray]:
        """Where the stream is, as plain arrays by name: with :meth:`restore` it goes on with the same samples.

        Raises:
            ValueError: what a codec's streams remember cannot be saved.
        """
        own = {"begun": np.array(self._begun), "repaired": np.array(self.repaired_samples)}
        own |= {f"line.{number}": line.held for number, line in enumerate(self._lines)}
        parts = {f"glide.{name}": glide.state() for name, glide in self._glides.items()}
        parts |= {str(number): node.state() for number, node in enumerate(self.nodes, 1)}
        return own | {f"{name}.{key}": value for name, state in parts.items() for key, value in state.items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where others were; these must be new, and made alike.

        Raises:
            ValueError: the state is of other codecs, or of layers made otherwise.
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
