"""The DawDreamer graph of a render. Each stem has a pull node, its effects and a push node; lcr and 5.1 stems two each.

Our own stages are inserts among the effects. An insert is a push node that gives each block to the stages, followed by
a pull node that returns the result in the same block, without latency.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import groupby
from time import perf_counter
from typing import Any

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.models.registry import load_codec
from render.engine.effect_watch import EffectWatch
from render.engine.faust_bridge import CHANNELS, BridgeNode, load_bridge
from render.engine.inserts import Insert, make_insert, schedule_triggers
from render.engine.mixing import StemMixer
from render.engine.processors import build_effect, check_rendered, latency_samples, set_effect
from render.plan.plan import Event, Plan, stem_layout
from render.project.channel_layout import Layout
from render.project.effect_schema import Effect, Plugin, is_insert
from render.project.project import Stem

BLOCK_SAMPLES = 512
"""Fixed, because some plug-ins sound different at another block size."""

PAIRS = {1: ((0, 0),), 2: ((0, 1),), 3: ((0, 1), (2, 2))}
"""Front channels of a layout → channels of each stereo node. Mono and centre are on both channels of their node."""


class _Bus:
    """The channels of a stem, split into stereo nodes and joined again."""

    def __init__(self, mixer: StemMixer, layout: Layout, take: Callable[[int, np.ndarray], None]):
        self.pairs = PAIRS[layout.front_channels]
        self._mixer, self._take = mixer, take
        self._pulled, self._pushed = -1, 0
        self._in = np.zeros((layout.front_channels, BLOCK_SAMPLES), np.float32)
        self._out = np.zeros((layout.channels, BLOCK_SAMPLES), np.float32)

    def pull(self, pair: tuple[int, int], position: int, block: np.ndarray) -> None:
        """Fill the block ``[2, n]`` of one node."""
        if position != self._pulled:
            self._pulled = position
            self._in[:] = 0
            self._mixer.fill(position, self._in)
        block[:] = self._in[list(pair)]

    def push(self, pair: tuple[int, int], position: int, block: np.ndarray) -> None:
        """Take the processed block ``[2, n]`` of one node. The last node's block completes the stem's."""
        if pair[0] == pair[1]:
            self._out[pair[0]] = (block[0] + block[1]) * np.float32(0.5)
        else:
            self._out[list(pair)] = block
        self._pushed += 1
        if self._pushed % len(self.pairs) == 0:
            self._take(position, self._out)


class _Chain:
    """The processors of a stem on one stereo node, in order, and its effects with the objects that run them."""

    def __init__(self) -> None:
        self.processors: list[Any] = []
        self.effects: list[tuple[Any, Effect]] = []

    def set(self, stem: Stem, events: list[Event]) -> int:
        """Set the loaded effects and schedule the triggers of the stem's cues; return the latency of all effects."""
        total = 0
        for processor, effect in self.effects:
            if is_insert(effect):
                schedule_triggers(processor, events, total)
                total += processor.latency_samples
            else:
                set_effect(processor, effect)
                total += latency_samples(processor, effect)
        return total


def _name(effect: Effect) -> str:
    """Return how an error names an effect: a plug-in by its file."""
    return f"the plug-in {effect.path}" if isinstance(effect, Plugin) else f"the effect {type(effect).__name__.lower()}"


