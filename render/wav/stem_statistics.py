"""Statistics of a file, collected while it is written. A later version uses them in place of reading all of it."""

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
    """Statistics of one file, for every block of 512 samples and every tenth of a second.

    Attributes:
        peaks: highest absolute sample of each block, before quantisation; 0 is digital silence.
        clipped: samples of each block above full scale. Integers clip there; 32-bit float does not.
        steps: loudness of the programme.
    """

    peaks: np.ndarray
    clipped: np.ndarray
    steps: LoudnessSteps

    @property
    def peak(self) -> float:
        """Highest absolute sample, before quantisation."""
        return float(self.peaks.max(initial=0.0))

    @property
    def samples_over_full_scale(self) -> int:
        """Number of samples above full scale."""
        return int(self.clipped.sum())

    def loudness(self) -> Loudness:
        """Return the loudness of the programme."""
        return self.steps.loudness()

    def nonsilent_spans(self) -> list[slice]:
        """Return the spans that are not digital silence, in order. The last may end after the end of the file."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], self.peaks > 0, [False]])))
        return [slice(int(a) * BLOCK_SAMPLES, int(b) * BLOCK_SAMPLES) for a, b in edges.reshape(-1, 2)]

    def save(self, path: Path) -> None:
        """Write the statistics to a file, completely or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"peaks": self.peaks, "clipped": self.clipped, **vars(self.steps)}
        packed, seal = BytesIO(), Checksum(path.stem)
        np.savez_compressed(packed, **arrays)
        seal.add(packed.getvalue())
        with write_atomically(path, durable=False) as whole:
            whole.write_bytes(packed.getvalue() + seal.value)

    @classmethod
    def load(cls, path: Path) -> StemStatistics | None:
        """Read statistics, or return ``None`` if the file is missing or damaged."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if not checksum_matches(path.stem, data):
            return None
        try:
            with np.load(BytesIO(data[:-CHECKSUM_BYTES]), allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in (*FIELDS, "whole")}
        except UNREADABLE:  # written by another version of Pisada
            return None
        if any(values[name].dtype != dtype or values[name].ndim != 1 for name, dtype in FIELDS.items()):
            return None
        blocks, steps = ({values[name].size for name in names} for names in (tuple(FIELDS)[:2], tuple(FIELDS)[2:]))
        if len(blocks) > 1 or len(steps) > 1 or values["whole"].shape or values["whole"].dtype.kind != "i":
            return None
        peaks, clipped = values.pop("peaks"), values.pop("clipped")
        return cls(peaks, clipped, LoudnessSteps(**values | {"whole": int(values["whole"])}))
