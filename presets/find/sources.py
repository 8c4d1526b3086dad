"""What can be searched: the presets of banks, or the sounds of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from plugin_backend.audio_files import read_mono_blocks
from plugin_backend.codecs.base import Codec
from plugin_backend.corpus.scan import FORMATS, UNLABELLED, scan_folder
from plugin_backend.errors import AudioFileError, PresetError
from plugin_backend.evaluation.joint_spaces.base import JointSpace, unit
from plugin_backend.hashing import digest
from plugin_backend.models.registry import deferred_codec
from presets.bank import Bank
from presets.find.describe import sound_of, words_of, words_of_file
from presets.preset import Preset, sound_digest

LONGEST_S = 30
"""Seconds of a file, from its beginning, that count."""


class Source(Protocol):
    """Sounds to search.

    Attributes:
        identity: text that differs for different banks and folders.
        remarks: what could not be used, one line each.
    """

    identity: str
    remarks: list[str]

    def stamps(self) -> list[tuple[str, str]]:
        """Return name and stamp of each sound. A stamp changes when its sound does."""
        ...

    def words(self, name: str) -> str:
        """Return the words that a sound is known by."""
        ...

    def embed(self, space: JointSpace, names: list[str]) -> list[np.ndarray | None]:
        """Return the vectors of sounds, ``[dims]`` of length 1 each; ``None`` for one that cannot be used."""
        ...


class BankSource:
    """The presets of a bank. A preset is known by its words or by its first take, as the space needs it.

    Args:
        bank: the bank.
        codec_of: model name → codec.

    Raises:
        PresetError: a preset cannot be read.
    """

    def __init__(self, bank: Bank, codec_of: Callable[[str], Codec] = deferred_codec):
        self.identity = f"presets of {bank.folder_list}"
        self.remarks: list[str] = []
        self._presets, self._codec_of = {preset.name: preset for preset in bank}, codec_of

    def stamps(self) -> list[tuple[str, str]]:
        """Return name and stamp of each preset."""
        return [(name, digest([sound_digest(preset), words_of(preset)])) for name, preset in self._presets.items()]

    def words(self, name: str) -> str:
        """Return the words of a preset."""
        return words_of(self._presets[name])

    def embed(self, space: JointSpace, names: list[str]) -> list[np.ndarray | None]:
        """Return the vectors of presets.

        Raises:
            PresetError: the model of a preset is another than its codec.
        """
        if space.reads_names:
            return list(space.embed_text([self.words(name) for name in names]))
        return list(space.embed_audio(list(self._sounds([self._presets[name] for name in names], space.rate_hz))))

    def _sounds(self, presets: list[Preset], rate_hz: int) -> Iterator[np.ndarray]:
        codecs: dict[str, Codec] = {}
        for preset in presets:
            header = preset.header
            if header.codec not in codecs:
                codecs[header.codec] = self._codec_of(header.codec)
            codec = codecs[header.codec]
            if codec.spec.fingerprint != header.fingerprint:
                raise PresetError(
                    f"preset '{preset.name}' was made with another version of model '{header.codec}'; bring it over "
                    "(pisada preset migrate)"
                )
            yield soxr.resample(sound_of(preset, codec), codec.spec.sample_rate, rate_hz)


class FolderSource:
    """The sounds of a folder. Files that cannot be used are left out, with a remark.

    Args:
        folder: searched at any depth.

    Raises:
        AudioFileError: there is no such folder, or it holds no sound.
    """

    def __init__(self, folder: Path):
        scanned = scan_folder(folder)
        if not scanned.files:
            raise AudioFileError(f"{folder}: no sound to search; give a folder of {FORMATS} files")
        self.identity = f"sounds of {folder.resolve()}"
        self.remarks = [f"{file}: {reason}" for file, reason in scanned.dropped]
        self._folder, self._files = folder, {found.file: found for found in scanned.files}

    def stamps(self) -> list[tuple[str, str]]:
        """Return name and stamp (size and time of the last change) of each file."""
        return [(name, f"{found.size} {found.mtime_ns}") for name, found in self._files.items()]

    def words(self, name: str) -> str:
        """Return the words of a file: its folders and its name; and its label, if a manifest gives one."""
        label = words_of_file(self._files[name].label) if self._files[name].label != UNLABELLED else ""
        words = words_of_file(name)
        return words if label in words else f"{label}, {words}"

    def embed(self, space: JointSpace, names: list[str]) -> list[np.ndarray | None]:
        """Return the vectors of files, one file at a time: of their sound, or the mean of name and sound."""
        return [self._embed(space, name) for name in names]

    def _embed(self, space: JointSpace, name: str) -> np.ndarray | None:
        try:
            heard = space.embed_audio([_beginning(self._folder / name, space.rate_hz)])[0]
        except AudioFileError as problem:
            self.remarks.append(f"{name}: left out ({problem})")
            return None
        words = self.words(name)
        vector = unit(space.embed_text([words])[0] + heard) if space.reads_names and words else heard
        return vector if np.isfinite(vector).all() and vector.any() else None


def _beginning(path: Path, rate_hz: int) -> np.ndarray:
    """Return the first 30 s of a file as mono ``[samples]`` float32."""
    pieces, left = [], LONGEST_S * rate_hz
    for block in read_mono_blocks(path, rate_hz):
        pieces.append(block[:left])
        left -= pieces[-1].size
        if not left:
            break
    return np.concatenate(pieces)


def read_question(path: Path, rate_hz: int) -> np.ndarray:
    """Return the sound of a question: the first 30 s of a file, mono ``[samples]`` float32.

    Raises:
        AudioFileError: the file cannot be used.
    """
    return _beginning(path, rate_hz)
