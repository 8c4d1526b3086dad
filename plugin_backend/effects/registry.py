"""Find and make stages by name."""

from __future__ import annotations

from collections.abc import Mapping

from plugin_backend.effects.adsr import Adsr
from plugin_backend.effects.base import DspStage
from plugin_backend.effects.convolution import Convolution
from plugin_backend.effects.eq import Eq
from plugin_backend.effects.gain_pan import Gain, Pan
from plugin_backend.effects.lfo import Lfo
from plugin_backend.effects.parameters import FIXED
from plugin_backend.effects.pulses import Pulses
from plugin_backend.errors import ProjectError
from plugin_backend.parameters import Parameter, Text

STAGES: dict[str, type[DspStage]] = {
    "eq": Eq,
    "lfo": Lfo,
    "pulses": Pulses,
    "adsr": Adsr,
    "gain": Gain,
    "pan": Pan,
    "convolution": Convolution,
}


def validate_settings(name: str, settings: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return the settings of a stage, choices as numbers.

    Raises:
        ProjectError: there is no such stage or setting, or a value is out of range.
    """
    if name not in STAGES:
        raise ProjectError(f"no effect '{name}'; there are {', '.join(STAGES)}")
    table: dict[str, Parameter | Text] = {**STAGES[name].parameters, **FIXED.get(name, {})}
    for setting in settings:
        if setting not in table:
            raise ProjectError(f"no setting '{setting}'; there are {', '.join(table)}")
    return {setting: table[setting].validate(value) for setting, value in settings.items()}


def make_stage(name: str, settings: Mapping[str, float | str], sample_rate: int, channels: int) -> DspStage:
    """Return a new stage.

    Args:
        name: one of ``STAGES``.
        settings: values of its ``parameters`` and of its fixed settings. Absent ones have their default.
        sample_rate: in Hz.
        channels: of every block.

    Raises:
        ProjectError: there is no such stage or setting, a value is out of range, or the stage cannot have so many
            channels.
        AudioFileError: an impulse response cannot be used.

    Examples:
        >>> import numpy as np
        >>> stage = make_stage("gain", {"gain_db": -20.0}, 48_000, 1)
        >>> round(float(stage.push(np.ones((1, 4), np.float32))[0, 0]), 3)
        0.1
    """
    settings = validate_settings(name, settings)
    fixed = FIXED.get(name, {})
    stage = STAGES[name](sample_rate, channels, **{key: settings[key] for key in settings if key in fixed})
    for key, value in settings.items():
        if key not in fixed:
            stage.set(key, value)
    return stage
