"""The modes of a hit: what of it rings, as rows of numbers, and the rest of it.

Long spectra are looked at first, then shorter ones of what is left, since short modes drown in long windows. In each,
the peaks that stand well over their surroundings are fitted as lines (:mod:`plugin_backend.modes.spectral_fit`), from
the strongest down, each taken out before the next is looked for; then neighbours once more, together. What rings is
what is prominent, well explained by a decay from the hit on, and rings for many periods: a footstep has no modes.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.modes.mode_table import COLUMNS, no_modes
from plugin_backend.modes.resonator_bank import ResonatorBank
from plugin_backend.modes.spectral_fit import LN_60_DB, Line, bins_near, fit_first_line, refine_lines

AUTO_MODES = 96
SKIP_S, LATE_S = 0.004, 0.05
"""The attack itself, in which everything sounds, is not looked at."""

WINDOWS_S = tuple((start, size) for start in (SKIP_S, 0.1, 0.3) for size in (6.0, 1.2, 0.35, 0.1))
"""Where windows begin after a strike, and how long they are: the later ones find what the strike's noise hid, and the
slow ends that many modes have."""

LEAST_WINDOW_S, MOST_ASTRAY = 0.08, 0.5
ROUNDS, CYCLES, MOST_TOGETHER = 4, 2, 4

PROMINENT_DB = 16.0
EXPLAINED, DOUBLE_GAIN, HOPELESS = 0.75, 0.4, 0.45
"""A line explains so much of what is heard around it; a second one beside it leaves less than 0.4 of what one left."""

LEAST_DECAY_S, LEAST_QUALITY = 0.04, 15.0
LOWEST_HZ, HIGHEST_HZ, HIGHEST_SHARE = 60.0, 16_000.0, 0.45
LEAST_LEVEL = 10 ** (-66 / 20)
"""Of a hit's peak."""

FLOOR_BINS, FLOOR_SHARE = 24, 0.1
FAR_BINS = 3000
NEAR_BINS, NEAR_WIDTHS = 3.0, 1.5


