"""Spot a film: look at it, find its events, and put them on the programme's time base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.errors import FilmError
from render.project.project import Project
from render.project.timecode import Clock
from render.spotting.video.events import Event, find_events
from render.spotting.video.evidence import Evidence
from render.spotting.video.film import Film
from render.spotting.video.film_clock import rate_of, start_of
from render.spotting.video.film_sound import agree_with_sound, sound_hits
from render.spotting.video.look import HEIGHT, SETTINGS, look_at


@dataclass(frozen=True)
class SpottedFilm:
    """The events of a film.

    Attributes:
        path: the film.
        clock: the film's rate, and the timecode of its first frame.
        events: by time.
        cuts: frames at which a shot begins.
        remarks: for the user, one line each.
        evidence: what was seen, with thumbnails.
    """

    path: Path
    clock: Clock
    events: list[Event]
    cuts: list[int]
    remarks: list[str]
    evidence: Evidence

    def picture_of(self, event: Event) -> np.ndarray | None:
        """Return a small picture of about an event's time, RGB ``[height, width, 3]`` uint8; None if there is none."""
        import cv2

        data = self.evidence.thumbnail(event.frame)
        picture = None if data is None else cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        return None if picture is None else picture[:, :, ::-1]


def spot_film(
    path: Path,
    fps: str | None = None,
    start: str | None = None,
    home: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SpottedFilm:
    """Return the events of a film. What was seen is kept in the cache: a second call, or one after a stop, goes on.

    Args:
        path: the film.
        fps: frame rate of the timecode; None: the film's own.
        start: timecode of the first frame; None: the film's own, or zero.
        home: the cache folder; None: ``$PISADA_CACHE``, or the user's.
        progress: receives the frames that are done and their expected number.

    Raises:
        FilmError: the file is no film that can be used.
        ProjectError: the rate is not known, or not given where the film has none.
        TimecodeError: the start is no timecode at this rate.
        OutputError: the cache cannot be written.
        MissingExtraError: the extra ``video`` is not installed.
    """
    with Film(path) as film:
        Project(fps=fps, start=start if fps else None).clock()  # what is wrong with them is found before the work
        evidence = Evidence(path, SETTINGS, home)
        hits = sound_hits(film) if film.info.has_sound else []
        total = film.info.frames
        look_at(film, evidence, lambda done: progress(done, max(total, done)))
        rate = rate_of(film, fps)
        if rate is None:
            shown = float(film.measured_rate or film.info.rate)
            raise FilmError(f"{path}: {shown:.5g} frames a second are no rate of timecode: give --fps")
        clock = Project(fps=rate.name, start=start or start_of(film, rate)).clock()
        scale = min(1.0, HEIGHT / film.info.height)
        events = find_events(evidence, (round(film.info.width * scale), round(film.info.height * scale)))
        if hits:
            events = agree_with_sound(events, hits, film.info.rate)
        remarks = list(film.remarks)
        if hits is None:
            remarks.append("its sound is silent: times come from the picture alone")
        cuts = sorted({cut for part in evidence.parts() for cut in part.cuts})
    return SpottedFilm(Path(path), clock, events, cuts, remarks, evidence)
