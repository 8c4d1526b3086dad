"""The parameters of a hop, clamped to their ranges; and which of them the host has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from plugin_backend.daw_plugin.parameters import INDEX, PLUGIN_PARAMETERS
from render.plugin_server.engine import Change

INITIAL = np.array([parameter.row.default for parameter in PLUGIN_PARAMETERS])
_LOW = np.array([parameter.row.low for parameter in PLUGIN_PARAMETERS])
_HIGH = np.array([parameter.row.high for parameter in PLUGIN_PARAMETERS])

AFTER = [INDEX[name] for name in ("mix", "lfo_depth", "lfo_rate_hz", "gain_db")]
"""Parameters that act on the audio after the codec."""


def in_range(parameters: np.ndarray) -> np.ndarray:
    """Return values in the order of ``PLUGIN_PARAMETERS``, float64, clamped; NaN becomes the default."""
    values = np.asarray(parameters[: INITIAL.size], np.float64)
    return np.clip(np.where(np.isnan(values), INITIAL, values), _LOW, _HIGH)


def value_in_range(index: int, value: float) -> float:
    """Return a parameter's value, clamped; NaN becomes the default."""
    return float(min(max(INITIAL[index] if np.isnan(value) else value, _LOW[index]), _HIGH[index]))


class ChangedParameters:
    """Finds the controls that changed since the last call; at first, and after :meth:`reset`, all of them.

    Args:
        kind: the plug-in whose parameters count; ``None``: those of both.
    """

    def __init__(self, kind: str | None = None):
        self._controls = [
            parameter.control if kind in (None, *parameter.kinds) else "" for parameter in PLUGIN_PARAMETERS
        ]
        self.reset()

    def reset(self) -> None:
        """Report all controls in the next call."""
        self._last = np.full(INITIAL.size, np.nan)

    def update(self, values: np.ndarray) -> list[tuple[str, float]]:
        """Return the controls that changed, with their values."""
        changed = (values != self._last).nonzero()[0].tolist()
        self._last = values
        rows = ((self._controls[index], float(values[index])) for index in changed)
        return [(control, value) for control, value in rows if control]

    def within(self, changes: Sequence[Change]) -> Iterator[tuple[int, str, float]]:
        """Yield the changes within a hop whose parameters have a control: sample, control, and value in range."""
        for sample, index, value in changes:
            control, now = self._controls[index], value_in_range(index, value)
            if control and now != self._last[index]:
                self._last[index] = now
                yield sample, control, now


def number(values: np.ndarray, name: str) -> int:
    """Return a parameter as a whole number."""
    return round(float(values[INDEX[name]]))
