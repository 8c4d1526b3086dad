"""What a folder holds: its audio files, known by their content, with label and source, and what is left out."""

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
"""What a folder of recordings holds, for people."""

NAMED_AUDIO = re.compile(
    r"\.(wave?|bwf|rf64|bw64|w64|aif[cf]?|aiff|caf|au|snd|flac|og[ag]|opus|mp[23]|voc|sd2|m4[ab]|aac|ac3|wma|wv|ape|mpc|"
    r"tta|dsf|dff|mka|weba|spx|amr)",
    re.IGNORECASE,
)
"""Files with these names are audio to whoever named them: one that cannot be read is told, not passed over."""

CACHE_NAME = ".pisada-corpus"
UNLABELLED, USER = "unlabelled", "user"


@dataclass(frozen=True)
class FoundFile:
    """An audio file: its path below the folder with ``/``, label, source, size in bytes, time of change."""

    file: str
    label: str
    source: str
    size: int
    mtime_ns: int


@dataclass
class ScanResult:
    """The audio files in order of their paths; ``(file, reason)`` of what is left out; how many others."""

    files: list[FoundFile] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    ignored: int = 0


def scan_folder(folder: Path) -> ScanResult:
    """Look through ``folder``, at no more of a file than how it begins.

    Audio is what begins as a format does that we read, whatever its name. Hidden files and folders, links to folders
    and links that leave ``folder`` are left out, each with a reason. A file that ``manifest.csv`` does not name takes
    its label from the folders it lies in (``unlabelled`` at the top) and its source from the topmost of them (``user``
    at the top).

    Raises:
        AudioFileError: ``folder`` is no readable folder, or its manifest is wrong.
    """
    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder")
    labels, found = manifest.read_labels(folder), ScanResult()
    told = labels or {}

    def unreadable(problem: OSError) -> None:
        if Path(problem.filename) == folder:
            raise AudioFileError(f"{folder}: cannot be read ({problem.strerror})") from problem
        found.dropped.append((_relative(folder, problem.filename), f"cannot be opened ({problem.strerror})"))

    for parent, names, files in os.walk(folder, onerror=unreadable):
        names[:] = sorted(name for name in names if _descend(found, folder, os.path.join(parent, name)))
        for name in sorted(files):
            file = _relative(folder, os.path.join(parent, name))
            path = Path(parent, name)
            reason, status = _look(folder, path)
            named_audio = bool(NAMED_AUDIO.fullmatch(path.suffix)) or file in told
            if not named_audio and (reason or not _is_audio(path)):
                found.ignored += file != manifest.NAME
                continue
            if reason:
                found.dropped.append((file, reason))
                continue
            folders = file.rpartition("/")[0]
            label, source = told.get(file, (folders or UNLABELLED, None))
            source = source or folders.partition("/")[0] or USER
            found.files.append(FoundFile(file, label, source, status.st_size, status.st_mtime_ns))
    there = {entry.file for entry in found.files} | {file for file, _ in found.dropped}
    found.dropped += [(file, "named in manifest.csv but not there") for file in told if file not in there]
    found.files.sort(key=lambda entry: entry.file)
    return found


def escape_name(name: str) -> str:
    """A name as one harmless line: whatever does not print is escaped."""
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in name)


def _relative(folder: Path, path: str) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _descend(found: ScanResult, folder: Path, path: str) -> bool:
    """Whether to look into a folder; what is passed by is told, our own cache excepted."""
    name = os.path.basename(path)
    if name == CACHE_NAME:
        return False
    reason = "a link to a folder; not followed" if os.path.islink(path) else "a hidden folder"
    if os.path.islink(path) or name.startswith("."):
        found.dropped.append((_relative(folder, path) + "/", reason))
        return False
    return True


def _is_audio(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return is_audio(file.read(HEAD_BYTES))
    except OSError:
        return False


def _look(folder: Path, path: Path) -> tuple[str | None, os.stat_result | None]:
    """Why a file cannot be taken, or its status."""
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
