"""Axes: named directions in the latents of a model, and their file in a bank, ``NAME.axes.safetensors``.

The latents of takes vary from one take to another. In units of this variation (whitened by the covariance of the
takes' mean latents) the axes are orthonormal. So a value of 1 is one standard deviation over the takes of the bank, and
no axis changes the value of another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from plugin_backend.errors import PresetError
from plugin_backend.output_files import cannot_write, write_atomically
from plugin_backend.parameters import Parameter
from plugin_backend.similar_names import did_you_mean
from plugin_backend.transfer.parameters import AXES, AXIS, axis_control
from presets.preset import LARGEST_LATENT, NAME, Preset, Provenance

SUFFIX = ".axes.safetensors"
SCHEMA, KEY = 1, "pisada_axes"
MOST_AXES = 8
LARGEST_FILE_BYTES = 2**20
INVERSE_ERROR = 1e-6


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One axis.

    Attributes:
        name: a key of :data:`plugin_backend.transfer.parameters.AXES`.
        unit: of its descriptor.
        effect: how much a step of 1 changes the descriptor, in this unit: the median over held-out presets.
        monotone: share of the held-out presets whose descriptor follows the axis, 0..1.
    """

    name: str
    unit: str
    effect: float
    monotone: float


class AxesHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything in an axes file except the vectors.

    Attributes:
        schema: of the file.
        codec, fingerprint: the model of the latents.
        axes: in order.
    """

    schema: int
    codec: str
    fingerprint: str
    axes: list[Axis]


@dataclass(frozen=True)
class Axes:
    """The axes of a model.

    Attributes:
        header: their names and the model.
        vectors: what a value of 1 adds to every frame, ``[axes, dims]`` float64.
        measures: the inverse: what reads the values out of latents, ``[axes, dims]`` float64.
        mean: the mean latents of the takes of the bank, ``[dims]`` float64; all values are 0 there.

    Raises:
        PresetError: a number is not finite, a shape does not fit, or ``measures`` is not the inverse of ``vectors``.
    """

    header: AxesHeader
    vectors: np.ndarray
    measures: np.ndarray
    mean: np.ndarray

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise PresetError(f"axes of model '{self.header.codec}': {problem}")

    def _problem(self) -> str:
        count, names = len(self.header.axes), self.names
        if not 0 < count <= MOST_AXES or len(set(names)) < count:
            return f"{count} axes; 1 to {MOST_AXES} can be used, each name once"
        if unknown := [name for name in names if name not in AXES]:
            return f"no axis is named {unknown[0][:64]!r}; {', '.join(AXES)} can be used"
        if any(not (np.isfinite(axis.effect) and 0 <= axis.monotone <= 1) for axis in self.header.axes):
            return "an effect must be finite, and a share 0 to 1"
        arrays = (self.vectors, self.measures, self.mean)
        if self.mean.ndim != 1 or not self.mean.size:
            return f"a mean of shape {self.mean.shape}; need [dims]"
        if any(array.shape != (count, self.mean.size) for array in arrays[:2]):
            return f"vectors of shape {self.vectors.shape} and {self.measures.shape}; need {(count, self.mean.size)}"
        if any(not np.isfinite(array).all() or np.abs(array).max() > LARGEST_LATENT for array in arrays):
            return f"its numbers must be finite and at most {LARGEST_LATENT:g}"
        if np.abs(self.measures @ self.vectors.T - np.eye(count)).max() > INVERSE_ERROR:
            return "its measures are not the inverse of its vectors"
        return ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in order."""
        return tuple(axis.name for axis in self.header.axes)

    @property
    def digest(self) -> str:
        """32 hex digits (BLAKE2b) of names and vectors."""
        data = json.dumps(self.names).encode() + np.ascontiguousarray(self.vectors, "<f8").tobytes()
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    @property
    def controls(self) -> dict[str, Parameter]:
        """The control of each axis, such as ``axis.brightness``, and its range."""
        return {axis_control(name): replace(AXES[name], name=axis_control(name)) for name in self.names}

    def to_latents(self, values: Mapping[str, float]) -> np.ndarray:
        """Return what to add to every frame, ``[dims]`` float64.

        Args:
            values: axis → value, −3..3; absent ones are 0.

        Raises:
            PresetError: there is no such axis.
            ProjectError: a value is out of range.
        """
        for name, value in values.items():
            if name not in self.names:
                listed = ", ".join(self.names)
                raise PresetError(f"no axis '{name[:64]}'; there are {listed}{did_you_mean(name, list(self.names))}")
            AXES[name].validate(value)
        return np.array([values.get(name, 0.0) for name in self.names], np.float64) @ self.vectors

    def from_latents(self, mean: np.ndarray) -> dict[str, float]:
        """Return the value of each axis in mean latents ``[dims]``.

        Adding ``to_latents(values)`` to the latents adds exactly ``values``, to float rounding.
        """
        values = self.measures @ (np.asarray(mean, np.float64) - self.mean)
        return dict(zip(self.names, values.tolist(), strict=True))

    def of_preset(self, preset: Preset) -> dict[str, float]:
        """Return the value of each axis in a preset: in the mean of its takes.

        Raises:
            PresetError: the preset is of another model.
        """
        self.check_model(preset)
        return self.from_latents(np.mean([pooled(take) for take in preset.means], axis=0))

    def check_model(self, preset: Preset) -> None:
        """Check that the preset is of the axes' model.

        Raises:
            PresetError: it is of another model.
        """
        header = preset.header
        if header.fingerprint != self.header.fingerprint or preset.means[0].shape[1] != self.mean.size:
            raise PresetError(
                f"preset '{preset.name}' was made with model '{header.codec}' ({header.fingerprint}), "
                f"and these axes with '{self.header.codec}' ({self.header.fingerprint})"
            )


