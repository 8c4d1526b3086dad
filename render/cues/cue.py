"""The cue and the cue sheet that every reader returns. Positions are in samples; numbers are checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plugin_backend.errors import CueSheetError, combine_errors
from render.cues.timeline import UnreadItem
from render.cues.walks.rows import Follow, Walk, WalkSettings
from render.project.timecode import Clock

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[0-9]{1,19}")
LONGEST_HOURS = 24


@dataclass(frozen=True, slots=True)
class Cue:
    """One sound to perform.

    Attributes:
        id: unique in its sheet.
        start_samples: from the programme's first sample, 0 or more.
        stem: the stem it belongs to.
        preset: the preset that performs it; None if the cue has only a source, or no preset yet.
        duration_samples: 1 or more; None plays the preset's own length.
        gain_db: −120 to 24.
        pan: −1 (left) to 1 (right).
        velocity: 0 to 1.
        pitch_semitones: −48 to 48.
        midi_note: 0 to 127; the note that plays it, for models that describe a whole sound by one vector.
        source: an audio file to perform instead of the preset's takes; it may be missing.
        seed: 0 to 2^63 − 1; None derives one from the project's seed.
        note: free text.
        row: line in the sheet (the header is line 1), or the event's number.
        gate: True if the duration is only the length of a MIDI note; one-shots ignore it.
        extra: unknown columns, as written.
        sync: the point of the sound that is placed at start plus offset: its onset, its first sample or its peak. None
            uses the project's setting.
        offset_samples: from the start to where the sound is placed; None uses the project's setting.
        character: who makes the sound; 1 to 64 characters, or empty for the stem's own unnamed character.
        foot: the foot that lands. ``auto`` alternates for each character and begins again after a pause. None: no foot.
        part: the part of the foot that lands.
        effort: 0 to 1; None is the velocity.
        becomes: the walk, or the sound that follows steps, that the row becomes when its sheet is read. None: a cue.
    """

    id: str
    start_samples: int
    stem: str
    preset: str | None
    duration_samples: int | None = None
    gain_db: float = 0.0
    pan: float = 0.0
    velocity: float = 1.0
    pitch_semitones: float = 0.0
    source: Path | None = None
    seed: int | None = None
    note: str = ""
    row: int = 0
    gate: bool = False
    extra: dict[str, str] = field(default_factory=dict)
    sync: Literal["onset", "peak"] | None = None
    offset_samples: int | None = None
    character: str = ""
    foot: Literal["L", "R", "auto"] | None = None
    part: Literal["heel", "toe", "scuff", "whole"] | None = None
    effort: float | None = None
    becomes: Walk | Follow | None = None
    midi_note: int | None = None


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a sheet: which cues to include and which faults to tolerate.

    Attributes:
        muted: read muted clips of a session, and clips on muted, inactive and hidden tracks.
        unmatched: make cues of clips, markers and regions that have no preset; their name becomes the note.
        blank: read cues that have neither preset nor source.
        partial: leave out rows that cannot be read, and keep their problems.
        walks: how rows that are walks become steps.
    """

    muted: bool = False
    unmatched: bool = False
    blank: bool = False
    partial: bool = False
    walks: WalkSettings = WalkSettings()


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class CueSheet:
    """A cue sheet as read.

    Attributes:
        path: the file.
        cues: by start, then in the sheet's order.
        unknown_columns: columns that Pisada does not use, as written.
        remarks: what was read and not used.
        format: the file's format, as named in ``docs/formats.md``.
        clock: the requested time base, completed with the rate and start that the file states; None if the sheet was
            not read from a file.
        unmatched: number of clips, markers and regions that no rule turned into a cue; each is in the remarks.
        unreadable: lines or events that look like a clip, marker or region and could not be read.
        problems: errors of rows that could not be read, if ``ReadOptions.partial`` allowed them.
        walks: number of rows that were walks and became steps.
        partly_read: a cue for each of these rows, with row, id, stem and preset only: the names can be checked too.
    """

    path: Path
    cues: list[Cue]
    unknown_columns: list[str]
    remarks: list[str]
    format: str = ""
    clock: Clock | None = None
    unmatched: int = 0
    unreadable: list[UnreadItem] = field(default_factory=list)
    problems: list[CueSheetError] = field(default_factory=list)
    walks: int = 0
    partly_read: list[Cue] = field(default_factory=list)

    def check_all_read(self, skip_unreadable: bool) -> list[str]:
        """Check that every line or event of the file was read.

        Args:
            skip_unreadable: continue without the unreadable ones.

        Returns:
            One remark for each line or event left out.

        Raises:
            CueSheetError: some could not be read; lists each and says how to continue.
        """
        if self.unreadable and not skip_unreadable:
            hints = [" (--skip-unreadable goes on without it)"] + [""] * len(self.unreadable)
            raise combine_errors(
                [
                    CueSheetError(f"{unread.reason}{hint}", file=self.path, row=unread.row)
                    for unread, hint in zip(self.unreadable, hints, strict=False)
                ]
            )
        return [f"row {unread.row}: left out, {unread.reason}" for unread in self.unreadable]


@dataclass(frozen=True)
class Range:
    """The allowed values of a numeric column, ends included."""

    low: int
    high: int
    whole: bool = False


NUMBERS = {
    "gain_db": Range(-120, 24),
    "pan": Range(-1, 1),
    "velocity": Range(0, 1),
    "pitch_semitones": Range(-48, 48),
    "seed": Range(0, 2**63 - 1, whole=True),
    "effort": Range(0, 1),
    "midi_note": Range(0, 127, whole=True),
}
STEP_TEXTS = ("character", "foot", "part")
"""Columns of a step that hold a name or a word."""


def read_number(name: str, text: str, allowed: Range | None = None) -> float | int:
    """Read a cell of a numeric column.

    Args:
        name: the column.
        text: the cell; decimal point, no thousands separators.
        allowed: the column's values; None takes those of ``NUMBERS``.

    Returns:
        The number, in its column's range.

    Raises:
        CueSheetError: not a number (NaN and infinity are refused), or out of range.
    """
    allowed = allowed or NUMBERS[name]
    pattern, number_type = (WHOLE, int) if allowed.whole else (NUMBER, float)
    if pattern.fullmatch(text):
        value = number_type(text)
        if allowed.low <= value <= allowed.high:
            return value
    expected = "a whole number" if allowed.whole else "a number"
    raise CueSheetError(f"{text!r} is not {expected} from {allowed.low} to {allowed.high}", field=name)


def check_reach(samples: int, sample_rate: int) -> int:
    """Return the position or length if it is at most 24 hours.

    Args:
        samples: the position or length.
        sample_rate: in Hz.

    Raises:
        CueSheetError: it is more than 24 hours, so probably a typing error.
    """
    if samples > LONGEST_HOURS * 3600 * sample_rate:
        raise CueSheetError(f"{samples} samples is more than {LONGEST_HOURS} hours")
    return samples


def after_midnight(cues: list[Cue], clock: Clock) -> list[str]:
    """Return a remark if cues begin after midnight by timecode; else an empty list."""
    day = clock.day_samples - clock.start_samples
    late = [cue for cue in cues if cue.start_samples >= day]
    if not late or clock.rate is None:
        return []
    label = clock.label_at(late[0].start_samples)
    return [f"{len(late)} cues lie after midnight, on the next day, the first at {label} (row {late[0].row})"]
