"""The memory that a plug-in instance shares with the backend: a header, and a ring of slots, one a hop.

The host's audio thread fills slots and owns the clock: slot ``k % SLOTS`` is of hop ``k``, and carries ``k + 1`` as
``in_tag`` once it is whole. The backend answers into the same slot and then sets ``out_tag`` to ``k + 1``: a late
answer never moves another. Both count what they did in the header, where the other side may wait for it (futex).
"""

from __future__ import annotations

import numpy as np

from plugin_backend.daw_plugin.parameters import INDEX, PLUGIN_PARAMETERS

MAGIC, VERSION = 0x41534950, 2
"""``PISA``; of memory and messages together. Either side refuses another's."""

HEADER_BYTES, SLOTS, EVENTS, PARAMETERS = 4096, 64, 128, 128
OFFLINE, RESET = 1, 2
"""Flags of a slot: the host waits; what came before is forgotten, the sound begins anew with this hop."""

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
"""``submitted`` (the host's) and ``answered`` (the backend's) count hops modulo 2³², each on a cache line of its own,
with what the same side writes. ``state``: see ``STATES``. ``hop_ns``: how long the last hop took to compute."""

STATES = STARTING, READY, FAILED = 0, 1, 2
"""The backend's word: no engine yet; answers; will not answer any more, and has said why."""

EVENT = np.dtype([("offset_samples", "<u4"), ("count", "u1"), ("data", "u1", 3)])
"""A short MIDI message and the sample of the hop where it is."""


def slot_dtype(channels: int, hop_samples: int) -> np.dtype:
    """A slot; ``input`` and ``output`` are ``[channels, hop_samples]``, 64-byte aligned."""
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
    sound = ("<f4", (channels, hop_samples))
    fields += [("input", sound, begin), ("output", sound, _aligned(begin + audio))]
    names, formats, offsets = (list(column) for column in zip(*fields, strict=True))
    size = _aligned(_aligned(begin + audio) + audio)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def parameter_row(**values: float) -> np.ndarray:
    """A slot's ``parameters``, ``[PARAMETERS]`` float32 in their units: defaults, but for what is named by its id."""
    row = np.zeros(PARAMETERS, np.float32)
    row[: len(PLUGIN_PARAMETERS)] = [parameter.row.default for parameter in PLUGIN_PARAMETERS]
    for name, value in values.items():
        row[INDEX[name]] = value
    return row


def memory_bytes(channels: int, hop_samples: int) -> int:
    """The whole memory: header, then slots."""
    return HEADER_BYTES + SLOTS * slot_dtype(channels, hop_samples).itemsize


def hop_of(rate_hz: float) -> int:
    """Samples of a hop at a host's rate: 512 up to 48 kHz, then in proportion, whole multiples of 512."""
    return 512 * max(1, -(-int(rate_hz) // 48_000))


def _aligned(offset: int) -> int:
    return -(-offset // 64) * 64
