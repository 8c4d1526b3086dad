"""The engine of a plug-in instance: takes a hop of audio, parameters and MIDI; returns a hop of audio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from presets.preset import Preset


class Change(NamedTuple):
    """A parameter's new value from a sample of the hop on.

    Attributes:
        sample: in the hop.
        parameter: its place in ``PLUGIN_PARAMETERS``.
        value: in the parameter's unit. It may be out of range.
    """

    sample: int
    parameter: int
    value: float


class Engine(ABC):
    """Processes hops one after another; one thread pushes.

    Attributes:
        channels, hop_samples, rate_hz: of every hop.
        latency_samples: output sample *i* comes from input sample ``i − latency_samples``, or from a note that began
            there.
        problems: lines for the user; the reader clears the list.
    """

    channels: int
    hop_samples: int
    rate_hz: int
    latency_samples: int
    problems: list[str]

    @abstractmethod
    def push(
        self,
        hop: np.ndarray,
        parameters: np.ndarray,
        events: list[tuple[int, bytes]],
        wait: bool,
        changes: Sequence[Change] = (),
    ) -> np.ndarray:
        """Process one hop.

        Args:
            hop: ``[channels, hop_samples]`` float32.
            parameters: values in the order of ``PLUGIN_PARAMETERS``, in their own units. They take effect with this
                hop's first sample, or with the codec's next hop. They may be out of range: see
                :func:`render.plugin_server.parameter_values.in_range`.
            events: short MIDI messages, each with its sample in the hop, in order.
            wait: whether to load a missing preset now (offline). Otherwise (real time) it is loaded in the background
                and takes effect when it is ready.
            changes: of parameters that act on the sound after the codec, in order. Each takes effect on the sound of
                its sample, later by ``latency_samples``.

        Returns:
            ``[channels, hop_samples]`` float32, finite.
        """

    @abstractmethod
    def load_session_preset(self, slot: str, preset: Preset | None) -> None:
        """Set the session's own preset, number 0, in slot ``a`` or ``b``. Any thread may call it.

        Raises:
            PresetError: the preset is of another model.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget the past: the next hop is the first of a sound."""

    @abstractmethod
    def close(self) -> None:
        """End the engine's threads."""
