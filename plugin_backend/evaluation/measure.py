"""Scores of a codec and of the anchors beside it on dense clips, as plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from plugin_backend.codec import Codec
from plugin_backend.evaluation.anchors import ANCHORS
from plugin_backend.evaluation.dense_clips import DenseClip, class_of
from plugin_backend.evaluation.embeddings import Embedding, embed
from plugin_backend.evaluation.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.metrics import (
    centroid_error,
    envelope_correlation,
    log_mel_error_db,
    mel_mse,
    mrstft,
    noisiness_error,
    visqol,
)
from plugin_backend.evaluation.transients import hit_errors

CODEC = "codec"
System = Callable[[np.ndarray, int], np.ndarray]
CLIP_METRICS: dict[str, Callable[[np.ndarray, np.ndarray, int], float]] = {
    "visqol": visqol,
    "mel_mse": mel_mse,
    "log_mel_error_db": log_mel_error_db,
    "mrstft": mrstft,
    "envelope_correlation": envelope_correlation,
    "centroid_error": centroid_error,
    "noisiness_error": noisiness_error,
}
"""Name → function of guess, truth and rate in Hz: one number a clip."""

HIT_METRICS = {"onset_error_ms": "onset_ms", "peak_error_db": "peak_db"}
"""Name → field of :class:`~plugin_backend.evaluation.transients.HitErrors`, whose size is scored: one number a hit."""


@dataclass
class Scores:
    """What was measured.

    Attributes:
        decoded: system → one sound per clip.
        rows: one per clip and system, with ``clip``, ``label``, ``system``, every clip metric, and of each
            hit metric a list.
        metrics: system → metric → ``mean``, ``median``, ``std``, ``n`` and ``by_label``.
    """

    decoded: dict[str, list[np.ndarray]] = field(default_factory=dict)
    rows: list[dict] = field(default_factory=list)
    metrics: dict[str, dict] = field(default_factory=dict)


def there_and_back(codec: Codec) -> System:
    """Encode and decode, cut to the sound's own length."""
    return lambda audio, rate_hz: codec.decode(codec.encode(audio[None]))[0, : audio.size]


def systems(codec: Codec) -> dict[str, System]:
    """The codec and every anchor."""
    return {CODEC: there_and_back(codec)} | ANCHORS


def score_clips(
    codec: Codec, clips: list[DenseClip], embeddings: list[Embedding], with_visqol: bool, tell: Callable[[], None]
) -> Scores:
    """Score codec and anchors on every clip; ``tell`` is called after every clip of every system.

    Raises:
        MissingExtraError: the ``evaluate`` extra is not installed.
    """
    rate_hz, scores = codec.spec.sample_rate, Scores()
    chosen = {name: metric for name, metric in CLIP_METRICS.items() if with_visqol or name != "visqol"}
    for name, system in systems(codec).items():
        scores.decoded[name] = []
        for clip in clips:
            guess = system(clip.audio, rate_hz)
            place = {"clip": clip.name, "label": clip.label, "system": name}
            values = {metric: round(score(guess, clip.audio, rate_hz), 5) for metric, score in chosen.items()}
            errors = hit_errors(guess, clip.audio, rate_hz)
            sizes = {name: np.abs(getattr(errors, error)).round(4).tolist() for name, error in HIT_METRICS.items()}
            scores.rows.append(place | values | sizes)
            scores.decoded[name].append(guess)
            tell()
        scores.metrics[name] = {metric: summarised(scores.rows, metric, name) for metric in (*chosen, *HIT_METRICS)}
    for embedding in embeddings:
        for name, distances in frechet_distances(scores.decoded, clips, rate_hz, embedding).items():
            scores.metrics[name][f"frechet_{embedding.name}"] = distances
    return scores


def summarised(rows: list[dict], metric: str, system: str) -> dict:
    """Mean, median, deviation and number of a metric over all rows of a system and over each label's.

    Footsteps of every material are also one label, ``footsteps``. Without values the numbers are ``None``.
    """
    mine = [row for row in rows if row["system"] == system]
    groups = {name: [row for row in mine if name in (row["label"], class_of(row["label"]))] for name in names_of(mine)}
    by_label = {name: _described(of, metric) for name, of in groups.items()}
    return _described(mine, metric) | {"by_label": by_label}


def names_of(rows: list[dict]) -> list[str]:
    """Every label and every class of the rows."""
    labels = {row["label"] for row in rows}
    return sorted(labels | {class_of(label) for label in labels})


def _described(rows: list[dict], metric: str) -> dict:
    values = np.concatenate([np.atleast_1d(row[metric]) for row in rows])
    if not values.size:
        return {"mean": None, "median": None, "std": None, "n": 0}
    numbers = {"mean": np.mean(values), "median": np.median(values), "std": np.std(values)}
    return {name: round(float(value), 4) for name, value in numbers.items()} | {"n": values.size}


def frechet_distances(
    decoded: dict[str, list[np.ndarray]], clips: list[DenseClip], rate_hz: int, embedding: Embedding
) -> dict[str, dict]:
    """System → its Fréchet distance to the originals: all windows together as ``mean``, and per label.

    A set has one distance, so ``std`` is the deviation over labels; ``n`` counts windows.
    """
    truth = embed([clip.audio for clip in clips], rate_hz, embedding)
    rows = [{"label": clip.label} for clip in clips]
    members = {
        name: [i for i, row in enumerate(rows) if name in (row["label"], class_of(row["label"]))]
        for name in names_of(rows)
    }
    everything = list(range(len(clips)))
    return {
        system: _frechet_entry(embed(sounds, rate_hz, embedding), truth, everything, members)
        for system, sounds in decoded.items()
    }


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