class StemGraph:
    """Some stems of a plan in one engine, rendered once.

    Build it on the main thread of the process: plug-ins hang on other threads. The engine does not compensate latency.
    So the latency of each stem's effects is read, the render is made longer by the largest one, and each stem's latency
    is dropped at its start.

    Args:
        plan: the whole plan.
        mixers: stem name → its mixer, for the stems to render here, in order.
        fail: see :class:`~render.engine.faust_bridge.BridgeNode`.
        codec: returns the model of a name, for effects that need one.

    Attributes:
        latencies: of each stem, in samples.
        engine_s, pull_s, push_s: seconds in the engine, and in the pull and push callbacks.
    """

    def __init__(
        self,
        plan: Plan,
        mixers: dict[str, StemMixer],
        fail: Callable[[BaseException], None],
        codec: Callable[[str], Codec] = load_codec,
    ):
        import dawdreamer

        load_bridge()
        self.plan = plan
        self.engine = dawdreamer.RenderEngine(plan.sample_rate, BLOCK_SAMPLES)
        self.engine_s = self.pull_s = self.push_s = 0.0
        stems = [stem for stem in plan.stems if stem.name in mixers]
        self._take: Callable[[int, int, np.ndarray], None] | None = None
        self._fail, self._codec, self._watch = fail, codec, EffectWatch(fail)
        self._nodes: list[BridgeNode] = []
        graph: list[tuple[Any, list[str]]] = []
        chains: list[list[_Chain]] = []
        for index, stem in enumerate(stems):
            bus = _Bus(mixers[stem.name], stem_layout(stem), self._taker(index))
            chains.append([self._chain(stem, bus, pair) for pair in bus.pairs])
            for chain in chains[-1]:
                inputs = [[], *([processor.get_name()] for processor in chain.processors[:-1])]
                graph += list(zip(chain.processors, inputs, strict=True))
        end = self.engine.make_playback_processor("end", np.zeros((0, 1), np.float32))
        self.engine.load_graph([*graph, (end, [])])
        self._graph = graph  # the engine does not keep its processors alive
        self.latencies: list[int] = []
        effects = (pair for stem_chains in chains for chain in stem_chains for pair in chain.effects)
        self._loaded = [pair for pair in effects if not is_insert(pair[1])]
        for stem, stem_chains in zip(stems, chains, strict=True):
            events = [event for event in plan.events if event.stem == stem.name]
            self.latencies.append(max(chain.set(stem, events) for chain in stem_chains))

    def _chain(self, stem: Stem, bus: _Bus, pair: tuple[int, int]) -> _Chain:
        foreign = [_name(effect) for effect in stem.effects if not is_insert(effect)]
        enter = partial(self._watch.enter, stem.name, foreign) if foreign else self._watch.leave
        chain, ends = _Chain(), self._node(self._pull(bus, pair, enter), self._push(bus, pair))
        chain.processors.append(self._faust(f"pull{ends.number}", ends.pull_source))
        for inserts, run in groupby(stem.effects, is_insert):
            if inserts:
                self._add_insert(chain, stem.name, list(run), pair[0] == pair[1], enter)
            else:
                for effect in run:
                    processor = build_effect(self.engine, f"effect{ends.number}.{len(chain.effects)}", effect)
                    chain.processors.append(processor)
                    chain.effects.append((processor, effect))
        chain.processors.append(self._faust(f"push{ends.number}", ends.push_source))
        return chain

    def _add_insert(self, chain: _Chain, stem: str, effects: list[Any], mono: bool, enter: Callable[[], None]) -> None:
        """Add adjacent stages to a chain, as one insert. ``enter`` is called after each of its blocks."""
        rate, channels = self.plan.sample_rate, 1 if mono else CHANNELS
        stages = [make_insert(effect, rate, channels, BLOCK_SAMPLES, self._codec) for effect in effects]
        insert = Insert(stem, stages, mono)

        def process(position: int, block: np.ndarray) -> None:
            self._watch.leave()
            insert.process(position, block)
            enter()

        node = self._node(None, process)
        chain.processors.append(self._faust(f"push{node.number}", node.push_source))
        chain.processors.append(self._faust(f"pull{node.number}", node.pull_source))
        chain.effects += zip(stages, effects, strict=True)

    def _node(self, pull: Callable | None, push: Callable) -> BridgeNode:
        self._nodes.append(BridgeNode(len(self._nodes), BLOCK_SAMPLES, pull, push, self._fail))
        return self._nodes[-1]

    def _faust(self, name: str, source: str) -> Any:
        processor = self.engine.make_faust_processor(name)
        processor.set_dsp_string(source)
        processor.compile()
        return processor

    def _pull(self, bus: _Bus, pair: tuple[int, int], enter: Callable[[], None]) -> Callable[[int, np.ndarray], None]:
        def pull(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            self._watch.leave()
            bus.pull(pair, position, block)
            self.pull_s += perf_counter() - began
            enter()

        return pull

    def _push(self, bus: _Bus, pair: tuple[int, int]) -> Callable[[int, np.ndarray], None]:
        def push(position: int, block: np.ndarray) -> None:
            began = perf_counter()
            self._watch.leave()
            bus.push(pair, position, block)
            self.push_s += perf_counter() - began

        return push

    def _taker(self, index: int) -> Callable[[int, np.ndarray], None]:
        def take(position: int, block: np.ndarray) -> None:
            assert self._take is not None
            self._take(index, position, block)

        return take

    def render(self, take: Callable[[int, np.ndarray], None]) -> None:
        """Render once.

        Args:
            take: called with a stem's index and its next block ``[channels, n]``; the stems are aligned.
        """
        total = self.plan.length_samples + max(self.latencies)

        def take_aligned(index: int, position: int, block: np.ndarray) -> None:
            first = max(0, self.latencies[index] - position)
            last = self.plan.length_samples + self.latencies[index] - position
            aligned = block[:, first : max(first, min(last, BLOCK_SAMPLES))]
            if aligned.shape[1]:
                take(index, aligned)

        self._take = take_aligned
        began = perf_counter()
        self.engine.render((total + 0.5) / self.plan.sample_rate)
        self.engine_s = perf_counter() - began
        for processor, effect in self._loaded:
            check_rendered(processor, effect)
