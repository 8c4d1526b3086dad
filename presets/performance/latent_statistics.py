"""What a model's latents mean: their sound in mel bands, how takes of a class vary, and how effort changes them.

They are learned from a corpus (:mod:`presets.performance.learn_statistics`) and lie beside the presets of a bank, as
``MODEL.statistics.safetensors``. A bank gives them to its presets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from plugin_backend.dsp.mel import MEL_BANDS, mel_centres_hz
from plugin_backend.errors import PresetError
from plugin_backend.hashing import digest
from plugin_backend.output_files import write_atomically

SUFFIX = ".statistics.safetensors"
SCHEMA, KEY = 1, "pisada_statistics"
KNOTS = 3
CLASSES = ("footstep", "movement", "hit")
"""Classes of hits, by tag; a preset of no other class is a ``hit``."""

MOST_TAKES_VARIED = 4
"""A preset with more takes than this varies as its own takes do, and by nothing else."""

LARGEST_BYTES, LARGEST, LONGEST_HOP_SAMPLES = 2**24, 1e4, 2**24
LEVEL_RIDGE = 1e-3
BANDS_IN_ONE = 5
RATE_HZ = 48_000


@dataclass(frozen=True, eq=False)
class LatentStatistics:
    """Statistics of one model's latents.

    Attributes:
        fingerprint, hop_samples: of the model.
        band_slopes: ``[dims, bands]``: how the latents change the power in each mel band of their frame, in dB.
        band_offsets: ``[bands]``: the bands' power at the origin of the latents, in dB re full scale.
        variations: class → directions in which takes of one object differ, ``[n, KNOTS, dims]``, each as long as one
            standard deviation.
        efforts: class → how the latents change from a soft strike to one whose spectral centroid is an octave higher,
            ``[KNOTS, dims]``. The level is part of it; performances take it out.
    """

    fingerprint: str
    hop_samples: int
    band_slopes: np.ndarray
    band_offsets: np.ndarray
    variations: dict[str, np.ndarray]
    efforts: dict[str, np.ndarray]

    def bands_db(self, latents: np.ndarray) -> np.ndarray:
        """Return about how loud each mel band of each frame is, ``[..., bands]`` in dB, for ``[..., dims]``."""
        return latents @ self.band_slopes + self.band_offsets

    def centroid_octaves(self, latents: np.ndarray) -> float:
        """Return about where the spectral centroid of a sound lies, in octaves re 1 Hz, for ``[frames, dims]``."""
        power = (10 ** (self.bands_db(latents) / 10)).sum(axis=0)
        return float(power @ self._band_octaves / power.sum())

    @cached_property
    def _band_octaves(self) -> np.ndarray:
        return np.log2(mel_centres_hz(RATE_HZ))

    @cached_property
    def coarse_bands(self) -> tuple[np.ndarray, np.ndarray]:
        """Slopes ``[dims, n]`` and offsets ``[n]`` of the means of :data:`BANDS_IN_ONE` neighbouring bands."""
        slopes = self.band_slopes.reshape(len(self.band_slopes), -1, BANDS_IN_ONE).mean(axis=2)
        return slopes, self.band_offsets.reshape(-1, BANDS_IN_ONE).mean(axis=1)

    @cached_property
    def level_direction(self) -> np.ndarray:
        """The latents ``[dims]`` that raise all bands by 1 dB, by least squares."""
        return level_direction_of(self.band_slopes).astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """Hex digits that differ if the statistics do."""
        tensors = _tensors(self)
        return digest([self.fingerprint, {name: tensors[name].tobytes().hex() for name in sorted(tensors)}])

    def variations_for(self, tags: list[str], takes: int) -> np.ndarray:
        """Return the directions in which a preset varies besides its takes, ``[n, KNOTS, dims]``.

        Args:
            tags: of the preset.
            takes: number of its takes; a preset with many has no further directions.
        """
        directions = self.variations[class_of(tags)]
        return directions if takes <= MOST_TAKES_VARIED else directions[:0]

    def effort_for(self, tags: list[str]) -> np.ndarray:
        """Return how effort changes the latents of a preset with these tags, ``[KNOTS, dims]``."""
        return self.efforts[class_of(tags)]


def level_direction_of(band_slopes: np.ndarray) -> np.ndarray:
    """Return the latents ``[dims]`` that raise all bands by 1 dB, by least squares, for ``[dims, bands]`` slopes."""
    return np.linalg.lstsq(band_slopes.T, np.ones(band_slopes.shape[1]), rcond=LEVEL_RIDGE)[0]


def class_of(tags: list[str]) -> str:
    """Return the class of a preset with these tags, one of :data:`CLASSES`."""
    return next((name for name in CLASSES if name in tags), CLASSES[-1])


def _tensors(statistics: LatentStatistics) -> dict[str, np.ndarray]:
    tensors = {"band_slopes": statistics.band_slopes, "band_offsets": statistics.band_offsets}
    tensors |= {f"variations.{name}": rows for name, rows in statistics.variations.items()}
    tensors |= {f"effort.{name}": rows for name, rows in statistics.efforts.items()}
    return {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}


def save_statistics(statistics: LatentStatistics, name: str, folder: Path) -> Path:
    """Write statistics into the folder of a bank, as ``NAME.statistics.safetensors``; return the file.

    Args:
        statistics: what to write.
        name: name of the model.
        folder: folder of the bank.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / f"{name}{SUFFIX}"
    metadata = {
        KEY: json.dumps(
            {"schema": SCHEMA, "fingerprint": statistics.fingerprint, "hop_samples": statistics.hop_samples}
        )
    }
    with write_atomically(path) as temporary:
        temporary.write_bytes(save(_tensors(statistics), metadata=metadata))
    return path


