"""Score a codec and the anchors on dense clips; the results are plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.evaluation.data.dense_clips import DenseClip, class_of
from plugin_backend.evaluation.embeddings.base import Embedding, embed
from plugin_backend.evaluation.metrics.anchors import ANCHORS
from plugin_backend.evaluation.metrics.artefacts import artefacts
from plugin_backend.evaluation.metrics.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.metrics.full_reference import (
    centroid_error,
    centroid_shift,
    envelope_correlation,
    log_mel_error_db,
    mel_mse,
    mrstft,
    noisiness_error,
    phase_coherence,
    visqol,
)
from plugin_backend.evaluation.metrics.onset_error import hit_errors
from plugin_backend.evaluation.metrics.two_sample import SPECTRA, spectra, two_sample

CODEC, START = "codec", "the model it started from"
System = Callable[[np.ndarray, int], np.ndarray]
CLIP_METRICS: dict[str, Callable[[np.ndarray, np.ndarray, int], float]] = {
    "visqol": visqol,
    "mel_mse": mel_mse,
    "log_mel_error_db": log_mel_error_db,
    "mrstft": mrstft,
    "envelope_correlation": envelope_correlation,
    "centroid_error": centroid_error,
    "centroid_shift": centroid_shift,
    "noisiness_error": noisiness_error,
    "phase_coherence": phase_coherence,
}
"""Functions of decoded sound, original and rate in Hz, by name: one number per clip. ``artefacts`` adds others."""

HIT_METRICS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "onset_error_ms": ("onset_ms", np.abs),
    "peak_error_db": ("peak_db", np.abs),
    "hit_level_db": ("level_db", np.asarray),
}
"""By name: the field of :class:`~plugin_backend.evaluation.metrics.onset_error.HitErrors`, and the function applied to
it. One number per hit."""


@dataclass
class Scores:
    """The scores of all systems.

    Attributes:
        decoded: by system, one sound per clip.
        rows: one per clip and system, with ``clip``, ``label``, ``system``, every clip metric, and a list for each hit
            metric; a clip metric without meaning for a clip has an empty list.
        metrics: system → metric → ``mean``, ``median``, ``std``, ``n`` and ``by_label``.
        two_sample: the features of the test → system, and ``null`` → AUC.
    """

    decoded: dict[str, list[np.ndarray]] = field(default_factory=dict)
    rows: list[dict] = field(default_factory=list)
    metrics: dict[str, dict] = field(default_factory=dict)
    two_sample: dict[str, dict[str, float | None]] = field(default_factory=dict)


def reconstruct(codec: Codec) -> System:
    """Return a system that encodes and decodes, cut to the sound's length."""
    return lambda audio, rate_hz: codec.decode(codec.encode(audio[None]))[0, : audio.size]


def systems(codec: Codec) -> dict[str, System]:
    """Return the codec and every anchor, by name."""
    return {CODEC: reconstruct(codec)} | ANCHORS


