"""The project file: show, reel, time, stems, effects and models. Versioned TOML; every field is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from plugin_backend.errors import ProjectError, TimecodeError
from plugin_backend.models.registry import MODEL_SUFFIXES
from plugin_backend.text import NO_CONTROL_PATTERN
from presets.bank import absolute_bank_names, absolute_preset_name
from render.project import name_template
from render.project.characters import CHARACTER_RULE, Character, is_character_name
from render.project.cue_offset import check_offset
from render.project.effect_schema import Effect, with_absolute_paths
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import Clock, FrameRate, frames_of
from render.project.toml_config import Table, read_toml

SAMPLE_RATE = 48_000

GainDb = Annotated[float, Meta(ge=-120, le=24)]
LayoutName = Literal["mono", "stereo", "lcr", "5.1"]
Banks = str | Annotated[list[str], Meta(min_length=1, max_length=64)]
Foot = Literal["L", "R", "auto"]
Part = Literal["heel", "toe", "scuff", "whole"]
Word = TypeVar("Word", bound=str)
PlainText = Annotated[str, Meta(max_length=256, pattern=NO_CONTROL_PATTERN)]


@dataclass(frozen=True)
class MidiMapping:
    """The stems and presets that a MIDI file's tracks, channels, programs and notes become.

    Attributes:
        tracks: track name → stem.
        channels: channel, 1 to 16 → stem, for tracks that ``tracks`` does not name.
        programs: program number, 0 to 127 → preset.
        notes: note number, 0 to 127 → preset; a note wins over a program.
        characters: track name → character.
        feet: note number → foot.
        parts: note number → part of the foot.
    """

    tracks: dict[str, str] = field(default_factory=dict)
    channels: dict[int, str] = field(default_factory=dict)
    programs: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    characters: dict[str, str] = field(default_factory=dict)
    feet: dict[int, Foot] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)


class Stem(Table, frozen=True):
    """A stem and its effects, in order. Without ``layout`` it has the project's layout."""

    name: str
    gain_db: GainDb = 0.0
    layout: LayoutName | None = None
    effects: list[Effect] = []


class Midi(Table, frozen=True):
    """The project file's ``[midi]`` tables, as written: every key is text. See :class:`MidiMapping`."""

    tracks: dict[str, str] = {}
    channels: dict[str, str] = {}
    programs: dict[str, str] = {}
    notes: dict[str, str] = {}
    characters: dict[str, str] = {}
    feet: dict[str, Foot] = {}
    parts: dict[str, Part] = {}

    def __post_init__(self) -> None:
        for name in self.characters.values():
            if not is_character_name(name):
                raise ValueError(f"[midi.characters] {name!r}: {CHARACTER_RULE}")


