r"""Mapping files: rules that give a clip, marker or region its stem and preset by name, track and kind.

schema = 1

[defaults]
gain_db = -3.0

[[rules]]
track = { glob = "DX *" }
ignore = true

[[rules]]
name = { regex = 'FS (\w+).*' }
stem = "FEET"
preset = 'step-\1'
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
from render.project.characters import CHARACTER_RULE, is_character_name
from render.project.cue_offset import check_offset
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.toml_config import Table, read_toml

SCHEMA = 1
LONGEST_MATCH_S = 0.5
"""Longest time a regular expression may take on one name, in seconds."""

REFERENCE = re.compile(r"\\([1-9])")


def _allowed(name: str) -> Meta:
    return Meta(ge=NUMBERS[name].low, le=NUMBERS[name].high)


class Pattern(Table, frozen=True):
    """A pattern for names: a glob (``*``, ``?``, ``[abc]``) or a regular expression. It must match the whole name."""

    glob: str | None = None
    regex: str | None = None

    def __post_init__(self) -> None:
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


class Values(Table, frozen=True):
    """The values that a cue receives; None leaves a value open."""

    stem: str | None = None
    preset: str | None = None
    gain_db: Annotated[float, _allowed("gain_db")] | None = None
    pan: Annotated[float, _allowed("pan")] | None = None
    pitch_semitones: Annotated[float, _allowed("pitch_semitones")] | None = None
    velocity: Annotated[float, _allowed("velocity")] | None = None
    effort: Annotated[float, _allowed("effort")] | None = None
    character: str | None = None
    foot: Literal["L", "R", "auto"] | None = None
    part: Literal["heel", "toe", "scuff", "whole"] | None = None
    sync: Literal["onset", "peak"] | None = None
    offset: str | int | float | None = None

    def __post_init__(self) -> None:
        if self.offset is not None:
            check_offset(self.offset)
        if self.stem is not None and not REFERENCE.search(self.stem) and not is_stem_name(self.stem):
            raise ValueError(f"stem {self.stem!r}: {STEM_RULE}")
        if self.character is not None and not is_character_name(self.character):
            raise ValueError(f"character {self.character!r}: {CHARACTER_RULE}")

    @property
    def stated(self) -> dict[str, str | float]:
        """Return the stated values, by column."""
        named = {name: getattr(self, name) for name in Values.__struct_fields__}
        return {name: value for name, value in named.items() if value is not None}


class Rule(Values, frozen=True):
    r"""A rule: conditions on an item, and the values that a matching item receives.

    All stated conditions must hold. A plain string must be equal. ``\1`` to ``\9`` in stem, preset and character
    are groups of the name's regular expression, else of the track's. ``ignore`` leaves the item out.
    """

    name: str | Pattern | None = None
    track: str | Pattern | None = None
    kind: Literal["clip", "marker", "region"] | None = None
    ignore: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name is None and self.track is None and self.kind is None:
            raise ValueError("a rule needs a name, a track or a kind to match")
        if self.ignore and self.stated:
            raise ValueError(f"a rule with ignore sets no values: remove {', '.join(self.stated)}")
        pattern = next((each for each in (self.name, self.track) if _is_regex(each)), None)
        groups = _compiled(pattern).groups if pattern else 0
        for text in (self.stem or "", self.preset or "", self.character or ""):
            for reference in REFERENCE.findall(text):
                if int(reference) > groups:
                    raise ValueError(f"{text!r} refers to group {reference}; the rule's pattern has {groups}")

    def groups(self, item: TimelineItem) -> tuple[str, ...] | None:
        """Return the regular expression's groups if the item matches; None if it does not."""
        if self.kind not in (None, item.kind):
            return None
        groups: tuple[str, ...] = ()
        for pattern, text in ((self.track, item.track), (self.name, item.name)):
            matched = None if pattern is None else _matched(pattern, text)
            if pattern is not None and matched is None:
                return None
            if matched is not None and _is_regex(pattern):
                groups = matched.groups(default="")
        return groups


def _matched(pattern: str | Pattern, text: str) -> regex.Match | None:
    try:
        return _compiled(pattern).fullmatch(text, timeout=LONGEST_MATCH_S)
    except TimeoutError as problem:
        shown = pattern if isinstance(pattern, str) else pattern.regex or pattern.glob
        raise CueSheetError(
            f"the mapping's pattern {shown!r} takes more than {LONGEST_MATCH_S} s on {text[:80]!r}: make it simpler"
        ) from problem


def _is_regex(pattern: str | Pattern | None) -> bool:
    return isinstance(pattern, Pattern) and pattern.regex is not None


class Mapping(Table, frozen=True):
    """A mapping file. The first rule that matches applies; ``defaults`` fill the values that it leaves out."""

    schema: Literal[1]
    defaults: Values = Values()
    rules: list[Rule] = []

    def rule_for(self, item: TimelineItem) -> tuple[Rule, dict[str, str | float]] | None:
        """Return the first rule that matches and the values it gives; None if no rule matches.

        Defaults and references are filled in.
        """
        for rule in self.rules:
            groups = rule.groups(item)
            if groups is not None:
                values = self.defaults.stated | {name: _filled(value, groups) for name, value in rule.stated.items()}
                preset = values.get("preset")
                if isinstance(preset, str) and not is_file_name(preset):
                    values["preset"] = preset.lower()  # preset names are lower case; an EDL's names are capitals
                return rule, values
        return None


def _filled(value: str | float, groups: tuple[str, ...]) -> str | float:
    return REFERENCE.sub(lambda found: groups[int(found[1]) - 1], value) if isinstance(value, str) else value


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Relative preset files in it are relative to its folder.

    Raises:
        ProjectError: missing, not TOML, or a field out of range; names the file and field.
    """
    mapping = read_toml(path, Mapping)

    defaults, *rules = (
        values if values.preset is None else replace(values, preset=absolute_preset_name(values.preset, path.parent))
        for values in (mapping.defaults, *mapping.rules)
    )
    return replace(mapping, defaults=defaults, rules=rules)
