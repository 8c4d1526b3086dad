"""A stem's chain of effects before a render: nothing left to look up, checked, told to revisions."""

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
from presets.bank import Bank
from presets.lookup import find_preset
from presets.preset import Preset, sound_digest
from render.project.channel_layout import LAYOUTS
from render.project.effect_schema import PRESETS, Convolution, Effect, Plugin, Transfer, is_insert, kind_of, settings_of
from render.project.project import Stem

EACH_CHANNEL = ("filter", *PER_CHANNEL)
"""What does to each channel what it would do to it alone: all that lcr and 5.1 take."""

MONO, STEREO = 1, 2
LV2_SUFFIX, LV2_MANIFEST = ".lv2", "manifest.ttl"
LV2_PLUGIN = re.compile(
    r"(?:<([^<>\s]{1,500})>|\b([\w-]{0,50}):([\w.-]{1,200}))\s+(?:a|rdf:type)\s+(?:[\w:]+\s*,\s*)*lv2:Plugin\b"
)
LV2_PREFIX = re.compile(r"@prefix\s+([\w-]{0,50}):\s*<([^<>\s]{0,500})>")


def resolve_effects(
    stem: Stem, bank: Bank, specs: Mapping[str, CodecSpec], model_of: Callable[[Preset, Mapping], str]
) -> Stem:
    """The stem, whose layout is known, with its transfers' presets as files and their models named; all is checked.

    Args:
        bank: where presets are found by name.
        specs: of the project's models, by name.
        model_of: which of them made a preset.

    Raises:
        InputError: an effect cannot be used; names the stem. ``PresetError``: no such preset, or it is of none of the
            models, or of another than the first. ``CheckpointError``: no such model. ``ProjectError``: a value is out
            of range, or does not go with the layout. ``AudioFileError``: an impulse response. ``PluginError``: a
            plug-in file does not exist.
    """
    try:
        effects = [_looked_up(effect, bank, specs, model_of) for effect in stem.effects]
        for effect in effects:
            _check(effect, stem.layout)
    except InputError as problem:
        raise type(problem)(f"stem {stem.name}: {problem}") from problem
    return replace(stem, effects=effects)


def impulse_response_files(stem: Stem) -> list[str]:
    """The files that its effects take impulse responses from."""
    return [each.ir for each in stem.effects if isinstance(each, Convolution) and each.ir not in SYNTHETIC_RESPONSES]


def _looked_up(effect: Effect, bank: Bank, specs: Mapping[str, CodecSpec], model_of: Callable) -> Effect:
    if not isinstance(effect, Transfer):
        return effect
    if effect.model is not None:
        specs = {effect.model: describe_codec(effect.model)}
    found = {name: bank[getattr(effect, name)] for name in PRESETS if getattr(effect, name) is not None}
    models = [model_of(preset, specs) for preset in found.values()]
    if len(set(models)) > 1:
        raise PresetError(
            f"presets '{effect.preset}' and '{effect.to}' are of different models: nothing is between them"
        )
    if effect.model not in (None, models[0]):
        raise PresetError(f"preset '{effect.preset}' is of model '{models[0]}', not of '{effect.model}'")
    files = {name: str(bank.file_of(getattr(effect, name))) for name in found}
    return replace(effect, model=models[0], **files)


def _check(effect: Effect, layout: str) -> None:
    kind, sounding = kind_of(effect), LAYOUTS[layout].sounding
    if kind == "pan" and sounding == MONO:
        raise ProjectError(f"pan is stereo and cannot run on {layout}: it has no sides")
    if sounding > STEREO and kind not in EACH_CHANNEL:
        raise ProjectError(
            f"{kind} is stereo and cannot run on {layout}: make the stem stereo or mono, or leave it what works on "
            f"each channel: {', '.join(EACH_CHANNEL)}"
        )
    if isinstance(effect, Transfer):
        _check_transfer(effect)
    elif is_insert(effect):
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
        told = f"give its URI as path: {' or '.join(uris)}" if uris else f"it names no plug-in in {LV2_MANIFEST}"
        raise PluginError(f"{path} is of an LV2 bundle, and hosts load LV2 by URI: {told}")


def lv2_uris(bundle: Path) -> list[str]:
    """The URIs of the plug-ins that an LV2 bundle's manifest names; none if it cannot be read."""
    try:
        text = (bundle / LV2_MANIFEST).read_text("utf-8", errors="replace")
    except OSError:
        return []
    prefixes = dict(LV2_PREFIX.findall(text))
    return list(dict.fromkeys(uri or f"{prefixes.get(of, of)}{name}" for uri, of, name in LV2_PLUGIN.findall(text)))


def _check_transfer(effect: Transfer) -> None:
    settings, spec = transfer_settings(effect), describe_codec(effect.model)
    if spec.layout != "frames":
        raise ProjectError(f"a transfer needs a model that streams; '{effect.model}' is none")
    settings.set_latents(LatentMover(1, spec.latent_dim, 1.0))


def describe_effect(effect: Effect) -> dict:
    """All that decides what an effect does, as plain data; the content of its files in place of their names."""
    told = msgspec.to_builtins(effect)
    if isinstance(effect, Transfer):
        found = {name: getattr(effect, name) for name in PRESETS if getattr(effect, name) is not None}
        told |= {name: sound_digest(find_preset(file)) for name, file in found.items()}
        if effect.width == WIDTH.default:
            del told["width"]  # what was rendered before there was a width stands
        told["model"] = describe_codec(effect.model).fingerprint if effect.model is not None else None
    elif isinstance(effect, Convolution) and effect.ir not in SYNTHETIC_RESPONSES:
        told["ir"] = file_digest(Path(effect.ir))
    return told
