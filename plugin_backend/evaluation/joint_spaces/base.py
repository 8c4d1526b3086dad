"""The contract of the spaces in which pictures, sounds and texts can be compared, and the table of all spaces.

Each space turns pictures, sounds and texts into vectors of length 1. Two things that belong together have vectors of
nearly the same direction, whichever kind they are of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np

from plugin_backend.errors import ProjectError
from plugin_backend.similar_names import did_you_mean

OFFLINE = "words"
"""The space that needs no weights from the user."""


class JointSpace(Protocol):
    """A space of pictures, sounds and texts.

    Attributes:
        space: name of the space and of its weights. Vectors of different ``space`` must not be compared.
        licence: licence of its weights.
        rate_hz: sample rate of the sounds that it takes.
        reads_names: the name of a sound says more in this space than its samples. A preset is then known by its words,
            and a sound by its name and its samples. In other spaces the samples alone count.
    """

    space: str
    licence: str
    rate_hz: int
    reads_names: bool

    def embed_image(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for RGB pictures, each ``[height, width, 3]`` uint8."""
        ...

    def embed_audio(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for mono sounds, each ``[samples]`` at ``rate_hz``."""
        ...

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """Return ``[n, dims]`` float32 of length 1 for texts."""
        ...


SPACES: dict[str, str] = {
    OFFLINE: "plugin_backend.evaluation.joint_spaces.words:WordSpace",
    "sounds": "plugin_backend.evaluation.joint_spaces.sounds:SoundSpace",
    "clip-clap": "plugin_backend.evaluation.joint_spaces.clip_clap:ClipClap",
    "pe-av": "plugin_backend.evaluation.joint_spaces.pe_av:PeAv",
}
"""Name → module and function that opens the space. The functions take a folder of weights, and whether to download."""


def open_space(name: str = OFFLINE, weights: Path | None = None, download: bool = False) -> JointSpace:
    """Return the space of a name.

    Args:
        name: one of :data:`SPACES`.
        weights: folder of the weights; ``words`` and ``sounds`` need none.
        download: fetch weights that are not there.

    Raises:
        ProjectError: there is no such space, or it needs weights and none are named.
        CheckpointError: the weights cannot be used.
        MissingExtraError: an optional part is not installed.
    """
    if name not in SPACES:
        raise ProjectError(f"no space '{name}': {', '.join(SPACES)} can be used{did_you_mean(name, list(SPACES))}")
    module, _, function = SPACES[name].partition(":")
    opener: Callable[[Path | None, bool], JointSpace] = getattr(import_module(module), function)
    return opener(weights, download)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors ``[..., dims]`` scaled to length 1, float32. A zero vector stays zero.

    Examples:
        >>> unit(np.array([3.0, 4.0])).round(2).tolist()
        [0.6000000238418579, 0.800000011920929]
    """
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
