"""A memory barrier for what is shared with the host: what is written before it is seen before what comes after."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from plugin_backend.errors import PluginError

ORDERED = ("x86_64", "AMD64", "i686")
"""Processors that keep the order of stores and of loads by themselves."""


def memory_fence(machine: str | None = None) -> Callable[[], object]:
    """Return the function that is called between two accesses whose order counts.

    Args:
        machine: the processor; ``None``: this one.

    Raises:
        PluginError: this processor needs the compiled bridge, and it is absent.
    """
    if (machine or platform.machine()) in ORDERED:
        return lambda: None
    folder = Path(__file__).parents[1]
    path = next((one for suffix in EXTENSION_SUFFIXES if (one := folder / f"_bridge{suffix}").is_file()), None)
    if path is None or not hasattr(library := ctypes.CDLL(str(path)), "pisada_fence"):
        raise PluginError(f"no compiled bridge of this version in {folder}: reinstall with a C compiler")
    library.pisada_fence.restype = None
    return library.pisada_fence
