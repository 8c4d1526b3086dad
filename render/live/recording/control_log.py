"""``control.jsonl``: the log of a recording. With it the recording can be rendered again.

The first line is a :class:`Header`, every other a :class:`Line`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from plugin_backend.errors import ProjectError
from plugin_backend.text import in_one_line
from render.instrument.actions import Action
from render.live.rig import Rig

INPUT, OUTPUT, CONTROL = "input.wav", "output.wav", "control.jsonl"
LONGEST_LINE_BYTES = 2**20


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was played with.

    Attributes:
        version: of the format.
        rig: as it was played.
        fingerprint: the model's.
        presets: name → digest of the sound, for the rig's presets.
        axes: digest of the model's axes; empty if it has none.
        sample_rate: in Hz.
        block_samples, ahead_blocks: as they were played.
        latency_samples: from ``input.wav`` to ``output.wav``.
    """

    version: Literal[1] = 1
    rig: Rig
    fingerprint: str
    presets: dict[str, str]
    axes: str = ""
    sample_rate: int
    block_samples: int
    ahead_blocks: int
    latency_samples: int


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One event; exactly one field except ``digest`` is set.

    Attributes:
        action: an action, with the input sample where it took effect.
        digest: the digest of the sound of the action's preset.
        late: number of the first block that was played dry, and how many there were.
        restart: the worker skipped the input from the first sample up to the second, and started over there.
        failed: the input sample from which on nothing was processed, because the worker failed.
        end: the recording's length in samples.
    """

    action: Action | None = None
    digest: str = ""
    late: tuple[int, int] | None = None
    restart: tuple[int, int] | None = None
    failed: int | None = None
    end: int | None = None


def as_line(entry: Header | Line) -> bytes:
    """Return an entry as it is written to the log, with its line feed."""
    return msgspec.json.encode(entry) + b"\n"


def read_log(path: Path) -> tuple[Header, list[Line]]:
    """Read a whole log. A last line that was cut off while it was written is left out.

    Raises:
        ProjectError: the file is absent, or a line is malformed; the message has file and line number.
    """
    lines: list[Line] = []
    header: Header | None = None
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
                    raise ProjectError(f"{path}, line {number}: {in_one_line(problem)}") from problem
    except OSError as problem:
        raise ProjectError(f"{path}: {problem.strerror}") from problem
    if header is None:
        raise ProjectError(f"{path}: its first line is missing")
    return header, lines
