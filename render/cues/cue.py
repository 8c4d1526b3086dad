"""What every reader produces: cues in samples, with checked numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plugin_backend.errors import CueSheetError, combine_errors
from render.cues.timeline import UnreadItem
from render.project.timecode import Clock

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[0-9]{1,19}")
LONGEST_HOURS = 24
LARGEST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Cue:
    """One sound to perform.

    Attributes:
        id: unique in its sheet.
        start_samples: from the programme's first sample, 0 or more.
        stem: the stem it belongs to.
        preset: what performs it; None for a bare source, or one that is not chosen yet.
        duration_samples: 1 or more; None plays the preset's own length.
        gain_db: −120 to 24.
        pan: −1 (left) to 1 (right).
        velocity: 0 to 1.
        pitch_semitones: −48 to 48.
        source: an audio file to perform instead of the preset's takes; may not exist.
        seed: 0 to 2^63 − 1; None derives one from the project's.
        note: free text.
        row: line in the sheet, the header being 1; else the event's number.
        gate: the duration is only a note's length, so one-shots ignore it.
        extra: unknown columns, as they stand.
        sync: what of the sound lies at the start and offset: its onset, its first sample, or its peak; None leaves it
            to the project.
        offset_samples: from the start to where the sound is put; None leaves it to the project.
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


@dataclass(frozen=True)
class ReadOptions:
    """What of a sheet is wanted, and what is put up with.

    Attributes:
        muted: a session's muted clips too, and those of its muted, inactive and hidden tracks.
        unmatched: clips, markers and regions that nothing says the preset of become cues, too; their name is the note.
        blank: cues without a preset or a source are read.
        partial: rows that cannot be read are left out, and their problems kept.
    """

    muted: bool = False
    unmatched: bool = False
    blank: bool = False
    partial: bool = False


DEFAULT_OPTIONS = ReadOptions()


@dataclass(frozen=True)
class CueSheet:
    """A sheet as read.

    Attributes:
        path: the file.
        cues: by start, then in the sheet's order.
        unknown_columns: columns that mean nothing to us, as written.
        remarks: what was read and not used.
        format: the file's, as ``docs/formats.md`` has it.
        clock: the time base asked for, completed with the rate and the start that the file states; None if
            the sheet was not read from a file.
        unmatched: clips, markers and regions that no rule made a cue of; each is in the remarks.
        unreadable: what looks like a clip, marker or region and was not read.
        problems: of rows that could not be read, where that was put up with.
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

    def check_whole(self, skip_unreadable: bool) -> list[str]:
        """See that the whole file was read.

        Args:
            skip_unreadable: whether the user wants to go on without what was not.

        Returns:
            A remark for each line or event left out.

        Raises:
            CueSheetError: there are such lines; tells each, and how to go on.
        """
        if self.unreadable and not skip_unreadable:
            hints = [" (--skip-unreadable goes on without it)"] + [""] * len(self.unreadable)
            raise combine_errors(
                [
                    CueSheetError(f"{unread.why}{hint}", file=self.path, row=unread.row)
                    for unread, hint in zip(self.unreadable, hints, strict=False)
                ]
            )
        return [f"row {unread.row}: left out, {unread.why}" for unread in self.unreadable]


@dataclass(frozen=True)
class Range:
    """What a numeric column allows, ends included."""

    low: int
    high: int
    whole: bool = False


NUMBERS = {
    "gain_db": Range(-120, 24),
    "pan": Range(-1, 1),
    "velocity": Range(0, 1),
    "pitch_semitones": Range(-48, 48),
    "seed": Range(0, 2**63 - 1, whole=True),
}


def read_number(name: str, text: str) -> float | int:
    """A cell of a numeric column.

    Args:
        name: a key of ``NUMBERS``.
        text: the cell; decimal point, no thousands separators.

    Raises:
        CueSheetError: not a number (NaN and infinity are none), or out of range.
    """
    allowed = NUMBERS[name]
    pattern, kind = (WHOLE, int) if allowed.whole else (NUMBER, float)
    if pattern.fullmatch(text):
        value = kind(text)
        if allowed.low <= value <= allowed.high:
            return value
    what = "a whole number" if allowed.whole else "a number"
    raise CueSheetError(f"{text!r} is not {what} from {allowed.low} to {allowed.high}", field=name)


def check_reach(samples: int, sample_rate: int) -> int:
    """The same position or length, unless it is past any programme's end.

    Raises:
        CueSheetError: more than 24 hours: a slip of the pen, not a reel.
    """
    if samples > LONGEST_HOURS * 3600 * sample_rate:
        raise CueSheetError(f"{samples} samples is more than {LONGEST_HOURS} hours")
    return samples


def after_midnight(cues: list[Cue], clock: Clock) -> list[str]:
    """A remark if cues begin after midnight by the timecode; none otherwise."""
    day = clock.day_samples - clock.start_samples
    late = [cue for cue in cues if cue.start_samples >= day]
    if not late or clock.rate is None:
        return []
    label = clock.label_at(late[0].start_samples)
    return [f"{len(late)} cues lie after midnight, on the next day, the first at {label} (row {late[0].row})"]


def sheet_bytes(path: Path, most: int = -1) -> bytes:
    """A sheet's content, or its first ``most`` bytes.

    Raises:
        CueSheetError: no such file, a folder, unreadable, or all of more than 256 MiB was asked for.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise CueSheetError("no such file", file=path)
        if not path.is_file():
            raise CueSheetError("a folder or a device, not a cue sheet", file=path)
        if most < 0 and path.stat().st_size > LARGEST_BYTES:
            raise CueSheetError(f"larger than {LARGEST_BYTES // 2**20} MiB: no cue sheet is", file=path)
        with open(path, "rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:
        raise CueSheetError(f"cannot be read: {getattr(error, 'strerror', error)}", file=path) from error
