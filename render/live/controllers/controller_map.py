"""The map from controllers to controls, which can be learned. It is a TOML file; every field is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from plugin_backend.errors import ProjectError
from plugin_backend.output_files import disk_error, write_atomically
from plugin_backend.parameters import Parameter
from plugin_backend.text import NO_CONTROL_PATTERN, in_one_line
from render.instrument.actions import PRESETS, RELEASE, STRIKE, WALK
from render.project.toml_config import Table, read_toml

FILE = "pisada-live.toml"
SOURCE = (
    r"^(cc\.([1-9]|1[0-6])\.\d{1,3}|note\.([1-9]|1[0-6])\.\d{1,3}|(bend|pressure)\.([1-9]|1[0-6])|osc:/[!-~]{1,120})$"
)
MOST_BINDINGS = 512
NAMED = (*PRESETS, STRIKE, WALK, RELEASE)
"""Controls that take a name in place of a number."""


class Binding(Table, frozen=True):
    """One controller bound to one control.

    Attributes:
        source: ``cc.CHANNEL.NUMBER``, ``note.CHANNEL.NUMBER``, ``bend.CHANNEL``, ``pressure.CHANNEL`` or
            ``osc:/address``; channels from 1.
        control: a control of the instrument, or ``preset``, ``preset_b``, ``strike``,
            ``walk``, ``release``.
        low, high: the control's values at the controller's ends 0 and 1, in the control's unit. Default: the ends of
            the control's range.
        curve: the controller's position is raised to this power.
        text: the preset or pad, for the controls that take a name.
    """

    source: Annotated[str, Meta(pattern=SOURCE)]
    control: Annotated[str, Meta(min_length=1, max_length=64)]
    low: float | None = None
    high: float | None = None
    curve: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    text: Annotated[str, Meta(max_length=200, pattern=NO_CONTROL_PATTERN)] = ""

    def value(self, share: float, parameter: Parameter) -> float:
        """Return the control's value at the controller's position 0..1."""
        low, high = ends(self, parameter)
        return low + (high - low) * min(max(share, 0.0), 1.0) ** self.curve


class LiveMap(Table, frozen=True):
    """All bindings of a performer's controllers."""

    schema: Literal[1] = 1
    binding: Annotated[list[Binding], Meta(max_length=MOST_BINDINGS)] = []


def ends(binding: Binding, parameter: Parameter) -> tuple[float, float]:
    """Return the control's values at the controller's ends 0 and 1."""
    low = parameter.low if binding.low is None else binding.low
    return low, parameter.high if binding.high is None else binding.high


def check(binding: Binding, controls: Mapping[str, Parameter]) -> None:
    """Check a binding.

    Raises:
        ProjectError: the instrument has no such control, the range lies outside the control's, or a map file cannot
            hold the binding.
    """
    _check_storable(binding)
    if binding.control in NAMED:
        if not binding.text and binding.control != RELEASE:
            raise ProjectError(f'{binding.control} needs a name: text = "step-gravel"')
        return
    if binding.control not in controls:
        named = [name for name in controls if not name.startswith("latent.")]
        raise ProjectError(
            f"no control '{binding.control}'; there are {', '.join(named)}, {', '.join(NAMED)} "
            "and, where latents are moved, latent.0.bias and the like"
        )
    for end in ends(binding, controls[binding.control]):
        controls[binding.control].validate(end)


def _check_storable(binding: Binding) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(binding), Binding)
    except msgspec.ValidationError as problem:
        reason = in_one_line(problem)
        raise ProjectError(f"a map cannot hold {binding.source} → {binding.control}: {reason}") from problem


def read_map(path: Path, controls: Mapping[str, Parameter]) -> LiveMap:
    """Read a map for an instrument.

    Raises:
        ProjectError: the file is absent or not TOML, a field is out of range, or a control does not exist; the message
            has file and field.
    """
    live_map = read_toml(path, LiveMap)
    for index, binding in enumerate(live_map.binding):
        try:
            check(binding, controls)
        except ProjectError as problem:
            raise ProjectError(f"{path}: binding[{index}] ({binding.source}): {problem}") from problem
    return live_map


def with_binding(live_map: LiveMap, binding: Binding) -> LiveMap:
    """Return the map with one more binding. It replaces all bindings of the same source.

    Raises:
        ProjectError: a map file cannot hold the binding, or the map is full.
    """
    _check_storable(binding)
    kept = [other for other in live_map.binding if other.source != binding.source]
    if len(kept) == MOST_BINDINGS:
        raise ProjectError(f"a map holds at most {MOST_BINDINGS} bindings")
    return LiveMap(binding=[*kept, binding])


def write_map(path: Path, live_map: LiveMap) -> None:
    """Write a map file, completely or not at all.

    Raises:
        OutputError, DiskFullError: the file cannot be written.
    """
    lines = [f"schema = {live_map.schema}"]
    for binding in live_map.binding:
        lines += ["", "[[binding]]"]
        for name in binding.__struct_fields__:
            value = getattr(binding, name)
            if value is not None and (name in ("source", "control") or value != getattr(EMPTY, name)):
                lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    try:
        with write_atomically(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as problem:
        raise disk_error(problem, path.parent) from problem


EMPTY = Binding(source="cc.1.0", control="mix")
