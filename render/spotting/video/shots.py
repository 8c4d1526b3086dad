"""Find the cuts of a film, by PySceneDetect."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from plugin_backend.errors import MissingExtraError

THRESHOLD = 27.0
"""PySceneDetect's own."""
SHORTEST_S = 0.4


class CutFinder:
    """Find cuts, frame by frame.

    Args:
        rate: frames a second.

    Raises:
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(self, rate: Fraction):
        try:
            from scenedetect import ContentDetector, FrameTimecode
        except ImportError as problem:
            raise MissingExtraError("finding shots", "video") from problem
        self._timecode, self._rate = FrameTimecode, rate
        self._detector = ContentDetector(threshold=THRESHOLD, min_scene_len=max(1, round(SHORTEST_S * rate)))

    def push(self, number: int, small: np.ndarray) -> list[int]:
        """Return the frames at which a shot was found to begin, at this frame or some frames before it.

        Args:
            number: of the frame.
            small: its picture, RGB.
        """
        cuts = self._detector.process_frame(self._timecode(number, self._rate), small[:, :, ::-1])
        return [cut.frame_num for cut in cuts]
