"""Measure performances of the factory's footsteps: how new they are, how near to takes left out, and what effort does.

python -m benchmarks.performance [--cues 200] [--presets step-gravel ...] [--no-embeddings] [--plot FOLDER]

For each preset, on decoded sounds, three tables:

* Cues in a row. *Nearest* is the distance of a cue to the most similar one of the six before it, relative to the median
  distance of two of the preset's takes: the least, and the share of cues below 60 %. *Farthest* is the largest distance
  of any two cues, relative to the two takes that differ most. *Before* is the old way: a take at random, and white
  noise on its latents.
* Takes left out. Each take in turn is left out of the preset: distance of the nearest performance to it, beside the
  distance of the nearest other take to it.
* Effort from 0.2 to 1: spectral centroid and slope of the attack, and the distance of the two ends at equal loudness.

Distances are the mean difference of log-mel spectra in dB, and those of embeddings (YAMNet, aiSFX).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.dsp.mel import mel_centres_hz, mel_power
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from presets.performance.aligned_takes import aligned_takes_of
from presets.performance.draw import Draw
from presets.performance.memory import choose_candidates
from presets.performance.performance import Performance
from presets.preset import Preset
from render.plan.choose_draws import take_seed

RATE_HZ, WINDOW, LONGEST_S, AUDIBLE_DB, FLOOR_DB = 48_000, 6, 0.64, 50.0, 60.0
ATTACK_SAMPLES = 1_440
EFFORTS = (0.2, 0.4, 0.6, 0.8, 1.0)
LOG_MEL = "log-mel"


def performed(codec, preset: Preset, draw: Draw) -> np.ndarray:
    """Return the audio of a performance, ``[samples]``."""
    performance = Performance(preset, draw, codec.spec)
    audio = codec.decode(next(performance.latents()), [draw.seed])[0]
    return audio[performance.skip_samples :][: performance.length_samples]


def take_audio(codec, preset: Preset, take: int, seed: int, deviations: float = 0.0) -> np.ndarray:
    """Return the audio of a take; with ``deviations``, with white noise on its latents, as performed formerly."""
    rng, where = np.random.default_rng([seed, 1]), preset.header.takes[take]
    noise = deviations * preset.deviations[take] * rng.standard_normal(preset.means[take].shape, np.float32)
    audio = codec.decode((preset.means[take] + noise)[None], [seed])[0]
    return audio[where.skip_samples :][: where.length_samples]


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Return mel bands in dB from the loudest, of the first ``LONGEST_S``, ``[bands, frames]``."""
    samples = round(LONGEST_S * RATE_HZ)
    power = mel_power(np.pad(audio[:samples], (0, max(0, samples - audio.size))), RATE_HZ)
    db = 10 * np.log10(np.maximum(power, power.max() * 10 ** (-FLOOR_DB / 10)))
    return db - db.max()


def log_mel_distances(sounds: list[np.ndarray], others: list[np.ndarray]) -> np.ndarray:
    """Return the distance of every sound to every other, ``[sounds, others]`` in dB."""
    some, rest = ([log_mel(audio) for audio in each] for each in (sounds, others))

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        audible = np.maximum(one, other).max(axis=0) > -AUDIBLE_DB
        return float(np.abs(one - other)[:, audible].mean())

    return np.array([[distance(one, other) for other in rest] for one in some])


def embedding_distances(name: str):
    """Return a function like :func:`log_mel_distances` on the mean embedding of a sound."""
    from plugin_backend.evaluation.embeddings.base import EMBEDDINGS, embed

    embedding = EMBEDDINGS[name]()

    def distances(sounds: list[np.ndarray], others: list[np.ndarray]) -> np.ndarray:
        some, rest = (
            np.stack([rows.mean(axis=0) for rows in embed(each, RATE_HZ, embedding)]) for each in (sounds, others)
        )
        return np.linalg.norm(some[:, None] - rest, axis=2)

    return distances


