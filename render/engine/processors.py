"""The engine's effects and plug-ins as DawDreamer processors; ours are in :mod:`render.engine.inserts`."""

from __future__ import annotations

import difflib
from pathlib import Path

from plugin_backend.errors import PluginError, RenderError
from render.project.effect_schema import Compressor, Effect, Filter, Plugin, Reverb

CHANNELS = 2


def build_effect(engine, name: str, effect: Effect):
    """Add a processor for ``effect`` to ``engine``; parameters follow with :func:`set_effect`.

    Raises:
        PluginError: a plug-in does not load, or is not stereo in and out.
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


BUILDERS = {
    Reverb: "make_reverb_processor",
    Filter: "make_filter_processor",
    Compressor: "make_compressor_processor",
}

ATTRIBUTES = {
    Reverb: {name: name for name in ("room_size", "damping", "wet_level", "dry_level", "width")},
    Filter: {"mode": "mode", "frequency_hz": "frequency", "q": "q"},
    Compressor: {
        "threshold_db": "threshold",
        "ratio": "ratio",
        "attack_ms": "attack",
        "release_ms": "release",
    },
}
"""Our field → the processor's attribute. Set after building: the constructors ignore some arguments."""


def set_effect(processor, effect: Effect) -> None:
    """Set an effect's parameters; call after the graph is loaded (loading resets LV2 parameters).

    Raises:
        PluginError: the plug-in has no parameter of that name.
    """
    if not isinstance(effect, Plugin):
        for ours, theirs in ATTRIBUTES[type(effect)].items():
            setattr(processor, theirs, getattr(effect, ours))
        return
    index = {entry["name"]: entry["index"] for entry in processor.get_parameters_description()}
    for name, value in effect.parameters.items():
        if name not in index:
            near = difflib.get_close_matches(name, index, n=3) or list(index)[:8]
            raise PluginError(f"{Path(effect.path).name}: no parameter '{name}'; it has {', '.join(near)}")
        processor.set_parameter(index[name], value)


FAILED = "Failed", "failed"
"""Our own plug-in's reading, and how it reads where what was rendered offline is not to be used."""


def check_rendered(processor, effect: Effect) -> None:
    """After a render, hear from the effect whether it could be made.

    Raises:
        RenderError: our own plug-in lost its backend on the way.
    """
    if not isinstance(effect, Plugin):
        return
    for entry in processor.get_parameters_description():
        if (entry["name"], processor.get_parameter_text(entry["index"])) == FAILED:
            raise RenderError(f"{effect.path}: its backend failed during the render; `pisada plugin doctor` tells why")


def latency_samples(processor, effect: Effect) -> int:
    """The delay an effect reports."""
    return int(processor.get_latency_samples()) if isinstance(effect, Plugin) else 0
