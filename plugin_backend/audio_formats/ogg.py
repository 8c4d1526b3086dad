"""Ogg: recordings may follow one another in a file (RFC 3533: chained streams); libsndfile reads the first."""

from __future__ import annotations

import mmap

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, join_recordings

MARKER, HEAD_BYTES = b"OggS", 27
BEGINS, ENDS = 2, 4
CUT_SHORT = "the file is cut short: its last page is not the last of its recording"


def inspect_content(data: mmap.mmap) -> Content:
    """The recordings of a file, one after another."""
    starts, in_heads, at, end, flags = [], False, 0, 0, 0
    while (at := data.find(MARKER, at)) >= 0:
        size = _page_bytes(data, at)
        if size is None:
            break
        flags, begins = data[at + 5], bool(data[at + 5] & BEGINS)
        if begins and not in_heads:
            starts.append(at)
        in_heads, at = begins, at + size
        end = at
    cut_short = "" if not starts or (flags & ENDS and at < 0) else CUT_SHORT
    stretches = [ByteRange(*each) for each in zip(starts, [*starts[1:], end], strict=True)]
    return join_recordings([(each, Content(cut_short=cut_short)) for each in stretches]) if starts else Content()


def _page_bytes(data: mmap.mmap, at: int) -> int | None:
    """How long the page is that begins here; None if the file ends in it."""
    segments = data[at + HEAD_BYTES - 1] if at + HEAD_BYTES <= len(data) else 0
    lengths = data[at + HEAD_BYTES : at + HEAD_BYTES + segments]
    size = HEAD_BYTES + segments + sum(lengths)
    return size if len(lengths) == segments and segments and at + size <= len(data) else None
