"""Ogg: recordings may follow one another in a file (RFC 3533: chained streams). libsndfile reads only the first."""

from __future__ import annotations

import mmap

from plugin_backend.audio_formats.byte_ranges import ByteRange, Content, join_recordings

MARKER, HEAD_BYTES = b"OggS", 27
BEGINS, ENDS = 2, 4
CUT_SHORT = "the file is cut short: its last page is not the last of its recording"


def inspect_content(data: mmap.mmap) -> Content:
    """Return the recordings of a file, one after another."""
    starts, in_headers, at, end, flags = [], False, 0, 0, 0
    while (at := data.find(MARKER, at)) >= 0:
        size = _page_bytes(data, at)
        if size is None:
            break
        flags, is_first_page = data[at + 5], bool(data[at + 5] & BEGINS)
        if is_first_page and not in_headers:
            starts.append(at)
        in_headers, at = is_first_page, at + size
        end = at
    if not starts:
        return Content()
    cut_short = "" if flags & ENDS and at < 0 else CUT_SHORT
    ranges = [ByteRange(*bounds) for bounds in zip(starts, [*starts[1:], end], strict=True)]
    return join_recordings([(bounds, Content(cut_short=cut_short)) for bounds in ranges])


def _page_bytes(data: mmap.mmap, at: int) -> int | None:
    """Return the length of the page that begins here; ``None`` if the file ends in it."""
    segments = data[at + HEAD_BYTES - 1] if at + HEAD_BYTES <= len(data) else 0
    lengths = data[at + HEAD_BYTES : at + HEAD_BYTES + segments]
    size = HEAD_BYTES + segments + sum(lengths)
    return size if len(lengths) == segments and segments and at + size <= len(data) else None
