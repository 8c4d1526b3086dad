"""Mix presets: sum or blend their latents, or weight them so that every preset stays audible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.codecs.latent_mixing import mix_dominance_aware, pad_to_longest, slerp, weighted_sum
from plugin_backend.errors import PresetError
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import LEVEL, ONSET, apply_controls, clip_to_bounds
from presets.lookup import check_model
from presets.preset import MOST_TAGS, Preset, PresetHeader, Provenance, RingControls, Take

LEAST_POWER = 1e-12
"""A level of less power than this is silence."""

Latents = list[np.ndarray]
"""Latents ``[1, frames, dims]`` of equal length, one for each preset."""


def _sum(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return weighted_sum(latents, list(weights), codec.silence(1)[0])


def _linear(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return weighted_sum(latents, list(weights / weights.sum()))


def _spherical(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    first, second = latents
    return slerp(first, second, weights[1] / weights.sum())


def _dominance(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return mix_dominance_aware(latents, codec)[0]


METHODS: dict[str, Callable[[Latents, np.ndarray, Codec], np.ndarray]] = {
    "sum": _sum,
    "linear": _linear,
    "spherical": _spherical,
    "dominance": _dominance,
}
"""Methods of mixing. ``sum`` adds the differences from silence. ``linear`` is a weighted mean. ``spherical`` rotates
from the first preset to the second. ``dominance`` weights every frame so that each preset stays audible."""


def mix_presets(
    presets: Sequence[Preset],
    codec: Codec,
    name: str,
    method: str = "linear",
    weights: Sequence[float] | None = None,
    **fields: Any,
) -> Preset:
    """Mix two or more presets of the same kind into one.

    Take *n* of the result mixes take *n* of each preset. A preset with fewer takes starts again at its first. The takes
    are aligned at their attacks, to within a frame. Deviations are mixed as independent ones. Gains in dB and widths
    are averaged by weight. Modes are matched by frequency (:mod:`plugin_backend.modes.match_modes`).

    Args:
        presets: at least two, of the codec's model.
        codec: model of the presets.
        name: name of the new preset.
        method: a key of :data:`METHODS`. ``spherical`` takes exactly two presets; ``dominance`` takes no weights.
        weights: one for each preset, not negative and not all zero; by default, all are equal.
        fields: header fields in place of the derived ones. By default the result has the tags of all presets, and a
            material, licence or chain of effects that is the same in all presets.

    Raises:
        PresetError: the presets cannot be mixed, or a number is out of range.
    """
    _check(presets, codec, method, weights)
    shares = np.array(weights if weights is not None else [1.0] * len(presets), np.float64)
    portions = shares / shares.sum()
    means, deviations, takes, mode_tables = [], [], [], []
    for index in range(max(len(preset.means) for preset in presets)):
        chosen = [index % len(preset.means) for preset in presets]
        latents, spreads = side_by_side(presets, chosen, codec)
        mixture = _with_conditions(METHODS[method](latents, shares, codec), latents, method, shares, codec.spec)
        mixed_takes = [preset.header.takes[take] for preset, take in zip(presets, chosen, strict=True)]
        waits = _waits(presets, chosen, codec)
        late = [wait * codec.spec.hop_samples for wait in waits]
        skip = min(take.skip_samples + by for take, by in zip(mixed_takes, late, strict=True))
        mode_tables.append(_mixed_modes(presets, chosen, late, method, shares))
        means.append(mixture[0])
        deviations.append(
            np.sqrt(sum(np.square(np.float32(p) * spread) for p, spread in zip(portions, spreads, strict=True)))[0]
        )
        fades = [take.fade_out_samples for take in mixed_takes if take.fade_out_samples is not None]
        takes.append(Take(skip, max(take.length_samples for take in mixed_takes), max(fades, default=None)))
    headers = [preset.header for preset in presets]
    description = f"{method} of {', '.join(header.name for header in headers)}"
    header = PresetHeader(
        name=name,
        kind=headers[0].kind,
        codec=codec.spec.name,
        fingerprint=codec.spec.fingerprint,
        takes=takes,
        **{
            "description": description,
            "provenance": Provenance(made=description),
            "width": round(float(portions @ [header.width for header in headers]), 6),
            **_common_fields(headers),
            **fields,
        },
        variation=float(portions @ [header.variation for header in headers]),
        stereo=any(header.stereo for header in headers),
        gain_db=round(float(portions @ [header.gain_db for header in headers]), 2),
        ring=RingControls(strike=float(portions @ [header.ring.strike for header in headers])),
        low_cut_hz=max(header.low_cut_hz for header in headers),
        fade_in_samples=min(header.fade_in_samples for header in headers),
        fade_out_samples=max(header.fade_out_samples for header in headers),
    )
    return Preset(header, means, deviations, mode_tables if any(map(len, mode_tables)) else [])


def _with_conditions(
    mixture: np.ndarray, latents: Latents, method: str, shares: np.ndarray, spec: CodecSpec
) -> np.ndarray:
    """Return a mixture with a pitch and a level that are plain numbers of it, where latents of the model hold them.

    The pitch is the mean of the pitches by weight, and so is the level in dB; but in a sum, powers are added.

    Args:
        mixture: ``[frames, dims]`` or ``[1, frames, dims]``.
        latents: what was mixed.
        method: a key of :data:`METHODS`.
        shares: one for each preset.
        spec: of the model.
    """
    mixture = mixture.copy()
    parts = np.concatenate(latents).astype(np.float64)
    for dim in (spec.pitch_dim, spec.loudness_dim):
        if dim is not None:
            mixture[..., dim] = np.tensordot(shares / shares.sum(), parts[..., dim], 1)
    if spec.loudness_dim is not None and method == "sum":
        powers = np.square(shares)[:, None] * 10 ** (2 * parts[..., spec.loudness_dim])
        mixture[..., spec.loudness_dim] = np.log10(np.maximum(powers.sum(axis=0), LEAST_POWER)) / 2
    return mixture


def _mixed_modes(
    presets: Sequence[Preset], chosen: Sequence[int], late: Sequence[int], method: str, shares: np.ndarray
) -> np.ndarray:
    """Return the modes of the mixture of one take each: all modes in a sum, otherwise matched by frequency."""
    tables = []
    for preset, take, by in zip(presets, chosen, late, strict=True):
        rows = apply_controls(preset.modes_of(take), {**msgspec.structs.asdict(preset.header.ring), "strike": 0.0}, 0)
        rows[:, ONSET] += by
        tables.append(rows)
    if method == "sum":
        for rows, share in zip(tables, shares, strict=True):
            rows[:, LEVEL] *= share
        mixed = np.concatenate(tables)
    else:
        mixed, total = tables[0], shares[0]
        for rows, share in zip(tables[1:], shares[1:], strict=True):
            total += share
            mixed = interpolate_modes(mixed, rows, share / total if total else 0.0)
    return clip_to_bounds(mixed)


def _common_fields(headers: list[PresetHeader]) -> dict[str, Any]:
    """Return the header fields of a mixture: all tags and credits, and other fields that are equal in all presets."""
    tags = list(dict.fromkeys(tag for header in headers for tag in header.tags))[:MOST_TAGS]
    first = headers[0]
    same = {
        field: getattr(first, field)
        for field in ("material", "licence", "chain")
        if all(getattr(header, field) == getattr(first, field) for header in headers)
    }
    credit = "; ".join(dict.fromkeys(header.credit for header in headers if header.credit))
    return {"tags": tags, "credit": credit, **same}


def side_by_side(presets: Sequence[Preset], takes: Sequence[int], codec: Codec) -> tuple[Latents, Latents]:
    """Return means and deviations of one take of each preset, with equal length.

    Hits get silence before them, so that their attacks are in the same frame, and after them. Textures are repeated.
    """
    means, deviations = (
        [latents[take] for latents, take in zip(both, takes, strict=True)]
        for both in ([preset.means for preset in presets], [preset.deviations for preset in presets])
    )
    if presets[0].header.kind == "texture":
        rounds = np.arange(max(map(len, means)))
        looped = [[take[None, rounds % len(take)] for take in both] for both in (means, deviations)]
        return looped[0], looped[1]
    waits = _waits(presets, takes, codec)
    late = [np.concatenate([codec.silence(wait), mean[None]], axis=1) for mean, wait in zip(means, waits, strict=True)]
    latents = pad_to_longest(late, codec)
    spreads = [np.zeros_like(each) for each in latents]
    for spread, deviation, wait in zip(spreads, deviations, waits, strict=True):
        spread[0, wait : wait + len(deviation)] = deviation
    return latents, spreads


def _waits(presets: Sequence[Preset], takes: Sequence[int], codec: Codec) -> list[int]:
    """Return the frames that each take must wait for the take with the latest attack; textures do not wait."""
    if presets[0].header.kind == "texture":
        return [0] * len(presets)
    hop = codec.spec.hop_samples
    frames_in = [preset.header.takes[take].skip_samples // hop for preset, take in zip(presets, takes, strict=True)]
    return [max(frames_in) - frames for frames in frames_in]


def _check(presets: Sequence[Preset], codec: Codec, method: str, weights: Sequence[float] | None) -> None:
    problem = None
    if len(presets) < 2:
        problem = "give at least two presets"
    elif method not in METHODS:
        problem = f"no method '{method}'; give one of {', '.join(METHODS)}"
    elif method == "spherical" and len(presets) != 2:
        problem = f"a spherical mixture takes two presets, not {len(presets)}"
    elif method == "dominance" and weights is not None:
        problem = "a dominance-aware mixture finds its own weights; give none"
    elif len({preset.header.kind for preset in presets}) > 1:
        problem = "hits and textures do not mix; give presets of one kind"
    elif weights is not None and len(weights) != len(presets):
        problem = f"{len(weights)} weights for {len(presets)} presets"
    elif weights is not None and (not np.isfinite(weights).all() or min(weights) < 0 or max(weights) <= 0):
        problem = "weights must be finite, none below 0, one above"
    if problem:
        raise PresetError(f"mixture: {problem}")
    for preset in presets:
        check_model(preset, codec)
