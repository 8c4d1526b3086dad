"""A render process: renders some stems of a plan and sends their blocks to its parent.

It is a process of its own so that it can be killed: a render cannot be cancelled, and a plug-in may crash.
Messages to the parent are ``(kind, payload)``:

- ``ready``: latencies of the stems in samples,
- ``block``: a list with ``[channels, n]`` float32 for each stem, ``SEND_SAMPLES`` long except the last,
- ``done``: seconds by activity, and :class:`~render.engine.cue_audio.CueCounts`,
- ``failed``: name of the error class, and message.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from plugin_backend import errors
from render.engine.clip_writer import ClipOrder, ClipWriter
from render.engine.cue_audio import CueAudio
from render.engine.cue_decoding import Stopwatch
from render.engine.mixing import StemMixer, Voice
from render.engine.stem_graph import StemGraph
from render.plan.plan import Event, Plan, stem_layout

SEND_SAMPLES = 8192


class BlockCollector:
    """Collects the stems' blocks until each stem has ``SEND_SAMPLES``, then sends them together.

    Args:
        channels: of each stem.
        length_samples: length of the render.
        send: called with a list of ``[channels, n]``.
    """

    def __init__(self, channels: list[int], length_samples: int, send: Callable[[list[np.ndarray]], None]):
        self._waiting = [np.empty((count, 0), np.float32) for count in channels]
        self._left, self._send = length_samples, send

    def take(self, stem: int, block: np.ndarray) -> None:
        """Add the next block ``[channels, n]`` of a stem, given by its index."""
        self._waiting[stem] = np.concatenate([self._waiting[stem], block], axis=1)
        due = min(SEND_SAMPLES, self._left)
        while due and all(waiting.shape[1] >= due for waiting in self._waiting):
            self._send([waiting[:, :due] for waiting in self._waiting])
            self._waiting = [waiting[:, due:] for waiting in self._waiting]
            self._left -= due
            due = min(SEND_SAMPLES, self._left)


def render_stems(
    plan: Plan, names: tuple[str, ...], chunk_frames: int, clips: ClipOrder | None, pipe: Connection
) -> None:
    """Run the process; it ends the process and never returns.

    Args:
        plan: the whole plan.
        names: stems to render here.
        chunk_frames: latent frames decoded at a time.
        clips: where to write the clips, if anywhere.
        pipe: to the parent.
    """
    os.dup2(2, 1)  # plug-ins print to standard output, which belongs to the parent

    def fail(problem: BaseException) -> None:
        if isinstance(problem, (BrokenPipeError, KeyboardInterrupt)):  # the parent is gone, or interrupted as well
            os._exit(1)
        if isinstance(problem, errors.PisadaError):
            message = type(problem).__name__, str(problem)
        else:
            traceback.print_exception(problem)
            message = "WorkerError", f"rendering {', '.join(names)} failed: {type(problem).__name__}: {problem}"
        with contextlib.suppress(OSError):  # the parent may be gone
            pipe.send(("failed", message))
        os._exit(1)

    try:
        _render(plan, names, chunk_frames, clips, pipe, fail)
    except Exception as problem:  # noqa: BLE001 - any error is sent to the parent
        fail(problem)
    sys.stderr.flush()
    os._exit(0)  # closing plug-ins can crash, and there is nothing left to save


def _render(
    plan: Plan,
    names: tuple[str, ...],
    chunk_frames: int,
    clips: ClipOrder | None,
    pipe: Connection,
    fail: Callable[[BaseException], None],
) -> None:
    watch = Stopwatch()
    events = [event for event in plan.events if event.stem in names]
    cue_audio = CueAudio(plan, chunk_frames, watch, events)
    layouts = {stem.name: stem_layout(stem) for stem in plan.stems if stem.name in names}
    on_cue_audio = ClipWriter(clips, plan).take if clips is not None else None

    def start_voice(event: Event) -> Voice:
        return Voice(event, cue_audio.of(event), layouts[event.stem])

    mixers = {
        stem.name: StemMixer(
            [event for event in events if event.stem == stem.name],
            10 ** (stem.gain_db / 20),
            start_voice,
            on_cue_audio,
        )
        for stem in plan.stems
        if stem.name in names
    }
    graph = StemGraph(plan, mixers, fail, cue_audio.codec)
    pipe.send(("ready", graph.latencies))
    channels = [layout.channels for layout in layouts.values()]
    graph.render(BlockCollector(channels, plan.length_samples, lambda block: pipe.send(("block", block))).take)
    graph_s = graph.engine_s - graph.pull_s - graph.push_s
    seconds = {"codec_s": watch.codec_s, "mix_s": graph.pull_s - watch.codec_s, "graph_s": graph_s}
    pipe.send(("done", (seconds, cue_audio.counts)))
