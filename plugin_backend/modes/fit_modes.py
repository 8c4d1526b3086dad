"""Fit the modes of a hit: the ringing part as rows of numbers, and the rest of the sound.

Long spectra are analysed first, then shorter ones of the rest, because short modes are hidden in long windows. In each
spectrum the peaks that stand well above their surroundings are fitted as lines
(:mod:`plugin_backend.modes.spectral_fit`), the strongest first. Each is subtracted before the next is searched. Then
neighbours are fitted once more, together. A mode is prominent, is well explained by a decay that starts at the hit, and
rings for many periods. A footstep has no modes.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.modes.mode_table import COLUMNS, no_modes
from plugin_backend.modes.resonator_bank import ResonatorBank
from plugin_backend.modes.spectral_fit import LN_60_DB, Line, bins_near, fit_first_line, refine_lines

AUTO_MODES = 96
"""Default number of modes per strike."""
SKIP_S, LATE_S = 0.004, 0.05
"""The attack itself is not analysed, because all frequencies sound in it."""

WINDOWS_S = tuple((start, size) for start in (SKIP_S, 0.1, 0.3) for size in (6.0, 1.2, 0.35, 0.1))
"""Start of a window after a strike, and its length, in seconds.

Later windows find modes that the noise of the strike hides, and the slow decays that many modes have.
"""

LEAST_WINDOW_S, MOST_ASTRAY = 0.08, 0.5
ROUNDS, CYCLES, MOST_TOGETHER = 4, 2, 4

PROMINENT_DB = 16.0
EXPLAINED, DOUBLE_GAIN, HOPELESS = 0.75, 0.4, 0.45
"""Least share of the energy around a line that it must explain.

A second line beside it must leave less than 0.4 of the rest.
"""

LEAST_DECAY_S, LEAST_QUALITY = 0.04, 15.0
LOWEST_HZ, HIGHEST_HZ, HIGHEST_SHARE = 60.0, 16_000.0, 0.45
LEAST_LEVEL = 10 ** (-66 / 20)
"""Relative to a hit's peak."""

FLOOR_BINS, FLOOR_SHARE = 24, 0.1
FAR_BINS = 3000
NEAR_BINS, NEAR_WIDTHS = 3.0, 1.5


