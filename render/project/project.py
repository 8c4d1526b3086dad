"""A project file: show, reel, time, stems, effects, model. Versioned TOML, every field checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from plugin_backend.errors import ProjectError, TimecodeError
from plugin_backend.models.rave.card import SUFFIX as RAVE_SUFFIX
from plugin_backend.models.registry import SUFFIX
from presets.bank import absolute_bank_names, absolute_preset_name
from render.project import name_template
from render.project.cue_offset import check_offset
from render.project.effect_schema import StageEffect
from render.project.effect_schema import with_absolute_paths as stage_located
from render.project.stem_names import STEM_RULE, SUM, is_stem_name  # noqa: F401 (others take SUM from here)
from render.project.timecode import Clock, FrameRate, frames_of
from render.project.toml_config import Table, read_toml

SAMPLE_RATE = 48_000
SCHEMA = 1

Unit = Annotated[float, Meta(ge=0, le=1)]
GainDb = Annotated[float, Meta(ge=-120, le=24)]
LayoutName = Literal["mono", "stereo", "lcr", "5.1"]
Banks = str | Annotated[list[str], Meta(min_length=1, max_length=64)]
PlainText = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Reverb(Table, tag="reverb", tag_field="type"):
    """JUCE's algorithmic reverb."""

    room_size: Unit = 0.5
    damping: Unit = 0.5
    wet_level: Unit = 0.33
    dry_level: Unit = 0.4
    width: Unit = 1.0


class Filter(Table, tag="filter", tag_field="type"):
    """A second-order low-pass, high-pass or band-pass."""

    mode: Literal["low", "high", "band"] = "high"
    frequency_hz: Annotated[float, Meta(ge=10, le=20_000)] = 80.0
    q: Annotated[float, Meta(ge=0.1, le=20)] = 0.7071


class Compressor(Table, tag="compressor", tag_field="type"):
    """A feed-forward compressor."""

    threshold_db: Annotated[float, Meta(ge=-80, le=0)] = 0.0
    ratio: Annotated[float, Meta(ge=1, le=100)] = 2.0
    attack_ms: Annotated[float, Meta(ge=0, le=1000)] = 2.0
    release_ms: Annotated[float, Meta(ge=1, le=5000)] = 50.0


class Plugin(Table, tag="plugin", tag_field="type"):
    """A VST3/VST2 file or an LV2 URI; parameters by name, normalised 0..1."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    parameters: dict[str, Unit] = {}

    @property
    def is_file(self) -> bool:
        """Whether ``path`` names a file or bundle, and not an LV2 by its URI."""
        return "://" not in self.path and not self.path.startswith("urn:")


Effect = Reverb | Filter | Compressor | Plugin | StageEffect


class Stem(Table):
    """One stem and the effects it runs through, in order; no ``layout`` means the project's."""

    name: str
    gain_db: GainDb = 0.0
    layout: LayoutName | None = None
    effects: list[Effect] = []


class Midi(Table):
    """How a MIDI file's tracks, channels, programs and notes become stems and presets."""

    tracks: dict[str, str] = {}
    channels: dict[str, str] = {}
    programs: dict[str, str] = {}
    notes: dict[str, str] = {}


