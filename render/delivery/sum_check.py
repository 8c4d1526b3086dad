"""Check that the stem files on disk sum to the FOLEY file on disk: all are read again, sample by sample."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.errors import RenderError
from render.project.channel_layout import Layout
from render.project.stem_names import SUM
from render.wav.quantize_dither import FULL_SCALE, clip_to_bits
from render.wav.stem_samples import read_quantized, sum_stems
from render.wav.two_pop import Pops

BLOCK_SAMPLES = 2**14


@dataclass(frozen=True)
class SumCheck:
    """Result of a sum check that passed.

    Attributes:
        samples: compared samples per channel; pops are left out.
        clipped_samples: samples where the sum exceeds full scale, and FOLEY holds full scale.
        largest_error: largest difference of FOLEY and the exact sum at the other samples; full scale is 1. It is 0
            for integers, and up to half a step if a mono stem is panned into a stereo sum, or in 32-bit float.
    """

    samples: int
    clipped_samples: int
    largest_error: float


def check_sum(
    files: dict[str, Path],
    layouts: dict[str, Layout],
    bits: int,
    pops: Pops,
    spans: Iterable[slice] | None = None,
) -> SumCheck:
    """Read the stems and FOLEY and compare them.

    Args:
        files: stem name → file, FOLEY included.
        layouts: stem name → layout.
        bits: 16, 24 or 32, the same for all files.
        pops: left out, because each file has its own.
        spans: the samples to compare; by default, all.

    Raises:
        RenderError: FOLEY is not the sum; names the first wrong sample.
    """
    stems = [name for name in files if name != SUM]
    compared = clipped = 0
    largest = 0.0
    with ExitStack() as stack:
        opened = {name: stack.enter_context(_open(path)) for name, path in files.items()}
        lengths = {file.frames for file in opened.values()}
        if len(lengths) != 1:
            raise RenderError("the stems and their sum differ in length; nothing was kept")
        whole = [slice(0, lengths.pop())] if spans is None else spans
        for span in [part for each in whole for part in pops.outside(each.start, each.stop)]:
            for file in opened.values():
                file.seek(span.start)
            for start in range(span.start, span.stop, BLOCK_SAMPLES):
                count = min(BLOCK_SAMPLES, span.stop - start)
                total = sum_stems(
                    [(read_quantized(opened[name], count, bits), layouts[name]) for name in stems], layouts[SUM]
                )
                foley = read_quantized(opened[SUM], count, bits)
                compared += count
                if np.array_equal(foley, total):
                    continue
                expected = total.astype(np.float32) if bits == 32 else clip_to_bits(np.rint(total), bits)[0]
                if not np.array_equal(foley, expected):
                    wrong = start + int(np.argmax((foley != expected).any(axis=0)))
                    raise RenderError(f"FOLEY is not the sum of the stems at sample {wrong}; nothing was kept")
                over = np.abs(total - foley) > 0.5 if bits != 32 else np.zeros(total.shape, bool)
                error = np.abs(total - foley)[~over]
                largest = max(largest, float(error.max(initial=0.0)) / FULL_SCALE.get(bits, 1))
                clipped += int(np.count_nonzero(over))
    return SumCheck(compared, clipped, largest)


def _open(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as problem:
        raise RenderError(f"{path}: cannot be read again ({problem.error_string}); nothing was kept") from problem
