"""Read MIDI cue sheets: every note-on is a cue, at its exact position in the file's tempo map."""

from __future__ import annotations

import functools
import io
import struct
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from plugin_backend.errors import CueSheetError
from render.cues.cue import Cue, CueSheet, check_reach
from render.cues.readers.sheet_rows import MOST_ROWS
from render.cues.sheet_file import SheetFile, SheetSource, open_sheet
from render.project.project import MidiMapping
from render.project.stem_names import nearest_stem_name
from render.project.timecode import Clock, round_half_up

MAGIC = b"MThd"
DEFAULT_TEMPO_US = 500_000
MOST_EVENTS = 400_000
DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
"""Data bytes of a channel message, by the upper half of its status."""
HIGHEST_7_BIT = 127
DAMAGED = "not a whole MIDI file"
UNREAD = {
    "control_change": "controllers",
    "pitchwheel": "pitch bends",
    "aftertouch": "channel pressures",
    "polytouch": "key pressures",
    "sysex": "system exclusives",
    "smpte_offset": "SMPTE offsets (the programme starts at tick 0)",
    "marker": "markers",
    "cue_marker": "cue points",
    "lyrics": "lyrics",
}
# The meta events of the MIDI standard that mido knows.
METAS_MIDO_KNOWS = {*range(0x08), 0x09, 0x20, 0x21, 0x2F, 0x51, 0x54, 0x58, 0x59, 0x7F}


@dataclass
class Note:
    """One note-on.

    ``end_tick`` is set by its note-off. ``channel`` is 1 to 16, ``event`` counts from 1.
    """

    event: int
    tick: int
    track: str
    channel: int
    note: int
    velocity: int
    program: int
    end_tick: int | None = None


class TempoMap:
    """Converts ticks to samples, in whole microseconds × ticks with one rounding."""

    def __init__(self, changes: list[tuple[int, int]], ticks_per_quarter: int) -> None:
        """Build the map.

        Args:
            changes: (tick, microseconds per quarter), by tick; of several at one tick the last counts.
            ticks_per_quarter: the file's resolution.
        """
        self.ticks_per_quarter = ticks_per_quarter
        self.segments = [(0, 0, DEFAULT_TEMPO_US)]  # from tick, microseconds × ticks_per_quarter, tempo
        for tick, tempo_us in changes:
            self.segments.append((tick, self._scaled_us(tick), tempo_us))
        self.ticks = [segment[0] for segment in self.segments]

    def _scaled_us(self, tick: int, index: int = -1) -> int:
        first_tick, scaled_us, tempo_us = self.segments[index]
        return scaled_us + (tick - first_tick) * tempo_us

    def samples(self, tick: int, sample_rate: int) -> int:
        """Return the sample nearest to a tick."""
        scaled_us = self._scaled_us(tick, bisect_right(self.ticks, tick) - 1)
        return round_half_up(Fraction(scaled_us * sample_rate, self.ticks_per_quarter * 1_000_000))


def read_midi(source: SheetSource, clock: Clock, mapping: MidiMapping, blank: bool = False) -> CueSheet:
    """Read a MIDI file of type 0 or 1; tick 0 is the programme's start.

    A channel's program is the last one set before a note or at its exact tick, over all tracks. A track's name is its
    stem; characters that a stem's name cannot hold are replaced.

    Args:
        source: the file; at most 100,000 notes and 400,000 events.
        clock: the programme's time base.
        mapping: maps tracks, channels, programs and notes to stems and presets.
        blank: also read notes without a preset; their track, program and note become the cue's note.

    Returns:
        The sheet, its cues by start.

    Raises:
        CueSheetError: damaged, of a kind that cannot be used, without notes, or a note without a preset.
    """
    with open_sheet(source) as sheet:
        try:
            return _read(sheet, clock, mapping, blank)
        except CueSheetError as error:
            raise error.at(file=sheet.path) from error


