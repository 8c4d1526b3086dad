"""The common base of the classic stages: it checks and sanitises blocks, keeps controls and saves the state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.effects.stage import Stage
from plugin_backend.parameters import Choice


def db_to_gain(gain_db: float) -> float:
    """Return the linear factor of a gain in dB.

    Examples:
        >>> db_to_gain(-20.0)
        0.1
    """
    return 10 ** (gain_db / 20)


class Part(Protocol):
    """A part of a stage that has a state."""

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays."""

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a saved state."""


class DspStage(Stage):
    """A stage without latency.

    A subclass sets ``parameters`` and, in ``gliding``, those that are a number at every sample, each with the function
    that maps the control to what glides. It processes a block in :meth:`_process`. In ``parts`` it puts everything else
    that has ``state`` and ``restore``. In :meth:`_changed` it reacts to a control that does not glide.

    Args:
        sample_rate: in Hz.
        channels: of every block.
        fixed: further settings of a subclass, already validated.

    Attributes:
        values: values of ``parameters``. A choice's value is its number.
        position_samples: number of samples pushed.
        repaired_samples: number of NaN and infinite samples that came in; they were set to 0.

    Raises:
        ValueError: a number is less than 1.
    """

    gliding: Mapping[str, Callable[[float], float]] = {}

    def __init__(self, sample_rate: int, channels: int, **fixed: float | str):
        if sample_rate < 1 or channels < 1:
            raise ValueError(f"{channels} channels at {sample_rate} Hz; at least 1 is allowed")
        self.sample_rate, self.channels = sample_rate, channels
        self.values = {name: float(parameter.default) for name, parameter in self.parameters.items()}
        self.position_samples = self.repaired_samples = 0
        samples = round(FADE_S * sample_rate)

        self._smoothed = {
            name: SmoothedValue(shape(self.values[name]), samples) for name, shape in self.gliding.items()
        }
        self.parts: dict[str, Part] = dict(self._smoothed)
        arguments = f"{type(self).__name__} {sample_rate} {channels} {sorted(fixed.items())}"
        self._arguments = np.frombuffer(arguments.encode(), np.uint8)

    def set(self, name: str, value: float | str) -> None:
        """Set one of ``parameters``, from the next sample on. A choice is given by name or number.

        Raises:
            ProjectError: the value is out of range.
        """
        self.values[name] = number = self.parameters[name].validate(value)
        if name in self.gliding:
            self._smoothed[name].select(self.gliding[name](number), at_once=not self.position_samples)
        else:
            self._changed(name)

    def choice_name(self, name: str) -> str:
        """Return the name of a choice's current value."""
        parameter = self.parameters[name]
        assert isinstance(parameter, Choice)
        return parameter.names[int(self.values[name])]

    def push(self, block: np.ndarray) -> np.ndarray:
        """Process ``[channels, n]``. Return ``[channels, n]`` float32.

        Raises:
            ValueError: the number of channels is wrong.
        """
        block = self._check_block(block)
        output = self._process(block) if block.shape[1] else block
        self.position_samples += block.shape[1]
        return np.asarray(output, np.float32)

    @abstractmethod
    def _process(self, block: np.ndarray) -> np.ndarray:
        """Process ``[channels, n]``, n at least 1."""

    def _changed(self, name: str) -> None:
        """React to a control that does not glide."""

    def _glide(self, name: str, count: int) -> float | np.ndarray:
        return self._smoothed[name].advance(count)

    def state(self) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name.

        After :meth:`restore` the stream continues with the same samples.
        """
        arrays = {"made_by": self._arguments.copy(), "values": np.array(list(self.values.values()))}
        arrays |= {"counts": np.array([self.position_samples, self.repaired_samples])}
        return arrays | {
            f"{name}.{key}": value for name, part in self.parts.items() for key, value in part.state().items()
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Continue from the state of another stage. This stage must be new, and made with the same arguments.

        Raises:
            ValueError: the state is of another stage, or of one with other arguments.
        """
        if not np.array_equal(state["made_by"], self._arguments):
            raise ValueError("this state is of another stage, sample rate, number of channels or fixed setting")
        self.values = dict(zip(self.parameters, state["values"].tolist(), strict=True))
        self.position_samples, self.repaired_samples = state["counts"].tolist()
        for name, part in self.parts.items():
            prefix = f"{name}."
            part.restore({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
