"""What a report says that a later version builds on."""

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
    """What happens to a cue's decoded sound; as in :class:`~render.plan.plan.Event`."""

    stem: str
    start_samples: int
    gain: float
    pan: float
    fade_in_samples: int
    fade_out_samples: int


def mix_of(event: Event) -> Mix:
    """An event's."""
    return Mix(**{name: getattr(event, name) for name in Mix.__slots__})


class PreviousStem(msgspec.Struct):
    """One file of the version before: where, of what it was made, and how we left it."""

    file: str
    layout: str
    key: str
    chain: dict | None
    bytes: int
    modified_ns: int
    effects_latency_samples: int | None
    computed: list[ComputeInfo] = []

    def __post_init__(self):
        if Path(self.file).name != self.file or not KEY.fullmatch(self.key):
            raise ValueError("a stem's file lies beside the report, and its key is 40 hex digits")


class PreviousCue(msgspec.Struct):
    """One cue of the version before."""

    id: str
    stem: str
    recipe: CueKey
    mix: Mix


class PreviousReport(msgspec.Struct):
    """The version before."""

    frame: dict
    stems: dict[str, PreviousStem]
    cues: list[PreviousCue]


def read_previous(report: Path) -> PreviousReport:
    """Read a report.

    Raises:
        OSError: it cannot be read.
        msgspec.MsgspecError: it is no report, or of an edition that did not say enough.
    """
    return msgspec.json.decode(report.read_bytes(), type=PreviousReport)
