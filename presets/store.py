"""Presets on disk: one ``NAME.preset.safetensors`` each, its header as versioned JSON in the metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from plugin_backend.errors import OutputError, PresetError
from plugin_backend.files import replaced_when_whole
from presets.preset import Preset, PresetHeader

SUFFIX = ".preset.safetensors"
SCHEMA, KEY = 1, "pisada_preset"

UPGRADES: dict[int, Callable[[dict], dict]] = {}
"""From a schema version to the function that turns its header into the next version's."""


def save_preset(preset: Preset, folder: Path) -> Path:
    """Write a preset into ``folder``, made if need be; answers its path. An older one of that name is replaced.

    Raises:
        OutputError: the folder cannot be written.
    """
    path = folder / f"{preset.name}{SUFFIX}"
    header = {"schema": SCHEMA, **msgspec.to_builtins(preset.header)}
    tensors = {}
    for index, (mean, deviation) in enumerate(zip(preset.means, preset.deviations, strict=True)):
        tensors[f"mean.{index}"] = np.ascontiguousarray(mean, np.float32)
        tensors[f"deviation.{index}"] = np.ascontiguousarray(deviation, np.float32)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replaced_when_whole(path) as temporary:
            save_file(tensors, temporary, metadata={KEY: json.dumps(header)})
    except OSError as problem:
        raise OutputError(f"{folder}: cannot write here ({problem.strerror})") from problem
    return path


def load_preset(path: Path) -> Preset:
    """Read a preset, upgrading an older schema.

    Raises:
        PresetError: the file is missing, damaged, of a newer schema, or out of range; names the file.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            raw = json.loads((file.metadata() or {}).get(KEY, "null"))
            names = set(file.keys())
            count = sum(name.startswith("mean.") for name in names)
            means = [file.get_tensor(f"mean.{i}") for i in range(count)]
            deviations = [file.get_tensor(f"deviation.{i}") for i in range(count)]
    except (OSError, SafetensorError, ValueError) as problem:
        raise PresetError(f"{path}: not a readable preset ({problem})") from problem
    try:
        preset = Preset(_header(raw), means, deviations)
        if path.name != f"{preset.name}{SUFFIX}":
            raise PresetError(f"it holds preset '{preset.name}', so its name must be {preset.name}{SUFFIX}")
        return preset
    except (PresetError, msgspec.ValidationError) as problem:
        raise PresetError(f"{path}: {problem}") from problem


def _header(raw: object) -> PresetHeader:
    if not isinstance(raw, dict) or not isinstance(raw.get("schema"), int):
        raise PresetError("not a preset: its header is missing")
    fields = dict(raw)
    schema = fields.pop("schema")
    while schema in UPGRADES:
        fields, schema = UPGRADES[schema](fields), schema + 1
    if schema != SCHEMA:
        raise PresetError(f"schema {schema} is newer than this edition reads ({SCHEMA})")
    return msgspec.convert(fields, PresetHeader)
