"""Clips, markers and regions become cues: by the row they carry, by a mapping, or by their names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.clip_mapping import Mapping
from render.cues.cue import DEFAULT_OPTIONS, NUMBERS, Cue, CueSheet, ReadOptions, after_midnight, check_reach
from render.cues.readers.sheet_rows import KNOWN, MOST_COLUMNS, MOST_ROWS, Place, row_to_cue
from render.cues.timeline import Timeline, TimelineItem
from render.project.cue_offset import offset_samples
from render.project.stem_names import nearest_stem_name

ROW_PREFIX = "pisada."
IGNORED = "ignored by the mapping"
LONGEST_NAME = 80
NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


PICTURE = ("media", "picture"), "is picture"
MUTED = (("muted", "yes"), "is muted"), (("track_muted", "yes"), "is on a track that is muted, inactive or hidden")
"""What readers note of a clip that nobody hears."""


def timeline_to_sheet(
    timeline: Timeline,
    path: Path,
    mapping: Mapping | None = None,
    presets: Collection[str] = (),
    wanted: ReadOptions = DEFAULT_OPTIONS,
) -> CueSheet:
    """The sheet that a timeline makes.

    Without a mapping a track's name is the stem, and a spot's name its preset if there is one of that name. A
    spot that Pisada wrote carries its cue's row, ``pisada.<column>``, and needs no rule; its place and length are
    the timeline's (an empty ``pisada.duration`` leaves the length to the preset). Other ids are the spot's name
    and its sample from 00:00:00:00, so that an id, and with it the cue's seed, stays when other spots come or go.
    Picture is left out, and so is what nobody hears, unless it is chosen.

    Args:
        path: where it comes from.
        presets: the names the bank has.

    Raises:
        CueSheetError: a cue before the programme's start or out of range, or not one spot that makes a cue.
    """
    making = _Making(timeline, path.parent.resolve(), mapping, presets, wanted)
    try:
        for spot in timeline.spots:
            try:
                making.add(spot)
            except CueSheetError as error:
                raise error.at(row=spot.row) from error
        return making.sheet(path)
    except CueSheetError as error:
        raise error.at(file=path) from error


def printable_line(text: str) -> str:
    """A text on one line, of printable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


