"""Presets by name or file, and what latents are moved to by them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec
from plugin_backend.errors import PresetError
from plugin_backend.modes.mode_table import ONSET, apply_controls
from plugin_backend.transfer.target import Target, make_target
from presets.bank import Bank, BankNames, is_file_name
from presets.decoded_takes import LEAD_SAMPLES, decoded_takes
from presets.preset import Preset, check_fits
from presets.store import load_preset


def find_preset(name: str, bank: BankNames = None) -> Preset:
    """The preset of that name in a bank (the factory's by default), or of that file.

    Raises:
        PresetError: there is none.
    """
    return load_preset(Path(name)) if is_file_name(name) else Bank(bank)[name]


LEAST_PEAK = 1e-3
CHOOSE = "choose that model, or bring the preset over (pisada preset migrate)"


def check_model(preset: Preset, codec: Codec, advice: str = CHOOSE) -> None:
    """Raises PresetError if the preset's latents are not the codec's, or do not fit it."""
    header, spec = preset.header, codec.spec
    if header.fingerprint != spec.fingerprint:
        raise PresetError(
            f"preset '{preset.name}' was made with model '{header.codec}' ({header.fingerprint}), "
            f"not with '{spec.name}' ({spec.fingerprint}): {advice}"
        )
    check_fits(preset, spec)


def target_of(preset: Preset, codec: Codec) -> Target:
    """Where a preset moves latents.

    Raises:
        PresetError: it is of another model.
    """
    check_model(preset, codec)
    return make_target(preset.means, codec, preset.header.scale, preset.header.bias, _strikes(preset, codec))


def _strikes(preset: Preset, codec: Codec) -> list[tuple[np.ndarray, float]]:
    """What rings of every take that does, by the preset's own controls, and the take's peak."""
    if preset.header.kind != "hit":
        return []
    found, controls = [], {**msgspec.structs.asdict(preset.header.ring), "strike": 0.0}
    for index, take in enumerate(preset.header.takes):
        rows = apply_controls(preset.modes_of(index), controls, 0)
        if len(rows):
            attack = take.skip_samples + LEAD_SAMPLES
            rows[:, ONSET] = np.maximum(rows[:, ONSET] - attack, 0)
            found.append((rows, max(float(np.abs(decoded_takes(preset, codec, index)).max()), LEAST_PEAK)))
    return found
