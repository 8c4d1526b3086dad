"""A preset brought over to another model: from its recordings where they are at hand, else by its sound."""

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
from presets.capture import capture
from presets.finish_take import LowCut
from presets.preset import Preset, PresetHeader, Provenance, Take, check_fits
from presets.provenance import recordings_in


@dataclass(frozen=True)
class MigrationResult:
    """A preset brought over.

    Attributes:
        preset: of the new model.
        lost_db: mean absolute difference of log-mel power between what the old model made of its takes and what the new
            one does (see :func:`~plugin_backend.evaluation.metrics.full_reference.log_mel_error_db`); ``None`` where
            it was captured
            anew from its recordings.
        remarks: what could not be brought over.
    """

    preset: Preset
    lost_db: float | None
    remarks: tuple[str, ...] = ()


def migrate(preset: Preset, codec: Codec, old: Codec | None = None, folders: Sequence[Path] = ()) -> MigrationResult:
    """The same preset for another model.

    Args:
        preset: of any model.
        codec: the model it shall be of.
        old: the model it is of, if that is at hand.
        folders: where its recordings may lie, at any depth.

    Raises:
        PresetError: neither its recordings nor its model are at hand, or ``old`` is not its model.
    """
    header = preset.header
    if header.fingerprint == codec.spec.fingerprint:
        raise PresetError(f"preset '{preset.name}' is of model '{header.codec}' ({header.fingerprint}) already")
    remarks = () if not (header.scale or header.bias) else ("its scale and bias belong to the old model: left out",)
    provenance = header.provenance
    files = recordings_in(provenance.recordings, folders) if provenance else None
    if files is not None:
        return MigrationResult(_from_recordings(preset, codec, files), None, remarks)
    if old is None:
        told = f"preset '{preset.name}': neither its recordings nor its model '{header.codec}' ({header.fingerprint})"
        raise PresetError(f"{told} are at hand: give --sources DIR or --from MODEL")
    if old.spec.fingerprint != header.fingerprint:
        raise PresetError(
            f"preset '{preset.name}' was made with model '{header.codec}' ({header.fingerprint}), not with "
            f"'{old.spec.name}' ({old.spec.fingerprint})"
        )
    check_fits(preset, old.spec)
    made, lost_db = _by_sound(preset, codec, old)
    return MigrationResult(made, lost_db, remarks)


def _from_recordings(preset: Preset, codec: Codec, files: list[Path]) -> Preset:
    header = preset.header
    provenance = header.provenance
    how = {name: getattr(provenance, name) for name in ("most_takes", "even", "modes", "split")}
    how["sensitivity"] = Sensitivity(provenance.sensitivity, provenance.min_gap_ms)
    made = capture(codec, header.name, files, header.kind, **how).preset
    told = f"from {header.codec} ({header.fingerprint}), by its recordings"
    header = _renewed(preset, codec, made.header.takes, told)
    return dataclasses.replace(made, header=msgspec.structs.replace(header, low_cut_hz=made.header.low_cut_hz))


def _by_sound(preset: Preset, codec: Codec, old: Codec) -> tuple[Preset, float]:
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
        heard = slice(start, min(start + length, audio.size))
        lost.append(log_mel_error_db(codec.decode(new)[0, heard], audio[heard], rates[1]))
    lost_db = round(float(np.mean(lost)), 2)
    told = f"from {header.codec} ({header.fingerprint}), by its sound: {lost_db} dB of log-mel power lost"
    header, modes = _renewed(preset, codec, takes, told), [resample_modes(rows, *rates) for rows in preset.modes]
    return dataclasses.replace(preset, header=header, means=means, deviations=deviations, modes=modes), lost_db


def _renewed(preset: Preset, codec: Codec, takes: list[Take], told: str) -> PresetHeader:
    """The preset's header, but for what is the model's."""
    before = preset.header.provenance or Provenance(made="")
    return msgspec.structs.replace(
        preset.header,
        codec=codec.spec.name,
        fingerprint=codec.spec.fingerprint,
        takes=takes,
        scale=[],
        bias=[],
        provenance=msgspec.structs.replace(before, migrated=[*before.migrated, told]),
    )
