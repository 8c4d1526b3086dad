"""A new version of a file made from the one before it: what is as it was is copied, what changed is written over."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from plugin_backend.errors import RenderError
from render.delivery.incremental.diff import merge_spans
from render.wav import riff as chunks
from render.wav.r128_gating import STEPS_PER_SECOND, LoudnessSteps
from render.wav.r128_meter import WINDOW_S, R128Meter
from render.wav.stem_samples import READ_TYPES, StemFile, StemSamples
from render.wav.stem_statistics import StemStatistics

COPY_BYTES, READ_SAMPLES = 2**20, 2**16
WARM_UP_STEPS = 4 * STEPS_PER_SECOND
"""Heard before a change, so that filters and windows hold what they would: 3 s of window, 1 s for the filters."""

MEASURED_AROUND_S = WARM_UP_STEPS // STEPS_PER_SECOND + WINDOW_S
"""Changes nearer than what is heard before and after them are heard together, so that nothing is heard twice."""


def copy_nonsilent(before: Path, path: Path, trail: StemStatistics, file: StemFile) -> None:
    """Copy a file up to the end of its samples; where it is digital silence nothing is read, and a hole is left.

    Args:
        before: the version before, whole.
        path: where the copy goes.
        trail: of ``before``.
        file: what the copy is.
    """
    with open(before, "rb") as old, open(path, "wb") as new:
        offset, size = chunks.chunks_of(old)[b"data"]
        frame_bytes = file.layout.channels * file.bits // 8
        if size != file.length_samples * frame_bytes:
            raise RenderError(f"{before}: it holds {size // frame_bytes} samples, not {file.length_samples}")
        new.truncate(offset + size + size % 2)
        _copy(old, new, 0, offset)
        pops = [slice(at, at + length) for at, length in (file.pops.spans if file.pops else ())]
        for stretch in (*trail.sounding(), *pops):
            start = offset + stretch.start * frame_bytes
            _copy(old, new, start, min(offset + stretch.stop * frame_bytes, offset + size))


def _copy(old: BinaryIO, new: BinaryIO, start: int, stop: int) -> None:
    old.seek(start)
    new.seek(start)
    while start < stop:
        piece = old.read(min(COPY_BYTES, stop - start))
        new.write(piece)
        start += len(piece)


class Patch:
    """Writes over stretches of a copied file.

    Args:
        path: the copy.
        samples: rounds and notes what is written; its notes of all else are the copy's.
        before: trail of the version before.
        spans: the stretches that will be written, in whole blocks.
    """

    def __init__(self, path: Path, samples: StemSamples, before: StemStatistics, spans: tuple[slice, ...]):
        self.path, self.samples, self.spans, self._before = path, samples, spans, before
        samples.go_on_from(before, spans)

    def write(self, sounds: Iterable[tuple[int, np.ndarray]]) -> None:
        """Take positions and what :class:`StemSamples` made of the samples there."""
        file = self.samples.file
        with open(self.path, "r+b") as out:
            offset, _ = chunks.chunks_of(out)[b"data"]
            for position, sound in sounds:
                out.seek(offset + position * file.layout.channels * file.bits // 8)
                out.write(as_bytes(self.samples.as_frames(sound), file.bits))

    def trail(self) -> StemStatistics:
        """The file's trail once it is written; only ``spans`` and what sounds into them is heard again."""
        steps, file = self._before.steps, self.samples.file
        for span in merge_spans(self.spans, MEASURED_AROUND_S * file.sample_rate):
            measure_again(steps, self.path, file, span)
        find_true_peak(steps, self.path, file)
        return StemStatistics(self.samples.peaks, self.samples.clipped, steps)


def as_bytes(frames: np.ndarray, bits: int) -> bytes:
    """Frames ``[n, channels]`` of full scale as the file holds them, little-endian."""
    if bits == 24:
        return np.ascontiguousarray(frames.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:]).tobytes()
    return frames.astype({16: "<i2", 32: "<f4"}[bits]).tobytes()


def measure_again(steps: LoudnessSteps, path: Path, file: StemFile, span: slice) -> None:
    """Measure the tenths of a second of the programme that a change of ``span`` reaches."""
    heard, step = file.heard, file.sample_rate // STEPS_PER_SECOND
    first = max(0, span.start - heard.start) // step
    last = min(len(steps.momentary), (span.stop - heard.start) // step + 1 + WINDOW_S * STEPS_PER_SECOND)
    if span.stop <= heard.start or first >= last:
        return
    begin = max(0, first - WARM_UP_STEPS)
    again = _measured(path, file, heard.start + begin * step, min(heard.start + last * step, heard.stop))
    for name in ("momentary", "short_term", "loudest"):
        getattr(steps, name)[first:last] = getattr(again, name)[first - begin : last - begin]
    for name in ("true_peak", "peak_bound"):  # complete from the second step on
        getattr(steps, name)[begin + 1 : last] = getattr(again, name)[1 : last - begin]
        if begin == 0:
            getattr(steps, name)[0] = getattr(again, name)[0]


def find_true_peak(steps: LoudnessSteps, path: Path, file: StemFile) -> None:
    """Interpolate what was left out because something louder stood elsewhere, if that is gone."""
    step = file.sample_rate // STEPS_PER_SECOND
    while (left := np.flatnonzero(steps.peak_bound > steps.true_peak.max(initial=0.0))).size:
        start = file.heard.start + int(left[0]) * step
        measure_again(steps, path, file, slice(start, start + 1))


def _measured(path: Path, file: StemFile, start: int, stop: int) -> LoudnessSteps:
    meter = R128Meter(file.layout, file.sample_rate)
    with soundfile.SoundFile(os.fsencode(path)) as audio:
        audio.seek(start)
        while start < stop:
            frames = audio.read(min(stop - start, READ_SAMPLES), READ_TYPES[file.bits], always_2d=True)
            meter.add(frames)
            start += len(frames)
    return meter.steps()
