"""The engine's effects and plug-ins as DawDreamer processors. Our own stages are in :mod:`render.engine.inserts`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from plugin_backend.errors import PluginError, RenderError
from render.project.effect_schema import Compressor, Effect, Filter, Plugin, Reverb

CHANNELS = 2


def build_effect(engine: Any, name: str, effect: Effect) -> Any:
    """Add the processor of an effect to the engine. Its parameters are set by :func:`set_effect`.

    Args:
        engine: DawDreamer's render engine.
        name: unique name of the processor.
        effect: the effect.

    Returns:
        The processor.

    Raises:
        PluginError: a plug-in does not load, or does not have stereo input and output.
    """
    if not isinstance(effect, Plugin):
        return getattr(engine, BUILDERS[type(effect)])(name)
    try:
        processor = engine.make_plugin_processor(name, effect.path)
    except RuntimeError as problem:
        raise PluginError(f"{effect.path}: the plug-in does not load ({problem})") from problem
    channels = processor.get_num_input_channels(), processor.get_num_output_channels()
    if channels != (CHANNELS, CHANNELS):
        raise PluginError(f"{effect.path}: {channels[0]} in, {channels[1]} out; a stem's effect must be stereo")
    return processor


BUILDERS: dict[type, str] = {
    Reverb: "make_reverb_processor",
    Filter: "make_filter_processor",
    Compressor: "make_compressor_processor",
}

ATTRIBUTES: dict[type, dict[str, str]] = {
    Reverb: {name: name for name in ("room_size", "damping", "wet_level", "dry_level", "width")},
    Filter: {"mode": "mode", "frequency_hz": "frequency", "q": "q"},
    Compressor: {
        "threshold_db": "threshold",
        "ratio": "ratio",
        "attack_ms": "attack",
        "release_ms": "release",
    },
}
"""Field of the effect → attribute of the processor. They are set later, as the constructors ignore some arguments."""


def set_effect(processor: Any, effect: Effect) -> None:
    """Set the parameters of an effect. Call this after the graph is loaded: loading resets LV2 parameters.

    Raises:
        PluginError: the plug-in does not have such a parameter.
    """
    if not isinstance(effect, Plugin):
        for field, attribute in ATTRIBUTES[type(effect)].items():
            setattr(processor, attribute, getattr(effect, field))
        return
    index = {entry["name"]: entry["index"] for entry in processor.get_parameters_description()}
    for name, value in effect.parameters.items():
        if name not in index:
            near = difflib.get_close_matches(name, index, n=3) or list(index)[:8]
            raise PluginError(f"{Path(effect.path).name}: no parameter '{name}'; it has {', '.join(near)}")
        processor.set_parameter(index[name], value)


FAILED = "Failed", "failed"
"""Name and text of our own plug-in's parameter when the offline render failed."""


def check_rendered(processor: Any, effect: Effect) -> None:
    """Check after a render that an effect worked to the end.

    Raises:
        RenderError: our own plug-in lost its backend during the render.
    """
    if not isinstance(effect, Plugin):
        return
    for entry in processor.get_parameters_description():
        if (entry["name"], processor.get_parameter_text(entry["index"])) == FAILED:
            raise RenderError(f"{effect.path}: its backend failed during the render; `pisada plugin doctor` shows why")


def latency_samples(processor: Any, effect: Effect) -> int:
    """Return the latency that an effect reports."""
    return int(processor.get_latency_samples()) if isinstance(effect, Plugin) else 0
