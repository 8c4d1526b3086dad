"""The C bridge between Faust nodes and Python callbacks (``native/bridge.c``).

Symbols must be visible to the whole process before any Faust code that names them is compiled:
a missing one compiles and then crashes, so loading looks each up first.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np

from plugin_backend.errors import RenderError

CHANNELS, MOST_NODES = 2, 256
SYMBOLS = ("pisada_arm", "pisada_pull", "pisada_push")
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int64, ctypes.POINTER(ctypes.c_float), ctypes.c_int)

PULL = """
pull = ffunction(float pisada_pull(int, int, int), <math.h>, "");
t = (+(1) ~ _) - 1;
process = pull({node}, 0, t), pull({node}, 1, t);
"""
PUSH = """
push = ffunction(float pisada_push(int, int, int, float), <math.h>, "");
t = (+(1) ~ _) - 1;
process = push({node}, 0, t, _), push({node}, 1, t, _);
"""
AFTER = """
pull = ffunction(float pisada_pull(int, int, int), <math.h>, "");
t = (+(1) ~ _) - 1;
process = !, !, pull({node}, 0, t), pull({node}, 1, t);
"""
"""Faust accepts a foreign function only when its include is literally ``<math.h>``. ``AFTER`` is a pull with two
inputs, which it does not hear: they put it after its push."""


@cache
def load_bridge() -> ctypes.CDLL:
    """Load the bridge into the process's global symbols, once.

    Raises:
        RenderError: the package was installed without its compiled part.
    """
    folder = Path(__file__).parents[1]
    path = next((p for suffix in EXTENSION_SUFFIXES if (p := folder / f"_bridge{suffix}").is_file()), None)
    if path is None:
        raise RenderError(f"no compiled bridge in {folder}: reinstall with a C compiler, e.g. pip install -e .")
    library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    everything = ctypes.CDLL(None)
    missing = [name for name in SYMBOLS if not hasattr(everything, name)]
    if missing:
        raise RenderError(f"{path}: symbols {', '.join(missing)} are not visible to the process")
    library.pisada_arm.argtypes = [ctypes.c_int, ctypes.c_int, _CALLBACK, _CALLBACK]
    library.pisada_arm.restype = ctypes.c_int
    return library


class BridgeNode:
    """One stereo node: where its samples come from, and where the processed ones go.

    Args:
        node: 0..255, unique in the process.
        block_samples: the engine's block.
        pull: ``pull(position, block)`` fills ``block`` ``[2, n]`` (given as zeros). ``None`` makes an insert: its pull,
            which must come right after its push in the graph, answers what ``push`` has left in its block.
        push: ``push(position, block)`` takes ``block`` ``[2, n]``; copy to keep it.
        fail: called with an exception of either. Raising through the engine is not possible and
            a render cannot be cancelled, so it must not return: it ends the process.
    """

    def __init__(self, node: int, block_samples: int, pull: Callable | None, push: Callable, fail: Callable):
        self.number, self._fail = node, fail
        self._pull = _CALLBACK(self._guard(pull, clear=True)) if pull is not None else _CALLBACK()
        self._push = _CALLBACK(self._guard(push, clear=False))
        if load_bridge().pisada_arm(node, block_samples, self._pull, self._push) != 0:
            raise RenderError(f"a render graph has at most {MOST_NODES} nodes; node {node} asked for")
        self.pull_source = (PULL if pull is not None else AFTER).format(node=node)
        self.push_source = PUSH.format(node=node)

    def _guard(self, call: Callable, clear: bool) -> Callable:
        def guarded(_node, position, samples, size):
            block = np.ctypeslib.as_array(samples, (CHANNELS, size))
            if clear:
                block[:] = 0
            try:
                if position < 0:
                    raise RenderError("the engine ran the two halves of an insert in the wrong order")
                call(position, block)
            except BaseException as failure:  # noqa: BLE001 - told to the parent, whatever it is; ctypes would go on
                self._fail(failure)

        return guarded
