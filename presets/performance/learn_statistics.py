"""Learn the statistics of a model's latents from a corpus.

python -m presets.performance.learn_statistics CORPUS [--model foley] [--folder BANK]
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.dsp.mel import HOP_S, MEL_BANDS, mel_centres_hz, mel_power
from plugin_backend.errors import PresetError
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.models.registry import load_codec
from presets.decoded_takes import LEAD_SAMPLES
from presets.hit_slicing import SILENCE, slices_of
from presets.performance.aligned_takes import knot_curves
from presets.performance.latent_statistics import CLASSES, KNOTS, LatentStatistics, level_direction_of, save_statistics

LABELS = {"footsteps": "footstep", "cloth": "movement", "vegetation": "movement"}
"""First folder of a file in the corpus → class of its hits. Those of :data:`OTHER_HITS` are ``hit``."""

OTHER_HITS = ("door", "dig", "impact_glass", "impact_metal", "impact_soft", "impact_stone", "impact_wood", "tool")

LONGEST_S, LONGEST_HIT_S, MOST_HITS_OF_FILE = 4.0, 1.0, 3
FEWEST_IN_SERIES = 3
"""Hits of one object are those of files whose names differ in a number only; at least as many are needed."""

DIRECTIONS = 4
FLOOR_DB = -60.0
"""Bands below this level count as silent."""

RIDGE = 10.0
SHARED_HITS = 200
"""A class with this many hits counts its own effort and that of all hits equally."""

ATTACK_S, ATTACK_SHARE = 0.002, 0.1
ATTACK_GAIN_DB = 6.0
SERIES = re.compile(r"([._-]?\d+[a-z]?)?(_[0-9a-f]{6})?$")


@dataclass(frozen=True)
class Hit:
    """A hit of the corpus.

    Attributes:
        series: the object that was hit, as far as names tell.
        kind: its class.
        latents: posterior means, ``[frames, dims]``.
        qualities: spectral centroid in octaves, the negative of its rise time in octaves, and its peak in dB.
    """

    series: str
    kind: str
    latents: np.ndarray
    qualities: np.ndarray


def hits_of(corpus: Path, codec: Codec) -> list[Hit]:
    """Return the hits of a corpus that have a class, in order of its manifest.

    Args:
        corpus: folder with ``manifest.csv`` (columns ``file`` and ``seconds``).
        codec: model to encode with.
    """
    hits, rate_hz = [], codec.spec.sample_rate
    with open(corpus / "manifest.csv", newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        folder = row["file"].split("/")[0]
        kind = LABELS.get(folder, "hit" if folder in OTHER_HITS else None)
        if kind is None or float(row["seconds"]) > LONGEST_S:
            continue
        series = str(Path(row["file"]).parent / SERIES.sub("", Path(row["file"]).stem))
        for found in slices_of(corpus / row["file"], rate_hz, SILENCE, Sensitivity())[0][:MOST_HITS_OF_FILE]:
            audio = found.audio[max(0, found.onsets[0] - LEAD_SAMPLES) :][: round(LONGEST_HIT_S * rate_hz)]
            if audio.size >= 3 * codec.spec.hop_samples and audio.any():
                hits.append(Hit(series, kind, codec.encode(audio[None])[0], _qualities(audio, rate_hz)))
    return hits


def learn(hits: list[Hit], codec: Codec) -> LatentStatistics:
    """Learn the statistics from hits.

    Raises:
        PresetError: there are too few series of hits.
    """
    slopes, offsets = _band_map(hits, codec)
    series: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        series[hit.series].append(hit)
    groups = [group for group in series.values() if len(group) >= FEWEST_IN_SERIES]
    if not groups:
        raise PresetError(f"the corpus has no {FEWEST_IN_SERIES} hits of one object: name them alike but for a number")
    differences = {kind: _differences([group for group in groups if group[0].kind == kind]) for kind in CLASSES}
    everything = _differences(groups)
    everywhere = _effort(*everything)
    efforts = {}
    for kind, (knots, qualities) in differences.items():
        share = len(knots) / (len(knots) + SHARED_HITS)
        own = _effort(knots, qualities) if len(knots) > KNOTS else everywhere
        efforts[kind] = _sharpened(share * own + (1 - share) * everywhere, slopes)
    variations = {
        kind: _variations(knots if len(knots) > 2 * DIRECTIONS else everything[0])
        for kind, (knots, _) in differences.items()
    }
    return LatentStatistics(codec.spec.fingerprint, codec.spec.hop_samples, slopes, offsets, variations, efforts)


def _band_map(hits: list[Hit], codec: Codec) -> tuple[np.ndarray, np.ndarray]:
    """Return the linear map from latents to mel bands in dB, fitted to what the model decodes."""
    rate_hz, hop, dims = codec.spec.sample_rate, codec.spec.hop_samples, codec.spec.latent_dim
    products, right = RIDGE * np.eye(dims + 1), np.zeros((dims + 1, MEL_BANDS))
    for number, hit in enumerate(hits):
        power = mel_power(codec.decode(hit.latents[None], [number])[0], rate_hz)
        frame = np.minimum(np.arange(power.shape[1]) * round(HOP_S * rate_hz) // hop, len(hit.latents) - 1)
        sums = np.zeros((len(hit.latents), MEL_BANDS))
        np.add.at(sums, frame, power.T)
        bands = sums / np.maximum(np.bincount(frame, minlength=len(sums)), 1)[:, None]
        rows = np.concatenate([hit.latents, np.ones((len(hit.latents), 1))], axis=1).astype(np.float64)
        products += rows.T @ rows
        right += rows.T @ np.maximum(10 * np.log10(np.maximum(bands, 1e-12)), FLOOR_DB)
    solution = np.linalg.solve(products, right).astype(np.float32)
    return solution[:-1], solution[-1]


def _differences(groups: list[list[Hit]]) -> tuple[np.ndarray, np.ndarray]:
    """Return how hits differ from the mean of their series: latents at the knots, and qualities."""
    knots, qualities = [], []
    for group in groups:
        own_knots = np.stack([_at_knots(hit.latents) for hit in group])
        own_qualities = np.stack([hit.qualities for hit in group])
        knots.append(own_knots - own_knots.mean(axis=0))
        qualities.append(own_qualities - own_qualities.mean(axis=0))
    if not groups:
        return np.zeros((0, KNOTS, 0)), np.zeros((0, 3))
    return np.concatenate(knots), np.concatenate(qualities)


def _at_knots(latents: np.ndarray) -> np.ndarray:
    """Return the latents around each knot, ``[KNOTS, dims]``."""
    curves = knot_curves(len(latents))
    return curves @ latents / np.maximum(curves.sum(axis=1, keepdims=True), 1e-6)


def _effort(knots: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """Return how latents change with effort, ``[KNOTS, dims]``, for one octave of the centroid.

    Effort is what brightness, sharpness of the attack and peak level have in common: the sum of their standard scores.
    The latents are regressed on it.
    """
    scores = (qualities / np.maximum(qualities.std(axis=0), 1e-9)).sum(axis=1)
    energy = scores @ scores
    octaves = scores @ qualities[:, 0] / energy
    return np.einsum("n,nkd->kd", scores, knots) / energy / octaves


def _sharpened(effort: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the effort with an attack that gains at least :data:`ATTACK_GAIN_DB` an octave over body and tail."""
    gains_db = (effort @ slopes).mean(axis=1)
    missing_db = np.maximum(ATTACK_GAIN_DB - (gains_db[0] - gains_db[1:]), 0)
    sharp = effort.copy()
    sharp[1:] -= missing_db[:, None] * level_direction_of(slopes)
    return sharp.astype(np.float32)


