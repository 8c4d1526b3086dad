"""Replace walks by their steps, and rows that follow a stem by a cue at its steps."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import cast

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import AudioFileError, CueSheetError, combine_errors
from plugin_backend.similar_names import did_you_mean
from presets.bank import is_file_name
from render.cues.cue import Cue, CueSheet, ReadOptions
from render.cues.guide_position import guide_position
from render.cues.readers.sheet_rows import MOST_ROWS
from render.cues.walks.follow_steps import follow_cues
from render.cues.walks.rows import Follow, Walk
from render.cues.walks.turns import turns_of
from render.cues.walks.walk_steps import Beat, walk_cues
from render.project.timecode import Clock

MOST_WALKS = 10_000


def expand_rows(sheet: CueSheet, clock: Clock, options: ReadOptions, presets: Collection[str] = ()) -> CueSheet:
    """Return the sheet with steps in place of its walks, and cues in place of its rows that follow a stem.

    First come walks with a cadence of their own, then walks that take their times from a stem or a guide track, then
    rows that follow, each after those on the stem that it follows. Each sees the cues of the ones before it.

    Args:
        sheet: as read.
        clock: the programme's time base.
        options: ``walks`` says how; ``partial`` leaves out rows with problems; ``blank`` allows unknown presets.
        presets: names that surfaces may have; none allows every name.

    Raises:
        CueSheetError: a row that cannot become cues, an id twice, or over 100,000 cues; names file, row and column.
    """
    rows = [cue for cue in sheet.cues if cue.becomes is not None and not options.walks.keep_walks]
    if options.walks.keep_follow:
        rows = [cue for cue in rows if not isinstance(cue.becomes, Follow)]
    if not rows:
        return sheet
    if len(rows) > MOST_WALKS:
        problem = f"more than {MOST_WALKS} walks and rows that follow: split the sheet"
        raise CueSheetError(problem, file=sheet.path, row=rows[MOST_WALKS].row)
    taken = {id(row) for row in rows}
    expansion = _Expansion(clock, options, presets, [cue for cue in sheet.cues if id(cue) not in taken])
    turns, expansion.problems = turns_of(rows)
    for turn, row in turns:
        expansion.add(row, turn)
    problems = [problem.at(file=sheet.path) for problem in expansion.problems]
    if problems and not options.partial:
        raise combine_errors(problems)
    cues = sorted(expansion.cues, key=lambda cue: cue.start_samples)
    return replace(
        sheet,
        cues=cues,
        remarks=[*sheet.remarks, *expansion.remarks()],
        problems=[*sheet.problems, *problems],
        walks=len(expansion.counts.get("walk", [])),
    )


class _Expansion:
    """Collects the cues, row by row."""

    def __init__(self, clock: Clock, options: ReadOptions, presets: Collection[str], cues: list[Cue]):
        self.clock, self.settings, self.cues = clock, options.walks, cues
        self.presets = () if options.blank else presets
        self.rows_by_id = {cue.id: cue.row for cue in cues}
        self.problems: list[CueSheetError] = []
        self.counts: dict[str, list[int]] = {}
        self._turn, self._before = 0, _by_stem(cues)
        self._guides: dict[Path, list[Beat]] = {}

    def add(self, row: Cue, turn: int) -> None:
        """Add the cues that a row becomes, or its problem; ``turn`` is of :func:`turns_of`."""
        if turn != self._turn:
            self._turn, self._before = turn, _by_stem(self.cues)
        try:
            cues = self._cues_of(row)
            self._check_ids(row, cues)
        except CueSheetError as error:
            self.problems += [each.at(row=row.row) for each in error.each]
            return
        self.cues += cues
        kind = "follow" if isinstance(row.becomes, Follow) else "walk"
        self.counts.setdefault(kind, []).append(len(cues))

    def _cues_of(self, row: Cue) -> list[Cue]:
        room = MOST_ROWS - len(self.cues)
        if isinstance(row.becomes, Follow):
            cues = follow_cues(row, self._on_stem(row.becomes.stem, row))
            if not cues and not self.problems:  # else the steps are perhaps those of a row with a problem
                raise CueSheetError(f"no step on {row.becomes.stem} between its start and end", field="follow")
        else:
            walk = cast(Walk, row.becomes)
            self._check_presets(walk)
            beats = None if walk.timed_by is None else self._beats(row, walk.timed_by)
            cues = walk_cues(row, self.settings, self.clock.sample_rate, room, beats)
        if len(cues) > room:
            raise CueSheetError(f"more than {MOST_ROWS} cues with this row: split the sheet")
        return cues

    def _check_presets(self, walk: Walk) -> None:
        """Check that the surfaces are presets of the bank, or files."""
        for surface in walk.surfaces if self.presets else ():
            known = os.path.isfile(surface.preset) if is_file_name(surface.preset) else surface.preset in self.presets
            if not known:
                hint = did_you_mean(surface.preset, self.presets)
                raise CueSheetError(f"no preset '{surface.preset}' in the bank{hint}", field="surface")

    def _on_stem(self, stem: str, row: Cue) -> list[Cue]:
        """Return the cues of a stem within the row, by start."""
        cues = self._before.get(stem, [])
        first = bisect_left(cues, row.start_samples, key=lambda cue: cue.start_samples)
        return list(takewhile(lambda cue: _is_within(cue, row), cues[first:]))

    def _beats(self, row: Cue, timed_by: str | Path) -> list[Beat]:
        """Return the steps of a walk whose times come from a stem or a guide track."""
        if isinstance(timed_by, str):
            beats = [
                Beat(cue.start_samples, cue.velocity, cue.foot, cue.offset_samples)
                for cue in self._on_stem(timed_by, row)
            ]
        else:
            if timed_by not in self._guides:
                self._guides[timed_by] = guide_beats(timed_by, self.clock)
            beats = [beat for beat in self._guides[timed_by] if _is_within(beat, row)]
        if not beats:
            what = f"no cue on the stem {timed_by}" if isinstance(timed_by, str) else f"no hit of {timed_by}"
            raise CueSheetError(f"{what} between its start and end", field="cadence")
        return beats

    def _check_ids(self, row: Cue, cues: Iterable[Cue]) -> None:
        for cue in cues:
            first = self.rows_by_id.setdefault(cue.id, row.row)
            if first != row.row:
                raise CueSheetError(f"its step {cue.id!r} has the id of row {first}: rename one", field="id")

    def remarks(self) -> Iterator[str]:
        """Yield one line for each kind of row: how many rows, and how many cues they became."""
        for kind, counts in self.counts.items():
            yield f"{len(counts)} row{'s' * (len(counts) > 1)} of the kind {kind}: {sum(counts)} cues"


def _by_stem(cues: list[Cue]) -> dict[str, list[Cue]]:
    """Return the cues of each stem, by start and then by id."""
    stems: dict[str, list[Cue]] = {}
    for cue in sorted(cues, key=lambda cue: (cue.start_samples, cue.id)):
        if cue.becomes is None:
            stems.setdefault(cue.stem, []).append(cue)
    return stems


def _is_within(cue: Cue | Beat, row: Cue) -> bool:
    return row.start_samples <= cue.start_samples < row.start_samples + cast(int, row.duration_samples)


def guide_beats(path: Path, clock: Clock) -> list[Beat]:
    """Return the hits of a guide track as steps.

    Raises:
        CueSheetError: the file cannot be read; names the column.
    """
    from plugin_backend.hit_detection import Sensitivity
    from plugin_backend.hit_detection.detect_hits import detect_hits_in

    try:
        guide = inspect_recording(path)
        position = guide_position(guide, clock)
        hits = detect_hits_in(guide, Sensitivity())
    except AudioFileError as error:
        raise CueSheetError(str(error), field="cadence") from error
    return [Beat(position.at(hit.onset_samples), max(0.001, round(hit.velocity, 3))) for hit in hits]
