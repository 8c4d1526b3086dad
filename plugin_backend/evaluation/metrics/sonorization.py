"""How well sounds fit the frames of a film: Equations 1 to 3 of the image-guided sonorization paper.

Equation 1: ``inconsistency = 2 · d(image, text) − d(image, sound)``, with the distance between embeddings. It compares
how far a text and a sound are from the same frame.

Equations 2 and 3: ``e_t = e_sound + slerp(e_frame_0, e_frame_j; 0.5)``, and the distance of a candidate's embedding to
``e_t``.

Two modes. ``published`` is the paper's: sounds' embeddings are multiplied by 20 while pictures keep length 1, as
ImageBind returns them; the picture then hardly matters. ``normalised`` has all embeddings at length 1, ``e_t`` too, and
takes ``e_frame_0`` off the sum: the sound moves as the picture does. So a frame that equals the first one wants the
first sound, at the distance 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plugin_backend.codecs.latent_mixing import slerp

PUBLISHED, NORMALISED = "published", "normalised"
MODES = (PUBLISHED, NORMALISED)
COSINE, EUCLIDEAN = "cosine", "euclidean"
SOUND_SCALE = 20.0
"""ImageBind's factor for embeddings of sounds."""
HALFWAY = 0.5


def cosine_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return 1 − cosine of the angle between vectors ``[..., dims]``; 0 (same direction) to 2 (opposite).

    A zero vector has the distance 1 to everything.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return 1 - np.clip((a * b).sum(axis=-1) / np.where(lengths > 0, lengths, 1.0), -1, 1)


def euclidean_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distance between vectors ``[..., dims]``, at least 0; at most 2 for vectors of length 1."""
    return np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1)


DISTANCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    COSINE: cosine_distance,
    EUCLIDEAN: euclidean_distance,
}


def inconsistency(
    images: np.ndarray, texts: np.ndarray, sounds: np.ndarray, distance: str = COSINE, mode: str = NORMALISED
) -> np.ndarray:
    """Return Equation 1 for each frame, ``[...]``.

    Its range by cosine distance is −2 to 4, not −1 to 2 as the paper says: each distance goes from 0 to 2. The value 0
    does not mean a perfect fit: it also comes out whenever the sound is twice as far from the frame as the text. By
    Euclidean distance, normalised, the range is −2 to 4 too.

    Args:
        images: embeddings of the frames, ``[..., dims]``.
        texts: embeddings of their texts, ``[..., dims]``.
        sounds: embeddings of their sounds, ``[..., dims]``.
        distance: one of :data:`DISTANCES`.
        mode: one of :data:`MODES`. By cosine both give the same.

    Examples:
        >>> frame = np.array([1.0, 0.0])
        >>> float(inconsistency(frame, frame, frame)), float(inconsistency(frame, -frame, frame))
        (0.0, 4.0)
    """
    measure = DISTANCES[distance]
    images, texts = _unit(images), _unit(texts)
    return 2 * measure(images, texts) - measure(images, _scaled(sounds, mode))


def target(first_sound: np.ndarray, first_frame: np.ndarray, frames: np.ndarray, mode: str = NORMALISED) -> np.ndarray:
    """Return Equation 2: where the sound of each frame should be, ``[frames, dims]``.

    The middle of two equal frames is that frame; in the paper's formula it is not a number.

    Args:
        first_sound: embedding of the sound of the first frame, ``[dims]``.
        first_frame: embedding of the first frame, ``[dims]``.
        frames: embeddings of the frames, ``[frames, dims]``.
        mode: one of :data:`MODES`.
    """
    first, frames = _unit(first_frame), _unit(frames)
    middle = slerp(np.broadcast_to(first, frames.shape), frames, HALFWAY).astype(np.float64)
    if mode == PUBLISHED:
        return _scaled(first_sound, mode) + middle
    return _unit(_scaled(first_sound, mode) + middle - first)


def slerp_distance(
    targets: np.ndarray, sounds: np.ndarray, distance: str = COSINE, mode: str = NORMALISED
) -> np.ndarray:
    """Return Equation 3: how far candidates are from where they should be, ``[...]``.

    By cosine distance the range is 0 to 2, in both modes. By Euclidean distance it is 0 to 2 normalised, and 0 to 41
    published: 20 + 1 for the target and 20 for the candidate.

    Args:
        targets: of :func:`target`, ``[..., dims]``.
        sounds: embeddings of candidates, ``[..., dims]``.
        distance: one of :data:`DISTANCES`.
        mode: one of :data:`MODES`, the same as that of the targets.
    """
    return DISTANCES[distance](targets, _scaled(sounds, mode))


def best_of(distances: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the ``count`` nearest of n candidates, ``[..., count]``, nearest first.

    Args:
        distances: of the candidates, ``[..., n]``. Equal ones keep their order.
        count: 1 to n.

    Raises:
        ValueError: there are fewer candidates.
    """
    if not 1 <= count <= distances.shape[-1]:
        raise ValueError(f"{count} of {distances.shape[-1]} candidates; give 1 to {distances.shape[-1]}")
    return np.argsort(distances, axis=-1, kind="stable")[..., :count]


def _scaled(sounds: np.ndarray, mode: str) -> np.ndarray:
    return _unit(sounds) * (SOUND_SCALE if mode == PUBLISHED else 1.0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors scaled to length 1, in double precision; a zero vector stays zero."""
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
