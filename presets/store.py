"""Presets on disk: one ``NAME.preset.safetensors`` each, its header as versioned JSON in the metadata."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from plugin_backend.errors import OutputError, PresetError
from plugin_backend.output_files import write_atomically
from presets.preset import NAME, NAME_RULE, Preset, PresetHeader

SUFFIX = ".preset.safetensors"
SCHEMA, KEY = 4, "pisada_preset"

STALE_S = 24 * 3600
LEFT = re.compile(rf"\.tmp[A-Za-z0-9]{{6}}|\..*{re.escape(SUFFIX)}\.[0-9a-f]+\.part")
"""Hidden files of presets in the making, as editions name or named them."""

UPGRADES: dict[int, Callable[[dict], dict]] = {
    1: lambda fields: fields,  # what 2 added may be absent: licence, tags, material, chain, provenance
    2: lambda fields: fields,  # what 3 added too: modes and ``ring``, ``low_cut_hz``, fades of takes
    3: lambda fields: fields,  # and what 4 added: ``width``
}
"""From a schema version to the function that turns its header into the next version's."""


def path_of(name: str, folder: Path) -> Path:
    """Where a preset of that name lies in a bank.

    Raises:
        PresetError: it is no name.
    """
    if not NAME.fullmatch(name):
        raise PresetError(f"preset '{name}': {NAME_RULE}")
    return folder / f"{name}{SUFFIX}"


def save_preset(preset: Preset, folder: Path, overwrite: bool = True) -> Path:
    """Write a preset into ``folder``, made if need be; answers its path.

    Args:
        overwrite: whether one of that name is replaced, however late it came.

    Raises:
        OutputError: the folder cannot be written, or the name is taken.
    """
    path = path_of(preset.name, folder)
    header = {"schema": SCHEMA, **msgspec.to_builtins(preset.header)}
    tensors = {}
    for index, (mean, deviation) in enumerate(zip(preset.means, preset.deviations, strict=True)):
        tensors[f"mean.{index}"] = np.ascontiguousarray(mean, np.float32)
        tensors[f"deviation.{index}"] = np.ascontiguousarray(deviation, np.float32)
    tensors |= {f"modes.{take}": np.ascontiguousarray(rows, np.float32) for take, rows in enumerate(preset.modes)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with write_atomically(path, only_if_free=not overwrite) as temporary:
            temporary.write_bytes(save(tensors, metadata={KEY: json.dumps(header)}))
    except OSError as problem:
        raise OutputError(f"{folder}: cannot write here ({problem.strerror})") from problem
    return path


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed while they wrote a preset left there more than a day ago."""
    oldest = time.time() - STALE_S
    for left in folder.glob(".*"):
        with suppress(OSError):
            if LEFT.fullmatch(left.name) and left.is_file() and left.stat().st_mtime < oldest:
                left.unlink()


def load_preset(path: Path) -> Preset:
    """Read a preset, upgrading an older schema.

    Raises:
        PresetError: the file is missing, damaged, of a newer schema, or out of range; names the file.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise PresetError(f"{path}: not a readable preset ({problem.strerror})") from problem
    return preset_of(data, path.name, str(path))


def preset_of(data: bytes, name: str, told: str) -> Preset:
    """Read a preset from the bytes of its file, as :func:`load_preset` does.

    Args:
        name: the file's, ``NAME.preset.safetensors``.
        told: what errors call it.

    Raises:
        PresetError: they are damaged, of a newer schema, of another name, or out of range.
    """
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])  # safetensors: a u64, so much JSON
        raw = json.loads((header.get("__metadata__") or {}).get(KEY, "null"))
        count = sum(key.startswith("mean.") for key in tensors)
        means = [tensors[f"mean.{i}"].copy() for i in range(count)]
        deviations = [tensors[f"deviation.{i}"].copy() for i in range(count)]
        rung = sum(key.startswith("modes.") for key in tensors)
        modes = [tensors[f"modes.{take}"].copy() for take in range(rung)]
        if any(one.dtype.kind != "f" or one.ndim == 0 for one in (*means, *deviations, *modes)):
            raise ValueError("its latents or modes are no arrays of floats")
    except (SafetensorError, ValueError, KeyError, RecursionError) as problem:
        raise PresetError(f"{told}: not a readable preset ({problem})") from problem
    try:
        preset = Preset(_header(raw), means, deviations, modes)
        if name != f"{preset.name}{SUFFIX}":
            raise PresetError(f"it holds preset '{preset.name}', so its name must be {preset.name}{SUFFIX}")
        return preset
    except (PresetError, msgspec.ValidationError) as problem:
        raise PresetError(f"{told}: {problem}") from problem


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
