"""Cut a recording into takes, each from its attack to the end of its tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import RecordingInfo, inspect_recording, read_mono
from plugin_backend.codecs.dc_offset import dc_offset
from plugin_backend.hit_detection.detect_hits import Sensitivity, detect_hits_in

HITS, SILENCE, FILE = "hits", "silence", "file"
SPLITS = (HITS, SILENCE, FILE)
"""Where takes begin: at every hit; at every hit after a silence, so that a clatter stays one take; once per file."""

WINDOW_S, RISE_DB, FALL_DB, GAP_S, LEAD_S = 0.005, -26.0, -46.0, 0.06, 0.002
END_DB, ABOVE_FLOOR, FLOOR_SHARE = -60.0, 10 ** (3 / 20), 0.05
"""A tail ends 60 dB below its peak, or 3 dB above the level of the quietest twentieth of the recording."""

STRIKE_SENSITIVITY, STRIKE_GAP_MS, STRIKE_GAP_S, STRIKE_DB = 2.0, 40.0, 0.1, -20.0
"""Strikes within a take are detected with more sensitivity than takes. They must be 100 ms apart, and at most 20 dB
below the loudest."""

SHORTEST_FADE_S, FADED_DB, END_WINDOWS, END_SLACK_DB = 0.01, 10.0, 4, 3.0


@dataclass(frozen=True)
class Slice:
    """A future take, cut from a recording.

    Attributes:
        audio: ``[samples]`` float32, from up to 2 ms before the attack.
        onsets: samples of its strikes, in order; the first is its attack.
        fade_samples: length of the fade at its end.
    """

    audio: np.ndarray
    onsets: tuple[int, ...]
    fade_samples: int

    def scaled(self, gain: float) -> Slice:
        """Return the slice with a linear gain applied."""
        return replace(self, audio=self.audio * np.float32(gain))


def envelope(audio: np.ndarray, window: int) -> np.ndarray:
    """Return the RMS of consecutive windows.

    Args:
        audio: ``[samples]``.
        window: length of a window in samples; the last one may be partial.
    """
    padded = np.pad(audio.astype(np.float64), (0, -audio.size % window))
    return np.sqrt(np.mean(padded.reshape(-1, window) ** 2, axis=1))


def attack_samples(audio: np.ndarray, threshold_db: float = -20.0) -> int:
    """Return the first sample that is within ``threshold_db`` (negative) of the peak; 0 for silence."""
    magnitude = np.abs(audio)
    peak = magnitude.max(initial=0.0)
    return int(np.argmax(magnitude >= peak * 10 ** (threshold_db / 20))) if peak > 0 else 0


def slices_of(path: Path, sample_rate: int, split: str, sensitivity: Sensitivity) -> tuple[list[Slice], int]:
    """Cut a recording into slices.

    Args:
        path: any rate, mono or stereo (mixed to mono).
        sample_rate: sample rate of the slices, in Hz.
        split: one of :data:`SPLITS`.
        sensitivity: what counts as a hit, as for ``pisada cues from-audio``.

    Returns:
        The slices in order, and the number of hits that the detector found.

    Raises:
        AudioFileError: the file cannot be used.
    """
    guide, audio = inspect_recording(path), read_mono(path, sample_rate)
    audio -= np.float32(dc_offset([audio], sample_rate // 100))
    detected = detect_hits_in(guide, sensitivity)
    hits = [min(audio.size - 1, round(hit.onset_samples * sample_rate / guide.sample_rate)) for hit in detected]
    regions = {HITS: _at_hits, SILENCE: _at_silences, FILE: _whole}[split](audio, hits, sample_rate)
    floor, strikes = _floor(audio, sample_rate), _strikes(guide, sensitivity, sample_rate)
    slices = []
    for start, limit, onset in regions:
        end = tail_end(audio[start:limit], onset - start, floor, sample_rate) + start if split != FILE else limit
        onsets = [onset]
        for strike in strikes:
            if onsets[-1] + STRIKE_GAP_S * sample_rate <= strike < end - STRIKE_GAP_S * sample_rate:
                onsets.append(strike)
        slices.append(_make_slice(audio[start:end], [at - start for at in onsets], sample_rate))
    return slices, len(hits)


def _strikes(guide: RecordingInfo, sensitivity: Sensitivity, sample_rate: int) -> list[int]:
    """Return the samples of strikes within takes: an object that clatters is struck again and again."""
    detected = detect_hits_in(guide, Sensitivity(min(10.0, STRIKE_SENSITIVITY * sensitivity.factor), STRIKE_GAP_MS))
    loudest = max((hit.peak_dbfs for hit in detected), default=0.0)
    loud = [hit.onset_samples for hit in detected if hit.peak_dbfs > loudest + STRIKE_DB]
    return [round(at * sample_rate / guide.sample_rate) for at in loud]


def _make_slice(audio: np.ndarray, onsets: Sequence[int], sample_rate: int) -> Slice:
    fade = fade_samples(audio, onsets[0], sample_rate)
    return Slice(audio.astype(np.float32), tuple(onsets), fade)


def _at_hits(audio: np.ndarray, hits: list[int], sample_rate: int) -> list[tuple[int, int, int]]:
    lead = round(LEAD_S * sample_rate)
    starts = [max(0, hit - lead) for hit in hits]
    limits = [*starts[1:], audio.size]
    return [(start, limit, hit) for start, limit, hit in zip(starts, limits, hits, strict=False)]


def _at_silences(audio: np.ndarray, hits: list[int], sample_rate: int) -> list[tuple[int, int, int]]:
    regions, lead = split_hits(audio, sample_rate), round(LEAD_S * sample_rate)
    starts = [start for start, _ in regions]
    limits = [*starts[1:], audio.size]
    return [
        (start, limit, min(start + lead, start + attack_samples(audio[start:limit], RISE_DB)))
        for start, limit in zip(starts, limits, strict=True)
    ]


def _whole(audio: np.ndarray, hits: list[int], sample_rate: int) -> list[tuple[int, int, int]]:
    return [(0, audio.size, attack_samples(audio))] if audio.any() else []


def _floor(audio: np.ndarray, sample_rate: int) -> float:
    """Return the RMS of the quietest twentieth of a recording; digital silence is not counted."""
    level = np.sort(envelope(audio, round(WINDOW_S * sample_rate)))
    level = level[level > 0]
    return float(level[int(FLOOR_SHARE * level.size)]) if level.size else 0.0


def tail_end(audio: np.ndarray, onset: int, floor: float, sample_rate: int) -> int:
    """Return the sample after the tail of a hit.

    From there the level stays for 60 ms below −60 dB of the peak, or close to the floor.

    Args:
        audio: ``[samples]``.
        onset: sample of the attack.
        floor: RMS of the quietest part of the recording.
        sample_rate: in Hz.
    """
    window, gap = round(WINDOW_S * sample_rate), round(GAP_S / WINDOW_S)
    level = envelope(audio[onset:], window)
    peak = level.max(initial=0.0)
    quiet = level < max(peak * 10 ** (END_DB / 20), min(floor * ABOVE_FLOOR, peak))
    quiet[: int(level.argmax()) + 1] = False
    runs = np.convolve(quiet, np.ones(gap), "valid") >= gap if quiet.size >= gap else np.zeros(0, bool)
    first = int(np.argmax(runs)) if runs.any() else level.size
    return min(audio.size, onset + max(1, first) * window)


def fade_samples(audio: np.ndarray, onset: int, sample_rate: int) -> int:
    """Return the length of the fade that hides the cut at the end of a take.

    It covers the last 10 dB that the tail falls. It is 10 ms for a tail that falls to 60 dB below its peak, and at most
    half of the audio after the peak.

    Args:
        audio: ``[samples]``.
        onset: sample of the attack.
        sample_rate: in Hz.
    """
    window = round(WINDOW_S * sample_rate)
    level = 20 * np.log10(np.maximum(envelope(audio[onset:], window), 1e-9))
    top = int(level.argmax())
    shortest, most = round(SHORTEST_FADE_S * sample_rate), (audio.size - onset - top * window) // 2
    end_db = float(level[-END_WINDOWS:].mean())
    if end_db - float(level[top]) <= END_DB + END_SLACK_DB or level.size - top < 2 * END_WINDOWS:
        return min(shortest, audio.size // 2)
    last = int(np.flatnonzero(level >= min(end_db + FADED_DB, level[top]))[-1])
    return int(np.clip((level.size - 1 - last) * window, shortest, max(shortest, most)))


def split_hits(audio: np.ndarray, sample_rate: int) -> list[tuple[int, int]]:
    """Return regions ``[start, end)`` in samples, one for each hit after a silence, from 2 ms before its attack.

    A hit begins where the RMS of 5 ms comes within 26 dB of the loudest. It ends when the RMS has been 46 dB below the
    loudest for 60 ms, or where the next hit begins.
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
