"""Read the parts of a report that a later version builds on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from plugin_backend.exactness import ComputeInfo
from render.plan.cache_key import CueKey
from render.plan.plan import Event

KEY = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Mix:
    """How a cue's decoded audio is mixed; the fields are those of :class:`~render.plan.plan.Event`."""

    stem: str
    start_samples: int
    gain: float
    pan: float
    fade_in_samples: int
    fade_out_samples: int


def mix_of(event: Event) -> Mix:
    """Return how an event is mixed."""
    return Mix(**{name: getattr(event, name) for name in Mix.__slots__})


class PreviousStem(msgspec.Struct):
    """A file of the version before.

    Attributes:
        file: its name.
        layout: name of its layout.
        key: digest of everything that decides its samples; 40 hex digits.
        chain: description of the stem's effects; None for FOLEY.
        bytes, modified_ns: size and time of the file when it was written.
        effects_latency_samples: latency of its effects.
        computed: how our models computed it.
    """

    file: str
    layout: str
    key: str
    chain: dict | None
    bytes: int
    modified_ns: int
    effects_latency_samples: int | None
    computed: list[ComputeInfo] = []

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file or not KEY.fullmatch(self.key):
            raise ValueError("the file of a stem must be in the report's folder, and its key must be 40 hex digits")


class PreviousCue(msgspec.Struct):
    """A cue of the version before. ``recipe`` is its cache key."""

    id: str
    stem: str
    recipe: CueKey
    mix: Mix


class PreviousReport(msgspec.Struct):
    """The report of the version before."""

    frame: dict
    stems: dict[str, PreviousStem]
    cues: list[PreviousCue]


def read_previous(report: Path) -> PreviousReport:
    """Read a report.

    Raises:
        OSError: it cannot be read.
        msgspec.MsgspecError: it is not a report, or an older version of Pisada wrote it and left out what is needed.
    """
    return msgspec.json.decode(report.read_bytes(), type=PreviousReport)