class _Making:
    """Cues as they come, and what did not become one: a remark's text → rows."""

    def __init__(
        self, timeline: Timeline, folder: Path, mapping: Mapping | None, presets: Collection[str], wanted: ReadOptions
    ):
        self.timeline, self.clock, self.folder = timeline, timeline.clock, folder
        self.mapping, self.presets, self.wanted = mapping, presets, wanted
        self.silent = self.drafts = 0
        self.cues: list[Cue] = []
        self.columns: dict[str, None] = {}
        self.ids: set[str] = set()
        self.stems: dict[str, str] = {}
        self.unmatched: dict[str, list[int]] = defaultdict(list)
        self.told: dict[str, list[int]] = defaultdict(list)

    def add(self, spot: TimelineItem) -> None:
        for (name, value), why in (PICTURE, *(() if self.wanted.muted else MUTED)):
            if spot.extra.get(name) == value:
                self.silent += name != "media"
                self.told[f"{_named(spot)} {why}: left out"].append(spot.row)
                return
        own = {key.removeprefix(ROW_PREFIX): value for key, value in spot.extra.items() if key.startswith(ROW_PREFIX)}
        cue = self._own(spot, own) if own else self._mapped(spot)
        if cue is None:
            return
        if cue.start_samples < 0:
            at, begin = self._at(spot.start_samples), self._at(0)
            raise CueSheetError(
                f"{_named(spot)} at {at} is before the programme's start, {begin}: give an earlier --start-tc, or "
                "ignore it in a mapping"
            )
        for samples in (cue.start_samples, cue.duration_samples or 0):
            check_reach(samples, self.clock.sample_rate)
        if len(self.cues) == MOST_ROWS:
            raise CueSheetError(f"more than {MOST_ROWS} cues: export a reel at a time")
        self.ids.add(cue.id)
        self.cues.append(cue)

    def _own(self, spot: TimelineItem, own: dict[str, str]) -> Cue:
        cells = {_column(key) if key not in KNOWN else key: _text(value) for key, value in own.items()}
        length = None if cells.get("duration") == "" else spot.duration_samples
        wanted = cells.get("id", "")
        if wanted in self.ids:
            cells["id"] = self._id(wanted, spot)
            self.told[f"a copy of the cue {wanted!r} is called {cells['id']!r}"].append(spot.row)
        place = Place(spot.row, spot.start_samples, length, self.folder, self.clock)
        cue = row_to_cue(cells, place, self.wanted.blank)
        self.columns |= dict.fromkeys(cue.extra)
        if len(self.columns) > MOST_COLUMNS:
            raise CueSheetError(f"more than {MOST_COLUMNS} columns in the rows beside its clips")
        return cue

    def _mapped(self, spot: TimelineItem) -> Cue | None:
        values, reason = self._values(spot)
        if reason == IGNORED:
            self.told[f"{_named(spot)} is {reason}"].append(spot.row)
            return None
        draft = bool(reason) and values is not None and self.wanted.unmatched and spot.start_samples >= 0
        if reason and not draft:
            where = " before the programme's start" if spot.start_samples < 0 else ""
            self.unmatched[f"{_named(spot)}{where} {reason}"].append(spot.row)
            return None
        self.drafts += draft
        notes = (printable_line(spot.name) if draft else "", _text(spot.note))
        offset = values.get("offset")
        return Cue(
            id=self._id(printable_line(spot.name)[:LONGEST_NAME] or spot.kind, spot),
            start_samples=spot.start_samples,
            stem=self._stem(values.get("stem") or printable_line(spot.track), spot),
            preset=values.get("preset"),
            duration_samples=spot.duration_samples,
            note="; ".join(filter(None, notes)),
            row=spot.row,
            sync=values.get("sync"),
            offset_samples=None if offset is None else offset_samples(offset, spot.start_samples, self.clock),
            extra=_extra(spot),
            **{name: value for name, value in values.items() if name in NUMBERS},
        )

    def _values(self, spot: TimelineItem) -> tuple[dict | None, str]:
        """What a cue gets, None if no rule is for it; and why it is no cue, empty if it is one."""
        by_name = spot.name.strip().lower()
        by_name = {"preset": by_name} if by_name in self.presets else {}
        if self.mapping is None:
            return by_name, "" if by_name else "has no preset's name"
        found = self.mapping.rule_for(spot)
        if found is None:
            return None, "matches no rule of the mapping"
        rule, values = found
        if rule.ignore:
            return None, IGNORED
        values = by_name | values
        return values, "" if values.get("preset") else "matches a rule that gives no preset"

    def _stem(self, wanted: str, spot: TimelineItem) -> str:
        stem = nearest_stem_name(wanted, f"{spot.kind.upper()}S")
        stem = self.stems.setdefault(stem.upper(), stem)
        if wanted != stem:
            self.told[f"the stem of {wanted!r} is called {stem!r}" if wanted else f"no track: stem {stem!r}"].append(
                spot.row
            )
        return stem

    def _id(self, name: str, spot: TimelineItem) -> str:
        place = f"{name}@{self.clock.start_samples + spot.start_samples}"
        number, unique = 1, place
        while unique in self.ids:
            number += 1
            unique = f"{place}#{number}"
        return unique

    def _at(self, samples: int) -> str:
        return self.clock.label_at(samples) or f"{samples}smp"

    def sheet(self, path: Path) -> CueSheet:
        spots = self.timeline.spots
        unmatched, told = (
            [f"{_rows(rows)}: {what}" for what, rows in table.items()] for table in (self.unmatched, self.told)
        )
        lost = sorted(self.timeline.unreadable, key=lambda unread: unread.row)
        if not spots and not lost:
            raise CueSheetError(f"the {self.timeline.format} file holds no clips, markers or regions")
        if not self.cues and not lost:
            first = f", such as {unmatched[0]}" if unmatched else ""
            hidden = f" ({self.silent} are muted; --include-muted keeps them)" if self.silent else ""
            raise CueSheetError(
                f"not one of its {len(spots)} clips, markers and regions becomes a cue{hidden}{first}; "
                "say in a mapping file (--mapping) what they are"
            )
        if self.drafts:
            told.append(
                f"{self.drafts} of {len(self.cues)} cues have no preset yet: fill in the column 'preset'; the clip's "
                "name begins the note"
            )
        count = sum(map(len, self.unmatched.values()))
        empty = dict.fromkeys(self.columns, "")  # as in a sheet, every cue has every column
        cues = [replace(cue, extra=empty | cue.extra) if empty else cue for cue in self.cues]
        cues.sort(key=lambda cue: cue.start_samples)
        remarks = [*self.timeline.remarks, *after_midnight(cues, self.clock), *told, *unmatched]
        return CueSheet(path, cues, list(self.columns), remarks, self.timeline.format, self.clock, count, lost)


def _named(spot: TimelineItem) -> str:
    track = f" on track {printable_line(spot.track)[:LONGEST_NAME]!r}" if spot.track else ""
    return f"{spot.kind} {printable_line(spot.name)[:LONGEST_NAME]!r}{track}"


def _rows(rows: list[int]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows))}"


def _text(text: str) -> str:
    """Free text that every cue sheet can hold."""
    return NO_TEXT.sub("\ufffd", text).strip()


def _column(key: str) -> str:
    """A column's name that means nothing to us."""
    name = printable_line(key)[:LONGEST_NAME] or "unnamed"
    return f"clip {name}" if name.lower() in KNOWN else name


def _extra(spot: TimelineItem) -> dict[str, str]:
    """All else that the timeline says, in columns that mean nothing to us."""
    source = str(spot.source) if spot.source is not None else ""
    pairs = {"kind": spot.kind, "name": spot.name, "track": spot.track, "file": source} | spot.extra
    return {_column(key).lower(): _text(value) for key, value in pairs.items()}
