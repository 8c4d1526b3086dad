"""Stream a plan as blocks: the one renderer, for offline and for streaming renders."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from plugin_backend import errors
from plugin_backend.errors import WorkerError
from plugin_backend.processes import spawn_with_pipe
from render.engine.clip_writer import ClipOrder
from render.engine.cue_audio import CueCounts
from render.engine.render_worker import render_stems
from render.plan.plan import Plan
from render.project.effect_schema import Plugin

OFFLINE_CHUNK_FRAMES, STREAM_CHUNK_FRAMES = 64, 4


@dataclass(frozen=True)
class Block:
    """Consecutive samples of every stem.

    Attributes:
        start_samples: position of the first sample.
        stems: stem name → ``[channels, n]`` float32.
    """

    start_samples: int
    stems: dict[str, np.ndarray]

    @property
    def samples(self) -> int:
        """Length of the block."""
        return next(iter(self.stems.values())).shape[1]


@dataclass
class RenderStats:
    """What the render processes report.

    Attributes:
        latencies: stem name → latency of its effects in samples.
        seconds: activity → seconds spent.
        counts: cues by where their audio came from.
    """

    latencies: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    counts: CueCounts = field(default_factory=CueCounts)

    def add(self, seconds: dict[str, float], counts: CueCounts) -> None:
        """Add the report of one process."""
        for activity, spent in seconds.items():
            self.seconds[activity] = self.seconds.get(activity, 0.0) + spent
        self.counts.add(counts)


HANG_S = 300.0
"""Seconds without a message after which a render process counts as hanging. A plug-in that never returns cannot be
interrupted."""

POLL_S = 1.0
"""Seconds of one wait for a message. When the process is stopped (Ctrl-Z), the pause counts as at most this."""


class RenderProcess:
    """A process that renders some stems, and the pipe that its blocks come through.

    Args:
        plan: the whole plan.
        names: stems to render.
        chunk_frames: latent frames decoded at a time.
        clips: where to write the clips, if anywhere.

    Attributes:
        context: start method of the process.
        target: main function of the process.
        hang_s: seconds without a message after which the process counts as hanging.
    """

    context, hang_s = "spawn", HANG_S
    target: Callable[..., Any] = staticmethod(render_stems)

    def __init__(self, plan: Plan, names: tuple[str, ...], chunk_frames: int, clips: ClipOrder | None):
        self.names, self._stems = names, [stem for stem in plan.stems if stem.name in names]
        self.process, self.pipe = spawn_with_pipe(
            self.target,
            lambda pipe: (plan, names, chunk_frames, clips, pipe),
            name=f"pisada-{names[0]}",
            daemon=True,
            duplex=False,
            method=self.context,
        )

    def receive(self, kind: str) -> Any:
        """Return the payload of the next message.

        Args:
            kind: kind that the message must have.

        Raises:
            PisadaError: the process failed, died or hangs, or sent another kind of message.
        """
        try:
            received, payload = self.next_message()
        except (EOFError, OSError) as closed:  # between two messages, or within one
            self.process.join()
            raise self.death_error(self.process.exitcode) from closed
        if received == "failed":
            name, message = payload
            raise getattr(errors, name)(message)
        if received != kind:
            raise WorkerError(f"a render process sent '{received}' in place of '{kind}'")
        return payload

    def next_message(self) -> tuple[str, Any]:
        """Wait for the next message and return its kind and payload.

        Raises:
            EOFError, OSError: the process is gone.
            WorkerError: the process hangs.
        """
        for _ in range(ceil(self.hang_s / POLL_S)):
            if self.pipe.poll(min(POLL_S, self.hang_s)):
                return self.pipe.recv()
        raise self.hang_error()

    def hang_error(self) -> WorkerError:
        """Return the error to show when the process hangs."""
        return WorkerError(f"{self.description()} hangs: nothing came for {self.hang_s:g} s")

    def description(self) -> str:
        """Return a description of the process: its stems and their plug-ins."""
        plugins = [effect.path for stem in self._stems for effect in stem.effects if isinstance(effect, Plugin)]
        stems = f"the process rendering {', '.join(stem.name for stem in self._stems)}"
        return f"{stems} with the plug-in{'s' * (len(plugins) > 1)} {', '.join(plugins)}" if plugins else stems

    def death_error(self, status: int | None) -> WorkerError:
        """Return the error to show when the process died with an exit status."""
        return WorkerError(
            f"the process rendering {', '.join(self.names)} died (exit status {status}); "
            "a plug-in on these stems may have crashed it"
        )

    def stop(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def share_stems(plan: Plan, jobs: int) -> list[tuple[str, ...]]:
    """Share the stems among processes, with about equal seconds of cues. This never changes a sample.

    Args:
        plan: the plan.
        jobs: number of processes; at least 1 and at most one per stem is used.

    Returns:
        Stem names for each process.
    """
    load = {stem.name: 0 for stem in plan.stems}
    for event in plan.events:
        load[event.stem] += event.length_samples
    shares: list[list[str]] = [[] for _ in range(max(1, min(jobs, len(load))))]
    weights = [0] * len(shares)
    for name in sorted(load, key=lambda name: load[name], reverse=True):
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
) -> Generator[Block, None, None]:
    """Render a plan and yield its blocks in order. Memory does not grow with the length of the render.

    The engine waits while the caller is busy. Closing the generator stops the render at once.

    Args:
        plan: from :func:`render.engine.make_plan.make_plan`.
        jobs: number of processes that share the stems.
        chunk_frames: latent frames decoded at a time. Few frames start sooner; many cost less.
        stats: filled with latencies and timings when they are known.
        clips: where to write the cues' own audio, if anywhere.
        process: starts a render process. A batch uses it to fork processes from a warm one.

    Yields:
        Blocks of all stems.

    Raises:
        PluginError: a plug-in does not load or does not have such a parameter.
        WorkerError: a render process died or hangs.
    """
    workers: list[RenderProcess] = []
    try:
        for names in share_stems(plan, jobs):
            workers.append(process(plan, names, chunk_frames, clips))
        order = [stem.name for stem in plan.stems]
        for worker in workers:
            names_here = [name for name in order if name in worker.names]
            latencies = worker.receive("ready")
            if stats is not None:
                stats.latencies.update(zip(names_here, latencies, strict=True))
        position = 0
        while position < plan.length_samples:
            stems: dict[str, np.ndarray] = {}
            for worker in workers:
                names_here = [name for name in order if name in worker.names]
                stems.update(zip(names_here, worker.receive("block"), strict=True))
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