def fit_modes(
    audio: np.ndarray, sample_rate: int, onsets: list[int], most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the modes of a take, and the take without them.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        onsets: samples at which it is struck, ascending. Each strike is fitted up to the next, and ends with it.
        most: maximum number of modes of all strikes; the strongest are kept. ``None``: 96 per strike.

    Returns:
        Modes ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`), and ``[samples]`` float32: the take minus
        what :class:`~plugin_backend.modes.resonator_bank.ResonatorBank` plays.
    """
    lines_found: list[tuple[int, int, Line]] = []
    peak = float(np.abs(audio).max(initial=0.0))
    for onset, end in zip(onsets, [*onsets[1:], 0], strict=True):
        placed = _fit_strike(audio[onset : end or None].astype(np.float64), sample_rate, peak * LEAST_LEVEL)
        lines_found += [(onset + at, max(0, end - onset - at), line) for at, line in placed]
    kept = sorted(lines_found, key=lambda entry: -_late_energy(entry[2], sample_rate))
    kept = kept[: AUTO_MODES * len(onsets) if most is None else most]
    rows = _rows(sorted(kept, key=lambda entry: (entry[0], entry[2].pole.imag)), sample_rate)
    rest = audio - ResonatorBank(rows, sample_rate).samples(0, audio.size)
    return rows, rest.astype(np.float32)


def _rows(lines_found: list[tuple[int, int, Line]], sample_rate: int) -> np.ndarray:
    """Convert lines to modes. A line is its onset, its length in samples (0: no end), and its pole and amplitude."""
    rows = [
        (
            onset,
            line.pole.imag * sample_rate / (2 * np.pi),
            LN_60_DB / (-line.pole.real * sample_rate),
            min(abs(line.start), COLUMNS["level"].high),
            float(np.angle(line.start)),
            length,
        )
        for onset, length, line in lines_found
    ]
    return np.array(rows, np.float32) if rows else no_modes()


def _late_energy(line: Line, sample_rate: int) -> float:
    """Return the energy after the attack, which hides short modes."""
    return abs(line.start) ** 2 * np.exp(2 * line.pole.real * LATE_S * sample_rate) / -line.pole.real


def _fit_strike(audio: np.ndarray, sample_rate: int, least_level: float) -> list[tuple[int, Line]]:
    """Return the lines of one strike, each with the sample at which it begins: the strike, or later."""
    rest = audio.copy()
    lines_found: list[tuple[int, Line]] = []
    for skip_s, window_s in WINDOWS_S:
        skip = round(skip_s * sample_rate)
        size = min(audio.size - skip, round(window_s * sample_rate))
        if size < max(LEAST_WINDOW_S, window_s / 4) * sample_rate:
            continue
        lines = _fit_window(rest[skip : skip + size], sample_rate)
        placed = [_place_line(line, skip, rest, sample_rate) for line in lines]
        placed = [(at, line) for at, line in placed if abs(line.start) >= least_level]
        played = ResonatorBank(_rows([(at, 0, line) for at, line in placed], sample_rate), sample_rate)
        rest -= played.samples(0, audio.size)
        lines_found += placed
    return lines_found


def _place_line(line: Line, skip: int, rest: np.ndarray, sample_rate: int) -> tuple[int, Line]:
    """Return where a line that was found from sample ``skip`` on begins.

    It begins at the strike if it already sounded there, otherwise where it was found.
    """
    whole = Line(line.pole, line.start * np.exp(-line.pole * skip))
    if skip <= round(SKIP_S * sample_rate):
        return 0, whole
    carrier = np.exp(line.pole * np.arange(skip))
    early_start = 2 * np.vdot(carrier, rest[:skip]) / np.vdot(carrier, carrier).real
    return (0, whole) if abs(early_start - whole.start) <= MOST_ASTRAY * abs(whole.start) else (skip, line)


def _fit_window(audio: np.ndarray, sample_rate: int) -> list[Line]:
    """Return the lines of a window that begins where they do."""
    n, spectrum = audio.size, np.fft.rfft(audio)
    lines: list[Line] = []
    tried = np.zeros(spectrum.size, bool)
    for _ in range(ROUNDS):
        before = len(lines)
        for peak in _peaks(spectrum, n, sample_rate):
            if tried[peak]:
                continue
            tried[peak - 1 : peak + 2] = True
            new = _lines_at(spectrum, int(peak), n, sample_rate)
            for line in new:
                _add_line(spectrum, line, n)
            lines += new
        if len(lines) == before:
            break
    for _ in range(CYCLES):
        lines = [line for group in _groups(lines, n) for line in _refit(spectrum, group, n, sample_rate)]
    return lines


def _peaks(spectrum: np.ndarray, n: int, sample_rate: int) -> np.ndarray:
    """Return bins that stand above their surroundings, the strongest first."""
    power = np.square(np.abs(spectrum))
    low, high = int(np.ceil(LOWEST_HZ * n / sample_rate)), int(min(HIGHEST_SHARE, HIGHEST_HZ / sample_rate) * n)
    middle = power[1:-1]
    peaks = np.flatnonzero((middle >= power[:-2]) & (middle > power[2:])) + 1
    peaks = peaks[(peaks >= low) & (peaks < high)]
    peaks = peaks[power[peaks] > 10 ** (PROMINENT_DB / 10) * local_floor(power)[peaks]]
    return peaks[np.argsort(-power[peaks])]


def local_floor(power: np.ndarray) -> np.ndarray:
    """Return the median power around every bin, over 24 bins or a tenth of its frequency on each side."""
    edges = [1]
    while edges[-1] < power.size:
        edges.append(edges[-1] + max(FLOOR_BINS, int(FLOOR_SHARE * edges[-1])))
    centres = [min((a + b) / 2, power.size - 1) for a, b in zip(edges, edges[1:], strict=False)]
    spans = zip(edges, edges[1:], strict=False)
    medians = [np.median(power[max(1, a - (b - a) // 2) : b + (b - a) // 2]) for a, b in spans]
    return np.exp(np.interp(np.arange(power.size), centres, np.log(np.array(medians) + 1e-300)))


def _lines_at(spectrum: np.ndarray, peak: int, n: int, sample_rate: int) -> list[Line]:
    """Return the line or the two lines at a peak; none if they are not explained well."""
    line, explained = fit_first_line(spectrum, peak, n, sample_rate)
    if explained < HOPELESS:
        return []
    lines, explained = refine_lines(spectrum, [line], n, sample_rate)
    bins = bins_near(lines, n, spectrum.size)
    other = int(bins[np.abs(spectrum[bins] - lines[0].spectrum(bins, n)).argmax()])
    second = Line(complex(lines[0].pole.real, 2 * np.pi * other / n), 0)
    double, more = refine_lines(spectrum, [*lines, second], n, sample_rate)
    if 1 - more < DOUBLE_GAIN * (1 - explained) and all(_is_mode(line, sample_rate) for line in double):
        lines, explained = double, more
    return lines if explained >= EXPLAINED and all(_is_mode(line, sample_rate) for line in lines) else []


def _is_mode(line: Line, sample_rate: int) -> bool:
    decay_s = LN_60_DB / (-line.pole.real * sample_rate)
    quality = line.pole.imag / (2 * -line.pole.real)
    return LEAST_DECAY_S <= decay_s < COLUMNS["decay_s"].high / 4 and quality >= LEAST_QUALITY


def _add_line(spectrum: np.ndarray, line: Line, n: int, sign: int = -1) -> None:
    """Add ``sign`` times a line to the spectrum; the default subtracts it."""
    centre = round(line.centre_bins(n))
    bins = np.arange(max(0, centre - FAR_BINS), min(spectrum.size, centre + FAR_BINS + 1))
    spectrum[bins] += sign * line.spectrum(bins, n)


def _groups(lines: list[Line], n: int) -> list[list[Line]]:
    """Group neighbours that overlap, up to the number that can be fitted together."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.pole.imag):
        last_line = groups[-1][-1] if groups and len(groups[-1]) < MOST_TOGETHER else None
        near = NEAR_BINS + NEAR_WIDTHS * (line.width_bins(n) + last_line.width_bins(n)) if last_line else 0
        if last_line and line.centre_bins(n) - last_line.centre_bins(n) < near:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _refit(spectrum: np.ndarray, group: list[Line], n: int, sample_rate: int) -> list[Line]:
    """Fit a group once more, with all other lines subtracted. Drop the lines that do not ring."""
    for line in group:
        _add_line(spectrum, line, n, +1)
    lines, explained = refine_lines(spectrum, group, n, sample_rate)
    kept = [line for line in lines if _is_mode(line, sample_rate)] if explained >= EXPLAINED else []
    for line in kept:
        _add_line(spectrum, line, n)
    return kept
