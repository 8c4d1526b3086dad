"""Turn clips, markers and regions into cues: by the row that they carry, by a mapping, or by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugin_backend.errors import CueSheetError, combine_errors
from plugin_backend.text import NOT_IN_XML
from render.cues.clip_mapping import Mapping
from render.cues.cue import DEFAULT_OPTIONS, NUMBERS, Cue, CueSheet, ReadOptions, after_midnight, check_reach
from render.cues.readers.sheet_rows import KNOWN, MOST_COLUMNS, MOST_ROWS, Place, row_to_cue
from render.cues.timeline import Timeline, TimelineItem
from render.project.characters import CHARACTER_RULE, is_character_name
from render.project.cue_offset import offset_samples
from render.project.stem_names import nearest_stem_name

ROW_PREFIX = "pisada."
IGNORED = "ignored by the mapping"
LONGEST_NAME = 80


PICTURE = ("media", "picture"), "is picture"
MUTED = (("muted", "yes"), "is muted"), (("track_muted", "yes"), "is on a track that is muted, inactive or hidden")
"""What a reader notes of a muted clip, and the remark about it."""


def timeline_to_sheet(
    timeline: Timeline,
    path: Path,
    mapping: Mapping | None = None,
    presets: Collection[str] = (),
    options: ReadOptions = DEFAULT_OPTIONS,
) -> CueSheet:
    """Make a cue sheet of a timeline.

    Without a mapping, a track's name is the stem, and an item's name is its preset if the bank has a preset of that
    name.

    An item that Pisada wrote carries its cue's row (``pisada.<column>``) and needs no rule. Its position and length are
    those of the timeline; an empty ``pisada.duration`` leaves the length to the preset.

    The id of any other item is its name and its sample from 00:00:00:00. So an id, and the cue's seed with it, stays
    the same when other items are added or removed.

    Picture is left out. Muted items are left out unless the options include them.

    Args:
        timeline: the items.
        path: the file that they come from.
        mapping: rules for stems and presets.
        presets: the names of the bank's presets.
        options: which items become cues.

    Returns:
        The sheet, its cues by start.

    Raises:
        CueSheetError: all cues before the programme's start or out of range, or no item that makes a cue.
    """
    builder = _SheetBuilder(timeline, path.parent.resolve(), mapping, presets, options)
    try:
        problems: list[CueSheetError] = []
        for item in timeline.items:
            try:
                builder.add(item)
            except CueSheetError as error:
                problems += [each.at(row=item.row) for each in error.each]
            if len(builder.cues) > MOST_ROWS:
                raise CueSheetError(f"more than {MOST_ROWS} cues: export a reel at a time", row=item.row)
        if problems:
            raise combine_errors(problems)
        return builder.sheet(path)
    except CueSheetError as error:
        raise error.at(file=path) from error


def printable_line(text: str) -> str:
    """Return the text on one line, without unprintable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


