"""Fork render processes from a warm worker: the codec is loaded already, and a crash fails one job only."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from plugin_backend.errors import WorkerError
from plugin_backend.models.registry import PCM, preload_codec
from plugin_backend.platform_calls import KILLED_STATUS, start_method
from plugin_backend.processes import die_with_parent, one_thread_per_process
from render.batch.engines.protocol import Kind
from render.engine.render_worker import render_stems
from render.engine.stream import RenderProcess
from render.plan.plan import Plan
from render.project.effect_schema import Transfer

CONTEXT = start_method()
"""Start method. With ``spawn`` every job loads its codec."""


def warm_up(plan: Plan) -> None:
    """Load once what a plan's render processes need; all processes forked afterwards share it."""
    import dawdreamer  # noqa: F401

    transfers: Iterator[Any] = (
        effect for stem in plan.stems for effect in stem.effects if isinstance(effect, Transfer)
    )
    models = {*(event.codec for event in plan.events), *(transfer.model for transfer in transfers)} - {PCM}
    with one_thread_per_process():  # no thread may be alive at the fork
        for model in models if CONTEXT == "fork" else ():
            if torch := sys.modules.get("torch"):
                torch.set_num_threads(1)
            preload_codec(model)


def _render(parent: int, *arguments: Any) -> None:
    die_with_parent(parent)
    render_stems(*arguments)


class WarmProcess(RenderProcess):
    """A render process of a batch: forked, killed after ``hang_s`` without progress; its death names stem and plug-in.

    ``deaths`` receives the kind of failure if it dies.
    """

    context = CONTEXT

    def __init__(self, plan: Plan, *arguments: Any, hang_s: float, deaths: list[Kind]) -> None:
        self.target = partial(_render, os.getpid())
        self.hang_s, self._deaths = hang_s, deaths
        super().__init__(plan, *arguments)

    def hang_error(self) -> WorkerError:
        self._deaths.append("crash")
        return super().hang_error()

    def death_error(self, status: int | None) -> WorkerError:
        if status == KILLED_STATUS:
            self._deaths.append("killed")
            return WorkerError(f"{self.description()} was killed (SIGKILL): out of memory, or by hand")
        self._deaths.append("crash")
        status_text = signal.Signals(-status).name if status is not None and status < 0 else f"exit status {status}"
        return WorkerError(f"{self.description()} crashed ({status_text})")
