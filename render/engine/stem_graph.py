"""The DawDreamer graph of a render: per stem a pull node, its effects, a push node; two for lcr and 5.1.

Stages of ours are inserts among the effects: a push node that hands each block to them, and at once a pull node that
answers it, without latency.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from time import perf_counter

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.models.registry import load_codec
from render.engine.faust_bridge import CHANNELS, BridgeNode, load_bridge
from render.engine.inserts import Insert, make_insert, schedule_triggers
from render.engine.mixing import StemMixer
from render.engine.processors import build_effect, check_rendered, latency_samples, set_effect
from render.plan.plan import Plan
from render.project.channel_layout import LAYOUTS, Layout
from render.project.effect_schema import Effect, is_insert
from render.project.project import Stem

BLOCK_SAMPLES = 512
"""Pinned: some plug-ins sound different at another block size."""

PAIRS = {1: ((0, 0),), 2: ((0, 1),), 3: ((0, 1), (2, 2))}
"""Which of a stem's sounding channels the two of each stereo node carry: mono and centre go on both."""


class _Bus:
    """A stem's channels on stereo nodes, there and back."""

    def __init__(self, mixer: StemMixer, layout: Layout, take: Callable[[int, np.ndarray], None]):
        self.pairs = PAIRS[layout.sounding]
        self._mixer, self._layout, self._take = mixer, layout, take
        self._pulled, self._pushed = -1, 0
        self._into = np.zeros((layout.sounding, BLOCK_SAMPLES), np.float32)
        self._out = np.zeros((layout.channels, BLOCK_SAMPLES), np.float32)

    def pull(self, pair: tuple[int, int], position: int, block: np.ndarray) -> None:
        if position != self._pulled:
            self._pulled = position
            self._into[:] = 0
            self._mixer.fill(position, self._into)
        block[:] = self._into[list(pair)]

    def push(self, pair: tuple[int, int], position: int, block: np.ndarray) -> None:
        if pair[0] == pair[1]:
            self._out[pair[0]] = (block[0] + block[1]) * np.float32(0.5)
        else:
            self._out[list(pair)] = block
        self._pushed += 1
        if self._pushed % len(self.pairs) == 0:
            self._take(position, self._out)


class _Chain:
    """What a stem's sound runs through on one stereo node: processors in order, and what each of them is late by."""

    def __init__(self):
        self.processors: list = []
        self.late: list[tuple[object, Effect]] = []

    def set(self, stem: Stem, events: list) -> int:
        """Set the loaded effects, and tell those that are struck of the stem's cues; the latency of all."""
        total = 0
        for it, effect in self.late:
            if is_insert(effect):
                schedule_triggers(it, events, total)
                total += it.latency_samples
            else:
                set_effect(it, effect)
                total += latency_samples(it, effect)
        return total


