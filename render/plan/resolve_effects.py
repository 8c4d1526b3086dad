"""Resolve the effects of stems: find their presets and models, check every value, and describe them for reports."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.effects.impulse_responses import check_impulse_response
from plugin_backend.effects.parameters import PER_CHANNEL, SYNTHETIC_RESPONSES
from plugin_backend.effects.registry import validate_settings
from plugin_backend.errors import InputError, PluginError, PresetError, ProjectError
from plugin_backend.models.registry import describe_codec
from plugin_backend.output_files import file_digest
from plugin_backend.transfer.latent_mover import LatentMover
from plugin_backend.transfer.parameters import WIDTH
from plugin_backend.transfer.settings import Settings, parse_latents
from presets.bank import Bank
from presets.lookup import find_preset
from presets.preset import Preset, sound_digest
from render.plan.plan import stem_layout
from render.project.channel_layout import Layout
from render.project.effect_schema import (
    PRESETS,
    TRANSFER,
    Convolution,
    Effect,
    Plugin,
    StageEffect,
    Transfer,
    kind_of,
    settings_of,
)
from render.project.project import Stem

EACH_CHANNEL = ("filter", *PER_CHANNEL)
"""Effects that process each channel by itself. Only these can run on lcr and 5.1 stems."""

MONO, STEREO = 1, 2
LV2_SUFFIX, LV2_MANIFEST = ".lv2", "manifest.ttl"
LV2_PLUGIN = re.compile(
    r"(?:<([^<>\s]{1,500})>|\b([\w-]{0,50}):([\w.-]{1,200}))\s+(?:a|rdf:type)\s+(?:[\w:]+\s*,\s*)*lv2:Plugin\b"
)
LV2_PREFIX = re.compile(r"@prefix\s+([\w-]{0,50}):\s*<([^<>\s]{0,500})>")


def resolve_effects(
    stem: Stem, bank: Bank, specs: Mapping[str, CodecSpec], model_of: Callable[[Preset, Mapping], str]
) -> Stem:
    """Resolve and check the effects of a stem.

    Args:
        stem: the stem; its layout is set.
        bank: where presets are found by name.
        specs: the project's models, by name.
        model_of: returns the name of the model that made a preset.

    Returns:
        The stem. Its transfer effects name preset files and models.

    Raises:
        InputError: an effect cannot be used; names the stem. ``PresetError``: there is no such preset, or none of the
            models made it, or two presets of one effect have different models. ``CheckpointError``: there is no such
            model. ``ProjectError``: a value is out of range, or the effect cannot run on the layout.
            ``AudioFileError``: an impulse response cannot be read. ``PluginError``: a plug-in file does not exist.
    """
    try:
        effects = [_resolve(effect, bank, specs, model_of) for effect in stem.effects]
        for effect in effects:
            _check(effect, stem_layout(stem))
    except InputError as problem:
        raise type(problem)(f"stem {stem.name}: {problem}") from problem
    return replace(stem, effects=effects)


def impulse_response_files(stem: Stem) -> list[str]:
    """Return the impulse response files that a stem's effects use."""
    return [
        effect.ir for effect in stem.effects if isinstance(effect, Convolution) and effect.ir not in SYNTHETIC_RESPONSES
    ]


def transfer_settings(effect: Transfer) -> Settings:
    """Return the transfer node's settings for an effect.

    Raises:
        ProjectError: a control is out of range, or ``morph`` is set without a second preset.
    """
    controls = {name: getattr(effect, name) for name, row in TRANSFER.items() if getattr(effect, name) != row.default}
    if effect.to is None and {"morph", "spherical"} & set(controls):
        raise ProjectError("morph needs a second preset: give it as 'to'")
    return Settings(
        controls=controls, latents=parse_latents(tuple(effect.latents)), mono=effect.mono, width=effect.width
    )


