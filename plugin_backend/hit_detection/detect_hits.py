"""The hits of a recording: onset to the sample, and how hard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.errors import ProjectError
from plugin_backend.hit_detection.attack_position import refine_attack
from plugin_backend.hit_detection.onset_strength import find_candidates
from plugin_backend.hit_detection.overlapping_chunks import CONTEXT_CELLS, CORE_CELLS, READ_SAMPLES, overlapping_chunks

MIN_GAP_MS = 150.0
FULL_SHARE = 0.95
BODY_FRAMES = 80
"""A hit's body sounds for 200 ms, less where hits may be less than 150 ms apart."""


@dataclass(frozen=True)
class Sensitivity:
    """What counts as a hit.

    Attributes:
        factor: 0.1 to 10; twice as much finds rises half as steep.
        min_gap_ms: 20 to 5000; what follows a hit sooner belongs to it.

    Raises:
        ProjectError: out of range.
    """

    factor: float = 1.0
    min_gap_ms: float = MIN_GAP_MS

    def __post_init__(self):
        if not 0.1 <= self.factor <= 10:
            raise ProjectError(f"sensitivity {self.factor:g}: 0.1 to 10 can be used")
        if not 20 <= self.min_gap_ms <= 5000:
            raise ProjectError(f"a least gap of {self.min_gap_ms:g} ms: 20 to 5000 can be used")


@dataclass(frozen=True, slots=True)
class Hit:
    """One hit.

    Attributes:
        onset_samples: from the recording's first sample, at its own rate.
        peak_dbfs: of the loudest channel, within the least gap (150 ms at most).
        velocity: 0 to 1; its square is the peak relative to the recording's loud hits (which 5 % exceed).
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
    """All hits of a recording of any length, rate and number of channels, in order.

    How the file is read changes nothing: neither ``read_samples`` at a time nor ``core_cells`` (cells of 50 ms)
    heard at a time, as long as ``context_cells`` is not lowered.

    Raises:
        AudioFileError: see :func:`~plugin_backend.audio_files.inspect_recording` and `slabs`.
    """
    return detect_hits_in(inspect_recording(Path(path)), sensitivity, core_cells, context_cells, read_samples)


def detect_hits_in(
    guide: RecordingInfo,
    sensitivity: Sensitivity,
    core_cells: int = CORE_CELLS,
    context_cells: int = CONTEXT_CELLS,
    read_samples: int = READ_SAMPLES,
) -> list[Hit]:
    """The same of a recording that was looked at."""
    rate, found = guide.sample_rate, {}
    scale = min(1.0, sensitivity.min_gap_ms / MIN_GAP_MS)
    body = round(BODY_FRAMES * scale)
    for slab in overlapping_chunks(guide, core_cells, context_cells, read_samples):
        for candidate in find_candidates(slab.audio, rate, guide.hop_samples, sensitivity.factor, body):
            if slab.core_start <= slab.start_samples + candidate < slab.core_end:
                onset, peak = refine_attack(slab.audio, rate, int(candidate), scale)
                onset += slab.start_samples
                found[onset] = max(peak, found.get(onset, 0.0))
    return _with_velocities(_apart(found, round(sensitivity.min_gap_ms * rate / 1000)))


def _apart(found: dict[int, float], gap_samples: int) -> list[tuple[int, float]]:
    """Onset and peak of every hit that begins no sooner than the gap after the last."""
    kept: list[tuple[int, float]] = []
    for onset in sorted(found):
        if not kept or onset - kept[-1][0] >= gap_samples:
            kept.append((onset, found[onset]))
    return kept


def _with_velocities(found: list[tuple[int, float]]) -> list[Hit]:
    peaks = sorted(peak for _, peak in found)
    full = peaks[int(np.ceil(FULL_SHARE * len(peaks))) - 1] if peaks else 1.0
    return [Hit(onset, 20 * np.log10(peak), min(1.0, float(np.sqrt(peak / full)))) for onset, peak in found]
