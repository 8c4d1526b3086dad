"""A host's side of a backend: how it is started, and an instance's memory as the audio thread fills it. Linux.

What the plug-in does in C++ (``plugin_backend/native/bridge``), for ``pisada plugin doctor`` and for tests.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Sequence

import numpy as np

from plugin_backend.plugin import memory
from plugin_backend.plugin.parameters import INDEX

INHERITED = 3
MODULE = ("-m", "render.plugin")


def started(interpreter: str, link: int, log: int | None = None, module: Sequence[str] = MODULE, **more: str) -> int:
    """Start a backend; answers its process id.

    Args:
        interpreter: runs ``module``.
        link: the descriptor of its end of the control socket.
        log: of its standard error; ``None``: where this process's goes.
        more: variables of its environment.

    Raises:
        OSError: it cannot be started.
    """
    dropped = "PYTHON", "LD_PRELOAD", "LD_LIBRARY_PATH"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(dropped)} | more
    files = [(os.POSIX_SPAWN_DUP2, log, 2)] if log is not None else []  # first: it may be what is number 3 here
    files += [(os.POSIX_SPAWN_DUP2, link, INHERITED), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    words, how = [interpreter, "-E", "-P", *module], {"setsigmask": (), "setsigdef": signal.valid_signals()}
    return os.posix_spawn(interpreter, words, environment, file_actions=files, setpgroup=0, **how)


class HostMemory:
    """An instance's memory.

    Attributes:
        descriptor: of the memory; who made this closes it.
        hop: samples of one.
        header, slots: see :mod:`plugin_backend.plugin.memory`.
        parameters: of the next hop, in the order of ``PLUGIN_PARAMETERS``; see :meth:`set`.
        count: hops submitted.
    """

    def __init__(self, channels: int, rate_hz: int):
        self.channels, self.rate_hz, self.hop = channels, rate_hz, memory.hop_of(rate_hz)
        size = memory.memory_bytes(channels, self.hop)
        self.descriptor = os.memfd_create("pisada", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, size)
        whole = mmap.mmap(self.descriptor, size)
        self.header = np.ndarray((1,), memory.HEADER, whole)
        self.slots = np.ndarray((memory.SLOTS,), memory.slot_dtype(channels, self.hop), whole, memory.HEADER_BYTES)
        values = {"magic": memory.MAGIC, "version": memory.VERSION, "channels": channels, "hop_samples": self.hop}
        for name, value in (values | {"rate_hz": rate_hz, "host_pid": os.getpid()}).items():
            self.header[name] = value
        self.parameters = memory.parameter_row()
        self.count, self._reset = 0, True

    def set(self, **values: float) -> None:
        """Set parameters by id, in their units."""
        for name, value in values.items():
            self.parameters[INDEX[name]] = value

    def reset(self) -> None:
        """The next hop is the first of a sound."""
        self._reset = True

    def fill(self, hop: np.ndarray, offline: bool = True, events: Sequence[tuple[int, bytes]] = ()) -> int:
        """Submit ``[channels, hop]`` float32 and MIDI messages by their samples; answers the hop's number.

        The backend looks at it once the bell is rung.
        """
        number, slot = self.count, self.slots[self.count % memory.SLOTS]
        slot["flags"] = (memory.OFFLINE if offline else 0) | (memory.RESET if self._reset else 0)
        self._reset = False
        slot["event_count"] = len(events)
        for place, (offset, data) in zip(slot["events"], events, strict=False):
            place["offset_samples"], place["count"] = offset, len(data)
            place["data"][: len(data)] = list(data)
        slot["position_samples"], slot["submitted_ns"] = number * self.hop, time.monotonic_ns()
        slot["parameters"] = self.parameters
        slot["input"] = hop
        slot["in_tag"] = number + 1
        self.count = number + 1
        self.header["submitted"] = self.count & 0xFFFFFFFF
        return number

    def answered(self, number: int) -> bool:
        """Whether there is an answer to a hop."""
        return int(self.slots["out_tag"][number % memory.SLOTS]) == number + 1

    def answer(self, number: int) -> np.ndarray:
        """The answer to a hop."""
        return self.slots["output"][number % memory.SLOTS].copy()
