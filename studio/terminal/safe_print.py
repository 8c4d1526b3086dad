"""All that is printed goes through here: what a file's name or content holds cannot move a cursor or stop a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from plugin_backend.text import escape_unprintable


class Filtered:
    """A text stream that prints what is printable; all else is the stream's own."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escape_unprintable(text, self._stream.encoding or "utf-8"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


@contextmanager
def safe_text() -> Iterator[None]:
    """Standard output and standard error print only what is printable until the block ends."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(Filtered, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def console():
    """Standard error for what draws: its own controls pass, those in the text do not."""
    from rich.console import Console
    from rich.segment import Segment

    raw = sys.stderr._stream if isinstance(sys.stderr, Filtered) else sys.stderr

    class Printed(Console):
        def render(self, renderable, options=None):
            for segment in super().render(renderable, options):
                yield (
                    segment
                    if segment.control
                    else Segment(escape_unprintable(segment.text, self.encoding), segment.style)
                )

    return Printed(file=raw)