def score_clips(
    systems: dict[str, System],
    hops_samples: dict[str, int],
    clips: list[DenseClip],
    rate_hz: int,
    embeddings: list[Embedding],
    with_visqol: bool,
    tell: Callable[[], None],
) -> Scores:
    """Score every system on every clip.

    Args:
        systems: by name, functions that make a decoded sound of an original one.
        hops_samples: by system, the hop of the latents at whose frame rate a comb is measured.
        clips: to score on.
        rate_hz: of the clips.
        embeddings: for Fréchet distances and two-sample tests.
        with_visqol: whether to use ViSQOL, the slowest metric.
        tell: called after every clip of every system.

    Raises:
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    scores = Scores()
    for name, system in systems.items():
        scores.decoded[name] = []
        for clip in clips:
            guess = system(clip.audio, rate_hz)
            place = {"clip": clip.name, "label": clip.label, "system": name}
            scores.rows.append(place | score_pair(guess, clip.audio, rate_hz, hops_samples[name], with_visqol))
            scores.decoded[name].append(guess)
            tell()
        names = [metric for metric in scores.rows[-1] if metric not in place]
        scores.metrics[name] = {metric: summarised(scores.rows, metric, name) for metric in names}
    originals, sources = [clip.audio for clip in clips], [clip.source for clip in clips]
    features: dict[str, Callable[[list[np.ndarray]], list[np.ndarray]]] = {
        SPECTRA: lambda sounds: [spectra(audio, rate_hz) for audio in sounds]
    }
    features |= {by.name: partial(embed, sample_rate=rate_hz, embedding=by) for by in embeddings}
    for name, points_of in features.items():
        truth = points_of(originals)
        points = {decoder: points_of(sounds) for decoder, sounds in scores.decoded.items()}
        scores.two_sample[name] = two_sample(points, truth, sources)
        if name != SPECTRA:
            for label, distances in frechet_distances(points, truth, clips).items():
                scores.metrics[label][f"frechet_{name}"] = distances
    return scores


def score_pair(
    guess: np.ndarray, truth: np.ndarray, rate_hz: int, hop_samples: int, with_visqol: bool
) -> dict[str, float | list[float]]:
    """Return all clip and hit metrics of one decoded sound: a number each, or a list for none or several.

    Args:
        guess: the decoded sound, ``[samples]``.
        truth: the original, aligned and equally long.
        rate_hz: of both.
        hop_samples: of the model's latents.
        with_visqol: whether to use ViSQOL.
    """
    chosen = {name: metric for name, metric in CLIP_METRICS.items() if with_visqol or name != "visqol"}
    values: dict[str, float | None] = {name: score(guess, truth, rate_hz) for name, score in chosen.items()}
    values |= artefacts(guess, truth, rate_hz, hop_samples)
    errors = hit_errors(guess, truth, rate_hz)
    hits = {name: of(getattr(errors, which)).round(4).tolist() for name, (which, of) in HIT_METRICS.items()}
    return {name: [] if value is None else round(value, 5) for name, value in values.items()} | hits


def summarised(rows: list[dict], metric: str, system: str) -> dict:
    """Return mean, median, deviation and number of a metric over all rows of a system and over those of each label.

    Footsteps of every material are also one label, ``footsteps``. Without values the numbers are ``None``.

    Args:
        rows: one per clip and system.
        metric: its name.
        system: its name.
    """
    mine = [row for row in rows if row["system"] == system]
    groups = {name: [row for row in mine if name in (row["label"], class_of(row["label"]))] for name in names_of(mine)}
    by_label = {name: described(of, metric) for name, of in groups.items()}
    return described(mine, metric) | {"by_label": by_label}


def names_of(rows: list[dict]) -> list[str]:
    """Return every label and every class of the rows."""
    labels = {row["label"] for row in rows}
    return sorted(labels | {class_of(label) for label in labels})


def described(rows: list[dict], metric: str) -> dict:
    """Return mean, median, deviation and number of a metric over rows; ``None`` without values."""
    values = np.concatenate([np.atleast_1d(row[metric]) for row in rows])
    if not values.size:
        return {"mean": None, "median": None, "std": None, "n": 0}
    numbers = {"mean": np.mean(values), "median": np.median(values), "std": np.std(values)}
    return {name: round(float(value), 4) for name, value in numbers.items()} | {"n": values.size}


def frechet_distances(
    points: dict[str, list[np.ndarray]], truth: list[np.ndarray], clips: list[DenseClip]
) -> dict[str, dict]:
    """Return the Fréchet distance of each system to the originals: of all windows as ``mean``, and per label.

    A set has one distance, so ``std`` is the deviation over labels; ``n`` counts windows.

    Args:
        points: by system, each clip's windows ``[n, dims]``.
        truth: the same of the originals.
        clips: the clips.
    """
    rows = [{"label": clip.label} for clip in clips]
    members = {
        name: [i for i, row in enumerate(rows) if name in (row["label"], class_of(row["label"]))]
        for name in names_of(rows)
    }
    everything = list(range(len(clips)))
    return {system: _frechet_entry(of, truth, everything, members) for system, of in points.items()}


def _frechet_entry(points: list[np.ndarray], truth: list[np.ndarray], everything: list[int], members: dict) -> dict:
    def described(indices: list[int]) -> dict:
        guess, known = (Cloud.of(np.concatenate([of[index] for index in indices])) for of in (points, truth))
        return {
            "mean": round(cloud_distance(guess, known), 4),
            "std": 0.0,
            "n": guess.count,
            "shrinkage": round(guess.shrinkage, 4),
        }

    by_label = {name: described(indices) for name, indices in members.items()}
    spread = round(float(np.std([entry["mean"] for entry in by_label.values()])), 4)
    return described(everything) | {"std": spread, "by_label": by_label}
