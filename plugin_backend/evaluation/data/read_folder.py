"""A folder's sounds as an evaluation hears them: found and decoded as a corpus is, neither cut nor cleaned.

A constant offset stays, and a mean of channels is taken however faint: what a model makes of these is
its score, too. What can hold no sound is left out, for the reasons of ``pisada corpus``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import resample_mono_blocks
from plugin_backend.corpus.decode import decode_to_mono
from plugin_backend.corpus.manifest import read_labels
from plugin_backend.corpus.normalize import find_faults, level_remarks
from plugin_backend.corpus.scan import FORMATS, escape_name, scan_folder
from plugin_backend.corpus.sound import Sound
from plugin_backend.corpus.temp_audio import TempAudio
from plugin_backend.errors import AudioFileError

CANCELLED = 1e-5
"""Only where the mean of all channels keeps less of their energy than this is it nothing to judge by."""


@dataclass(frozen=True)
class Folder:
    """What a folder holds.

    Attributes:
        sounds: whole files, mono at one rate, as the manifest lists them, then by their paths.
        left_out: file and reason of each that could not be used.
        remarks: file → what is odd about one that could.
    """

    sounds: list[Sound]
    left_out: list[tuple[str, str]]
    remarks: dict[str, str]


def read_folder(folder: Path, sample_rate: int) -> Folder:
    """All sounds of a folder at ``sample_rate`` Hz, with the files, labels and sources that ``scan`` finds.

    Raises:
        AudioFileError: no folder, no usable sound, or its manifest cannot be used.
    """
    scanned = scan_folder(folder)
    rank = {file: place for place, file in enumerate(read_labels(folder) or ())}
    read = Folder([], scanned.dropped, {})
    with tempfile.TemporaryDirectory() as place, TempAudio(Path(place)) as decoded:
        for found in sorted(scanned.files, key=lambda found: rank.get(found.file, len(rank))):
            try:
                audio, remarks = _read(folder / found.file, decoded, sample_rate)
            except AudioFileError as problem:
                read.left_out.append((found.file, str(problem)))
                continue
            read.sounds.append(Sound(found.file, found.label, found.source, sample_rate / 2, audio))
            if remarks:
                read.remarks[found.file] = "; ".join(remarks)
    if not read.sounds:
        example = f"; for example {escape_name(': '.join(min(read.left_out)))}" if read.left_out else ""
        raise AudioFileError(f"{folder}: no usable sound; give a folder of {FORMATS} files{example}")
    return read


def _read(path: Path, decoded: TempAudio, sample_rate: int) -> tuple[np.ndarray, list[str]]:
    """The whole file at ``sample_rate`` Hz ``[samples]`` float32, and remarks."""
    told = decode_to_mono(path, decoded, CANCELLED)
    offset, excess = find_faults(decoded, told.rate_hz)
    audio = np.concatenate(list(resample_mono_blocks(_last_told(decoded), told.rate_hz, sample_rate)))
    kept = (f"judged with its DC offset of {offset:+.3f}",) if offset else ()
    return audio / np.float32(excess), [*told.remarks, *kept, *level_remarks(excess)]


def _last_told(audio: TempAudio) -> Iterator[tuple[np.ndarray, bool]]:
    """The samples in pieces, and whether each is the last."""
    done = 0
    for block in audio.blocks():
        done += block.size
        yield block, done == audio.size
