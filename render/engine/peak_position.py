"""Where a sound's peak is, to the sample: for cues that put it, and not their onset, at their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from render.engine.cue_audio import CueAudio
from render.engine.cue_decoding import Stopwatch
from render.engine.mixing import fade_curve
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.plan import Event, Plan


def find_peaks(plan: Plan, ids: Iterable[str]) -> dict[str, int]:
    """Cue id → samples from its first sample to its highest, as its stem gets it; decodes these cues.

    Args:
        plan: with their events. Sounds in its cache are not decoded again; others are kept there.
        ids: the cues asked for.
    """
    wanted = set(ids)
    events = [event for event in plan.events if event.id in wanted]
    sounds = CueAudio(plan, OFFLINE_CHUNK_FRAMES, Stopwatch(), events)
    return {event.id: _peak(event, sounds.of(event)) for event in events}


def _peak(event: Event, pieces: Iterator[np.ndarray]) -> int:
    """The first of the highest samples, fades counted in; 0 of silence."""
    highest, where, position = 0.0, 0, 0
    for piece in pieces:
        level = np.abs(piece[:, : event.length_samples - position]).max(axis=0, initial=0)
        positions = np.arange(position, position + level.size)
        level *= fade_curve(positions, event.length_samples, event.fade_in_samples, event.fade_out_samples)
        if level.size and level.max() > highest:
            highest, where = level.max(), position + int(level.argmax())
        position += piece.shape[1]
        if position >= event.length_samples:
            break
    return where
