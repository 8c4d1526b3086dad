"""The two slow loops of phase reconstruction: in C if it was built (``plugin_backend/native/phase.c``), else in Python.

Both ways return the same bits.
"""

from __future__ import annotations

import ctypes
import heapq
import math
from ctypes import c_float, c_int, c_void_p
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np


@cache
def library() -> ctypes.CDLL | None:
    """Load the compiled loops; ``None`` if they were not built."""
    folder = Path(__file__).parents[1]
    path = next((one for suffix in EXTENSION_SUFFIXES if (one := folder / f"_phase{suffix}").is_file()), None)
    if path is None:
        return None
    loaded = ctypes.CDLL(str(path))
    loaded.pisada_integrate_phase.argtypes = (*(c_void_p,) * 4, *(c_int,) * 3, *(c_void_p,) * 2)
    loaded.pisada_set_magnitudes.argtypes = (*(c_void_p,) * 3, c_float, c_int, c_void_p)
    loaded.pisada_integrate_phase.restype = loaded.pisada_set_magnitudes.restype = None
    return loaded


def integrate_phase(
    level: np.ndarray, over_time: np.ndarray, over_bins: np.ndarray, advance: np.ndarray, turns: np.ndarray
) -> None:
    """Integrate the gradient of the phase, from the loudest bins to their neighbours; change ``turns`` in place.

    The trapezoidal rule on a queue that always gives the loudest bin (Průša, Balazs, Søndergaard 2017, algorithm 1).
    Each island begins at its loudest bin with phase 0. Of equal levels, the bin that came last is next.

    Args:
        level: ``[frames, bins]`` int32, from 0. Bins below 0 keep their phase.
        over_time: ``[frames, bins]`` float32, turns a frame beyond ``advance``.
        over_bins: ``[frames, bins]`` float32, turns a bin.
        advance: ``[bins]`` float64, turns a frame of the bin's own frequency.
        turns: ``[frames, bins]`` float64, the phase, 0 to 1.
    """
    frames, bins = level.shape
    levels, loaded = int(level.max(initial=-1)) + 1, library()
    if loaded is None:
        _integrate_in_python(level, over_time, over_bins, advance, turns)
        return
    room = np.empty(2 * level.size + levels + 1, np.int32)
    tables = [
        np.ascontiguousarray(table, kind)
        for table, kind in ((level, np.int32), (over_time, np.float32), (over_bins, np.float32), (advance, np.float64))
    ]
    if turns.dtype != np.float64 or not turns.flags.c_contiguous:
        raise ValueError("turns must be float64 in one block")
    addresses = [table.ctypes.data for table in tables]
    loaded.pisada_integrate_phase(*addresses, frames, bins, levels, room.ctypes.data, turns.ctypes.data)


def _integrate_in_python(
    level: np.ndarray, over_time: np.ndarray, over_bins: np.ndarray, advance: np.ndarray, turns: np.ndarray
) -> None:
    frames, bins = level.shape
    levels, flat = level.ravel().tolist(), turns.ravel().tolist()
    slopes = over_time.ravel().tolist(), over_bins.ravel().tolist()
    own, reached = advance.tolist(), [one < 0 for one in levels]
    for seed in np.argsort(-level.ravel(), kind="stable").tolist():
        if reached[seed]:
            continue
        reached[seed], flat[seed], came = True, 0.0, 0
        waiting = [(-levels[seed], 0, seed)]
        while waiting:
            start = heapq.heappop(waiting)[2]
            frame, bin_ = divmod(start, bins)
            for side in range(4):
                sign, in_time = 1 if side & 1 else -1, side < 2
                position, end = (frame, frames) if in_time else (bin_, bins)
                to = start + (sign * bins if in_time else sign)
                if not 0 <= position + sign < end or reached[to]:
                    continue
                slope = slopes[0 if in_time else 1]
                step = (slope[start] + slope[to]) / 2 + (own[bin_] if in_time else 0)
                phase = flat[start] + sign * step
                flat[to], reached[to], came = phase - math.floor(phase), True, came + 1
                heapq.heappush(waiting, (-levels[to], -came, to))
    turns[:] = np.reshape(flat, turns.shape)


def set_magnitudes(
    now: np.ndarray, before: np.ndarray, magnitudes: np.ndarray, momentum: float, out: np.ndarray
) -> None:
    """Write ``now + momentum · (now − before)`` with other magnitudes to ``out``, and ``now`` to ``before``.

    Args:
        now: ``[frames, bins]`` complex64.
        before: ``[frames, bins]`` complex64, changed.
        magnitudes: ``[frames, bins]`` float32.
        momentum: 0 is plain Griffin-Lim.
        out: ``[frames, bins]`` complex64, changed. Where the sum is 0 it gets phase 0.
    """
    loaded, share = library(), np.float32(momentum)
    if loaded is not None and all(array.flags.c_contiguous for array in (now, before, magnitudes, out)):
        addresses = [array.ctypes.data for array in (now, before, magnitudes)]
        loaded.pisada_set_magnitudes(*addresses, float(share), now.size, out.ctypes.data)
        return
    real = now.real + share * (now.real - before.real)
    imaginary = now.imag + share * (now.imag - before.imag)
    length = np.sqrt(real * real + imaginary * imaginary)
    scale = magnitudes / np.where(length > 0, length, np.float32(1))
    before[:] = now
    out.real = np.where(length > 0, real * scale, magnitudes)
    out.imag = np.where(length > 0, imaginary * scale, np.float32(0))
