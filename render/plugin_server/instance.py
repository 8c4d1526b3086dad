"""One plug-in instance: the memory that its host shares, checked once and mapped, and the hops in it.

The loader makes its engine; from then on the worker alone touches the memory. Nothing the host writes there is trusted:
an event out of range is brought into it, a slot whose tags do not fit is no hop.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import time
from dataclasses import dataclass

import numpy as np

from plugin_backend.daw_plugin.parameters import PLUGIN_PARAMETERS
from plugin_backend.daw_plugin.shared_memory import (
    EVENTS,
    FAILED,
    HEADER,
    HEADER_BYTES,
    MAGIC,
    OFFLINE,
    READY,
    RESET,
    SLOTS,
    STARTING,
    VERSION,
    hop_of,
    memory_bytes,
    slot_dtype,
)
from plugin_backend.errors import PluginError
from render.plugin_server.engine import Engine
from render.plugin_server.engine_factory import RATES_HZ
from render.plugin_server.wakeup import FutexWord

MOST_BEHIND = 4
"""Hops of real time that wait besides those the host has just submitted; of more, all but those are left out."""

_COUNTED = 2**32 - 1


@dataclass(slots=True)
class Hop:
    """A hop to answer: copies of what the host wrote.

    Attributes:
        number: from the instance's first hop on, never begun anew.
        sound: ``[channels, hop_samples]``.
        parameters: as they came; engines bring them into their ranges.
        reset: the sound begins with it.
        offline: the host waits for it.
    """

    instance: Instance
    number: int
    submitted_ns: int
    sound: np.ndarray
    parameters: np.ndarray
    events: list[tuple[int, bytes]]
    reset: bool
    offline: bool


class Instance:
    """Maps the memory of a descriptor, which may be closed then.

    Args:
        answers: gets a byte at every answer; ``None``: the futex ``answered`` is woken.

    Attributes:
        asked, done: sessions the host has sent, and those of them that are in the engine.
        closed: the host has done with it.

    Raises:
        PluginError: it is no memory of this version.
    """

    def __init__(self, number: int, kind: str, seed: int, descriptor: int, answers: socket.socket | None):
        self.id, self.kind, self.seed, self._answers = number, kind, seed, answers
        memory, self.channels, self.hop_samples, self.rate_hz = _mapped(descriptor)
        header = np.ndarray((1,), HEADER, memory)
        self._submitted, self._answered = header["submitted"], header["answered"]
        self._state, self._hop_ns = header["state"], header["hop_ns"]
        slots = np.ndarray((SLOTS,), slot_dtype(self.channels, self.hop_samples), memory, HEADER_BYTES)
        self._in_tag, self._out_tag, self._flags = slots["in_tag"], slots["out_tag"], slots["flags"]
        self._submitted_ns, self._answered_ns = slots["submitted_ns"], slots["answered_ns"]
        self._event_count, self._events = slots["event_count"], slots["events"]
        self._parameters = slots["parameters"][:, : len(PLUGIN_PARAMETERS)]
        self._input, self._output = slots["input"], slots["output"]
        self._word = FutexWord(self._answered) if answers is None else None
        self.engine: Engine | None = None
        self.asked = self.done = 0
        self.closed, self._next, self._anew = False, 0, False
        self._state[0] = STARTING

    def begin(self) -> None:
        """Its engine answers from now on: offline the oldest hop nobody answered, in real time the newest."""
        submitted = int(self._submitted[0])
        self._next = self._newest(submitted) - min((submitted - int(self._answered[0])) & _COUNTED, SLOTS) + 1
        self._leave_out(submitted, 0)
        self._state[0] = READY

    def fail(self) -> None:
        """Answer no more; who waits is woken."""
        self._state[0] = FAILED
        self._wake()

    def head(self) -> Hop | None:
        """The next hop to answer, if one waits."""
        submitted = int(self._submitted[0])
        if (submitted - self._next) & _COUNTED == 0:
            return None
        self._leave_out(submitted, MOST_BEHIND)
        number, at = self._next, self._next % SLOTS
        if int(self._in_tag[at]) != number + 1:
            return None
        flags, sound = int(self._flags[at]), self._input[at].copy()
        parameters = self._parameters[at].copy()
        count = int(self._event_count[at])
        events = self._messages(at, min(count, EVENTS)) if count else []
        reset = bool(flags & RESET) or self._anew
        hop = Hop(self, number, int(self._submitted_ns[at]), sound, parameters, events, reset, bool(flags & OFFLINE))
        return hop if int(self._in_tag[at]) == number + 1 else None  # else the host has come round meanwhile

    def answer(self, hop: Hop, sound: np.ndarray, began_ns: int) -> None:
        """Write what a hop became."""
        at, now = hop.number % SLOTS, time.monotonic_ns()
        self._output[at] = sound
        self._answered_ns[at] = now
        self._hop_ns[0] = min(now - began_ns, _COUNTED)
        self._out_tag[at] = hop.number + 1
        self._next, self._anew = hop.number + 1, False
        self._answered[0] = self._next & _COUNTED
        self._wake()

    def _leave_out(self, submitted: int, most: int) -> None:
        """Go on to what the host has just submitted if more than ``most`` hops wait besides; offline, never."""
        waiting = (submitted - self._next) & _COUNTED
        if waiting <= most:
            return
        if waiting > SLOTS:  # the ring has come round
            self._next, self._anew, waiting = max(0, self._newest(submitted) + 1 - SLOTS), True, SLOTS
        slots = np.arange(self._next, self._next + waiting) % SLOTS
        offline = np.flatnonzero(self._flags[slots] & OFFLINE)
        if len(offline):
            left_out = int(offline[0])
        else:  # a host's long block is many hops at once
            ages_ns = self._submitted_ns[slots[-1]] - self._submitted_ns[slots]
            left_out = int(np.argmax(ages_ns < 5e8 * self.hop_samples / self.rate_hz))
        if left_out > most:
            self._next, self._anew = self._next + left_out, True

    def _newest(self, submitted: int) -> int:
        """The number of the hop last submitted, of which the header has 32 bits; −1: none was."""
        tag = int(self._in_tag[(submitted - 1) % SLOTS])
        return (tag if tag & _COUNTED == submitted else submitted) - 1

    def _messages(self, at: int, count: int) -> list[tuple[int, bytes]]:
        rows = self._events[at, :count].tolist()
        found = [(min(offset, self.hop_samples - 1), bytes(data[:length])) for offset, length, data in rows if length]
        return sorted(found, key=lambda event: event[0])

    def _wake(self) -> None:
        if self._word is not None:
            self._word.wake()
            return
        with contextlib.suppress(OSError):  # full of bytes nobody has read, or nobody is there to read
            self._answers.send(b"\0", socket.MSG_DONTWAIT)


def _mapped(descriptor: int) -> tuple[mmap.mmap, int, int, int]:
    """The memory, and what its header says: channels, samples of a hop, rate in Hz."""
    try:
        if (length := os.fstat(descriptor).st_size) < HEADER_BYTES:
            raise PluginError(f"memory of {length} bytes, shorter than its header of {HEADER_BYTES}")
        header = np.frombuffer(os.pread(descriptor, HEADER_BYTES, 0), HEADER)[0]
        channels, hop_samples, rate_hz = int(header["channels"]), int(header["hop_samples"]), float(header["rate_hz"])
        if int(header["magic"]) != MAGIC:
            raise PluginError("memory that is no plug-in's: its first word is another")
        if (version := int(header["version"])) != VERSION:
            raise PluginError(f"memory of version {version}, this backend's is {VERSION}: `pisada plugin install` anew")
        if channels not in (1, 2):
            raise PluginError(f"{channels} channels; 1 and 2 are allowed")
        if rate_hz not in RATES_HZ:
            allowed = ", ".join(str(rate) for rate in RATES_HZ)
            raise PluginError(f"a rate of {rate_hz:g} Hz; allowed are {allowed}")
        if hop_samples != hop_of(rate_hz):
            raise PluginError(f"hops of {hop_samples} samples; at {rate_hz:g} Hz they are of {hop_of(rate_hz)}")
        if length < (needed := memory_bytes(channels, hop_samples)):
            raise PluginError(f"memory of {length} bytes; {needed} are needed")
        return mmap.mmap(descriptor, needed), channels, hop_samples, int(rate_hz)
    except (OSError, ValueError) as problem:
        raise PluginError(f"memory that cannot be read and written ({problem})") from problem
