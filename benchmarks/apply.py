"""Measure how near a recording comes to a preset that is applied to it, the speed, and the memory of long files.

    python benchmarks/apply.py                      # prints the tables kept in docs/apply.md

Nearness is measured to the preset's own material (its decoded takes): the Fréchet distance of YAMNet embeddings, and
the mean difference over 80 mel bands of the long-term spectra, in dB, both at one level. The inputs are generated from
a seed: a voice (glottal pulses and breath through moving vowels), claps, and whistles. The Makefile names the packages
that the embedding needs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as the package `render`

RATE, SECONDS = 48_000, 20
PRESETS = ("step-gravel", "prop-metal", "amb-rain", "cloth-leather")
VOWELS_HZ = np.array([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480)])
WAYS = {
    "the input": None,
    "through the codec": {"strength": 0.0, "blend": 0.0},
    "bias and scale": {"blend": 0.0},
    "bias and scale, running": {"blend": 0.0},
    "blend 0.5 (default)": {},
    "blend 0.5, running": {},
    "blend 1": {"blend": 1.0},
    "blend 1, level not followed": {"blend": 1.0, "follow": 0.0},
    "hits": None,
}


def resonant(source: np.ndarray, hz: float, width_hz: float) -> np.ndarray:
    """Filter with a two-pole resonator."""
    from scipy.signal import lfilter

    radius = np.exp(-np.pi * width_hz / RATE)
    return lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius**2], source)


def voice(rng: np.random.Generator) -> np.ndarray:
    """Return syllables of 120 to 300 ms with pauses."""
    sound, at = np.zeros(SECONDS * RATE), 0
    while at < sound.size - RATE:
        count = int(rng.uniform(0.12, 0.3) * RATE)
        pitch = np.cumsum(np.linspace(rng.uniform(90, 180), rng.uniform(80, 160), count)) / RATE
        source = np.diff(np.floor(pitch), prepend=0.0) + 0.02 * rng.standard_normal(count)
        voice = sum(resonant(source, hz, 90) for hz in VOWELS_HZ[rng.integers(len(VOWELS_HZ))])
        sound[at : at + count] += voice / np.abs(voice).max() * np.hanning(count) ** 0.5 * rng.uniform(0.1, 0.4)
        at += count + int(rng.choice([0.02, 0.3]) * RATE)
    return sound.astype(np.float32)


def claps(rng: np.random.Generator) -> np.ndarray:
    """Return two claps per second, 12 dB apart in level."""
    sound = 1e-4 * rng.standard_normal(SECONDS * RATE)
    for at in range(RATE // 4, sound.size - RATE // 2, RATE // 2):
        count = int(0.15 * RATE)
        burst = resonant(rng.standard_normal(count), rng.uniform(900, 1600), 700) * np.exp(-np.arange(count) / 700)
        sound[at : at + count] += burst / np.abs(burst).max() * rng.uniform(0.15, 0.6)
    return sound.astype(np.float32)


def whistles(rng: np.random.Generator) -> np.ndarray:
    """Return glides between 800 Hz and 2.4 kHz."""
    sound, at = 3e-4 * rng.standard_normal(SECONDS * RATE), 0
    while at < sound.size - RATE:
        count = int(rng.uniform(0.2, 0.8) * RATE)
        hz = np.geomspace(rng.uniform(800, 2400), rng.uniform(800, 2400), count)
        sound[at : at + count] += 0.3 * np.sin(2 * np.pi * np.cumsum(hz) / RATE) * np.hanning(count) ** 0.5
        at += count + int(0.25 * RATE)
    return sound.astype(np.float32)


INPUTS = {"voice": voice, "claps": claps, "whistles": whistles}


def long_term_db(sounds: list[np.ndarray]) -> np.ndarray:
    """Return the mean mel power in dB, ``[bands]``, shifted to a mean of 0."""
    from plugin_backend.dsp.mel import mel_power

    power = np.mean([mel_power(sound, RATE).mean(axis=1) for sound in sounds], axis=0)
    level = 10 * np.log10(np.maximum(power, power.max() * 1e-8))
    return level - level.mean()


def likeness() -> None:
    from plugin_backend.evaluation.embeddings.base import embed
    from plugin_backend.evaluation.embeddings.yamnet import Yamnet
    from plugin_backend.evaluation.metrics.frechet import frechet_distance
    from plugin_backend.models.registry import load_codec
    from plugin_backend.transfer.settings import HITS, Settings
    from presets.lookup import find_preset
    from render.apply.applier import Applier

    codec, yamnet = load_codec("foley"), Yamnet()
    rng = np.random.default_rng(5)
    inputs = {name: make(rng) for name, make in INPUTS.items()}
    rows: dict[str, dict[str, list]] = {way: {name: [] for name in inputs} for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for name in PRESETS:
            preset = find_preset(name)
            takes = [
                codec.decode(mean[None])[0, take.skip_samples :]
                for mean, take in zip(preset.means, preset.header.takes, strict=True)
            ]
            material = np.concatenate(takes)[: SECONDS * RATE]
            material = material / np.abs(material).max() * 0.3
            own, own_db = np.concatenate(embed([material], RATE, yamnet)), long_term_db([material])
            for sound_name, sound in inputs.items():
                source = Path(folder) / f"{sound_name}.wav"
                soundfile.write(source, sound, RATE, "FLOAT")
                for way, controls in WAYS.items():
                    if way == "hits" and preset.header.kind != "hit":
                        continue
                    output = sound
                    if way != "the input":
                        settings = (
                            Settings(HITS, bits=32)
                            if way == "hits"
                            else Settings(controls=controls, running="running" in way, bits=32)
                        )
                        applier = Applier(codec, preset, settings)
                        out = applier.apply(source, Path(folder) / "out.wav").path
                        output = soundfile.read(out, dtype="float32")[0]
                    output = output / max(np.abs(output).max(), 1e-6) * 0.3
                    distance = frechet_distance(np.concatenate(embed([output], RATE, yamnet)), own)
                    mel = float(np.abs(long_term_db([output]) - own_db).mean())
                    rows[way][sound_name].append((distance, mel))
                    print(
                        f"{name:15} {sound_name:9} {way:28} {distance:7.1f} {mel:6.2f} dB", file=sys.stderr, flush=True
                    )
    print("\n| | " + " | ".join(inputs) + " | all |\n|---|" + "---|" * (len(inputs) + 1))
    for way, own in rows.items():
        cells = [np.mean(own[name], axis=0) for name in inputs]
        cells.append(np.mean(cells, axis=0))
        print(f"| {way} | " + " | ".join(f"{distance:.0f}, {mel:.1f} dB" for distance, mel in cells) + " |")


def cost(minutes: list[float]) -> None:
    """Measure speed and the peak memory of the process, for one longer file after another."""
    from plugin_backend.models.registry import load_codec
    from plugin_backend.transfer.settings import HITS, Settings
    from presets.lookup import find_preset
    from render.apply.applier import Applier

    codec, preset = load_codec("foley"), find_preset("step-gravel")
    sound = claps(np.random.default_rng(1))
    print("\n| minutes | mode | × real time | most memory, MB |\n|---|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.wav"
        for length in minutes:
            with soundfile.SoundFile(source, "w", RATE, 1, "PCM_16") as file:
                for _ in range(round(length * 60 / SECONDS)):
                    file.write(sound)
            for mode in (HITS, "transfer"):
                applier = Applier(codec, preset, Settings(mode))
                began = time.perf_counter()
                path = applier.apply(source, Path(folder) / "out.wav").path
                spent = time.perf_counter() - began
                assert soundfile.info(path).frames == soundfile.info(source).frames
                most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"| {length:g} | {mode} | {length * 60 / spent:.1f} | {most:.0f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, nargs="*", default=[1, 10], help="lengths to time; none: likeness only"
    )
    parser.add_argument("--no-likeness", action="store_true")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    if not options.no_likeness:
        likeness()
    cost(options.minutes)
