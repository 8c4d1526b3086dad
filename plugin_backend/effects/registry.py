"""Stages by name."""

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
    """The settings of a stage, choices as numbers.

    Raises:
        ProjectError: no such stage or setting, or out of range.
    """
    if name not in STAGES:
        raise ProjectError(f"no effect '{name}'; there are {', '.join(STAGES)}")
    table = STAGES[name].parameters | FIXED.get(name, {})
    for setting in settings:
        if setting not in table:
            raise ProjectError(f"no setting '{setting}'; there are {', '.join(table)}")
    return {setting: table[setting].checked(value) for setting, value in settings.items()}


def make_stage(name: str, settings: Mapping[str, float | str], sample_rate: int, channels: int) -> DspStage:
    """A new stage.

    Args:
        name: one of ``STAGES``.
        settings: of its ``parameters`` and of what is fixed when it is made; what is absent has its default.
        sample_rate: in Hz.
        channels: of every block.

    Raises:
        ProjectError: no such stage or setting, out of range, or it does not go with the channels.
        AudioFileError: an impulse response cannot be used.
    """
    settings = validate_settings(name, settings)
    fixed = FIXED.get(name, {})
    stage = STAGES[name](sample_rate, channels, **{key: settings[key] for key in settings if key in fixed})
    for key, value in settings.items():
        if key not in fixed:
            stage.set(key, value)
    return stage