class StemGraph:
    """Some stems of a plan as one engine, rendered once.

    Build and load on the process's main thread (plug-ins hang elsewhere). Nothing compensates delay
    inside the engine, so each stem's effects are asked for theirs, the render runs that much
    longer, and that many samples are dropped at each stem's head.

    Args:
        plan: the whole plan.
        mixers: stem name → its player, for the stems to render here, in order.
        fail: see :class:`~render.engine.faust_bridge.BridgeNode`.
        codec: gives the model of a name, where an effect wants one.
    """

    def __init__(
        self,
        plan: Plan,
        mixers: dict[str, StemMixer],
        fail: Callable[[Exception], None],
        codec: Callable[[str], Codec] = load_codec,
    ):
        import dawdreamer

        load_bridge()
        self.plan = plan
        self.engine = dawdreamer.RenderEngine(plan.sample_rate, BLOCK_SAMPLES)
        self.engine_s = self.pull_s = self.push_s = 0.0
        stems = [stem for stem in plan.stems if stem.name in mixers]
        self._take: Callable | None = None
        self._fail, self._codec, self._nodes = fail, codec, []
        graph, chains = [], []
        for index, stem in enumerate(stems):
            bus = _Bus(mixers[stem.name], LAYOUTS[stem.layout], self._taker(index))
            chains.append([self._chain(stem, bus, pair) for pair in bus.pairs])
            for chain in chains[-1]:
                inputs = [[], *([processor.get_name()] for processor in chain.processors[:-1])]
                graph += list(zip(chain.processors, inputs, strict=True))
        end = self.engine.make_playback_processor("end", np.zeros((0, 1), np.float32))
        self.engine.load_graph([*graph, (end, [])])
        self._kept, self.latencies = graph, []
        late = (pair for of_stem in chains for chain in of_stem for pair in chain.late)
        self._loaded = [pair for pair in late if not is_insert(pair[1])]
        for stem, of_stem in zip(stems, chains, strict=True):
            events = [event for event in plan.events if event.stem == stem.name]
            self.latencies.append(max(chain.set(stem, events) for chain in of_stem))

    def _chain(self, stem: Stem, bus: _Bus, pair: tuple[int, int]) -> _Chain:
        chain, ends = _Chain(), self._node(self._pull(bus, pair), self._push(bus, pair))
        chain.processors.append(self._faust(f"pull{ends.number}", ends.pull_source))
        for ours, run in groupby(stem.effects, is_insert):
            if ours:
                self._add_insert(chain, stem.name, list(run), mono=pair[0] == pair[1])
            else:
                for effect in run:
                    processor = build_effect(self.engine, f"effect{ends.number}.{len(chain.late)}", effect)
                    chain.processors.append(processor)
                    chain.late.append((processor, effect))
        chain.processors.append(self._faust(f"push{ends.number}", ends.push_source))
        return chain

    def _add_insert(self, chain: _Chain, stem: str, effects: list[Effect], mono: bool) -> None:
        """Adjacent stages are one insert."""
        rate, channels = self.plan.sample_rate, 1 if mono else CHANNELS
        stages = [make_insert(effect, rate, channels, BLOCK_SAMPLES, self._codec) for effect in effects]
        node = self._node(None, Insert(stem, stages, mono).process)
        chain.processors.append(self._faust(f"push{node.number}", node.push_source))
        chain.processors.append(self._faust(f"pull{node.number}", node.pull_source))
        chain.late += zip(stages, effects, strict=True)

    def _node(self, pull: Callable | None, push: Callable) -> BridgeNode:
        self._nodes.append(BridgeNode(len(self._nodes), BLOCK_SAMPLES, pull, push, self._fail))
        return self._nodes[-1]

    def _faust(self, name: str, source: str):
        processor = self.engine.make_faust_processor(name)
        processor.set_dsp_string(source)
        processor.compile()
        return processor

    def _pull(self, bus: _Bus, pair: tuple[int, int]) -> Callable:
        def pull(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            bus.pull(pair, position, block)
            self.pull_s += perf_counter() - began

        return pull

    def _push(self, bus: _Bus, pair: tuple[int, int]) -> Callable:
        def push(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            bus.push(pair, position, block)
            self.push_s += perf_counter() - began

        return push

    def _taker(self, index: int) -> Callable:
        return lambda position, block: self._take(index, position, block)

    def render(self, take: Callable[[int, np.ndarray], None]) -> None:
        """Run once; ``take(stem_index, block)`` gets consecutive blocks ``[channels, n]`` of each stem, aligned."""
        total = self.plan.length_samples + max(self.latencies)

        def aligned(index: int, position: int, block: np.ndarray) -> None:
            first = max(0, self.latencies[index] - position)
            last = self.plan.length_samples + self.latencies[index] - position
            heard = block[:, first : max(first, min(last, BLOCK_SAMPLES))]
            if heard.shape[1]:
                take(index, heard)

        self._take = aligned
        began = perf_counter()
        self.engine.render((total + 0.5) / self.plan.sample_rate)
        self.engine_s = perf_counter() - began
        for processor, effect in self._loaded:
            check_rendered(processor, effect)