class _SheetBuilder:
    """Collects the cues, and for each kind of remark the rows it is about."""

    def __init__(
        self, timeline: Timeline, folder: Path, mapping: Mapping | None, presets: Collection[str], options: ReadOptions
    ):
        self.timeline, self.clock, self.folder = timeline, timeline.clock, folder
        self.mapping, self.presets, self.options = mapping, presets, options
        self.silent = self.drafts = 0
        self.cues: list[Cue] = []
        self.columns: dict[str, None] = {}
        self.ids: set[str] = set()
        self.stems: dict[str, str] = {}
        self.unmatched: dict[str, list[int]] = defaultdict(list)
        self.messages: dict[str, list[int]] = defaultdict(list)

    def add(self, item: TimelineItem) -> None:
        """Add an item's cue, or note why it becomes none."""
        for (name, value), state in (PICTURE, *(() if self.options.muted else MUTED)):
            if item.extra.get(name) == value:
                self.silent += name != "media"
                self.messages[f"{_label_of(item)} {state}: left out"].append(item.row)
                return
        row_cells = {
            key.removeprefix(ROW_PREFIX): value for key, value in item.extra.items() if key.startswith(ROW_PREFIX)
        }
        cue = self._from_row(item, row_cells) if row_cells else self._from_mapping(item)
        if cue is None:
            return
        if cue.start_samples < 0:
            at, begin = self._at(item.start_samples), self._at(0)
            raise CueSheetError(
                f"{_label_of(item)} at {at} is before the programme's start, {begin}: give an earlier --start-tc, or "
                "ignore it in a mapping"
            )
        for samples in (cue.start_samples, cue.duration_samples or 0):
            check_reach(samples, self.clock.sample_rate)
        self.ids.add(cue.id)
        self.cues.append(cue)

    def _from_row(self, item: TimelineItem, row_cells: dict[str, str]) -> Cue:
        """Return the cue of an item that carries its cue's row."""
        cells = {_column(key) if key not in KNOWN else key: _text(value) for key, value in row_cells.items()}
        length = None if cells.get("duration") == "" else item.duration_samples
        cue_id = cells.get("id", "")
        if cue_id in self.ids:
            cells["id"] = self._id(cue_id, item)
            self.messages[f"a copy of the cue {cue_id!r} is called {cells['id']!r}"].append(item.row)
        place = Place(item.row, item.start_samples, length, self.folder, self.clock)
        cue = row_to_cue(cells, place, self.options.blank)
        self.columns |= dict.fromkeys(cue.extra)
        if len(self.columns) > MOST_COLUMNS:
            raise CueSheetError(f"more than {MOST_COLUMNS} columns in the rows beside its clips")
        return cue

    def _from_mapping(self, item: TimelineItem) -> Cue | None:
        """Return the cue that the mapping or the names give; None, with a remark, if they give none."""
        stated, reason = self._cue_values(item)
        if reason == IGNORED:
            self.messages[f"{_label_of(item)} is {reason}"].append(item.row)
            return None
        draft = bool(reason) and stated is not None and self.options.unmatched and item.start_samples >= 0
        if reason and not draft:
            where = " before the programme's start" if item.start_samples < 0 else ""
            self.unmatched[f"{_label_of(item)}{where} {reason}"].append(item.row)
            return None
        values = stated or {}
        self.drafts += draft
        notes = (printable_line(item.name) if draft else "", _text(item.note))
        offset = values.get("offset")
        return Cue(
            id=self._id(printable_line(item.name)[:LONGEST_NAME] or item.kind, item),
            start_samples=item.start_samples,
            stem=self._stem(values.get("stem") or printable_line(item.track), item),
            preset=values.get("preset"),
            duration_samples=item.duration_samples,
            note="; ".join(filter(None, notes)),
            row=item.row,
            character=_character(values),
            foot=values.get("foot"),
            part=values.get("part"),
            sync=values.get("sync"),
            offset_samples=None if offset is None else offset_samples(offset, item.start_samples, self.clock),
            extra=_extra(item),
            **{name: value for name, value in values.items() if name in NUMBERS},
        )

    def _cue_values(self, item: TimelineItem) -> tuple[dict[str, Any] | None, str]:
        """Return a cue's values (None if no rule matches), and why the item is no cue (empty if it is one)."""
        name = item.name.strip().lower()
        by_name = {"preset": name} if name in self.presets else {}
        if self.mapping is None:
            return by_name, "" if by_name else "has no preset's name"
        match = self.mapping.rule_for(item)
        if match is None:
            return None, "matches no rule of the mapping"
        rule, rule_values = match
        if rule.ignore:
            return None, IGNORED
        values = by_name | rule_values
        return values, "" if values.get("preset") else "matches a rule that gives no preset"

    def _stem(self, name: str, item: TimelineItem) -> str:
        stem = nearest_stem_name(name, f"{item.kind.upper()}S")
        stem = self.stems.setdefault(stem.upper(), stem)
        if name != stem:
            self.messages[f"the stem of {name!r} is called {stem!r}" if name else f"no track: stem {stem!r}"].append(
                item.row
            )
        return stem

    def _id(self, name: str, item: TimelineItem) -> str:
        """Return an id made of name and sample that no other cue has."""
        place = f"{name}@{self.clock.start_samples + item.start_samples}"
        number, unique = 1, place
        while unique in self.ids:
            number += 1
            unique = f"{place}#{number}"
        return unique

    def _at(self, samples: int) -> str:
        return self.clock.label_at(samples) or f"{samples}smp"

    def sheet(self, path: Path) -> CueSheet:
        """Return the finished sheet."""
        items = self.timeline.items
        unmatched, messages = (
            [f"{_rows(rows)}: {what}" for what, rows in table.items()] for table in (self.unmatched, self.messages)
        )
        unreadable = sorted(self.timeline.unreadable, key=lambda unread: unread.row)
        if not items and not unreadable:
            raise CueSheetError(f"the {self.timeline.format} file holds no clips, markers or regions")
        if not self.cues and not unreadable:
            first = f", such as {unmatched[0]}" if unmatched else ""
            hidden = f" ({self.silent} are muted; --include-muted keeps them)" if self.silent else ""
            raise CueSheetError(
                f"not one of its {len(items)} clips, markers and regions becomes a cue{hidden}{first}; "
                "describe them in a mapping file (--mapping)"
            )
        if self.drafts:
            messages.append(
                f"{self.drafts} of {len(self.cues)} cues have no preset yet: fill in the column 'preset'; the clip's "
                "name begins the note"
            )
        count = sum(map(len, self.unmatched.values()))
        empty = dict.fromkeys(self.columns, "")  # every cue has every column, as in a sheet
        cues = [replace(cue, extra=empty | cue.extra) if empty else cue for cue in self.cues]
        cues.sort(key=lambda cue: cue.start_samples)
        remarks = [*self.timeline.remarks, *after_midnight(cues, self.clock), *messages, *unmatched]
        return CueSheet(path, cues, list(self.columns), remarks, self.timeline.format, self.clock, count, unreadable)


def _character(values: dict[str, Any]) -> str:
    """Return the character that a mapping gives; a group of a name may be empty, or too long for a character."""
    name = printable_line(values.get("character", ""))
    if name and not is_character_name(name):
        raise CueSheetError(f"{name!r}: {CHARACTER_RULE}", field="character")
    return name


def _label_of(item: TimelineItem) -> str:
    track = f" on track {printable_line(item.track)[:LONGEST_NAME]!r}" if item.track else ""
    return f"{item.kind} {printable_line(item.name)[:LONGEST_NAME]!r}{track}"


def _rows(rows: list[int]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows))}"


def _text(text: str) -> str:
    """Return the text without characters that a cue sheet cannot hold."""
    return NOT_IN_XML.sub("\ufffd", text).strip()


def _column(key: str) -> str:
    """Return a name for a column that Pisada does not use."""
    name = printable_line(key)[:LONGEST_NAME] or "unnamed"
    return f"clip {name}" if name.lower() in KNOWN else name


def _extra(item: TimelineItem) -> dict[str, str]:
    """Return everything else that the timeline states, as columns that Pisada does not use."""
    source = str(item.source) if item.source is not None else ""
    pairs = {"kind": item.kind, "name": item.name, "track": item.track, "file": source} | item.extra
    return {_column(key).lower(): _text(value) for key, value in pairs.items()}