def fit_modes(
    audio: np.ndarray, sample_rate: int, onsets: list[int], most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What rings in a take, and the take without it.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        onsets: where it is struck, in order; each strike is fitted until the next, and ends with it.
        most: modes of all strikes together; the strongest are kept. ``None``: 96 a strike.

    Returns:
        Modes ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`), and ``[samples]`` float32: the take minus
        what :class:`~plugin_backend.modes.resonator_bank.ResonatorBank` plays.
    """
    found = []
    peak = float(np.abs(audio).max(initial=0.0))
    for onset, end in zip(onsets, [*onsets[1:], 0], strict=True):
        begun = _strike(audio[onset : end or None].astype(np.float64), sample_rate, peak * LEAST_LEVEL)
        found += [(onset + at, max(0, end - onset - at), line) for at, line in begun]
    kept = sorted(found, key=lambda own: -_late_energy(own[2], sample_rate))
    kept = kept[: AUTO_MODES * len(onsets) if most is None else most]
    rows = _rows(sorted(kept, key=lambda own: (own[0], own[2].pole.imag)), sample_rate)
    rest = audio - ResonatorBank(rows, sample_rate).samples(0, audio.size)
    return rows, rest.astype(np.float32)


def _rows(found: list[tuple[int, int, Line]], sample_rate: int) -> np.ndarray:
    """Lines that begin at their onset, and last for so many samples or for good, as modes."""
    rows = [
        (
            onset,
            line.pole.imag * sample_rate / (2 * np.pi),
            LN_60_DB / (-line.pole.real * sample_rate),
            min(abs(line.start), COLUMNS["level"].high),
            float(np.angle(line.start)),
            length,
        )
        for onset, length, line in found
    ]
    return np.array(rows, np.float32) if rows else no_modes()


def _late_energy(line: Line, sample_rate: int) -> float:
    """Once the attack is over, which hides what is short."""
    return abs(line.start) ** 2 * np.exp(2 * line.pole.real * LATE_S * sample_rate) / -line.pole.real


def _strike(audio: np.ndarray, sample_rate: int, least_level: float) -> list[tuple[int, Line]]:
    """The lines of one strike, each with the sample it begins at: the first, or a later one."""
    rest, found = audio.copy(), []
    for skip_s, window_s in WINDOWS_S:
        skip = round(skip_s * sample_rate)
        size = min(audio.size - skip, round(window_s * sample_rate))
        if size < max(LEAST_WINDOW_S, window_s / 4) * sample_rate:
            continue
        lines = _window(rest[skip : skip + size], sample_rate)
        begun = [_begun(line, skip, rest, sample_rate) for line in lines]
        begun = [(at, line) for at, line in begun if abs(line.start) >= least_level]
        played = ResonatorBank(_rows([(at, 0, line) for at, line in begun], sample_rate), sample_rate)
        rest -= played.samples(0, audio.size)
        found += begun
    return found


def _begun(line: Line, skip: int, rest: np.ndarray, sample_rate: int) -> tuple[int, Line]:
    """A line found from sample ``skip`` on, from the strike on if it was there then, else from where it was found."""
    whole = Line(line.pole, line.start * np.exp(-line.pole * skip))
    if skip <= round(SKIP_S * sample_rate):
        return 0, whole
    wave = np.exp(line.pole * np.arange(skip))
    early = 2 * np.vdot(wave, rest[:skip]) / np.vdot(wave, wave).real
    return (0, whole) if abs(early - whole.start) <= MOST_ASTRAY * abs(whole.start) else (skip, line)


def _window(audio: np.ndarray, sample_rate: int) -> list[Line]:
    """The lines of a window that begins where they do."""
    n, spectrum, lines = audio.size, np.fft.rfft(audio), []
    tried = np.zeros(spectrum.size, bool)
    for _ in range(ROUNDS):
        before = len(lines)
        for peak in _peaks(spectrum, n, sample_rate):
            if tried[peak]:
                continue
            tried[peak - 1 : peak + 2] = True
            new = _lines_at(spectrum, int(peak), n, sample_rate)
            for line in new:
                _take_out(spectrum, line, n)
            lines += new
        if len(lines) == before:
            break
    for _ in range(CYCLES):
        lines = [line for group in _groups(lines, n) for line in _again(spectrum, group, n, sample_rate)]
    return lines


def _peaks(spectrum: np.ndarray, n: int, sample_rate: int) -> np.ndarray:
    """Bins that stand over their surroundings, the strongest first."""
    power = np.square(np.abs(spectrum))
    low, high = int(np.ceil(LOWEST_HZ * n / sample_rate)), int(min(HIGHEST_SHARE, HIGHEST_HZ / sample_rate) * n)
    middle = power[1:-1]
    peaks = np.flatnonzero((middle >= power[:-2]) & (middle > power[2:])) + 1
    peaks = peaks[(peaks >= low) & (peaks < high)]
    peaks = peaks[power[peaks] > 10 ** (PROMINENT_DB / 10) * local_floor(power)[peaks]]
    return peaks[np.argsort(-power[peaks])]


def local_floor(power: np.ndarray) -> np.ndarray:
    """The median power around every bin: 24 bins or a tenth of its frequency to either side."""
    edges = [1]
    while edges[-1] < power.size:
        edges.append(edges[-1] + max(FLOOR_BINS, int(FLOOR_SHARE * edges[-1])))
    centres = [min((a + b) / 2, power.size - 1) for a, b in zip(edges, edges[1:], strict=False)]
    spans = zip(edges, edges[1:], strict=False)
    medians = [np.median(power[max(1, a - (b - a) // 2) : b + (b - a) // 2]) for a, b in spans]
    return np.exp(np.interp(np.arange(power.size), centres, np.log(np.array(medians) + 1e-300)))


def _lines_at(spectrum: np.ndarray, peak: int, n: int, sample_rate: int) -> list[Line]:
    """The line or the two lines at a peak, or none."""
    line, explained = fit_first_line(spectrum, peak, n, sample_rate)
    if explained < HOPELESS:
        return []
    lines, explained = refine_lines(spectrum, [line], n, sample_rate)
    bins = bins_near(lines, n, spectrum.size)
    other = int(bins[np.abs(spectrum[bins] - lines[0].spectrum(bins, n)).argmax()])
    second = Line(complex(lines[0].pole.real, 2 * np.pi * other / n), 0)
    double, more = refine_lines(spectrum, [*lines, second], n, sample_rate)
    if 1 - more < DOUBLE_GAIN * (1 - explained) and all(_rings(line, sample_rate) for line in double):
        lines, explained = double, more
    return lines if explained >= EXPLAINED and all(_rings(line, sample_rate) for line in lines) else []


def _rings(line: Line, sample_rate: int) -> bool:
    decay_s = LN_60_DB / (-line.pole.real * sample_rate)
    quality = line.pole.imag / (2 * -line.pole.real)
    return LEAST_DECAY_S <= decay_s < COLUMNS["decay_s"].high / 4 and quality >= LEAST_QUALITY


def _take_out(spectrum: np.ndarray, line: Line, n: int, sign: int = -1) -> None:
    centre = round(line.centre_bins(n))
    bins = np.arange(max(0, centre - FAR_BINS), min(spectrum.size, centre + FAR_BINS + 1))
    spectrum[bins] += sign * line.spectrum(bins, n)


def _groups(lines: list[Line], n: int) -> list[list[Line]]:
    """Neighbours that overlap, at most so many together as can be told apart."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.pole.imag):
        last = groups[-1][-1] if groups and len(groups[-1]) < MOST_TOGETHER else None
        near = NEAR_BINS + NEAR_WIDTHS * (line.width_bins(n) + last.width_bins(n)) if last else 0
        if last and line.centre_bins(n) - last.centre_bins(n) < near:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _again(spectrum: np.ndarray, group: list[Line], n: int, sample_rate: int) -> list[Line]:
    """A group fitted once more, all others taken out; what does not ring goes."""
    for line in group:
        _take_out(spectrum, line, n, +1)
    lines, explained = refine_lines(spectrum, group, n, sample_rate)
    kept = [line for line in lines if _rings(line, sample_rate)] if explained >= EXPLAINED else []
    for line in kept:
        _take_out(spectrum, line, n)
    return kept
