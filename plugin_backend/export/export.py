"""Export a model for another program, after checking that the program's output equals ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import CheckpointError, OutputError
from plugin_backend.export import check_suffix
from plugin_backend.export.formats import BLOCK_HOPS, FORMATS
from plugin_backend.models.family import ExportableCodec
from plugin_backend.models.registry import FACTORY, load_codec
from plugin_backend.staged_files import stage_files

MOST_DEVIATION_DB = -100.0
"""Largest difference, in dB of full scale, between the host's output and ours."""

CHECKED_BLOCKS = 12
FACTORY_LICENCE, UNSTATED = "GPL-3.0-or-later", "not stated"
ATTRIBUTION = "ATTRIBUTION.md"


@dataclass(frozen=True)
class Export:
    """The files that were written, and how far their output is from ours (RMS in dB of full scale)."""

    paths: list[Path]
    deviation_db: float


def export_metadata(model: str, codec: Codec, licence: str | None, credit: str | None) -> dict[str, str]:
    """Return the metadata of an export; all values are text.

    A factory model states its licence and credits the recordings it was trained on.

    Args:
        model: a factory name or the path of a checkpoint.
        codec: the model.
        licence: to state instead; ``None``: the factory's, or "not stated".
        credit: to state instead; ``None``: the factory's, or "not stated".
    """
    from importlib.metadata import version

    spec, factory = codec.spec, (FACTORY / f"{model}.safetensors").is_file()
    own_credit = FACTORY / f"{model}_attribution.md"
    credits = own_credit if own_credit.is_file() else FACTORY / ATTRIBUTION
    default_credit = credits.read_text(encoding="utf-8") if factory else UNSTATED
    return {
        "name": spec.name,
        "fingerprint": spec.fingerprint,
        "sample_rate_hz": str(spec.sample_rate),
        "hop_samples": str(spec.hop_samples),
        "latent_dim": str(spec.latent_dim),
        "latency_samples": str(spec.latency_samples),
        "summary": f"{spec.latent_dim} latents every {spec.hop_samples} samples at {spec.sample_rate} Hz, "
        f"{spec.latency_samples} samples of latency.",
        "licence": licence or (FACTORY_LICENCE if factory else UNSTATED),
        "credit": credit or default_credit,
        "software": f"Pisada {version('pisada')}",
    }


def check_signal(codec: Codec) -> np.ndarray:
    """Return bursts of seeded noise, a whole number of blocks."""
    samples = CHECKED_BLOCKS * BLOCK_HOPS * codec.spec.hop_samples
    noise = np.random.default_rng(0).standard_normal(samples)
    return (0.2 * noise * np.exp(-(np.arange(samples) % 7001) / 1500)).astype(np.float32)


def difference_db(output: np.ndarray, expected: np.ndarray) -> float:
    """Return the RMS of the difference of two sounds in dB of full scale; infinite if one is not finite."""
    error = float(np.mean(np.square(output.astype(np.float64) - expected)))
    return float(10 * np.log10(error + 1e-30)) if np.isfinite(error) else float("inf")


def export_model(model: str, kind: str, out: Path, licence: str | None = None, credit: str | None = None) -> Export:
    """Write ``model`` as ``out``. ONNX becomes two files, ``NAME.encoder.onnx`` and ``NAME.decoder.onnx``.

    Args:
        model: a factory name or the path of a checkpoint.
        kind: a key of :data:`~plugin_backend.export.formats.FORMATS`.
        out: the file; its folder is made if it does not exist.
        licence: kept in the file; see :func:`export_metadata`.
        credit: kept in the file; see :func:`export_metadata`.

    Returns:
        The files, and how far their output is from ours.

    Raises:
        CheckpointError: there is no such model, its family cannot be exported, or the export's output differs from
                ours.
        OutputError: ``out`` cannot be written, or its name does not fit the format.
        MissingExtraError: the format needs a package that is not installed.
    """
    form = FORMATS[kind]
    check_suffix(kind, out)
    codec = load_codec(model)
    if not isinstance(codec, ExportableCodec):
        raise CheckpointError(f"'{model}' cannot be exported: models of its family cannot be")
    parts = form.parts(codec, export_metadata(model, codec, licence, credit))
    sound = check_signal(codec)
    output = form.play(parts, sound, BLOCK_HOPS * codec.spec.hop_samples)
    deviation_db = difference_db(output, codec.decoder().push(codec.encoder().push(sound[None])[0])[0])
    if not deviation_db < MOST_DEVIATION_DB:
        raise CheckpointError(
            f"'{model}': as {kind} its output differs from Pisada's ({deviation_db:.0f} dB); nothing was written"
        )
    paths = [out.with_name(f"{out.stem}.{part}{out.suffix}") if part else out for part in parts]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with stage_files(out.parent, out.name) as stage:
            for path, data in zip(paths, parts.values(), strict=True):
                stage.replacing(path.name).write_bytes(data)
    except OSError as problem:
        raise OutputError(f"{out}: cannot be written ({problem.strerror})") from problem
    return Export(paths, deviation_db)
