"""Fit decaying sinusoids to a few bins of a spectrum, by their exact spectrum.

``n`` samples of ``c · exp(s m)`` have the discrete Fourier transform ``c · (exp(s n) − 1) / (exp(s − 2πi k / n) − 1)``
at bin *k*: a line with a width, exact for any decay. It is an analytic function of the complex pole *s*. So frequencies
and decays of several neighbours are found together by a few complex Gauss–Newton steps (damped as in
Levenberg–Marquardt). The amplitudes are solved at each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LN_60_DB = np.log(1000)
LEAST_BINS, MOST_BINS, WIDTHS = 4, 60, 3.0
"""A line is fitted over 3 of its widths on each side, at least 4 bins and at most 60."""

DECAYS_S = 0.025 * 2.0 ** np.arange(13)
SHORTEST_S, LONGEST_S = 0.01, 100.0
MOST_SHIFT_BINS = 1.5
MOST_CANCELLED = 6.0
"""Lines together may hold at most this many times the observed energy.

Lines with more energy only cancel each other.
"""

STEPS, SETTLED = 14, 1e-6
DAMPING, EASIER, HARDER, GIVE_UP = 1e-3, 0.2, 8.0, 1e4


@dataclass(frozen=True)
class Line:
    """One decaying sinusoid, ``Re(start · exp(pole · m))`` at sample *m*.

    Attributes:
        pole: per sample: the negative decay rate, plus *i* times the angular frequency.
        start: complex amplitude at sample 0.
    """

    pole: complex
    start: complex

    def width_bins(self, n: int) -> float:
        """Return the distance from the centre at which it is 3 dB lower, in bins of ``n`` samples."""
        return -self.pole.real * n / (2 * np.pi)

    def centre_bins(self, n: int) -> float:
        """Return its frequency in bins."""
        return self.pole.imag * n / (2 * np.pi)

    def spectrum(self, bins: np.ndarray, n: int) -> np.ndarray:
        """Return the spectrum of ``n`` samples from sample 0 on, at ``bins``: of the line and of its mirror image."""
        line_energy, image = (line_spectra(np.array([pole]), bins, n)[:, 0] for pole in (self.pole, np.conj(self.pole)))
        return (self.start * line_energy + np.conj(self.start) * image) / 2


def line_spectra(poles: np.ndarray, bins: np.ndarray, n: int) -> np.ndarray:
    """Return the spectrum of each pole at amplitude 1, ``[bins, poles]``.

    Args:
        poles: complex poles per sample.
        bins: where to compute them.
        n: number of samples.
    """
    return np.expm1(poles * n) / (np.exp(poles - 2j * np.pi * bins[:, None] / n) - 1)


def _slope(poles: np.ndarray, bins: np.ndarray, n: int) -> np.ndarray:
    """Return the derivative of the spectra by the pole, ``[bins, poles]``."""
    rotation = np.exp(poles - 2j * np.pi * bins[:, None] / n)
    return (n * np.exp(poles * n) * (rotation - 1) - np.expm1(poles * n) * rotation) / np.square(rotation - 1)


def _solve_amplitudes(
    poles: np.ndarray, bins: np.ndarray, n: int, observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the amplitudes of the poles by least squares, the residual, and its energy."""
    shape = line_spectra(poles, bins, n)
    starts = np.linalg.lstsq(shape, observed, rcond=None)[0]
    residual = observed - shape @ starts
    return starts, residual, float(np.vdot(residual, residual).real)


def bins_near(lines: list[Line], n: int, count: int) -> np.ndarray:
    """Return the bins over which lines are fitted.

    Args:
        lines: the lines.
        n: number of samples.
        count: number of all bins.
    """
    chosen = np.zeros(count, bool)
    for line in lines:
        reach = int(np.clip(np.ceil(WIDTHS * line.width_bins(n)), LEAST_BINS, MOST_BINS))
        centre = round(line.centre_bins(n))
        chosen[max(1, centre - reach) : centre + reach + 1] = True
    return np.flatnonzero(chosen)


