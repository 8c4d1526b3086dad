"""Detect the hits of a recording: the onset to the sample, and how hard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.errors import ProjectError
from plugin_backend.hit_detection.attack_position import refine_attack
from plugin_backend.hit_detection.onset_strength import find_candidates
from plugin_backend.hit_detection.overlapping_chunks import (
    CONTEXT_CELLS,
    CORE_CELLS,
    READ_SAMPLES,
    hop_samples,
    overlapping_chunks,
)

MIN_GAP_MS = 150.0
FULL_SHARE = 0.95
BODY_FRAMES = 80
"""The body of a hit lasts 200 ms, or less if hits may be less than 150 ms apart."""


@dataclass(frozen=True)
class Sensitivity:
    """Settings of the hit detector.

    Attributes:
        factor: 0.1 to 10. A value twice as large detects rises half as steep.
        min_gap_ms: 20 to 5000. A hit that follows another sooner is part of it.

    Raises:
        ProjectError: a value is out of range.
    """

    factor: float = 1.0
    min_gap_ms: float = MIN_GAP_MS

    def __post_init__(self) -> None:
        if not 0.1 <= self.factor <= 10:
            raise ProjectError(f"sensitivity {self.factor:g}: 0.1 to 10 can be used")
        if not 20 <= self.min_gap_ms <= 5000:
            raise ProjectError(f"a least gap of {self.min_gap_ms:g} ms: 20 to 5000 can be used")


@dataclass(frozen=True, slots=True)
class Hit:
    """One hit.

    Attributes:
        onset_samples: from the recording's first sample, at its own rate.
        peak_dbfs: peak of the loudest channel within the least gap (at most 150 ms).
        velocity: 0 to 1. Its square is the peak relative to the loud hits of the recording (5 % are louder).
    """

    onset_samples: int
    peak_dbfs: float
    velocity: float


def detect_hits(
    path: Path,
    sensitivity: Sensitivity = Sensitivity(),
    *,
    core_cells: int = CORE_CELLS,
    context_cells: int = CONTEXT_CELLS,
    read_samples: int = READ_SAMPLES,
) -> list[Hit]:
    """Return all hits of a recording of any length, rate and number of channels, in order.

    The result does not depend on ``read_samples`` or ``core_cells``, as long as ``context_cells`` is not lowered.

    Args:
        path: the recording.
        sensitivity: settings.
        core_cells: cells of 50 ms that are analysed at a time.
        context_cells: cells before and after them that are analysed too.
        read_samples: samples that are read at a time.

    Raises:
        AudioFileError: see :func:`~plugin_backend.audio_files.inspect_recording` and
            :func:`~plugin_backend.hit_detection.overlapping_chunks.overlapping_chunks`.
    """
    return detect_hits_in(inspect_recording(Path(path)), sensitivity, core_cells, context_cells, read_samples)


def detect_hits_in(
    recording: RecordingInfo,
    sensitivity: Sensitivity,
    core_cells: int = CORE_CELLS,
    context_cells: int = CONTEXT_CELLS,
    read_samples: int = READ_SAMPLES,
) -> list[Hit]:
    """Return all hits of a recording that was inspected; see :func:`detect_hits`.

    Args:
        recording: the recording.
        sensitivity: settings.
        core_cells: see :func:`detect_hits`.
        context_cells: see :func:`detect_hits`.
        read_samples: see :func:`detect_hits`.
    """
    rate = recording.sample_rate
    peaks_by_onset: dict[int, float] = {}
    scale = min(1.0, sensitivity.min_gap_ms / MIN_GAP_MS)
    body = round(BODY_FRAMES * scale)
    for chunk in overlapping_chunks(recording, core_cells, context_cells, read_samples):
        for candidate in find_candidates(chunk.audio, rate, hop_samples(rate), sensitivity.factor, body):
            if chunk.core_start <= chunk.start_samples + candidate < chunk.core_end:
                onset, peak = refine_attack(chunk.audio, rate, int(candidate), scale)
                onset += chunk.start_samples
                peaks_by_onset[onset] = max(peak, peaks_by_onset.get(onset, 0.0))
    return _with_velocities(_keep_apart(peaks_by_onset, round(sensitivity.min_gap_ms * rate / 1000)))


def _keep_apart(peaks_by_onset: dict[int, float], gap_samples: int) -> list[tuple[int, float]]:
    """Return onset and peak of every hit that begins at least the gap after the previous hit."""
    kept: list[tuple[int, float]] = []
    for onset in sorted(peaks_by_onset):
        if not kept or onset - kept[-1][0] >= gap_samples:
            kept.append((onset, peaks_by_onset[onset]))
    return kept


def _with_velocities(hits: list[tuple[int, float]]) -> list[Hit]:
    peaks = sorted(peak for _, peak in hits)
    full = peaks[int(np.ceil(FULL_SHARE * len(peaks))) - 1] if peaks else 1.0
    return [Hit(onset, 20 * np.log10(peak), min(1.0, float(np.sqrt(peak / full)))) for onset, peak in hits]
