"""The surfaces of a walk: presets, and where along the walk each begins."""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path

from plugin_backend.errors import CueSheetError
from presets.bank import absolute_preset_name
from render.cues.readers.time_cells import time_of
from render.cues.walks.rows import Surface
from render.project.timecode import Clock

FIELD = "surface"
RULE = "write presets with the time in the walk at which each begins: step-gravel@0, step-wood@6.2s"
ZERO = re.compile(r"0+s?")
WHOLE_SECONDS = re.compile(r"[0-9]+ ?s")


def read_surfaces(text: str, start_samples: int, length_samples: int, folder: Path, clock: Clock) -> list[Surface]:
    """Read a cell such as ``step-gravel@0, step-wood@6.2s``.

    A time is seconds, a timecode or samples from the walk's start. The first surface may leave out ``@0``.

    Args:
        text: the cell.
        start_samples: the walk's start, from the programme's start. Frames are counted from it.
        length_samples: the walk's length.
        folder: preset files are relative to it.
        clock: the programme's time base.

    Returns:
        The surfaces, the first at 0, each later than the one before. Empty for an empty cell.

    Raises:
        CueSheetError: not a list of surfaces, out of order, or after the walk's end; names the column.
    """
    surfaces: list[Surface] = []
    for number, entry in enumerate(text.split(",") if text else []):
        name, mark, at = (part.strip() for part in entry.rpartition("@"))
        if not mark:
            name, at = (at, "0") if number == 0 else ("", at)
        if not name:
            raise CueSheetError(f"{entry.strip()!r} is no surface: {RULE}", field=FIELD)
        samples = _samples(at, start_samples, clock)
        if surfaces and samples <= surfaces[-1].start_samples:
            problem = f"{entry.strip()!r} does not begin after the surface before it"
            raise CueSheetError(problem, field=FIELD)
        if not surfaces and samples != 0:
            raise CueSheetError(f"the first surface begins at 0, not at {at!r}", field=FIELD)
        if samples >= length_samples:
            raise CueSheetError(f"{entry.strip()!r} begins after the walk's end", field=FIELD)
        surfaces.append(Surface(samples, absolute_preset_name(name, folder)))
    return surfaces


def _samples(text: str, start_samples: int, clock: Clock) -> int:
    """Return the samples from the walk's start to a time in the walk."""
    if ZERO.fullmatch(text):
        return 0
    if WHOLE_SECONDS.fullmatch(text):
        text = text.replace("s", ".0")
    frames, samples = time_of(re.sub(r"(?<=[0-9.]) ?s$", "", text).replace(" .0", ".0"), FIELD, clock)
    return samples if frames is None else clock.frames_away(start_samples, frames) - start_samples


def surface_at(surfaces: tuple[Surface, ...], samples: int) -> Surface:
    """Return the surface at a position in the walk."""
    return surfaces[bisect_right(surfaces, samples, key=lambda surface: surface.start_samples) - 1]