def _read(sheet: SheetFile, clock: Clock, mapping: MidiMapping, blank: bool) -> CueSheet:
    file, remarks = _load(_clean(sheet.bytes()))
    events = _in_time(file.tracks)
    changes = [(tick, message.tempo) for tick, _, message in events if message.type == "set_tempo"]
    if any(tempo_us == 0 for _, tempo_us in changes):
        raise CueSheetError(f"{DAMAGED}: a tempo of 0 microseconds a quarter")
    tempo_map = TempoMap(changes, file.ticks_per_beat)
    names = ["".join(filter(str.isprintable, track.name)).strip() for track in file.tracks]
    notes = _notes(events, names)
    if not notes:
        raise CueSheetError("the MIDI file holds no notes")
    cues: list[Cue] = []
    counts: Counter[str] = Counter()
    stems: dict[str, str] = {}
    for note in notes:
        stem = mapping.tracks.get(note.track) or mapping.channels.get(note.channel) or _stem(note, stems, remarks)
        counts[stem] += 1
        cues.append(_cue(note, stem, f"{stem}-{counts[stem]:04d}", tempo_map, clock, mapping, blank))
    drafts = sum(cue.preset is None for cue in cues)
    if drafts:
        remarks.append(f"{drafts} of {len(cues)} cues have no preset yet: fill in the column 'preset'")
    endless = sum(cue.duration_samples is None for cue in cues)
    if endless:
        remarks.append(f"{endless} of {len(cues)} notes have no note-off, or no length: their cues have no duration")
    unread = Counter(message.type for _, _, message in events if message.type in UNREAD)
    if unread:
        remarks.append("read and not used: " + ", ".join(f"{unread[kind]} {UNREAD[kind]}" for kind in sorted(unread)))
    cues.sort(key=lambda cue: cue.start_samples)
    return CueSheet(sheet.path, cues, [], remarks)


def is_midi(head: bytes) -> bool:
    """Return whether a file's first bytes are a Standard MIDI File's, alone or within RIFF."""
    return head[:4] == MAGIC or (head[:4] == b"RIFF" and head[8:16] == b"RMIDdata" and head[20:24] == MAGIC)


def _clean(data: bytes) -> bytes:
    """Return the file with its header checked and chunks of unknown kinds removed, as the standard asks."""
    if data[:4] == b"RIFF":
        data = data[20 : 20 + struct.unpack("<I", data[16:20])[0]]
    if len(data) < 14 or data[:4] != MAGIC:
        raise CueSheetError(f"{DAMAGED}: the header is missing or cut off")
    kind, track_count, division = struct.unpack(">HHH", data[8:14])
    if division & 0x8000:
        raise CueSheetError("its time is in SMPTE frames: export it with ticks per quarter note (PPQ)")
    if division == 0:
        raise CueSheetError(f"{DAMAGED}: zero ticks per quarter note")
    if kind == 2:
        raise CueSheetError("type 2 (independent patterns) has no common timeline: export it as type 0 or 1")
    if kind > 2:
        raise CueSheetError(f"{DAMAGED}: there is no MIDI type {kind}")
    tracks, position = [], 8 + struct.unpack(">L", data[4:8])[0]
    while position + 8 <= len(data):
        name, size = struct.unpack(">4sL", data[position : position + 8])
        if name == b"MTrk":
            tracks.append(data[position : position + 8 + size])
        position += 8 + size
    _check_count(tracks)
    if len(tracks) != track_count:
        raise CueSheetError(f"{DAMAGED}: its header says {track_count} tracks, but it has {len(tracks)}")
    return b"MThd" + struct.pack(">LHHH", 6, kind, track_count, division) + b"".join(tracks)


def _check_count(tracks: list[bytes]) -> None:
    """Refuse a file with too many notes or events before its objects are made.

    Damaged messages are not reported here: the reader reports them.
    """
    notes = events = 0
    for track in tracks:
        for status, velocity in _messages(track):
            events += 1
            notes += status & 0xF0 == 0x90 and velocity > 0
            if notes > MOST_ROWS:
                raise CueSheetError(f"more than {MOST_ROWS} notes: export a reel at a time")
            if events > MOST_EVENTS:
                raise CueSheetError(f"more than {MOST_EVENTS} events: thin out its controllers")


def _messages(track: bytes) -> Iterator[tuple[int, int]]:
    """Yield status and last data byte of each message of a chunk, up to the first damaged one."""
    position, end, status = 8, len(track), 0
    while position < end:
        while position < end and track[position] & 0x80:  # the time since the previous message
            position += 1
        position += 1
        if position >= end:
            return
        if track[position] & 0x80:
            status, position = track[position], position + 1
        if status in (0xF0, 0xF7, 0xFF):
            position += status == 0xFF  # the kind of meta event
            size = 0
            while position < end:
                byte = track[position]
                size, position = size << 7 | byte & 0x7F, position + 1
                if not byte & 0x80:
                    break
            position += size
            yield status, 0
        elif status & 0xF0 in DATA_BYTES:
            position += DATA_BYTES[status & 0xF0]
            yield status, track[position - 1] if position <= end else 0
        else:
            return


