"""Timelines and mappings for tests."""

from pathlib import Path

from render.cues.timeline import Timeline, TimelineItem
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["24"], 86_400)
HOUR = FILM.start_samples
SHOW = """
schema = 1

[defaults]
gain_db = -3.0
velocity = 0.5

[[rules]]
track = { glob = "DX *" }
ignore = true

[[rules]]
name = "Steps"
stem = "FEET"
preset = "step-stone"
velocity = 1

[[rules]]
name = { regex = 'FS[ _](?P<floor>\\w+)\\s*(\\d+)?' }
track = { regex = "(Left|Right)" }
stem = "FEET"
preset = 'step-\\1'
pan = -0.5

[[rules]]
kind = "marker"
name = { glob = "*door*" }
stem = "DOORS"
preset = "wood-creak"
pitch_semitones = -2

[[rules]]
track = { regex = "PROP (.*)" }
stem = 'PROP-\\1'
"""


def clip(name: str, track: str = "", start: int = 0, length: int | None = 100, row: int = 1, **more) -> TimelineItem:
    return TimelineItem(more.pop("kind", "clip"), name, track, start, length, row, **more)


def timeline(*items: TimelineItem, clock: Clock = FILM) -> Timeline:
    return Timeline("EDL", clock, list(items), ["line 9: a comment"])


PATH = Path("/reel/reel.edl")


def everything():
    import msgspec

    from render.cues.clip_mapping import Mapping

    rule = {"name": {"regex": "(?s).*"}, "stem": "A", "preset": "p"}
    return msgspec.convert({"schema": 1, "rules": [rule]}, Mapping)


OWN = {
    "pisada.id": "F1", "pisada.stem": "FEET", "pisada.preset": "step", "pisada.gain_db": "-6", "pisada.seed": "7",
    "pisada.source": "in/a.wav", "pisada.note": "a\nb", "pisada.Scene": "12A", "other": "y",
}  # fmt: skip
