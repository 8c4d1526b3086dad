"""What a render needs to know of a cue once everything about it is settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from presets.bank import BankNames
from render.project.project import Stem


@dataclass(frozen=True, slots=True)
class Event:
    """A cue, resolved: integer samples, linear gain, its own seed.

    ``start_samples`` counts from the stems' first sample (the head handle's); ``gain`` joins the cue's, the
    preset's and the velocity's; ``codec`` names the model that decodes it. ``sheet`` and ``row`` are where it was
    asked for, if anywhere. ``sync_samples`` is from its first sample to the one that lies where the cue asks: 0 for its
    onset, or its peak's.
    """

    id: str
    stem: str
    start_samples: int
    length_samples: int
    preset: str | None
    source: Path | None
    codec: str
    seed: int
    gain: float = 1.0
    pan: float = 0.0
    pitch_semitones: float = 0.0
    fade_in_samples: int = 0
    fade_out_samples: int = 0
    note: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    sheet: Path | None = None
    row: int | None = None
    sync_samples: int = 0

    @property
    def end_samples(self) -> int:
        """The first sample after the cue."""
        return self.start_samples + self.length_samples


@dataclass(frozen=True)
class Plan:
    """All a render needs, and nothing it must look up again.

    ``events`` are sorted by start; ``start_samples`` is the stems' first sample on the absolute
    timeline, and ``length_samples`` their length: handles and all. ``pops`` are starts and lengths,
    counted from there too. Every stem has its layout settled. ``bank`` is where presets are found by
    name. ``sounds`` names cues' decoded sounds in the folder ``cache``; without one all is decoded.
    """

    sample_rate: int
    start_samples: int
    length_samples: int
    stems: tuple[Stem, ...]
    events: tuple[Event, ...]
    bank: BankNames
    remarks: tuple[str, ...] = ()
    head_samples: int = 0
    tail_samples: int = 0
    pops: tuple[tuple[int, int], ...] = ()
    sounds: dict[str, str] = field(default_factory=dict)
    cache: Path | None = None

    @property
    def programme(self) -> slice:
        """The programme within the stems: all but the handles."""
        return slice(self.head_samples, self.length_samples - self.tail_samples)
