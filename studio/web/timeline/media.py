"""The film and the guide of a timeline: files of the project's folder, or uploaded ones."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec

from plugin_backend.audio_files import inspect_recording
from plugin_backend.errors import InputError, ProjectError
from plugin_backend.output_files import write_atomically
from render.cues.guide_position import guide_position
from render.project.timecode import Clock
from studio.web.timeline.views import MediaView

FILMS = {
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""Suffix → media type."""
GUIDES = {".wav", ".flac", ".aif", ".aiff", ".ogg", ".mp3"}
SHEETS = {".csv", ".xlsx", ".mid", ".edl", ".otio", ".rpp", ".aaf", ".xml", ".fcpxml", ".txt"}
KEPT = "media.json"


class KeptMedia(msgspec.Struct, frozen=True):
    """What is open, as it is kept.

    Attributes:
        film, guide: paths; empty for none.
        film_start, guide_start: their first samples in the programme.
    """

    film: str = ""
    film_start: int = 0
    guide: str = ""
    guide_start: int = 0


def clean_name(name: str) -> str:
    """Return the last part of an uploaded file's name, with only characters that every file system has."""
    last = re.split(r"[\\/]", name)[-1]
    stem, dot, suffix = re.sub(r"[^\w .-]", "-", last).strip(" .").rpartition(".")
    return f"{(stem or 'file')[:80]}{dot}{suffix[:10]}"


def listed(folder: Path | None, suffixes: set[str] | dict[str, str]) -> dict[str, Path]:
    """Return name → path of the project's files with these suffixes; the page chooses by name."""
    if folder is None:
        return {}
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())
    return {path.name: path for path in files if not path.name.startswith(".")}


class Media:
    """The film and the guide of one sheet.

    Args:
        folder: of the sheet; uploaded files and the choice are kept in it.
        project: folder of the project, if there is one.
    """

    def __init__(self, folder: Path, project: Path | None):
        self._folder, self._project = folder, project
        self._kept = KeptMedia()
        path = folder / KEPT
        if path.is_file():
            try:
                self._kept = msgspec.json.decode(path.read_bytes(), type=KeptMedia)
            except msgspec.MsgspecError as problem:
                raise ProjectError(f"{path}: damaged; delete it and choose film and guide again") from problem

    @property
    def film(self) -> Path | None:
        """The film's file, if it is still there."""
        return self._file(self._kept.film)

    @property
    def guide(self) -> Path | None:
        """The guide's file, if it is still there."""
        return self._file(self._kept.guide)

    def film_view(self) -> MediaView:
        """Return the film as the page gets it."""
        return MediaView(self.film.name, self._kept.film_start) if self.film is not None else MediaView()

    def guide_view(self) -> MediaView:
        """Return the guide as the page gets it."""
        if self.guide is None:
            return MediaView()
        info = inspect_recording(self.guide)
        return MediaView(self.guide.name, self._kept.guide_start, info.sample_rate, info.length_samples)

    def choose_film(self, name: str) -> None:
        """Open a film of the project's folder.

        Raises:
            InputError: there is none of this name.
        """
        self._keep(film=str(_chosen(listed(self._project, FILMS), name, "film")), film_start=0)

    def choose_guide(self, name: str, clock: Clock) -> None:
        """Open a guide of the project's folder. It lies at its timestamp, if it has one.

        Raises:
            InputError: there is none of this name.
            AudioFileError: it cannot be read.
        """
        self._open_guide(_chosen(listed(self._project, GUIDES), name, "guide"), clock)

    def take_film(self, name: str, uploaded: Path) -> None:
        """Keep an uploaded film.

        Raises:
            InputError: another kind of file.
        """
        self._keep(film=str(self._taken(name, uploaded, FILMS, "film")), film_start=0)

    def take_guide(self, name: str, uploaded: Path, clock: Clock) -> None:
        """Keep an uploaded guide.

        Raises:
            InputError: another kind of file.
            AudioFileError: it cannot be read.
        """
        inspect_recording(uploaded)
        self._open_guide(self._taken(name, uploaded, GUIDES, "guide"), clock)

    def place_film(self, start: int) -> None:
        """Set where the film begins in the programme."""
        self._keep(film_start=start)

    def place_guide(self, start: int) -> None:
        """Set where the guide begins in the programme."""
        self._keep(guide_start=start)

    def _open_guide(self, path: Path, clock: Clock) -> None:
        start = guide_position(inspect_recording(path), clock).at(0)
        self._keep(guide=str(path), guide_start=start)

    def _taken(self, name: str, uploaded: Path, suffixes: set[str] | dict[str, str], what: str) -> Path:
        clean = clean_name(name)
        if Path(clean).suffix.lower() not in suffixes:
            raise InputError(f"{clean}: a {what} is one of {', '.join(sorted(suffixes))}")
        target = self._folder / f"{what}{Path(clean).suffix.lower()}" / clean
        target.parent.mkdir(exist_ok=True)
        shutil.move(uploaded, target)
        return target

    def _file(self, kept: str) -> Path | None:
        return Path(kept) if kept and Path(kept).is_file() else None

    def _keep(self, **changes: object) -> None:
        self._kept = msgspec.structs.replace(self._kept, **changes)
        with write_atomically(self._folder / KEPT) as path:
            path.write_bytes(msgspec.json.encode(self._kept))


def _chosen(files: dict[str, Path], name: str, what: str) -> Path:
    if name not in files:
        raise InputError(f"no {what} {name!r} in the project's folder; there are {', '.join(files) or 'none'}")
    return files[name]
