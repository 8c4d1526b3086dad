"""Decaying sinusoids fitted to a few bins of a spectrum, with the spectrum they really have.

``n`` samples of ``c · exp(s m)`` have the discrete Fourier transform ``c · (exp(s n) − 1) / (exp(s − 2πi k / n) − 1)``
at bin *k*: a line with a width, exact whatever the decay. It is an analytic function of the complex pole *s*, so
frequencies and decays of several neighbours are found together by a few complex Gauss–Newton steps (damped as
Levenberg and Marquardt do), the amplitudes solved for at each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LN_60_DB = np.log(1000)
LEAST_BINS, MOST_BINS, WIDTHS = 4, 60, 3.0
"""A line is fitted from 3 of its widths to either side, 4 bins at least, 60 at most."""

DECAYS_S = 0.025 * 2.0 ** np.arange(13)
SHORTEST_S, LONGEST_S = 0.01, 100.0
MOST_SHIFT_BINS = 1.5
MOST_CANCELLED = 6.0
"""Lines together hold at most so many times the energy that is heard of them: more would be a trick of numbers."""

STEPS, SETTLED = 14, 1e-6
DAMPING, EASIER, HARDER, GIVE_UP = 1e-3, 0.2, 8.0, 1e4


@dataclass(frozen=True)
class Line:
    """One decaying sinusoid, ``Re(start · exp(pole · m))`` at sample *m*.

    Attributes:
        pole: per sample: minus the fall, and *i* times the angular frequency.
        start: complex amplitude at sample 0.
    """

    pole: complex
    start: complex

    def width_bins(self, n: int) -> float:
        """How far from its centre it falls by 3 dB, in bins of ``n`` samples."""
        return -self.pole.real * n / (2 * np.pi)

    def centre_bins(self, n: int) -> float:
        """Its frequency in bins."""
        return self.pole.imag * n / (2 * np.pi)

    def spectrum(self, bins: np.ndarray, n: int) -> np.ndarray:
        """Of ``n`` samples from sample 0 on, at ``bins``: its own and its mirror image's."""
        own, image = (line_spectra(np.array([pole]), bins, n)[:, 0] for pole in (self.pole, np.conj(self.pole)))
        return (self.start * own + np.conj(self.start) * image) / 2


def line_spectra(poles: np.ndarray, bins: np.ndarray, n: int) -> np.ndarray:
    """The spectrum of each pole at amplitude 1, ``[bins, poles]``."""
    return np.expm1(poles * n) / (np.exp(poles - 2j * np.pi * bins[:, None] / n) - 1)


def _slope(poles: np.ndarray, bins: np.ndarray, n: int) -> np.ndarray:
    """Its derivative by the pole."""
    turn = np.exp(poles - 2j * np.pi * bins[:, None] / n)
    return (n * np.exp(poles * n) * (turn - 1) - np.expm1(poles * n) * turn) / np.square(turn - 1)


def _solved(poles: np.ndarray, bins: np.ndarray, n: int, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Amplitudes of the poles by least squares, what they leave, and its energy."""
    shape = line_spectra(poles, bins, n)
    starts = np.linalg.lstsq(shape, heard, rcond=None)[0]
    left = heard - shape @ starts
    return starts, left, float(np.vdot(left, left).real)


def bins_near(lines: list[Line], n: int, count: int) -> np.ndarray:
    """The bins, of ``count``, that lines are fitted from."""
    chosen = np.zeros(count, bool)
    for line in lines:
        reach = int(np.clip(np.ceil(WIDTHS * line.width_bins(n)), LEAST_BINS, MOST_BINS))
        centre = round(line.centre_bins(n))
        chosen[max(1, centre - reach) : centre + reach + 1] = True
    return np.flatnonzero(chosen)


def fit_first_line(spectrum: np.ndarray, peak: int, n: int, sample_rate: int) -> tuple[Line, float]:
    """A line at a peak's bin, of the decay that leaves least there, and the share that it explains."""
    best, most = None, -1.0
    for decay_s in DECAYS_S[8 * n / sample_rate > DECAYS_S]:
        line = Line(complex(-LN_60_DB / (decay_s * sample_rate), 2 * np.pi * peak / n), 0)
        bins = bins_near([line], n, len(spectrum))
        shape, heard = line_spectra(np.array([line.pole]), bins, n)[:, 0], spectrum[bins]
        share = abs(np.vdot(shape, heard)) ** 2 / (np.vdot(shape, shape).real * np.vdot(heard, heard).real)
        if share > most:
            best, most = line, float(share)
    return best, most


def refine_lines(spectrum: np.ndarray, lines: list[Line], n: int, sample_rate: int) -> tuple[list[Line], float]:
    """Lines near one another fitted together; and the share of what is heard there that they explain.

    Args:
        spectrum: ``rfft`` of ``n`` samples in which nothing else stands near.
        lines: where to begin.

    Returns:
        The lines, and the share; 0 where they are great only because they cancel.
    """
    bins = bins_near(lines, n, len(spectrum))
    heard = spectrum[bins] * 2  # a real sound's spectrum holds half of each line
    begin = poles = np.array([line.pole for line in lines])
    starts, left, energy = _solved(poles, bins, n, heard)
    damping = DAMPING
    for _ in range(STEPS):
        step = _step(poles, starts, left, bins, n, damping)
        tried = _within(poles + step, begin, n, sample_rate)
        tried_starts, tried_left, tried_energy = _solved(tried, bins, n, heard)
        if tried_energy < energy:
            settled = energy - tried_energy < SETTLED * energy
            poles, starts, left, energy = tried, tried_starts, tried_left, tried_energy
            damping *= EASIER
            if settled:
                break
        else:
            damping *= HARDER
            if damping > GIVE_UP:
                break
    found = [Line(complex(p), complex(s)) for p, s in zip(poles, starts, strict=True)]
    own = np.square(np.abs(line_spectra(poles, bins, n) * starts)).sum()
    there = np.square(np.abs(heard)).sum()
    return found, float(1 - energy / there) if own < MOST_CANCELLED * there else 0.0


def _step(poles: np.ndarray, starts: np.ndarray, left: np.ndarray, bins: np.ndarray, n: int, damping: float):
    """How to move the poles."""
    ways = np.concatenate([line_spectra(poles, bins, n), _slope(poles, bins, n) * starts], axis=1)
    size = np.sqrt(np.square(np.abs(ways)).sum(axis=0)) + 1e-300
    ways = ways / size
    product = ways.conj().T @ ways
    moved = np.linalg.solve(product + damping * np.eye(len(size)), ways.conj().T @ left) / size
    return moved[len(poles) :]


def _within(poles: np.ndarray, begin: np.ndarray, n: int, sample_rate: int) -> np.ndarray:
    """Poles kept between the shortest and the longest decay, and near to where they began."""
    longest, shortest = (LN_60_DB / (decay_s * sample_rate) for decay_s in (LONGEST_S, SHORTEST_S))
    reach = MOST_SHIFT_BINS * 2 * np.pi / n
    return -np.clip(-poles.real, longest, shortest) + 1j * np.clip(poles.imag, begin.imag - reach, begin.imag + reach)
