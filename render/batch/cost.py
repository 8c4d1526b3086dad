"""What a job will cost: seconds of a core, and bytes of disk."""

from __future__ import annotations

from dataclasses import dataclass

from plugin_backend.codecs import PCM
from render.delivery.deliver import sound_bytes
from render.events import Plan
from render.project import Project

JOB_S = 0.6
"""Seconds a job takes whatever it holds: its processes, its report and its picture."""
CUE_SECOND_S = 0.05
"""Seconds for a second of cue that a model decodes."""
STEM_MINUTE_S = 0.5
"""Seconds for a minute of one stem: mixing, effects, writing, measuring, and reading it again."""
PICTURE_BYTES, CUE_BYTES, FILE_BYTES = 60_000, 2_000, 8_000
MARGIN_BYTES, MARGIN = 8 * 2**20, 0.02


@dataclass(frozen=True)
class Cost:
    """A job's size, and what follows from it before anything was measured.

    Attributes:
        cues: how many.
        cue_s: seconds of them that a model decodes.
        programme_s: the programme's length, handles and all.
        seconds: of one core, by the constants above.
        bytes: on disk.
    """

    cues: int
    cue_s: float
    programme_s: float
    seconds: float
    bytes: int


def cost_of(plan: Plan, project: Project, clips: bool) -> Cost:
    """A job's cost by the constants above; sounds in the cache are counted as if they were not there."""
    rate_hz = plan.sample_rate
    cue_s = sum(event.length_samples for event in plan.events if event.codec != PCM) / rate_hz
    programme_s = plan.length_samples / rate_hz
    stems, cues = len(plan.stems) + 1, len(plan.events)
    seconds = JOB_S + CUE_SECOND_S * cue_s + STEM_MINUTE_S * stems * programme_s / 60
    small = FILE_BYTES * stems + CUE_BYTES * 2 * cues + PICTURE_BYTES * stems
    return Cost(cues, cue_s, programme_s, seconds, sound_bytes(plan, project, clips) + small)


def with_margin(needed_bytes: int) -> int:
    """What has to be free for so much: 2 % and 8 MiB more."""
    return round(needed_bytes * (1 + MARGIN)) + MARGIN_BYTES if needed_bytes else 0
