"""Look at a film once, frame by frame, and write down what is seen: people, movements, cuts and thumbnails."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from render.spotting.video.evidence import PART_FRAMES, Evidence, Part
from render.spotting.video.film import Film, FilmFrame
from render.spotting.video.motion import MotionMeter
from render.spotting.video.people import PeopleTracker
from render.spotting.video.pose_network import Body, PoseNetwork
from render.spotting.video.pose_track import MARKS
from render.spotting.video.shots import CutFinder

HEIGHT = 720
"""Lines of the pictures that are looked at."""
WARM_UP_FRAMES = 30
"""Frames before a part that motion and cuts see again when an analysis is continued."""
AHEAD = 3
"""Frames that are decoded before they are needed."""
THUMBNAIL_S, THUMBNAIL_QUALITY = 0.25, 80
SETTINGS = {"height": HEIGHT, "part": PART_FRAMES}

Item = TypeVar("Item")


def look_at(film: Film, evidence: Evidence, progress: Callable[[int], None] = lambda frames: None) -> None:
    """Write the evidence of a film, as far as it is not there yet.

    Args:
        film: the film, of which no frame was read yet.
        evidence: where to write.
        progress: receives the number of frames that are done.

    Raises:
        FilmError: no frame can be decoded.
        OutputError: the evidence cannot be written.
        MissingExtraError: the extra ``video`` is not installed.
    """
    if evidence.restore(film):
        return
    done, state = 0, None
    for part in evidence.parts():
        done, state = done + len(part.times), part.state
    observer = _Observer(film, state)
    part = Part(done)
    frames = film.frames(HEIGHT, skip=max(0, done - WARM_UP_FRAMES))
    count = 0
    for frame in read_ahead(frames):
        count += 1
        if frame.picture is None:
            continue
        if frame.number < done:
            observer.warm_up(frame)
            continue
        observer.observe(frame, part)
        if len(part.times) == PART_FRAMES:
            part.state = observer.people.state
            evidence.write(part)
            part = Part(frame.number + 1)
        progress(frame.number + 1)
    if part.times:
        evidence.write(part)
    evidence.finish(film, count)


class _Observer:
    """Everything that looks at the frames of one film."""

    def __init__(self, film: Film, state: Any):
        import cv2

        cv2.setNumThreads(1)
        self._cv2, rate = cv2, film.info.rate
        self.people = PeopleTracker(PoseNetwork(), float(rate), state)
        self._motion, self._cuts = MotionMeter(), CutFinder(rate)
        self._every = max(1, round(THUMBNAIL_S * rate))

    def warm_up(self, frame: FilmFrame) -> None:
        """See a frame again, of which the evidence is there."""
        assert frame.picture is not None
        small = self._motion.small(frame.picture)
        self._motion.measure(small, frame.picture.shape[1])
        self._cuts.push(frame.number, small)

    def observe(self, frame: FilmFrame, part: Part) -> None:
        """Add what a frame shows to a part."""
        picture = frame.picture
        assert picture is not None
        small = self._motion.small(picture)
        cuts = self._cuts.push(frame.number, small)
        if cuts:
            self.people.forget()
            self._motion.forget()
        movement = self._motion.measure(small, picture.shape[1])
        boxes = [(round(b.left), round(b.top), round(b.right), round(b.bottom)) for b in movement.blobs]
        bodies = self.people.follow(frame.number, picture, boxes)
        part.times.append(frame.time)
        part.camera.append(movement.camera)
        part.people.append({number: _kept(body) for number, body in bodies.items()})
        part.blobs.append(self._motion.things(list(bodies.values())))
        part.cuts += cuts
        if frame.number % self._every == 0:
            flags = [self._cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY]
            part.thumbnails[frame.number] = self._cv2.imencode(".jpg", small[:, :, ::-1], flags)[1].tobytes()


def _kept(body: Body) -> tuple[np.ndarray, np.ndarray]:
    marks = list(MARKS.values())
    return body.points[marks], body.visibility[marks]


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the same items, which another thread makes a few steps before they are needed."""
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(AHEAD)
    stop = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as problem:  # noqa: BLE001 (raised again by the reader)
            put((False, problem))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stop.set()
        worker.join()
