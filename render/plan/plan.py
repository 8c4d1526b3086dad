"""The plan of a render: every cue resolved to samples, gains and seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from presets.bank import BankNames
from presets.performance.draw import Draw
from render.project.channel_layout import LAYOUTS, Layout
from render.project.project import Stem


def speed_of(pitch_semitones: float) -> float:
    """Return the playback speed of a varispeed pitch. 12 semitones double the speed."""
    return 2.0 ** (pitch_semitones / 12)


def velocity_gain(velocity: float) -> float:
    """Return the linear gain of a velocity 0..1: its square, as in samplers (0.5 is −12 dB)."""
    return velocity * velocity


@dataclass(frozen=True, slots=True)
class Event:
    """A resolved cue.

    Attributes:
        id: unique in the sheet.
        stem: name of its stem.
        start_samples: counted from the stems' first sample (the start of the head handle).
        length_samples: 1 or more.
        preset: name or file of its preset, or None.
        source: its source file, or None.
        codec: name of the model that decodes it.
        seed: its noise follows from it.
        draw: what decides its performance of the preset; None for a cue that performs a source.
        gain: linear; product of the cue's gain, the preset's and the velocity's.
        pan: −1 to 1.
        pitch_semitones: its pitch, from that of its sound.
        pitch_dim: the latent that its pitch moves; None for varispeed.
        fade_in_samples, fade_out_samples: raised-cosine fades.
        note, extra: the sheet's note and unknown columns, for the report.
        sheet, row: where the cue is written, if anywhere.
        sync_samples: samples from its first sample to the one that lies at the cue's position: 0 for its onset, or
            the position of its peak.
    """

    id: str
    stem: str
    start_samples: int
    length_samples: int
    preset: str | None
    source: Path | None
    codec: str
    seed: int
    draw: Draw | None = None
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
    pitch_dim: int | None = None

    @property
    def end_samples(self) -> int:
        """The first sample after the cue."""
        return self.start_samples + self.length_samples

    @property
    def speed(self) -> float:
        """Playback speed by its pitch; 1 is unchanged, as it is where the model plays the pitch."""
        return speed_of(self.pitch_semitones) if self.pitch_dim is None else 1.0


@dataclass(frozen=True)
class Plan:
    """All that a render needs. Nothing is left to look up.

    Attributes:
        sample_rate: in Hz.
        start_samples: the stems' first sample on the absolute timeline.
        length_samples: length of the stems, handles included.
        stems: each with its layout.
        events: sorted by start.
        bank: where presets are found by name.
        remarks: for the user, one line each.
        head_samples, tail_samples: lengths of the handles.
        pops: start (from the stems' first sample) and length of each pop.
        sounds: cue id → name of its decoded audio in ``cache``.
        cache: folder of decoded cues; without one every cue is decoded.
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
        """The programme's samples in the stems: everything between the handles."""
        return slice(self.head_samples, self.length_samples - self.tail_samples)


def stem_layout(stem: Stem) -> Layout:
    """Return the channel layout of a stem in a plan, where every stem has one."""
    assert stem.layout is not None
    return LAYOUTS[stem.layout]
