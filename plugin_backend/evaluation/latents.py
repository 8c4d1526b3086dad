"""The latent space itself: a map of it, ways through it, and sounds drawn from it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from plugin_backend.codec import Codec
from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.dense_clips import CLIP_S, PEAK, group_of
from plugin_backend.evaluation.embeddings import Embedding, embed
from plugin_backend.evaluation.frechet import Cloud, cloud_distance
from plugin_backend.evaluation.materials import Materials
from plugin_backend.mixtures import interpolate, slerp
from plugin_backend.waveform_vae.codec import WaveformCodec

WAYS = {"linear": interpolate, "spherical": slerp}
STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
DRAWS, SEED = 8, 0
MOST_FRAMES = 20_000
"""Of the judged sounds' latents, what the fitted prior is made from."""


def latent_map(codec: Codec, sounds: list[Sound]) -> dict:
    """Every sound's mean latent on the two principal axes of them all, with each label's median.

    Answers ``points`` ``[sounds][x, y]``, ``labels``, ``medians`` and ``variance_shares`` of both axes.
    """
    means = np.stack([codec.encode(sound.audio[None])[0].mean(axis=0) for sound in sounds]).astype(np.float64)
    labels = [group_of(sound.label) for sound in sounds]
    _, sizes, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    points = np.zeros((len(sounds), 2))
    seen = (means - means.mean(axis=0)) @ axes[:2].T
    points[:, : seen.shape[1]] = seen
    shares = np.zeros(2)
    shares[: min(2, sizes.size)] = (sizes**2 / max(np.square(sizes).sum(), 1e-12))[:2]
    medians = {
        label: np.median(points[[one == label for one in labels]], axis=0).round(4).tolist() for label in sorted(set(labels))
    }
    return {
        "points": points.round(4).tolist(),
        "labels": labels,
        "medians": medians,
        "variance_shares": shares.round(4).tolist(),
    }


def interpolation(
    materials: Materials, originals: dict[str, dict[str, Cloud]], corpus: dict[str, Cloud], tell: Callable[[], None]
) -> dict:
    """Fréchet distances on the way from each material to the next, and by how much they exceed the worse end.

    ``ends`` are distances to the originals of both ends together, ``corpus`` to all dense clips.
    ``worst_ratio`` is the largest, over pairs and stops, of distance over the worse end's.
    """
    pairs = list(zip(materials.names, materials.names[1:] + materials.names[:1], strict=True))
    pairs = pairs[:1] if len(materials.names) == 2 else pairs
    result = {"stops": list(STOPS), "pairs": [list(pair) for pair in pairs], "ways": {}}
    both = {pair: _united(originals[pair[0]], originals[pair[1]]) for pair in pairs}
    for way, between in WAYS.items():
        distances = {name: {"ends": [], "corpus": []} for name in corpus}
        for pair in pairs:
            a, b = (materials.latents[name] for name in pair)
            stops = [materials.clouds(materials.decoded(between(a, b, t))) for t in STOPS]
            for name in corpus:
                distances[name]["ends"].append([round(cloud_distance(s[name], both[pair][name]), 4) for s in stops])
                distances[name]["corpus"].append([round(cloud_distance(s[name], corpus[name]), 4) for s in stops])
            tell()
        result["ways"][way] = {
            name: tables | {f"worst_ratio_{to}": _worst_ratio(rows) for to, rows in tables.items()}
            | {f"mean_ratio_{to}": _mean_ratio(rows) for to, rows in tables.items()}
            for name, tables in distances.items()
        }  # fmt: skip
    return result


def _united(a: dict[str, Cloud], b: dict[str, Cloud]) -> dict[str, Cloud]:
    return {name: Cloud.of(np.concatenate([c.centred + c.mean for c in (a[name], b[name])])) for name in a}


def _ratios(rows: list[list[float]]) -> np.ndarray:
    table = np.array(rows).reshape(-1, len(STOPS))
    return table[:, 1:-1].max(axis=1) / np.maximum(np.maximum(table[:, 0], table[:, -1]), 1e-9)


def _worst_ratio(rows: list[list[float]]) -> float | None:
    return round(float(_ratios(rows).max()), 4) if rows else None


def _mean_ratio(rows: list[list[float]]) -> float | None:
    return round(float(_ratios(rows).mean()), 4) if rows else None


def prior_latents(codec: Codec, sounds: list[Sound], frames: int) -> dict[str, np.ndarray]:
    """Random latents ``[DRAWS, frames, dims]`` by kind.

    ``standard normal``: the prior training pulls towards, independent frames (only for models that know
    their raw latents). ``fitted, white``: independent frames with the mean and covariance of the sounds'
    latents. ``fitted, smooth``: the same, each frame following the last as the sounds' do (an AR(1) process per
    dimension, coefficient = lag-1 autocorrelation).
    """
    rng = np.random.default_rng(SEED)
    noise = rng.standard_normal((DRAWS, frames, codec.spec.latent_dim))
    each = [codec.encode(sound.audio[None])[0] for sound in sounds]
    known = np.concatenate(each)[:MOST_FRAMES].astype(np.float64)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    values, axes = np.linalg.eigh(np.atleast_2d(np.cov(known.T, bias=True)))
    white = noise @ (axes * np.sqrt(np.maximum(values, 0))).T
    before, after = (np.concatenate([sound[part] for sound in each]) - mean for part in (slice(None, -1), slice(1, None)))
    follow = np.clip((before * after).mean(axis=0) / np.maximum(deviation**2, 1e-12), 0, 0.999)
    smooth = white.copy()
    for frame in range(1, frames):
        smooth[:, frame] = follow * smooth[:, frame - 1] + np.sqrt(1 - follow**2) * white[:, frame]
    drawn = {"fitted, white": mean + white, "fitted, smooth": mean + smooth}
    if isinstance(codec, WaveformCodec):
        zero = torch.zeros(1, 1, codec.spec.latent_dim)
        drawn = {"standard normal": codec.model.compact(zero, zero)[0].numpy() + noise} | drawn
    return {kind: latents.astype(np.float32) for kind, latents in drawn.items()}


def prior_study(codec: Codec, sounds: list[Sound], corpus: dict[str, Cloud], embeddings: list[Embedding]) -> dict:
    """Kind of random latents → embedding → Fréchet distance of their sounds (at peak 0.5) to the dense clips."""
    rate_hz = codec.spec.sample_rate
    result = {}
    for kind, latents in prior_latents(codec, sounds, codec.spec.frames(round(CLIP_S * rate_hz))).items():
        audio = codec.decode(latents)
        audio *= PEAK / np.maximum(np.abs(audio).max(axis=1, keepdims=True), 1e-9)
        result[kind] = {
            by.name: round(cloud_distance(Cloud.of(np.concatenate(embed(list(audio), rate_hz, by))), corpus[by.name]), 4)
            for by in embeddings
        }
    return result