def load_statistics(path: Path) -> LatentStatistics:
    """Read statistics.

    Raises:
        PresetError: the file is missing or damaged, or holds something else; names the file.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise PresetError(f"{path}: larger than {LARGEST_BYTES // 2**20} MiB, which statistics never are")
        data = path.read_bytes()
        tensors = {name: np.array(value) for name, value in load(data).items()}
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"][KEY])
        if about["schema"] != SCHEMA:
            raise PresetError(f"{path}: schema {about['schema']!r}; this version of Pisada reads {SCHEMA}")
        statistics = LatentStatistics(
            str(about["fingerprint"]),
            int(about["hop_samples"]),
            tensors["band_slopes"],
            tensors["band_offsets"],
            {name: tensors[f"variations.{name}"] for name in CLASSES},
            {name: tensors[f"effort.{name}"] for name in CLASSES},
        )
    except OSError as problem:
        raise PresetError(f"{path}: cannot be read ({problem.strerror})") from problem
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise PresetError(f"{path}: not readable statistics of a model ({problem})") from problem
    if problem_text := _problem(statistics):
        raise PresetError(f"{path}: {problem_text}")
    return statistics


def _problem(statistics: LatentStatistics) -> str | None:
    slopes = statistics.band_slopes
    if not 0 < statistics.hop_samples <= LONGEST_HOP_SAMPLES:
        return f"its hop_samples are {statistics.hop_samples}; 1 to {LONGEST_HOP_SAMPLES} can be used"
    if slopes.ndim != 2 or slopes.shape[1] != MEL_BANDS:
        return f"its band slopes have the shape {slopes.shape}; need [dims, {MEL_BANDS}]"
    dims = len(slopes)
    shapes: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {"band offsets": (statistics.band_offsets, (MEL_BANDS,))}
    for name in CLASSES:
        rows = statistics.variations[name]
        shapes[f"variations of {name}"] = rows, (len(rows) if rows.ndim else 0, KNOTS, dims)
        shapes[f"effort of {name}"] = statistics.efforts[name], (KNOTS, dims)
    for name, (value, shape) in {"band slopes": (slopes, slopes.shape), **shapes}.items():
        if value.shape != shape:
            return f"its {name} have the shape {value.shape}; need {list(shape)}"
        if value.dtype.kind != "f" or not np.isfinite(value).all() or np.abs(value).max(initial=0) > LARGEST:
            return f"its {name} must be finite numbers up to {LARGEST:g}"
    return None
