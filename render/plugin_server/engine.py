"""What a plug-in instance plays: a hop of sound, parameters and MIDI in, a hop of sound out."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from presets.preset import Preset


class Engine(ABC):
    """Answers hops one after another; one thread pushes.

    Attributes:
        channels, hop_samples, rate_hz: of every hop.
        latency_samples: output sample *i* is what input sample ``i − latency_samples`` became, or what began there.
        problems: lines to tell the user; who tells them clears the list.
    """

    channels: int
    hop_samples: int
    rate_hz: int
    latency_samples: int
    problems: list[str]

    @abstractmethod
    def push(self, hop: np.ndarray, parameters: np.ndarray, events: list[tuple[int, bytes]], wait: bool) -> np.ndarray:
        """Play one hop.

        Args:
            hop: ``[channels, hop_samples]`` float32.
            parameters: values in the order of ``PLUGIN_PARAMETERS``, in their own units; they act on what this hop's
                first sample becomes and on, or the codec's next hop. None is trusted: see
                :func:`render.plugin_server.parameter_values.in_range`.
            events: sample of the hop → short MIDI message, in order.
            wait: whether a preset that is not loaded is loaded now (offline), and not beside (real time), to act once
                it is there.

        Returns:
            ``[channels, hop_samples]`` float32, finite.
        """

    @abstractmethod
    def session(self, slot: str, preset: Preset | None) -> None:
        """Give what number 0 is in slot ``a`` or ``b``; from any thread.

        Raises:
            PresetError: it is of another model.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget what came before: the next hop is the first of a sound."""

    @abstractmethod
    def close(self) -> None:
        """End what runs beside."""
