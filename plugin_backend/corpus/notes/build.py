"""Build a set of notes in the layout of NSynth, from soundfonts, voices and a folder of the user's own sounds.

The soundfont that is held out becomes ``nsynth-test``. Of the others every tenth instrument becomes ``nsynth-valid``,
and the rest ``nsynth-train``. So no instrument is in two of them. The same call writes the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.audio_files import inspect_mono_or_stereo, read_mono_blocks
from plugin_backend.corpus.notes.families import PROGRAMS
from plugin_backend.corpus.notes.layout import AUDIO, FAMILIES, PREFIX, SOURCES, NoteRow, write_list
from plugin_backend.corpus.notes.soundfonts import PlayedNote, play_notes, programs_of
from plugin_backend.corpus.notes.voices import SPEAKERS, VOWELS, WORDS, speak_all
from plugin_backend.corpus.scan import scan_folder
from plugin_backend.dsp.pitch_detection import detect_pitch
from plugin_backend.errors import AudioFileError, OutputError, ProjectError
from plugin_backend.output_files import disk_error, make_folder, make_folder_atomically

SILENT_PEAK = 10 ** (-54 / 20)
"""A key whose peak is lower does not sound, and is dropped."""

VALID_EVERY = 10
OWN_FAMILY = "own"
MEASURED_VELOCITY = 100
"""Velocity of notes that no key was struck for."""


@dataclass(frozen=True)
class NoteSetOptions:
    """What to build.

    Attributes:
        soundfonts: .sf2 or .sf3 files to train with.
        held_out: a soundfont that is kept for tests only.
        pitches: MIDI notes.
        velocities: of MIDI.
        programs: GM programs from 0; empty for all that are notes.
        rate_hz: a multiple of 50.
        hold_s: how long a key is held, in seconds.
        decay_s: how long the note sounds after that, in seconds.
        voices: whether espeak-ng adds the class ``vocal``.
        folder: the user's own sounds, which become the class ``own``.
    """

    soundfonts: Sequence[Path] = ()
    held_out: Path | None = None
    pitches: Sequence[int] = tuple(range(36, 97, 6))
    velocities: Sequence[int] = (50, 100)
    programs: Sequence[int] = ()
    rate_hz: int = 44_100
    hold_s: float = 3.0
    decay_s: float = 1.0
    voices: bool = False
    folder: Path | None = None


@dataclass(frozen=True)
class NewNote:
    """A note that is to be written; ``instrument`` counts all instruments of the set."""

    audio: np.ndarray
    family: str
    source: str
    instrument: int
    pitch: int | None
    velocity: int
    split: str
    exact_pitch: float | None = None
    soundfont: str = ""
    label: str = ""


@dataclass
class NoteSetReport:
    """What was built: notes of each split, notes of each family, and keys that did not sound."""

    splits: dict[str, int] = field(default_factory=dict)
    families: dict[str, int] = field(default_factory=dict)
    silent: int = 0


def build_note_set(out: Path, options: NoteSetOptions, say: Callable[[str], None] = print) -> NoteSetReport:
    """Build a set of notes.

    Args:
        out: a folder that does not exist yet.
        options: what to build.
        say: receives a line about each part.

    Raises:
        ProjectError: there is nothing to build, or a number is out of range.
        OutputError: ``out`` exists or cannot be written.
        AudioFileError: a soundfont or sound cannot be used. Nothing is kept.
        PisadaError: fluidsynth or espeak-ng is not installed.
    """
    check_options(options)
    if out.exists():
        raise OutputError(f"{out}: is there already; give a new folder")
    plans = [
        (path, split, [program for program in programs_of(path) if program in (options.programs or PROGRAMS)])
        for path, split in [*((path, "") for path in options.soundfonts), *_held_out(options)]
    ]
    report = NoteSetReport()
    try:
        with make_folder(out.parent), make_folder_atomically(out) as part:
            _write_notes(part, _all_notes(plans, options, report, say), options.rate_hz, report)
    except OSError as problem:
        raise disk_error(problem, out) from problem
    return report


def check_options(options: NoteSetOptions) -> None:
    """Raise :class:`ProjectError` if the options build nothing, or a number is out of range."""
    problem = None
    if not (options.soundfonts or options.held_out or options.voices or options.folder):
        problem = "nothing to build: give --soundfont, --hold-out, --voices or --folder"
    elif not options.pitches or not all(0 <= pitch <= 127 for pitch in options.pitches):
        problem = "pitches must be MIDI notes, 0 to 127"
    elif not options.velocities or not all(1 <= velocity <= 127 for velocity in options.velocities):
        problem = "velocities must be 1 to 127"
    elif any(program not in PROGRAMS for program in options.programs):
        problem = "programs must be those of General MIDI, counted from 0, that are notes (no drums or effects)"
    elif options.rate_hz % 50 or not 8_000 <= options.rate_hz <= 192_000:
        problem = f"a rate of {options.rate_hz} Hz; give a multiple of 50, 8000 to 192000"
    elif not (0.1 <= options.hold_s <= 30 and 0.05 <= options.decay_s <= 30):
        problem = "a note is held for 0.1 to 30 s, and decays for 0.05 to 30 s"
    elif len({path.resolve() for path in (*options.soundfonts, *_existing(options.held_out))}) < len(
        [*options.soundfonts, *_existing(options.held_out)]
    ):
        problem = "the same soundfont is given twice; one that is held out must not be trained with"
    if problem:
        raise ProjectError(f"corpus-notes: {problem}")


def _existing(path: Path | None) -> list[Path]:
    return [] if path is None else [path]


def _held_out(options: NoteSetOptions) -> list[tuple[Path, str]]:
    return [(path, "test") for path in _existing(options.held_out)]


def _all_notes(
    plans: Sequence[tuple[Path, str, list[int]]],
    options: NoteSetOptions,
    report: NoteSetReport,
    say: Callable[[str], None],
) -> Iterator[NewNote]:
    instrument = 0
    for path, split, programs in plans:
        say(f"{path.name}: {len(programs)} instruments")
        yield from _soundfont_notes(path, split, programs, instrument, options, report)
        instrument += len(programs)
    if options.voices:
        say(f"voices: {len(SPEAKERS)} speakers")
        for note in _voices(instrument, options):
            yield note
            instrument = max(instrument, note.instrument + 1)
    if options.folder is not None:
        yield from _own_sounds(options.folder, instrument, options, say)


def _voices(first: int, options: NoteSetOptions) -> Iterator[NewNote]:
    """Yield vowels and words. The last speaker is for tests, the one before for validation."""
    longest = round((options.hold_s + options.decay_s) * options.rate_hz)
    splits = ["train"] * (len(SPEAKERS) - 2) + ["valid", "test"]
    for voice in speak_all(options.rate_hz):
        instrument = first + voice.speaker * (len(VOWELS) + len(WORDS)) + voice.text
        if voice.audio.size:
            split, label = splits[voice.speaker], (*VOWELS, *WORDS)[voice.text].strip("[]")
            yield _measured(voice.audio[:longest], ("vocal", "synthetic"), instrument, split, label, options.rate_hz)


def _own_sounds(folder: Path, first: int, options: NoteSetOptions, say: Callable[[str], None]) -> Iterator[NewNote]:
    """Yield the beginnings of the sounds of a folder. Each file is an instrument of its own."""
    files = scan_folder(folder).files
    say(f"{folder.name}: {len(files)} sounds")
    longest = round((options.hold_s + options.decay_s) * options.rate_hz)
    for number, file in enumerate(files):
        try:
            inspect_mono_or_stereo(folder / file.file)
            audio = np.zeros(0, np.float32)
            for block in read_mono_blocks(folder / file.file, options.rate_hz):
                audio = np.concatenate([audio, block])
                if audio.size >= longest:
                    break
        except AudioFileError as problem:
            say(f"left out: {problem}")
            continue
        if np.abs(audio[:longest]).max(initial=0) < SILENT_PEAK:
            say(f"left out: {folder / file.file}: silence")
            continue
        yield _measured(
            audio[:longest], (OWN_FAMILY, "acoustic"), first + number, split_of(number), file.label, options.rate_hz
        )


def _measured(
    audio: np.ndarray, kind: tuple[str, str], instrument: int, split: str, label: str, rate_hz: int
) -> NewNote:
    """Return a note whose pitch is detected; it has none if there is none to find."""
    found = detect_pitch(audio, rate_hz)
    exact = None if found is None or not 0 <= found.note <= 127 else round(found.note, 3)
    pitch = None if exact is None else round(exact)
    return NewNote(audio, *kind, instrument, pitch, MEASURED_VELOCITY, split, exact, "", label)


def _soundfont_notes(
    path: Path, split: str, programs: list[int], first: int, options: NoteSetOptions, report: NoteSetReport
) -> Iterator[NewNote]:
    played = [
        PlayedNote(program, pitch, velocity)
        for program in programs
        for pitch in options.pitches
        for velocity in options.velocities
    ]
    sounds = play_notes(path, played, options.rate_hz, options.hold_s, options.decay_s) if played else ()
    for note, audio in zip(played, sounds, strict=True):
        if np.abs(audio).max() < SILENT_PEAK:
            report.silent += 1
            continue
        instrument = first + programs.index(note.program)
        part = split or split_of(instrument)
        family, source = PROGRAMS[note.program]
        yield NewNote(audio, family, source, instrument, note.pitch, note.velocity, part, None, path.name)


def split_of(instrument: int) -> str:
    """Return the split of an instrument that is not held out."""
    return "valid" if instrument % VALID_EVERY == VALID_EVERY - 1 else "train"


def _write_notes(folder: Path, notes: Iterable[NewNote], rate_hz: int, report: NoteSetReport) -> None:
    rows: dict[str, dict[str, NoteRow]] = {}
    for count, note in enumerate(notes):
        row = _row(count, note, rate_hz)
        if row.note_str in rows.get(note.split, {}):  # a voice has the same pitch twice
            continue
        home = folder / f"{PREFIX}{note.split}"
        (home / AUDIO).mkdir(parents=True, exist_ok=True)
        soundfile.write(home / AUDIO / f"{row.note_str}.wav", np.clip(note.audio, -1, 1), rate_hz, subtype="PCM_16")
        rows.setdefault(note.split, {})[row.note_str] = row
        report.families[note.family] = report.families.get(note.family, 0) + 1
    for split, entries in rows.items():
        write_list(folder / f"{PREFIX}{split}", entries.values())
        report.splits[split] = len(entries)


def _row(count: int, note: NewNote, rate_hz: int) -> NoteRow:
    instrument = f"{note.family}_{note.source}_{note.instrument:03d}"
    pitch = "unknown" if note.pitch is None else f"{note.pitch:03d}"
    families = (*FAMILIES, OWN_FAMILY)
    return NoteRow(
        note=count,
        note_str=f"{instrument}-{pitch}-{note.velocity:03d}",
        instrument=note.instrument,
        instrument_str=instrument,
        pitch=note.pitch,
        velocity=note.velocity,
        sample_rate=rate_hz,
        qualities=[0] * 10,
        qualities_str=[note.label] if note.label else [],
        instrument_family=families.index(note.family),
        instrument_family_str=note.family,
        instrument_source=SOURCES.index(note.source),
        instrument_source_str=note.source,
        exact_pitch=note.exact_pitch,
        soundfont=note.soundfont,
    )
