"""The memory that a plug-in instance shares with the backend: a header and a ring of slots, one per hop.

The host's audio thread fills slots and decides the time: slot ``k % SLOTS`` belongs to hop ``k`` and has ``k + 1`` as
``in_tag`` when it is complete. The backend writes its output into the same slot and then sets ``out_tag`` to ``k + 1``:
a late output never moves another. Both sides count their hops in the header, where the other side may wait (futex).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from plugin_backend.daw_plugin.parameters import EXACT, INDEX, PLUGIN_PARAMETERS

MAGIC, VERSION = 0x41534950, 3
"""``PISA``; the version of memory and messages together. Each side refuses another version."""

HEADER_BYTES, SLOTS, EVENTS, PARAMETERS = 4096, 64, 128, 128
OFFLINE, RESET = 1, 2
"""Flags of a slot: the host waits (offline); the past is cleared and the sound starts with this hop (reset)."""

assert len(PLUGIN_PARAMETERS) <= PARAMETERS

HEADER = np.dtype(
    {
        "names": [
            "magic", "version", "channels", "hop_samples", "rate_hz", "host_pid",
            "submitted", "closed",
            "answered", "state", "hop_ns",
        ],
        "formats": ["<u4", "<u4", "<u4", "<u4", "<f8", "<u4", "<u4", "<u4", "<u4", "<u4", "<u4"],
        "offsets": [0, 4, 8, 12, 16, 24, 64, 68, 128, 132, 136],
        "itemsize": HEADER_BYTES,
    }
)  # fmt: skip
"""``submitted`` (by the host) and ``answered`` (by the backend) count hops modulo 2³². Each is on its own cache line,
with what the same side writes. ``state``: see ``STATES``. ``hop_ns``: computing time of the last hop."""

STATES = STARTING, READY, FAILED = 0, 1, 2
"""The backend's state: no engine yet; running; stopped, after sending the reason."""

EVENT = np.dtype([("offset_samples", "<u4"), ("count", "u1"), ("data", "u1", 3)])
"""A short MIDI message and its sample in the hop."""


def slot_dtype(channels: int, hop_samples: int) -> np.dtype:
    """Return the type of a slot.

    ``input`` and ``output`` are ``[channels, hop_samples]``, 64-byte aligned. ``curves`` is ``[len(EXACT),
    hop_samples]``: at every sample the values of the parameters that act on it, of which ``parameters`` has the first.
    """
    audio = channels * hop_samples * 4
    fields = [
        ("in_tag", "<u8", 0),
        ("out_tag", "<u8", 8),
        ("epoch", "<u4", 16),
        ("flags", "<u4", 20),
        ("event_count", "<u4", 24),
        ("submitted_ns", "<u8", 32),
        ("answered_ns", "<u8", 40),
        ("position_samples", "<i8", 48),
        ("parameters", ("<f4", PARAMETERS), 64),
        ("events", (EVENT, EVENTS), 64 + 4 * PARAMETERS),
    ]
    begin = _aligned(64 + 4 * PARAMETERS + EVENT.itemsize * EVENTS)
    sound: Any = ("<f4", (channels, hop_samples))
    fields += [("input", sound, begin), ("output", sound, _aligned(begin + audio))]
    end = _aligned(_aligned(begin + audio) + audio)
    curves: Any = ("<f4", (len(EXACT), hop_samples))
    fields += [("curves", curves, end)]
    names, formats, offsets = (list(column) for column in zip(*fields, strict=True))
    size = _aligned(end + 4 * len(EXACT) * hop_samples)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def parameter_row(**values: float) -> np.ndarray:
    """Return a slot's ``parameters``, ``[PARAMETERS]`` float32 in their units: defaults, except those given by id."""
    row = np.zeros(PARAMETERS, np.float32)
    row[: len(PLUGIN_PARAMETERS)] = [parameter.row.default for parameter in PLUGIN_PARAMETERS]
    for name, value in values.items():
        row[INDEX[name]] = value
    return row


def memory_bytes(channels: int, hop_samples: int) -> int:
    """Return the size of the memory in bytes: header, then slots."""
    return HEADER_BYTES + SLOTS * slot_dtype(channels, hop_samples).itemsize


def hop_of(rate_hz: float) -> int:
    """Return the samples of a hop at a host's rate: 512 up to 48 kHz, then in proportion, multiples of 512."""
    return 512 * max(1, -(-int(rate_hz) // 48_000))


def _aligned(offset: int) -> int:
    return -(-offset // 64) * 64
