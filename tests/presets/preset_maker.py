"""A preset of random latents for tests."""

import numpy as np

from presets.preset import Preset, PresetHeader, Take


def make_preset(name="door", kind="hit", takes=3, dims=4, frames=50, **fields) -> Preset:
    rng = np.random.default_rng(0)
    means = [rng.standard_normal((frames, dims)).astype(np.float32) for _ in range(takes)]
    deviations = [np.full((frames, dims), 0.1, np.float32) for _ in range(takes)]
    header = PresetHeader(name=name, kind=kind, codec="m", fingerprint="f", takes=[Take(7, 20_000)] * takes, **fields)
    return Preset(header, means, deviations)
