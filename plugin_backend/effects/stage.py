"""The contract of everything that processes a stream block by block: the transfer node, effects, and layers of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from plugin_backend.dsp.sanitize import sanitize
from plugin_backend.parameters import Parameter


class Stage(ABC):
    """Processes blocks: as many samples out as in, late by a constant.

    Block boundaries change nothing above −120 dBFS. A control acts from the next sample (or the stage's next hop) on,
    and glides where a jump would click.

    Attributes:
        parameters: the controls that :meth:`set` takes.
        channels: of every block.
        latency_samples: output sample *i* belongs to input sample ``i − latency_samples``.
        multiple_samples: every block's length must be a multiple of this.
        repaired_samples: number of NaN and infinite samples that came in; they were set to 0.
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
            ProjectError: the value is out of range.
        """

    @abstractmethod
    def push(self, block: np.ndarray) -> np.ndarray:
        """Process ``[channels, n]`` float32. Return the same shape.

        Raises:
            ValueError: the number of channels is wrong, or *n* is not a multiple of ``multiple_samples``.
        """

    def _check_block(self, block: np.ndarray) -> np.ndarray:
        """Check the shape of the block, and return it sanitised."""
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
        """Return the state as plain arrays by name.

        After :meth:`restore` the stream continues with the same samples.
        """

    @abstractmethod
    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from the state of another stage. This stage must be new, and made with the same arguments.

        Raises:
            ValueError: the state is of a stage with other arguments.
        """
