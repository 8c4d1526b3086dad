"""Read a folder's sounds for an evaluation. They are found and decoded as for a corpus, but not cut or cleaned.

A constant offset stays, and the mean of the channels is taken even if it is quiet: what a model makes of these counts.
Files without usable sound are left out, for the same reasons as in ``pisada corpus``.
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
"""A sound is left out if the mean of all channels keeps less than this share of their energy."""


@dataclass(frozen=True)
class Folder:
    """The contents of a folder.

    Attributes:
        sounds: whole files, mono at one rate, in the order of the manifest, then by path.
        left_out: file and reason for each that could not be used.
        remarks: by file, what is unusual about a used one.
    """

    sounds: list[Sound]
    left_out: list[tuple[str, str]]
    remarks: dict[str, str]


def read_folder(folder: Path, sample_rate: int) -> Folder:
    """Read all sounds of a folder at ``sample_rate`` Hz, with the files, labels and sources that ``scan`` finds.

    Raises:
        AudioFileError: there is no folder or no usable sound, or the manifest cannot be used.
    """
    scanned = scan_folder(folder)
    rank = {file: index for index, file in enumerate(read_labels(folder) or ())}
    read = Folder([], scanned.dropped, {})
    with tempfile.TemporaryDirectory() as scratch, TempAudio(Path(scratch)) as decoded:
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
    """Return the whole file at ``sample_rate`` Hz ``[samples]`` float32, and remarks."""
    info = decode_to_mono(path, decoded, CANCELLED)
    offset, excess = find_faults(decoded, info.rate_hz)
    audio = np.concatenate(list(resample_mono_blocks(_with_last_flag(decoded), info.rate_hz, sample_rate)))
    remark = (f"evaluated with its DC offset of {offset:+.3f}",) if offset else ()
    return audio / np.float32(excess), [*info.remarks, *remark, *level_remarks(excess)]


def _with_last_flag(audio: TempAudio) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield the samples in blocks, and whether each is the last."""
    done = 0
    for block in audio.blocks():
        done += block.size
        yield block, done == audio.size
