"""Read and write notes in the layout of NSynth (Engel et al. 2017): ``examples.json`` beside a folder ``audio``.

    nsynth-train/examples.json
    nsynth-train/audio/keyboard_acoustic_004-060-100.wav
    nsynth-valid/ …    nsynth-test/ …

The real set has 306,043 notes, so its list is read without opening the audio. Each file is checked when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from plugin_backend.audio_files import AudioFile, check_finite
from plugin_backend.dsp.resample import Resampler
from plugin_backend.errors import AudioFileError
from plugin_backend.text import in_one_line

LIST, AUDIO, PREFIX = "examples.json", "audio", "nsynth-"
SPLITS = ("train", "valid", "test")
MAX_LIST_BYTES, MAX_NOTE_S = 2**30, 60
RATES_HZ = (8_000, 192_000)

FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal",
)  # fmt: skip
SOURCES = ("acoustic", "electronic", "synthetic")
"""NSynth's own, in the order of their numbers."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.+-]+$", min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class NoteRow(msgspec.Struct):
    """One entry of ``examples.json``. The fields are NSynth's; the last two are ours.

    Attributes:
        pitch: MIDI note; ``None`` for a sound without a known pitch.
        velocity: of MIDI.
        exact_pitch: MIDI note with cents, if it was measured.
        soundfont: the file that the note was made from.
    """

    note: Count
    note_str: Name
    instrument: Count
    instrument_str: Text
    pitch: Annotated[int, msgspec.Meta(ge=0, le=127)] | None
    velocity: Annotated[int, msgspec.Meta(ge=1, le=127)]
    sample_rate: Annotated[int, msgspec.Meta(ge=RATES_HZ[0], le=RATES_HZ[1])]
    qualities: list[Annotated[int, msgspec.Meta(ge=0, le=1)]]
    qualities_str: list[str]
    instrument_family: Count
    instrument_family_str: Text
    instrument_source: Count
    instrument_source_str: Text
    exact_pitch: Annotated[float, msgspec.Meta(ge=0, le=127)] | None = None
    soundfont: str = ""


@dataclass(frozen=True)
class Note:
    """A note on disk.

    Attributes:
        path: its WAV file.
        row: its entry.
        split: ``train``, ``valid`` or ``test``; empty if the folder's name says none.
    """

    path: Path
    row: NoteRow
    split: str = ""

    @property
    def pitch(self) -> float | None:
        """MIDI note, with cents where they are known."""
        return self.row.pitch if self.row.exact_pitch is None else self.row.exact_pitch

    def read(self, rate_hz: int) -> np.ndarray:
        """Return the note as mono float32 at a rate, ``[samples]``.

        Args:
            rate_hz: sample rate of the result.

        Raises:
            AudioFileError: the file is absent, damaged or empty, lasts more than 60 s, holds NaN, or has another rate
                than ``examples.json`` says. The message names the file.
        """
        try:
            with AudioFile(self.path) as file:
                info = file.info
                if info.rate_hz != self.row.sample_rate:
                    raise AudioFileError(f"a rate of {info.rate_hz} Hz; {LIST} says {self.row.sample_rate} Hz")
                if not 0 < info.length_samples <= MAX_NOTE_S * info.rate_hz:
                    length = f"{info.length_samples / info.rate_hz:.0f} s" if info.length_samples > 0 else "no samples"
                    raise AudioFileError(f"the note has {length}; more than 0 and at most {MAX_NOTE_S} s can be used")
                audio = file.read(info.length_samples)
            check_finite(audio)
        except AudioFileError as problem:
            raise AudioFileError(f"{self.path}: {problem}") from problem
        mono = audio.mean(axis=1, dtype=np.float32)
        if info.rate_hz == rate_hz:
            return mono
        return Resampler(info.rate_hz, rate_hz, 1).push(mono[None], last=True)[0]


def is_note_folder(folder: Path) -> bool:
    """Return whether a folder is in the layout of NSynth: it or a folder ``nsynth-…`` in it has a list."""
    return bool(_lists(folder))


def read_notes(folder: Path, splits: Sequence[str] = SPLITS) -> list[Note]:
    """Return the notes of a folder in the layout of NSynth, in the order of their names.

    Args:
        folder: of one split, or of several.
        splits: which to read. A single folder whose name says no split is always read.

    Raises:
        AudioFileError: a list is absent or wrong, or a note's audio is absent. The message names list, note and field.
    """
    lists = _lists(folder)
    if not lists:
        raise AudioFileError(
            f"{folder}: no {LIST} here or in a folder {PREFIX}…; give a folder in the layout of NSynth"
        )
    notes = [note for path, split in lists if split in (*splits, "") for note in _read_list(path, split)]
    if not notes:
        raise AudioFileError(f"{folder}: holds no notes of {', '.join(splits)}")
    return notes


def _lists(folder: Path) -> list[tuple[Path, str]]:
    """Return the lists of a folder with their splits."""
    own = folder / LIST
    if own.is_file():
        name = folder.name.removeprefix(PREFIX)
        return [(own, name if name in SPLITS else "")]
    return [(path, split) for split in SPLITS if (path := folder / f"{PREFIX}{split}" / LIST).is_file()]


def _read_list(path: Path, split: str) -> Iterable[Note]:
    try:
        size = path.stat().st_size
        if size > MAX_LIST_BYTES:
            raise AudioFileError(f"{path}: {size / 2**30:.1f} GiB; a list of notes has at most 1 GiB")
        rows = msgspec.json.decode(path.read_bytes(), type=dict[str, NoteRow])
        there = {one.name for one in (path.parent / AUDIO).iterdir()} if (path.parent / AUDIO).is_dir() else set()
    except OSError as problem:
        raise AudioFileError(f"{path}: cannot be read ({problem.strerror})") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise AudioFileError(f"{path}: not a list of notes ({in_one_line(problem)})") from problem
    for name in sorted(rows):
        row = rows[name]
        if row.note_str != name:
            raise AudioFileError(
                f"{path}, note '{name[:200]}', field 'note_str': '{row.note_str}'; give the note's name"
            )
        if len(row.qualities) > 64 or len(row.qualities_str) > 64:
            raise AudioFileError(
                f"{path}, note '{name}', field 'qualities': {len(row.qualities)}; at most 64 are allowed"
            )
        if f"{name}.wav" not in there:
            raise AudioFileError(f"{path}, note '{name}': {AUDIO}/{name}.wav is absent; every note needs its file")
        yield Note(path.parent / AUDIO / f"{name}.wav", row, split)


def write_list(folder: Path, rows: Iterable[NoteRow]) -> None:
    """Write ``examples.json``. Fields of ours that are not used are left out, as NSynth's readers expect.

    Args:
        folder: of one split.
        rows: its notes.
    """
    unset = {"exact_pitch": None, "soundfont": ""}
    entries = {
        row.note_str: {
            name: value
            for name, value in msgspec.structs.asdict(row).items()
            if name not in unset or value != unset[name]
        }
        for row in rows
    }
    (folder / LIST).write_bytes(msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n")
