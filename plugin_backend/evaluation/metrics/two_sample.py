"""Measure whether a new classifier can separate decoded sounds from originals.

A classifier two-sample test (Lopez-Paz & Oquab 2017). A new logistic regression
(:class:`~plugin_backend.evaluation.studies.linear_probe.Probe`) is trained on originals and decoded sounds of some
sources and tested on the others. The area under its ROC curve is the probability that it ranks a decoded window above
an original one; it is ½ if there is no difference. Beside it stands its null: the same test between the first and the
second halves of the originals.
"""

from __future__ import annotations

import numpy as np

from plugin_backend.dsp.mel import mel_power
from plugin_backend.evaluation.studies.linear_probe import Probe

MOST_FOLDS = 5
SPECTRA = "spectra"
WINDOW_S, HOP_S, FLOOR_DB = 1.0, 0.5, -70.0
DECODED, ORIGINAL = "decoded", "original"


def spectra(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return mean and deviation of 80 log-mel bands for every second, half a second apart: ``[n, 160]``.

    In dB, at most 70 below the sound's loudest band. A sound shorter than a second is one window.
    """
    power = mel_power(audio, sample_rate)
    level = 10 * np.log10(np.maximum(power, max(power.max() * 10 ** (FLOOR_DB / 10), 1e-12)))
    frames = level.shape[1] * sample_rate / max(audio.size, 1)
    window, hop = (max(1, round(seconds * frames)) for seconds in (WINDOW_S, HOP_S))
    starts = range(0, max(1, level.shape[1] - window + 1), hop)
    pieces = [level[:, start : start + window] for start in starts]
    return np.stack([np.concatenate([piece.mean(axis=1), piece.std(axis=1)]) for piece in pieces])


def auc(decoded: np.ndarray, original: np.ndarray) -> float:
    """Return the probability that one of ``decoded`` ``[n]`` exceeds one of ``original`` ``[m]``; ties count half."""
    order = np.sort(original)
    below = np.searchsorted(order, decoded, "left") + np.searchsorted(order, decoded, "right")
    return float(below.mean() / 2 / original.size)


def folds_of(sources: list[str]) -> np.ndarray:
    """Return the fold (of at most five) of each sound, ``[sounds]``: whole sources, the largest first.

    The sounds of a single source are assigned one by one.
    """
    groups = sources if len(set(sources)) > 1 else [str(index) for index in range(len(sources))]
    sizes = sorted(((groups.count(name), name) for name in set(groups)), key=lambda of: (-of[0], of[1]))
    filled, place = [0] * min(MOST_FOLDS, len(sizes)), {}
    for size, name in sizes:
        place[name] = filled.index(min(filled))
        filled[place[name]] += size
    return np.array([place[name] for name in groups])


def separability(decoded: list[np.ndarray], original: list[np.ndarray], sources: list[str]) -> float | None:
    """Return the cross-validated AUC of decoded against original.

    Args:
        decoded: per sound its windows as points ``[n, dims]``.
        original: the same of the originals.
        sources: of each sound; no source is in both training and test.

    Returns:
        The mean over folds, each counting by its windows; ``None`` with fewer than two sounds.
    """
    if len(sources) < 2:
        return None
    fold, areas, weights = folds_of(sources), [], []
    for left_out in range(fold.max() + 1):
        test, training = np.flatnonzero(fold == left_out), np.flatnonzero(fold != left_out)
        sides = [np.concatenate([of[index] for index in training]) for of in (decoded, original)]
        probe = Probe(np.concatenate(sides), [DECODED] * len(sides[0]) + [ORIGINAL] * len(sides[1]))
        column = probe.labels.index(DECODED)
        probabilities = [
            probe.probabilities(np.concatenate([of[i] for i in test]))[:, column] for of in (decoded, original)
        ]
        areas.append(auc(*probabilities))
        weights.append(probabilities[0].size)
    return float(np.average(areas, weights=weights))


def two_sample(
    systems: dict[str, list[np.ndarray]], originals: list[np.ndarray], sources: list[str]
) -> dict[str, float | None]:
    """Return each system's AUC against the originals, and ``null``: of their last windows against their first.

    Args:
        systems: by name, per sound its windows as points ``[n, dims]``.
        originals: the same of the originals.
        sources: of each sound.
    """
    several = [index for index, points in enumerate(originals) if len(points) > 1]
    first, last = ([originals[i][part(len(originals[i]))] for i in several] for part in (_first_half, _last_half))
    null = separability(last, first, [sources[index] for index in several])
    return {name: separability(points, originals, sources) for name, points in systems.items()} | {"null": null}


def _first_half(count: int) -> slice:
    return slice(count // 2)


def _last_half(count: int) -> slice:
    return slice(count - count // 2, count)
