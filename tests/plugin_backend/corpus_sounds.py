"""Sounds for tests of the corpus, and what it says of them."""

import numpy as np
import soundfile

from plugin_backend.corpus.dataset import prepare_corpus

RATE = 48_000


def noise(seconds, rate=RATE, seed=0, level=0.1):
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)) * level


def step(seed, seconds=0.3, rate=RATE):
    """A thump that all takes share, and a scuff that each has of its own."""
    time = np.arange(round(seconds * rate)) / rate
    thump = np.sin(2 * np.pi * 150 * time) * np.exp(-time / 0.05) * 0.6
    return thump + noise(seconds, rate, seed, 0.05) * np.exp(-time / 0.04)


def told(corpus):
    return {
        entry["file"]: entry.get("reason") or entry["remark"]
        for key in ("dropped", "remarks")
        for entry in corpus.report[key]
    }


def only(tmp_path, audio, rate=RATE, name="a.wav", **how):
    soundfile.write(tmp_path / name, audio, rate, **how)
    return prepare_corpus(tmp_path)