def in_a_row(codec, preset: Preset, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the sounds of cues in a row: now, and in the old way."""
    seeds = [take_seed(1, f"c{number}", 1) for number in range(count)]
    candidates = choose_candidates(aligned_takes_of(preset, codec.spec.hop_samples), seeds)
    now = [performed(codec, preset, Draw(seed, choice)) for seed, choice in zip(seeds, candidates, strict=True)]
    takes = [int(np.random.default_rng([seed, 0]).integers(len(preset.means))) for seed in seeds]
    return now, [take_audio(codec, preset, take, seed, 1.0) for take, seed in zip(takes, seeds, strict=True)]


def novelty(takes: np.ndarray, cues: np.ndarray) -> tuple[float, float, float]:
    """Return the least nearest distance, the share of cues below 60 %, and the farthest; see the module's text."""
    pairs = takes[np.triu_indices(len(takes), 1)]
    nearest = np.array([cues[i, max(0, i - WINDOW) : i].min() for i in range(1, len(cues))]) / np.median(pairs)
    return float(nearest.min()), float((nearest < 0.6).mean()), float(cues.max() / pairs.max())


def left_out(codec, preset: Preset, distances, count: int = 8) -> tuple[float, float]:
    """Return the median distance of each take to the nearest performance without it, and to the nearest other take."""
    own = [take_audio(codec, preset, take, 1 + take) for take in range(len(preset.means))]
    between = distances(own, own) + np.diag(np.full(len(own), np.inf))
    nearest = []
    for take, audio in enumerate(own):
        kept = [index for index in range(len(own)) if index != take]
        header = msgspec.structs.replace(preset.header, takes=[preset.header.takes[index] for index in kept])
        rest = replace(
            preset,
            header=header,
            means=[preset.means[index] for index in kept],
            deviations=[preset.deviations[index] for index in kept],
            modes=[preset.modes[index] for index in kept] if preset.modes else [],
        )
        sounds = [performed(codec, rest, Draw(seed)) for seed in range(count)]
        nearest.append(distances([audio], sounds).min())
    return float(np.median(nearest)), float(np.median(between.min(axis=1)))


def effort_steps(codec, preset: Preset, seeds=range(6)) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the mean centroid in octaves and attack slope in dB/ms at each effort, and the distance of the ends."""
    octaves = np.log2(mel_centres_hz(RATE_HZ))
    centroids, slopes, ends = np.zeros(len(EFFORTS)), np.zeros(len(EFFORTS)), []
    for seed in seeds:
        sounds = [performed(codec, preset, Draw(seed, effort=effort)) for effort in EFFORTS]
        sounds = [sound / np.sqrt(np.square(sound).sum()) for sound in sounds]
        for step, sound in enumerate(sounds):
            power = mel_power(sound, RATE_HZ).sum(axis=1)
            centroids[step] += power @ octaves / power.sum() / len(seeds)
            envelope = np.sqrt(np.convolve(np.square(sound), np.ones(96) / 96, "same"))[:ATTACK_SAMPLES]
            slopes[step] += 20 * np.log10(np.diff(envelope[::48]).max()) / len(seeds)
        ends.append(log_mel_distances(sounds[:1], sounds[-1:])[0, 0])
    return centroids, slopes, float(np.mean(ends))


def plot(name: str, before: list[np.ndarray], after: list[np.ndarray], path: Path) -> None:
    """Draw eight steps in a row, before and after."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, rows = pyplot.subplots(2, 8, figsize=(14, 4), sharex=True, sharey=True)
    for row, title, sounds in zip(rows, ("before", "now"), (before, after), strict=True):
        for axis, sound in zip(row, sounds[:8], strict=True):
            axis.imshow(log_mel(sound), origin="lower", aspect="auto", vmin=-60, vmax=0, extent=(0, LONGEST_S, 0, 80))
        row[0].set_ylabel(f"{title}\nmel band")
    for axis in rows[1]:
        axis.set_xlabel("s")
    figure.suptitle(f"{name}: eight cues in a row")
    figure.tight_layout()
    figure.savefig(path / f"performance_{name}.png", dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cues", type=int, default=200)
    parser.add_argument("--presets", nargs="*")
    parser.add_argument("--no-embeddings", action="store_true")
    parser.add_argument("--plot", type=Path, help="folder of the pictures")
    options = parser.parse_args()
    codec, bank = load_codec("foley"), Bank()
    names = options.presets or [preset.name for preset in bank if preset.name.startswith("step-")]
    measures = {LOG_MEL: log_mel_distances}
    if not options.no_embeddings:
        measures |= {name: embedding_distances(name) for name in ("yamnet", "aisfx")}
    print("| preset | takes | distance | nearest before | now | below 60 % before | now | farthest before | now |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        preset = bank[name]
        takes = [take_audio(codec, preset, take, 1 + take) for take in range(len(preset.means))]
        now, before = in_a_row(codec, preset, options.cues)
        if options.plot:
            plot(name, before, now, options.plot)
        for measure, distances in measures.items():
            own = distances(takes, takes)
            old, new = (novelty(own, distances(sounds, sounds)) for sounds in (before, now))
            cells = [f"{old[0]:.2f} | {new[0]:.2f}", f"{old[1]:.0%} | {new[1]:.0%}", f"{old[2]:.2f} | {new[2]:.2f}"]
            print(f"| {name} | {len(takes)} | {measure} | {' | '.join(cells)} |", flush=True)
    print("\n| preset | take left out: nearest performance, dB | nearest other take, dB |\n|---|---|---|")
    for name in names:
        near, other = left_out(codec, bank[name], log_mel_distances)
        print(f"| {name} | {near:.2f} | {other:.2f} |", flush=True)
    print("\n| preset | centroid at .2 … 1, octaves from 1 | attack slope, dB from 1 | ends apart, dB |")
    print("|---|---|---|---|")
    for name in names:
        centroids, slopes, apart = effort_steps(codec, bank[name])
        rows = (" ".join(f"{value:+.2f}" for value in values - values[-1]) for values in (centroids, slopes))
        print(f"| {name} | {' | '.join(rows)} | {apart:.1f} |", flush=True)


if __name__ == "__main__":
    main()
