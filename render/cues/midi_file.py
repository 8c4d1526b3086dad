"""Cue sheets as Standard MIDI Files: note-on is the cue, the tempo map is followed exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError
from render.cues.cue import Cue, CueSheet
from render.timecode import Clock, round_half_up

DEFAULT_TEMPO_US = 500_000
USED = {"note_on", "note_off", "program_change", "set_tempo", "track_name", "end_of_track"}


@dataclass(frozen=True)
class MidiMapping:
    """How a MIDI file becomes stems and presets.

    Attributes:
        tracks: track name → stem.
        channels: channel (1..16) → stem.
        programs: program (0..127) → preset.
        notes: note number (0..127) → preset; wins over programs.
    """

    tracks: dict[str, str] = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    programs: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)


def is_midi(head: bytes) -> bool:
    """Whether a file that begins so is a Standard MIDI File."""
    return head == b"MThd"


class TempoMap:
    """Exact time of every tick.

    Args:
        ticks_per_quarter: the file's division.
        changes: ``(tick, microseconds per quarter)``, sorted by tick.
    """

    def __init__(self, ticks_per_quarter: int, changes: list[tuple[int, int]]):
        self.division = ticks_per_quarter
        self.changes = [(0, DEFAULT_TEMPO_US), *changes]

    def seconds(self, tick: int) -> Fraction:
        """Seconds from tick 0."""
        total = Fraction(0)
        for index, (start, tempo_us) in enumerate(self.changes):
            if start >= tick:
                break
            end = self.changes[index + 1][0] if index + 1 < len(self.changes) else tick
            total += Fraction((min(end, tick) - start) * tempo_us, self.division * 1_000_000)
        return total


def read_midi(path: Path, clock: Clock, mapping: MidiMapping) -> CueSheet:
    """Read a file; tick 0 is the programme's start.

    A cue's stem is the mapping's for its track or channel, else the track's name, else ``CHn``; its
    preset is the mapping's for its note or program. Its duration is the note's length, as a gate.

    Raises:
        CueSheetError: damaged, SMPTE division, type 2, no notes, or a preset not mapped.
    """
    try:
        return _read(path, clock, mapping)
    except CueSheetError as problem:
        raise problem.at(file=path) from problem.__cause__


def _load(path: Path):
    import mido

    data = path.read_bytes()
    if len(data) < 14:
        raise CueSheetError("the MIDI file is damaged: its header is cut off")
    if data[12] & 0x80:
        raise CueSheetError("the MIDI file counts SMPTE frames; export it in ticks per quarter note")
    if int.from_bytes(data[12:14]) == 0:
        raise CueSheetError("the MIDI file is damaged: zero ticks per quarter note")
    if int.from_bytes(data[8:10]) > 1:
        raise CueSheetError("a MIDI file of type 2; export it as type 0 or 1")
    try:
        return mido.MidiFile(str(path), charset="utf-8"), []
    except UnicodeDecodeError:
        return mido.MidiFile(str(path), charset="latin-1"), ["track names are not UTF-8; read as Latin-1"]
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, mido.KeySignatureError) as problem:
        raise CueSheetError(f"the MIDI file is damaged ({problem})") from problem


def _read(path: Path, clock: Clock, mapping: MidiMapping) -> CueSheet:
    file, remarks = _load(path)
    events = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            tick += message.time
            events.append((tick, number, message))
    events.sort(key=lambda event: event[0])
    tempo = TempoMap(file.ticks_per_beat, [(t, m.tempo) for t, _, m in events if m.type == "set_tempo"])
    names = [track.name.strip() for track in file.tracks]
    unread = Counter(message.type for _, _, message in events if message.type not in USED)
    remarks += [f"{count} {kind} events are not used" for kind, count in sorted(unread.items())]
    cues = _cues(events, names, tempo, clock, mapping, remarks)
    if not cues:
        raise CueSheetError("the MIDI file holds no notes")
    return CueSheet(path, cues, [], remarks)


def _cues(events, names: list[str], tempo: TempoMap, clock: Clock, mapping: MidiMapping, remarks: list[str]):
    def samples(tick: int) -> int:
        return round_half_up(tempo.seconds(tick) * clock.sample_rate)

    programs: dict[int, int] = {}
    counts: Counter[str] = Counter()
    cues: list[Cue] = []
    held: dict[tuple[int, int, int], list[int]] = {}
    for tick, track, message in _programs_first(events):
        if message.type == "program_change":
            programs[message.channel] = message.program
        elif message.type in ("note_on", "note_off"):
            key = (track, message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                stem = _stem(names[track], message.channel, mapping)
                counts[stem] += 1
                held.setdefault(key, []).append(len(cues))
                cues.append(
                    Cue(
                        id=f"{stem}-{counts[stem]:04d}",
                        start_samples=samples(tick),
                        stem=stem,
                        preset=_preset(message, programs.get(message.channel, 0), names[track], mapping),
                        velocity=message.velocity / 127,
                        row=len(cues) + 1,
                        gate=True,
                    )
                )
            elif held.get(key):
                index = held[key].pop(0)
                length = samples(tick) - cues[index].start_samples
                cues[index] = Cue(**{**vars(cues[index]), "duration_samples": length or None})
    hanging = [cues[index].id for indices in held.values() for index in indices]
    if hanging:
        remarks.append(f"notes that never end: {', '.join(hanging)}")
    return cues


def _programs_first(events):
    """Events in time order; at one tick a program change comes before the notes it is meant for."""
    order = {"program_change": 0, "note_off": 1}
    return sorted(events, key=lambda event: (event[0], order.get(event[2].type, 2)))


def _stem(track: str, channel: int, mapping: MidiMapping) -> str:
    return mapping.tracks.get(track) or mapping.channels.get(channel + 1) or track or f"CH{channel + 1}"


def _preset(message, program: int, track: str, mapping: MidiMapping) -> str:
    preset = mapping.notes.get(message.note) or mapping.programs.get(program)
    if preset is None:
        raise CueSheetError(
            f"track '{track}', channel {message.channel + 1}, note {message.note}: no preset for program {program}; "
            "map it in [midi.programs] or [midi.notes] of the project file"
        )
    return preset
