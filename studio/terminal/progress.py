"""The progress bar of commands that render."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from studio.terminal.safe_print import console


def progress_bar() -> Progress:
    """What is done, how much of it and how long it will take, on standard error."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console())
