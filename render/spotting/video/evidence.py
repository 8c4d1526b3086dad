"""What was seen in each frame of a film, on disk in parts. So a film is looked at once, and a stopped run continues."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import OutputError
from plugin_backend.hashing import digest
from plugin_backend.output_files import cannot_write, file_digest, write_atomically
from render.spotting.video.film import Film
from render.spotting.video.motion import Blob
from render.spotting.video.pose_track import MARKS

VERSION = 1
"""Must be raised whenever the same film would give other evidence."""
PART_FRAMES = 480
DONE = "done.json"


@dataclass
class Part:
    """The evidence of some frames in a row.

    Attributes:
        first: number of the first frame.
        times: of each frame, in seconds from the first one.
        camera: how far the background moved in each frame, ``[2]`` in pixels.
        people: for each frame: person → (points ``[14, 2]`` in pixels, visibility ``[14]``).
        blobs: for each frame: moving regions that are not of people.
        cuts: numbers of frames at which a shot begins.
        thumbnails: frame → JPEG.
        state: what continues after the part.
    """

    first: int
    times: list[Fraction] = field(default_factory=list)
    camera: list[np.ndarray] = field(default_factory=list)
    people: list[dict[int, tuple[np.ndarray, np.ndarray]]] = field(default_factory=list)
    blobs: list[list[Blob]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    thumbnails: dict[int, bytes] = field(default_factory=dict)
    state: list[list[float]] = field(default_factory=list)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays of plain numbers."""
        rows = [(index, person, *pose) for index, people in enumerate(self.people) for person, pose in people.items()]
        blobs = [(index, *blob) for index, frame in enumerate(self.blobs) for blob in frame]
        pictures = list(self.thumbnails.values())
        return {
            "first": np.array(self.first),
            "times": np.array([time.as_integer_ratio() for time in self.times], np.int64).reshape(-1, 2),
            "camera": np.array(self.camera, np.float64).reshape(-1, 2),
            "person": np.array([row[:2] for row in rows], np.int64).reshape(-1, 2),
            "points": np.array([row[2] for row in rows], np.float32).reshape(-1, len(MARKS), 2),
            "visibility": np.array([row[3] for row in rows], np.float32).reshape(-1, len(MARKS)),
            "blobs": np.array(blobs, np.float64).reshape(-1, 6),
            "cuts": np.array(self.cuts, np.int64),
            "thumbnail_frames": np.array(list(self.thumbnails), np.int64),
            "thumbnail_bytes": np.array([len(picture) for picture in pictures], np.int64),
            "thumbnails": np.frombuffer(b"".join(pictures), np.uint8),
            "state": np.array(json.dumps(self.state)),
        }

    @classmethod
    def of(cls, arrays: Any) -> Part:
        """Return the part that :meth:`arrays` described."""
        part = cls(
            int(arrays["first"]), [Fraction(*map(int, pair)) for pair in arrays["times"]], list(arrays["camera"])
        )
        part.people = [{} for _ in part.times]
        part.blobs = [[] for _ in part.times]
        for (index, person), points, visibility in zip(
            arrays["person"], arrays["points"], arrays["visibility"], strict=True
        ):
            part.people[index][int(person)] = (points, visibility)
        for index, *blob in arrays["blobs"]:
            part.blobs[int(index)].append(Blob(*map(float, blob)))
        part.cuts = [int(cut) for cut in arrays["cuts"]]
        whole, position = arrays["thumbnails"].tobytes(), 0
        for frame, size in zip(arrays["thumbnail_frames"], arrays["thumbnail_bytes"], strict=True):
            part.thumbnails[int(frame)] = whole[position : position + int(size)]
            position += int(size)
        part.state = json.loads(str(arrays["state"]))
        return part


class Evidence:
    """The folder that holds the parts of one film.

    Args:
        film: the film; its whole content decides the folder.
        settings: what else decides it.
        home: the cache folder.
    """

    def __init__(self, film: Path, settings: dict[str, Any], home: Path | None = None):
        key = digest({"film": file_digest(film), "settings": settings, "version": VERSION})
        self.folder = (home or _cache_home()) / "spotting" / key
        self._opened: Part | None = None

    def write(self, part: Part) -> None:
        """Write a part.

        Raises:
            OutputError: it cannot be written.
        """
        path = self._path(part.first)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with write_atomically(path, durable=False) as temporary, open(temporary, "wb") as file:
                np.savez(file, **part.arrays())  # type: ignore[arg-type]
        except OSError as problem:
            raise cannot_write(self.folder, problem.strerror or problem) from problem

    def parts(self) -> Iterator[Part]:
        """Yield the parts in order, up to the first that is absent or cannot be read."""
        first = 0
        while (part := self._read(first)) is not None:
            yield part
            first += len(part.times)

    def thumbnail(self, frame: int) -> bytes | None:
        """Return the thumbnail (JPEG) of the last frame up to this one that has one in the same part, or None."""
        first = frame // PART_FRAMES * PART_FRAMES
        if self._opened is None or self._opened.first != first:
            self._opened = self._read(first)
        numbers = [] if self._opened is None else [number for number in self._opened.thumbnails if number <= frame]
        return self._opened.thumbnails[max(numbers)] if self._opened is not None and numbers else None

    def _read(self, first: int) -> Part | None:
        try:
            with np.load(self._path(first), allow_pickle=False) as arrays:
                part = Part.of(arrays)
        except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile):
            return None
        return part if part.first == first and part.times else None

    def _path(self, first: int) -> Path:
        return self.folder / f"part-{first:09d}.npz"

    def finish(self, film: Film, frames: int) -> None:
        """Note that the film was read to its end, and what was remarked.

        Args:
            film: the film.
            frames: how many it has.
        """
        rate = film.measured_rate
        summary = {"frames": frames, "remarks": film.remarks, "rate": str(rate) if rate else None}
        try:
            with write_atomically(self.folder / DONE, durable=False) as temporary:
                temporary.write_text(json.dumps(summary), encoding="utf-8")
        except OSError as problem:
            raise OutputError(f"{self.folder}: cannot write here ({problem.strerror})") from problem

    def restore(self, film: Film) -> bool:
        """Return whether the film was read to its end before; then the film has its remarks and its rate again."""
        try:
            summary = json.loads((self.folder / DONE).read_text(encoding="utf-8"))
            frames, rate = int(summary["frames"]), summary["rate"]
            remarks = [str(remark) for remark in summary["remarks"]]
            measured = Fraction(rate) if rate else None
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if sum(len(part.times) for part in self.parts()) != frames:
            return False
        film.remarks, film.measured_rate = remarks, measured
        return True


def _cache_home() -> Path:
    from platformdirs import user_cache_path

    folder = os.environ.get("PISADA_CACHE")
    return Path(folder) if folder else user_cache_path("pisada")
