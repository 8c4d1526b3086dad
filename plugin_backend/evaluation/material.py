"""The folder an evaluation listens to: read, labelled, and split into what a model saw and what it did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plugin_backend.audio_files import read_mono
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError
from plugin_backend.evaluation.attribution import read_manifest
from plugin_backend.evaluation.overlap import met_before

SUFFIXES = (".wav", ".flac", ".ogg")
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class HeldOut:
    """What a model's record says it was not trained on: whole sources, or single files of a folder."""

    sources: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()

    def __contains__(self, sound: Sound) -> bool:
        return sound.source in self.sources or sound.file in self.files


@dataclass(frozen=True)
class Material:
    """Sounds to judge with, sounds the probe may learn from, and what a person should know of both.

    Attributes:
        judged: the sounds every score is taken on.
        lessons: sounds that were not held out; empty if there are none.
        unseen: whether the model was, by its record, trained on none of ``judged``.
        remarks: one line for each thing left out.
    """

    judged: list[Sound]
    lessons: list[Sound]
    unseen: bool
    remarks: list[str]


def read_material(folder: Path, sample_rate: int, held_out: HeldOut, everything: bool = False) -> Material:
    """Read ``folder`` and choose what is judged.

    If it has sounds that were held out only these are judged, and the others are lessons for the probe;
    a held-out sound that is the same recording as one of the others is left out, for the model may have
    met it. Otherwise, or with ``everything``, all sounds are judged.

    Raises:
        AudioFileError: the folder is missing, holds no usable sound, or its manifest cannot be used.
    """
    sounds, remarks = read_folder(folder, sample_rate)
    inside = [sound for sound in sounds if sound in held_out]
    outside = [sound for sound in sounds if sound not in held_out]
    if inside and not everything:
        met = met_before(inside, outside, sample_rate)
        remarks += [f"left out: {file} is the same recording as {other}, not held out" for file, other in met.items()]
        judged = [sound for sound in inside if sound.file not in met]
        if not judged:
            raise AudioFileError(f"{folder}: every held-out sound is the same recording as one not held out")
        return Material(judged, outside, True, remarks)
    return Material(sounds, outside if inside else [], not outside, remarks)


def read_folder(folder: Path, sample_rate: int) -> tuple[list[Sound], list[str]]:
    """All sounds of a folder, mono at ``sample_rate``, and a line for each file that could not be used.

    A folder with a ``manifest.csv`` is a corpus: labels and sources (Debian packages) are its columns.
    In any other, every WAV, FLAC and Ogg file is a sound; its label is the path of the folder it lies
    in, its source the first part of that path (the folder's own name at the top).

    Raises:
        AudioFileError: no folder, no usable sound, or the manifest cannot be used.
    """
    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder")
    listed = _from_manifest(folder) if (folder / MANIFEST).is_file() else _from_paths(folder)
    sounds, remarks = [], []
    for file, label, source in listed:
        try:
            sounds.append(Sound(file, label, source, sample_rate / 2, read_mono(folder / file, sample_rate)))
        except AudioFileError as problem:
            remarks.append(f"left out: {problem}")
    if not sounds:
        raise AudioFileError(f"{folder}: no usable sound; give a folder of {', '.join(SUFFIXES)} files")
    return sounds, remarks


def _from_manifest(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, label and source of each row."""
    for row in read_manifest(folder):
        yield row["file"], row["label"], row["debian_package"]


def _from_paths(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, label and source of each audio file."""
    top = folder.resolve().name
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()):
        place = path.relative_to(folder)
        inside = len(place.parts) > 1
        yield place.as_posix(), place.parent.as_posix() if inside else top, place.parts[0] if inside else top
