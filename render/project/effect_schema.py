"""Effect tables of a project file: the engine's effects, plug-ins, and the stages of ``plugin_backend.effects``.

The tables of our own stages are built from the stages' parameter tables, so ranges and defaults are written once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from plugin_backend.effects.parameters import CONTROLS, FIXED, SYNTHETIC_RESPONSES
from plugin_backend.models.registry import MODEL_SUFFIXES
from plugin_backend.parameters import Choice, Parameter, Text
from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from render.project.toml_config import Table

Unit = Annotated[float, Meta(ge=0, le=1)]
"""A number from 0 to 1."""

TRANSFER = {name: row for name, row in PARAMETERS.items() if name != "weight"}
"""Controls of a transfer effect: those of the transfer node, except the weight that only sums use."""

PRESETS = ("preset", "to")
"""Fields of a transfer effect that name presets."""

FILES = MODEL_SUFFIXES
"""Suffixes by which the name of a preset or model is recognised as a file."""

Name = Annotated[str, Meta(min_length=1, max_length=1024)]


class Reverb(Table, frozen=True, tag="reverb", tag_field="type"):
    """JUCE's algorithmic reverb."""

    room_size: Unit = 0.5
    damping: Unit = 0.5
    wet_level: Unit = 0.33
    dry_level: Unit = 0.4
    width: Unit = 1.0


class Filter(Table, frozen=True, tag="filter", tag_field="type"):
    """A second-order low-pass, high-pass or band-pass filter."""

    mode: Literal["low", "high", "band"] = "high"
    frequency_hz: Annotated[float, Meta(ge=10, le=20_000)] = 80.0
    q: Annotated[float, Meta(ge=0.1, le=20)] = 0.7071


class Compressor(Table, frozen=True, tag="compressor", tag_field="type"):
    """A feed-forward compressor."""

    threshold_db: Annotated[float, Meta(ge=-80, le=0)] = 0.0
    ratio: Annotated[float, Meta(ge=1, le=100)] = 2.0
    attack_ms: Annotated[float, Meta(ge=0, le=1000)] = 2.0
    release_ms: Annotated[float, Meta(ge=1, le=5000)] = 50.0


class Plugin(Table, frozen=True, tag="plugin", tag_field="type"):
    """A plug-in: a VST3 or VST2 file, or an LV2 URI. Its parameters are given by name, normalised to 0..1."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    parameters: dict[str, Unit] = {}

    @property
    def is_file(self) -> bool:
        """Whether ``path`` names a file or bundle, not the URI of an LV2 plug-in."""
        return "://" not in self.path and not self.path.startswith("urn:")


def _field(row: Parameter | Text) -> tuple[str, Any, Any]:
    """Return name, type and default of a table's field."""
    if isinstance(row, Text):
        return row.name, Name, row.default
    if isinstance(row, Choice):
        return row.name, Literal[row.names], row.names[0]
    return row.name, Annotated[float, Meta(ge=row.low, le=row.high)], float(row.default)


def _table(kind: str, rows: Sequence[Parameter | Text], doc: str, fields: tuple = ()) -> type[msgspec.Struct]:
    """Build the table class of one kind of stage."""
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


def _stage_table(kind: str) -> type[msgspec.Struct]:
    rows = [*FIXED.get(kind, {}).values(), *CONTROLS[kind].values()]
    return _table(kind, rows, f"The stage ``{kind}`` of :mod:`plugin_backend.effects`.")


if TYPE_CHECKING:  # the classes are built at run time, so type checkers need them declared

    class Eq(Table, frozen=True): ...

    class Lfo(Table, frozen=True): ...

    class Pulses(Table, frozen=True): ...

    class Adsr(Table, frozen=True): ...

    class Gain(Table, frozen=True): ...

    class Pan(Table, frozen=True): ...

    class Convolution(Table, frozen=True):
        ir: str

    class Transfer(Table, frozen=True):
        preset: str
        to: str | None
        model: str | None
        mono: bool
        width: float
        latents: list[str]

else:
    Eq, Lfo, Pulses, Adsr, Gain, Pan, Convolution = map(_stage_table, CONTROLS)
    Transfer = _table(
        "transfer",
        [WIDTH, *TRANSFER.values()],
        """The transfer node: it moves the stem's sound towards a preset.

        ``preset`` and ``to`` are names in the bank, or preset files; ``morph`` leads from the first to the second.
        ``model`` is the model that made them; by default, it is found among the project's models. ``mono`` encodes
        the mean of both channels. ``width`` says how far the decoder's noise differs between the channels.
        ``latents`` are as in :func:`plugin_backend.transfer.settings.parse_latents`.""",
        (
            ("preset", Name),
            ("to", Name | None, None),
            ("model", Name | None, None),
            ("mono", bool, False),
            ("latents", Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=1024)], []),
        ),
    )

StageEffect = Eq | Lfo | Pulses | Adsr | Gain | Pan | Convolution | Transfer
"""Effects that run as one of our own stages (an insert)."""

Effect = Reverb | Filter | Compressor | Plugin | StageEffect
"""Any effect of a stem."""


def is_insert(effect: Effect) -> bool:
    """Return whether an effect is one of our own stages, not the engine's effect or a plug-in."""
    return isinstance(effect, StageEffect)


def kind_of(effect: Effect) -> str:
    """Return an effect's ``type`` in the project file."""
    return str(type(effect).__struct_config__.tag)


def settings_of(effect: StageEffect) -> dict[str, float | str]:
    """Return a stage's settings by name."""
    return msgspec.structs.asdict(effect)


def with_absolute_paths(effect: Effect, folder: Path) -> Effect:
    """Return the effect with its relative file names taken from ``folder``."""
    if isinstance(effect, Plugin):
        return msgspec.structs.replace(effect, path=str(folder / effect.path)) if effect.is_file else effect
    if isinstance(effect, Convolution) and effect.ir not in SYNTHETIC_RESPONSES:
        return msgspec.structs.replace(effect, ir=os.path.join(folder, effect.ir))
    if isinstance(effect, Transfer):
        names = {field: getattr(effect, field) or "" for field in (*PRESETS, "model")}
        files = {field: os.path.join(folder, name) for field, name in names.items() if name.endswith(FILES)}
        return msgspec.structs.replace(effect, **files)
    return effect
