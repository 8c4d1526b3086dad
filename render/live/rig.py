"""A rig: everything that live playing needs except devices. It is read from a TOML file; every field is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from plugin_backend.effects.parameters import LIMITER
from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parameters import AXES, PARAMETERS, WIDTH
from plugin_backend.transfer.settings import HITS, Settings
from render.cues.walks.gaits import GAITS
from render.instrument.effect_chain import Effect
from render.project.project import Banks
from render.project.toml_config import Table, read_toml

COVERED_SAMPLES = 512
"""Without ``ahead_blocks``, as many blocks are ahead as hold this many samples: the factory model's hop."""


class Added(Table, frozen=True):
    """A preset that is decoded in parallel and added; by its own model unless ``model`` names one."""

    preset: Annotated[str, Meta(min_length=1)]
    model: str = ""
    gain_db: float = 0.0


class Rig(Table, frozen=True):
    """Everything that live playing needs except devices.

    Attributes:
        preset: the preset that is applied: a name from the bank, or a preset file.
        to: the preset that ``morph`` leads to; "" is none.
        sum: preset → weight. Their latents are summed with the preset's before decoding. The first one's weight is the
            control ``weight.c``.
        add: presets that are decoded in parallel, or play at the same hits; the first is layer 2.
        model: a codec's name or file, as in a project.
        bank: one or several folders of presets, as in a project.
        mode: ``transfer`` or ``hits``, as in :class:`plugin_backend.transfer.settings.Settings`.
        controls, latents: as in those settings. A latent's number is written as a string, as TOML and JSON keys are.
        axes: axis → value at the start, −3..3. In mode ``transfer`` they are controls, such as ``axis.brightness``.
        mono, width, sensitivity, min_gap_ms: as in those settings.
        a, b: two snapshots, control → value, of any controls of the instrument. The control ``ab`` leads from one to
            the other.
        effects: after the preset, in order.
        ceiling_dbtp: the highest true peak of the output, in dBTP.
        ceiling_on: whether the output has a ceiling.
        pads: pad → preset. A pad is a MIDI note number or any other name; its preset is struck on top.
        notes: whether a note strikes once, or walks for as long as it is held.
        gait: of walks, as in a cue sheet.
        channels, block_samples: of every block.
        ahead_blocks: how many blocks of time each block has to be processed; 0: as many as hold 512 samples.
        seed: decides takes and variations.
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
    axes: dict[str, float] = {}
    a: dict[str, float] = {}
    b: dict[str, float] = {}
    mono: bool = False
    width: Annotated[float, Meta(ge=WIDTH.low, le=WIDTH.high)] = WIDTH.default
    sensitivity: Annotated[float, Meta(ge=0.1, le=10)] = 2.0
    min_gap_ms: Annotated[float, Meta(ge=20, le=5000)] = 150.0
    effects: Annotated[list[Effect], Meta(max_length=16)] = []
    ceiling_dbtp: Annotated[float, Meta(ge=LIMITER["ceiling_dbtp"].low, le=LIMITER["ceiling_dbtp"].high)] = -1.0
    ceiling_on: bool = True
    pads: Annotated[dict[str, str], Meta(max_length=128)] = {}
    notes: Literal["strike", "walk"] = "strike"
    gait: str = "walk"
    channels: Annotated[int, Meta(ge=1, le=8)] = 1
    block_samples: Annotated[int, Meta(ge=64, le=2048)] = 512
    ahead_blocks: Annotated[int, Meta(ge=0, le=64)] = 0
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    def __post_init__(self) -> None:
        try:
            self.settings  # noqa: B018 - makes its own checks
            if self.gait not in GAITS:
                raise ProjectError(f"no gait '{self.gait[:64]}'; there are {', '.join(GAITS)}")
            for name, value in self.axes.items():
                if name not in AXES:
                    raise ProjectError(f"no axis '{name[:64]}'; there are {', '.join(AXES)}")
                AXES[name].validate(value)
            for weight in self.sum.values():
                PARAMETERS["weight"].validate(weight)
            for each in self.add:
                PARAMETERS["gain_db"].validate(each.gain_db)
            if self.mode == HITS and self.sum:
                raise ProjectError("mode hits plays takes and cannot sum latents: use add in place of sum")
            if (self.sum or self.add) and not self.preset:
                raise ProjectError("sum and add need a preset: give one")
        except ProjectError as problem:
            raise ValueError(str(problem)) from problem

    @property
    def settings(self) -> Settings:
        """The settings of the transfer."""
        return Settings(
            self.mode,
            dict(self.controls),
            {int(latent): controls for latent, controls in self.latents.items()},
            self.mono,
            width=self.width,
            sensitivity=self.sensitivity,
            min_gap_ms=self.min_gap_ms,
            seed=self.seed,
        )

    @property
    def named(self) -> tuple[str, ...]:
        """Every preset that the rig names, once."""
        names = self.preset, self.to, *self.pads.values(), *self.sum, *(each.preset for each in self.add)
        return tuple(dict.fromkeys(filter(None, names)))

    @property
    def ahead(self) -> int:
        """The number of blocks ahead, with 0 replaced."""
        return ahead_of(self.block_samples, self.ahead_blocks)


def ahead_of(block_samples: int, ahead_blocks: int) -> int:
    """Return ``ahead_blocks``, or for 0 the number of blocks that hold :data:`COVERED_SAMPLES`."""
    return ahead_blocks or -(-COVERED_SAMPLES // block_samples)


def read_rig(path: Path) -> Rig:
    """Read a rig file.

    Raises:
        ProjectError: the file is absent or not TOML, or a field is out of range; the message has file and field.
    """
    return read_toml(path, Rig)
