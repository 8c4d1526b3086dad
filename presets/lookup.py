"""Find a preset by name or file, check which model made it, and make its transfer target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np

from plugin_backend.codecs.base import Codec, CodecSpec
from plugin_backend.errors import PresetError
from plugin_backend.modes.mode_table import ONSET, apply_controls
from plugin_backend.transfer.target import Target, make_target
from presets.bank import Bank, BankNames, is_file_name
from presets.decoded_takes import LEAD_SAMPLES, decoded_takes
from presets.preset import Preset, check_fits
from presets.store import load_preset

LEAST_PEAK = 1e-3
CHOOSE = "choose that model, or bring the preset over (pisada preset migrate)"


def find_preset(name: str, bank: BankNames = None) -> Preset:
    """Return the preset of a name or file.

    Args:
        name: a name in the bank, or a preset file.
        bank: by default, the factory bank.

    Raises:
        PresetError: there is no such preset.
    """
    return load_preset(Path(name)) if is_file_name(name) else Bank(bank)[name]


def model_of(preset: Preset, specs: Mapping[str, CodecSpec], advice: str = CHOOSE) -> str:
    """Return the name of the model that made a preset.

    Args:
        preset: the preset.
        specs: models to choose from, by name.
        advice: what the user can do, for the error message.

    Raises:
        PresetError: none of the models made the preset, or its latents do not fit the model that did.
    """
    header = preset.header
    name = next((name for name, spec in specs.items() if spec.fingerprint == header.fingerprint), None)
    if name is None:
        models = " or ".join(f"'{name}' ({spec.fingerprint})" for name, spec in specs.items())
        raise PresetError(
            f"preset '{preset.name}' was made with model '{header.codec}' ({header.fingerprint}), "
            f"not with {models}: {advice}"
        )
    check_fits(preset, specs[name])
    return name


def check_model(preset: Preset, codec: Codec, advice: str = CHOOSE) -> None:
    """Check that a codec's model made a preset.

    Args:
        preset: the preset.
        codec: the codec.
        advice: what the user can do, for the error message.

    Raises:
        PresetError: see :func:`model_of`.
    """
    model_of(preset, {codec.spec.name: codec.spec}, advice)


def target_of(preset: Preset, codec: Codec) -> Target:
    """Return the transfer target of a preset: where it moves latents to.

    Raises:
        PresetError: another model made the preset.
    """
    check_model(preset, codec)
    return make_target(preset.means, codec, preset.header.scale, preset.header.bias, _strikes(preset, codec))


def _strikes(preset: Preset, codec: Codec) -> list[tuple[np.ndarray, float]]:
    """Return the modes of every take that has some, with the preset's ring controls, and the take's peak."""
    if preset.header.kind != "hit":
        return []
    strikes, controls = [], {**msgspec.structs.asdict(preset.header.ring), "strike": 0.0}
    for index, take in enumerate(preset.header.takes):
        rows = apply_controls(preset.modes_of(index), controls, 0)
        if len(rows):
            attack = take.skip_samples + LEAD_SAMPLES
            rows[:, ONSET] = np.maximum(rows[:, ONSET] - attack, 0)
            strikes.append((rows, max(float(np.abs(decoded_takes(preset, codec, index)).max()), LEAST_PEAK)))
    return strikes
