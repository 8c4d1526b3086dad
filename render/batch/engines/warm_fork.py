"""Render processes forked from a warm worker: the codec is there already, and a crash takes one job along."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial

from plugin_backend.errors import WorkerError
from plugin_backend.models.registry import PCM, preload_codec
from plugin_backend.processes import die_with_parent
from render.engine.render_worker import render_stems
from render.engine.stream import RenderProcess
from render.plan.plan import Plan
from render.project.effect_schema import Transfer

CONTEXT = "fork" if sys.platform == "linux" else "spawn"
"""Elsewhere a fork does not survive the system's own threads, and every job loads its codec."""


def warm_up(plan: Plan) -> None:
    """Load what a plan's render processes need, once, for all that are forked from here."""
    import dawdreamer  # noqa: F401

    transfers = (effect for stem in plan.stems for effect in stem.effects if isinstance(effect, Transfer))
    models = {*(event.codec for event in plan.events), *(transfer.model for transfer in transfers)} - {PCM}
    for model in models if CONTEXT == "fork" else ():
        import torch

        torch.set_num_threads(1)  # no thread is alive when we fork
        preload_codec(model)


def _rendered(parent: int, *arguments) -> None:
    die_with_parent(parent)
    render_stems(*arguments)


class WarmProcess(RenderProcess):
    """A render process of a batch: forked, silent at most ``hang_s``, its death told with stem and plug-in.

    Attributes:
        death: the kind of cause, once it has died.
    """

    context = CONTEXT

    def __init__(self, plan: Plan, *arguments, hang_s: float, deaths: list[str]):
        self.target = partial(_rendered, os.getpid())
        self.hang_s, self._deaths = hang_s, deaths
        super().__init__(plan, *arguments)

    def hung(self) -> WorkerError:
        self._deaths.append("crash")
        return super().hung()

    def died(self, status: int) -> WorkerError:
        if status == -signal.SIGKILL:
            self._deaths.append("killed")
            return WorkerError(f"{self.who()} was killed (SIGKILL): out of memory, or by hand")
        self._deaths.append("crash")
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return WorkerError(f"{self.who()} crashed ({how})")
