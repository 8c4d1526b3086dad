"""What was noted of a file while it was written, so that a later version need not look at all of it again."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from plugin_backend.checksums import CHECKSUM_BYTES, Checksum, checksum_matches
from plugin_backend.output_files import write_atomically
from render.wav.r128_gating import Loudness, LoudnessSteps

BLOCK_SAMPLES = 512
UNREADABLE = (ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
FIELDS = {
    "peaks": np.float32,
    "clipped": np.int32,
    "momentary": np.float64,
    "short_term": np.float64,
    "loudest": np.float64,
    "true_peak": np.float64,
    "peak_bound": np.float64,
}


@dataclass
class StemStatistics:
    """One file, block by block and tenth of a second by tenth.

    Attributes:
        peaks: highest absolute sample as rendered, of each 512 samples; 0 is digital silence.
        clipped: how many samples of those were above full scale; integers clip there, 32-bit float holds them.
        steps: what the meter heard of the programme.
    """

    peaks: np.ndarray
    clipped: np.ndarray
    steps: LoudnessSteps

    @property
    def peak(self) -> float:
        """Highest absolute sample as rendered."""
        return float(self.peaks.max(initial=0.0))

    @property
    def outside_samples(self) -> int:
        """How many samples were above full scale."""
        return int(self.clipped.sum())

    def loudness(self) -> Loudness:
        """Of the programme."""
        return self.steps.loudness()

    def sounding(self) -> list[slice]:
        """The stretches of samples that are not digital silence, in order; the last may end past the file."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.peaks > 0, [False]])))
        return [slice(int(a) * BLOCK_SAMPLES, int(b) * BLOCK_SAMPLES) for a, b in edges.reshape(-1, 2)]

    def save(self, path: Path) -> None:
        """Write it; whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"peaks": self.peaks, "clipped": self.clipped, **vars(self.steps)}
        packed, seal = BytesIO(), Checksum(path.stem)
        np.savez_compressed(packed, **arrays)
        seal.add(packed.getvalue())
        with write_atomically(path, durable=False) as whole:
            whole.write_bytes(packed.getvalue() + seal.written)

    @classmethod
    def load(cls, path: Path) -> StemStatistics | None:
        """Read it back; ``None`` if it is not there or damaged."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if not checksum_matches(path.stem, data):
            return None
        try:
            with np.load(BytesIO(data[:-CHECKSUM_BYTES]), allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in (*FIELDS, "whole")}
        except UNREADABLE:  # of another edition
            return None
        if any(found[name].dtype != dtype or found[name].ndim != 1 for name, dtype in FIELDS.items()):
            return None
        blocks, steps = ({found[name].size for name in names} for names in (tuple(FIELDS)[:2], tuple(FIELDS)[2:]))
        if len(blocks) > 1 or len(steps) > 1 or found["whole"].shape or found["whole"].dtype.kind != "i":
            return None
        peaks, clipped = found.pop("peaks"), found.pop("clipped")
        return cls(peaks, clipped, LoudnessSteps(**found | {"whole": int(found["whole"])}))
