"""Measure how well hits are found and placed, beside librosa, on synthetic hits and on walks of real steps.

    python benchmarks/spotting.py CORPUS            # prints the tables kept in docs/spotting.md

Walks are made of single steps (at most 1 s long) of one package and material of the Foley corpus, 0.40 to 0.65 s apart,
12 dB (in one condition 40 dB) apart in level, over pink noise or a stretch of wind, water or rain. Noise is given
relative to the median step's loudest 10 ms. The true position is where a step was put plus its own attack: its first
sample within 20 dB of its peak, measured on the step alone. A material is *crisp* if its median step rises from −30 to
−10 dB of its peak within 20 ms; the beginnings of the others cannot be located to 20 ms.

By default the packages held out from the factory models are used; nothing was tuned on them. librosa is optional and
not part of Pisada: `pip install librosa`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

sys.path[0] = str(Path(__file__).parents[1])  # this file must not be found as the package `render`

RATE = 48_000
STEPS = 40
CONDITIONS = ("clean", "pink +40 dB", "pink +30 dB", "pink +20 dB", "ambience +20 dB", "40 dB apart")
Walk = tuple[str, str, np.ndarray, np.ndarray]
"""Material, condition, audio ``[samples]`` float32, onsets in samples."""


def read(path: Path) -> np.ndarray:
    from plugin_backend.audio_files import read_mono

    return read_mono(path, RATE).astype(np.float64)


def attack(step: np.ndarray) -> int:
    """Return the first sample within 20 dB of the peak."""
    return int(np.argmax(np.abs(step) >= 0.1 * np.abs(step).max()))


def rise_ms(step: np.ndarray) -> float:
    level = np.abs(step) / np.abs(step).max()
    return 1000 * (np.argmax(level >= 10**-0.5) - np.argmax(level >= 10**-1.5)) / RATE


def loudest(audio: np.ndarray) -> float:
    """Return the RMS of the loudest 10 ms."""
    return float(np.sqrt(np.convolve(np.square(audio), np.full(480, 1 / 480), "valid").max()))


def pink(count: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.maximum(np.fft.rfftfreq(count, 1 / RATE)[1:], 20))
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def corpus_sounds(corpus: Path, held_out: bool) -> tuple[dict[str, list[np.ndarray]], list[np.ndarray]]:
    """Return steps by package and material, and ambiences."""
    from plugin_backend.corpus.holdout import FACTORY_HELD_OUT

    steps, ambiences = defaultdict(list), []
    with open(corpus / "manifest.csv", newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if (row["debian_package"] in FACTORY_HELD_OUT) == held_out]
    for row in rows:
        seconds, (kind, _, material) = float(row["seconds"]), row["label"].partition("/")
        if kind == "footsteps" and material != "hoof" and seconds <= 1:
            steps[f"{row['debian_package']} {material}"].append(read(corpus / row["file"]))
        elif kind in ("wind", "water", "rain") and seconds >= 4:
            ambiences.append(read(corpus / row["file"]))
    return {name: each for name, each in sorted(steps.items()) if len(each) > 1}, ambiences


def walk(steps: list[np.ndarray], rng: np.random.Generator, range_db: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return audio at peak 0.5, onsets, and the median step's loudest 10 ms."""
    placed, at = [], RATE
    for _ in range(STEPS):
        step = steps[rng.integers(len(steps))]
        placed.append((at, step * 10 ** (rng.uniform(-range_db, 0) / 20) / loudest(step)))
        at += int(rng.uniform(0.40, 0.65) * RATE)
    audio = np.zeros(at + RATE)
    for start, step in placed:
        audio[start : start + step.size] += step
    scale = 0.5 / np.abs(audio).max()
    onsets = np.array([start + attack(step) for start, step in placed])
    return audio * scale, onsets, scale * float(np.median([loudest(step) for _, step in placed]))


def walks(corpus: Path, held_out: bool) -> tuple[list[Walk], set[str]]:
    """Return every material under every condition, and which materials are crisp."""
    materials, ambiences = corpus_sounds(corpus, held_out)
    made = []
    for number, (name, steps) in enumerate(materials.items()):
        rng = np.random.default_rng([1, number])
        audio, onsets, level = walk(steps, rng, 12)
        wide, wide_onsets, wide_level = walk(steps, rng, 40)
        noise, ambience = pink(audio.size, rng), np.resize(ambiences[rng.integers(len(ambiences))], audio.size)
        noises = [None, *((noise, db) for db in (40, 30, 20)), (ambience / ambience.std(), 20)]
        for condition, added in zip(CONDITIONS, noises, strict=False):
            mixed = audio if added is None else audio + added[0] * level * 10 ** (-added[1] / 20)
            made.append((name, condition, mixed.astype(np.float32), onsets))
        quiet = pink(wide.size, rng) * wide_level * 10 ** (-45 / 20)
        made.append((name, CONDITIONS[-1], (wide + quiet).astype(np.float32), wide_onsets))
    return made, {name for name, steps in materials.items() if np.median([rise_ms(step) for step in steps]) <= 20}


