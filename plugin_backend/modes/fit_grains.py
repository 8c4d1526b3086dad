"""Fit grains to tones that no single decay describes: bowed, scraped, gliding, beating, or damped by a hand.

The sound is analysed in half-overlapping Hann windows. Peaks that stand well above their surroundings, look like a
steady tone in that window, and continue through several windows are tones (McAulay & Quatieri 1986). The amplitudes and
phases of all tones in a window are computed together by least squares. Played back in the same windows they add up to
the tones, so they can be subtracted from the sound as modes are.
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
    """Return the tones of a sound, and the sound without them.

    Args:
        audio: ``[samples]``.
        sample_rate: in Hz.
        window_samples: length of a grain, a multiple of 128.
        onset: the sample from which tones are searched.

    Returns:
        Grains ``[n, 6]`` float32 (see :mod:`plugin_backend.modes.mode_table`), and the rest ``[samples]`` float32.
    """
    rows, rest, first = no_modes(), audio.astype(np.float64), -(-onset // SIDE) * SIDE
    least = LEAST_LEVEL * float(np.abs(audio).max(initial=0.0))
    for _ in range(ROUNDS):
        starts = range(first, audio.size, window_samples // 2)
        spectra = [_spectrum(rest[at : at + window_samples], window_samples) for at in starts]
        tracked = _track_peaks([_peaks(spectrum, window_samples, sample_rate) for spectrum in spectra])
        rows_found: list[tuple] = []
        for at, spectrum, bins in zip(starts, spectra, tracked, strict=True):
            if len(bins):
                rows_found += _fit_frame(at, spectrum, np.array(bins), window_samples, sample_rate, least)
        if not rows_found:
            break
        new = np.array(rows_found, np.float32)
        rows = np.concatenate([rows, new])
        rest -= ResonatorBank(new, sample_rate).samples(0, audio.size)
    return rows, rest.astype(np.float32)


def _spectrum(piece: np.ndarray, n: int) -> np.ndarray:
    window = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    return np.fft.rfft(np.pad(piece, (0, n - piece.size)) * window)


def lobe(bins: np.ndarray, tones: np.ndarray, n: int) -> np.ndarray:
    """Return the spectra of windowed tones of amplitude 1, ``[bins, tones]``.

    Args:
        bins: where to compute them.
        tones: fractional bins of the tones.
        n: length of the window in samples.
    """
    pole, turn = 2j * np.pi * tones / n - 1e-13, 2j * np.pi / n
    sides = [line_spectra(pole + sign * turn, bins, n) * np.exp(sign * turn / 2) for sign in (1, -1)]
    return line_spectra(pole, bins, n) / 2 - (sides[0] + sides[1]) / 4


def _peaks(spectrum: np.ndarray, n: int, sample_rate: int) -> list[float]:
    """Return fractional bins of steady tones that stand above their surroundings: at most ``MOST_TONES``, the
    strongest.
    """
    power = np.square(np.abs(spectrum)) + 1e-30
    low, high = int(np.ceil(LOWEST_HZ * n / sample_rate)), int(HIGHEST_HZ * n / sample_rate)
    middle = power[1:-1]
    peaks = np.flatnonzero((middle >= power[:-2]) & (middle > power[2:])) + 1
    peaks = peaks[(peaks >= max(low, LOBE_BINS + 1)) & (peaks < high)]
    peaks = peaks[power[peaks] > 10 ** (PROMINENT_DB / 10) * local_floor(power)[peaks]]
    tones_found = []
    for peak in peaks[np.argsort(-power[peaks])]:
        a, b, c = np.log(power[peak - 1 : peak + 2])
        tone = peak + 0.5 * (a - c) / (a - 2 * b + c)
        bins = np.arange(peak - LOBE_BINS, peak + LOBE_BINS + 1)
        tone_lobe, observed = lobe(bins, np.array([tone]), n)[:, 0], spectrum[bins]
        similarity = abs(np.vdot(tone_lobe, observed)) ** 2 / (
            np.vdot(tone_lobe, tone_lobe).real * np.vdot(observed, observed).real
        )
        if similarity >= LIKE_A_TONE:
            tones_found.append(float(tone))
        if len(tones_found) == MOST_TONES:
            break
    return sorted(tones_found)


def _track_peaks(frames: list[list[float]]) -> list[list[float]]:
    """Return for each frame the peaks that continue through several frames."""
    tracks: list[list[tuple[int, float]]] = []
    active: list[list[tuple[int, float]]] = []
    for index, peaks in enumerate(frames):
        unmatched, kept = list(peaks), []
        for track in active:
            nearest = min(unmatched, key=lambda peak: abs(peak - track[-1][1]), default=None)
            if nearest is not None and abs(nearest - track[-1][1]) <= MOST_STEP_BINS:
                unmatched.remove(nearest)
                track.append((index, nearest))
                kept.append(track)
        new = [[(index, peak)] for peak in unmatched]
        tracks += new
        active = kept + new
    tracked_peaks: list[list[float]] = [[] for _ in frames]
    for track in tracks:
        if len(track) >= LEAST_FRAMES:
            for index, peak in track:
                tracked_peaks[index].append(peak)
    return tracked_peaks


def _fit_frame(at: int, spectrum: np.ndarray, tones: np.ndarray, n: int, sample_rate: int, least: float) -> list[tuple]:
    """Fit a frame's tones together."""
    near = (np.rint(tones).astype(int)[:, None] + np.arange(-LOBE_BINS, LOBE_BINS + 1)).reshape(-1)
    bins = np.unique(np.clip(near, 0, spectrum.size - 1))
    starts = 2 * np.linalg.lstsq(lobe(bins, tones, n), spectrum[bins], rcond=None)[0]
    return [
        (at, tone * sample_rate / n, 0, min(abs(start), 16), float(np.angle(start)), n)
        for tone, start in zip(tones, starts, strict=True)
        if abs(start) >= least
    ]
