"""Turn the events of a film into cues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

from plugin_backend.errors import CueSheetError, FilmError
from render.cues.cue import Cue, CueSheet, check_reach
from render.project.timecode import Clock, round_half_up
from render.spotting.video.choose_presets import RankedPreset
from render.spotting.video.events import KINDS, Event

FORMAT = "events of a film"
STEMS = {"step": "FEET", "door opens": "DOORS", "door closes": "DOORS", "drop": "PROPS"}
PAN = 0.6
"""Pan of a sound at the picture's right edge."""
LEAST_CONFIDENCE = 0.3


def cues_of_events(
    path: Path, events: Sequence[Event], clock: Clock, choose: Callable[[Event], list[RankedPreset]], least: float
) -> tuple[CueSheet, list[Event]]:
    """Make a cue of each event that is sure enough.

    Args:
        path: the film.
        events: by time.
        clock: time base of the programme; the film begins with it.
        choose: returns the presets that fit an event, best first.
        least: smallest confidence, 0 to 1.

    Returns:
        The sheet, and the event of each of its cues.

    Raises:
        FilmError: no event is sure enough.
        CueSheetError: an event lies more than 24 hours after the start.
    """
    kept = [event for event in events if event.confidence >= least]
    left_out = len(events) - len(kept)
    if not kept:
        unsure = f"; {left_out} are less sure than {least:g}: --least-confidence" if left_out else ""
        raise FilmError(f"{path}: no footstep, door or drop was found{unsure}")
    numbers = dict.fromkeys(STEMS.values(), 0)
    digits = max(3, len(str(len(kept))))
    cues = []
    for row, event in enumerate(kept, 2):
        stem = STEMS[event.kind]
        numbers[stem] += 1
        chosen = choose(event)[0]
        start = round_half_up(event.time * clock.sample_rate)
        try:
            check_reach(start, clock.sample_rate)
        except CueSheetError as error:
            raise error.at(file=path) from error
        cues.append(
            Cue(
                id=f"{stem}-{numbers[stem]:0{digits}d}",
                start_samples=max(0, start),
                stem=stem,
                preset=chosen.preset,
                velocity=round(event.strength, 3),
                pan=round(PAN * (2 * event.x - 1), 2),
                character=f"P{event.person}" if event.person else "",
                foot=cast(Literal["L", "R"], event.foot) if event.foot else None,
                note=note_of(event, chosen),
                row=row,
            )
        )
    remarks = [f"{left_out} events are less sure than {least:g} and were left out"] if left_out else []
    return CueSheet(path, cues, [], remarks, FORMAT, clock), kept


def note_of(event: Event, chosen: RankedPreset) -> str:
    """Return why a cue is there, and why it has its preset."""
    return f"{event.confidence:.2f}: {KINDS[event.kind]}; {'; '.join(event.reasons)}; preset: {chosen.reason}"
