"""The progress bar that most commands use."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from studio.terminal.safe_print import console


def progress_bar() -> Progress:
    """Return a progress bar on standard error: task, bar, share and remaining time."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console())
