"""Studies of pairs, an original and its decoded version: partials, hit shapes, texture statistics.

Each study takes pairs of any sounds, so that clips, single sounds and a bank's takes are measured in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from plugin_backend.corpus.sound import Sound
from plugin_backend.evaluation.data.dense_clips import DenseClip, is_texture, trimmed
from plugin_backend.evaluation.metrics.hit_shape import hit_shape
from plugin_backend.evaluation.metrics.partials import partials
from plugin_backend.evaluation.metrics.score_clips import System
from plugin_backend.evaluation.metrics.texture_statistics import STATISTICS, texture_distances

LONGEST_HIT_S, BEFORE_S, AFTER_S = 4.0, 0.1, 0.2


@dataclass(frozen=True)
class Pair:
    """An original and its decoded version, both ``[samples]`` of one length, aligned; ``label`` groups pairs."""

    name: str
    label: str
    source: str
    truth: np.ndarray
    guess: np.ndarray


def single_hits(sounds: list[Sound], sample_rate: int) -> list[Sound]:
    """Return the sounds that are not textures, trimmed to at most 4 s, with silence of 100 ms before and 200 after."""
    margins = tuple(round(seconds * sample_rate) for seconds in (BEFORE_S, AFTER_S))
    trimmed_sounds = [(sound, trimmed(sound.audio)[: round(LONGEST_HIT_S * sample_rate)]) for sound in sounds]
    return [
        replace(sound, audio=np.pad(audio, margins))
        for sound, audio in trimmed_sounds
        if audio.size and not is_texture(sound.label)
    ]


def studies(
    systems: dict[str, System],
    clips: list[DenseClip],
    decoded: dict[str, list[np.ndarray]],
    singles: list[Sound],
    sample_rate: int,
    tell: Callable[[], None] = lambda: None,
) -> dict[str, dict]:
    """Return by system the ``texture_statistics`` of clips, and ``hits`` and ``tonality`` of single sounds.

    Only textures count among the clips; all clips, if there is no texture.

    Args:
        systems: by name, functions that make a decoded sound of an original one.
        clips: the clips.
        decoded: by system, the decoded clips.
        singles: see :func:`single_hits`; each system decodes them.
        sample_rate: of all, in Hz.
        tell: called after each system.
    """
    chosen = [index for index, clip in enumerate(clips) if is_texture(clip.label)] or list(range(len(clips)))
    found = {}
    for name, system in systems.items():
        textures = [_pair(clips[i].name, clips[i], decoded[name][i]) for i in chosen]
        alone = [_pair(sound.file, sound, system(sound.audio, sample_rate)) for sound in singles]
        found[name] = {
            "texture_statistics": texture_study(textures, sample_rate),
            "hits": hits(alone, sample_rate),
            "tonality": tonality(alone, sample_rate),
        }
        tell()
    return found


def _pair(name: str, original: DenseClip | Sound, guess: np.ndarray) -> Pair:
    return Pair(name, original.label, original.source, original.audio, guess)


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values; ``None`` if there are none."""
    known = [value for value in values if value is not None]
    return round(float(np.median(known)), 4) if known else None


def tonality(pairs: list[Pair], sample_rate: int) -> dict:
    """Return how the partials of all pairs changed, in total and for each partial.

    Returns:
        ``partials``, ``sounds`` with any, ``found`` (the share of partials still 12 dB over the floor); medians over
        partials of ``prominence_db`` (the original's), ``prominence_change_db`` (signed), ``prominence_error_db``,
        partials of ``prominence_db`` (the original's), ``prominence_change_db`` (signed), ``prominence_error_db``,
    """
    rows = [
        {"name": pair.name, "label": pair.label, "decay_error_percent": one.decay_error_percent} | asdict(one)
        for pair in pairs
        for one in partials(pair.guess, pair.truth, sample_rate)
    ]
    changes = [row["decoded_prominence_db"] - row["prominence_db"] for row in rows]
    return {
        "partials": len(rows),
        "sounds": len({row["name"] for row in rows}),
        "found": round(float(np.mean([row["cents"] is not None for row in rows])), 4) if rows else None,
        "prominence_db": median(row["prominence_db"] for row in rows),
        "prominence_change_db": median(changes),
        "prominence_error_db": median(map(abs, changes)),
        "cents_error": median(_size(row["cents"]) for row in rows),
        "decay_error_percent": median(_size(row["decay_error_percent"]) for row in rows),
        "rows": [_rounded(row) for row in rows],
    }


def hits(pairs: list[Pair], sample_rate: int) -> dict:
    """Return the shapes of hits: medians over all pairs and over those of each label.

    Returns:
        ``hits``, medians of every number of :class:`~plugin_backend.evaluation.metrics.hit_shape.HitShape`,
        ``rise_ratio`` and
        ``fall_ratio`` (decoded median over original median), and ``by_label`` with the same of each.
    """
    shapes = [(pair.label, hit_shape(pair.guess, pair.truth, sample_rate)) for pair in pairs]
    rows = [(label, asdict(shape)) for label, shape in shapes if shape is not None]
    labels = sorted({label for label, _ in rows})
    by_label = {label: _hits_of([row for name, row in rows if name == label]) for label in labels}
    return _hits_of([row for _, row in rows]) | {"by_label": by_label}


def _hits_of(rows: list[dict]) -> dict:
    result: dict[str, Any] = {"hits": len(rows)} | {
        name: median(row[name] for row in rows) for name in (rows[0] if rows else ())
    }
    for name in ("rise", "fall") if rows else ():
        result[f"{name}_ratio"] = round(result[f"{name}_ms"] / result[f"original_{name}_ms"], 4)
    return result


def texture_study(pairs: list[Pair], sample_rate: int) -> dict:
    """Return texture statistics of all pairs: distances decoded–original beside those of two takes of the original.

    Returns:
        ``sounds``; per statistic ``decoded`` and ``takes`` (means over pairs); ``ratio``, the geometric mean over
        statistics of decoded over takes; 1: as far as another take.
    """
    all_distances = (texture_distances(pair.guess, pair.truth, sample_rate) for pair in pairs)
    found = [distances for distances in all_distances if distances is not None]
    if not found:
        return {"sounds": 0, "ratio": None}
    means = {name: np.mean([distances[name] for distances in found], axis=0) for name in STATISTICS}
    ratios = [max(decoded, 1e-9) / max(takes, 1e-9) for decoded, takes in means.values()]
    return {"sounds": len(found), "ratio": round(float(np.exp(np.mean(np.log(ratios)))), 4)} | {
        name: {"decoded": round(float(of[0]), 4), "takes": round(float(of[1]), 4)} for name, of in means.items()
    }


def _size(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _rounded(row: dict) -> dict:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