def _resolve(effect: Effect, bank: Bank, specs: Mapping[str, CodecSpec], model_of: Callable) -> Effect:
    if not isinstance(effect, Transfer):
        return effect
    if effect.model is not None:
        specs = {effect.model: describe_codec(effect.model)}
    presets = {name: bank[getattr(effect, name)] for name in PRESETS if getattr(effect, name) is not None}
    models = [model_of(preset, specs) for preset in presets.values()]
    if len(set(models)) > 1:
        raise PresetError(
            f"presets '{effect.preset}' and '{effect.to}' are of different models, so they cannot be morphed"
        )
    if effect.model not in (None, models[0]):
        raise PresetError(f"preset '{effect.preset}' is of model '{models[0]}', not of '{effect.model}'")
    files = {name: str(bank.file_of(getattr(effect, name))) for name in presets}
    return replace(effect, model=models[0], **files)


def _check(effect: Effect, layout: Layout) -> None:
    kind, channels = kind_of(effect), layout.front_channels
    if kind == "pan" and channels == MONO:
        raise ProjectError(f"pan is stereo and cannot run on {layout.name}: it has no sides")
    if channels > STEREO and kind not in EACH_CHANNEL:
        raise ProjectError(
            f"{kind} is stereo and cannot run on {layout.name}: make the stem stereo or mono, or use only effects that "
            f"work on each channel: {', '.join(EACH_CHANNEL)}"
        )
    if isinstance(effect, Transfer):
        _check_transfer(effect)
    elif isinstance(effect, StageEffect):
        validate_settings(kind, settings_of(effect))
    if isinstance(effect, Convolution):
        check_impulse_response(effect.ir)
    if isinstance(effect, Plugin) and effect.is_file:
        _check_plugin_file(Path(effect.path))


def _check_plugin_file(path: Path) -> None:
    if not os.path.exists(path):
        raise PluginError(f"no plug-in at {path}")
    bundle = next((folder for folder in (path, *path.parents) if folder.suffix.lower() == LV2_SUFFIX), None)
    if bundle is not None:
        uris = lv2_uris(bundle)
        advice = f"give its URI as path: {' or '.join(uris)}" if uris else f"its {LV2_MANIFEST} names no plug-in"
        raise PluginError(f"{path} is in an LV2 bundle, and hosts load LV2 by URI: {advice}")


def lv2_uris(bundle: Path) -> list[str]:
    """Return the URIs of the plug-ins in an LV2 bundle's manifest; none if it cannot be read."""
    try:
        text = (bundle / LV2_MANIFEST).read_text("utf-8", errors="replace")
    except OSError:
        return []
    prefixes = dict(LV2_PREFIX.findall(text))
    return list(dict.fromkeys(uri or f"{prefixes.get(of, of)}{name}" for uri, of, name in LV2_PLUGIN.findall(text)))


def _check_transfer(effect: Transfer) -> None:
    assert effect.model is not None
    settings, spec = transfer_settings(effect), describe_codec(effect.model)
    if spec.layout != "frames":
        raise ProjectError(f"a transfer needs a model that streams, and '{effect.model}' does not")
    settings.set_latents(LatentMover(1, spec.latent_dim, 1.0))


def describe_effect(effect: Effect) -> dict:
    """Return everything that decides what an effect does, as plain data. Files are given by content, not by name."""
    description = msgspec.to_builtins(effect)
    if isinstance(effect, Transfer):
        presets = {name: getattr(effect, name) for name in PRESETS if getattr(effect, name) is not None}
        description |= {name: sound_digest(find_preset(file)) for name, file in presets.items()}
        if effect.width == WIDTH.default:
            del description["width"]  # so that stems rendered before the width existed stay valid
        description["model"] = describe_codec(effect.model).fingerprint if effect.model is not None else None
    elif isinstance(effect, Convolution) and effect.ir not in SYNTHETIC_RESPONSES:
        description["ir"] = file_digest(Path(effect.ir))
    return description
