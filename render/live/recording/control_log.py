"""``control.jsonl``: what was played and when, a line each, so that it can be rendered again.

The first line is a :class:`Header`, every other a :class:`Line`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from plugin_backend.errors import ProjectError
from render.instrument.actions import Action
from render.live.rig import Rig

INPUT, OUTPUT, CONTROL = "input.wav", "output.wav", "control.jsonl"
LONGEST_LINE_BYTES = 2**20


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What it was played with.

    Attributes:
        fingerprint: the model's.
        presets: the rig's, by name, with what tells whether they sound the same.
        latency_samples: from ``input.wav`` to ``output.wav``.
    """

    version: Literal[1] = 1
    rig: Rig
    fingerprint: str
    presets: dict[str, str]
    sample_rate: int
    block_samples: int
    ahead_blocks: int
    latency_samples: int


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One of these.

    Attributes:
        action: with the input sample it took effect at; ``digest`` tells how its preset sounds.
        late: first and number of blocks played dry.
        restart: input left out, from and up to a sample; from there it began anew.
        failed: the input sample from which on nothing was answered, because the worker failed.
        end: the recording's length in samples.
    """

    action: Action | None = None
    digest: str = ""
    late: tuple[int, int] | None = None
    restart: tuple[int, int] | None = None
    failed: int | None = None
    end: int | None = None


def as_line(of: Header | Line) -> bytes:
    """As it is written, with its line feed."""
    return msgspec.json.encode(of) + b"\n"


def read_log(path: Path) -> tuple[Header, list[Line]]:
    """The whole log. A last line that was cut off while it was written is left out.

    Raises:
        ProjectError: absent, or a line that is none; names the file and the line.
    """
    lines, header = [], None
    try:
        with open(path, "rb") as file:
            for number, text in enumerate(iter(lambda: file.readline(LONGEST_LINE_BYTES), b""), 1):
                if not text.endswith(b"\n") and len(text) < LONGEST_LINE_BYTES:
                    break
                try:
                    if header is None:
                        header = msgspec.json.decode(text, type=Header)
                    else:
                        lines.append(msgspec.json.decode(text, type=Line))
                except (msgspec.DecodeError, UnicodeDecodeError) as problem:
                    raise ProjectError(f"{path}, line {number}: {problem}") from problem
    except OSError as problem:
        raise ProjectError(f"{path}: {problem.strerror}") from problem
    if header is None:
        raise ProjectError(f"{path}: its first line is missing")
    return header, lines
