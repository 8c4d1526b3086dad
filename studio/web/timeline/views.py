"""What the page of the timeline gets and sends."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from render.cues.walks.rows import Walk
from render.project.timecode import Clock
from render.sheet_editing.document import Change, EditedSheet
from render.sheet_editing.edits import Edit, Ids, Samples
from render.sheet_editing.rows import EditedRow, StemState

Choice = Annotated[str, Meta(max_length=256)]


class RowView(msgspec.Struct, frozen=True):
    """A row of the sheet.

    Attributes:
        id: of the row.
        start: in samples from the programme's start.
        duration: in samples; ``None`` for the preset's own.
        stem: its stem.
        preset: its preset, or the first of a walk's surfaces; empty for none.
        kind: ``cue``, ``walk`` or ``follow``.
        muted: whether it is left out.
        cells: all its cells as in a sheet.
    """

    id: str
    start: int
    duration: int | None
    stem: str
    preset: str
    kind: str
    muted: bool
    cells: dict[str, str]


class ClockView(msgspec.Struct, frozen=True):
    """The programme's time base.

    Attributes:
        rate_hz: samples a second.
        fps: name of the frame rate; empty without one.
        exact: frames a second as a fraction: numerator and denominator.
        nominal: labels a second.
        drop: labels that are dropped each minute: 0, 2 or 4.
        start_frames: the programme's first frame, from 00:00:00:00.
    """

    rate_hz: int
    fps: str
    exact: tuple[int, int]
    nominal: int
    drop: int
    start_frames: int


class MediaView(msgspec.Struct, frozen=True):
    """A film or a guide.

    Attributes:
        name: of its file; empty without one.
        start: its first sample in the programme, from the programme's start.
        rate_hz, length: of a guide: its sample rate and length in its own samples; 0 of a film.
    """

    name: str = ""
    start: int = 0
    rate_hz: int = 0
    length: int = 0


class TimelineView(msgspec.Struct, frozen=True):
    """All that is drawn.

    Attributes:
        document: number of the open sheet; 0 for none.
        documents: number → name of the sheets that were opened in this tab.
        name: of the sheet.
        clock: the time base.
        end: the programme's end in samples; ``None`` if the project has none.
        rows: all rows.
        stems: the project's stems and those of the rows, in order.
        listening: stem → mute and solo.
        presets: names that can be used.
        characters: the project's characters.
        undo, redo: what these would do; empty for nothing.
        revision: counts the edits.
        notes: remarks of the reader, and repaired damage.
        sheets, films, guides: files of the project's folder that can be opened.
        film, guide: what is open.
    """

    document: int
    documents: dict[int, str]
    name: str
    clock: ClockView
    end: int | None
    rows: list[RowView]
    stems: list[str]
    listening: dict[str, StemState]
    presets: list[str]
    characters: list[str]
    undo: str
    redo: str
    revision: int
    notes: list[str]
    sheets: list[str]
    films: list[str]
    guides: list[str]
    film: MediaView
    guide: MediaView


class ChangeView(msgspec.Struct, frozen=True):
    """What an edit changed.

    Attributes:
        revision: counts the edits.
        rows: rows that are new or changed.
        removed: ids of rows that are gone.
        listening: stem → mute and solo, of stems that changed.
        undo, redo: what these would do now.
    """

    revision: int
    rows: list[RowView]
    removed: list[str]
    listening: dict[str, StemState]
    undo: str
    redo: str


class FindingView(msgspec.Struct, frozen=True):
    """Something suspicious or wrong; ``row`` is empty if it is about the whole sheet."""

    check: str
    message: str
    row: str
    stops: bool


class DetailsView(msgspec.Struct, frozen=True):
    """What follows from the rows.

    Attributes:
        revision: of the rows.
        steps: row → starts of the cues that it becomes.
        lengths: row → samples for which its cue is audible.
        findings: at their rows.
        end: the sample after the last that is audible.
        can_render: whether every row can be rendered.
    """

    revision: int
    steps: dict[str, list[int]]
    lengths: dict[str, int]
    findings: list[FindingView]
    end: int
    can_render: bool


class Wave(msgspec.Struct, frozen=True):
    """The waveform of a sound.

    Attributes:
        start: of the first pair, in samples.
        step: samples of one pair.
        pairs: lowest and highest sample, int16, base64.
    """

    start: int
    step: int
    pairs: str


class Waves(msgspec.Struct, frozen=True):
    """Waveforms by row."""

    waves: dict[str, Wave]


class Suggestion(msgspec.Struct, frozen=True):
    """A hit of the guide that could be a cue.

    Attributes:
        start: in samples from the programme's start.
        velocity: 0..1.
        reason: why it is suggested.
        taken: whether a cue of the sheet is there already, within 20 ms.
    """

    start: int
    velocity: float
    reason: str
    taken: bool


class Suggestions(msgspec.Struct, frozen=True):
    """Suggestions in order, and remarks."""

    suggestions: list[Suggestion]
    notes: list[str]


class RenderView(msgspec.Struct, frozen=True):
    """The last render.

    Attributes:
        state: ``none``, ``running``, ``done``, ``failed`` or ``stopped``.
        part: 0..1.
        problem: why it failed.
        revision: the edits that it holds.
        files: names to download, stems first.
        levels: file → integrated loudness (LUFS) and true peak (dBTP), as text.
        decoded, cached: number of cues that were decoded, and that were in the cache.
        notes: remarks.
    """

    state: str
    part: float = 0.0
    problem: str = ""
    revision: int = 0
    files: list[str] = []
    levels: dict[str, str] = {}
    decoded: int = 0
    cached: int = 0
    notes: list[str] = []


class EditRequest(msgspec.Struct, frozen=True):
    """An edit of the sheet."""

    edit: Edit


class NamedFile(msgspec.Struct, frozen=True):
    """Something by its name in a list that the server gave, or the name of an uploaded file."""

    name: Choice


class Numbered(msgspec.Struct, frozen=True):
    """A sheet that was opened in this tab before."""

    document: Annotated[int, Meta(ge=1, le=9999)]


class Part(msgspec.Struct, frozen=True):
    """A part of the programme to hear.

    Attributes:
        start, stop: in samples from the programme's start.
        stems: names joined by commas; empty for those that are listened to.
    """

    start: Samples
    stop: Samples
    stems: Annotated[str, Meta(max_length=4096)] = ""


class OfRow(msgspec.Struct, frozen=True):
    """A row by its id."""

    id: Annotated[str, Meta(max_length=1024)]


class OfRows(msgspec.Struct, frozen=True):
    """Rows by their ids."""

    ids: Ids


class PeaksRequest(msgspec.Struct, frozen=True):
    """Peaks of a file.

    Attributes:
        of: ``guide``, or a stem of the last render.
        start, stop: in the file's own samples.
        bins: most pairs.
    """

    of: Choice
    start: Samples
    stop: Samples
    bins: Annotated[int, Meta(ge=1, le=10_000)] = 2000


class PlacedMedia(msgspec.Struct, frozen=True):
    """Where the film or guide begins in the programme, in samples."""

    start: Samples


class SpotRequest(msgspec.Struct, frozen=True):
    """How hits of the guide are found.

    Attributes:
        sensitivity: 0.1..10.
        min_gap_ms: 20..5000.
    """

    sensitivity: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    min_gap_ms: Annotated[float, Meta(ge=20, le=5000)] = 150.0


def row_view(row: EditedRow, sheet: EditedSheet) -> RowView:
    """Return a row as the page gets it."""
    cue, walk = row.cue, row.cue.becomes
    surfaces = walk.surfaces if isinstance(walk, Walk) else ()
    kind = "cue" if walk is None else "walk" if isinstance(walk, Walk) else "follow"
    preset = cue.preset or (surfaces[0].preset if surfaces else "")
    cells = sheet.reader.cells(cue)
    return RowView(cue.id, cue.start_samples, cue.duration_samples, cue.stem, preset, kind, row.muted, cells)


def change_view(change: Change, sheet: EditedSheet) -> ChangeView:
    """Return a change as the page gets it."""
    rows = [row_view(row, sheet) for row in change.rows.values() if row is not None]
    removed = [id for id, row in change.rows.items() if row is None]
    return ChangeView(change.revision, rows, removed, dict(change.stems), sheet.undo_label, sheet.redo_label)


def clock_view(clock: Clock) -> ClockView:
    """Return a time base as the page gets it."""
    rate = clock.rate
    if rate is None:
        return ClockView(clock.sample_rate, "", (0, 1), 0, 0, 0)
    exact = rate.exact.numerator, rate.exact.denominator
    return ClockView(clock.sample_rate, rate.name, exact, rate.nominal, rate.dropped, clock.start_frames)
