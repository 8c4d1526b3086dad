"""Mix the takes of a preset whose model describes a whole sound by one vector."""

from __future__ import annotations

import numpy as np

from plugin_backend.codecs.base import CodecSpec
from presets.performance.aligned_takes import AlignedTakes


def mix_vectors(aligned: AlignedTakes, weights: np.ndarray) -> np.ndarray:
    """Return a mixture of takes, varied by their deviations, ``[1, dims]`` float64.

    Args:
        aligned: takes of one frame each.
        weights: ``[1, takes + variations]``.
    """
    takes = np.concatenate(aligned.latents)
    variations = aligned.variations.reshape(-1, takes.shape[1])
    return weights[:, : aligned.takes] @ takes + weights[:, aligned.takes :] @ variations


def keep_pitch(vector: np.ndarray, aligned: AlignedTakes, take: int, spec: CodecSpec) -> np.ndarray:
    """Return a mixture with the pitch of one of its takes: a mixture of notes is a note, not one between them.

    Args:
        vector: ``[1, dims]``.
        aligned: the takes that were mixed.
        take: index of the take.
        spec: of the model; without ``pitch_dim`` nothing changes.
    """
    if spec.pitch_dim is not None:
        vector = vector.copy()
        vector[0, spec.pitch_dim] = aligned.latents[take][0, spec.pitch_dim]
    return vector
