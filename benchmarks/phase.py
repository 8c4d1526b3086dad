"""Measure how well a phase is found: ``python -m benchmarks.phase CORPUS``. The table is in docs/timbres_and_maps.md.

Spectral convergence in dB (lower is better) of 16 one-shots of the corpus, 22,050 Hz, 16,384 samples: on the method's
own grid, and on an independent one of 1024/128 that no method was fitted to.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np

from plugin_backend.audio_files import read_mono_blocks
from plugin_backend.dsp.spectrogram import METHODS, Grid, sound_of_magnitudes, spectrum

RATE_HZ, SAMPLES, SOUNDS = 22_050, 16_384, 16
GRIDS = (Grid(512, 256), Grid(512, 128), Grid(1024, 256))
INDEPENDENT = Grid(1024, 128)
LABELS = (
    "impact_metal",
    "impact_wood",
    "impact_stone",
    "impact_glass",
    "footsteps/wood",
    "footsteps/gravel",
    "door",
    "vegetation",
)


def one_shots(corpus: Path) -> np.ndarray:
    """Return the first two sounds of each label that last 0.2 to 2 s, ``[16, samples]``, peaks at −6 dBFS."""
    with open(corpus / "manifest.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if 0.2 <= float(row["seconds"]) <= 2]
    sounds = []
    for label in LABELS:
        for row in [row for row in rows if row["label"] == label][: SOUNDS // len(LABELS)]:
            audio = np.concatenate(list(read_mono_blocks(corpus / row["file"], RATE_HZ)))[:SAMPLES]
            sounds.append(np.pad(audio, (0, SAMPLES - len(audio))) * (0.5 / np.abs(audio).max()))
    return np.stack(sounds).astype(np.float32)


def convergence_db(sounds: np.ndarray, restored: np.ndarray, grid: Grid) -> float:
    """Return ``20 log10(‖|X| − |Y|‖ / ‖|X|‖)``, the mean over the sounds."""
    true, found = (np.abs(spectrum(one, grid)) for one in (sounds, restored))
    axes = (1, 2)
    ratio = np.linalg.norm(true - found, axis=axes) / np.linalg.norm(true, axis=axes)
    return float(np.mean(20 * np.log10(np.maximum(ratio, 1e-9))))


def main() -> None:
    """Print the table."""
    sounds = one_shots(Path(sys.argv[1]))
    print(f"{len(sounds)} sounds")
    for name, method in METHODS.items():
        cells = []
        for grid in GRIDS:
            magnitudes = np.abs(spectrum(sounds, grid))
            started = time.process_time()
            restored = sound_of_magnitudes(magnitudes, grid, method)
            cost_ms = 1000 * (time.process_time() - started) / len(sounds)
            own, other = (convergence_db(sounds, restored, which) for which in (grid, INDEPENDENT))
            cells.append(f"{own:.1f} / {other:.1f} ({cost_ms:.1f} ms)")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
