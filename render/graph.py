"""The DawDreamer graph of a render: per stem a pull node, its effects, a push node; two for lcr and 5.1."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from render.bridge import BridgeNode, load_bridge
from render.effects import build_effect, latency_samples, set_effect
from render.events import Plan
from render.layout import LAYOUTS, Layout
from render.mixer import StemMixer

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


class StemGraph:
    """Some stems of a plan as one engine, rendered once.

    Build and load on the process's main thread (plug-ins hang elsewhere). Nothing compensates delay
    inside the engine, so each stem's effects are asked for theirs, the render runs that much
    longer, and that many samples are dropped at each stem's head.

    Args:
        plan: the whole plan.
        mixers: stem name → its player, for the stems to render here, in order.
        fail: see :class:`~render.bridge.BridgeNode`.
    """

    def __init__(self, plan: Plan, mixers: dict[str, StemMixer], fail: Callable[[Exception], None]):
        import dawdreamer

        load_bridge()
        self.plan = plan
        self.engine = dawdreamer.RenderEngine(plan.sample_rate, BLOCK_SAMPLES)
        self.engine_s = self.pull_s = self.push_s = 0.0
        stems = [stem for stem in plan.stems if stem.name in mixers]
        self._take: Callable | None = None
        self._nodes, graph, chains = [], [], []
        for index, stem in enumerate(stems):
            bus = _Bus(mixers[stem.name], LAYOUTS[stem.layout], self._taker(index))
            chain_of_stem = []
            for pair in bus.pairs:
                number = len(self._nodes)
                pull, push = self._pull(bus, pair), self._push(bus, pair)
                node = BridgeNode(number, BLOCK_SAMPLES, pull, push, fail)
                effects = [build_effect(self.engine, f"effect{number}.{k}", e) for k, e in enumerate(stem.effects)]
                chain = [self._faust(f"pull{number}", node.pull_source), *effects]
                chain.append(self._faust(f"push{number}", node.push_source))
                inputs = [[], *([processor.get_name()] for processor in chain[:-1])]
                graph += list(zip(chain, inputs, strict=True))
                self._nodes.append(node)
                chain_of_stem += zip(effects, stem.effects, strict=True)
            chains.append((chain_of_stem, len(bus.pairs)))
        end = self.engine.make_playback_processor("end", np.zeros((0, 1), np.float32))
        self.engine.load_graph([*graph, (end, [])])
        for chain, _ in chains:
            for processor, effect in chain:
                set_effect(processor, effect)
        self._kept = graph
        self.latencies = [sum(latency_samples(p, e) for p, e in chain) // pairs for chain, pairs in chains]

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
