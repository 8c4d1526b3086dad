"""One track of an AAF composition, walked segment by segment."""

from __future__ import annotations

import os
from fractions import Fraction

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import error_at, parse_pisada_note
from render.cues.readers.timeline_builder import DEEPEST, clean_name


def value_of(thing, name: str):
    """A property's value; None where it is missing."""
    found = thing.get(name)
    return None if found is None else found.value


def parts_of(thing, name: str, alone: bool = True) -> list:
    """The objects a property holds; without it the thing itself, or nothing."""
    found = thing.get(name)
    if found is None:
        return [thing] if alone else []
    value = found.value
    return [value] if hasattr(value, "class_id") else list(value)


def length_of(component) -> int:
    """A component's length in edit units.

    Raises:
        CueSheetError: below nothing.
    """
    length = value_of(component, "Length") or 0
    if length < 0:
        raise CueSheetError(f"a {type(component).__name__} with a length of {length}: it must be 0 or more")
    return length


def common_name(clips: list) -> str:
    """The name of a clip whose channels are other clips': what theirs, a.L and a.R, have in common."""
    names = {clip.mob.name for clip in clips if getattr(clip, "mob", None) is not None and clip.mob.name}
    return names.pop() if len(names) == 1 else os.path.commonprefix(sorted(names)).rstrip(". ")


def is_empty(segment) -> bool:
    return all(
        type(part).__name__ in ("Filler", "EdgeCode", "Pulldown", "Timecode")
        for part in parts_of(segment, "Components")
    )


def tagged(thing, name: str) -> dict[str, object]:
    """A list of names and values as a dict; empty where it is missing."""
    return {} if thing is None else {tag.name: tag.value for tag in value_of(thing, name) or ()}


CLIP_COMPOSITIONS = ("Usage_SubClip", "Usage_AdjustedClip")
GAINS = ("Amplitude multiplier", "Amplitude", "Audio Gain")
ONE_OF = {"EssenceGroup": "Choices", "Pulldown": "InputSegment"}  # of the same clip
COMBINER = "Audio Channel Combiner"
NOTES = ("Comments", "Comment")
PISADA = "pisada"


class Track:
    """A walk over one track's segments, in its own edit units."""

    def __init__(self, composition, name: str, rate: Fraction, extra: dict[str, object]):
        self.composition, self.found = composition, composition.found
        self.name, self.rate, self.extra = name, rate, extra

    def segment(self, segment, begin: int, length: int | None, depth: int, **extra) -> None:
        """One segment at ``begin``; ``length`` is what an effect around it leaves of it, None for all."""
        if depth > DEEPEST:
            raise CueSheetError(f"segments nested more than {DEEPEST} deep")
        self.found.step()
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
            told = {"choices": str(len(parts))} if len(parts) > 1 else {}
            for part in parts[:1]:
                self.segment(part, begin, length, depth + 1, **extra | told)
        elif kind not in ("Filler", "ScopeReference"):
            self.found.unreadable(f"a {kind} on track {self.name!r} is not known")

    def _sequence(self, sequence, begin: int, depth: int, extra: dict) -> None:
        """A sequence's components one after the other; a transition overlaps the two beside it."""
        parts = parts_of(sequence, "Components")
        for index, part in enumerate(parts):
            if type(part).__name__ == "Transition":
                begin -= length_of(part)
                continue
            before, after = parts[index - 1] if index else None, (parts[index + 1 :] or [None])[0]
            length, cut_in, cut_out, told = length_of(part), 0, 0, {}
            if type(before).__name__ == "Transition":
                cut_in, told["transition_in"] = value_of(before, "CutPoint") or 0, self._described(before)
            if type(after).__name__ == "Transition":
                cut_out = length_of(after) - (value_of(after, "CutPoint") or 0)
                told["transition_out"] = self._described(after)
            cut_in = cut_in if told.get("transition_in") else 0
            self.segment(part, begin + cut_in, max(0, length - cut_in - cut_out), depth + 1, **extra | told)
            begin += length

    def _effect(self, group, begin: int, length: int, depth: int, extra: dict) -> None:
        parts = parts_of(group, "InputSegments", alone=False)
        told, automated = {}, False
        for parameter in parts_of(group, "Parameters", alone=False):
            name = clean_name(parameter.name)
            if type(parameter).__name__ != "ConstantValue":
                automated = True
            elif name in GAINS and (gain := Fraction(*parameter.value.as_integer_ratio())) != 1:
                told["gain"] = str(gain)
        if not parts:
            self.found.unread(f"an effect without a clip on track {self.name!r}")
        if len(parts) > 1 and clean_name(group.operation.name) == COMBINER:
            told |= {"channels": str(len(parts)), "name": common_name(parts)}
            parts = parts[:1]
        for number, part in enumerate(parts, 1):
            if number > 1:
                told["input"] = str(number)
            self.segment(part, begin, length, depth + 1, **extra | told)
        if automated:
            self.found.not_used("effects and automation")

    def _clip(self, clip, begin: int, length: int, extra: dict) -> None:
        mob = self.composition.mobs.get(clip.mob_id)
        comments = tagged(mob, "UserComments") | tagged(clip, "UserComments")
        with error_at(row=self.found.event + 1):
            own = parse_pisada_note(str(comments.pop(PISADA, "{}")))
        note = next((comments.pop(key) for key in NOTES if comments.get(key)), "")
        name = "" if mob is None else extra.pop("name", None) or mob.name
        told = {f"comment.{key}": value for key, value in comments.items()}
        if mob is None:
            told["missing"] = "its source is not in the file"
        elif type(mob).__name__ == "CompositionMob":
            told["nested"] = mob.name
        begin, end = begin / self.rate, (begin + length) / self.rate
        source = self.composition.source(clip, 0)
        self.found.spot(name, self.name, begin, end, note=note, source=source, extra=self.extra | extra | told, own=own)
        if type(mob).__name__ == "CompositionMob" and mob.usage not in CLIP_COMPOSITIONS:
            self.found.not_used("the clips inside nested sequences")

    def _described(self, transition) -> str:
        group = value_of(transition, "OperationGroup")
        name = clean_name(group.operation.name) if group is not None else "transition"
        return f"{name} {self.found.length_samples(length_of(transition) / self.rate)}smp"
