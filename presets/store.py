"""Presets on disk: each is a file ``NAME.preset.safetensors``, with its header as versioned JSON in the metadata."""

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

from plugin_backend.errors import PresetError
from plugin_backend.output_files import cannot_write, write_atomically
from plugin_backend.text import in_one_line
from presets.preset import NAME, NAME_RULE, Preset, PresetHeader

SUFFIX = ".preset.safetensors"
SCHEMA, KEY = 5, "pisada_preset"

STALE_S = 24 * 3600
LEFT = re.compile(rf"\.tmp[A-Za-z0-9]{{6}}|\..*{re.escape(SUFFIX)}\.[0-9a-f]+\.part")
"""Names of hidden files of unfinished presets, in this and in earlier versions of Pisada."""

UPGRADES: dict[int, Callable[[dict], dict]] = {
    1: lambda fields: fields,  # schema 2 added optional fields: licence, tags, material, chain, provenance
    2: lambda fields: fields,  # schema 3 too: modes and ``ring``, ``low_cut_hz``, fades of takes
    3: lambda fields: fields,  # schema 4 too: ``width``
    4: lambda fields: fields,  # schema 5 too: ``velocity_curve``
}
"""Schema version → function that turns its header into the next version's."""


def path_of(name: str, folder: Path) -> Path:
    """Return the file of a preset in a bank.

    Raises:
        PresetError: the name is not allowed.
    """
    if not NAME.fullmatch(name):
        raise PresetError(f"preset '{name}': {NAME_RULE}")
    return folder / f"{name}{SUFFIX}"


def save_preset(preset: Preset, folder: Path, overwrite: bool = True) -> Path:
    """Write a preset into a folder. The folder is made if it does not exist.

    Args:
        preset: the preset.
        folder: folder of the bank.
        overwrite: replace an existing preset of the same name, even one that appears during the write.

    Returns:
        The file.

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
        raise cannot_write(folder, problem.strerror) from problem
    return path


def _sweep(folder: Path) -> None:
    """Remove unfinished presets of killed runs that are more than a day old."""
    oldest = time.time() - STALE_S
    for left in folder.glob(".*"):
        with suppress(OSError):
            if LEFT.fullmatch(left.name) and left.is_file() and left.stat().st_mtime < oldest:
                left.unlink()


def load_preset(path: Path) -> Preset:
    """Read a preset. An older schema is upgraded.

    Raises:
        PresetError: the file is missing or damaged, has a newer schema, or a field is out of range; names the file.
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise PresetError(f"{path}: not a readable preset ({problem.strerror})") from problem
    return preset_of(data, path.name, str(path))


def preset_of(data: bytes, name: str, label: str) -> Preset:
    """Read a preset from the bytes of its file, as :func:`load_preset` does.

    Args:
        data: content of the file.
        name: name of the file, ``NAME.preset.safetensors``.
        label: name of the file in error messages.

    Raises:
        PresetError: the file is damaged, has a newer schema or another name, or a field is out of range.
    """
    try:
        tensors = load(data)
        header = json.loads(
            data[8 : 8 + int.from_bytes(data[:8], "little")]
        )  # safetensors: length of the JSON as u64, then the JSON
        raw = json.loads((header.get("__metadata__") or {}).get(KEY, "null"))
        count = sum(key.startswith("mean.") for key in tensors)
        means = [tensors[f"mean.{i}"].copy() for i in range(count)]
        deviations = [tensors[f"deviation.{i}"].copy() for i in range(count)]
        mode_tables = sum(key.startswith("modes.") for key in tensors)
        modes = [tensors[f"modes.{take}"].copy() for take in range(mode_tables)]
        if any(array.dtype.kind != "f" or array.ndim == 0 for array in (*means, *deviations, *modes)):
            raise ValueError("its latents or modes are not arrays of floats")
    except (SafetensorError, ValueError, KeyError, RecursionError) as problem:
        raise PresetError(f"{label}: not a readable preset ({in_one_line(problem)})") from problem
    try:
        preset = Preset(_header(raw), means, deviations, modes)
        if name != f"{preset.name}{SUFFIX}":
            raise PresetError(f"it holds preset '{preset.name}', so its name must be {preset.name}{SUFFIX}")
        return preset
    except (PresetError, msgspec.ValidationError) as problem:
        raise PresetError(f"{label}: {in_one_line(problem)}") from problem


def _header(raw: object) -> PresetHeader:
    if not isinstance(raw, dict) or not isinstance(raw.get("schema"), int):
        raise PresetError("not a preset: its header is missing")
    fields = dict(raw)
    schema = fields.pop("schema")
    while schema in UPGRADES:
        fields, schema = UPGRADES[schema](fields), schema + 1
    if schema != SCHEMA:
        raise PresetError(f"schema {schema} is newer than this version of Pisada can read ({SCHEMA})")
    return msgspec.convert(fields, PresetHeader)
