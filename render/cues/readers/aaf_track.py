"""Read one track of an AAF composition, segment by segment."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import Any, Protocol

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import error_at, parse_pisada_note
from render.cues.readers.timeline_builder import DEEPEST, ItemDetails, TimelineBuilder, clean_name


def value_of(owner: Any, name: str) -> Any:
    """Return a property's value; None if it is missing."""
    prop = owner.get(name)
    return None if prop is None else prop.value


def parts_of(owner: Any, name: str, alone: bool = True) -> list:
    """Return the objects that a property holds.

    Args:
        owner: the AAF object.
        name: the property.
        alone: without the property, return the owner itself instead of nothing.
    """
    prop = owner.get(name)
    if prop is None:
        return [owner] if alone else []
    value = prop.value
    return [value] if hasattr(value, "class_id") else list(value)


def length_of(component: Any) -> int:
    """Return a component's length in edit units.

    Raises:
        CueSheetError: it is negative.
    """
    length = value_of(component, "Length") or 0
    if length < 0:
        raise CueSheetError(f"a {type(component).__name__} with a length of {length}: it must be 0 or more")
    return length


def common_name(clips: list) -> str:
    """Return the common name of a clip whose channels are separate clips, such as a for a.L and a.R."""
    names = {clip.mob.name for clip in clips if getattr(clip, "mob", None) is not None and clip.mob.name}
    return names.pop() if len(names) == 1 else os.path.commonprefix(sorted(names)).rstrip(". ")


def is_empty(segment: Any) -> bool:
    """Return whether a segment holds no clips."""
    return all(
        type(part).__name__ in ("Filler", "EdgeCode", "Pulldown", "Timecode")
        for part in parts_of(segment, "Components")
    )


def tagged(owner: Any, name: str) -> dict[str, object]:
    """Return a list of names and values as a dict; empty if it is missing."""
    return {} if owner is None else {tag.name: tag.value for tag in value_of(owner, name) or ()}


CLIP_COMPOSITIONS = ("Usage_SubClip", "Usage_AdjustedClip")
GAINS = ("Amplitude multiplier", "Amplitude", "Audio Gain")
ONE_OF = {"EssenceGroup": "Choices", "Pulldown": "InputSegment"}  # alternatives of one clip
COMBINER = "Audio Channel Combiner"
NOTES = ("Comments", "Comment")
PISADA = "pisada"


class Composition(Protocol):
    """The composition that a track belongs to: its items, its mobs by id, and the files that clips play."""

    builder: TimelineBuilder
    mobs: dict[Any, Any]

    def source(self, clip: Any, depth: int) -> str | None:
        """Return the first file that a clip's chain of mobs names."""


