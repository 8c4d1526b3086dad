"""Stop a run at any moment, so that a later run still reaches the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class StopRequest:
    """Whether a run must stop, and whether it may stop now.

    Until an optimizer changes the weights, a step can be abandoned, and so can a validation and a save: the next run
    repeats them. After that the step must finish.
    """

    def __init__(self) -> None:
        self._requested, self._changing = False, False

    def request(self) -> None:
        """Stop at once, or when the change in progress is complete. A signal handler calls this.

        Raises:
            KeyboardInterrupt: at once. If it is not raised here, the end of the change raises it.
        """
        if not self._requested:
            self._requested = True
            if not self._changing:
                raise KeyboardInterrupt

    def watch(self, optimizer: torch.optim.Optimizer) -> None:
        """Treat every step of this optimizer as the start of a change."""
        optimizer.register_step_pre_hook(self._begin)

    def _begin(self, *_: object) -> None:
        self._changing = True

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Make all changes in this block, or none. A change that began before also ends here.

        Raises:
            KeyboardInterrupt: a stop was requested in the meantime.
        """
        self._changing = True
        yield
        self._changing = False
        if self._requested:
            raise KeyboardInterrupt
