"""What of a delivery is as it was: compare a plan with the newest version in the folder, cue by cue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import msgspec

from plugin_backend.exactness import ComputeInfo
from plugin_backend.hashing import digest
from render.delivery.file_names import layouts_of, newest_report
from render.delivery.incremental.previous_report import PreviousCue, PreviousReport, mix_of, read_previous
from render.engine.cue_cache import CueCache
from render.plan.cache_key import CueKey, cue_keys
from render.plan.plan import Event, Plan
from render.plan.resolve_effects import describe_effect
from render.project.effect_schema import Plugin
from render.project.project import SUM, Project, Stem
from render.wav.stem_statistics import BLOCK_SAMPLES, StemStatistics


def merge_spans(spans: Iterable[slice], apart_samples: int = 1) -> tuple[slice, ...]:
    """Spans ordered by their starts, those that overlap or lie less than ``apart_samples`` apart made one."""
    found: list[slice] = []
    for span in spans:
        if found and span.start - found[-1].stop < apart_samples:
            before = found.pop()
            span = slice(before.start, max(before.stop, span.stop))
        found.append(span)
    return tuple(found)


STATISTICS_FOLDER = "trails"

MIX_VERSION = 1
"""Raised whenever the same plan would be mixed, or an effect of ours sound, differently."""

KEEP, PATCH, RENDER = "keep", "patch", "render"
UNTOUCHED, MIXED, DECODED = "untouched", "mixed from the cache", "decoded"


@dataclass(frozen=True)
class StemChange:
    """What becomes of a stem.

    Attributes:
        mode: ``keep`` its samples, ``patch`` some, or ``render`` all.
        spans: the samples that change, in whole blocks, in order; all of them in a rendered stem.
        why: in a few words.
    """

    mode: str
    spans: tuple[slice, ...]
    why: str


@dataclass(frozen=True)
class CueChange:
    """What becomes of a cue: ``untouched``, ``mixed from the cache`` or ``decoded``, and why."""

    id: str
    stem: str
    action: str
    why: str


@dataclass(frozen=True)
class Changes:
    """A plan beside the version before it.

    Attributes:
        before: file name of that version's stems, by name, FOLEY among them; empty without one.
        trails: of those files.
        stems: by name.
        cues: in the plan's order.
        sum: what becomes of FOLEY.
        latencies: the effects' of the stems before, in samples, by name.
        computed: with what that version's files were computed, by name.
    """

    before: dict[str, str]
    trails: dict[str, StemStatistics]
    stems: dict[str, StemChange]
    cues: list[CueChange]
    sum: StemChange
    latencies: dict[str, int]
    computed: dict[str, list[ComputeInfo]]

    def computed_with(self, now: ComputeInfo | None) -> dict[str, list[ComputeInfo]]:
        """With what the runs computed that wrote each file: this one, and those that wrote what is kept of before."""
        found = {}
        for name, change in {**self.stems, SUM: self.sum}.items():
            before = self.computed.get(name, []) if change.mode != RENDER else []
            found[name] = list(dict.fromkeys([*before, *([now] if now and change.mode != KEEP else [])]))
        return found

    @property
    def patching(self) -> bool:
        """Whether there is anything to keep."""
        return any(change.mode != RENDER for change in self.stems.values())


def frame_of(plan: Plan, project: Project) -> dict:
    """What all files of a delivery share; when it changes, all of them do."""
    programme = plan.programme
    return {
        "version": MIX_VERSION,
        "sample_rate": plan.sample_rate,
        "start_samples": plan.start_samples,
        "length_samples": plan.length_samples,
        "programme": [programme.start, programme.stop],
        "pops": [list(pop) for pop in plan.pops],
        "bits": project.bits,
        "seed": project.seed if project.bits == 16 else None,  # of the dither
    }


def chain_of(stem: Stem) -> dict:
    """What a stem does to the sum of its cues; a plug-in's file counts by size and time, others by all in it."""
    plugins = [Path(effect.path) for effect in stem.effects if isinstance(effect, Plugin) and effect.is_file]
    return {
        "gain_db": stem.gain_db,
        "layout": stem.layout,
        "effects": [describe_effect(effect) for effect in stem.effects],
        "plugins": [_files_of(plugin) for plugin in plugins],
    }


