"""The folder an evaluation listens to: read, labelled, and split into what a model saw and what it did not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import read_mono
from plugin_backend.corpus.sound import Sound
from plugin_backend.errors import AudioFileError, PisadaError

SUFFIXES = (".wav", ".flac", ".ogg")


@dataclass(frozen=True)
class Material:
    """Sounds to judge with, sounds the probe may learn from, and what a person should know of both.

    Attributes:
        judged: the sounds every score is taken on.
        lessons: sounds of other sources; empty if there are none.
        unseen: whether ``judged`` are of sources the model was never trained on.
        remarks: one line for each thing left out.
    """

    judged: list[Sound]
    lessons: list[Sound]
    unseen: bool
    remarks: list[str]


def read_material(folder: Path, sample_rate: int, held_out: frozenset[str], everything: bool = False) -> Material:
    """Read ``folder`` and choose what is judged.

    If it has sounds of ``held_out`` sources only these are judged; the others are lessons for the probe.
    Otherwise, or with ``everything``, all sounds are judged.

    Raises:
        AudioFileError: the folder is missing, holds no usable sound, or its manifest cannot be used.
    """
    sounds, remarks = read_folder(folder, sample_rate)
    inside = [sound for sound in sounds if sound.source in held_out]
    outside = [sound for sound in sounds if sound.source not in held_out]
    if inside and not everything:
        return Material(inside, outside, True, remarks)
    return Material(sounds, outside if inside else [], False, remarks)


def read_folder(folder: Path, sample_rate: int) -> tuple[list[Sound], list[str]]:
    """All sounds of a folder, mono at ``sample_rate``, and a line for each file that could not be used.

    A folder with a ``manifest.csv`` is a corpus: labels and sources (Debian packages) are its columns.
    In any other, every WAV, FLAC and Ogg file is a sound; its label is the path of the folder it lies
    in, its source the first part of that path (the folder's own name at the top).

    Raises:
        AudioFileError: no usable sound, or the manifest cannot be used.
    """
    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder")
    if (folder / "manifest.csv").is_file():
        sounds, remarks = _read_corpus(folder, sample_rate), []
    else:
        sounds, remarks = _read_plain(folder, sample_rate)
    if not sounds:
        raise AudioFileError(f"{folder}: no usable sound; give a folder of {', '.join(SUFFIXES)} files")
    return sounds, remarks


def _read_corpus(folder: Path, sample_rate: int) -> list[Sound]:
    from plugin_backend.evaluation.attribution import read_manifest
    from plugin_backend.training.sampler import read_sounds

    read_manifest(folder)
    return [sound for side in (True, False) for sound in read_sounds(folder, sample_rate, held_out=side)]


def _read_plain(folder: Path, sample_rate: int) -> tuple[list[Sound], list[str]]:
    sounds, remarks = [], []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        place = path.relative_to(folder)
        try:
            audio = read_mono(path, sample_rate).astype(np.float32)
        except PisadaError as problem:
            remarks.append(f"left out: {problem}")
            continue
        label = place.parent.as_posix() if place.parent.parts else folder.resolve().name
        source = place.parts[0] if len(place.parts) > 1 else folder.resolve().name
        sounds.append(Sound(place.as_posix(), label, source, sample_rate / 2, audio))
    return sounds, remarks
