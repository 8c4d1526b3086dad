"""Whether the files on disk sum to the FOLEY file on disk: read again, sample by sample."""

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
from render.project.project import SUM
from render.wav.quantize_dither import FULL_SCALE, clip_to_bits
from render.wav.stem_samples import read_quantized, sum_stems
from render.wav.two_pop import Pops

BLOCK_SAMPLES = 2**14


@dataclass(frozen=True)
class SumCheck:
    """The stems were read back and sum to FOLEY.

    Attributes:
        samples: how many were compared in each channel: all but the pops.
        clipped_samples: where the sum does not fit, and FOLEY holds full scale.
        largest_error: between FOLEY and the exact sum, elsewhere, full scale being 1: 0 for integers;
            up to half a step where a mono stem is panned into a stereo sum, or in 32-bit float.
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
    """Read the stems and FOLEY, and compare.

    Args:
        files: stem name → whole file, FOLEY among them.
        layouts: stem name → layout.
        bits: 16, 24 or 32, the same in all.
        pops: left out, as each file has its own.
        spans: the samples to compare; all of them if not given.

    Raises:
        RenderError: FOLEY is not the sum; names the first wrong sample.
    """
    stems = [name for name in files if name != SUM]
    compared = clipped = 0
    largest = 0.0
    with ExitStack() as stack:
        opened = {name: stack.enter_context(_opened(path)) for name, path in files.items()}
        lengths = {file.frames for file in opened.values()}
        if len(lengths) != 1:
            raise RenderError("the stems and their sum differ in length; nothing was kept")
        whole = [slice(0, lengths.pop())] if spans is None else spans
        for stretch in [part for span in whole for part in pops.outside(span.start, span.stop)]:
            for file in opened.values():
                file.seek(stretch.start)
            for start in range(stretch.start, stretch.stop, BLOCK_SAMPLES):
                count = min(BLOCK_SAMPLES, stretch.stop - start)
                total = sum_stems(
                    [(read_quantized(opened[name], count, bits), layouts[name]) for name in stems], layouts[SUM]
                )
                found = read_quantized(opened[SUM], count, bits)
                compared += count
                if np.array_equal(found, total):
                    continue
                expected = total.astype(np.float32) if bits == 32 else clip_to_bits(np.rint(total), bits)[0]
                if not np.array_equal(found, expected):
                    wrong = start + int(np.argmax((found != expected).any(axis=0)))
                    raise RenderError(f"FOLEY is not the sum of the stems at sample {wrong}; nothing was kept")
                outside = np.abs(total - found) > 0.5 if bits != 32 else np.zeros(total.shape, bool)
                error = np.abs(total - found)[~outside]
                largest = max(largest, float(error.max(initial=0.0)) / FULL_SCALE.get(bits, 1))
                clipped += int(np.count_nonzero(outside))
    return SumCheck(compared, clipped, largest)


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError as problem:
        raise RenderError(f"{path}: cannot be read again ({problem.error_string}); nothing was kept") from problem
