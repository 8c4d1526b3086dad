"""Live progress of a batch on standard error: of the whole batch, and of each running job."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from render.batch import BatchPlan, Event
from studio.terminal.progress import progress_bar
from studio.terminal.safe_print import console

MESSAGES = {
    "done": "{job}: done in {wall_s:.1f} s",
    "failed": "{job}: failed: {message}",
    "retry": "{job}: again in {after_s:.0f} s: {message}",
    "remark": "{job}: {message}",
}

PARTS = 1000
"""A job's progress is counted in this many parts: whole numbers, so that all jobs add up to the whole batch."""


@contextmanager
def planning_bar(jobs: int) -> Iterator[Callable[[int], None]]:
    """Show a bar while jobs are planned. Yields a function that advances it by a number of jobs."""
    with progress_bar() as bar:
        task = bar.add_task("planning", total=jobs)
        yield lambda jobs_done: bar.advance(task, jobs_done)


class BatchProgress:
    """Progress bars, weighted by the estimated time of each job. Call it with every event."""

    def __init__(self, plan: BatchPlan):
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}", markup=False),
        )
        self._bar = Progress(*columns, console=console())
        jobs = {planned.job.name: planned for planned in plan.jobs if planned.job.name in plan.todo}
        self._weights = {name: round(plan.predicted_s(planned) * 1000) + 1 for name, planned in jobs.items()}
        self._programme_s = {name: planned.cost.programme_s for name, planned in jobs.items() if planned.cost}
        self._parts = dict.fromkeys(jobs, 0)
        self._whole = self._bar.add_task("batch", total=sum(self._weights.values()) * PARTS or 1, speed="")
        self._tasks: dict[str, tuple[TaskID, float]] = {}
        self._done, self._rendered_s = 0, 0.0
        self._began = monotonic()

    def __enter__(self) -> BatchProgress:
        self._bar.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        job = event.job
        if event.kind == "start":
            self._tasks[job] = self._bar.add_task(job, total=1.0, speed=""), monotonic()
            self._advance_to(job, 0.0)
        elif event.kind == "progress" and job in self._tasks:
            self._advance_to(job, event.samples / event.of_samples)
        elif event.kind in MESSAGES:
            line = MESSAGES[event.kind].format(
                job=job, message=event.message, wall_s=event.wall_s, after_s=event.after_s
            )
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            if event.kind != "remark" and job in self._tasks:
                self._advance_to(job, 0.0 if event.kind == "retry" else 1.0)
                self._bar.remove_task(self._tasks.pop(job)[0])

    def _advance_to(self, job: str, part: float) -> None:
        if job not in self._parts:
            return
        more = round(part * PARTS) - self._parts[job]
        self._parts[job] += more
        self._done += more * self._weights[job]
        self._rendered_s += more * self._programme_s[job] / PARTS
        task, began = self._tasks[job]
        speed = _speed(part * self._programme_s[job], monotonic() - began)
        self._bar.update(task, completed=part, speed=speed)
        speed = _speed(self._rendered_s, monotonic() - self._began)
        self._bar.update(self._whole, completed=self._done, speed=speed)


def _speed(programme_s: float, seconds: float) -> str:
    return f"{programme_s / seconds:.1f} × real time" if seconds > 0 else ""
