"""Find the peak of a cue's audio, to the sample, for cues whose peak (not their onset) lies at their position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from render.engine.cue_audio import CueAudio
from render.engine.cue_decoding import Stopwatch
from render.engine.mixing import fade_curve
from render.engine.stream import OFFLINE_CHUNK_FRAMES
from render.plan.plan import Event, Plan


def find_peaks(plan: Plan, ids: Iterable[str]) -> dict[str, int]:
    """Find the peaks of some cues; decodes these cues.

    Args:
        plan: holds the cues' events. Audio in its cache is not decoded again; other audio is added to the cache.
        ids: the cues.

    Returns:
        Cue id → samples from the cue's first sample to its highest, fades included.
    """
    wanted = set(ids)
    events = [event for event in plan.events if event.id in wanted]
    cue_audio = CueAudio(plan, OFFLINE_CHUNK_FRAMES, Stopwatch(), events)
    return {event.id: _peak(event, cue_audio.of(event)) for event in events}


def _peak(event: Event, pieces: Iterator[np.ndarray]) -> int:
    """Return the position of the first of the highest samples, fades included; 0 for silence."""
    highest, peak, position = 0.0, 0, 0
    for piece in pieces:
        level = np.abs(piece[:, : event.length_samples - position]).max(axis=0, initial=0)
        positions = np.arange(position, position + level.size)
        level *= fade_curve(positions, event.length_samples, event.fade_in_samples, event.fade_out_samples)
        if level.size and level.max() > highest:
            highest, peak = level.max(), position + int(level.argmax())
        position += piece.shape[1]
        if position >= event.length_samples:
            break
    return peak
