"""The space that works without weights from the user: everything becomes words, and words become vectors.

A picture is described by the names of its image classes, a sound by the names of its AudioSet classes. The vector of
either is the mean of the vectors of its likeliest class names, weighted by their probabilities.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from plugin_backend.evaluation.embeddings.base import windows_of
from plugin_backend.evaluation.embeddings.yamnet import RATE_HZ, Yamnet, audioset_names
from plugin_backend.evaluation.joint_spaces.base import OFFLINE, unit
from plugin_backend.evaluation.joint_spaces.image_classes import ImageClasses
from plugin_backend.evaluation.joint_spaces.sentences import DIMS, Sentences

LIKELIEST = 5
"""Number of classes that describe a picture or a sound."""


class WordSpace:
    """The offline space; see the module's docstring. Each of its models is loaded when it is first needed."""

    space = f"{OFFLINE}-1"
    licence = "Apache-2.0 and MIT"
    rate_hz = RATE_HZ
    reads_names = True

    def __init__(self, weights: Path | None = None, download: bool = False) -> None:
        """Take nothing: the weights come from installed packages."""
        self._vectors: dict[str, np.ndarray] = {}

    @cached_property
    def _sentences(self) -> Sentences:
        return Sentences()

    @cached_property
    def _image_classes(self) -> ImageClasses:
        return ImageClasses()

    @cached_property
    def _yamnet(self) -> Yamnet:
        return Yamnet()

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return ``[n, 384]`` float32 of length 1."""
        return self._sentences.embed(texts)

    def embed_image(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, 384]`` float32 of length 1 for RGB pictures ``[height, width, 3]`` uint8."""
        return self._mean_of_likeliest(self._image_classes.probabilities(images), self._image_classes.names)

    def embed_audio(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, 384]`` float32 of length 1 for mono sounds ``[samples]`` at 16 kHz."""
        scores = [self._sound_scores(sound) for sound in sounds]
        return self._mean_of_likeliest(scores, audioset_names())

    def image_words(self, images: Sequence[np.ndarray], most: int = LIKELIEST) -> list[list[tuple[str, float]]]:
        """Return for each picture its likeliest classes with their probabilities, likeliest first."""
        names, table = self._image_classes.names, self._image_classes.probabilities(images)
        return [[(names[index], float(row[index])) for index in _likeliest(row, most)] for row in table]

    def _mean_of_likeliest(self, table: Iterable[np.ndarray], names: Sequence[str]) -> np.ndarray:
        """Return the weighted mean of the vectors of the likeliest names of each row of ``[n, classes]``."""
        means = []
        for row in table:
            best = _likeliest(row, LIKELIEST)
            self._embed_new({names[index] for index in best})
            means.append(row[best] @ np.stack([self._vectors[names[index]] for index in best]))
        return unit(np.array(means).reshape(len(means), DIMS))

    def _embed_new(self, names: set[str]) -> None:
        new = sorted(names - set(self._vectors))
        self._vectors.update(zip(new, self._sentences.embed(new), strict=True))

    def _sound_scores(self, sound: np.ndarray) -> np.ndarray:
        return self._yamnet.scores(windows_of(sound, RATE_HZ, self._yamnet)).mean(axis=0)


def _likeliest(row: np.ndarray, most: int) -> np.ndarray:
    return np.argsort(-row, kind="stable")[:most]