def _files_of(plugin: Path) -> list[list]:
    """Name, size and time of a plug-in's file, or of every file in its bundle."""
    files = sorted(path for path in plugin.rglob("*") if path.is_file()) if plugin.is_dir() else [plugin]
    states = [(path.relative_to(plugin.parent), path.stat()) for path in files]
    return [[str(name), state.st_size, state.st_mtime_ns] for name, state in states]


def stem_keys(plan: Plan, project: Project, recipes: dict[str, CueKey]) -> dict[str, str]:
    """Stem name → digest of all that decides its samples, FOLEY's among them."""
    frame, keys = frame_of(plan, project), {}
    for stem in plan.stems:
        cues = [[recipes[e.id].key, e.length_samples, asdict(mix_of(e))] for e in plan.events if e.stem == stem.name]
        keys[stem.name] = digest([frame, stem.name, chain_of(stem), cues])
    return keys | {SUM: digest([layouts_of(plan)[SUM], sorted(keys.values())])}


def up_to_date_files(plan: Plan, project: Project, out: Path) -> dict[str, Path]:
    """The newest version's files by stem, FOLEY among them, and its ``report``; empty unless they are as left and what
    a render would leave now."""
    report = newest_report(project, out)
    if report is None:
        return {}
    try:
        before = read_previous(report)
        if _touched(before, out) or {name: stem.key for name, stem in before.stems.items()} != stem_keys(
            plan, project, cue_keys(plan)
        ):
            return {}
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):  # gone, or of an older edition
        return {}
    return {name: out / stem.file for name, stem in before.stems.items()} | {"report": report}


def compare(
    plan: Plan, project: Project, out: Path, recipes: dict[str, CueKey], cache: CueCache | None, clips: bool = False
) -> Changes:
    """Settle what has to be done.

    Args:
        out: the folder of the deliveries.
        recipes: cue id → recipe, of every event.
        cache: decoded cues; none counts as empty.
        clips: every cue is wanted as a file of its own.
    """
    before, trails, why_not = None, {}, "every cue is heard for its clip"
    if not clips:
        before, trails, why_not = _usable(newest_report(project, out), plan, project, out, cache)
    earlier = {cue.id: cue for cue in before.cues} if before else {}
    stems = {stem.name: _stem(stem, plan, before, why_not, earlier, recipes) for stem in plan.stems}
    if plan.pops and any(change.mode == RENDER for change in stems.values()):
        whole = _whole(plan, "another stem is, and the sum has pops")
        stems = {name: change if change.mode == RENDER else whole for name, change in stems.items()}
    cues = [_cue(event, stems[event.stem], earlier.get(event.id), recipes[event.id], cache) for event in plan.events]
    known = before.stems if before else {}
    files = {name: stem.file for name, stem in known.items()}
    latencies = {name: stem.effects_latency_samples or 0 for name, stem in known.items() if name in stems}
    computed = {name: stem.computed for name, stem in known.items()}
    return Changes(files, trails, stems, cues, _sum(plan, before, stems), latencies, computed)


def _sum(plan: Plan, before: PreviousReport | None, stems: dict[str, StemChange]) -> StemChange:
    if before is None or any(change.mode == RENDER for change in stems.values()):
        return _whole(plan, "a stem is rendered whole")
    if set(before.stems) != {*stems, SUM} or before.stems[SUM].layout != layouts_of(plan)[SUM]:
        return _whole(plan, "a stem is gone")
    spans = _merged(
        [(span.start, span.stop) for change in stems.values() for span in change.spans], plan.length_samples
    )
    return StemChange(PATCH, spans, "the stems changed there") if spans else StemChange(KEEP, (), "no stem changed")


