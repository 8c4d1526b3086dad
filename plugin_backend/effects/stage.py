"""The contract of everything that sound runs through block by block: the transfer node, effects, layers of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.parameters import Parameter


class Stage(ABC):
    """Blocks of sound in, as many samples out, late by a constant.

    Where blocks are cut changes nothing above −120 dBFS. A control that is set acts from the next sample pushed (or the
    stage's next hop) on, and glides where a jump would click.

    Attributes:
        parameters: what :meth:`set` takes.
        channels: of every block.
        latency_samples: output sample *i* is what input sample ``i − latency_samples`` became.
        multiple_samples: every block's length must be a multiple of this.
        repaired_samples: how many NaN and infinite samples came in; they were taken for 0.
    """

    parameters: Mapping[str, Parameter]
    channels: int
    latency_samples: int = 0
    multiple_samples: int = 1
    repaired_samples: int = 0

    @abstractmethod
    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``.

        Raises:
            ProjectError: out of range.
        """

    @abstractmethod
    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]`` float32; answer as many.

        Raises:
            ValueError: another number of channels, or *n* is not a multiple of ``multiple_samples``.
        """

    def _received(self, block: np.ndarray) -> np.ndarray:
        """The block checked, without what is no sound."""
        channels, count = block.shape
        if channels != self.channels or count % self.multiple_samples:
            raise ValueError(
                f"a block of {channels} channels, {count} samples; "
                f"{self.channels} channels in multiples of {self.multiple_samples} samples are allowed here"
            )
        block, repaired = sanitize(block)
        self.repaired_samples += repaired
        return block

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Where the stream is, as plain arrays by name: with :meth:`restore` it goes on with the same samples."""

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where another stage was; this one must be new, and made alike.

        Raises:
            ValueError: the state is of a stage made otherwise.
        """
