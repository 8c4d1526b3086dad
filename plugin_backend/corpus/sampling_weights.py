"""How likely each sound is drawn in training, so that hours of rain do not drown minutes of steps.

A label's probability is its weight times its seconds to the power ``temperature``; a sound's share of
it is its own seconds to the same power. At 1 every second is alike, at 0 every label is; halfway,
the square root as is usual for unbalanced languages and classes (exponential smoothing, Devlin et al.
2019, multilingual BERT), something rare is repeated but not without end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from plugin_backend.corpus.sound import Sound

FACTORY_WEIGHTS = {"footsteps": 6.0, "cloth": 6.0}
"""What the factory models are for is drawn more often; a label's weight is that of its first part too."""


def sampling_weights(
    sounds: Sequence[Sound], weights: Mapping[str, float] = FACTORY_WEIGHTS, temperature: float = 0.5
) -> np.ndarray:
    """Probabilities ``[sounds]``, summing to 1.

    ``weights`` by label; ``footsteps`` stands for all of ``footsteps/…`` that have no weight of their
    own, and what is not named weighs 1. ``temperature`` from 0 to 1.

    Raises:
        ValueError: no sounds, a weight below zero, all weights zero or a temperature out of range.
    """
    if not 0 <= temperature <= 1:
        raise ValueError(f"temperature {temperature}; 0 to 1 is allowed")
    if not sounds or min(weights.values(), default=0.0) < 0:
        raise ValueError("balancing needs sounds, and weights of zero and above")
    names, label = np.unique([sound.label for sound in sounds], return_inverse=True)
    size = np.array([sound.audio.size for sound in sounds], float)
    share = size**temperature
    share /= np.bincount(label, share)[label]
    mass = np.bincount(label, size) ** temperature * [label_weight(name, weights) for name in names]
    if not mass.sum():
        raise ValueError("every label here has weight zero")
    return (mass / mass.sum())[label] * share


def label_weight(label: str, weights: Mapping[str, float]) -> float:
    """The weight of the label, else of the nearest folder above it, else 1."""
    while label not in weights and "/" in label:
        label = label.rpartition("/")[0]
    return weights.get(label, 1.0)
