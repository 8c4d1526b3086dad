"""Tables of a project file for stages that stem effects may be: made of the stages' own tables of controls."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from plugin_backend.effects.parameters import CONTROLS, FIXED, SYNTHETIC_RESPONSES
from plugin_backend.parameters import Choice, Parameter, Text
from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from render.project.toml_config import Table

TRANSFER = {name: row for name, row in PARAMETERS.items() if name != "weight"}
"""Controls of a transfer: those of the node but the weight of sums."""

PRESETS = ("preset", "to")
"""Fields of a transfer that name presets."""

FILES = (".safetensors", ".rave.json")
"""What the names of presets and models end with where they are files."""

Name = Annotated[str, Meta(min_length=1, max_length=1024)]


def _field(row: Parameter | Text) -> tuple[str, Any, Any]:
    if isinstance(row, Text):
        return row.name, Name, row.default
    if isinstance(row, Choice):
        return row.name, Literal[row.names], row.names[0]
    return row.name, Annotated[float, Meta(ge=row.low, le=row.high)], float(row.default)


def _table(kind: str, rows: list[Parameter | Text], doc: str, fields: tuple = ()) -> type[Table]:
    return msgspec.defstruct(
        kind.capitalize(),
        [*fields, *map(_field, rows)],
        bases=(Table,),
        module=__name__,
        namespace={"__doc__": doc},
        tag=kind,
        tag_field="type",
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
    )


def _stage_table(kind: str) -> type[Table]:
    rows = [*FIXED.get(kind, {}).values(), *CONTROLS[kind].values()]
    return _table(kind, rows, f"The stage ``{kind}`` of :mod:`plugin_backend.effects`.")


Eq, Lfo, Pulses, Adsr, Gain, Pan, Convolution = map(_stage_table, CONTROLS)
Transfer = _table(
    "transfer",
    [WIDTH, *TRANSFER.values()],
    """The transfer node. ``preset``, and ``to``, what ``morph`` leads to, are names in the bank or preset files;
    ``model`` is the one of the project's models that made it, if not said; ``mono`` encodes the mean of two
    channels, ``width`` parts their noises, and ``latents`` are as in
    :func:`plugin_backend.transfer.settings.parse_latents`.""",
    (
        ("preset", Name),
        ("to", Name | None, None),
        ("model", Name | None, None),
        ("mono", bool, False),
        ("latents", Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=1024)], []),
    ),
)

StageEffect = Eq | Lfo | Pulses | Adsr | Gain | Pan | Convolution | Transfer
"""What runs as an insert."""


def with_absolute_paths(effect: StageEffect, folder: Path) -> StageEffect:
    """The effect with the files it names taken from ``folder``."""
    if isinstance(effect, Convolution) and effect.ir not in SYNTHETIC_RESPONSES:
        return msgspec.structs.replace(effect, ir=os.path.join(folder, effect.ir))
    if isinstance(effect, Transfer):
        names = {field: getattr(effect, field) or "" for field in (*PRESETS, "model")}
        files = {field: os.path.join(folder, name) for field, name in names.items() if name.endswith(FILES)}
        return msgspec.structs.replace(effect, **files)
    return effect