def _load(data: bytes) -> tuple[Any, list[str]]:
    """Return the ``mido.MidiFile``, and remarks on its text."""
    import mido
    from mido.midifiles.meta import KeySignatureError

    _register_unknown_metas()
    try:
        try:
            return mido.MidiFile(file=io.BytesIO(data), charset="utf-8"), []
        except UnicodeDecodeError:
            file = mido.MidiFile(file=io.BytesIO(data), charset="latin-1")
            return file, ["its texts are not UTF-8: track names were read as Latin-1"]
    except (EOFError, OSError, ValueError, LookupError, TypeError, KeySignatureError) as error:
        raise CueSheetError(f"{DAMAGED}: {str(error) or 'it ends too early'}") from error


@functools.cache
def _register_unknown_metas() -> None:
    """Register all unknown meta events with mido.

    mido (1.3.3) drops the delta time of meta events that it does not know, which moves everything after them.
    """
    from mido.midifiles.meta import MetaSpec, add_meta_spec

    for byte in set(range(256)) - METAS_MIDO_KNOWS:
        members = {
            "type_byte": byte,
            "type": f"meta_{byte:02x}",
            "attributes": ["data"],
            "defaults": [()],
            "decode": lambda self, message, data: setattr(message, "data", tuple(data)),
            "encode": lambda self, message: list(message.data),
        }
        add_meta_spec(type("MetaSpec_unknown", (MetaSpec,), members))


def _in_time(tracks: Iterable[Any]) -> list[tuple[int, int, Any]]:
    """Return (tick, track's index, message) of all tracks, by tick; programs first, then in the file's order."""
    events = []
    for index, track in enumerate(tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, index, message))
    return sorted(events, key=lambda event: (event[0], event[2].type != "program_change"))


def _notes(events: Iterable[tuple[int, int, Any]], names: list[str]) -> list[Note]:
    """Return every note-on, paired with the first note-off that follows on its track, channel and pitch."""
    notes: list[Note] = []
    programs: Counter[int] = Counter()
    sounding: defaultdict[tuple[int, int, int], deque[Note]] = defaultdict(deque)
    for number, (tick, index, message) in enumerate(events, 1):
        if message.type == "program_change":
            programs[message.channel] = message.program
        if message.type not in ("note_on", "note_off"):
            continue
        waiting = sounding[index, message.channel, message.note]
        if message.type == "note_on" and message.velocity > 0:
            program = programs[message.channel]
            channel = message.channel + 1
            note = Note(number, tick, names[index], channel, message.note, message.velocity, program)
            notes.append(note)
            waiting.append(note)
        elif waiting:
            waiting.popleft().end_tick = tick
    return notes


def _stem(note: Note, stems: dict[str, str], remarks: list[str]) -> str:
    """Return the stem of a track by its name, ignoring capitals.

    ``stems`` holds the stems of earlier tracks, by track name.
    """
    name = note.track or f"CH{note.channel}"
    if name not in stems:
        stem = nearest_stem_name(name, f"CH{note.channel}")
        stems[name] = next((known for known in stems.values() if known.upper() == stem.upper()), stem)
        if stems[name] != name:
            remarks.append(f"the stem of the track {name!r} is called {stems[name]!r}")
    return stems[name]


def _cue(
    note: Note, stem: str, cue_id: str, tempo_map: TempoMap, clock: Clock, mapping: MidiMapping, blank: bool
) -> Cue:
    preset = mapping.notes.get(note.note) or mapping.programs.get(note.program)
    program_and_note = f"program {note.program}, note {note.note}"
    if not preset and not blank:
        raise CueSheetError(
            f"track {note.track!r}, channel {note.channel}: no preset for {program_and_note}: "
            "name one in [midi.programs] or [midi.notes] of the project file",
            row=note.event,
        )
    start_samples = check_reach(tempo_map.samples(note.tick, clock.sample_rate), clock.sample_rate)
    end_samples = tempo_map.samples(note.end_tick, clock.sample_rate) if note.end_tick is not None else start_samples
    return Cue(
        id=cue_id,
        start_samples=start_samples,
        stem=stem,
        preset=preset or None,
        note="" if preset else "; ".join(filter(None, (note.track, program_and_note))),
        duration_samples=(end_samples - start_samples) or None,
        velocity=note.velocity / HIGHEST_7_BIT,
        row=note.event,
        gate=True,
        character=mapping.characters.get(note.track, ""),
        foot=mapping.feet.get(note.note),
        part=mapping.parts.get(note.note),
        midi_note=None if note.note in mapping.notes else note.note,
    )
