"""Read a recording as blocks ``[channels, n]``, at its own rate or a codec's and back, aligned to the sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.audio_files import read_large_blocks as read_frames
from plugin_backend.dsp.resample import Resampler
from plugin_backend.errors import AudioFileError
from render.project.channel_layout import LAYOUTS, Layout

READ_SAMPLES = 2**14
BLOCK_SAMPLES = 2**15
"""Samples per block that is passed on and written: a multiple of 512."""

SPARE_SAMPLES = 1024
"""Samples of silence after a recording's end, so that the resampler returns the last sample."""


def channel_layout(recording: RecordingInfo) -> Layout:
    """Return the layout with the recording's number of channels.

    Raises:
        AudioFileError: it is none of mono, stereo, lcr and 5.1.
    """
    for layout in LAYOUTS.values():
        if layout.channels == recording.channels:
            return layout
    raise AudioFileError(f"{recording.path}: {recording.channels} channels; 1, 2, 3 (L R C) or 6 (5.1) can be used")


def open_recording(path: Path) -> tuple[RecordingInfo, Layout]:
    """Return a recording's size and layout.

    Raises:
        AudioFileError: see :func:`plugin_backend.audio_files.inspect_recording` and
            :func:`channel_layout`.
    """
    recording = inspect_recording(path)
    return recording, channel_layout(recording)


def read_blocks(recording: RecordingInfo) -> Iterator[np.ndarray]:
    """Yield the whole recording as ``[channels, n]`` float32.

    Raises:
        AudioFileError: the audio is damaged, ends before its stated length, or is not finite.
    """
    for frames, _ in read_frames(recording, READ_SAMPLES, BLOCK_SAMPLES):
        yield frames.T


def resample_blocks(blocks: Iterator[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    """Yield the same audio at another rate, aligned: sample 0 stays sample 0.

    Args:
        blocks: ``[channels, n]`` float32.
        from_hz: their rate.
        to_hz: the rate to return.
    """
    if from_hz == to_hz:
        yield from blocks
        return
    resampler = None
    for block in blocks:
        resampler = resampler or Resampler(from_hz, to_hz, len(block))
        yield resampler.push(block)
    if resampler:
        yield resampler.push(np.zeros((len(block), 0), np.float32), last=True)


def cut_to_length(pieces: Iterator[np.ndarray], length_samples: int, size: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """Yield the first ``length_samples`` samples of audio, in blocks of ``size`` and a last shorter one.

    Args:
        pieces: ``[channels, n]``, together at least so long.
        length_samples: how many samples to return.
        size: samples per block.
    """
    buffered, remaining = None, length_samples
    while remaining:
        samples = min(size, remaining)
        while buffered is None or buffered.shape[1] < samples:
            piece = next(pieces)
            buffered = piece if buffered is None else np.concatenate([buffered, piece], axis=1)
        yield buffered[:, :samples]
        buffered, remaining = buffered[:, samples:].copy(), remaining - samples