def fit_first_line(spectrum: np.ndarray, peak: int, n: int, sample_rate: int) -> tuple[Line, float]:
    """Return a line at a peak's bin, with the decay that fits best, and the share of the energy that it explains.

    Args:
        spectrum: ``rfft`` of ``n`` samples.
        peak: bin of the peak.
        n: number of samples.
        sample_rate: in Hz.
    """
    best_line, best_share = Line(0j, 0j), -1.0
    for decay_s in DECAYS_S[8 * n / sample_rate > DECAYS_S]:
        line = Line(complex(-LN_60_DB / (decay_s * sample_rate), 2 * np.pi * peak / n), 0)
        bins = bins_near([line], n, len(spectrum))
        shape, observed = line_spectra(np.array([line.pole]), bins, n)[:, 0], spectrum[bins]
        share = abs(np.vdot(shape, observed)) ** 2 / (np.vdot(shape, shape).real * np.vdot(observed, observed).real)
        if share > best_share:
            best_line, best_share = line, float(share)
    return best_line, best_share


def refine_lines(spectrum: np.ndarray, lines: list[Line], n: int, sample_rate: int) -> tuple[list[Line], float]:
    """Fit neighbouring lines together. Return them, and the share of the observed energy that they explain.

    Args:
        spectrum: ``rfft`` of ``n`` samples in which no other line is near.
        lines: where the fit begins.
        n: number of samples.
        sample_rate: in Hz.

    Returns:
        The lines, and the share. It is 0 if the lines are large only because they cancel.
    """
    bins = bins_near(lines, n, len(spectrum))
    observed = spectrum[bins] * 2  # a real sound's spectrum holds half of each line
    first_poles = poles = np.array([line.pole for line in lines])
    starts, residual, energy = _solve_amplitudes(poles, bins, n, observed)
    damping = DAMPING
    for _ in range(STEPS):
        step = _step(poles, starts, residual, bins, n, damping)
        new_poles = _limit_poles(poles + step, first_poles, n, sample_rate)
        new_starts, new_residual, new_energy = _solve_amplitudes(new_poles, bins, n, observed)
        if new_energy < energy:
            settled = energy - new_energy < SETTLED * energy
            poles, starts, residual, energy = new_poles, new_starts, new_residual, new_energy
            damping *= EASIER
            if settled:
                break
        else:
            damping *= HARDER
            if damping > GIVE_UP:
                break
    fitted = [Line(complex(p), complex(s)) for p, s in zip(poles, starts, strict=True)]
    line_energy = np.square(np.abs(line_spectra(poles, bins, n) * starts)).sum()
    observed_energy = np.square(np.abs(observed)).sum()
    return fitted, float(1 - energy / observed_energy) if line_energy < MOST_CANCELLED * observed_energy else 0.0


def _step(
    poles: np.ndarray, starts: np.ndarray, residual: np.ndarray, bins: np.ndarray, n: int, damping: float
) -> np.ndarray:
    """Return how much to change the poles."""
    gradient = np.concatenate([line_spectra(poles, bins, n), _slope(poles, bins, n) * starts], axis=1)
    size = np.sqrt(np.square(np.abs(gradient)).sum(axis=0)) + 1e-300
    gradient = gradient / size
    product = gradient.conj().T @ gradient
    change = np.linalg.solve(product + damping * np.eye(len(size)), gradient.conj().T @ residual) / size
    return change[len(poles) :]


def _limit_poles(poles: np.ndarray, first_poles: np.ndarray, n: int, sample_rate: int) -> np.ndarray:
    """Limit poles to decays between the shortest and the longest, and to frequencies near their start."""
    longest, shortest = (LN_60_DB / (decay_s * sample_rate) for decay_s in (LONGEST_S, SHORTEST_S))
    reach = MOST_SHIFT_BINS * 2 * np.pi / n
    return -np.clip(-poles.real, longest, shortest) + 1j * np.clip(
        poles.imag, first_poles.imag - reach, first_poles.imag + reach
    )
