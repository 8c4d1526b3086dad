"""A preset made of others: their latents summed, blended, or weighted so that none is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.codecs.latent_mixing import mix_dominance_aware, pad_to_longest, slerp, weighted_sum
from plugin_backend.errors import PresetError
from plugin_backend.modes.match_modes import interpolate_modes
from plugin_backend.modes.mode_table import LEVEL, ONSET, apply_controls, clip_to_bounds
from presets.preset import MOST_TAGS, Preset, PresetHeader, Provenance, RingControls, Take, check_fits

Latents = list[np.ndarray]
"""Equally long ``[1, frames, dims]`` latents, one per preset."""


def _sum(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return weighted_sum(latents, weights, codec.silence(1)[0])


def _linear(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return weighted_sum(latents, weights / weights.sum())


def _spherical(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return slerp(*latents, weights[1] / weights.sum())


def _dominance(latents: Latents, weights: np.ndarray, codec: Codec) -> np.ndarray:
    return mix_dominance_aware(latents, codec)[0]


METHODS: dict[str, Callable[[Latents, np.ndarray, Codec], np.ndarray]] = {
    "sum": _sum,
    "linear": _linear,
    "spherical": _spherical,
    "dominance": _dominance,
}
"""``sum`` adds departures from silence, ``linear`` is a weighted mean, ``spherical`` turns from the first
preset to the second, ``dominance`` weighs every frame so that each preset stays audible."""


def mix_presets(
    presets: Sequence[Preset],
    codec: Codec,
    name: str,
    how: str = "linear",
    weights: Sequence[float] | None = None,
    **fields,
) -> Preset:
    """One preset of two or more of the same kind.

    Its take *n* mixes take *n* of each (counted round where one has fewer), aligned at the attack to
    within a frame. Deviations mix as independent ones do. Gains in dB and widths are averaged by weight. Modes are
    matched by frequency (:mod:`plugin_backend.modes.match_modes`).

    Args:
        presets: at least two, of ``codec``'s model.
        codec: decodes the mixtures to find their attacks.
        how: a key of :data:`WAYS`; ``spherical`` takes exactly two presets, ``dominance`` no weights.
        weights: one a preset, not negative, not all zero; alike if ``None``.
        fields: header fields in place of what follows from the presets': their tags together, a material, licence or
            chain of effects where it is one and the same.

    Raises:
        PresetError: the presets do not go together, or a number is out of range.
    """
    _check(presets, codec, how, weights)
    shares = np.array(weights if weights is not None else [1.0] * len(presets), np.float64)
    portions = shares / shares.sum()
    means, deviations, takes, rung = [], [], [], []
    for index in range(max(len(preset.means) for preset in presets)):
        chosen = [index % len(preset.means) for preset in presets]
        latents, spreads = _side_by_side(presets, chosen, codec)
        mixture = METHODS[how](latents, shares, codec)
        own = [preset.header.takes[take] for preset, take in zip(presets, chosen, strict=True)]
        waits = _waits(presets, chosen, codec)
        late = [wait * codec.spec.hop_samples for wait in waits]
        skip = min(take.skip_samples + by for take, by in zip(own, late, strict=True))
        rung.append(_rung(presets, chosen, late, how, shares))
        means.append(mixture[0])
        deviations.append(
            np.sqrt(sum(np.square(np.float32(p) * own) for p, own in zip(portions, spreads, strict=True)))[0]
        )
        fades = [take.fade_out_samples for take in own if take.fade_out_samples is not None]
        takes.append(Take(skip, max(take.length_samples for take in own), max(fades, default=None)))
    headers = [preset.header for preset in presets]
    described = f"{how} of {', '.join(header.name for header in headers)}"
    header = PresetHeader(
        name=name,
        kind=headers[0].kind,
        codec=codec.spec.name,
        fingerprint=codec.spec.fingerprint,
        takes=takes,
        **{
            "description": described,
            "provenance": Provenance(made=described),
            "width": round(float(portions @ [header.width for header in headers]), 6),
            **_words(headers),
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
    return Preset(header, means, deviations, rung if any(map(len, rung)) else [])


def _rung(
    presets: Sequence[Preset], chosen: Sequence[int], late: Sequence[int], how: str, shares: np.ndarray
) -> np.ndarray:
    """What rings in the mixture of one take each: all of it in a sum, else matched by frequency, by weight."""
    tables = []
    for preset, take, by in zip(presets, chosen, late, strict=True):
        rows = apply_controls(preset.modes_of(take), {**msgspec.structs.asdict(preset.header.ring), "strike": 0.0}, 0)
        rows[:, ONSET] += by
        tables.append(rows)
    if how == "sum":
        for rows, share in zip(tables, shares, strict=True):
            rows[:, LEVEL] *= share
        mixed = np.concatenate(tables)
    else:
        mixed, total = tables[0], shares[0]
        for rows, share in zip(tables[1:], shares[1:], strict=True):
            total += share
            mixed = interpolate_modes(mixed, rows, share / total if total else 0.0)
    return clip_to_bounds(mixed)


def _words(headers: list[PresetHeader]) -> dict:
    """What can be said of a mixture: all tags, and what is one and the same in all."""
    tags = list(dict.fromkeys(tag for header in headers for tag in header.tags))[:MOST_TAGS]
    first = headers[0]
    same = {
        field: getattr(first, field)
        for field in ("material", "licence", "chain")
        if all(getattr(header, field) == getattr(first, field) for header in headers)
    }
    credit = "; ".join(dict.fromkeys(header.credit for header in headers if header.credit))
    return {"tags": tags, "credit": credit, **same}


def _side_by_side(presets: Sequence[Preset], takes: Sequence[int], codec: Codec) -> tuple[Latents, Latents]:
    """Means and deviations of one take each, equally long.

    Hits wait in silence until their attacks fall into one frame, and end in silence; textures go round.
    """
    means, deviations = (
        [latents[take] for latents, take in zip(both, takes, strict=True)]
        for both in ([preset.means for preset in presets], [preset.deviations for preset in presets])
    )
    if presets[0].header.kind == "texture":
        rounds = np.arange(max(map(len, means)))
        return tuple([own[None, rounds % len(own)] for own in both] for both in (means, deviations))
    waits = _waits(presets, takes, codec)
    late = [np.concatenate([codec.silence(wait), own[None]], axis=1) for own, wait in zip(means, waits, strict=True)]
    latents = pad_to_longest(late, codec)
    spreads = [np.zeros_like(own) for own in latents]
    for spread, own, wait in zip(spreads, deviations, waits, strict=True):
        spread[0, wait : wait + len(own)] = own
    return latents, spreads


def _waits(presets: Sequence[Preset], takes: Sequence[int], codec: Codec) -> list[int]:
    """Frames that each take waits for the one whose attack comes last; textures do not wait."""
    if presets[0].header.kind == "texture":
        return [0] * len(presets)
    hop = codec.spec.hop_samples
    frames_in = [preset.header.takes[take].skip_samples // hop for preset, take in zip(presets, takes, strict=True)]
    return [max(frames_in) - frames for frames in frames_in]


def _check(presets: Sequence[Preset], codec: Codec, how: str, weights: Sequence[float] | None) -> None:
    problem = None
    if len(presets) < 2:
        problem = "give at least two presets"
    elif how not in METHODS:
        problem = f"no way '{how}' to mix; give one of {', '.join(METHODS)}"
    elif how == "spherical" and len(presets) != 2:
        problem = f"a spherical mixture takes two presets, not {len(presets)}"
    elif how == "dominance" and weights is not None:
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
        if preset.header.fingerprint != codec.spec.fingerprint:
            raise PresetError(
                f"preset '{preset.name}' belongs to model '{preset.header.codec}' ({preset.header.fingerprint}), "
                f"not to '{codec.spec.name}' ({codec.spec.fingerprint})"
            )
        check_fits(preset, codec.spec)
