"""The codec's inference in C: a whole push in one call (``plugin_backend/native/engine.c``).

It is built where Pisada is installed with a C compiler. ``PISADA_ENGINE`` chooses how it computes: ``avx512``,
``avx2``, ``neon`` or ``plain``, all to the same bits, by default the fastest that the processor has; ``none`` leaves it
unused, and PyTorch computes. So it does by default where there is only ``plain``, which is too slow to play.
"""

from __future__ import annotations

import ctypes
import os
import threading
from ctypes import POINTER, Structure, c_double, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
from torch import Tensor

from plugin_backend.errors import ProjectError

PANEL = 64
"""Outputs of a product that lie together."""

CHOICE = "PISADA_ENGINE"
NONE, PLAIN = "none", "plain"


def _fields(kind: object, names: str) -> list[tuple[str, object]]:
    return [(name, kind) for name in names.split()]


class Product(Structure):
    """As ``engine.h`` has it; so are all structures here."""

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
    """The compiled engine; ``None`` where it was not built, or was built of other sources than these."""
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
        room = getattr(loaded, f"pisada_{name}_room")
        room.restype, room.argtypes = c_int64, (c_void_p, c_int)
    pointer, number = c_void_p, c_int
    loaded.pisada_encode.argtypes = (pointer, pointer, number, number, pointer, pointer, pointer, pointer)
    loaded.pisada_decode.argtypes = (pointer, pointer, number, number, pointer, pointer, pointer)
    loaded.pisada_multiply.argtypes = (number, pointer, pointer, number, number, pointer)
    for name in ("encode", "decode", "multiply"):
        getattr(loaded, f"pisada_{name}").restype = None
    return loaded


def instruction_sets() -> dict[str, int]:
    """The ways that this processor has, by name, the fastest last; none where the engine was not built."""
    found, number = {}, 0
    if library() is not None:
        while (name := library().pisada_path(number)) is not None:
            if name:
                found[name.decode()] = number
            number += 1
    return found


def instruction_set() -> str | None:
    """The way that is taken; ``None`` where the engine was not built, is not wanted, or would be slow.

    Raises:
        ProjectError: the environment asks for a way that is not there.
    """
    there, wanted = instruction_sets(), os.environ.get(CHOICE)
    if not wanted:
        return next((name for name in reversed(there) if name != PLAIN), None)
    if wanted not in (*there, NONE):
        raise ProjectError(f"{CHOICE}={wanted}: here are {', '.join([*there, NONE])}")
    return None if wanted == NONE else wanted


def table(array: np.ndarray | Tensor, kind: type, kept: list) -> int:
    """The address of the numbers as one piece of memory of that kind; ``kept`` holds them as long as it is needed."""
    made = np.ascontiguousarray(array.detach().numpy() if isinstance(array, Tensor) else array, kind)
    kept.append(made)
    return made.ctypes.data


def packed(weight: Tensor, bias: Tensor, kept: list) -> Product:
    """A product's weight ``[outputs, inputs]``, of numbers that half precision holds, and its bias."""
    outputs, inputs = weight.shape
    more = -outputs % PANEL
    wide = np.pad(weight.detach().numpy(), ((0, more), (0, 0))).reshape(-1, PANEL, inputs).transpose(0, 2, 1)
    bias = np.pad(bias.detach().numpy(), (0, more))
    return Product(inputs, outputs, table(wide, np.float16, kept), table(bias, np.float32, kept))


_rooms = threading.local()


def scratch(floats: int) -> int:
    """The address of so many floats, each thread's own, to be used in one call."""
    held = getattr(_rooms, "held", None)
    if held is None or len(held) < floats:
        _rooms.held = held = np.empty(floats, np.float32)
        _rooms.address = held.ctypes.data
    return _rooms.address
