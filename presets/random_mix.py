"""A preset nobody thought of: some of a bank's, mixed at random by a seed."""

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
    """A linear mixture of ``of`` presets; which, by which weights and how they vary follows from the seed alone.

    Args:
        presets: to choose among, all of one kind, in an order that stays.
        codec: the presets' model; those of others are left out.
        name: of the new one.
        seed: 0 or more.
        of: how many are mixed, 2 or more.

    Raises:
        PresetError: there are not so many of the model.
    """
    fitting = [preset for preset in presets if preset.header.fingerprint == codec.spec.fingerprint]
    if len(fitting) < of:
        raise PresetError(f"{len(fitting)} such presets of model '{codec.spec.name}': {of} are to be mixed")
    rng = np.random.default_rng(seed)
    chosen = [fitting[index] for index in rng.choice(len(fitting), of, replace=False)]
    weights = np.round(rng.dirichlet(np.ones(of)), 3)
    told = ", ".join(f"{weight:g} {preset.name}" for preset, weight in zip(chosen, weights, strict=True))
    said = {"description": f"random: {told}", "provenance": Provenance(made=f"random, seed {seed}: {told}")}
    mixed = mix_presets(chosen, codec, name, "linear", weights.tolist(), **said)
    variation = round(float(rng.uniform(LEAST_VARIATION, MOST_VARIATION)), 3)
    return dataclasses.replace(mixed, header=msgspec.structs.replace(mixed.header, variation=variation))
