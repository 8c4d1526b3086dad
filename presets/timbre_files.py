"""Write a path between sounds as a folder: one file for each point, all in one file, the originals, and a list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import OutputError, PresetError
from plugin_backend.output_files import disk_error, make_folder, make_folder_atomically
from presets.bank import Bank
from presets.timbre_paths import LETTERS, LINEAR, corner_latents, decode_points, path_between, read_corner

PAUSE_S = 0.1


@dataclass(frozen=True)
class PathSettings:
    """How a path is made.

    Attributes:
        steps: points on a side.
        method: ``linear`` or ``spherical``.
        match_pitch: give all sounds the pitch of the first.
        banks: where presets are looked up; none for the factory's.
        workers: batches that are decoded at the same time.
    """

    steps: int = 11
    method: str = LINEAR
    match_pitch: bool = False
    banks: Sequence[Path] = field(default_factory=tuple)
    workers: int = 1


def write_path(sources: Sequence[str], codec: Codec, out: Path, settings: PathSettings) -> list[Path]:
    """Write the sounds between two, three or four sounds into a new folder. It appears whole or not at all.

    The names in it never come from the sources: ``original_a.wav`` …, ``step_000.wav`` …, ``all.wav``, ``path.json``.

    Args:
        sources: names or files of presets, or sound files.
        codec: the model.
        out: a folder that does not exist.
        settings: how the path is made.

    Returns:
        The files.

    Raises:
        OutputError: the folder exists or cannot be written.
        AudioFileError: a sound cannot be used.
        PresetError: a preset or a setting cannot be used.
    """
    if out.exists() or out.is_symlink():
        raise OutputError(f"{out}: is there already; give a new folder, every path has its own")
    if not 2 <= len(sources) <= len(LETTERS):
        raise PresetError(f"{len(sources)} sounds; a path goes between two, three or four")
    bank, rate_hz = Bank(settings.banks or None), codec.spec.sample_rate
    corners = [read_corner(source, letter, bank, codec) for source, letter in zip(sources, LETTERS, strict=False)]
    latents = corner_latents([preset for preset, _ in corners], codec, settings.match_pitch)
    path = path_between(latents, settings.steps, settings.method, codec.spec)
    names = [f"step_{number:03d}.wav" for number in range(len(path.weights))]
    pause = np.zeros((round(PAUSE_S * rate_hz), 1), np.float32)
    try:
        with make_folder(out.parent), make_folder_atomically(out) as folder:
            for (_, original), letter in zip(corners, LETTERS, strict=False):
                soundfile.write(folder / f"original_{letter}.wav", original, rate_hz, subtype="FLOAT")
            with soundfile.SoundFile(folder / "all.wav", "w", rate_hz, 1, subtype="FLOAT") as together:
                for name, audio in zip(names, decode_points(path.latents, codec, settings.workers), strict=True):
                    soundfile.write(folder / name, audio, rate_hz, subtype="FLOAT")
                    together.write(audio[:, None])
                    together.write(pause)
            report = {
                "model": codec.spec.name,
                "fingerprint": codec.spec.fingerprint,
                "method": settings.method,
                "match_pitch": settings.match_pitch,
                "sounds": [Path(source).name for source in sources],
                "steps": [
                    {"file": name, "weights": [round(float(weight), 6) for weight in row]}
                    for name, row in zip(names, path.weights, strict=True)
                ],
            }
            (folder / "path.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as problem:
        raise disk_error(problem, out) from problem
    return sorted(out.iterdir())
