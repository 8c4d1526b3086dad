"""The report of a run: what was rendered, where, and what was measured. Audio is measured, never normalised."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from render.delivery.incremental.previous_report import mix_of
from render.delivery.incremental.sample_digests import chain_of, frame_of
from render.delivery.loudness_specs import SPECS, CheckLine, check_loudness
from render.delivery.sum_check import SumCheck
from render.engine.cue_audio import CueCounts
from render.engine.stream import RenderStats
from render.plan.cache_key import CueKey
from render.plan.plan import Plan
from render.project.project import Project
from render.project.stem_names import SUM
from render.project.timecode import Clock
from render.wav.r128_gating import Loudness
from render.wav.stem_samples import WrittenStem

SCHEMA = 3
"""Version of the report.

Schema 3 added ``computed``, for the run and for each stem. In schema 2 ``start_samples`` and ``length_samples`` became
those of the programme, and ``file_…`` those of the files with their handles; it added loudness, specification lines and
the sum check.
"""

CACHE_REMARK = "the cue cache could not be written: the next render decodes every cue again"


def cache_remarks(counts: CueCounts) -> list[str]:
    """Return remarks on the cue cache, one line each."""
    damaged = f"{counts.damaged} sounds in the cue cache were damaged, and were made again"
    return [damaged] * bool(counts.damaged) + [CACHE_REMARK] * (not counts.kept)


@dataclass(frozen=True)
class MeasuredFile:
    """Measurements of a delivered file.

    Attributes:
        file: its name.
        layout: name of its layout.
        peak_dbfs: highest sample before quantisation. It is above 0 if the file clipped or is float; ``None`` for
            silence.
        clipped_samples: samples above full scale. It is 0 for 32-bit float, which does not clip.
        loudness: of the programme, without handles and pops.
        lines: checks against the specification.
    """

    file: str
    layout: str
    peak_dbfs: float | None
    clipped_samples: int
    loudness: Loudness
    lines: list[CheckLine]


def measure_file(written: WrittenStem, file: str, project: Project) -> MeasuredFile:
    """Return the measurements of a file, checked against the project's specification.

    Args:
        written: the file and its statistics.
        file: name of the file.
        project: gives the specification.
    """
    statistics, loudness = written.statistics, written.statistics.loudness()
    samples_over, is_float = statistics.samples_over_full_scale, written.file.bits == 32
    spec = SPECS.get(project.spec) if project.spec is not None else None
    lines = check_loudness(spec, loudness, samples_over, written.file.track == SUM, is_float)
    peak, clipped = peak_dbfs(statistics.peak), 0 if is_float else samples_over
    return MeasuredFile(file, written.file.layout.name, peak, clipped, loudness, lines)


def peak_dbfs(peak: float) -> float | None:
    """Return a sample peak in dBFS with two decimals, or ``None`` for digital silence."""
    return round(20 * math.log10(peak), 2) if peak > 0 else None


def cue_table(plan: Plan, clock: Clock) -> list[dict[str, Any]]:
    """Return a row for each cue, in order: timecode, samples, stem, preset or source, seed and notes.

    Args:
        plan: gives the cues.
        clock: time base of the programme.
    """
    return [
        {
            "id": event.id,
            "timecode": clock.label_at(event.start_samples - plan.head_samples),
            "absolute_sample": plan.start_samples + event.start_samples,
            "start_samples": event.start_samples - plan.head_samples,
            "length_samples": event.length_samples,
            "stem": event.stem,
            "preset": event.preset,
            "source": str(event.source) if event.source is not None else None,
            "seed": event.seed,
            "note": event.note,
            "extra": event.extra,
            **({"sync_samples": event.sync_samples} if event.sync_samples else {}),
        }
        for event in plan.events
    ]


@dataclass(frozen=True)
class RunResults:
    """What a run has measured, for its report.

    Attributes:
        files: stem name → measurements; FOLEY is the sum.
        check: of the sum.
        clips: cue id → clip, relative to the report's folder; empty without clips.
        stats: of the render processes.
        wall_s: seconds that the run took.
        keys: cue id → key of its decoded audio.
        file_states: stem name → what a later version needs to know of its file.
    """

    files: dict[str, MeasuredFile]
    check: SumCheck
    clips: dict[str, str]
    stats: RenderStats
    wall_s: float
    keys: dict[str, CueKey]
    file_states: dict[str, dict[str, Any]]


def build_report(plan: Plan, project: Project, results: RunResults) -> dict[str, Any]:
    """Return the report as plain data.

    Args:
        plan: what was rendered.
        project: its project.
        results: what was measured.

    Returns:
        The content of ``report.json``.
    """
    stats, counts = results.stats, results.stats.counts
    programme = plan.programme
    cues = cue_table(plan, project.clock())
    for cue, event in zip(cues, plan.events, strict=True):
        cue.update(recipe=asdict(results.keys[event.id]), mix=asdict(mix_of(event)))
    chains = {stem.name: chain_of(stem) for stem in plan.stems}
    if results.clips:
        cues = [{**cue, "clip": results.clips[cue["id"]]} for cue in cues]
    return {
        "schema": SCHEMA,
        "show": project.show,
        "reel": project.reel,
        "fps": project.rate.name if project.rate else None,
        "start": project.start,
        "start_samples": plan.start_samples + plan.head_samples,
        "length_samples": programme.stop - programme.start,
        "file_start_samples": plan.start_samples,
        "file_length_samples": plan.length_samples,
        "pops": [{"start_samples": at - plan.head_samples, "length_samples": size} for at, size in plan.pops],
        "sample_rate": plan.sample_rate,
        "bits": project.bits,
        "model": project.codecs[0],
        "models": list(project.codecs),
        "seed": project.seed,
        "take": project.take,
        "spec": {"name": project.spec, "source": SPECS[project.spec].source} if project.spec else None,
        "stems": {
            name: {
                "file": file.file,
                "layout": file.layout,
                "cues": len(plan.events) if name == SUM else sum(event.stem == name for event in plan.events),
                "peak_dbfs": file.peak_dbfs,
                "clipped_samples": file.clipped_samples,
                **file.loudness.as_fields(),
                "checks": [asdict(line) for line in file.lines],
                "effects_latency_samples": stats.latencies.get(name),
                "chain": chains.get(name),
                **results.file_states[name],
            }
            for name, file in results.files.items()
        },
        "sum_check": asdict(results.check),
        "frame": frame_of(plan, project),
        "decoded_cues": counts.decoded,
        "cached_cues": counts.cached,
        "computed": asdict(counts.computed) if counts.computed else None,
        "remarks": [*plan.remarks, *cache_remarks(counts)],
        "wall_s": round(results.wall_s, 3),
        "times_real_time": round(plan.length_samples / plan.sample_rate / results.wall_s, 2),
        "seconds_by_activity": {name: round(seconds, 3) for name, seconds in stats.seconds.items()},
        "cues": cues,
    }