def _variations(knots: np.ndarray) -> np.ndarray:
    """Return the principal directions of the differences, ``[DIRECTIONS, KNOTS, dims]``, each a deviation long."""
    flat = knots.reshape(len(knots), -1)
    _, values, axes = np.linalg.svd(flat, full_matrices=False)
    lengths = values[:DIRECTIONS, None] / np.sqrt(len(flat))
    return (lengths * axes[:DIRECTIONS]).reshape(-1, *knots.shape[1:]).astype(np.float32)


def _qualities(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    power = mel_power(audio, rate_hz).sum(axis=1)
    octaves = np.log2(mel_centres_hz(rate_hz))
    window = round(ATTACK_S * rate_hz)
    envelope = np.sqrt(np.convolve(np.square(audio, dtype=np.float64), np.ones(window) / window, "same"))
    top = int(envelope[: rate_hz // 5].argmax())
    below = np.flatnonzero(envelope[: top + 1] < ATTACK_SHARE * envelope[top])
    rise_s = max((top - (below[-1] if len(below) else 0)) / rate_hz, 1e-4)
    peak_db = 20 * np.log10(max(float(np.abs(audio).max()), 1e-9))
    return np.array([power @ octaves / max(power.sum(), 1e-12), -np.log2(rise_s), peak_db])


if __name__ == "__main__":
    from presets.bank import FACTORY_BANK

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="foley")
    parser.add_argument("--folder", type=Path, default=FACTORY_BANK)
    options = parser.parse_args()
    model = load_codec(options.model)
    print(save_statistics(learn(hits_of(options.corpus, model), model), model.spec.name, options.folder))
