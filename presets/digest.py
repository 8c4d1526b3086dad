"""What of a preset decides the sound it performs, as one short word."""

from __future__ import annotations

import hashlib
import json

import msgspec
import numpy as np

from presets.preset import Preset

HEARD = ("kind", "variation", "stereo", "scale", "bias")
RINGING = ("ring", "low_cut_hz")
"""Fields of the header that change what is decoded, beside a chain, where there is one; level and fades come after,
words not at all. The second row is told where there are modes, or a cut; the width where it is not 1."""


def sound_digest(preset: Preset) -> str:
    """32 hex digits (BLAKE2b) that differ when two presets would decode differently from one seed."""
    header = preset.header
    takes = [[take.skip_samples, take.length_samples] for take in header.takes]
    heard = {name: getattr(header, name) for name in HEARD} | ({"chain": header.chain} if header.chain else {})
    if header.width != 1:
        heard["width"] = header.width
    rings = bool(preset.modes or header.low_cut_hz)
    if rings:
        heard |= {name: msgspec.to_builtins(getattr(header, name)) for name in RINGING}
    told = json.dumps([heard, takes], sort_keys=bool(header.chain or rings))
    digest = hashlib.blake2b(told.encode(), digest_size=16)
    for tensor in (*preset.means, *preset.deviations, *preset.modes):
        digest.update(repr(tensor.shape).encode())
        digest.update(np.ascontiguousarray(tensor, "<f4").tobytes())
    return digest.hexdigest()
