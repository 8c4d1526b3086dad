"""Filters everything that is printed, so that a file's name or content cannot move the cursor or stop a command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from plugin_backend.text import escape_unprintable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


class Filtered:
    """A text stream that prints only printable characters; everything else is passed to the stream."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(escape_unprintable(text, self._stream.encoding or "utf-8"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def safe_text() -> Iterator[None]:
    """Let standard output and standard error print only printable characters until the block ends."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Filtered(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def console() -> Console:
    """Return a console on standard error for drawing. Its own control codes pass; those in the text do not."""
    from rich.console import Console
    from rich.segment import Segment

    stream: Any = sys.stderr
    raw = stream._stream if isinstance(stream, Filtered) else stream

    class FilteredConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield (
                    segment
                    if segment.control
                    else Segment(escape_unprintable(segment.text, self.encoding), segment.style)
                )

    return FilteredConsole(file=raw)
