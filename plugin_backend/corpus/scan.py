"""List the audio files of a folder by their content, with label and source, and the files that are left out."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from plugin_backend.audio_formats.detect import HEAD_BYTES, is_audio
from plugin_backend.corpus import manifest
from plugin_backend.errors import AudioFileError

FORMATS = "WAV, AIFF, CAF, W64, AU, FLAC, Ogg, Opus or MP3"
"""Formats of recordings, for messages."""

NAMED_AUDIO = re.compile(
    r"\.(wave?|bwf|rf64|bw64|w64|aif[cf]?|aiff|caf|au|snd|flac|og[ag]|opus|mp[23]|voc|sd2|m4[ab]|aac|ac3|wma|wv|ape|mpc|"
    r"tta|dsf|dff|mka|weba|spx|amr)",
    re.IGNORECASE,
)
"""Files with these names are meant to be audio. One that cannot be read is reported, not ignored."""

CACHE_NAME = ".pisada-corpus"
UNLABELLED, USER = "unlabelled", "user"


@dataclass(frozen=True)
class FoundFile:
    """An audio file: its path below the folder with ``/``, label, source, size in bytes, modification time."""

    file: str
    label: str
    source: str
    size: int
    mtime_ns: int


@dataclass
class ScanResult:
    """The audio files in the order of their paths; ``(file, reason)`` of those left out; the number of other files."""

    files: list[FoundFile] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0


def scan_folder(folder: Path) -> ScanResult:
    """List the audio files below ``folder``. Only the beginning of each file is read.

    A file is audio if it begins as a known format does, whatever its name. Left out, each with a reason, are hidden
    files and folders, links to folders, and links that lead out of ``folder``. A file that ``manifest.csv`` does not
    name takes its label from its folders (``unlabelled`` at the top) and its source from the topmost folder (``user``
    at the top).

    Raises:
        AudioFileError: ``folder`` is not a readable folder, or its manifest is wrong.
    """
    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder")
    labels, result = manifest.read_labels(folder), ScanResult()
    listed = labels or {}

    def unreadable(problem: OSError) -> None:
        if Path(problem.filename) == folder:
            raise AudioFileError(f"{folder}: cannot be read ({problem.strerror})") from problem
        result.dropped.append((_relative(folder, problem.filename), f"cannot be opened ({problem.strerror})"))

    for parent, names, files in os.walk(folder, onerror=unreadable):
        names[:] = sorted(name for name in names if _descend(result, folder, os.path.join(parent, name)))
        for name in sorted(files):
            file = _relative(folder, os.path.join(parent, name))
            path = Path(parent, name)
            reason, status = _inspect_file(folder, path)
            named_audio = bool(NAMED_AUDIO.fullmatch(path.suffix)) or file in listed
            if not named_audio and (reason or not _is_audio(path)):
                result.ignored += file != manifest.NAME
                continue
            if reason or status is None:
                result.dropped.append((file, reason or ""))
                continue
            folders = file.rpartition("/")[0]
            label, source = listed.get(file, (folders or UNLABELLED, None))
            source = source or folders.partition("/")[0] or USER
            result.files.append(FoundFile(file, label, source, status.st_size, status.st_mtime_ns))
    known_files = {entry.file for entry in result.files} | {file for file, _ in result.dropped}
    result.dropped += [(file, "named in manifest.csv but not there") for file in listed if file not in known_files]
    result.files.sort(key=lambda entry: entry.file)
    return result


def escape_name(name: str) -> str:
    """Return a name as one line in which unprintable characters are escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in name
    )


def _relative(folder: Path, path: str) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _descend(result: ScanResult, folder: Path, path: str) -> bool:
    """Return whether to search a folder. A folder that is left out is reported, except our own cache."""
    name = os.path.basename(path)
    if name == CACHE_NAME:
        return False
    reason = "a link to a folder; not followed" if os.path.islink(path) else "a hidden folder"
    if os.path.islink(path) or name.startswith("."):
        result.dropped.append((_relative(folder, path) + "/", reason))
        return False
    return True


def _is_audio(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return is_audio(file.read(HEAD_BYTES))
    except OSError:
        return False


def _inspect_file(folder: Path, path: Path) -> tuple[str | None, os.stat_result | None]:
    """Return why a file cannot be used, or its status."""
    if path.name.startswith("."):
        return "a hidden file", None
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(folder.resolve()):
            return "a link that leads out of the folder", None
        status = path.stat()
    except (OSError, RuntimeError):
        return "a broken link" if path.is_symlink() else "cannot be opened", None
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file", None
    return None, status
