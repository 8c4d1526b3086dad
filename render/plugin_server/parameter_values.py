"""The parameters of a hop as numbers that can be used, and which of them a host has turned."""

from __future__ import annotations

import numpy as np

from plugin_backend.daw_plugin.parameters import INDEX, PLUGIN_PARAMETERS, PluginParameter

INITIAL = np.array([parameter.row.default for parameter in PLUGIN_PARAMETERS])
_LOW = np.array([parameter.row.low for parameter in PLUGIN_PARAMETERS])
_HIGH = np.array([parameter.row.high for parameter in PLUGIN_PARAMETERS])

AFTER = [INDEX[name] for name in ("mix", "lfo_depth", "lfo_rate_hz", "gain_db")]
"""What is done to the sound once the codec has made it."""


def in_range(parameters: np.ndarray) -> np.ndarray:
    """Values in the order of ``PLUGIN_PARAMETERS``, float64; one out of range is at its end, NaN is its default."""
    values = np.asarray(parameters[: INITIAL.size], np.float64)
    return np.clip(np.where(np.isnan(values), INITIAL, values), _LOW, _HIGH)


class ChangedParameters:
    """Which controls changed since they were last asked for; at first, and after :meth:`reset`, all."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Tell all of them next."""
        self._last = np.full(INITIAL.size, np.nan)

    def now(self, values: np.ndarray) -> list[tuple[PluginParameter, float]]:
        """Those that have a control and changed."""
        changed = (values != self._last).nonzero()[0].tolist()
        self._last = values
        rows = ((PLUGIN_PARAMETERS[index], float(values[index])) for index in changed)
        return [(parameter, value) for parameter, value in rows if parameter.control]


def number(values: np.ndarray, name: str) -> int:
    """A whole parameter."""
    return round(float(values[INDEX[name]]))