class Track:
    """Reads one track's segments, in the track's edit units."""

    def __init__(self, composition: Composition, name: str, rate: Fraction, extra: dict[str, object]) -> None:
        self.composition, self.builder = composition, composition.builder
        self.name, self.rate, self.extra = name, rate, extra

    def segment(self, segment: Any, begin: int, length: int | None, depth: int, **extra: object) -> None:
        """Read one segment at ``begin``. ``length`` is the part that an enclosing effect uses; None for all."""
        if depth > DEEPEST:
            raise CueSheetError(f"segments nested more than {DEEPEST} deep")
        self.builder.count_step()
        kind = type(segment).__name__
        length = length_of(segment) if length is None else length
        if kind == "Sequence":
            self._sequence(segment, begin, depth, extra)
        elif kind == "SourceClip":
            self._clip(segment, begin, length, extra)
        elif kind == "OperationGroup":
            self._effect(segment, begin, length, depth, extra)
        elif kind == "Selector":
            self.segment(value_of(segment, "Selected"), begin, length, depth + 1, **extra)
            for alternate in parts_of(segment, "Alternates", alone=False):
                self.segment(alternate, begin, length, depth + 1, **extra | {"muted": "yes"})
        elif kind == "NestedScope":
            for part in parts_of(segment, "Slots", alone=False):
                self.segment(part, begin, None, depth + 1, **extra)
        elif kind in ONE_OF:
            parts = parts_of(segment, ONE_OF[kind], alone=False)
            facts = {"choices": str(len(parts))} if len(parts) > 1 else {}
            for part in parts[:1]:
                self.segment(part, begin, length, depth + 1, **extra | facts)
        elif kind not in ("Filler", "ScopeReference"):
            self.builder.add_unreadable(f"a {kind} on track {self.name!r} is not known")

    def _sequence(self, sequence: Any, begin: int, depth: int, extra: dict) -> None:
        """Read a sequence's components one after the other. A transition overlaps the two components beside it."""
        parts = parts_of(sequence, "Components")
        for index, part in enumerate(parts):
            if type(part).__name__ == "Transition":
                begin -= length_of(part)
                continue
            before, after = parts[index - 1] if index else None, (parts[index + 1 :] or [None])[0]
            length, cut_in, cut_out, facts = length_of(part), 0, 0, {}
            if type(before).__name__ == "Transition":
                cut_in, facts["transition_in"] = value_of(before, "CutPoint") or 0, self._described(before)
            if type(after).__name__ == "Transition":
                cut_out = length_of(after) - (value_of(after, "CutPoint") or 0)
                facts["transition_out"] = self._described(after)
            cut_in = cut_in if facts.get("transition_in") else 0
            self.segment(part, begin + cut_in, max(0, length - cut_in - cut_out), depth + 1, **extra | facts)
            begin += length

    def _effect(self, group: Any, begin: int, length: int, depth: int, extra: dict) -> None:
        parts = parts_of(group, "InputSegments", alone=False)
        facts, automated = {}, False
        for parameter in parts_of(group, "Parameters", alone=False):
            name = clean_name(parameter.name)
            if type(parameter).__name__ != "ConstantValue":
                automated = True
            elif name in GAINS and (gain := Fraction(*parameter.value.as_integer_ratio())) != 1:
                facts["gain"] = str(gain)
        if not parts:
            self.builder.skip_event(f"an effect without a clip on track {self.name!r}")
        if len(parts) > 1 and clean_name(group.operation.name) == COMBINER:
            facts |= {"channels": str(len(parts)), "name": common_name(parts)}
            parts = parts[:1]
        for number, part in enumerate(parts, 1):
            if number > 1:
                facts["input"] = str(number)
            self.segment(part, begin, length, depth + 1, **extra | facts)
        if automated:
            self.builder.note_unused("effects and automation")

    def _clip(self, clip: Any, begin: int, length: int, extra: dict) -> None:
        mob = self.composition.mobs.get(clip.mob_id)
        comments = tagged(mob, "UserComments") | tagged(clip, "UserComments")
        with error_at(row=self.builder.event + 1):
            columns = parse_pisada_note(str(comments.pop(PISADA, "{}")))
        note = next((comments.pop(key) for key in NOTES if comments.get(key)), "")
        name = "" if mob is None else extra.pop("name", None) or mob.name
        facts = {f"comment.{key}": value for key, value in comments.items()}
        if mob is None:
            facts["missing"] = "its source is not in the file"
        elif type(mob).__name__ == "CompositionMob":
            facts["nested"] = mob.name
        begin_s, end_s = begin / self.rate, (begin + length) / self.rate
        source = self.composition.source(clip, 0)
        self.builder.add_item(
            name,
            self.name,
            begin_s,
            end_s,
            ItemDetails(note=note, source=source, extra=self.extra | extra | facts, columns=columns),
        )
        if mob is not None and type(mob).__name__ == "CompositionMob" and mob.usage not in CLIP_COMPOSITIONS:
            self.builder.note_unused("the clips inside nested sequences")

    def _described(self, transition: Any) -> str:
        group = value_of(transition, "OperationGroup")
        name = clean_name(group.operation.name) if group is not None else "transition"
        return f"{name} {self.builder.length_samples(length_of(transition) / self.rate)}smp"
