"""Read users' audio files, with one clear line when one cannot be used."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from plugin_backend.errors import AudioFileError

MOST_CHANNELS = 2


def info_of(path: Path):
    """What libsndfile says of a file with samples in it.

    Raises:
        AudioFileError: absent, unreadable or empty; names the file.
    """
    if not os.path.isfile(path):  # also of a name no file can have
        raise AudioFileError(f"{path}: no such audio file")
    try:
        info = soundfile.info(os.fsencode(path))
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"{path}: not a readable audio file ({problem.error_string.rstrip('.')})") from problem
    if info.frames <= 0:
        raise AudioFileError(f"{path}: the file holds no samples")
    return info


def probe(path: Path) -> tuple[int, int, int]:
    """Length in samples, rate in Hz and channels of a file we can use.

    Raises:
        AudioFileError: absent, unreadable, empty, or more than two channels; names the file.
    """
    info = info_of(path)
    if info.channels > MOST_CHANNELS:
        raise AudioFileError(f"{path}: {info.channels} channels; give a mono or stereo file")
    return info.frames, info.samplerate, info.channels


def length_at(path: Path, sample_rate: int) -> int:
    """The file's length in samples once at ``sample_rate``, rounded up.

    Raises:
        AudioFileError: see :func:`probe`.
    """
    samples, rate, _ = probe(path)
    return -(-samples * sample_rate // rate)


def mono_blocks(path: Path, sample_rate: int, block_samples: int = 65_536) -> Iterator[np.ndarray]:
    """The file piece by piece, mixed to mono (mean of its channels) and resampled, ``[n]`` float32.

    Raises:
        AudioFileError: see :func:`probe`; also when the audio is damaged or not finite.
    """
    _, rate, _ = probe(path)
    yield from resampled(_mono(path, block_samples), rate, sample_rate)


def resampled(blocks: Iterable[tuple[np.ndarray, bool]], rate: int, sample_rate: int) -> Iterator[np.ndarray]:
    """Pieces ``[n]`` of a sound at ``rate`` Hz, each told whether it is the last, at ``sample_rate`` Hz."""
    resampler = soxr.ResampleStream(rate, sample_rate, 1) if rate != sample_rate else None
    for block, last in blocks:
        yield resampler.resample_chunk(block, last=last) if resampler else block


def _mono(path: Path, block_samples: int) -> Iterator[tuple[np.ndarray, bool]]:
    """``[n]`` float32 pieces of a file, the mean of its channels, and whether each is the last."""
    for block, last in _blocks(path, block_samples):
        if not np.isfinite(block).all():
            raise AudioFileError(f"{path}: the file holds NaN or infinite samples")
        yield block.mean(axis=1, dtype=np.float32), last


def _blocks(path: Path, block_samples: int) -> Iterator[tuple[np.ndarray, bool]]:
    """``[n, channels]`` pieces of a file, and whether each is the last."""
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            last = False
            while not last:
                block = file.read(block_samples, dtype="float32", always_2d=True)
                last = len(block) < block_samples
                yield block, last
    except soundfile.LibsndfileError as problem:
        raise AudioFileError(f"{path}: the audio is damaged ({problem.error_string})") from problem


def read_mono(path: Path, sample_rate: int) -> np.ndarray:
    """The whole file as :func:`mono_blocks` gives it, ``[samples]`` float32."""
    return np.concatenate(list(mono_blocks(path, sample_rate)))
