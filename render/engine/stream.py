"""Render a plan as a stream of blocks: the one renderer, offline and live alike."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from multiprocessing import resource_tracker

import numpy as np

from plugin_backend import errors
from plugin_backend.errors import WorkerError
from plugin_backend.output_files import hold_signals
from render.engine.clip_writer import ClipOrder
from render.engine.cue_audio import CueCounts
from render.engine.render_worker import render_stems
from render.plan.plan import Plan
from render.project.effect_schema import Plugin

OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES = 64, 4


@dataclass(frozen=True)
class Block:
    """Consecutive samples of every stem: ``stems[name]`` is ``[channels, n]`` float32 from ``start_samples`` on."""

    start_samples: int
    stems: dict[str, np.ndarray]

    @property
    def samples(self) -> int:
        return next(iter(self.stems.values())).shape[1]


@dataclass
class RenderStats:
    """What the render processes report: plug-in latencies in samples, seconds by activity, cues by origin."""

    latencies: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    counts: CueCounts = field(default_factory=CueCounts)

    def add(self, seconds: dict[str, float], counts: CueCounts) -> None:
        """Take one process's."""
        for activity, spent in seconds.items():
            self.seconds[activity] = self.seconds.get(activity, 0.0) + spent
        self.counts.add(counts)


HANG_S = 300.0
"""A render process that sends nothing for so long hangs: a plug-in that never returns cannot be interrupted."""

POLL_S = 1.0
"""What a process that was stopped (Ctrl-Z) was away for counts as this at most."""


class RenderProcess:
    """A process that renders some stems, and the pipe through which their blocks come.

    Attributes:
        hang_s: how long it may be silent while its next block is waited for.
    """

    context, hang_s = "spawn", HANG_S
    target = staticmethod(render_stems)

    def __init__(self, plan: Plan, names: tuple[str, ...], chunk_frames: int, clips: ClipOrder | None):
        self.names, self._stems = names, [stem for stem in plan.stems if stem.name in names]
        context = multiprocessing.get_context(self.context)
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(
            target=self.target,
            args=(plan, names, chunk_frames, clips, theirs),
            daemon=True,
            name=f"pisada-{names[0]}",
        )
        resource_tracker.ensure_running()  # starting it unblocks signals, so it comes first
        with hold_signals():
            self.process.start()
        theirs.close()

    def receive(self, kind: str):
        """The payload of the next message, which must be of ``kind``."""
        try:
            got, payload = self.message()
        except (EOFError, OSError) as closed:  # between two messages, or within one
            self.process.join()
            raise self.died(self.process.exitcode) from closed
        if got == "failed":
            name, message = payload
            raise getattr(errors, name)(message)
        if got != kind:
            raise WorkerError(f"a render process said '{got}' where '{kind}' was due")
        return payload

    def message(self) -> tuple:
        """The next message, once it is there; EOFError or OSError when the process is gone.

        Raises:
            WorkerError: it hangs.
        """
        for _ in range(ceil(self.hang_s / POLL_S)):
            if self.pipe.poll(min(POLL_S, self.hang_s)):
                return self.pipe.recv()
        raise self.hung()

    def hung(self) -> WorkerError:
        """What its silence is to the user."""
        return WorkerError(f"{self.who()} hangs: nothing came for {self.hang_s:g} s")

    def who(self) -> str:
        """It, by its stems and the plug-ins on them."""
        plugins = [effect.path for stem in self._stems for effect in stem.effects if isinstance(effect, Plugin)]
        stems = f"the process rendering {', '.join(stem.name for stem in self._stems)}"
        return f"{stems} with the plug-in{'s' * (len(plugins) > 1)} {', '.join(plugins)}" if plugins else stems

    def died(self, status: int) -> WorkerError:
        """What a death is to the user."""
        return WorkerError(
            f"the process rendering {', '.join(self.names)} died (exit status {status}); "
            "a plug-in on these stems may have crashed it"
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def share_stems(plan: Plan, jobs: int) -> list[tuple[str, ...]]:
    """Stem names split among ``jobs`` processes, evening out the seconds of cues; never changes a sample."""
    load = {stem.name: 0 for stem in plan.stems}
    for event in plan.events:
        load[event.stem] += event.length_samples
    shares: list[list[str]] = [[] for _ in range(max(1, min(jobs, len(load))))]
    weights = [0] * len(shares)
    for name in sorted(load, key=load.get, reverse=True):
        lightest = weights.index(min(weights))
        shares[lightest].append(name)
        weights[lightest] += load[name] + plan.sample_rate
    return [tuple(share) for share in shares]


def stream(
    plan: Plan,
    *,
    jobs: int = 1,
    chunk_frames: int = STREAM_CHUNK_FRAMES,
    stats: RenderStats | None = None,
    clips: ClipOrder | None = None,
    process: Callable[..., RenderProcess] = RenderProcess,
) -> Iterator[Block]:
    """Render ``plan``, yielding its blocks in order; memory does not grow with its length.

    The engine waits while the caller is busy. Closing the generator stops the render at once.

    Args:
        plan: from :func:`render.engine.make_plan.make_plan`.
        jobs: processes to share the stems among.
        chunk_frames: latent frames decoded at a time: few start sooner, many cost less.
        stats: filled with latencies and timings as they become known.
        clips: where the cues' own sounds are written on the way, if anywhere.
        process: what starts a render process; a batch forks them from one that is warm.

    Raises:
        PluginError: a plug-in does not load or has no such parameter.
        WorkerError: a render process died, or hangs.
    """
    workers: list[RenderProcess] = []
    try:
        for names in share_stems(plan, jobs):
            workers.append(process(plan, names, chunk_frames, clips))
        order = [stem.name for stem in plan.stems]
        for worker in workers:
            mine = [name for name in order if name in worker.names]
            latencies = worker.receive("ready")
            if stats is not None:
                stats.latencies.update(zip(mine, latencies, strict=True))
        position = 0
        while position < plan.length_samples:
            stems = {}
            for worker in workers:
                mine = [name for name in order if name in worker.names]
                stems.update(zip(mine, worker.receive("block"), strict=True))
            block = Block(position, {name: stems[name] for name in order})
            yield block
            position += block.samples
        for worker in workers:
            seconds, counts = worker.receive("done")
            if stats is not None:
                stats.add(seconds, counts)
    finally:
        for worker in workers:
            worker.stop()
