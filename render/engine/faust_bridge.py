"""The C bridge between Faust nodes and Python callbacks (``native/bridge.c``).

Its symbols must be visible to the whole process before Faust code that uses them is compiled. Code with a missing
symbol compiles and then crashes. So each symbol is checked when the bridge is loaded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

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
"""Faust code of a pull that runs after a push. Its two inputs are ignored; they only make it run after the push.
Faust accepts a foreign function only if its include is literally ``<math.h>``."""


@cache
def load_bridge() -> ctypes.CDLL:
    """Load the bridge into the global symbols of the process, once.

    Raises:
        RenderError: Pisada was installed without its compiled part.
    """
    folder = Path(__file__).parents[1]
    path = next((p for suffix in EXTENSION_SUFFIXES if (p := folder / f"_bridge{suffix}").is_file()), None)
    if path is None:
        raise RenderError(f"no compiled bridge in {folder}: reinstall with a C compiler, e.g. pip install -e .")
    library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    process = ctypes.CDLL(None)
    missing = [name for name in SYMBOLS if not hasattr(process, name)]
    if missing:
        raise RenderError(f"{path}: symbols {', '.join(missing)} are not visible to the process")
    library.pisada_arm.argtypes = [ctypes.c_int, ctypes.c_int, _CALLBACK, _CALLBACK]
    library.pisada_arm.restype = ctypes.c_int
    return library


class BridgeNode:
    """One stereo node of the graph, connected to Python callbacks.

    Args:
        node: number of the node, 0..255, unique in the process.
        block_samples: length of the engine's block.
        pull: ``pull(position, block)`` fills ``block`` ``[2, n]``, which holds zeros. ``None`` makes an insert: its
            pull must come right after its push in the graph, and returns what ``push`` has left in the block.
        push: ``push(position, block)`` gets ``block`` ``[2, n]``; it must copy the block to keep it.
        fail: called with an exception of ``pull`` or ``push``. It must end the process, because an exception cannot
            pass through the engine and a render cannot be cancelled.

    Raises:
        RenderError: there are too many nodes.
    """

    def __init__(self, node: int, block_samples: int, pull: Callable | None, push: Callable, fail: Callable):
        self.number, self._fail = node, fail
        self._pull = _CALLBACK(self._guard(pull, clear=True)) if pull is not None else _CALLBACK()
        self._push = _CALLBACK(self._guard(push, clear=False))
        if load_bridge().pisada_arm(node, block_samples, self._pull, self._push) != 0:
            raise RenderError(f"a render graph has at most {MOST_NODES} nodes; node {node} was requested")
        self.pull_source = (PULL if pull is not None else AFTER).format(node=node)
        self.push_source = PUSH.format(node=node)

    def _guard(self, call: Callable, clear: bool) -> Callable:
        def guarded(_node: int, position: int, samples: Any, size: int) -> None:
            try:
                block = np.ctypeslib.as_array(samples, (CHANNELS, size))
                if clear:
                    block[:] = 0
                if position < 0:
                    raise RenderError("the engine ran the two halves of an insert in the wrong order")
                call(position, block)
            except BaseException as failure:  # noqa: BLE001 - any error is sent to the parent; ctypes would continue
                self._fail(failure)

        return guarded
