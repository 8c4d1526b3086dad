"""One plug-in instance: the memory that the host shares, checked once and mapped, and the hops in it.

The loader makes the engine. After that only the dispatcher's thread uses the memory. It trusts nothing that the host
writes there: an event out of range is clamped, and a slot whose tags do not fit is ignored.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import time
from dataclasses import dataclass

import numpy as np

from plugin_backend.daw_plugin.parameters import EXACT, INDEX, PLUGIN_PARAMETERS
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
from render.plugin_server.engine import Change, Engine
from render.plugin_server.engine_factory import RATES_HZ
from render.plugin_server.memory_fence import memory_fence
from render.plugin_server.wakeup import FutexWord

MOST_BEHIND = 4
"""In real time this many hops may wait besides those just submitted. If more wait, all older ones are skipped."""

_COUNTED = 2**32 - 1


@dataclass(slots=True)
class Hop:
    """A hop to process: copies of what the host wrote.

    Attributes:
        instance: whose hop it is.
        number: counted from the instance's first hop, never restarted.
        submitted_ns: when the host submitted it, monotonic clock in ns.
        audio: the input, ``[channels, hop_samples]``.
        parameters: as they came; engines clamp them to their ranges.
        events: MIDI messages, each with its sample in the hop.
        changes: of the parameters ``EXACT`` after the hop's first sample.
        reset: whether a new sound begins with this hop.
        offline: whether the host waits for it.
    """

    instance: Instance
    number: int
    submitted_ns: int
    audio: np.ndarray
    parameters: np.ndarray
    events: list[tuple[int, bytes]]
    changes: list[Change]
    reset: bool
    offline: bool


class Instance:
    """Maps the memory of an instance.

    Args:
        number: the instance's id.
        kind: ``effect`` or ``instrument``.
        seed: decides takes and variations.
        descriptor: of the memory; it may be closed afterwards.
        wakeups: receives a byte after every processed hop; ``None``: the futex ``answered`` is woken.

    Attributes:
        engine: processes the hops, once the loader has made it.
        sessions_sent, sessions_loaded: session presets that the host has sent, and those that are in the engine.
        closed: whether the host has closed the instance.

    Raises:
        PluginError: the descriptor is not a memory of this version.
    """

    def __init__(self, number: int, kind: str, seed: int, descriptor: int, wakeups: socket.socket | None):
        self.id, self.kind, self.seed, self._wakeups = number, kind, seed, wakeups
        memory, self.channels, self.hop_samples, self.rate_hz = _mapped(descriptor)
        header = np.ndarray((1,), HEADER, memory)
        self._submitted, self._answered = header["submitted"], header["answered"]
        self._state, self._hop_ns = header["state"], header["hop_ns"]
        slots = np.ndarray((SLOTS,), slot_dtype(self.channels, self.hop_samples), memory, HEADER_BYTES)
        self._in_tag, self._out_tag, self._flags = slots["in_tag"], slots["out_tag"], slots["flags"]
        self._submitted_ns, self._answered_ns = slots["submitted_ns"], slots["answered_ns"]
        self._event_count, self._events = slots["event_count"], slots["events"]
        self._parameters = slots["parameters"][:, : len(PLUGIN_PARAMETERS)]
        self._input, self._output, self._curves = slots["input"], slots["output"], slots["curves"]
        self._word = FutexWord(self._answered) if wakeups is None else None
        self._fence = memory_fence()
        self.engine: Engine | None = None
        self.sessions_sent = self.sessions_loaded = 0
        self.closed, self._next, self._anew = False, 0, False
        self._state[0] = STARTING

    def begin(self) -> None:
        """Start processing: offline with the oldest unprocessed hop, in real time with the newest."""
        submitted = int(self._submitted[0])
        self._next = self._newest(submitted) - min((submitted - int(self._answered[0])) & _COUNTED, SLOTS) + 1
        self._skip_old(submitted, 0)
        self._state[0] = READY

    def fail(self) -> None:
        """Stop processing, and wake the host if it waits."""
        self._state[0] = FAILED
        self._wake()

    def head(self) -> Hop | None:
        """Return the next hop to process, or ``None`` if none waits."""
        submitted = int(self._submitted[0])
        if (submitted - self._next) & _COUNTED == 0:
            return None
        self._fence()
        self._skip_old(submitted, MOST_BEHIND)
        number, at = self._next, self._next % SLOTS
        if int(self._in_tag[at]) != number + 1:
            return None
        self._fence()
        flags, audio = int(self._flags[at]), self._input[at].copy()
        parameters = self._parameters[at].copy()
        count = int(self._event_count[at])
        events = self._messages(at, min(count, EVENTS)) if count else []
        changes = _changes(self._curves[at].copy())
        reset, submitted_ns = bool(flags & RESET) or self._anew, int(self._submitted_ns[at])
        hop = Hop(self, number, submitted_ns, audio, parameters, events, changes, reset, bool(flags & OFFLINE))
        self._fence()
        return hop if int(self._in_tag[at]) == number + 1 else None  # else the host has overwritten the slot meanwhile

    def write(self, hop: Hop, output: np.ndarray, began_ns: int) -> None:
        """Write the output of a hop into the memory, and wake the host.

        Args:
            hop: as :meth:`head` returned it.
            output: ``[channels, hop_samples]`` float32.
            began_ns: when processing began, monotonic clock in ns.
        """
        at, now = hop.number % SLOTS, time.monotonic_ns()
        self._output[at] = output
        self._answered_ns[at] = now
        self._hop_ns[0] = min(now - began_ns, _COUNTED)
        self._fence()
        self._out_tag[at] = hop.number + 1
        self._next, self._anew = hop.number + 1, False
        self._fence()
        self._answered[0] = self._next & _COUNTED
        self._wake()

    def _skip_old(self, submitted: int, most: int) -> None:
        """Skip to the hops just submitted if more than ``most`` older hops wait; offline hops are never skipped."""
        waiting = (submitted - self._next) & _COUNTED
        if waiting <= most:
            return
        if waiting > SLOTS:  # the ring has wrapped around
            self._next, self._anew, waiting = max(0, self._newest(submitted) + 1 - SLOTS), True, SLOTS
        slots = np.arange(self._next, self._next + waiting) % SLOTS
        offline = np.flatnonzero(self._flags[slots] & OFFLINE)
        if len(offline):
            skipped = int(offline[0])
        else:  # a host's long block is many hops at once
            ages_ns = self._submitted_ns[slots[-1]] - self._submitted_ns[slots]
            skipped = int(np.argmax(ages_ns < 5e8 * self.hop_samples / self.rate_hz))
        if skipped > most:
            self._next, self._anew = self._next + skipped, True

    def _newest(self, submitted: int) -> int:
        """Return the number of the last submitted hop, of which the header has only 32 bits; −1 if there was none."""
        tag = int(self._in_tag[(submitted - 1) % SLOTS])
        return (tag if tag & _COUNTED == submitted else submitted) - 1

    def _messages(self, at: int, count: int) -> list[tuple[int, bytes]]:
        rows = self._events[at, :count].tolist()
        messages = [
            (min(offset, self.hop_samples - 1), bytes(data[:length])) for offset, length, data in rows if length
        ]
        return sorted(messages, key=lambda event: event[0])

    def _wake(self) -> None:
        if self._word is not None:
            self._word.wake()
            return
        assert self._wakeups is not None
        with contextlib.suppress(OSError):  # the socket is full of unread bytes, or its other side is closed
            self._wakeups.send(b"\0", socket.MSG_DONTWAIT)


EXACT_INDICES = [INDEX[name] for name in EXACT]


def _changes(curves: np.ndarray) -> list[Change]:
    """Return the changes within a hop's ``curves``, in order."""
    moved = curves[:, 1:] != curves[:, :-1]
    if not moved.any():
        return []
    samples, rows = moved.T.nonzero()
    return [
        Change(sample + 1, EXACT_INDICES[row], float(curves[row, sample + 1]))
        for sample, row in zip(samples.tolist(), rows.tolist(), strict=True)
    ]


def _mapped(descriptor: int) -> tuple[mmap.mmap, int, int, int]:
    """Map and check the memory; return it with its header's channels, hop in samples and rate in Hz."""
    try:
        if (length := os.fstat(descriptor).st_size) < HEADER_BYTES:
            raise PluginError(f"memory of {length} bytes, shorter than its header of {HEADER_BYTES}")
        header = np.frombuffer(os.pread(descriptor, HEADER_BYTES, 0), HEADER)[0]
        channels, hop_samples, rate_hz = int(header["channels"]), int(header["hop_samples"]), float(header["rate_hz"])
        if int(header["magic"]) != MAGIC:
            raise PluginError("this is not a plug-in's memory: its first word is wrong")
        if (version := int(header["version"])) != VERSION:
            raise PluginError(
                f"memory of version {version}, but this backend has version {VERSION}: "
                "run `pisada plugin install` again"
            )
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
        raise PluginError(f"the memory cannot be read and written ({problem})") from problem
