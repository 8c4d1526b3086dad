"""What pyaaf2's objects hold, where any property may be missing."""

from __future__ import annotations

import os

from plugin_backend.errors import CueSheetError


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