def synthetic() -> list[Walk]:
    """Return decaying bursts of noise at known samples; the true position is where the rise begins."""
    rng, made = np.random.default_rng(0), []
    onsets = RATE + np.arange(40) * (RATE // 2) + np.arange(40) * 37
    for attack_ms in (0, 1, 5, 10, 20):
        for snr_db in (60, 40, 20, 10):
            audio = rng.standard_normal(22 * RATE) * 0.3 * 10 ** (-snr_db / 20)
            time_s = np.arange(RATE // 4) / RATE
            shape = np.minimum(1, time_s / max(attack_ms / 1000, 1 / RATE)) * np.exp(-time_s / 0.06)
            shape[0] = shape[0] if attack_ms else 1
            for onset in onsets:
                audio[onset : onset + shape.size] += 0.3 * shape * rng.standard_normal(shape.size)
            made.append((f"attack {attack_ms} ms", f"{snr_db} dB", audio.astype(np.float32), onsets))
    return made


def matches(truth: np.ndarray, found: np.ndarray, reach: int) -> list[int]:
    """Return errors in samples of the onsets found within reach, each used once."""
    errors, i, j = [], 0, 0
    while i < len(truth) and j < len(found):
        error = int(found[j] - truth[i])
        if abs(error) <= reach:
            errors.append(error)
            i, j = i + 1, j + 1
        elif error < 0:
            j += 1
        else:
            i += 1
    return errors


def f1(pairs: list[tuple[np.ndarray, np.ndarray]], reach_ms: int) -> float:
    hits = sum(len(matches(truth, found, reach_ms * RATE // 1000)) for truth, found in pairs)
    return 2 * hits / max(1, sum(len(truth) + len(found) for truth, found in pairs))


def error_ms(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the median of the absolute errors of hits found within 50 ms."""
    errors = [error for truth, found in pairs for error in matches(truth, found, RATE // 20)]
    return float(np.median(np.abs(errors))) * 1000 / RATE if errors else float("nan")


def by_pisada(audio: np.ndarray) -> np.ndarray:
    from plugin_backend.hit_detection import detect_hits

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "guide.wav"
        soundfile.write(path, audio, RATE, subtype="FLOAT")
        return np.array([hit.onset_samples for hit in detect_hits(path)], int)


def by_librosa(audio: np.ndarray) -> np.ndarray:
    """Find onsets with librosa's defaults: 22.05 kHz, hop 512."""
    import librosa

    audio = librosa.resample(audio, orig_sr=RATE, target_sr=22_050)
    return np.round(librosa.onset.onset_detect(y=audio, sr=22_050, units="time") * RATE).astype(int)


def by_fine_librosa(audio: np.ndarray) -> np.ndarray:
    """Find onsets with librosa at the file's rate, every 2.7 ms, backtracked, and with our shortest gap."""
    import librosa

    frames = {"sr": RATE, "hop_length": 128, "wait": round(0.15 * RATE / 128)}
    return librosa.onset.onset_detect(y=audio, units="samples", backtrack=True, **frames)


def methods() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    try:
        import librosa

        peers = {f"librosa {librosa.__version__}": by_librosa, "librosa, fine": by_fine_librosa}
    except ImportError:
        print("librosa is not installed: no peer beside us\n")
        peers = {}
    return {"Pisada": by_pisada} | peers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder with the corpus' manifest.csv")
    parser.add_argument("--training", action="store_true", help="the packages that we tuned on instead")
    options = parser.parse_args()
    real, crisp = walks(options.corpus, not options.training)
    made, found, speed = synthetic(), {}, {}
    for name, method in methods().items():
        method(real[0][2])  # what is compiled or loaded once is not timed
        began = time.perf_counter()
        found[name] = {id(item): method(item[2]) for item in [*made, *real]}
        speed[name] = sum(item[2].size for item in [*made, *real]) / RATE / (time.perf_counter() - began)
    header = "| F1 20 ms | F1 50 ms | median error |"
    rule = "|---|---|---|---|---|---|"

    def rows(first: str, second: str, items: list[Walk]) -> None:
        for name, by in found.items():
            pairs = [(item[3], by[id(item)]) for item in items]
            scores = f"{f1(pairs, 20):.3f} | {f1(pairs, 50):.3f} | {error_ms(pairs):.2f} ms"
            print(f"| {first} | {second} | {name} | {scores} |")

    print(f"| hits | noise | by {header}\n{rule}")
    for item in made:
        rows(item[0], item[1], [item])
    print(f"\n| steps | condition | by {header}\n{rule}")
    for kind, chosen in (("crisp", crisp), ("soft", {item[0] for item in real} - crisp)):
        for condition in CONDITIONS:
            rows(kind, condition, [item for item in real if item[0] in chosen and item[1] == condition])
    for condition in CONDITIONS:
        rows("all", condition, [item for item in real if item[1] == condition])
    print(f"\n| material, clean | kind | by {header}\n{rule}")
    for item in real:
        if item[1] == "clean":
            rows(item[0], "crisp" if item[0] in crisp else "soft", [item])
    print("\n" + "\n".join(f"{name}: {times:.0f} × real time" for name, times in speed.items()))


if __name__ == "__main__":
    main()
