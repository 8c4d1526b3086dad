"""A parametric equaliser: two shelves, three bells, two cuts."""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.crossfade import FADE_S, Crossfade
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.parameters import EQ, HIGH_CUT_OFF_HZ, LOW_CUT_OFF_HZ

THROUGH = np.array([1.0, 0, 0, 1, 0, 0])
HIGHEST = 0.49
"""Of the sample rate: what lies above cannot be filtered, and is left alone."""


def bell(hz: float, gain_db: float, q: float, sample_rate: int) -> np.ndarray:
    """``gain_db`` at ``hz``, ``[6]``."""
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    alpha = np.sin(w) / (2 * q)
    return _section([1 + alpha * a, -2 * np.cos(w), 1 - alpha * a], [1 + alpha / a, -2 * np.cos(w), 1 - alpha / a])


def shelf(hz: float, gain_db: float, high: bool, sample_rate: int) -> np.ndarray:
    """``gain_db`` far below ``hz``, or far above, and half of it there, ``[6]``."""
    if not gain_db or hz > HIGHEST * sample_rate:
        return THROUGH
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / sample_rate
    side = -np.cos(w) if high else np.cos(w)  # the high shelf is the low one, mirrored
    root = 2 * np.sqrt(a) * np.sin(w) / np.sqrt(2)
    b = [a * (a + 1 - (a - 1) * side + root), 2 * a * (a - 1 - (a + 1) * side), a * (a + 1 - (a - 1) * side - root)]
    c = [a + 1 + (a - 1) * side + root, -2 * (a - 1 + (a + 1) * side), a + 1 + (a - 1) * side - root]
    if high:
        b[1], c[1] = -b[1], -c[1]
    return _section(b, c)


def cut(hz: float, order: int, high: bool, sample_rate: int, sections: int) -> np.ndarray:
    """−3 dB at ``hz`` and less below (or above), in so many sections ``[sections, 6]``."""
    from scipy.signal import butter

    rows = np.tile(THROUGH, (sections, 1))
    if hz <= HIGHEST * sample_rate:
        made = butter(order, hz, "lowpass" if high else "highpass", fs=sample_rate, output="sos")
        rows[: len(made)] = made
    return rows


def _section(b: list[float], a: list[float]) -> np.ndarray:
    return np.array([*b, *a]) / a[0]


CUT_SECTIONS, COEFFICIENTS = 4, 6
FORGOTTEN = 1e-30
"""What is left of a sound in a filter's memory below this is let go: no denormals."""


class Eq(DspStage):
    """Each channel through the same filters; to the bit where nothing is set.

    Another setting is another filter, cross-faded; sections that stay as they are go on with what they remember, the
    others begin with nothing. Of settings that come during a fade the latest is taken after it.
    """

    parameters = EQ

    def __init__(self, sample_rate: int, channels: int):
        from scipy.signal import sosfilt

        super().__init__(sample_rate, channels)
        self._sosfilt = sosfilt  # imported here, and not while it plays
        self._turned = True
        self.parts["filter"] = self._filter = Crossfade(self._rows(), round(FADE_S * sample_rate), self._take_over)

    def _changed(self, name: str) -> None:
        self._turned = True

    def _rows(self) -> np.ndarray:
        """Coefficients and memory of every section, ``[sections, 6 + 2 * channels]``."""
        values, rate, order = self.values, self.sample_rate, round(self.values["cut_order"])
        off = np.tile(THROUGH, (CUT_SECTIONS, 1))
        low, high = values["low_cut_hz"], values["high_cut_hz"]
        sections = [
            cut(low, order, False, rate, CUT_SECTIONS) if low > LOW_CUT_OFF_HZ else off,
            cut(high, order, True, rate, CUT_SECTIONS) if high < HIGH_CUT_OFF_HZ else off,
            shelf(values["low_shelf_hz"], values["low_shelf_db"], False, rate)[None],
            *(bell(*(values[f"peak{n}_{it}"] for it in ("hz", "db", "q")), rate)[None] for n in (1, 2, 3)),
            shelf(values["high_shelf_hz"], values["high_shelf_db"], True, rate)[None],
        ]
        rows = np.concatenate(sections)
        return np.hstack([rows, np.zeros((len(rows), 2 * self.channels))])

    @staticmethod
    def _take_over(before: np.ndarray, now: np.ndarray) -> None:
        alike = (now[:, :COEFFICIENTS] == before[:, :COEFFICIENTS]).all(axis=1)
        now[alike, COEFFICIENTS:] = before[alike, COEFFICIENTS:]

    def _process(self, heard: np.ndarray) -> np.ndarray:
        if self._turned:
            self._filter.select(self._rows(), at_once=not self.position_samples)
            self._turned = False
        if self._filter.is_idle:
            return self._filtered(heard, self._filter.now)
        out = np.empty(heard.shape)
        for here, before, now, weight in self._filter.parts(heard.shape[1]):
            made = self._filtered(heard[:, here], now)
            if before is not None:
                gone = self._filtered(heard[:, here], before)
                made = gone + weight * (made - gone)
            out[:, here] = made
        return out

    def _filtered(self, heard: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """``heard`` through what does something of ``rows``, whose memory goes on."""
        used = (rows[:, :COEFFICIENTS] != THROUGH).any(axis=1)
        if not used.any():
            return heard
        memory = rows[used, COEFFICIENTS:].reshape(-1, self.channels, 2)
        made, memory = self._sosfilt(rows[used, :COEFFICIENTS], heard.astype(np.float64), axis=1, zi=memory)
        memory[np.abs(memory) < FORGOTTEN] = 0.0
        rows[used, COEFFICIENTS:] = memory.reshape(len(memory), -1)
        return made

    def state(self) -> dict[str, np.ndarray]:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        return super().state() | {"turned": np.array(self._turned)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """See :class:`~plugin_backend.effects.stage.Stage`."""
        super().restore(state)
        self._turned = bool(state["turned"])
