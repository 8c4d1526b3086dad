"""The mix pad as data: which presets are mixed, and the sound at a place of the pad."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from plugin_backend.errors import PresetError
from presets.mixing import METHODS, mix_presets
from presets.preset import Preset, PresetHeader
from render.instrument.take_pool import TakeId, TakePool
from studio.web.library import Library
from studio.workflows.preset_play import PlayOptions, audio_of_takes

FEWEST, MOST, STEPS = 2, 4, 11
MOST_KEPT = 64
GAP_S, TEXTURE_S = 0.2, 3.0
DOMINANCE = "dominance"


@dataclass
class Chosen:
    """What is mixed.

    Attributes:
        keys: of two to four presets of one kind and one model.
        kept: mixtures by method and weights.
    """

    keys: tuple[str, ...] = ()
    kept: OrderedDict[tuple, Preset] = field(default_factory=OrderedDict)


def check_choice(library: Library, keys: Sequence[str]) -> None:
    """Check that presets can be mixed.

    Raises:
        PresetError: they are too few, too many, equal, or of different kinds or models.
    """
    if not FEWEST <= len(keys) <= MOST or len(set(keys)) < len(keys):
        raise PresetError(f"{len(keys)} presets: choose {FEWEST} to {MOST} different ones")
    headers = [library.preset(key).header for key in keys]
    first = headers[0]
    for header in headers[1:]:
        if header.kind != first.kind:
            raise PresetError(f"'{first.name}' is a {first.kind} and '{header.name}' a {header.kind}: mix one kind")
        if header.fingerprint != first.fingerprint:
            raise PresetError(f"'{first.name}' and '{header.name}' are of different models: mix one model")


def mixture(library: Library, chosen: Chosen, weights: Sequence[float], method: str, name: str = "mixture") -> Preset:
    """Return a mixture of what is chosen.

    Args:
        library: the banks.
        chosen: what is mixed.
        weights: one for each preset; ``dominance`` finds its own.
        method: of :data:`presets.mixing.METHODS`.
        name: of the new preset.

    Raises:
        PresetError: the mixture cannot be made.
    """
    if method not in METHODS:
        raise PresetError(f"no method '{method[:64]}'; there are {', '.join(METHODS)}")
    if len(weights) != len(chosen.keys):
        raise PresetError(f"{len(weights)} weights for {len(chosen.keys)} presets")
    key = method, name, tuple(round(float(weight), 4) for weight in weights) if method != DOMINANCE else ()
    if key not in chosen.kept:
        presets = [library.preset(each) for each in chosen.keys]
        shares = None if method == DOMINANCE else list(weights)
        chosen.kept[key] = mix_presets(presets, library.models.codec(presets[0]), name, method, shares)
        while len(chosen.kept) > MOST_KEPT:
            chosen.kept.popitem(last=False)
    return chosen.kept[key]


def take_of(library: Library, preset: Preset, take: int, effort: float) -> tuple[np.ndarray, int]:
    """Return one take of a preset that is in no bank, ``[channels, samples]`` float32, and its rate in Hz.

    Args:
        library: for the model.
        preset: the preset.
        take: number of the take, from 0.
        effort: 0..1.
    """
    codec = library.models.codec(preset)
    pool, rate_hz = TakePool([codec], 0), codec.spec.sample_rate
    if preset.header.kind == "hit":
        return pool.take(preset, TakeId(f"strike {take}", effort))[None], rate_hz
    options = PlayOptions(takes=1, texture_s=TEXTURE_S, seed=take)
    return next(audio_of_takes(preset, pool, options, rate_hz)), rate_hz


def line_of(library: Library, chosen: Chosen, steps: int, method: str) -> list[np.ndarray]:
    """Return one take at each step of the line from the first preset to the second.

    Args:
        library: the banks.
        chosen: its first two presets are the ends.
        steps: how many, ends included.
        method: of mixing; ``dominance`` has no line.

    Raises:
        PresetError: there is no such line.
    """
    if len(chosen.keys) < FEWEST:
        raise PresetError("choose two presets first")
    if method == DOMINANCE:
        raise PresetError("a dominance-aware mixture finds its own weights, so it has no line; choose linear")
    ends = Chosen(chosen.keys[:2])
    places = [step / (steps - 1) for step in range(steps)]
    mixtures = [mixture(library, ends, [1 - place, place], method) for place in places]
    return [take_of(library, each, 0, 1.0)[0] for each in mixtures]


def random_pair(library: Library, seed: int) -> tuple[str, str]:
    """Return two presets that can be mixed, chosen at random.

    Raises:
        PresetError: there are no two.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for key in library.preset_keys():
        header: PresetHeader = library.preset(key).header
        if library.models.spec(header.fingerprint) is not None:
            groups.setdefault((header.kind, header.fingerprint), []).append(key)
    pairs = [pair for keys in groups.values() for pair in itertools.combinations(keys, 2)]
    if not pairs:
        raise PresetError("no two presets of one kind and one model are in these banks")
    first, second = pairs[int(np.random.default_rng(seed).integers(len(pairs)))]
    return first, second
