"""A render process: renders some stems of a plan and sends their blocks to its parent.

A render cannot be cancelled, and a plug-in may crash: so it runs in a process that may be killed.
Messages to the parent are ``(kind, payload)``: ``ready`` (latencies in samples), ``block``
(``[stems, 2, n]`` float32, every one ``SEND_SAMPLES`` long but the last), ``done`` (seconds by
activity), ``failed`` (error class name, message).
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
from plugin_backend.codecs import PCM, load_codec
from presets.bank import Bank
from render.events import Event, Plan
from render.graph import StemGraph
from render.mixer import StemMixer
from render.voice import Stopwatch, Voice

SEND_SAMPLES = 8192


class Gather:
    """Collects the stems' blocks until each has ``SEND_SAMPLES``, then hands them on together."""

    def __init__(self, stems: int, length_samples: int, send):
        self._room = [np.empty((2, 0), np.float32) for _ in range(stems)]
        self._left, self._send = length_samples, send

    def take(self, stem: int, block: np.ndarray) -> None:
        self._room[stem] = np.concatenate([self._room[stem], block], axis=1)
        due = min(SEND_SAMPLES, self._left)
        while due and all(room.shape[1] >= due for room in self._room):
            self._send(np.stack([room[:, :due] for room in self._room]))
            self._room = [room[:, due:] for room in self._room]
            self._left -= due
            due = min(SEND_SAMPLES, self._left)


def render_stems(plan: Plan, names: tuple[str, ...], chunk_frames: int, pipe: Connection) -> None:
    """The process's main function."""
    os.dup2(2, 1)  # plug-ins print; standard output belongs to the parent

    def fail(problem: Exception) -> None:
        if isinstance(problem, BrokenPipeError):  # the parent is gone
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
        _render(plan, names, chunk_frames, pipe, fail)
    except Exception as problem:  # noqa: BLE001 - told to the parent, whatever it is
        fail(problem)
    sys.stderr.flush()
    os._exit(0)  # tearing plug-ins down can crash, and there is nothing left to keep


def _render(plan: Plan, names: tuple[str, ...], chunk_frames: int, pipe: Connection, fail: Callable) -> None:
    bank, watch = Bank(plan.bank), Stopwatch()
    mine = [event for event in plan.events if event.stem in names]
    codecs = {name: load_codec(name) for name in sorted({event.codec for event in mine})}
    if set(codecs) - {PCM}:
        _one_thread()

    def start_voice(event: Event) -> Voice:
        preset = bank[event.preset] if event.preset is not None else None
        return Voice(event, preset, codecs[event.codec], chunk_frames, watch)

    mixers = {
        stem.name: StemMixer(
            [event for event in mine if event.stem == stem.name], 10 ** (stem.gain_db / 20), start_voice
        )
        for stem in plan.stems
        if stem.name in names
    }
    graph = StemGraph(plan, mixers, fail)
    pipe.send(("ready", graph.latencies))
    graph.render(Gather(len(mixers), plan.length_samples, lambda block: pipe.send(("block", block))).take)
    graph_s = graph.engine_s - graph.pull_s - graph.push_s
    pipe.send(("done", {"codec_s": watch.codec_s, "mix_s": graph.pull_s - watch.codec_s, "graph_s": graph_s}))


def _one_thread() -> None:
    """One thread per stream: two are slower under contention, and never change the samples."""
    import torch

    torch.set_num_threads(1)
