"""A recording as blocks ``[channels, n]``, at its own rate or a codec's and back, to the sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr

from plugin_backend.audio_files import RecordingInfo, inspect_recording
from plugin_backend.audio_files import read_large_blocks as frames_of
from plugin_backend.errors import AudioFileError
from render.project.channel_layout import LAYOUTS, Layout

READ_SAMPLES = 2**14
BLOCK_SAMPLES = 2**15
"""What is handed on at a time, and written: a multiple of 512."""

SPARE_SAMPLES = 1024
"""Silence after a recording's end, so that the last resampled sample is there."""


def channel_layout(guide: RecordingInfo) -> Layout:
    """By the number of channels.

    Raises:
        AudioFileError: it is none of mono, stereo, lcr and 5.1.
    """
    for layout in LAYOUTS.values():
        if layout.channels == guide.channels:
            return layout
    raise AudioFileError(f"{guide.path}: {guide.channels} channels; 1, 2, 3 (L R C) or 6 (5.1) can be used")


def open_recording(path) -> tuple[RecordingInfo, Layout]:
    """A recording's size and layout.

    Raises:
        AudioFileError: see :func:`plugin_backend.audio_files.inspect_recording` and :func:`layout_of`.
    """
    guide = inspect_recording(path)
    return guide, channel_layout(guide)


def read_blocks(guide: RecordingInfo) -> Iterator[np.ndarray]:
    """The whole recording as ``[channels, n]`` float32.

    Raises:
        AudioFileError: the audio is damaged, ends before its length, or is not finite.
    """
    for frames, _ in frames_of(guide, READ_SAMPLES, BLOCK_SAMPLES):
        yield frames.T


def resample_blocks(blocks: Iterator[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    """The same sound at another rate, aligned: sample 0 stays sample 0."""
    if from_hz == to_hz:
        yield from blocks
        return
    resampler = None
    for block in blocks:
        resampler = resampler or soxr.ResampleStream(from_hz, to_hz, len(block), dtype="float32")
        yield resampler.resample_chunk(np.ascontiguousarray(block.T)).reshape(-1, len(block)).T
    if resampler:
        nothing = np.zeros((0, len(block)), np.float32)
        yield resampler.resample_chunk(nothing, last=True).reshape(-1, len(block)).T


def cut_to_length(pieces: Iterator[np.ndarray], length_samples: int, size: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """The first ``length_samples`` of a sound at least so long, in blocks of ``size`` and a last one."""
    waiting, left = None, length_samples
    while left:
        wanted = min(size, left)
        while waiting is None or waiting.shape[1] < wanted:
            piece = next(pieces)
            waiting = piece if waiting is None else np.concatenate([waiting, piece], axis=1)
        yield waiting[:, :wanted]
        waiting, left = waiting[:, wanted:].copy(), left - wanted