def _usable(
    path: Path | None, plan: Plan, project: Project, out: Path, cache: CueCache | None
) -> tuple[PreviousReport | None, dict[str, StemStatistics], str]:
    """The version before and the trails of its files, if they are as it left them; else why not."""
    if path is None:
        return None, {}, "there is no version before it"
    try:
        before = read_previous(path)
        if before.frame != frame_of(plan, project):
            return None, {}, f"length, handles, pops, start or bits differ from {path.name}"
        if touched := _touched(before, out):
            return None, {}, f"{touched} was changed since it was rendered"
    except FileNotFoundError as gone:
        return None, {}, f"{Path(gone.filename).name} is gone"
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return None, {}, f"{path.name} is of an older edition, or cannot be read"
    trails = {
        name: cache and StemStatistics.load(statistics_path(cache.folder, stem.key))
        for name, stem in before.stems.items()
    }
    blocks = -(-plan.length_samples // BLOCK_SAMPLES)
    if any(trail is None or trail.peaks.size != blocks for trail in trails.values()):
        return None, {}, "what was noted of the version before is not in the cache"
    return before, trails, ""


def _touched(before: PreviousReport, out: Path) -> str:
    """The first of its files that is not as it was left, if any.

    Raises:
        FileNotFoundError: one is gone.
    """
    for stem in before.stems.values():
        state = (out / stem.file).stat()
        if (state.st_size, state.st_mtime_ns) != (stem.bytes, stem.modified_ns):
            return stem.file
    return ""


def statistics_path(cache: Path, key: str) -> Path:
    """Where the trail of a file is kept."""
    return cache / STATISTICS_FOLDER / f"{key}.npz"


def _whole(plan: Plan, why: str) -> StemChange:
    return StemChange(RENDER, (slice(0, plan.length_samples),), why)


def _stem(stem: Stem, plan: Plan, before: PreviousReport | None, why_not: str, earlier: dict, recipes) -> StemChange:
    if before is None:
        return _whole(plan, why_not)
    known = before.stems.get(stem.name)
    if known is None:
        return _whole(plan, "a new stem")
    if known.chain != chain_of(stem):
        return _whole(plan, "its effects, gain or layout changed")
    spans = _changed_spans(stem.name, plan, earlier, recipes)
    if not spans:
        return StemChange(KEEP, (), "nothing in it changed")
    if stem.effects:
        return _whole(plan, "its effects hear every change in it")
    if any(span.start < at + size and at < span.stop for span in spans for at, size in plan.pops):
        return _whole(plan, "a change touches a pop")
    return StemChange(PATCH, spans, f"{len(spans)} stretch{'es' * (len(spans) > 1)} of it changed")


def _changed_spans(name: str, plan: Plan, earlier: dict, recipes: dict[str, CueKey]) -> tuple[slice, ...]:
    """Where a stem's cues came, went or differ: in whole blocks, merged, in order."""
    now = {event.id: event for event in plan.events if event.stem == name}
    then = {cue.id: cue for cue in earlier.values() if cue.stem == name}
    spans = []
    for cue in {**then, **now}:
        event, row = now.get(cue), then.get(cue)
        if event is not None and row is not None and not _differences(event, row, recipes[cue]):
            continue
        if event is not None:
            spans.append((event.start_samples, event.end_samples))
        if row is not None:
            start = row.mix.start_samples
            spans.append((start, start + row.recipe.length_samples))
    return _merged(spans, plan.length_samples)


def _merged(spans: list[tuple[int, int]], length_samples: int) -> tuple[slice, ...]:
    """Starts and ends as stretches of the file, in whole blocks, merged, in order."""
    inside = sorted((max(0, start), min(stop, length_samples)) for start, stop in spans)
    blocks = (
        slice(start // BLOCK_SAMPLES * BLOCK_SAMPLES, min(-(-stop // BLOCK_SAMPLES) * BLOCK_SAMPLES, length_samples))
        for start, stop in inside
        if start < stop
    )
    return merge_spans(blocks)


def _differences(event: Event, row: PreviousCue, recipe: CueKey) -> list[str]:
    """Names of what is not as it was."""
    return _unlike(recipe, row.recipe) + _unlike(mix_of(event), row.mix)


def _unlike(one, other) -> list[str]:
    return [field.name for field in fields(one) if getattr(one, field.name) != getattr(other, field.name)]


def _cue(event: Event, stem: StemChange, row: PreviousCue | None, recipe: CueKey, cache: CueCache | None) -> CueChange:
    inside = any(event.start_samples < span.stop and span.start < event.end_samples for span in stem.spans)
    if stem.mode == KEEP or not inside:
        return CueChange(event.id, event.stem, UNTOUCHED, "as in the version before")
    action = MIXED if cache is not None and recipe.key in cache else DECODED
    if stem.mode == RENDER:
        why = f"{event.stem} is rendered whole: {stem.why}"
    elif row is None:
        why = "a new cue"
    else:
        changed = _differences(event, row, recipe)
        why = f"changed: {', '.join(changed)}" if changed else "it overlaps a change"
    if action == DECODED and (cache is None or why == "it overlaps a change"):
        why += "; its sound is not in the cache"
    return CueChange(event.id, event.stem, action, why)
