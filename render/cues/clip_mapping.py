"""Mapping files: which stem and preset a clip, marker or region becomes, by its name, track and kind.

schema = 1

[defaults]
gain_db = -3.0

[[rules]]
track = { glob = "DX *" }
ignore = true

[[rules]]
name = { regex = 'FS (\\w+).*' }
stem = "FEET"
preset = 'step-\\1'
"""

from __future__ import annotations

import fnmatch
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import regex
from msgspec import Meta
from msgspec.structs import replace

from plugin_backend.errors import CueSheetError
from presets.bank import absolute_preset_name, is_file_name
from render.cues.cue import NUMBERS
from render.cues.timeline import TimelineItem
from render.project.cue_offset import check_offset
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.toml_config import Table, read_toml

SCHEMA = 1
LONGEST_MATCH_S = 0.5
"""For one name: what an expression that goes back and forth over it may take."""

REFERENCE = re.compile(r"\\([1-9])")


def _number(name: str):
    return Annotated[float, Meta(ge=NUMBERS[name].low, le=NUMBERS[name].high)] | None


class Pattern(Table):
    """Names by glob (``*``, ``?``, ``[abc]``) or by regular expression; the whole name must match."""

    glob: str | None = None
    regex: str | None = None

    def __post_init__(self):
        if (self.glob is None) == (self.regex is None):
            raise ValueError("a pattern has either a glob or a regex")
        _compiled(self)


@cache
def _compiled(pattern: str | Pattern) -> regex.Pattern:
    if isinstance(pattern, str):
        return regex.compile(regex.escape(pattern, special_only=True))
    try:
        return regex.compile(pattern.regex if pattern.glob is None else fnmatch.translate(pattern.glob))
    except (regex.error, OverflowError, RecursionError) as problem:
        raise ValueError(f"{pattern.regex!r} is not a regular expression: {problem}") from problem


class Values(Table):
    """What a cue gets, where it is given."""

    stem: str | None = None
    preset: str | None = None
    gain_db: _number("gain_db") = None
    pan: _number("pan") = None
    pitch_semitones: _number("pitch_semitones") = None
    velocity: _number("velocity") = None
    sync: Literal["onset", "peak"] | None = None
    offset: str | int | float | None = None

    def __post_init__(self):
        if self.offset is not None:
            check_offset(self.offset)
        if self.stem is not None and not REFERENCE.search(self.stem) and not is_stem_name(self.stem):
            raise ValueError(f"stem {self.stem!r}: {STEM_RULE}")

    @property
    def given(self) -> dict[str, str | float]:
        """The values that are given, by column."""
        named = {name: getattr(self, name) for name in Values.__struct_fields__}
        return {name: value for name, value in named.items() if value is not None}


class Rule(Values):
    """What a spot must be like, every field given, a plain string exactly; and what it gets.

    ``\\1`` to ``\\9`` in stem and preset are groups of the name's regular expression, else of the track's.
    ``ignore`` leaves the spot out instead.
    """

    name: str | Pattern | None = None
    track: str | Pattern | None = None
    kind: Literal["clip", "marker", "region"] | None = None
    ignore: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.name is None and self.track is None and self.kind is None:
            raise ValueError("a rule needs a name, a track or a kind to match")
        if self.ignore and self.given:
            raise ValueError(f"a rule that ignores gives nothing: take out {', '.join(self.given)}")
        pattern = next((each for each in (self.name, self.track) if _is_regex(each)), None)
        groups = _compiled(pattern).groups if pattern else 0
        for text in (self.stem or "", self.preset or ""):
            for reference in REFERENCE.findall(text):
                if int(reference) > groups:
                    raise ValueError(f"{text!r} refers to group {reference}; the rule's pattern has {groups}")

    def groups(self, spot: TimelineItem) -> tuple[str, ...] | None:
        """The groups that references stand for; None if the spot does not match."""
        if self.kind not in (None, spot.kind):
            return None
        found = ()
        for pattern, text in ((self.track, spot.track), (self.name, spot.name)):
            match = None if pattern is None else _matched(pattern, text)
            if pattern is not None and match is None:
                return None
            if _is_regex(pattern):
                found = match.groups(default="")
        return found


def _matched(pattern: str | Pattern, text: str) -> regex.Match | None:
    try:
        return _compiled(pattern).fullmatch(text, timeout=LONGEST_MATCH_S)
    except TimeoutError as problem:
        told = pattern if isinstance(pattern, str) else pattern.regex or pattern.glob
        raise CueSheetError(
            f"the mapping's pattern {told!r} takes more than {LONGEST_MATCH_S} s on {text[:80]!r}: make it simpler"
        ) from problem


def _is_regex(pattern: str | Pattern | None) -> bool:
    return isinstance(pattern, Pattern) and pattern.regex is not None


class Mapping(Table):
    """A mapping file: the first rule that matches counts; ``defaults`` fill what it leaves out."""

    schema: Literal[1]
    defaults: Values = Values()
    rules: list[Rule] = []

    def rule_for(self, spot: TimelineItem) -> tuple[Rule, dict[str, str | float]] | None:
        """The first rule that matches, and what it gives over the defaults, references filled in."""
        for rule in self.rules:
            groups = rule.groups(spot)
            if groups is not None:
                values = self.defaults.given | {name: _filled(value, groups) for name, value in rule.given.items()}
                if "preset" in values and not is_file_name(values["preset"]):
                    values["preset"] = values["preset"].lower()  # as every preset's name is; an EDL's are capitals
                return rule, values
        return None


def _filled(value: str | float, groups: tuple[str, ...]) -> str | float:
    return REFERENCE.sub(lambda found: groups[int(found[1]) - 1], value) if isinstance(value, str) else value


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file; presets' files in it are taken from its folder.

    Raises:
        ProjectError: absent, not TOML, or a field out of range; names the file and field.
    """
    mapping = read_toml(path, Mapping)

    defaults, *rules = (
        values if values.preset is None else replace(values, preset=absolute_preset_name(values.preset, path.parent))
        for values in (mapping.defaults, *mapping.rules)
    )
    return replace(mapping, defaults=defaults, rules=rules)
