"""Tones that no single decay describes, as grains: what is bowed, scraped, glides, beats or is damped by a hand.

The sound is looked at through half-overlapping Hann windows. Peaks that stand well over their surroundings, look like
a steady tone through that window, and go on through several windows are tones (McAulay & Quatieri 1986); the
amplitudes and phases of all in a window are found together by least squares. Played back through the same windows they
add up to the tones, so they can be subtracted from the sound as modes are.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.modes.fit_modes import HIGHEST_HZ, LEAST_LEVEL, LOWEST_HZ, local_floor
from plugin_backend.modes.mode_table import no_modes
from plugin_backend.modes.resonator_bank import SIDE, ResonatorBank
from plugin_backend.modes.spectral_fit import line_spectra

PROMINENT_DB, LIKE_A_TONE = 15.0, 0.7
LOBE_BINS = 2
LEAST_FRAMES, MOST_STEP_BINS = 3, 1.6
MOST_TONES, ROUNDS = 24, 2


def fit_grains(
    audio: np.ndarray, sample_rate: int, window_samples: int, onset: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The tones of a sound, and the sound without them.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        window_samples: of a grain, a multiple of 128.
        onset: nothing is looked for before.

    Returns:
        Grains ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`), and ``[samples]`` float32.
    """
    rows, rest, first = no_modes(), audio.astype(np.float64), -(-onset // SIDE) * SIDE
    least = LEAST_LEVEL * float(np.abs(audio).max(initial=0.0))
    for _ in range(ROUNDS):
        starts = range(first, audio.size, window_samples // 2)
        spectra = [_spectrum(rest[at : at + window_samples], window_samples) for at in starts]
        tracked = _tracked([_peaks(spectrum, window_samples, sample_rate) for spectrum in spectra])
        found = []
        for at, spectrum, bins in zip(starts, spectra, tracked, strict=True):
            if len(bins):
                found += _grains(at, spectrum, np.array(bins), window_samples, sample_rate, least)
        if not found:
            break
        new = np.array(found, np.float32)
        rows = np.concatenate([rows, new])
        rest -= ResonatorBank(new, sample_rate).samples(0, audio.size)
    return rows, rest.astype(np.float32)


def _spectrum(piece: np.ndarray, n: int) -> np.ndarray:
    window = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    return np.fft.rfft(np.pad(piece, (0, n - piece.size)) * window)


def lobe(bins: np.ndarray, tones: np.ndarray, n: int) -> np.ndarray:
    """What tones of amplitude 1 at fractional bins ``tones`` add at ``bins`` through the window, ``[bins, tones]``."""
    pole, turn = 2j * np.pi * tones / n - 1e-13, 2j * np.pi / n
    sides = [line_spectra(pole + sign * turn, bins, n) * np.exp(sign * turn / 2) for sign in (1, -1)]
    return line_spectra(pole, bins, n) / 2 - (sides[0] + sides[1]) / 4


def _peaks(spectrum: np.ndarray, n: int, sample_rate: int) -> list[float]:
    """Fractional bins at which a steady tone stands over its surroundings, the strongest at most."""
    power = np.square(np.abs(spectrum)) + 1e-30
    low, high = int(np.ceil(LOWEST_HZ * n / sample_rate)), int(HIGHEST_HZ * n / sample_rate)
    middle = power[1:-1]
    peaks = np.flatnonzero((middle >= power[:-2]) & (middle > power[2:])) + 1
    peaks = peaks[(peaks >= max(low, LOBE_BINS + 1)) & (peaks < high)]
    peaks = peaks[power[peaks] > 10 ** (PROMINENT_DB / 10) * local_floor(power)[peaks]]
    found = []
    for peak in peaks[np.argsort(-power[peaks])]:
        a, b, c = np.log(power[peak - 1 : peak + 2])
        tone = peak + 0.5 * (a - c) / (a - 2 * b + c)
        bins = np.arange(peak - LOBE_BINS, peak + LOBE_BINS + 1)
        own, heard = lobe(bins, np.array([tone]), n)[:, 0], spectrum[bins]
        like = abs(np.vdot(own, heard)) ** 2 / (np.vdot(own, own).real * np.vdot(heard, heard).real)
        if like >= LIKE_A_TONE:
            found.append(float(tone))
        if len(found) == MOST_TONES:
            break
    return sorted(found)


def _tracked(frames: list[list[float]]) -> list[list[float]]:
    """Of each frame the peaks that go on through several."""
    tracks: list[list[tuple[int, float]]] = []
    going: list[list[tuple[int, float]]] = []
    for index, peaks in enumerate(frames):
        free, kept = list(peaks), []
        for track in going:
            nearest = min(free, key=lambda peak: abs(peak - track[-1][1]), default=None)
            if nearest is not None and abs(nearest - track[-1][1]) <= MOST_STEP_BINS:
                free.remove(nearest)
                track.append((index, nearest))
                kept.append(track)
        new = [[(index, peak)] for peak in free]
        tracks += new
        going = kept + new
    chosen: list[list[float]] = [[] for _ in frames]
    for track in tracks:
        if len(track) >= LEAST_FRAMES:
            for index, peak in track:
                chosen[index].append(peak)
    return chosen


def _grains(at: int, spectrum: np.ndarray, tones: np.ndarray, n: int, sample_rate: int, least: float) -> list[tuple]:
    """A frame's tones, fitted together."""
    near = (np.rint(tones).astype(int)[:, None] + np.arange(-LOBE_BINS, LOBE_BINS + 1)).reshape(-1)
    bins = np.unique(np.clip(near, 0, spectrum.size - 1))
    starts = 2 * np.linalg.lstsq(lobe(bins, tones, n), spectrum[bins], rcond=None)[0]
    return [
        (at, tone * sample_rate / n, 0, min(abs(start), 16), float(np.angle(start)), n)
        for tone, start in zip(tones, starts, strict=True)
        if abs(start) >= least
    ]
