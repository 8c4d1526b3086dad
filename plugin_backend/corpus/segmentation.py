"""Long recordings cut into pieces at their silences; no hit is cut and only digital silence is lost."""

from __future__ import annotations

import numpy as np

from plugin_backend.corpus.normalize import SILENT_PEAK
from plugin_backend.corpus.temp_audio import TempAudio

WINDOW_S = 0.01
WHOLE_S, SHORTEST_S, LONGEST_S = 1.0, 0.02, 20.0
"""Up to a second a recording stays whole; pieces of longer ones keep within these lengths."""

SILENCE_S, SILENCE_DB = 0.2, -50.0
"""A silence to cut at: this long, and this far below the recording's loudest 10 ms."""

DIGITAL_SILENCE = 2.0**-17
"""A quarter of a step of 16 bits (-102 dBFS): dither and room tone are louder, padding is not."""


def cut_at_silences(audio: TempAudio, sample_rate: int) -> list[tuple[int, int]]:
    """Pieces ``[start, stop)`` in samples, in order, apart; empty for a silent recording."""
    window = round(WINDOW_S * sample_rate)
    level, peak = _windows(audio, window)
    edges = [0, level.size]
    heard = np.flatnonzero(peak > DIGITAL_SILENCE)
    if heard.size and (heard[-1] - heard[0]) * WINDOW_S > WHOLE_S:
        edges = _even([0, *_silences(level), level.size], level)
    spans = [
        (begin, end)
        for begin, end in zip(edges[:-1], edges[1:], strict=True)
        if peak[begin:end].max(initial=0.0) > SILENT_PEAK
    ]
    return [_trimmed(audio, peak, begin, end, window, sample_rate) for begin, end in spans]


def _windows(audio: TempAudio, window: int) -> tuple[np.ndarray, np.ndarray]:
    """RMS and peak ``[windows]`` of consecutive windows; the last may be partial."""
    levels, peaks = [], []
    for block in audio.blocks(step=1000 * window):
        frames = np.abs(np.pad(block, (0, -block.size % window)).reshape(-1, window))
        levels.append(np.sqrt(np.square(frames).mean(axis=1)))
        peaks.append(frames.max(axis=1))
    return np.concatenate(levels), np.concatenate(peaks)


def _silences(level: np.ndarray) -> list[int]:
    """The quietest window of each silence between two sounds: after a tail, before an attack."""
    quiet = level < level.max() * 10 ** (SILENCE_DB / 20)
    turns = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(np.int8)))
    runs = turns.reshape(-1, 2)
    return [
        int(begin + level[begin:end].argmin())
        for begin, end in runs
        if begin > 0 and end < level.size and (end - begin) * WINDOW_S >= SILENCE_S
    ]


def _even(edges: list[int], level: np.ndarray) -> list[int]:
    """``edges`` with more of them, each at the quietest place near where even parts would end."""
    longest, result = round(LONGEST_S / WINDOW_S), edges[:1]
    for end in edges[1:]:
        while (rest := end - result[-1]) > longest:
            part = rest / -(-rest // longest)
            first, last = result[-1] + int(0.75 * part), result[-1] + int(min(1.25 * part, longest))
            result.append(first + int(level[first : last + 1].argmin()))
        result.append(end)
    return result


def _trimmed(
    audio: TempAudio, peak: np.ndarray, begin: int, end: int, window: int, sample_rate: int
) -> tuple[int, int]:
    """The windows ``begin`` to ``end`` without digital silence at their ends, never too short for it."""
    heard = begin + np.flatnonzero(peak[begin:end] > DIGITAL_SILENCE)
    first, last = heard[0] * window, heard[-1] * window
    start = first + np.flatnonzero(np.abs(audio.read(first, first + window)) > DIGITAL_SILENCE)[0]
    stop = last + np.flatnonzero(np.abs(audio.read(last, last + window)) > DIGITAL_SILENCE)[-1] + 1
    shortest, limit = round(SHORTEST_S * sample_rate), min(end * window, audio.size)
    stop = min(limit, max(stop, start + shortest))
    return int(max(begin * window, min(start, stop - shortest))), int(stop)
