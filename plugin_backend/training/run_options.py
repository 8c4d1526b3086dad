"""What surrounds a training run: its device, its log, and the facts that its record keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plugin_backend.training.loggers import Logger


@dataclass(frozen=True)
class RunOptions:
    """What surrounds a run.

    Attributes:
        facts: what the checkpoint's record keeps besides the settings.
        device: see :func:`~plugin_backend.training.device.pick_device`.
        logger: gets losses and example sounds.
        report: called with one line of text at each validation.
        began_s: when the command began, by :func:`time.monotonic`: its budget counts from then; by default from now.
    """

    facts: dict = field(default_factory=dict)
    device: str = "auto"
    logger: Logger = field(default_factory=Logger)
    report: Callable[[str], None] = print
    began_s: float | None = None
