"""Find people in a picture and the landmarks of each: MediaPipe's pose networks (BlazePose, Bazarevsky et al. 2020).

The two networks are in ``weights/`` with their licence (Apache-2.0). LiteRT runs them on one thread, so that their
results do not depend on the machine's number of cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import MissingExtraError

WEIGHTS = Path(__file__).parent / "weights"
DETECTOR, LANDMARKS = "pose_detection.tflite", "pose_landmark_full.tflite"
DETECTOR_SIDE, LANDMARK_SIDE = 224, 256
STRIDES = ((8, 2), (16, 2), (32, 6))
"""Stride of a grid of anchors in pixels, and how many anchors each of its places has."""
LEAST_SCORE = 0.5
MOST_OVERLAP = 0.3
MARGIN = 1.25
"""A region is the circle around a body, made so much larger."""
POINTS = 33
"""Landmarks of a body. Two more describe the region of the next frame."""


@dataclass(frozen=True)
class Region:
    """A turned square around a person.

    Attributes:
        x, y: its centre in pixels.
        side: length of a side in pixels.
        angle: how far the body leans clockwise, in radians; 0 is upright.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self) -> np.ndarray:
        """Return the affine map ``[2, 3]`` from the network's input, in pixels, to the picture."""
        scale = self.side / LANDMARK_SIDE
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        half = LANDMARK_SIDE / 2
        return np.array([[cos, -sin, self.x - (cos - sin) * half], [sin, cos, self.y - (sin + cos) * half]])


@dataclass(frozen=True)
class Body:
    """The landmarks of one person in one picture.

    Attributes:
        points: ``[33, 2]``, x and y in pixels.
        visibility: ``[33]``, 0 to 1.
        presence: 0 to 1, whether there is a person at all.
        region: where to look in the next frame.
    """

    points: np.ndarray
    visibility: np.ndarray
    presence: float
    region: Region


class PoseNetwork:
    """The detector of people and the network of landmarks.

    Raises:
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(self) -> None:
        try:
            import cv2
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as problem:
            raise MissingExtraError("spotting footsteps by pose", "video") from problem
        self._cv2 = cv2
        self._detector = _Network(Interpreter(str(WEIGHTS / DETECTOR), num_threads=1))
        self._landmarks = _Network(Interpreter(str(WEIGHTS / LANDMARKS), num_threads=1))
        self._anchors = anchors()

    def detect(self, picture: np.ndarray, left: int = 0, top: int = 0) -> list[tuple[float, Region]]:
        """Return the people in a picture, each as score and region, best first.

        Args:
            picture: RGB ``[height, width, 3]`` uint8; people less than a fifth as high as it are often missed.
            left: added to each x.
            top: added to each y.
        """
        height, width = picture.shape[:2]
        scale = max(height, width) / DETECTOR_SIDE
        centre = DETECTOR_SIDE / 2
        to_picture = np.array([[scale, 0, width / 2 - scale * centre], [0, scale, height / 2 - scale * centre]])
        boxes, scores = self._detector.run(self._crop(picture, to_picture, DETECTOR_SIDE) * 2 - 1)
        scores = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -50, 50)))
        found: list[tuple[float, Region]] = []
        for index in np.argsort(-scores, kind="stable"):
            if scores[index] < LEAST_SCORE:
                break
            centre_x, centre_y, around_x, around_y = boxes[0, index, 4:8] + np.tile(self._anchors[index], 2)
            region = region_around(
                np.array([centre_x, centre_y]) * scale + to_picture[:, 2] + (left, top),
                np.array([around_x, around_y]) * scale + to_picture[:, 2] + (left, top),
            )
            if all(overlap(region, other) < MOST_OVERLAP for _, other in found):
                found.append((float(scores[index]), region))
        return found

    def read(self, picture: np.ndarray, region: Region) -> Body:
        """Return the landmarks of the person in a region.

        Args:
            picture: RGB ``[height, width, 3]`` uint8.
            region: where to look.
        """
        to_picture = region.to_picture()
        raw, presence = self._landmarks.run(self._crop(picture, to_picture, LANDMARK_SIDE))[:2]
        marks = raw.reshape(39, 5)
        points = marks[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        visibility = 1 / (1 + np.exp(-np.clip(marks[:POINTS, 3], -50, 50)))
        return Body(points[:POINTS], visibility, float(presence.ravel()[0]), region_around(points[33], points[34]))

    def _crop(self, picture: np.ndarray, to_picture: np.ndarray, side: int) -> np.ndarray:
        """Return the part of a picture as float32 ``[1, side, side, 3]``, 0 to 1; black outside the picture."""
        flags = self._cv2.INTER_LINEAR | self._cv2.WARP_INVERSE_MAP
        return self._cv2.warpAffine(picture, to_picture, (side, side), flags=flags)[None].astype(np.float32) / 255


class _Network:
    """A LiteRT network with one input."""

    def __init__(self, interpreter: Any) -> None:
        interpreter.allocate_tensors()
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._outputs = [output["index"] for output in interpreter.get_output_details()]

    def run(self, values: np.ndarray) -> list[np.ndarray]:
        self._interpreter.set_tensor(self._input, values.astype(np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def anchors() -> np.ndarray:
    """Return the centres ``[2254, 2]`` of the detector's anchors, in pixels of its input."""
    grids = []
    for stride, count in STRIDES:
        places = (np.arange(DETECTOR_SIDE // stride) + 0.5) * stride
        y, x = np.meshgrid(places, places, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), count, axis=0))
    return np.concatenate(grids)


def region_around(centre: np.ndarray, around: np.ndarray) -> Region:
    """Return the region of a body whose hips are at ``centre``, inside a circle through ``around``, above its head."""
    toward = around - centre
    return Region(
        float(centre[0]),
        float(centre[1]),
        2 * MARGIN * max(1.0, float(np.hypot(*toward))),
        float(np.arctan2(toward[0], -toward[1])),
    )


def overlap(one: Region, other: Region) -> float:
    """Return the share of two regions' area that both cover, 0 to 1; their angles are not used."""
    sides = [
        min(one.side, other.side, (one.side + other.side) / 2 - abs(distance))
        for distance in (one.x - other.x, one.y - other.y)
    ]
    if min(sides) <= 0:
        return 0.0
    both = sides[0] * sides[1]
    return both / (one.side**2 + other.side**2 - both)
