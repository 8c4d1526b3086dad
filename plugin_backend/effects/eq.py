"""A parametric equaliser: two shelves, three peaks, two cuts."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import EQ, HIGH_CUT_OFF_HZ, LOW_CUT_OFF_HZ

THROUGH = np.array([1.0, 0, 0, 1, 0, 0])
HIGHEST = 0.49
"""Relative to the sample rate. Filters above this frequency are not possible and do nothing."""


def bell(hz: float, gain_db: float, q: float, sample_rate: int) -> np.ndarray:
    """Return the section of a peak filter, ``[6]``: ``gain_db`` at ``hz``.

    Args:
        hz: centre frequency.
        gain_db: gain at the centre.
        q: centre frequency divided by bandwidth.
        sample_rate: in Hz.
    """
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    alpha = np.sin(w) / (2 * q)
    return _section([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a], [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])


def shelf(hz: float, gain_db: float, high: bool, sample_rate: int) -> np.ndarray:
    """Return the section of a shelf, ``[6]``: ``gain_db`` far below (or above) ``hz``, and half of it at ``hz``.

    Args:
        hz: frequency of half the gain.
        gain_db: gain far from it.
        high: a high shelf instead of a low one.
        sample_rate: in Hz.
    """
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    side = -np.cos(w) if high else np.cos(w)  # the high shelf is the low one, mirrored
    root = 2 * np.sqrt(a) * np.sin(w) / np.sqrt(2)
    b = [a * (a + 1 - (a - 1) * side + root), 2 * a * (a - 1 - (a + 1) * side), a * (a + 1 - (a - 1) * side - root)]
    a_row = [a + 1 + (a - 1) * side + root, -2 * (a - 1 + (a + 1) * side), a + 1 + (a - 1) * side - root]
    if high:
        b[1], a_row[1] = -b[1], -a_row[1]
    return _section(b, a_row)


def cut(hz: float, order: int, high: bool, sample_rate: int, sections: int) -> np.ndarray:
    """Return the sections of a Butterworth cut, ``[sections, 6]``: −3 dB at ``hz`` and less below (or above).

    Args:
        hz: frequency of −3 dB.
        order: 1 to 8.
        high: a high cut instead of a low one.
        sample_rate: in Hz.
        sections: number of rows of the result.
    """
    from scipy.signal import butter

    rows = np.tile(THROUGH, (sections, 1))
    if hz <= HIGHEST * sample_rate:
        output = butter(order, hz, "lowpass" if high else "highpass", fs=sample_rate, output="sos")
        rows[: len(output)] = output
    return rows


def _section(b: list[float], a: list[float]) -> np.ndarray:
    return np.array([*b, *a]) / a[0]


CUT_SECTIONS, COEFFICIENTS = 4, 6
FORGOTTEN = 1e-30
"""A smaller filter memory is set to 0, so that there are no denormals."""


class Eq(DspStage):
    """Filters each channel with the same filters. Nothing changes, to the bit, if no filter is set.

    A new setting is a new filter, cross-faded. Sections that do not change keep their memory; the others begin with
    none. If several settings come during a fade, the latest is taken after it.
    """

    parameters = EQ

    def __init__(self, sample_rate: int, channels: int):
        from scipy.signal import sosfilt

        super().__init__(sample_rate, channels)
        self._sosfilt = sosfilt  # imported here, not during playback
        self._is_changed = True
        self.parts["filter"] = self._filter = Crossfade(self._rows(), round(FADE_S * sample_rate), self._keep_memory)

    def _changed(self, name: str) -> None:
        self._is_changed = True

    def _rows(self) -> np.ndarray:
        """Return coefficients and memory of every section, ``[sections, 6 + 2 * channels]``."""
        values, rate, order = self.values, self.sample_rate, round(self.values["cut_order"])
        off = np.tile(THROUGH, (CUT_SECTIONS, 1))
        low, high = values["low_cut_hz"], values["high_cut_hz"]
        sections = [
            cut(low, order, False, rate, CUT_SECTIONS) if low > LOW_CUT_OFF_HZ else off,
            cut(high, order, True, rate, CUT_SECTIONS) if high < HIGH_CUT_OFF_HZ else off,
            shelf(values["low_shelf_hz"], values["low_shelf_db"], False, rate)[None],
            *(self._peak(number)[None] for number in (1, 2, 3)),
            shelf(values["high_shelf_hz"], values["high_shelf_db"], True, rate)[None],
        ]
        rows = np.concatenate(sections)
        return np.hstack([rows, np.zeros((len(rows), 2 * self.channels))])

    def _peak(self, number: int) -> np.ndarray:
        hz, gain_db, q = (self.values[f"peak{number}_{quantity}"] for quantity in ("hz", "db", "q"))
        return bell(hz, gain_db, q, self.sample_rate)

    @staticmethod
    def _keep_memory(before: np.ndarray, now: np.ndarray) -> None:
        unchanged = (now[:, :COEFFICIENTS] == before[:, :COEFFICIENTS]).all(axis=1)
        now[unchanged, COEFFICIENTS:] = before[unchanged, COEFFICIENTS:]

    def _process(self, block: np.ndarray) -> np.ndarray:
        if self._is_changed:
            self._filter.select(self._rows(), at_once=not self.position_samples)
            self._is_changed = False
        if self._filter.is_idle:
            return self._apply(block, self._filter.now)
        out = np.empty(block.shape)
        for part, before, now, weight in self._filter.parts(block.shape[1]):
            output = self._apply(block[:, part], now)
            if before is not None:
                old = self._apply(block[:, part], before)
                output = old + weight * (output - old)
            out[:, part] = output
        return out

    def _apply(self, block: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Filter the block with the rows that change something, and update their memory."""
        used = (rows[:, :COEFFICIENTS] != THROUGH).any(axis=1)
        if not used.any():
            return block
        memory = rows[used, COEFFICIENTS:].reshape(-1, self.channels, 2)
        output, memory = self._sosfilt(rows[used, :COEFFICIENTS], block.astype(np.float64), axis=1, zi=memory)
        memory[np.abs(memory) < FORGOTTEN] = 0.0
        rows[used, COEFFICIENTS:] = memory.reshape(len(memory), -1)
        return output

    def state(self) -> dict[str, np.ndarray]:
        """Return the state; see :meth:`~plugin_backend.effects.stage.Stage.state`."""
        return super().state() | {"turned": np.array(self._is_changed)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore a state; see :meth:`~plugin_backend.effects.stage.Stage.restore`."""
        super().restore(state)
        self._is_changed = bool(state["turned"])
