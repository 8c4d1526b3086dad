"""Lowest and highest samples of recordings, for drawing them at any zoom: from two hours to one sample.

A recording is read once. Its peaks are kept on disk under the digest of its bytes, so a file that changes gets others,
and a file that is copied or renamed keeps them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import AudioFile, RecordingInfo, inspect_recording, read_large_blocks
from plugin_backend.checksums import CHECKSUM_BYTES, Checksum, checksum_matches
from plugin_backend.errors import AudioFileError
from plugin_backend.output_files import file_digest, write_atomically

STEP_SAMPLES = 256
"""Samples of one kept pair of peaks."""
RATIO = 16
"""How many pairs of one level become one pair of the next."""
FULL_SCALE = 32_767
FOLDER = "peaks"
READ_SAMPLES = STEP_SAMPLES * 256
MOST_BINS = 100_000
SEEKABLE = ("PCM_", "FLOAT", "DOUBLE")
"""Sample formats in which every sample can be reached at once. Others are read from their beginning."""


@dataclass(frozen=True)
class PeakSlice:
    """Peaks of a part of a recording.

    Attributes:
        start_samples: of the first pair, in the recording's own samples: a multiple of ``step_samples``.
        step_samples: samples of one pair: 1, 16, 256, 4096, …
        pairs: lowest and highest sample of all channels, ``[n, 2]`` int16, 32,767 at full scale.
    """

    start_samples: int
    step_samples: int
    pairs: np.ndarray


class WaveformPeaks:
    """The peaks of one recording; made by :func:`read_peaks`.

    Attributes:
        info: the recording.
    """

    def __init__(self, info: RecordingInfo, pairs: np.ndarray):
        self.info = info
        self._levels = {STEP_SAMPLES: pairs}
        step = STEP_SAMPLES
        while len(pairs) > 1:
            pairs, step = _coarser(pairs), step * RATIO
            self._levels[step] = pairs

    def slice(self, start_samples: int, stop_samples: int, most_bins: int) -> PeakSlice:
        """Return the finest peaks of a part that need at most ``most_bins`` pairs.

        Args:
            start_samples, stop_samples: the part, in the recording's own samples; what is outside it is left out.
            most_bins: 1 to 100,000.

        Raises:
            AudioFileError: samples must be read from the file, and it cannot be read.
        """
        start = min(max(0, start_samples), self.info.length_samples)
        stop = max(start, min(stop_samples, self.info.length_samples))
        step, most_bins = 1, min(max(1, most_bins), MOST_BINS)
        while -(-stop // step) - start // step > most_bins and step < max(self._levels):
            step *= RATIO
        first, last = start // step, -(-stop // step)
        if step >= STEP_SAMPLES:
            return PeakSlice(first * step, step, self._levels[step][first:last])
        samples = _read_part(self.info, first * step, min(last * step, self.info.length_samples))
        pairs = _pairs(samples, step) if samples.size else np.zeros((0, 2), np.int16)
        return PeakSlice(first * step, step, pairs)


def read_peaks(path: Path, cache: Path) -> WaveformPeaks:
    """Return the peaks of a recording, from the cache if they are there. Memory does not grow with its length.

    Args:
        path: a recording of any length, rate and number of channels.
        cache: folder for peaks; those of this recording are added. If it cannot be written, nothing is kept.

    Raises:
        AudioFileError: the recording cannot be read.
    """
    info = inspect_recording(path)
    name = f"{file_digest(path)}.{STEP_SAMPLES}"
    kept = cache / FOLDER / name
    pairs = _load(kept, -(-info.length_samples // STEP_SAMPLES))
    if pairs is None:
        blocks = read_large_blocks(info, READ_SAMPLES, READ_SAMPLES)
        pairs = np.concatenate([_pairs(block, STEP_SAMPLES) for block, _ in blocks])
        with suppress(OSError):  # a full disk stops no drawing
            _save(kept, pairs)
    return WaveformPeaks(info, pairs)


def _pairs(samples: np.ndarray, step: int) -> np.ndarray:
    """Return the peaks of samples ``[n, channels]``. The last pair may be of fewer than ``step`` samples."""
    starts = np.arange(0, len(samples), step)
    low = np.minimum.reduceat(samples.min(axis=1), starts)
    high = np.maximum.reduceat(samples.max(axis=1), starts)
    return np.rint(np.clip(np.stack([low, high], axis=1), -1, 1) * FULL_SCALE).astype(np.int16)


def _coarser(pairs: np.ndarray) -> np.ndarray:
    starts = np.arange(0, len(pairs), RATIO)
    low, high = np.minimum.reduceat(pairs[:, 0], starts), np.maximum.reduceat(pairs[:, 1], starts)
    return np.stack([low, high], axis=1)


def _load(path: Path, expected: int) -> np.ndarray | None:
    """Read kept peaks; return ``None`` if they are missing or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != 4 * expected + CHECKSUM_BYTES or not checksum_matches(path.name, data):
        return None
    return np.frombuffer(data[:-CHECKSUM_BYTES], "<i2").reshape(-1, 2)


def _save(path: Path, pairs: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data, seal = pairs.astype("<i2").tobytes(), Checksum(path.name)
    seal.add(data)
    with write_atomically(path, durable=False) as whole:
        whole.write_bytes(data + seal.value)


def _read_part(info: RecordingInfo, start: int, stop: int) -> np.ndarray:
    """Read the samples of a part, ``[n, channels]`` float32."""
    import soundfile

    try:
        with soundfile.SoundFile(os.fsencode(info.path)) as file:
            if file.subtype.startswith(SEEKABLE) and file.frames == info.length_samples:
                file.seek(start)
                return file.read(stop - start, "float32", always_2d=True)
    except soundfile.LibsndfileError:  # several recordings in one file, or a header that the house's reader corrects
        pass
    try:
        return np.concatenate([np.zeros((0, info.channels), np.float32), *_forward(info, start, stop)])
    except AudioFileError as problem:
        raise AudioFileError(f"{info.path}: {problem}") from problem


def _forward(info: RecordingInfo, start: int, stop: int) -> Iterator[np.ndarray]:
    """Read from the beginning, and yield only the part."""
    position = 0
    with AudioFile(info.path) as file:
        while position < stop and len(block := file.read(min(READ_SAMPLES, stop - position))):
            yield block[max(0, start - position) :]
            position += len(block)
