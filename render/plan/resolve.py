"""Resolve the cues of a sheet against a project and a bank, into the plan that a render follows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from plugin_backend.audio_files import AudioInfo, inspect_mono_or_stereo
from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import CueSheetError, PresetError, ProjectError, combine_errors
from plugin_backend.models.registry import describe_codec
from plugin_backend.similar_names import did_you_mean
from presets.bank import Bank
from render.cues import Cue, CueSheet, read_cues
from render.cues.clip_mapping import read_mapping
from render.cues.cue import DEFAULT_OPTIONS, ReadOptions
from render.cues.feet import resolve_feet
from render.cues.lint import late_start
from render.cues.read import is_midi_file, stated_rate
from render.cues.sheet_file import open_sheet
from render.plan.cache_key import cue_keys
from render.plan.choose_draws import Performer, choose_draws, shoe_of, take_seed
from render.plan.handles import handles_of
from render.plan.plan import Event, Plan
from render.plan.resolve_cue import codec_for, resolve_cue
from render.plan.resolve_effects import impulse_response_files, resolve_effects
from render.project.cue_offset import offset_samples
from render.project.project import Project, Stem
from render.project.stem_names import STEM_RULE, is_stem_name

LONGEST_SAMPLES = 2**31 - 2**20
"""Longest render: the graph counts samples in 32 bits, which is 12 h 25 min at 48 kHz."""

PeakFinder = Callable[[Plan, list[str]], dict[str, int]]
"""Decodes some cues of a plan; returns cue id → samples from its first sample to its highest."""


def open_bank(project: Project) -> Bank:
    """Open the project's bank, or the factory bank.

    Raises:
        PresetError: one of its folders is not a bank.
    """
    return Bank(project.bank)


def read_sheet(path: Path, project: Project, options: ReadOptions = DEFAULT_OPTIONS) -> CueSheet:
    """Read a cue sheet with the project's time base, MIDI tables and mapping.

    MIDI programs and clip names that the project does not name are looked up in the bank.

    Args:
        path: the sheet.
        project: gives time base, tables and bank.
        options: which cues to read, and which problems to tolerate.

    Raises:
        CueSheetError: see :func:`render.cues.read_cues`.
        ProjectError: the time base, a MIDI table or the mapping file is wrong.
        PresetError: the bank cannot be used.
    """
    midi, bank = project.midi_mapping(), open_bank(project)
    with open_sheet(path) as sheet:
        if is_midi_file(sheet):
            midi = dataclasses.replace(midi, programs={**bank.programs(), **midi.programs})
        mapping = read_mapping(Path(project.mapping)) if project.mapping is not None else None
        start_given = project.start is not None
        if project.fps is None and (start_given or project.end is not None) and (rate := stated_rate(sheet)):
            project = replace(project, fps=rate.name)
        walks = dataclasses.replace(options.walks, seed=project.seed, take=project.take, characters=project.characters)
        return read_cues(
            sheet, project.clock(), midi, mapping=mapping, presets=bank.names, start_given=start_given,
            options=dataclasses.replace(options, muted=options.muted or project.include_muted, walks=walks),
        )  # fmt: skip


def with_sheet_rate(project: Project, sheet: CueSheet) -> Project:
    """Return the project with the sheet's frame rate and start, where the project has none."""
    clock = sheet.clock
    if clock is None or clock.rate is None:
        return project
    start = clock.label_at(0) if clock.start_frames else None
    return replace(project, fps=project.fps or clock.rate.name, start=project.start or start)


