"""The contract of everything that sound runs through block by block: the transfer node, effects, layers of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from plugin_backend.parameter import Parameter


class Stage(ABC):
    """Blocks of sound in, as many samples out, late by a constant.

    Where blocks are cut changes nothing above −120 dBFS. A control that is set acts from the next sample pushed (or the
    stage's next hop) on, and glides where a jump would click.

    Attributes:
        parameters: what :meth:`set` takes.
        channels: of every block.
        latency_samples: output sample *i* is what input sample ``i − latency_samples`` became.
    """

    parameters: Mapping[str, Parameter]
    channels: int
    latency_samples: int = 0

    @abstractmethod
    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``.

        Raises:
            ProjectError: out of range.
        """

    @abstractmethod
    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]`` float32; answer as many."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Where the stream is, as plain arrays by name: with :meth:`restore` it goes on with the same samples."""

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where another stage was; this one must be new, and made alike.

        Raises:
            ValueError: the state is of a stage made otherwise.
        """
