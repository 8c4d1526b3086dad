"""A render of the timeline into files, in a thread, with progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from plugin_backend.errors import PisadaError, RenderError
from plugin_backend.text import in_one_line
from render.delivery.deliver import Delivery, deliver
from render.delivery.report import MeasuredFile
from render.engine.cue_cache import CueCache
from render.plan.plan import Plan
from render.project.project import Project
from studio.web.timeline.views import RenderView
from studio.workflows.render import write_sessions

STOPPED = "stopped"


class RenderJob:
    """One render. What is equal in the version before is kept (``render/delivery/incremental``).

    Args:
        plan: what to render.
        project: its project.
        out: folder of the versions.
        cache: decoded cues.
        revision: the edits that it holds.
    """

    def __init__(self, plan: Plan, project: Project, out: Path, cache: CueCache, revision: int):
        self._plan, self._project, self._out, self._cache, self._revision = plan, project, out, cache, revision
        self._done_samples, self._stopping, self._problem = 0, False, ""
        self._delivery: Delivery | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="timeline-render")
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still renders."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop it; it leaves no files."""
        self._stopping = True

    def wait(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def view(self) -> RenderView:
        """Return its state as the page gets it."""
        if self.running:
            return RenderView("running", self._done_samples / self._plan.length_samples, revision=self._revision)
        if self._delivery is None:
            state = STOPPED if self._stopping else "failed"
            return RenderView(state, problem=self._problem, revision=self._revision)
        delivery = self._delivery
        levels = {measured.file: _level(measured) for measured in delivery.measured.values()}
        return RenderView(
            "done",
            1.0,
            revision=self._revision,
            files=list(self.files()),
            levels=levels,
            decoded=delivery.decoded,
            cached=delivery.cached,
            notes=[*self._plan.remarks, *delivery.remarks],
        )

    def stems(self) -> dict[str, Path]:
        """Return stem name → file of a finished render."""
        return dict(self._delivery.stems) if self._delivery is not None else {}

    def files(self) -> dict[str, Path]:
        """Return name → file of a finished render: stems, sessions, report, plot."""
        delivery = self._delivery
        if delivery is None:
            return {}
        paths = [*delivery.stems.values(), *delivery.extra_files, delivery.report, delivery.plot]
        return {path.name: path for path in paths if path.is_file()}

    def _run(self) -> None:
        formats = ("rpp", "otio", *(["aaf"] if find_spec("aaf2") is not None else []))
        sessions: Callable[[Path], list[Path]] = partial(write_sessions, formats, self._out)
        try:
            self._delivery = deliver(
                self._plan, self._project, self._out, cache=self._cache, progress=self._advance, extra_files=sessions
            )
        except PisadaError as problem:
            self._problem = in_one_line(problem)
        except Exception as problem:  # noqa: BLE001 - shown in the page, which has no terminal
            self._problem = f"the render failed: {type(problem).__name__}: {in_one_line(problem)}"

    def _advance(self, samples: int) -> None:
        self._done_samples += samples
        if self._stopping:
            raise RenderError("the render was stopped")


def _level(measured: MeasuredFile) -> str:
    """Return a file's loudness and true peak as text."""
    loudness = measured.loudness
    parts = ((loudness.integrated_lufs, "LUFS"), (loudness.true_peak_dbtp, "dBTP"))
    return ", ".join(f"{value:.1f} {unit}" for value, unit in parts if value is not None)
