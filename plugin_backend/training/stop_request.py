"""How a run is stopped in the middle of anything, and still goes on to the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class StopRequest:
    """Whether a run is to stop, and whether it may now.

    Until an optimiser moves weights a step can be given up, as can a judgement and a save: the next session does them
    again. From then on it goes on to its end.
    """

    def __init__(self):
        self._asked, self._changing = False, False

    def ask(self) -> None:
        """Stop at once, or when the change that is under way is whole; called by the handler of a signal.

        Raises:
            KeyboardInterrupt: at once; where it is not raised here, the end of the change raises it.
        """
        if not self._asked:
            self._asked = True
            if not self._changing:
                raise KeyboardInterrupt

    def watch(self, optimiser: torch.optim.Optimizer) -> None:
        """A change begins whenever this optimiser moves weights."""
        optimiser.register_step_pre_hook(self._begin)

    def _begin(self, *_: object) -> None:
        self._changing = True

    @contextmanager
    def whole(self) -> Iterator[None]:
        """What changes here changes whole; a change that began before ends with it.

        Raises:
            KeyboardInterrupt: a stop was asked for meanwhile.
        """
        self._changing = True
        yield
        self._changing = False
        if self._asked:
            raise KeyboardInterrupt
