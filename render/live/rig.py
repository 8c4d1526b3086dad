"""What is played live: presets, mode, controls, effects, pads and blocks. A TOML file, every field checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parameters import PARAMETERS, WIDTH
from plugin_backend.transfer.settings import HITS, Settings
from render.project.project import Banks
from render.project.toml_config import Table, read_toml

COVERED_SAMPLES = 512
"""Blocks ahead, where not said: as many as hold so many samples, the factory model's hop."""


class Effect(Table):
    """One effect after the preset: a name of ``plugin_backend.effects``, and its settings."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
    settings: dict[str, float | str] = {}


class Added(Table):
    """A preset decoded beside the others and added; of its own model unless one is named."""

    preset: Annotated[str, Meta(min_length=1)]
    model: str = ""
    gain_db: float = 0.0


class Rig(Table):
    """All of a live set-up but its devices.

    Attributes:
        preset, to: what is applied, and what ``morph`` leads to ("": nothing); presets are names of the bank's, or
            files of presets.
        sum: preset → weight: latents summed with the preset's before decoding, the first of control ``weight.c``.
        add: what is decoded beside it, or plays at its hits too; the first is layer 2.
        model, bank: a codec's name or file, and a folder of presets or several, as in a project.
        mode: ``transfer`` or ``hits``, as in :class:`plugin_backend.transfer.settings.Settings`.
        controls, latents: as there; a latent's number is written as a string, as TOML and JSON keys are.
        mono, width, sensitivity, min_gap_ms: as there.
        a, b: two snapshots, control → value, of any of the instrument's controls; ``ab`` leads from one to the other.
        effects: after the preset, in order.
        pads: MIDI note number, or any other name of a pad → preset, struck on top.
        channels, block_samples: of what is played.
        ahead_blocks: how many blocks the answer to a block has; 0 takes as many as hold 512 samples.
        seed: what takes and variations follow from.
    """

    schema: Literal[1] = 1
    preset: str = ""
    to: str = ""
    sum: dict[str, float] = {}
    add: Annotated[list[Added], Meta(max_length=8)] = []
    model: str = "foley"
    bank: Banks | None = None
    mode: Literal["transfer", "hits"] = "transfer"
    controls: dict[str, float] = {}
    latents: dict[Annotated[str, Meta(pattern=r"^\d{1,4}$")], dict[str, float]] = {}
    a: dict[str, float] = {}
    b: dict[str, float] = {}
    mono: bool = False
    width: Annotated[float, Meta(ge=WIDTH.low, le=WIDTH.high)] = WIDTH.default
    sensitivity: Annotated[float, Meta(ge=0.1, le=10)] = 2.0
    min_gap_ms: Annotated[float, Meta(ge=20, le=5000)] = 150.0
    effects: Annotated[list[Effect], Meta(max_length=16)] = []
    pads: Annotated[dict[str, str], Meta(max_length=128)] = {}
    channels: Annotated[int, Meta(ge=1, le=8)] = 1
    block_samples: Annotated[int, Meta(ge=64, le=2048)] = 512
    ahead_blocks: Annotated[int, Meta(ge=0, le=64)] = 0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    def __post_init__(self):
        try:
            self.settings  # noqa: B018 - its own checks
            for weight in self.sum.values():
                PARAMETERS["weight"].validate(weight)
            for one in self.add:
                PARAMETERS["gain_db"].validate(one.gain_db)
            if self.mode == HITS and self.sum:
                raise ProjectError("hits are played, not moved: a sum cannot be used with them; add its preset instead")
            if (self.sum or self.add) and not self.preset:
                raise ProjectError("sum and add go with a preset: give one")
        except ProjectError as problem:
            raise ValueError(str(problem)) from problem

    @property
    def settings(self) -> Settings:
        """How the preset is applied."""
        latents = {int(latent): own for latent, own in self.latents.items()}
        kept = {"width": self.width, "sensitivity": self.sensitivity, "min_gap_ms": self.min_gap_ms, "seed": self.seed}
        return Settings(self.mode, dict(self.controls), latents, self.mono, **kept)

    @property
    def named(self) -> tuple[str, ...]:
        """Every preset it names, once."""
        names = self.preset, self.to, *self.pads.values(), *self.sum, *(one.preset for one in self.add)
        return tuple(dict.fromkeys(filter(None, names)))

    @property
    def ahead(self) -> int:
        """``ahead_blocks``, settled."""
        return ahead_of(self.block_samples, self.ahead_blocks)


def ahead_of(block_samples: int, ahead_blocks: int) -> int:
    """Blocks ahead: as said, or as many as hold :data:`COVERED_SAMPLES`."""
    return ahead_blocks or -(-COVERED_SAMPLES // block_samples)


def read_rig(path: Path) -> Rig:
    """Read a rig.

    Raises:
        ProjectError: absent, not TOML, or a field out of range; names the file and field.
    """
    return read_toml(path, Rig)
