"""The codec's inference in C: one call per push (``plugin_backend/native/engine.c``).

It is built if Pisada is installed where there is a C compiler. ``PISADA_ENGINE`` chooses the instruction set:
``avx512``, ``avx2``, ``neon`` or ``plain``. All give the same bits; the default is the fastest that the processor has.
``none`` turns the engine off, and PyTorch computes. PyTorch also computes where only ``plain`` is available, which is
too slow for playing.
"""

from __future__ import annotations

import ctypes
import os
import threading
from ctypes import POINTER, Structure, c_double, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import ProjectError

PANEL = 64
"""Outputs of a product that are stored together."""

LARGEST_HALF = float(np.finfo(np.float16).max)

CHOICE = "PISADA_ENGINE"
NONE, PLAIN = "none", "plain"

PRODUCTS = "NativeProduct"
"""The name of its products in reports and keys."""


def _fields(kind: Any, names: str) -> list[Any]:
    return [(name, kind) for name in names.split()]


class Product(Structure):
    """A matrix product, laid out as in ``engine.h``, like all structures here."""

    _fields_ = [*_fields(c_int32, "inputs outputs"), *_fields(c_void_p, "weights bias")]


class Block(Structure):
    _fields_ = [*_fields(c_void_p, "taps offset"), *_fields(Product, "expand project")]


class Network(Structure):
    _fields_ = [
        *_fields(c_int32, "width stack blocks taps"),
        ("eps", c_float),
        *_fields(Product, "embed out"),
        ("block", POINTER(Block)),
    ]


class Transform(Structure):
    _fields_ = [*_fields(c_int32, "size hop"), *_fields(c_void_p, "turn_re turn_im window window_back")]


class Levels(Structure):
    _fields_ = [
        *_fields(c_int32, "on piece latency longer shorter"),
        *_fields(c_float, "floor most"),
        ("weights", c_float * 6),
        ("ramp", c_void_p),
    ]


class Bands(Structure):
    _fields_ = [("count", c_int32), *_fields(c_float, "least most"), *_fields(c_void_p, "below share")]


class Encoder(Structure):
    _fields_ = [
        *_fields(c_int32, "path hop dim remembered view_bins energy_samples"),
        *_fields(c_float, "spectrum_floor energy_floor least_log_variance most_log_variance"),
        ("net", Network),
        *_fields(Transform, "spectrum view"),
        ("levels", Levels),
        ("spread", c_void_p),
    ]


class Decoder(Structure):
    _fields_ = [
        *_fields(c_int32, "path dim coherent"),
        ("noise_scale", c_float),
        *_fields(c_double, "high_pass_gain high_pass_pole"),
        ("net", Network),
        *_fields(Transform, "long short"),
        *_fields(Bands, "long_bands short_bands"),
        ("levels", Levels),
    ]


class EncoderPast(Structure):
    _fields_ = _fields(c_void_p, "samples blocks")


class DecoderPast(Structure):
    _fields_ = _fields(c_void_p, "blocks long short address sides samples stated high_pass")


@cache
def library() -> ctypes.CDLL | None:
    """Load the compiled engine; ``None`` if it was not built, or was built from other sources than these."""
    folder = Path(__file__).parents[2]
    path = next((one for suffix in EXTENSION_SUFFIXES if (one := folder / f"_engine{suffix}").is_file()), None)
    if path is None:
        return None
    loaded = ctypes.CDLL(str(path))
    loaded.pisada_path.restype = ctypes.c_char_p
    sizes = [loaded.pisada_size(which) for which in range(4)]
    if sizes != [ctypes.sizeof(table) for table in (Encoder, Decoder, EncoderPast, DecoderPast)]:
        return None
    for name in ("encoder", "decoder"):
        size = getattr(loaded, f"pisada_{name}_room")
        size.restype, size.argtypes = c_int64, (c_void_p, c_int)
    pointer, number = c_void_p, c_int
    loaded.pisada_encode.argtypes = (pointer, pointer, number, number, pointer, pointer, pointer, pointer)
    loaded.pisada_decode.argtypes = (pointer, pointer, number, number, pointer, pointer, pointer)
    loaded.pisada_multiply.argtypes = (number, pointer, pointer, number, number, pointer)
    for name in ("encode", "decode", "multiply"):
        getattr(loaded, f"pisada_{name}").restype = None
    return loaded


def instruction_sets() -> dict[str, int]:
    """Return the engine's instruction sets that this processor has, the fastest last; none if it was not built."""
    available: dict[str, int] = {}
    number, loaded = 0, library()
    if loaded is not None:
        while (name := loaded.pisada_path(number)) is not None:
            if name:
                available[name.decode()] = number
            number += 1
    return available


def instruction_set() -> str | None:
    """Return the instruction set in use; ``None`` if the engine was not built, is turned off, or would be slow.

    Raises:
        ProjectError: ``PISADA_ENGINE`` names one that is not available.
    """
    available, chosen = instruction_sets(), os.environ.get(CHOICE)
    if not chosen:
        return next((name for name in reversed(available) if name != PLAIN), None)
    if chosen not in (*available, NONE):
        raise ProjectError(f"{CHOICE}={chosen}: not available; choose from {', '.join([*available, NONE])}")
    return None if chosen == NONE else chosen


def loaded_engine() -> tuple[ctypes.CDLL, int]:
    """Return the compiled engine and the number of the instruction set in use.

    Raises:
        RuntimeError: the engine is not in use.
    """
    loaded, name = library(), instruction_set()
    if loaded is None or name is None:
        raise RuntimeError("the C engine is not in use")
    return loaded, instruction_sets()[name]


def table(array: np.ndarray, kind: type, owners: list) -> int:
    """Return the address of the numbers as one block of memory.

    Args:
        array: the numbers.
        kind: their type in that memory.
        owners: a list that keeps the memory alive; the block is appended.
    """
    values: np.ndarray = np.ascontiguousarray(array, kind)
    owners.append(values)
    return values.ctypes.data


def packed(weight: np.ndarray, bias: np.ndarray, owners: list) -> Product:
    """Return a product in the engine's layout.

    Args:
        weight: ``[outputs, inputs]``; it is rounded to half precision, and limited to its range.
        bias: ``[outputs]``.
        owners: a list that keeps the memory alive.
    """
    outputs, inputs = weight.shape
    padding = -outputs % PANEL
    half = np.clip(weight, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
    panels = np.pad(half, ((0, padding), (0, 0))).reshape(-1, PANEL, inputs).transpose(0, 2, 1)
    padded_bias = np.pad(bias, (0, padding))
    return Product(inputs, outputs, table(panels, np.float16, owners), table(padded_bias, np.float32, owners))


_scratch = threading.local()


def scratch(floats: int) -> int:
    """Return the address of scratch memory for so many floats. Each thread has its own, for use in one call."""
    memory = getattr(_scratch, "memory", None)
    if memory is None or len(memory) < floats:
        _scratch.memory = memory = np.empty(floats, np.float32)
        _scratch.address = memory.ctypes.data
    return _scratch.address