class AxisControls:
    """The values of the axes while something plays, and the offset that they make.

    Args:
        axes: of the model; ``None`` if it has none.

    Attributes:
        parameters: the controls, such as ``axis.brightness``.
    """

    def __init__(self, axes: Axes | None):
        self._axes = axes
        self._values: dict[str, float] = {}
        self.parameters = axes.controls if axes is not None else {}

    def set(self, control: str, value: float) -> np.ndarray | None:
        """Set the value of a control.

        Returns:
            What to add to every frame, ``[dims]``; ``None`` if there is no such axis.
        """
        if self._axes is None or control not in self.parameters:
            return None
        self._values[control.removeprefix(AXIS)] = value
        return self._axes.to_latents(self._values)


def pooled(take: np.ndarray) -> np.ndarray:
    """Return the mean latents of a take ``[frames, dims]``: ``[dims]`` float64."""
    return take.mean(axis=0, dtype=np.float64)


def shift_preset(preset: Preset, axes: Axes, values: Mapping[str, float], name: str = "") -> Preset:
    """Return a preset whose latents are moved along axes.

    Args:
        preset: the preset.
        axes: of its model.
        values: axis → value, −3..3.
        name: of the result; empty for the preset's.

    Raises:
        PresetError: the preset is of another model, there is no such axis, or the result is not a preset.
        ProjectError: a value is out of range.
    """
    axes.check_model(preset)
    offset = axes.to_latents(values)
    words = ", ".join(f"{axis} {value:+g}" for axis, value in values.items())
    made = f"{preset.name} moved: {words}"
    before = preset.header.provenance or Provenance(made="")
    provenance = Provenance(made=made, migrated=before.migrated)
    header = msgspec.structs.replace(preset.header, name=name or preset.name, provenance=provenance)
    return replace(preset, header=header, means=[(take + offset).astype(np.float32) for take in preset.means])


def save_axes(axes: Axes, folder: Path) -> Path:
    """Write axes into a bank, under the name of their model.

    Returns:
        The file.

    Raises:
        OutputError: the folder cannot be written.
        PresetError: the name of the model is not the name of a file.
    """
    if not NAME.fullmatch(axes.header.codec):
        raise PresetError(f"axes of model '{axes.header.codec}': give the model a plain name")
    path = folder / f"{axes.header.codec}{SUFFIX}"
    tensors = {name: np.ascontiguousarray(getattr(axes, name), np.float64) for name in ("vectors", "measures", "mean")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as temporary:
            temporary.write_bytes(save(tensors, metadata={KEY: msgspec.json.encode(axes.header).decode()}))
    except OSError as problem:
        raise cannot_write(folder, problem.strerror) from problem
    return path


def load_axes(path: Path) -> Axes:
    """Read the axes of a bank.

    Raises:
        PresetError: the file is missing, too large or damaged, or a field is out of range; names the file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as problem:
        raise PresetError(f"{path}: not readable axes ({problem.strerror})") from problem
    if len(data) > LARGEST_FILE_BYTES:
        raise PresetError(f"{path}: larger than {LARGEST_FILE_BYTES} bytes, which no axes file is")
    try:
        tensors = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__") or {}
        header = msgspec.json.decode(metadata.get(KEY, "null"), type=AxesHeader)
        arrays = [tensors[name] for name in ("vectors", "measures", "mean")]
        if any(array.dtype != np.float64 for array in arrays):
            raise ValueError("its numbers must be float64")
    except (SafetensorError, ValueError, KeyError, RecursionError, msgspec.MsgspecError) as problem:
        raise PresetError(f"{path}: not readable axes ({problem})") from problem
    if header.schema != SCHEMA:
        raise PresetError(f"{path}: schema {header.schema}; this version of Pisada reads {SCHEMA}")
    try:
        return Axes(header, *arrays)
    except PresetError as problem:
        raise PresetError(f"{path}: {problem}") from problem


def find_axes_file(folders: tuple[Path, ...], fingerprint: str) -> Axes | None:
    """Return the axes of a model from the first folder that has them; ``None`` if none has.

    Args:
        folders: of the banks.
        fingerprint: of the model.

    Raises:
        PresetError: an axes file cannot be used.
    """
    for folder in folders:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            axes = load_axes(path)
            if axes.header.fingerprint == fingerprint:
                return axes
    return None


def needed_axes(axes: Axes | None, model: str) -> Axes:
    """Return the axes of a model.

    Args:
        axes: what the banks have.
        model: name of the model, for the error message.

    Raises:
        PresetError: the banks have none.
    """
    if axes is None:
        raise PresetError(
            f"model '{model}': no bank has its axes: find them with `pisada preset axes --find --bank DIR`"
        )
    return axes
