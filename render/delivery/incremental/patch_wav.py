"""Make a file from the version before it: copy it, and overwrite the spans that changed."""

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
"""Steps measured before a change, so that the meter's state is right: 3 s for its window and 1 s for its filters."""

MEASURED_AROUND_S = WARM_UP_STEPS // STEPS_PER_SECOND + WINDOW_S
"""Changes closer than this are measured together, so that nothing is measured twice."""


def copy_nonsilent(before: Path, path: Path, statistics: StemStatistics, file: StemFile) -> None:
    """Copy a file up to the end of its samples. Digital silence is not read; it becomes a hole in the copy.

    Args:
        before: the file of the version before.
        path: the copy.
        statistics: of ``before``.
        file: description of the copy.

    Raises:
        RenderError: ``before`` has another length.
    """
    with open(before, "rb") as old, open(path, "wb") as new:
        offset, size = chunks.chunks_of(old)[b"data"]
        frame_bytes = file.layout.channels * file.bits // 8
        if size != file.length_samples * frame_bytes:
            raise RenderError(f"{before}: it holds {size // frame_bytes} samples, not {file.length_samples}")
        new.truncate(offset + size + size % 2)
        _copy(old, new, 0, offset)
        pops = [slice(at, at + length) for at, length in (file.pops.spans if file.pops else ())]
        for span in (*statistics.nonsilent_spans(), *pops):
            start = offset + span.start * frame_bytes
            _copy(old, new, start, min(offset + span.stop * frame_bytes, offset + size))


def _copy(old: BinaryIO, new: BinaryIO, start: int, stop: int) -> None:
    old.seek(start)
    new.seek(start)
    while start < stop:
        piece = old.read(min(COPY_BYTES, stop - start))
        new.write(piece)
        start += len(piece)


class Patch:
    """Overwrites spans of a copied file.

    Args:
        path: the copy.
        samples: quantises what is written, and collects its statistics.
        before: statistics of the version before.
        spans: the spans that will be written, in whole blocks.
    """

    def __init__(self, path: Path, samples: StemSamples, before: StemStatistics, spans: tuple[slice, ...]):
        self.path, self.samples, self.spans, self._before = path, samples, spans, before
        samples.reuse_statistics(before, spans)

    def write(self, pieces: Iterable[tuple[int, np.ndarray]]) -> None:
        """Write positions and samples, as :class:`StemSamples` returned them."""
        file = self.samples.file
        with open(self.path, "r+b") as out:
            offset, _ = chunks.chunks_of(out)[b"data"]
            for position, samples in pieces:
                out.seek(offset + position * file.layout.channels * file.bits // 8)
                out.write(as_bytes(self.samples.as_frames(samples), file.bits))

    def statistics(self) -> StemStatistics:
        """Return the statistics of the written file. Only ``spans`` and what they influence is measured again."""
        steps, file = self._before.steps, self.samples.file
        for span in merge_spans(self.spans, MEASURED_AROUND_S * file.sample_rate):
            measure_again(steps, self.path, file, span)
        find_true_peak(steps, self.path, file)
        return StemStatistics(self.samples.peaks, self.samples.clipped, steps)


def as_bytes(frames: np.ndarray, bits: int) -> bytes:
    """Return frames ``[n, channels]`` of full scale as bytes of the file, little-endian."""
    if bits == 24:
        return np.ascontiguousarray(frames.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:]).tobytes()
    return frames.astype({16: "<i2", 32: "<f4"}[bits]).tobytes()


def measure_again(steps: LoudnessSteps, path: Path, file: StemFile, span: slice) -> None:
    """Measure the tenths of a second of the programme that a change influences.

    Args:
        steps: loudness of the file; changed in place.
        path: the file.
        file: its description.
        span: the changed samples.
    """
    measured, step = file.measured_span, file.sample_rate // STEPS_PER_SECOND
    first = max(0, span.start - measured.start) // step
    last = min(len(steps.momentary), (span.stop - measured.start) // step + 1 + WINDOW_S * STEPS_PER_SECOND)
    if span.stop <= measured.start or first >= last:
        return
    begin = max(0, first - WARM_UP_STEPS)
    again = _measure(path, file, measured.start + begin * step, min(measured.start + last * step, measured.stop))
    for name in ("momentary", "short_term", "loudest"):
        getattr(steps, name)[first:last] = getattr(again, name)[first - begin : last - begin]
    for name in ("true_peak", "peak_bound"):  # of the first step, the interpolator has not seen what comes before
        getattr(steps, name)[begin + 1 : last] = getattr(again, name)[1 : last - begin]
        if begin == 0:
            getattr(steps, name)[0] = getattr(again, name)[0]


def find_true_peak(steps: LoudnessSteps, path: Path, file: StemFile) -> None:
    """Interpolate the steps that were skipped because a louder part existed, if that part is gone.

    Args:
        steps: loudness of the file; changed in place.
        path: the file.
        file: its description.
    """
    step = file.sample_rate // STEPS_PER_SECOND
    while (skipped := np.flatnonzero(steps.peak_bound > steps.true_peak.max(initial=0.0))).size:
        start = file.measured_span.start + int(skipped[0]) * step
        measure_again(steps, path, file, slice(start, start + 1))


def _measure(path: Path, file: StemFile, start: int, stop: int) -> LoudnessSteps:
    meter = R128Meter(file.layout, file.sample_rate)
    with soundfile.SoundFile(os.fsencode(path)) as audio:
        audio.seek(start)
        while start < stop:
            frames = audio.read(min(stop - start, READ_SAMPLES), READ_TYPES[file.bits], always_2d=True)
            meter.add(frames)
            start += len(frames)
    return meter.steps()