def resolve_plan(project: Project, sheet: CueSheet, find_peaks: PeakFinder, cache_folder: Path | None = None) -> Plan:
    """Resolve a sheet; see :func:`render.engine.make_plan.make_plan`.

    Args:
        project: the project; the sheet's frame rate is added to it.
        sheet: the cues.
        find_peaks: finds the peaks of cues whose peak, not their onset, lies at their position.
        cache_folder: folder of decoded cues, for ``find_peaks``.

    Raises:
        CueSheetError, PresetError, CheckpointError, ProjectError, PluginError, AudioFileError: see there.
    """
    project = with_sheet_rate(project, sheet)
    skipped = sheet.check_all_read(project.skip_unreadable)
    clock, specs = project.clock(), {name: describe_codec(name) for name in project.codecs}
    bank = open_bank(project)
    problems = list(sheet.problems)
    stems = tuple(
        resolve_effects(replace(stem, layout=stem.layout or project.layout), bank, specs, codec_for)
        for stem in _stems(project, sheet, problems)
    )
    inspect = cache(inspect_mono_or_stereo)
    sheet = dataclasses.replace(sheet, cues=resolve_feet(sheet.cues, clock.sample_rate, project.characters))
    events, cues = _events(project, sheet, bank, specs, {stem.name for stem in stems}, inspect, problems)
    if problems:
        raise combine_errors(problems)
    if not cues:
        raise CueSheetError("nothing that could be read in it becomes a cue", file=sheet.path)
    events = _synchronised(cues, events, project, bank, stems, find_peaks, cache_folder)
    last = max(event.end_samples for event in events)
    length = _length(project, last)
    handles = handles_of(project.head_handle, project.tail_handle, project.pops, clock, length)
    whole = handles.head + length + handles.tail
    _check_length(whole, clock.sample_rate)
    remarks = [*skipped, *sheet.remarks, *handles.remarks]
    sources = [cue.source for cue in cues if cue.source is not None]
    responses = [Path(file) for stem in stems for file in impulse_response_files(stem)]
    for file in dict.fromkeys([*sources, *responses]):
        remarks += [f"{file}: {remark}" for remark in inspect(file).remarks]
    if sheet.unknown_columns:
        remarks.append(f"columns we do not know, kept in the report: {', '.join(sheet.unknown_columns)}")
    for index, (cue, event) in enumerate(zip(cues, events, strict=True)):
        problems += _outside(cue, event, sheet, project, length, handles.head)
        if event.end_samples > length + handles.tail:
            where = "the tail handle's end" if handles.tail else "the programme's end"
            remarks.append(f"cue '{cue.id}' (row {cue.row}) is cut by {where}")
            events[index] = dataclasses.replace(event, length_samples=length + handles.tail - event.start_samples)
        elif not cue.gate and cue.duration_samples is not None and event.length_samples < cue.duration_samples:
            remarks.append(f"cue '{cue.id}' (row {cue.row}) asks for more than its sound has; it ends early")
    if problems:
        raise combine_errors(problems)
    remarks += late_start(min(cue.start_samples for cue in cues), clock)
    events = [dataclasses.replace(event, start_samples=event.start_samples + handles.head) for event in events]
    return Plan(
        sample_rate=clock.sample_rate,
        start_samples=clock.start_samples - handles.head,
        length_samples=whole,
        stems=stems,
        events=tuple(sorted(events, key=lambda event: (event.start_samples, event.id))),
        bank=bank.folders,
        remarks=tuple(remarks),
        head_samples=handles.head,
        tail_samples=handles.tail,
        pops=handles.pops,
    )


def _stems(project: Project, sheet: CueSheet, problems: list[CueSheetError]) -> tuple[Stem, ...]:
    """Return the project's stems, or the stems that the sheet names. Names that are not allowed become problems."""
    if project.stems:
        return tuple(project.stems)
    names: dict[str, str] = {}
    for cue in [*sheet.cues, *(cue for cue in sheet.partly_read if cue.stem)]:
        first, problem = names.get(cue.stem.upper(), cue.stem), None
        if not is_stem_name(cue.stem):
            problem = f"'{cue.stem}': {STEM_RULE}"
        elif first != cue.stem:
            problem = f"'{cue.stem}' and '{first}' differ only in capitals; write one of them"
        else:
            names[cue.stem.upper()] = cue.stem
        if problem:
            problems.append(CueSheetError(problem, file=sheet.path, row=cue.row, field="stem"))
    return tuple(Stem(name=name) for name in names.values())


def _events(
    project: Project,
    sheet: CueSheet,
    bank: Bank,
    specs: dict[str, CodecSpec],
    stems: set[str],
    inspect: Callable[[Path], AudioInfo],
    problems: list[CueSheetError],
) -> tuple[list[Event], list[Cue]]:
    """Resolve the cues by start; return events and their cues. Cues that cannot be resolved become problems."""

    @cache
    def performer(name: str | None) -> Performer:
        preset = bank[name] if name is not None else None
        codec = codec_for(preset, specs) if preset is not None else project.codecs[0]
        return Performer(preset, codec, specs.get(codec) or describe_codec(codec))

    known: list[Cue] = []
    cues, events = [], []
    reported = {(problem.row, problem.field) for problem in sheet.problems}
    for cue in sheet.partly_read:
        wrong = _unknown(cue, sheet, bank, stems if project.stems else {cue.stem})
        problems += [problem for problem in wrong if (problem.row, problem.field) not in reported]
    for cue in sorted(sheet.cues, key=lambda cue: (cue.start_samples, cue.id)):
        wrong = _unknown(cue, sheet, bank, stems if project.stems else {cue.stem})
        problems += wrong
        if not wrong and cue.stem in stems:  # a stem that the sheet misspells is a problem already
            known.append(cue)
    seeds = {cue.id: take_seed(project.seed, cue.id, project.take) if cue.seed is None else cue.seed for cue in known}
    draws = choose_draws(known, seeds, performer, _shoes(project), project.memory)
    for cue in known:
        try:
            draw = draws.get(cue.id, seeds[cue.id])
            events.append(resolve_cue(cue, sheet, project, performer(cue.preset), draw, inspect))
            cues.append(cue)
        except CueSheetError as problem:
            problems.append(problem)
    return events, cues


