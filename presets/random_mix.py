"""Make a new preset: mix some presets of a bank at random, by a seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from presets.mixing import mix_presets
from presets.preset import Preset, Provenance

LEAST_VARIATION, MOST_VARIATION = 0.5, 1.5


def random_preset(presets: Sequence[Preset], codec: Codec, name: str, seed: int, of: int = 2) -> Preset:
    """Mix presets linearly. The seed alone decides which presets, their weights and the variation.

    Args:
        presets: presets to choose from, all of one kind; their order matters.
        codec: model of the presets; presets of other models are left out.
        name: name of the new preset.
        seed: 0 or more.
        of: number of presets to mix, 2 or more.

    Raises:
        PresetError: there are fewer presets of the model.
    """
    fitting = [preset for preset in presets if preset.header.fingerprint == codec.spec.fingerprint]
    if len(fitting) < of:
        raise PresetError(f"{len(fitting)} such presets of model '{codec.spec.name}', but {of} are needed")
    rng = np.random.default_rng(seed)
    chosen = [fitting[index] for index in rng.choice(len(fitting), of, replace=False)]
    weights = np.round(rng.dirichlet(np.ones(of)), 3)
    recipe = ", ".join(f"{weight:g} {preset.name}" for preset, weight in zip(chosen, weights, strict=True))
    fields = {"description": f"random: {recipe}", "provenance": Provenance(made=f"random, seed {seed}: {recipe}")}
    mixed = mix_presets(chosen, codec, name, "linear", weights.tolist(), **fields)
    variation = round(float(rng.uniform(LEAST_VARIATION, MOST_VARIATION)), 3)
    return dataclasses.replace(mixed, header=msgspec.structs.replace(mixed.header, variation=variation))