class Project(Table):
    """Everything about a render that is not a cue.

    ``bank`` is a folder of presets or several (see :class:`presets.bank.Bank`). ``start`` and ``end`` are timecodes of
    the programme; without ``end`` it stops ``tail_s`` after the last cue, at a whole second. No ``stems`` means:
    whatever the sheet names. ``mapping`` is a file of :mod:`render.cues.clip_mapping`. ``include_muted`` keeps what is
    muted in a session, ``skip_unreadable`` goes on without lines of the sheet that could not be read. ``sync`` and
    ``offset`` are for cues that have none of their own. ``models``, where there are any, stand for ``model``: each
    preset is decoded by the one that made it. ``name`` is a pattern of :mod:`render.project.name_template`, a
    handle what :func:`render.plan.handles.handles_of` takes, and ``spec`` one of
    :mod:`render.delivery.loudness_specs`. ``scene`` (else the reel), ``tape`` and ``note`` go into iXML.
    """

    schema: Literal[1] = SCHEMA
    show: str = "PISADA"
    reel: str = "R1"
    fps: str | None = None
    start: str | None = None
    end: str | None = None
    model: str = "foley"
    models: Annotated[list[str], Meta(max_length=64)] = []
    bank: Banks | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1
    take: Annotated[int, Meta(ge=1, le=9999)] = 1
    bits: Literal[16, 24, 32] = 24
    layout: LayoutName = "stereo"
    name: str = name_template.DEFAULT
    head_handle: str | int = 0
    tail_handle: str | int = 0
    pops: bool = False
    spec: Literal["r128", "a85", "streaming-me"] | None = None
    scene: PlainText | None = None
    tape: PlainText | None = None
    note: PlainText = ""
    tail_s: Annotated[float, Meta(ge=0, le=60)] = 2.0
    stems: list[Stem] = []
    midi: Midi = Midi()
    mapping: str | None = None
    include_muted: bool = False
    skip_unreadable: bool = False
    sync: Literal["onset", "peak"] = "onset"
    offset: str | int | float = 0

    def __post_init__(self):
        check_offset(self.offset)
        name_template.check_template(self.name)
        for stem in self.stems:
            if not is_stem_name(stem.name):
                raise ValueError(f"stem {stem.name!r}: {STEM_RULE}")
        names = [stem.name.upper() for stem in self.stems]
        if len(set(names)) < len(names):
            raise ValueError("two stems have the same name (capitals do not count)")
        for field in ("show", "reel"):
            if not re.fullmatch(r"[\w -]{1,64}", getattr(self, field)):
                raise ValueError(f"{field} {getattr(self, field)!r}: 1 to 64 letters, digits, '_', '-' or spaces")

    @property
    def codecs(self) -> tuple[str, ...]:
        """Names of the models that may decode; the first encodes what comes without a preset."""
        return tuple(self.models) or (self.model,)

    @property
    def rate(self) -> FrameRate | None:
        """The frame rate, if one is given."""
        return FrameRate.parse(self.fps) if self.fps is not None else None

    def clock(self) -> Clock:
        """The programme's time base.

        Raises:
            ProjectError: a start timecode without a frame rate, or not a label of the rate.
        """
        if self.rate is None and (self.start is not None or self.end is not None):
            raise ProjectError("a start or end timecode needs a frame rate: give --fps, or 'fps' in the project file")
        return Clock(SAMPLE_RATE, self.rate, self._frames("start") if self.start is not None else 0)

    def _frames(self, field: str) -> int:
        try:
            return frames_of(getattr(self, field), self.rate)
        except TimecodeError as problem:
            raise ProjectError(f"programme {field}: {problem}") from problem

    def length_samples(self) -> int | None:
        """The programme's length by its ``end``, or none without one.

        Raises:
            ProjectError: the end is no label of the rate, or not after the start.
        """
        if self.end is None:
            return None
        clock = self.clock()
        length = clock.frame_samples(clock.frames_after(self._frames("end")))
        if length <= 0:
            raise ProjectError(f"the programme's end {self.end} is not after its start {clock.label_at(0)}")
        return length

    def midi_mapping(self) -> MidiMapping:
        """The MIDI tables with numbers for keys.

        Raises:
            ProjectError: a key is not a number in its range.
        """
        numbers = {
            name: _numbered(getattr(self.midi, name), name, low, high)
            for name, (low, high) in {"channels": (1, 16), "programs": (0, 127), "notes": (0, 127)}.items()
        }
        return MidiMapping(tracks=dict(self.midi.tracks), **numbers)


def _numbered(table: dict[str, str], name: str, low: int, high: int) -> dict[int, str]:
    for key in table:
        if not (key.isascii() and key.isdigit() and low <= int(key) <= high):
            raise ProjectError(f"[midi.{name}] {key!r}: keys are whole numbers {low} to {high}")
    return {int(key): value for key, value in table.items()}


def read_project(path: Path) -> Project:
    """Read a project file; relative paths in it (banks, presets, mapping, models, plug-ins) are taken from its folder.

    Raises:
        ProjectError: absent, not TOML, or a field out of range; names the file and field.
    """
    project, folder = read_toml(path, Project), path.parent
    if project.models and project.model != Project().model:
        raise ProjectError(f"{path}: 'model' and 'models' are both given; name them all in 'models'")
    bank = absolute_bank_names(project.bank, folder) or None
    mapping = str(folder / project.mapping) if project.mapping is not None else None
    midi = msgspec.structs.replace(
        project.midi,
        **{
            table: {key: absolute_preset_name(name, folder) for key, name in getattr(project.midi, table).items()}
            for table in ("programs", "notes")
        },
    )
    model, *models = (
        str(folder / name) if name.endswith((SUFFIX, RAVE_SUFFIX)) else name
        for name in (project.model, *project.models)
    )
    stems = [
        msgspec.structs.replace(stem, effects=[_located(effect, folder) for effect in stem.effects])
        for stem in project.stems
    ]
    return msgspec.structs.replace(
        project, bank=bank, mapping=mapping, midi=midi, model=model, models=models, stems=stems
    )


def _located(effect: Effect, folder: Path) -> Effect:
    if isinstance(effect, StageEffect):
        return stage_located(effect, folder)
    if not isinstance(effect, Plugin) or not effect.is_file:
        return effect
    return msgspec.structs.replace(effect, path=str(folder / effect.path))


def project_from(file: Path | None, cues: Path, **flags) -> Project:
    """A project file joined with flags, which win.

    Args:
        file: a project TOML, or none.
        cues: the cue sheet; without a project its name becomes the show's.
        flags: fields of :class:`Project`; ``None`` means not given.

    Raises:
        ProjectError: see :func:`read_project`, or a flag is out of range.
    """
    show = re.sub(r"[^\w -]", "-", cues.stem)[:64] or "PISADA"
    project = read_project(file) if file is not None else Project(show=show)
    given = {name: value for name, value in flags.items() if value is not None}
    if "model" in given:
        given = {"models": []} | given
    return msgspec.structs.replace(project, **given)
