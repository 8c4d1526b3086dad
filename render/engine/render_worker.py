"""A render process: renders some stems of a plan and sends their blocks to its parent.

A render cannot be cancelled, and a plug-in may crash: so it runs in a process that may be killed.
Messages to the parent are ``(kind, payload)``: ``ready`` (latencies in samples), ``block``
(a list of the stems' ``[channels, n]`` float32, ``SEND_SAMPLES`` long but the last), ``done`` (seconds by
activity, and :class:`~render.engine.cue_audio.CueCounts`), ``failed`` (error class name, message).
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
from render.plan.plan import Event, Plan
from render.project.channel_layout import LAYOUTS

SEND_SAMPLES = 8192


class BlockCollector:
    """Collects the stems' blocks until each has ``SEND_SAMPLES``, then hands them on together."""

    def __init__(self, channels: list[int], length_samples: int, send):
        self._room = [np.empty((count, 0), np.float32) for count in channels]
        self._left, self._send = length_samples, send

    def take(self, stem: int, block: np.ndarray) -> None:
        self._room[stem] = np.concatenate([self._room[stem], block], axis=1)
        due = min(SEND_SAMPLES, self._left)
        while due and all(room.shape[1] >= due for room in self._room):
            self._send([room[:, :due] for room in self._room])
            self._room = [room[:, due:] for room in self._room]
            self._left -= due
            due = min(SEND_SAMPLES, self._left)


def render_stems(
    plan: Plan, names: tuple[str, ...], chunk_frames: int, clips: ClipOrder | None, pipe: Connection
) -> None:
    """The process's main function."""
    os.dup2(2, 1)  # plug-ins print; standard output belongs to the parent

    def fail(problem: BaseException) -> None:
        if isinstance(problem, (BrokenPipeError, KeyboardInterrupt)):  # the parent is gone, or interrupted as well
            os._exit(1)
        if isinstance(problem, errors.PisadaError):
            told = type(problem).__name__, str(problem)
        else:
            traceback.print_exception(problem)
            told = "WorkerError", f"rendering {', '.join(names)} failed: {type(problem).__name__}: {problem}"
        with contextlib.suppress(OSError):  # it may be gone by now
            pipe.send(("failed", told))
        os._exit(1)

    try:
        _render(plan, names, chunk_frames, clips, pipe, fail)
    except Exception as problem:  # noqa: BLE001 - told to the parent, whatever it is
        fail(problem)
    sys.stderr.flush()
    os._exit(0)  # tearing plug-ins down can crash, and there is nothing left to keep


def _render(
    plan: Plan, names: tuple[str, ...], chunk_frames: int, clips: ClipOrder | None, pipe: Connection, fail: Callable
) -> None:
    watch = Stopwatch()
    mine = [event for event in plan.events if event.stem in names]
    sounds = CueAudio(plan, chunk_frames, watch, mine)
    layouts = {stem.name: LAYOUTS[stem.layout] for stem in plan.stems if stem.name in names}
    heard = ClipWriter(clips, plan).take if clips is not None else None

    def start_voice(event: Event) -> Voice:
        return Voice(event, sounds.of(event), layouts[event.stem])

    mixers = {
        stem.name: StemMixer(
            [event for event in mine if event.stem == stem.name], 10 ** (stem.gain_db / 20), start_voice, heard
        )
        for stem in plan.stems
        if stem.name in names
    }
    graph = StemGraph(plan, mixers, fail, sounds.codec)
    pipe.send(("ready", graph.latencies))
    channels = [layout.channels for layout in layouts.values()]
    graph.render(BlockCollector(channels, plan.length_samples, lambda block: pipe.send(("block", block))).take)
    graph_s = graph.engine_s - graph.pull_s - graph.push_s
    seconds = {"codec_s": watch.codec_s, "mix_s": graph.pull_s - watch.codec_s, "graph_s": graph_s}
    pipe.send(("done", (seconds, sounds.counts)))
