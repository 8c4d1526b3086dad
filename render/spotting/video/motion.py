"""Measure what moves in a film: the camera, and things that are no people."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plugin_backend.errors import MissingExtraError
from render.spotting.video.pose_network import Body

WIDTH = 320
"""Pictures are compared at this width in pixels."""
CORNERS, CORNER_QUALITY, CORNER_DISTANCE = 80, 0.02, 8
STILL = 0.15
"""A camera that moves less than so many small pixels a frame stands still."""
CHANGE = 16
"""Smallest change of brightness (of 255) that is a movement."""
LEAST_AREA = 10
"""Smallest moving region in small pixels."""
MOST_BLOBS = 12
LIMB = 0.1
"""Width of a limb (of the side of the person's region) in which movements do not count."""
BONES = (
    (11, 12), (11, 13), (13, 15), (15, 19), (12, 14), (14, 16), (16, 20), (11, 23), (12, 24), (11, 24), (12, 23),
    (23, 24), (23, 25), (25, 27), (27, 31), (27, 29), (24, 26), (26, 28), (28, 32), (28, 30), (0, 11), (0, 12),
)  # fmt: skip
"""Landmarks that a limb joins."""


class Blob(NamedTuple):
    """Where something moves: left, top, right, bottom in pixels of the picture; how many small pixels changed."""

    left: float
    top: float
    right: float
    bottom: float
    area: float


class Movement(NamedTuple):
    """What moved since the frame before.

    Attributes:
        camera: ``[2]``, how far the background went, in pixels of the picture.
        blobs: moving regions, the largest first, people included.
    """

    camera: np.ndarray
    blobs: list[Blob]


class MotionMeter:
    """Compare each frame with the one before."""

    def __init__(self) -> None:
        try:
            import cv2
        except ImportError as problem:
            raise MissingExtraError("measuring motion in a film", "video") from problem
        self._cv2: Any = cv2
        self._last: np.ndarray | None = None
        self._change: np.ndarray | None = None
        self._scale = 1.0

    def forget(self) -> None:
        """Begin again, at a cut."""
        self._last = None

    def small(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture, made small: RGB ``[height, 320, 3]`` uint8."""
        height, width = picture.shape[:2]
        size = (WIDTH, max(2, round(height * WIDTH / width)))
        return self._cv2.resize(picture, size, interpolation=self._cv2.INTER_AREA)

    def measure(self, small: np.ndarray, width: int) -> Movement:
        """Return what moved since the frame before.

        Args:
            small: the picture, made small.
            width: of the picture in pixels.
        """
        cv2 = self._cv2
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
        last, self._last, self._scale = self._last, grey, width / WIDTH
        if last is None or last.shape != grey.shape:
            self._change = np.zeros_like(grey)
            return Movement(np.zeros(2), [])
        shift = self._shift(last, grey)
        if shift.any():
            moved = cv2.warpAffine(
                last, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE
            )
        else:
            moved = last
        self._change = (cv2.absdiff(moved, grey) > CHANGE).astype(np.uint8)
        return Movement(shift * self._scale, self._blobs(self._change))

    def things(self, people: list[Body]) -> list[Blob]:
        """Return the moving regions of the last frame that are not of people.

        Args:
            people: the bodies in that frame.
        """
        if self._change is None or not self._change.any():
            return []
        change = self._change.copy()
        for body in people:
            width = max(1, round(body.region.side * LIMB / self._scale))
            points = np.round(body.points / self._scale).astype(int)
            for one, other in BONES:
                self._cv2.line(change, tuple(map(int, points[one])), tuple(map(int, points[other])), 0, width)
            head = tuple(map(int, points[0]))
            self._cv2.circle(change, head, width, 0, -1)
        return self._blobs(change)

    def _shift(self, last: np.ndarray, grey: np.ndarray) -> np.ndarray:
        """Return how far the background moved, ``[2]`` in small pixels: the middle of the corners' movements."""
        corners = self._cv2.goodFeaturesToTrack(last, CORNERS, CORNER_QUALITY, CORNER_DISTANCE)
        if corners is None or len(corners) < 8:
            return np.zeros(2)
        moved, found, _ = self._cv2.calcOpticalFlowPyrLK(last, grey, corners, None, winSize=(15, 15), maxLevel=2)
        ways = (moved - corners)[found.ravel() == 1].reshape(-1, 2)
        if len(ways) < 8:
            return np.zeros(2)
        shift = np.median(ways, axis=0)
        return shift if np.hypot(*shift) >= STILL else np.zeros(2)

    def _blobs(self, change: np.ndarray) -> list[Blob]:
        joined = self._cv2.dilate(change, np.ones((5, 5), np.uint8))
        count, labels, boxes, _ = self._cv2.connectedComponentsWithStats(joined)
        areas = np.bincount(labels.ravel(), weights=change.ravel(), minlength=count)
        blobs = []
        for index in sorted(range(1, count), key=lambda index: -areas[index])[:MOST_BLOBS]:
            if areas[index] >= LEAST_AREA:
                left, top, width, height = (int(value) for value in boxes[index][:4])
                edges = (left + 2, top + 2, left + width - 2, top + height - 2)  # without what dilate added
                left_, top_, right_, bottom_ = (edge * self._scale for edge in edges)
                blobs.append(Blob(left_, top_, right_, bottom_, float(areas[index])))
        return blobs
