"""The DawDreamer graph of a render: per stem a pull node, its effects, a push node."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

from render.bridge import BridgeNode, load_bridge
from render.effects import build_effect, latency_samples, set_effect
from render.events import Plan
from render.mixer import StemMixer

BLOCK_SAMPLES = 512
"""Pinned: some plug-ins sound different at another block size."""


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
            node = BridgeNode(index, BLOCK_SAMPLES, self._pull(mixers[stem.name]), self._push(index), fail)
            chain = [self._faust(f"pull{index}", node.pull_source)]
            effects = [build_effect(self.engine, f"effect{index}.{k}", e) for k, e in enumerate(stem.effects)]
            chain += [*effects, self._faust(f"push{index}", node.push_source)]
            inputs = [[], *([processor.get_name()] for processor in chain[:-1])]
            graph += list(zip(chain, inputs, strict=True))
            self._nodes.append(node)
            chains.append(list(zip(effects, stem.effects, strict=True)))
        end = self.engine.make_playback_processor("end", np.zeros((0, 1), np.float32))
        self.engine.load_graph([*graph, (end, [])])
        for chain in chains:
            for processor, effect in chain:
                set_effect(processor, effect)
        self._kept = graph
        self.latencies = [sum(latency_samples(p, e) for p, e in chain) for chain in chains]

    def _faust(self, name: str, source: str):
        processor = self.engine.make_faust_processor(name)
        processor.set_dsp_string(source)
        processor.compile()
        return processor

    def _pull(self, mixer: StemMixer) -> Callable:
        def pull(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            mixer.fill(position, block)
            self.pull_s += perf_counter() - began

        return pull

    def _push(self, index: int) -> Callable:
        def push(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            self._take(index, position, block)
            self.push_s += perf_counter() - began

        return push

    def render(self, take: Callable[[int, np.ndarray], None]) -> None:
        """Run once; ``take(stem_index, block)`` gets consecutive blocks ``[2, n]`` of each stem, aligned."""
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
