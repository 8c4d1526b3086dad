"""Stretches of samples."""

from __future__ import annotations

from collections.abc import Iterable


def joined(spans: Iterable[slice], apart_samples: int = 1) -> tuple[slice, ...]:
    """Spans ordered by their starts, those that overlap or lie less than ``apart_samples`` apart made one."""
    found: list[slice] = []
    for span in spans:
        if found and span.start - found[-1].stop < apart_samples:
            before = found.pop()
            span = slice(before.start, max(before.stop, span.stop))
        found.append(span)
    return tuple(found)
