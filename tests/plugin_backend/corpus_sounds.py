"""Sounds for tests of the corpus, and helpers that prepare a corpus and read its report."""

import numpy as np
import soundfile

from plugin_backend.corpus.dataset import prepare_corpus

RATE = 48_000


def noise(seconds, rate=RATE, seed=0, level=0.1):
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)) * level


def step(seed, seconds=0.3, rate=RATE):
    """Return a thump that all takes share, plus a scuff that differs between takes."""
    time = np.arange(round(seconds * rate)) / rate
    thump = np.sin(2 * np.pi * 150 * time) * np.exp(-time / 0.05) * 0.6
    return thump + noise(seconds, rate, seed, 0.05) * np.exp(-time / 0.04)


def reported(corpus):
    """Return file → reason or remark."""
    return {
        entry["file"]: entry.get("reason") or entry["remark"]
        for key in ("dropped", "remarks")
        for entry in corpus.report[key]
    }


def only(tmp_path, audio, rate=RATE, name="a.wav", **options):
    soundfile.write(tmp_path / name, audio, rate, **options)
    return prepare_corpus(tmp_path)
