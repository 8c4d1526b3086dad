"""Find the separate hits in a recording."""

from __future__ import annotations

import numpy as np

WINDOW_S, RISE_DB, FALL_DB, GAP_S, LEAD_S = 0.005, -26.0, -46.0, 0.06, 0.002


def envelope(audio: np.ndarray, window: int) -> np.ndarray:
    """RMS of consecutive windows of ``[samples]``; the last may be partial."""
    padded = np.pad(audio.astype(np.float64), (0, -audio.size % window))
    return np.sqrt(np.mean(padded.reshape(-1, window) ** 2, axis=1))


def attack_samples(audio: np.ndarray, threshold_db: float = -20.0) -> int:
    """The first sample within ``threshold_db`` of the peak; 0 for silence."""
    magnitude = np.abs(audio)
    peak = magnitude.max(initial=0.0)
    return int(np.argmax(magnitude >= peak * 10 ** (threshold_db / 20))) if peak > 0 else 0


def split_hits(audio: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
    """Regions ``[start, end)`` in samples, one a hit, from 2 ms before each attack to its decay.

    A hit begins where 5 ms RMS comes within 26 dB of the loudest, and ends once it has stayed 46 dB
    below for 60 ms, or where the next begins.
    """
    window = round(WINDOW_S * sample_rate)
    level = envelope(audio, window)
    loudest = level.max(initial=0.0)
    if loudest <= 0:
        return []
    loud, quiet = level >= loudest * 10 ** (RISE_DB / 20), level < loudest * 10 ** (FALL_DB / 20)
    gap, regions, start, silent = round(GAP_S / WINDOW_S), [], None, 0
    for index in range(level.size):
        if start is None:
            start = index if loud[index] else None
            silent = 0
            continue
        silent = silent + 1 if quiet[index] else 0
        if silent == gap:
            regions.append((start, index + 1 - gap))
            start = None
    if start is not None:
        regions.append((start, level.size))
    lead = round(LEAD_S * sample_rate)
    hits = []
    for begin, end in regions:
        first = max(0, (begin - 1) * window)
        piece = audio[first : end * window]
        hits.append((max(0, first + attack_samples(piece, RISE_DB) - lead), min(audio.size, end * window)))
    return hits