def _shoes(project: Project) -> dict[str, int]:
    """Return character → index of the takes that it wears, for those of the project that say so."""
    worn = {name: character.shoes for name, character in project.characters.items()}
    return {name: shoe if isinstance(shoe, int) else shoe_of(shoe) for name, shoe in worn.items() if shoe is not None}


def _synchronised(
    cues: list[Cue],
    events: list[Event],
    project: Project,
    bank: Bank,
    stems: tuple[Stem, ...],
    find_peaks: PeakFinder,
    cache_folder: Path | None,
) -> list[Event]:
    """Move the events by their offsets, and to their peaks where the peak must lie at the cue's position."""
    clock = project.clock()
    peaks: dict[str, int] = {}
    at_peak = [cue.id for cue in cues if (cue.sync or project.sync) == "peak"]
    if at_peak:
        unplaced = Plan(clock.sample_rate, 0, 0, stems, tuple(events), bank.folders)
        if cache_folder is not None:
            keys = {cue: key.key for cue, key in cue_keys(unplaced).items()}
            unplaced = dataclasses.replace(unplaced, sounds=keys, cache=cache_folder)
        peaks = find_peaks(unplaced, at_peak)
    placed = []
    for cue, event in zip(cues, events, strict=True):
        offset, peak = cue.offset_samples, peaks.get(cue.id, 0)
        if offset is None:
            offset = offset_samples(project.offset, cue.start_samples, clock)
        start = cue.start_samples + offset - peak
        placed.append(dataclasses.replace(event, start_samples=start, sync_samples=peak))
    return placed


def _outside(cue: Cue, event: Event, sheet: CueSheet, project: Project, length: int, head: int) -> list[CueSheetError]:
    """Return the problem with a cue's start, if it lies outside the files."""
    if event.start_samples >= length:
        return [CueSheetError(f"starts after the programme's end {project.end}", file=sheet.path, row=cue.row)]
    if event.start_samples < -head:
        reason = "its peak lies at its position, so its sound" if event.sync_samples else "with its offset it"
        problem = f"{reason} begins {-head - event.start_samples} samples before the stems: give a longer head_handle"
        field = "sync" if event.sync_samples else "offset"
        return [CueSheetError(problem, file=sheet.path, row=cue.row, field=field)]
    return []


def _unknown(cue: Cue, sheet: CueSheet, bank: Bank, stems: set[str]) -> list[CueSheetError]:
    """Return a problem for each name in a cue that does not exist: its stem and its preset."""
    problems = []
    if cue.stem not in stems:
        message = f"no stem '{cue.stem}' in the project; it has {', '.join(sorted(stems))}"
        problems.append(("stem", f"{message}{did_you_mean(cue.stem, stems)}"))
    if cue.preset is not None:
        try:
            bank[cue.preset]
        except PresetError as problem:
            problems.append(("preset", str(problem)))
    elif cue.source is None:
        problems.append(("preset", "a cue needs a preset or a source"))
    return [CueSheetError(message, file=sheet.path, row=cue.row, field=field) for field, message in problems]


def _length(project: Project, last: int) -> int:
    """Return the programme's length in samples; without an ``end``, from the last sample of the last cue."""
    rate_hz, length = project.clock().sample_rate, project.length_samples()
    if length is None:
        tail = round(project.tail_s * rate_hz)
        length = -(-(last + tail) // rate_hz) * rate_hz
    return length


def _check_length(samples: int, rate_hz: int) -> None:
    if samples > LONGEST_SAMPLES:
        raise ProjectError(f"the programme is {samples / rate_hz / 3600:.1f} h long; at most 12.4 h in one render")