class Project(Table, frozen=True):
    """All settings of a render, except the cues.

    Attributes:
        schema: version of the file format.
        show, reel: 1 to 64 letters, digits, ``_``, ``-`` or spaces; part of every file name.
        fps: frame rate, as ``--fps`` takes it.
        start, end: timecodes of the programme. Without ``end`` it stops ``tail_s`` after the last cue, at a whole
            second.
        model: model that decodes.
        models: models to use in place of ``model``; each preset is decoded by the model that made it.
        bank: a folder of presets, or several (see :class:`presets.bank.Bank`).
        seed: 0 to 2⁶³ − 1; takes and variation follow from it.
        take: 1 to 9999; another take performs every cue differently.
        bits: 16, 24 or 32 (float).
        layout: channel layout of stems that have none of their own.
        name: pattern of file names, see :mod:`render.project.name_template`.
        head_handle, tail_handle: see :func:`render.plan.handles.handles_of`.
        pops: write a 2-pop and a tail pop.
        spec: a specification of :mod:`render.delivery.loudness_specs`.
        scene, tape, note: text for iXML; the scene is the reel unless given.
        tail_s: seconds after the last cue, 0 to 60.
        stems: the stems; none means those that the sheet names.
        midi: what a MIDI file's tracks, channels, programs and notes become.
        mapping: a file of :mod:`render.cues.clip_mapping`.
        include_muted: render tracks that are muted in a session.
        skip_unreadable: render without the lines of the sheet that cannot be read.
        sync, offset: for cues that have none of their own.
        memory: how many performances before it a cue must differ from; by default half the takes of its preset, at
            least six. 0 remembers none.
        characters: name → settings of the characters that the cues name.
    """

    schema: Literal[1] = 1
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
    memory: Annotated[int, Meta(ge=0, le=64)] | None = None
    characters: Annotated[dict[str, Character], Meta(max_length=256)] = {}

    def __post_init__(self) -> None:
        check_offset(self.offset)
        name_template.check_template(self.name)
        for stem in self.stems:
            if not is_stem_name(stem.name):
                raise ValueError(f"stem {stem.name!r}: {STEM_RULE}")
        names = [stem.name.upper() for stem in self.stems]
        if len(set(names)) < len(names):
            raise ValueError("two stems have the same name (capitals do not count)")
        for name in self.characters:
            if not is_character_name(name):
                raise ValueError(f"[characters] {name!r}: {CHARACTER_RULE}")
        for name in ("show", "reel"):
            if not re.fullmatch(r"[\w -]{1,64}", getattr(self, name)):
                raise ValueError(f"{name} {getattr(self, name)!r}: 1 to 64 letters, digits, '_', '-' or spaces")

    @property
    def codecs(self) -> tuple[str, ...]:
        """Names of the models that may decode. The first one encodes sources of cues without a preset."""
        return tuple(self.models) or (self.model,)

    @property
    def rate(self) -> FrameRate | None:
        """The frame rate, or None if the project has none."""
        return FrameRate.parse(self.fps) if self.fps is not None else None

    def clock(self) -> Clock:
        """Return the programme's time base.

        Raises:
            ProjectError: there is a start or end timecode without a frame rate, or the start is not a valid timecode.
        """
        if self.rate is None and (self.start is not None or self.end is not None):
            raise ProjectError("a start or end timecode needs a frame rate: give --fps, or 'fps' in the project file")
        return Clock(SAMPLE_RATE, self.rate, self._frames("start", self.start) if self.start is not None else 0)

    def _frames(self, name: str, label: str) -> int:
        try:
            return frames_of(label, self.rate)
        except TimecodeError as problem:
            raise ProjectError(f"programme {name}: {problem}") from problem

    def length_samples(self) -> int | None:
        """Return the programme's length in samples by its ``end``, or None if it has no ``end``.

        Raises:
            ProjectError: the end is not a valid timecode, or not after the start.
        """
        if self.end is None:
            return None
        clock = self.clock()
        length = clock.frame_samples(clock.frames_after(self._frames("end", self.end)))
        if length <= 0:
            raise ProjectError(f"the programme's end {self.end} is not after its start {clock.label_at(0)}")
        return length

    def midi_mapping(self) -> MidiMapping:
        """Return the MIDI tables with numbers as keys.

        Raises:
            ProjectError: a key is not a number in its range.
        """
        channels = _numbered(self.midi.channels, "channels", 1, 16)
        programs = _numbered(self.midi.programs, "programs", 0, 127)
        notes = _numbered(self.midi.notes, "notes", 0, 127)
        feet = _numbered(self.midi.feet, "feet", 0, 127)
        parts = _numbered(self.midi.parts, "parts", 0, 127)
        characters = dict(self.midi.characters)
        return MidiMapping(dict(self.midi.tracks), channels, programs, notes, characters, feet, parts)


def _numbered(table: dict[str, Word], name: str, low: int, high: int) -> dict[int, Word]:
    for key in table:
        if not (key.isascii() and key.isdigit() and low <= int(key) <= high):
            raise ProjectError(f"[midi.{name}] {key!r}: keys are whole numbers {low} to {high}")
    return {int(key): value for key, value in table.items()}


def read_project(path: Path) -> Project:
    """Read a project file. Relative paths in it (banks, presets, mapping, models, plug-ins) count from its folder.

    Raises:
        ProjectError: the file is missing or not TOML, or a field is out of range; names the file and the field.

    Examples:
        >>> read_project(Path("examples/night_walk/project.toml")).fps
        '23.976'
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
        str(folder / name) if name.endswith(MODEL_SUFFIXES) else name for name in (project.model, *project.models)
    )
    stems = [
        msgspec.structs.replace(stem, effects=[with_absolute_paths(effect, folder) for effect in stem.effects])
        for stem in project.stems
    ]
    return msgspec.structs.replace(
        project, bank=bank, mapping=mapping, midi=midi, model=model, models=models, stems=stems
    )


def project_from(file: Path | None, cues: Path, **flags: Any) -> Project:
    """Return a project file's settings with flags applied over them.

    Args:
        file: a project TOML file, or None.
        cues: the cue sheet. Without a project file, its name becomes the show's name.
        flags: fields of :class:`Project`; None means that the flag was not given.

    Returns:
        The project. Without ``file`` its other fields have their defaults.

    Raises:
        ProjectError: see :func:`read_project`, or a flag is out of range.
    """
    show = re.sub(r"[^\w -]", "-", cues.stem)[:64] or "PISADA"
    project = read_project(file) if file is not None else Project(show=show)
    fields = {name: value for name, value in flags.items() if value is not None}
    if "model" in fields:
        fields = {"models": []} | fields
    return msgspec.structs.replace(project, **fields)
