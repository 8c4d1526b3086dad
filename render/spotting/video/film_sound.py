"""Compare the events of a film with the hits of its own sound: the sound tells more exactly when a hit begins."""

from __future__ import annotations

import bisect
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from plugin_backend.errors import AudioFileError
from plugin_backend.hit_detection.detect_hits import detect_hits
from render.spotting.video.events import Event
from render.spotting.video.film import Film

RATE_HZ = 48_000
NEAR_FRAMES, NEAR_S = Fraction(3, 2), Fraction(1, 20)
"""A hit of the sound belongs to an event if it is nearer than so many frames, or so many seconds if they are longer."""
SILENT = 1e-4


def sound_hits(film: Film) -> list[Fraction] | None:
    """Return the times of the hits in a film's sound, in seconds from its first frame; None if it is silent.

    Args:
        film: a film that is open and has sound; no frame was read yet.
    """
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        loudest, begin = 0.0, Fraction(0)
        with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_24") as file:
            for start, block in film.sound(RATE_HZ):
                begin = start
                loudest = max(loudest, float(np.abs(block).max(initial=0.0)))
                file.write(block)
        if loudest < SILENT:
            return None
        try:
            hits = detect_hits(path)
        except AudioFileError:  # too short to hold a hit
            return []
    return [begin + Fraction(hit.onset_samples, RATE_HZ) for hit in hits]


def agree_with_sound(events: Sequence[Event], hits: Sequence[Fraction], rate: Fraction) -> list[Event]:
    """Return the events, at the times of the sound's hits where both agree. Each says which it trusts.

    Args:
        events: by time.
        hits: times of the sound's hits, rising.
        rate: frames a second.
    """
    near = max(NEAR_S, NEAR_FRAMES / rate)
    result = []
    for event in events:
        index = bisect.bisect(hits, event.time)
        around = hits[max(0, index - 1) : index + 1]
        hit = min(around, key=lambda hit: (abs(hit - event.time), hit), default=None)
        if hit is None or abs(hit - event.time) > near:
            why = f"picture only: the film's sound has no hit within {float(near) * 1000:.0f} ms"
            result.append(replace(event, reasons=(*event.reasons, why)))
        else:
            why = f"picture and sound agree: the sound's time is used ({float(hit - event.time) * 1000:+.0f} ms)"
            confidence = 1 - (1 - event.confidence) / 2
            result.append(replace(event, time=hit, confidence=confidence, reasons=(*event.reasons, why)))
    return sorted(result, key=lambda event: event.time)
