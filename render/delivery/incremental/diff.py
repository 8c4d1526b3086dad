"""Compare a plan with the newest version in the folder, cue by cue, to find what can be kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import msgspec

from plugin_backend.exactness import ComputeInfo
from presets.performance.draw import Draw
from render.delivery.file_names import layouts_of, newest_report
from render.delivery.incremental.previous_report import Mix, PreviousCue, PreviousReport, mix_of, read_previous
from render.delivery.incremental.sample_digests import chain_of, frame_of, stem_keys
from render.engine.cue_cache import CueCache
from render.plan.cache_key import CueKey, cue_keys
from render.plan.plan import Event, Plan
from render.project.project import Project, Stem
from render.project.stem_names import SUM
from render.wav.stem_statistics import BLOCK_SAMPLES, StemStatistics

STATISTICS_FOLDER = "trails"
"""Folder in the cache that holds the statistics of delivered files."""

KEEP, PATCH, RENDER = "keep", "patch", "render"
UNTOUCHED, MIXED, DECODED = "untouched", "mixed from the cache", "decoded"


def merge_spans(spans: Iterable[slice], apart_samples: int = 1) -> tuple[slice, ...]:
    """Merge spans that overlap or are close to each other.

    Args:
        spans: sorted by start.
        apart_samples: spans less than this far apart are merged.
    """
    merged: list[slice] = []
    for span in spans:
        if merged and span.start - merged[-1].stop < apart_samples:
            before = merged.pop()
            span = slice(before.start, max(before.stop, span.stop))
        merged.append(span)
    return tuple(merged)


@dataclass(frozen=True)
class StemChange:
    """What is done with a stem.

    Attributes:
        mode: ``keep`` its samples, ``patch`` some of them, or ``render`` all.
        spans: samples that change, in whole blocks, in order. In a rendered stem, all.
        reason: in a few words.
    """

    mode: str
    spans: tuple[slice, ...]
    reason: str


@dataclass(frozen=True)
class CueChange:
    """What is done with a cue (``untouched``, ``mixed from the cache`` or ``decoded``), and the reason."""

    id: str
    stem: str
    action: str
    reason: str


@dataclass(frozen=True)
class Changes:
    """Differences of a plan from the version before.

    Attributes:
        before: stem name → file name of the version before, FOLEY included; empty if there is none.
        statistics: of those files.
        stems: stem name → what is done with it.
        cues: in the plan's order.
        sum: what is done with FOLEY.
        latencies: stem name → latency of its effects in the version before, in samples.
        computed: stem name → how our models computed the file of the version before.
    """

    before: dict[str, str]
    statistics: dict[str, StemStatistics]
    stems: dict[str, StemChange]
    cues: list[CueChange]
    sum: StemChange
    latencies: dict[str, int]
    computed: dict[str, list[ComputeInfo]]

    def computed_with(self, now: ComputeInfo | None) -> dict[str, list[ComputeInfo]]:
        """Return how our models computed each file: in this run, and in the runs that wrote what is kept.

        Args:
            now: how they computed in this run; None if they were not needed.
        """
        computed = {}
        for name, change in {**self.stems, SUM: self.sum}.items():
            before = self.computed.get(name, []) if change.mode != RENDER else []
            computed[name] = list(dict.fromkeys([*before, *([now] if now and change.mode != KEEP else [])]))
        return computed

    @property
    def patching(self) -> bool:
        """Whether at least one stem can be kept or patched."""
        return any(change.mode != RENDER for change in self.stems.values())


def up_to_date_files(plan: Plan, project: Project, out: Path) -> dict[str, Path]:
    """Return the files of the newest version, if a render would make the same.

    Args:
        plan: what would be rendered.
        project: its project.
        out: folder of the deliveries.

    Returns:
        Stem name → file, FOLEY included, and ``report`` → report. Empty if a render would make other files, or if the
        files have changed since they were written.
    """
    report = newest_report(project, out)
    if report is None:
        return {}
    try:
        before = read_previous(report)
        digests = {name: stem.key for name, stem in before.stems.items()}
        if _changed_file(before, out) or digests != stem_keys(plan, project, cue_keys(plan)):
            return {}
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):  # missing, or of an older version of Pisada
        return {}
    return {name: out / stem.file for name, stem in before.stems.items()} | {"report": report}


def compare(
    plan: Plan, project: Project, out: Path, keys: dict[str, CueKey], cache: CueCache | None, clips: bool = False
) -> Changes:
    """Compare a plan with the newest version in a folder.

    Args:
        plan: what to render.
        project: its project.
        out: folder of the deliveries.
        keys: cue id → key, of every event.
        cache: decoded cues; without one nothing can be kept.
        clips: every cue is also written as a clip, so every stem is rendered.

    Returns:
        What must be done.
    """
    before: PreviousReport | None = None
    statistics: dict[str, StemStatistics] = {}
    reason = "every cue is played for its clip"
    if not clips:
        before, statistics, reason = _usable_version(newest_report(project, out), plan, project, out, cache)
    cues_before = {cue.id: cue for cue in before.cues} if before else {}
    stems = {stem.name: _stem_change(stem, plan, before, reason, cues_before, keys) for stem in plan.stems}
    if plan.pops and any(change.mode == RENDER for change in stems.values()):
        whole = _whole(plan, "another stem is, and the sum has pops")
        stems = {name: change if change.mode == RENDER else whole for name, change in stems.items()}
    cues = [
        _cue_change(event, stems[event.stem], cues_before.get(event.id), keys[event.id], cache) for event in plan.events
    ]
    stems_before = before.stems if before else {}
    files = {name: stem.file for name, stem in stems_before.items()}
    latencies = {name: stem.effects_latency_samples or 0 for name, stem in stems_before.items() if name in stems}
    computed = {name: stem.computed for name, stem in stems_before.items()}
    return Changes(files, statistics, stems, cues, _sum_change(plan, before, stems), latencies, computed)


def _sum_change(plan: Plan, before: PreviousReport | None, stems: dict[str, StemChange]) -> StemChange:
    if before is None or any(change.mode == RENDER for change in stems.values()):
        return _whole(plan, "a stem is rendered whole")
    if set(before.stems) != {*stems, SUM} or before.stems[SUM].layout != layouts_of(plan)[SUM]:
        return _whole(plan, "a stem is gone")
    spans = _block_spans(
        [(span.start, span.stop) for change in stems.values() for span in change.spans], plan.length_samples
    )
    return StemChange(PATCH, spans, "the stems changed there") if spans else StemChange(KEEP, (), "no stem changed")


def _usable_version(
    path: Path | None, plan: Plan, project: Project, out: Path, cache: CueCache | None
) -> tuple[PreviousReport | None, dict[str, StemStatistics], str]:
    """Return the report of the version before and its files' statistics, or None and the reason why it is unusable."""
    if path is None:
        return None, {}, "there is no version before it"
    try:
        before = read_previous(path)
        if before.frame != frame_of(plan, project):
            return None, {}, f"length, handles, pops, start or bits differ from {path.name}"
        if changed := _changed_file(before, out):
            return None, {}, f"{changed} was changed since it was rendered"
    except FileNotFoundError as problem:
        return None, {}, f"{Path(problem.filename).name} is gone"
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None, {}, f"{path.name} was written by an older version of Pisada, or cannot be read"
    blocks = -(-plan.length_samples // BLOCK_SAMPLES)
    statistics: dict[str, StemStatistics] = {}
    for name, stem in before.stems.items():
        loaded = StemStatistics.load(statistics_path(cache.folder, stem.key)) if cache is not None else None
        if loaded is None or loaded.peaks.size != blocks:
            return None, {}, "the statistics of the version before are not in the cache"
        statistics[name] = loaded
    return before, statistics, ""


def _changed_file(before: PreviousReport, out: Path) -> str:
    """Return the first file that has changed since it was written, or an empty text.

    Raises:
        FileNotFoundError: a file is missing.
    """
    for stem in before.stems.values():
        state = (out / stem.file).stat()
        if (state.st_size, state.st_mtime_ns) != (stem.bytes, stem.modified_ns):
            return stem.file
    return ""


def statistics_path(cache: Path, key: str) -> Path:
    """Return the path of a delivered file's statistics.

    Args:
        cache: the cache folder.
        key: key of the file's samples.
    """
    return cache / STATISTICS_FOLDER / f"{key}.npz"


def _whole(plan: Plan, reason: str) -> StemChange:
    return StemChange(RENDER, (slice(0, plan.length_samples),), reason)


def _stem_change(
    stem: Stem,
    plan: Plan,
    before: PreviousReport | None,
    unusable: str,
    cues_before: dict[str, PreviousCue],
    keys: dict[str, CueKey],
) -> StemChange:
    if before is None:
        return _whole(plan, unusable)
    stem_before = before.stems.get(stem.name)
    if stem_before is None:
        return _whole(plan, "a new stem")
    if stem_before.chain != chain_of(stem):
        return _whole(plan, "its effects, gain or layout changed")
    spans = _changed_spans(stem.name, plan, cues_before, keys)
    if not spans:
        return StemChange(KEEP, (), "nothing in it changed")
    if stem.effects:
        return _whole(plan, "its effects depend on every change in it")
    if any(span.start < at + size and at < span.stop for span in spans for at, size in plan.pops):
        return _whole(plan, "a change touches a pop")
    return StemChange(PATCH, spans, f"{len(spans)} span{'s' * (len(spans) > 1)} of it changed")


def _changed_spans(
    name: str, plan: Plan, cues_before: dict[str, PreviousCue], keys: dict[str, CueKey]
) -> tuple[slice, ...]:
    """Return where a stem's cues were added, removed or changed: in whole blocks, merged, in order."""
    now = {event.id: event for event in plan.events if event.stem == name}
    then = {cue.id: cue for cue in cues_before.values() if cue.stem == name}
    spans = []
    for cue in {**then, **now}:
        event, row = now.get(cue), then.get(cue)
        if event is not None and row is not None and not _differences(event, row, keys[cue]):
            continue
        if event is not None:
            spans.append((event.start_samples, event.end_samples))
        if row is not None:
            start = row.mix.start_samples
            spans.append((start, start + row.recipe.length_samples))
    return _block_spans(spans, plan.length_samples)


def _block_spans(spans: list[tuple[int, int]], length_samples: int) -> tuple[slice, ...]:
    """Return starts and ends as spans of the file: in whole blocks, merged, in order."""
    inside = sorted((max(0, start), min(stop, length_samples)) for start, stop in spans)
    blocks = (
        slice(start // BLOCK_SAMPLES * BLOCK_SAMPLES, min(-(-stop // BLOCK_SAMPLES) * BLOCK_SAMPLES, length_samples))
        for start, stop in inside
        if start < stop
    )
    return merge_spans(blocks)


def _differences(event: Event, row: PreviousCue, key: CueKey) -> list[str]:
    """Return the names of a cue's fields that have changed."""
    return _unequal_fields(key, row.recipe) + _unequal_fields(mix_of(event), row.mix)


def _same_but_mixture(one: Draw | None, other: Draw | None) -> bool:
    """Return whether two draws differ only in what the memory chose."""
    return one is not None and other is not None and replace(one, candidate=0) == replace(other, candidate=0)


def _unequal_fields(one: CueKey | Mix, other: CueKey | Mix) -> list[str]:
    return [field.name for field in fields(one) if getattr(one, field.name) != getattr(other, field.name)]


def _cue_change(
    event: Event, stem: StemChange, row: PreviousCue | None, key: CueKey, cache: CueCache | None
) -> CueChange:
    inside = any(event.start_samples < span.stop and span.start < event.end_samples for span in stem.spans)
    if stem.mode == KEEP or not inside:
        return CueChange(event.id, event.stem, UNTOUCHED, "as in the version before")
    action = MIXED if cache is not None and key.key in cache else DECODED
    if stem.mode == RENDER:
        reason = f"{event.stem} is rendered whole: {stem.reason}"
    elif row is None:
        reason = "a new cue"
    else:
        changed = _differences(event, row, key)
        reason = f"changed: {', '.join(changed)}" if changed else "it overlaps a change"
        if "draw" in changed and _same_but_mixture(key.draw, row.recipe.draw):
            reason = "another mixture of its takes, because a cue near it changed"
    if action == DECODED and (cache is None or reason == "it overlaps a change"):
        reason += "; its sound is not in the cache"
    return CueChange(event.id, event.stem, action, reason)
