"""The run's report: what was rendered, where, and what was measured. Measured, never normalised."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from render.delivery.incremental.diff import chain_of, frame_of
from render.delivery.incremental.previous_report import mix_of
from render.delivery.loudness_specs import SPECS, CheckLine, check_loudness
from render.delivery.sum_check import SumCheck
from render.engine.cue_audio import CueCounts
from render.engine.stream import RenderStats
from render.plan.cache_key import CueKey
from render.plan.plan import Plan
from render.project.project import SUM, Project
from render.project.timecode import Clock
from render.wav.r128_gating import Loudness
from render.wav.stem_samples import WrittenStem

SCHEMA = 3
"""3: ``computed`` joined, of the run and of each stem. 2: ``start_samples`` and ``length_samples`` are the programme's,
``file_…`` the files' with their handles; loudness, specification lines and the check of the sum joined."""


CACHE_REMARK = "the cue cache could not be written: the next render decodes every cue again"


def cache_remarks(counts: CueCounts) -> list[str]:
    """What there is to say of the cue cache: a line each."""
    damaged = f"{counts.damaged} sounds in the cue cache were damaged, and were made again"
    return [damaged] * bool(counts.damaged) + [CACHE_REMARK] * (not counts.kept)


@dataclass(frozen=True)
class MeasuredFile:
    """One file of a delivery, measured.

    Attributes:
        file: its name.
        layout: its layout's name.
        peak_dbfs: highest sample as rendered; above 0 where it clipped or is float, ``None`` for silence.
        clipped_samples: how many did not fit; 0 of 32-bit float, which holds what is above full scale.
        loudness: of the programme, without handles and pops.
        lines: what the specification makes of it.
    """

    file: str
    layout: str
    peak_dbfs: float | None
    clipped_samples: int
    loudness: Loudness
    lines: list[CheckLine]


def measure_file(written: WrittenStem, file: str, project: Project) -> MeasuredFile:
    """What was noted of a file, judged."""
    trail, loudness = written.trail, written.trail.loudness()
    outside, held = trail.outside_samples, written.file.bits == 32
    lines = check_loudness(SPECS.get(project.spec), loudness, outside, written.file.track == SUM, held)
    peak, clipped = peak_dbfs(trail.peak), 0 if held else outside
    return MeasuredFile(file, written.file.layout.name, peak, clipped, loudness, lines)


def peak_dbfs(peak: float) -> float | None:
    """Sample peak in dBFS, two decimals; ``None`` for digital silence."""
    return round(20 * math.log10(peak), 2) if peak > 0 else None


def cue_table(plan: Plan, clock: Clock) -> list[dict]:
    """One row a cue, in order: timecode, samples (from the programme's first), stem, preset or source, and its seed."""
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


def build_report(
    plan: Plan,
    project: Project,
    files: dict[str, MeasuredFile],
    check: SumCheck,
    clips: dict[str, str],
    stats: RenderStats,
    wall_s: float,
    recipes: dict[str, CueKey],
    basis: dict[str, dict],
) -> dict:
    """The report as plain data.

    Args:
        files: stem name → what was measured, ``FOLEY`` for the sum.
        check: of the sum.
        clips: cue id → clip, from the report's folder; empty without clips.
        recipes: cue id → what decides its decoded sound.
        basis: stem name → what a later version needs to know of its file.
    """
    programme = plan.programme
    cues = cue_table(plan, project.clock())
    for cue, event in zip(cues, plan.events, strict=True):
        cue.update(recipe=asdict(recipes[event.id]), mix=asdict(mix_of(event)))
    chains = {stem.name: chain_of(stem) for stem in plan.stems}
    if clips:
        cues = [{**cue, "clip": clips[cue["id"]]} for cue in cues]
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
                **basis[name],
            }
            for name, file in files.items()
        },
        "sum_check": asdict(check),
        "frame": frame_of(plan, project),
        "decoded_cues": stats.counts.decoded,
        "cached_cues": stats.counts.cached,
        "computed": asdict(stats.counts.computed) if stats.counts.computed else None,
        "remarks": [*plan.remarks, *cache_remarks(stats.counts)],
        "wall_s": round(wall_s, 3),
        "times_real_time": round(plan.length_samples / plan.sample_rate / wall_s, 2),
        "seconds_by_activity": {name: round(seconds, 3) for name, seconds in stats.seconds.items()},
        "cues": cues,
    }
