"""The recordings of a session: what was played, as files in its folder, so that it can be rendered again later."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.errors import ProjectError
from plugin_backend.output_files import write_atomically
from plugin_backend.text import in_one_line
from studio.web.sound.acts import Act
from studio.web.sound.engine import Played

SUFFIX = ".json"


class Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recording as it is stored: :class:`studio.web.sound.engine.Played`, with float32 samples as bytes."""

    length_samples: int
    acts: list[Act]
    microphone: bytes = b""


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the recordings in a folder, in order."""
    names = (path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    return sorted(int(name) for name in names if name.isdecimal())


def write_recording(folder: Path, played: Played) -> int:
    """Write what was played, and return the number of the recording.

    Raises:
        OutputError: the folder cannot be written.
    """
    number = max(numbers(folder), default=0) + 1
    stored = Stored(played.length_samples, played.acts, played.microphone.astype("<f4").tobytes())
    with write_atomically(folder / f"{number}{SUFFIX}") as temporary:
        temporary.write_bytes(msgspec.json.encode(stored))
    return number


def read_recording(folder: Path, number: int) -> Played:
    """Read a recording.

    Raises:
        ProjectError: there is none of that number, or its file is damaged.
    """
    try:
        stored = msgspec.json.decode((folder / f"{number}{SUFFIX}").read_bytes(), type=Stored)
    except OSError as problem:
        raise ProjectError(f"no recording {number} in this session") from problem
    except msgspec.MsgspecError as problem:
        raise ProjectError(f"recording {number} is damaged: {in_one_line(problem)}") from problem
    return Played(stored.acts, stored.length_samples, np.frombuffer(stored.microphone, "<f4"))
