"""What a render needs to know of a cue once everything about it is settled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from render.project import Stem


@dataclass(frozen=True, slots=True)
class Event:
    """A cue, resolved: integer samples, linear gain, its own seed.

    ``start_samples`` counts from the programme's first sample; ``gain`` joins the cue's, the
    preset's and the velocity's; ``codec`` names the model that decodes it.
    """

    id: str
    stem: str
    start_samples: int
    length_samples: int
    preset: str | None
    source: Path | None
    codec: str
    seed: int
    gain: float
    pan: float
    pitch_semitones: float
    fade_in_samples: int
    fade_out_samples: int
    note: str
    extra: dict[str, str]

    @property
    def end_samples(self) -> int:
        """The first sample after the cue."""
        return self.start_samples + self.length_samples


@dataclass(frozen=True)
class Plan:
    """All a render needs, and nothing it must look up again.

    ``events`` are sorted by start; ``start_samples`` is the programme's first sample on the
    absolute timeline (0 without a timecode).
    """

    sample_rate: int
    start_samples: int
    length_samples: int
    stems: tuple[Stem, ...]
    events: tuple[Event, ...]
    bank: Path
    remarks: tuple[str, ...] = ()
