"""The run's report: what was rendered, where, and what was measured. Measured, never normalised."""

from __future__ import annotations

import math
from pathlib import Path

from render.events import Plan
from render.project import Project
from render.stem_writer import StemWriter
from render.stream import RenderStats
from render.timecode import Clock

SCHEMA = 1


def peak_dbfs(peak: float) -> float | None:
    """Sample peak in dBFS, two decimals; ``None`` for digital silence."""
    return round(20 * math.log10(peak), 2) if peak > 0 else None


def cue_table(plan: Plan, clock: Clock) -> list[dict]:
    """One row a cue, in order: timecode, samples, stem, preset or source, and its seed."""
    return [
        {
            "id": event.id,
            "timecode": clock.label_at(event.start_samples),
            "absolute_sample": plan.start_samples + event.start_samples,
            "start_samples": event.start_samples,
            "length_samples": event.length_samples,
            "stem": event.stem,
            "preset": event.preset,
            "source": str(event.source) if event.source is not None else None,
            "seed": event.seed,
            "note": event.note,
            "extra": event.extra,
        }
        for event in plan.events
    ]


def build_report(
    plan: Plan,
    project: Project,
    files: dict[str, Path],
    writers: dict[str, StemWriter],
    stats: RenderStats,
    wall_s: float,
) -> dict:
    """The report as plain data; ``files`` and ``writers`` are keyed by stem name, ``FOLEY`` for the sum."""
    programme_s = plan.length_samples / plan.sample_rate
    return {
        "schema": SCHEMA,
        "show": project.show,
        "reel": project.reel,
        "fps": project.rate.name if project.rate else None,
        "start": project.start,
        "start_samples": plan.start_samples,
        "length_samples": plan.length_samples,
        "sample_rate": plan.sample_rate,
        "bits": project.bits,
        "model": project.model,
        "seed": project.seed,
        "take": project.take,
        "stems": {
            name: {
                "file": files[name].name,
                "cues": sum(event.stem == name for event in plan.events)
                if name in stats.latencies
                else len(plan.events),
                "peak_dbfs": peak_dbfs(writer.peak),
                "clipped_samples": writer.clipped_samples,
                "effects_latency_samples": stats.latencies.get(name),
            }
            for name, writer in writers.items()
        },
        "remarks": list(plan.remarks),
        "wall_s": round(wall_s, 3),
        "times_real_time": round(programme_s / wall_s, 2),
        "seconds_by_activity": {name: round(seconds, 3) for name, seconds in stats.seconds.items()},
        "cues": cue_table(plan, project.clock()),
    }
