"""Bring a preset over to another model: from its recordings if they are available, or else by its sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import soxr

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from plugin_backend.evaluation.metrics.full_reference import log_mel_error_db
from plugin_backend.hit_detection.detect_hits import Sensitivity
from plugin_backend.modes.mode_table import resample_modes
from presets.capture import NONE, CaptureResult, CaptureSettings, capture, encode_slices
from presets.decoded_takes import LEAD_SAMPLES, decoded_takes
from presets.finish_take import LowCut
from presets.hit_slicing import Slice
from presets.lookup import check_model
from presets.preset import Preset, PresetHeader, Provenance, Take
from presets.provenance import recordings_in
from presets.whole_sounds import whole_sounds


@dataclass(frozen=True)
class MigrationResult:
    """Result of a migration.

    Attributes:
        preset: the preset of the new model.
        lost_db: mean absolute difference of log-mel power between the takes decoded by the old and by the new model
            (see :func:`~plugin_backend.evaluation.metrics.full_reference.log_mel_error_db`). ``None`` if the preset
            was captured again from its recordings.
        remarks: what could not be brought over, and what a new capture remarked; one line each.
    """

    preset: Preset
    lost_db: float | None
    remarks: tuple[str, ...] = ()


def migrate(preset: Preset, codec: Codec, old: Codec | None = None, folders: Sequence[Path] = ()) -> MigrationResult:
    """Bring a preset over to another model.

    Args:
        preset: a preset of any model.
        codec: the new model.
        old: the preset's model, if it is available.
        folders: folders that may hold its recordings, at any depth.

    Raises:
        PresetError: neither its recordings nor its model are available, or ``old`` is not its model.
    """
    header = preset.header
    if header.fingerprint == codec.spec.fingerprint:
        raise PresetError(f"preset '{preset.name}' is of model '{header.codec}' ({header.fingerprint}) already")
    remarks = ("its scale and bias belong to the old model: left out",) if header.scale or header.bias else ()
    provenance = header.provenance
    files = recordings_in(provenance.recordings, folders) if provenance else None
    if files is not None:
        captured = _from_recordings(preset, codec, files)
        return MigrationResult(captured.preset, None, (*remarks, *captured.remarks))
    if old is None:
        problem = (
            f"preset '{preset.name}': neither its recordings nor its model '{header.codec}' ({header.fingerprint})"
        )
        raise PresetError(f"{problem} are at hand: give --sources DIR or --from MODEL")
    check_model(preset, old, "give its model with --from")
    migrated, lost_db = _by_sound(preset, codec, old)
    return MigrationResult(migrated, lost_db, remarks)


def _from_recordings(preset: Preset, codec: Codec, files: list[Path]) -> CaptureResult:
    header, provenance = preset.header, preset.header.provenance
    assert provenance is not None
    settings = CaptureSettings(
        header.kind,
        provenance.most_takes,
        provenance.even,
        provenance.modes,
        provenance.split,
        Sensitivity(provenance.sensitivity, provenance.min_gap_ms),
    )
    result = capture(codec, header.name, files, settings)
    captured = result.preset
    entry = f"from {header.codec} ({header.fingerprint}), by its recordings"
    header = _migrated_header(preset, codec, captured.header.takes, entry)
    header = msgspec.structs.replace(header, low_cut_hz=captured.header.low_cut_hz)
    return dataclasses.replace(result, preset=dataclasses.replace(captured, header=header))


def _by_sound(preset: Preset, codec: Codec, old: Codec) -> tuple[Preset, float]:
    if "vector" in (old.spec.layout, codec.spec.layout):
        return _by_whole_sound(preset, codec, old)
    header, rates = preset.header, (old.spec.sample_rate, codec.spec.sample_rate)
    means, deviations, takes, lost = [], [], [], []
    for mean, take in zip(preset.means, header.takes, strict=True):
        audio = LowCut(header.low_cut_hz, rates[0], 1).push(old.decode(mean[None]))[0]
        audio = soxr.resample(audio, *rates).astype(np.float32)
        new, deviation = codec.posterior(audio[None])
        means.append(new[0])
        deviations.append(deviation[0])
        start, length, fade = (
            samples * rates[1] // rates[0]
            for samples in (take.skip_samples, take.length_samples, take.fade_out_samples or 0)
        )
        takes.append(Take(start, max(1, length), fade if take.fade_out_samples is not None else None))
        audible = slice(start, min(start + length, audio.size))
        lost.append(log_mel_error_db(codec.decode(new)[0, audible], audio[audible], rates[1]))
    lost_db = round(float(np.mean(lost)), 2)
    entry = f"from {header.codec} ({header.fingerprint}), by its sound: {lost_db} dB of log-mel power lost"
    header, modes = (
        _migrated_header(preset, codec, takes, entry),
        [resample_modes(rows, *rates) for rows in preset.modes],
    )
    return dataclasses.replace(preset, header=header, means=means, deviations=deviations, modes=modes), lost_db


def _by_whole_sound(preset: Preset, codec: Codec, old: Codec) -> tuple[Preset, float]:
    """Encode what the takes sound like, with their modes, as new takes: frames of a model are no vectors of another."""
    header, rates = preset.header, (old.spec.sample_rate, codec.spec.sample_rate)
    slices = []
    for index, take in enumerate(header.takes):
        audio = decoded_takes(preset, old, index)[take.skip_samples :][: take.length_samples]
        audio = soxr.resample(audio, *rates).astype(np.float32)
        onset = min(LEAD_SAMPLES * rates[1] // rates[0], audio.size - 1) if header.kind == "hit" else 0
        slices.append(Slice(audio, (onset,), (take.fade_out_samples or 0) * rates[1] // rates[0]))
    encoded = encode_slices(codec, header.name, slices, header.kind, NONE)
    if codec.spec.layout == "vector":
        slices = whole_sounds(slices, header.kind, codec.spec)
    lost = [
        log_mel_error_db(codec.decode(mean[None])[0, : each.audio.size], each.audio, rates[1])
        for mean, each in zip(encoded.means, slices, strict=True)
    ]
    lost_db = round(float(np.mean(lost)), 2)
    entry = f"from {header.codec} ({header.fingerprint}), by its sound: {lost_db} dB of log-mel power lost"
    migrated = _migrated_header(preset, codec, encoded.header.takes, entry)
    migrated = msgspec.structs.replace(migrated, low_cut_hz=encoded.header.low_cut_hz)
    return dataclasses.replace(encoded, header=migrated), lost_db


def _migrated_header(preset: Preset, codec: Codec, takes: list[Take], entry: str) -> PresetHeader:
    """Return the preset's header with the fields of the new model, and an entry about the migration."""
    before = preset.header.provenance or Provenance(made="")
    return msgspec.structs.replace(
        preset.header,
        codec=codec.spec.name,
        fingerprint=codec.spec.fingerprint,
        takes=takes,
        scale=[],
        bias=[],
        provenance=msgspec.structs.replace(before, migrated=[*before.migrated, entry]),
    )
