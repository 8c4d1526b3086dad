"""What all the classic stages do alike: check and clean blocks, keep controls, save where they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, SmoothedValue
from plugin_backend.effects.stage import Stage


def db_to_gain(gain_db: float) -> float:
    """A gain's factor."""
    return 10 ** (gain_db / 20)


class DspStage(Stage):
    """A stage without latency.

    A subclass names its ``parameters`` and, in ``gliding``, those that act as a number at every sample, with what of
    them glides; it says in :meth:`_process` what becomes of a block, in ``parts`` what else remembers (each with
    ``state`` and ``restore``), and in :meth:`_changed` what a control that does not glide does.

    Args:
        sample_rate: in Hz.
        channels: of every block.
        fixed: what a subclass is told besides, already checked.

    Attributes:
        values: of ``parameters``, as they are set; a choice's is its number.
        position_samples: how many samples have been pushed.
        repaired_samples: how many NaN and infinite samples came in; they were taken for 0.

    Raises:
        ValueError: a number less than 1.
    """

    gliding: Mapping[str, Callable[[float], float]] = {}

    def __init__(self, sample_rate: int, channels: int, **fixed):
        if sample_rate < 1 or channels < 1:
            raise ValueError(f"{channels} channels at {sample_rate} Hz; at least 1 is allowed")
        self.sample_rate, self.channels = sample_rate, channels
        self.values = {name: float(parameter.default) for name, parameter in self.parameters.items()}
        self.position_samples = self.repaired_samples = 0
        samples = round(FADE_S * sample_rate)
        self.parts = {name: SmoothedValue(shape(self.values[name]), samples) for name, shape in self.gliding.items()}
        told = f"{type(self).__name__} {sample_rate} {channels} {sorted(fixed.items())}"
        self._made_by = np.frombuffer(told.encode(), np.uint8)

    def set(self, name: str, value: float) -> None:
        """Set one of ``parameters``, from the next sample pushed on; a choice by name or number.

        Raises:
            ProjectError: out of range.
        """
        self.values[name] = value = self.parameters[name].checked(value)
        if name in self.gliding:
            self.parts[name].select(self.gliding[name](value), at_once=not self.position_samples)
        else:
            self._changed(name)

    def chosen(self, name: str) -> str:
        """The name of what a choice stands on."""
        return self.parameters[name].names[int(self.values[name])]

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take ``[channels, n]``; answer ``[channels, n]`` float32.

        Raises:
            ValueError: another number of channels.
        """
        heard = self._received(block)
        made = self._process(heard) if heard.shape[1] else heard
        self.position_samples += heard.shape[1]
        return np.asarray(made, np.float32)

    @abstractmethod
    def _process(self, heard: np.ndarray) -> np.ndarray:
        """What becomes of ``[channels, n]``, of which there is at least one sample."""

    def _changed(self, name: str) -> None:
        """A control that does not glide was set."""

    def _glide(self, name: str, count: int) -> float | np.ndarray:
        return self.parts[name].take(count)

    def state(self) -> dict[str, np.ndarray]:
        """Where the stream is, as plain arrays by name: with :meth:`restore` it goes on with the same samples."""
        own = {"made_by": self._made_by.copy(), "values": np.array(list(self.values.values()))}
        own |= {"counts": np.array([self.position_samples, self.repaired_samples])}
        return own | {f"{name}.{key}": value for name, it in self.parts.items() for key, value in it.state().items()}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where another stage was; this one must be new, and made alike.

        Raises:
            ValueError: the state is of another stage, or of one made otherwise.
        """
        if not np.array_equal(state["made_by"], self._made_by):
            raise ValueError("this state is of another stage, sample rate, number of channels or fixed setting")
        self.values = dict(zip(self.parameters, state["values"].tolist(), strict=True))
        self.position_samples, self.repaired_samples = state["counts"].tolist()
        for name, it in self.parts.items():
            head = f"{name}."
            it.restore({key.removeprefix(head): value for key, value in state.items() if key.startswith(head)})
