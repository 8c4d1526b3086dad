"""Write a model for another program, once what that program plays has been found equal to what we play."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin_backend.errors import CheckpointError, OutputError
from plugin_backend.export import check_suffix
from plugin_backend.export.formats import BLOCK_HOPS, FORMATS
from plugin_backend.file_commit import stage_files
from plugin_backend.models.registry import FACTORY, load_codec
from plugin_backend.models.waveform_vae.codec import WaveformCodec

MOST_DEVIATION_DB = -100.0
"""Louder than this, what the host plays is not our model."""

CHECKED_BLOCKS = 12
FACTORY_LICENCE, UNSTATED = "GPL-3.0-or-later", "not stated"
ATTRIBUTION = "ATTRIBUTION.md"


@dataclass(frozen=True)
class Export:
    """What was written, and how far what it plays is from what we play, RMS in dB of full scale."""

    paths: list[Path]
    deviation_db: float


def export_metadata(model: str, codec: WaveformCodec, licence: str | None, credit: str | None) -> dict[str, str]:
    """What every export says of itself; all values are text.

    A factory model states its licence and credits the recordings it learned from; another what is given here.
    """
    from importlib.metadata import version

    spec, factory = codec.spec, (FACTORY / f"{model}.safetensors").is_file()
    own = (FACTORY / ATTRIBUTION).read_text(encoding="utf-8") if factory else UNSTATED
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
        "credit": credit or own,
        "software": f"Pisada {version('pisada')}",
    }


def check_signal(codec: WaveformCodec) -> np.ndarray:
    """Bursts of seeded noise, a whole number of blocks."""
    samples = CHECKED_BLOCKS * BLOCK_HOPS * codec.spec.hop_samples
    noise = np.random.default_rng(0).standard_normal(samples)
    return (0.2 * noise * np.exp(-(np.arange(samples) % 7001) / 1500)).astype(np.float32)


def difference_db(heard: np.ndarray, expected: np.ndarray) -> float:
    """RMS of the difference of two sounds, in dB of full scale; infinite if one is not finite."""
    error = float(np.mean(np.square(heard.astype(np.float64) - expected)))
    return float(10 * np.log10(error + 1e-30)) if np.isfinite(error) else float("inf")


def export_model(model: str, kind: str, out: Path, licence: str | None = None, credit: str | None = None) -> Export:
    """Write ``model`` as ``out``; ONNX becomes two files, ``NAME.encoder.onnx`` and ``NAME.decoder.onnx``.

    Args:
        model: a factory name or the path of a checkpoint.
        kind: a key of :data:`~plugin_backend.export.formats.FORMATS`.
        out: its folder is made if need be.
        licence, credit: kept in the file; see :func:`metadata_of`.

    Raises:
        CheckpointError: there is no such model, it is not one of ours, or the export does not play what we play.
        OutputError: ``out`` cannot be written, or is not named as the format wants it.
        MissingExtraError: the format needs a package that is not installed.
    """
    form = FORMATS[kind]
    check_suffix(kind, out)
    codec = load_codec(model)
    if not isinstance(codec, WaveformCodec):
        raise CheckpointError(f"'{model}' cannot be exported: only models that Pisada trained can")
    parts = form.parts(codec, export_metadata(model, codec, licence, credit))
    sound = check_signal(codec)
    heard = form.play(parts, sound, BLOCK_HOPS * codec.spec.hop_samples)
    deviation_db = difference_db(heard, codec.decoder().push(codec.encoder().push(sound[None])[0])[0])
    if not deviation_db < MOST_DEVIATION_DB:
        raise CheckpointError(f"'{model}': as {kind} it plays something else ({deviation_db:.0f} dB); nothing was kept")
    paths = [out.with_name(f"{out.stem}.{part}{out.suffix}") if part else out for part in parts]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with stage_files(out.parent, out.name) as stage:
            for path, data in zip(paths, parts.values(), strict=True):
                stage.replacing(path.name).write_bytes(data)
    except OSError as problem:
        raise OutputError(f"{out}: cannot be written ({problem.strerror})") from problem
    return Export(paths, deviation_db)
