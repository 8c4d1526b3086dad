"""Settle every cue of a sheet against a project and a bank: the plan a render follows."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from plugin_backend.audio_files import AudioInfo, inspect_mono_or_stereo
from plugin_backend.codecs.base import CodecSpec
from plugin_backend.errors import AudioFileError, CueSheetError, PresetError, ProjectError, combine_errors
from plugin_backend.models.registry import PCM, describe_codec
from plugin_backend.similar_names import did_you_mean
from presets.bank import Bank
from presets.lookup import CHOOSE
from presets.preset import Preset, check_fits
from presets.take_sampling import fades_of, take_of
from render.cues import Cue, CueSheet, read_cues
from render.cues.clip_mapping import read_mapping
from render.cues.cue import DEFAULT_OPTIONS, ReadOptions
from render.cues.lint import late_start
from render.cues.read import is_midi_file, stated_rate
from render.engine.cue_cache import CueCache
from render.plan.cache_key import cue_keys
from render.plan.handles import handles_of
from render.plan.plan import Event, Plan, speed_of
from render.plan.resolve_effects import impulse_response_files, resolve_effects
from render.project.cue_offset import offset_samples
from render.project.project import STEM_RULE, Project, Stem, is_stem_name

SOURCE_FADE_SAMPLES = 240
LONGEST_SAMPLES = 2**31 - 2**20
"""The graph counts samples in 32 bits: 12 h 25 min at 48 kHz."""


def take_seed(project_seed: int, cue_id: str, take: int) -> int:
    """A cue's own seed, 63 bits, from the project's seed, the cue's id and the take (BLAKE2b)."""
    text = f"{project_seed}\0{cue_id}\0{take}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def velocity_gain(velocity: float) -> float:
    """Linear gain of a velocity 0..1: its square, as samplers do (0.5 is −12 dB)."""
    return velocity * velocity


def open_bank(project: Project) -> Bank:
    """The project's bank, or the factory's.

    Raises:
        PresetError: a folder of it is not a bank.
    """
    return Bank(project.bank)


def read_sheet(path: Path, project: Project, wanted: ReadOptions = DEFAULT_OPTIONS) -> CueSheet:
    """Read a cue sheet by the project's time base, MIDI tables and mapping; the bank's programs and names fill in.

    Args:
        wanted: what else of it is wanted, and what is put up with.

    Raises:
        CueSheetError: see :func:`render.cues.read_cues`.
        ProjectError: the time base, a MIDI table or the mapping file is wrong.
        PresetError: the bank is not usable.
    """
    midi, bank = project.midi_mapping(), open_bank(project)
    if is_midi_file(path):
        midi = dataclasses.replace(midi, programs={**bank.programs(), **midi.programs})
    mapping = read_mapping(Path(project.mapping)) if project.mapping is not None else None
    start_given = project.start is not None
    if project.fps is None and (start_given or project.end is not None) and (rate := stated_rate(path)):
        project = replace(project, fps=rate.name)
    return read_cues(
        path, project.clock(), midi, mapping=mapping, presets=bank.names, start_given=start_given,
        wanted=dataclasses.replace(wanted, muted=wanted.muted or project.include_muted),
    )  # fmt: skip


def with_sheet_rate(project: Project, sheet: CueSheet) -> Project:
    """The project with the frame rate and the start that its sheet states, where it has none of its own."""
    clock = sheet.clock
    if clock is None or clock.rate is None:
        return project
    stated = clock.label_at(0) if clock.start_frames else None
    return replace(project, fps=project.fps or clock.rate.name, start=project.start or stated)


def make_plan(project: Project, sheet: CueSheet, kept: CueCache | None = None) -> Plan:
    """Resolve a sheet, against a project :func:`completed` by it.

    A cue whose peak lies at its place is decoded here, to know where its sound begins.

    Args:
        kept: decoded cues, where such cues are looked for and kept.

    Raises:
        CueSheetError: all that is wrong with the sheet: rows that could not be read, unknown stems, presets and
            sources, cues outside the programme; each with its row.
        PresetError: the bank is not usable, or its presets belong to another model.
        CheckpointError: the model is not known.
        ProjectError: the programme's end is before its start, a handle is wrong, or an effect does not go with
            its stem's layout.
        PluginError: a plug-in file does not exist.
        AudioFileError: an effect's impulse response cannot be used.
    """
    project = with_sheet_rate(project, sheet)
    lost = sheet.check_whole(project.skip_unreadable)
    clock, specs = project.clock(), {name: describe_codec(name) for name in project.codecs}
    bank = open_bank(project)
    problems = list(sheet.problems)
    stems = tuple(
        resolve_effects(replace(stem, layout=stem.layout or project.layout), bank, specs, _codec_for)
        for stem in _stems(project, sheet, problems)
    )
    known, look_at = {stem.name for stem in stems}, cache(inspect_mono_or_stereo)
    cues, events = [], []
    for cue in sorted(sheet.cues, key=lambda cue: (cue.start_samples, cue.id)):
        wrong = _unknown(cue, sheet, bank, known if project.stems else {cue.stem})
        problems += wrong
        if wrong or cue.stem not in known:  # of a stem that the sheet misspells it is told already
            continue
        try:
            events.append(_event(cue, sheet, project, bank, specs, look_at))
            cues.append(cue)
        except CueSheetError as problem:
            problems.append(problem)
    if problems:
        raise combine_errors(problems)
    if not cues:
        raise CueSheetError("nothing that could be read in it becomes a cue", file=sheet.path)
    events = _synchronised(cues, events, project, bank, stems, kept)
    last = max(event.end_samples for event in events)
    length = _length(project, last)
    handles = handles_of(project.head_handle, project.tail_handle, project.pops, clock, length)
    whole = handles.head + length + handles.tail
    _check_length(whole, clock.sample_rate)
    remarks = [*lost, *sheet.remarks, *handles.remarks]
    heard = [cue.source for cue in cues if cue.source is not None]
    for file in dict.fromkeys([*heard, *(Path(ir) for stem in stems for ir in impulse_response_files(stem))]):
        remarks += [f"{file}: {remark}" for remark in look_at(file).remarks]
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
    """The project's stems, or those that the sheet names; what cannot be one is a problem."""
    if project.stems:
        return tuple(project.stems)
    names: dict[str, str] = {}
    for cue in sheet.cues:
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


def _synchronised(
    cues: list[Cue], events: list[Event], project: Project, bank: Bank, stems: tuple[Stem, ...], kept: CueCache | None
) -> list[Event]:
    """The events where their offsets put them, and their peaks if those are to lie there."""
    clock, peaks = project.clock(), {}
    at_peak = [cue.id for cue in cues if (cue.sync or project.sync) == "peak"]
    if at_peak:
        from render.engine.peak_position import find_peaks

        unplaced = Plan(clock.sample_rate, 0, 0, stems, tuple(events), bank.folders)
        if kept is not None:
            keys = {cue: recipe.key for cue, recipe in cue_keys(unplaced).items()}
            unplaced = dataclasses.replace(unplaced, sounds=keys, cache=kept.folder)
        peaks = find_peaks(unplaced, at_peak)
    placed = []
    for cue, event in zip(cues, events, strict=True):
        own, peak = cue.offset_samples, peaks.get(cue.id, 0)
        offset = own if own is not None else offset_samples(project.offset, cue.start_samples, clock)
        start = cue.start_samples + offset - peak
        placed.append(dataclasses.replace(event, start_samples=start, sync_samples=peak))
    return placed


def _outside(cue: Cue, event: Event, sheet: CueSheet, project: Project, length: int, head: int) -> list[CueSheetError]:
    """What is wrong with where a cue begins, if anything."""
    if event.start_samples >= length:
        return [CueSheetError(f"starts after the programme's end {project.end}", file=sheet.path, row=cue.row)]
    if event.start_samples < -head:
        by = "its peak lies at its place, so its sound" if event.sync_samples else "its offset puts it where it"
        problem = f"{by} begins {-head - event.start_samples} samples before the stems do: give a longer head_handle"
        field = "sync" if event.sync_samples else "offset"
        return [CueSheetError(problem, file=sheet.path, row=cue.row, field=field)]
    return []


def _unknown(cue: Cue, sheet: CueSheet, bank: Bank, stems: set[str]) -> list[CueSheetError]:
    """What a cue names that is not there: its stem, its preset, or neither preset nor source."""
    found = []
    if cue.stem not in stems:
        told = f"no stem '{cue.stem}' in the project; it has {', '.join(sorted(stems))}"
        found.append(("stem", f"{told}{did_you_mean(cue.stem, stems)}"))
    if cue.preset is not None:
        try:
            bank[cue.preset]
        except PresetError as problem:
            found.append(("preset", str(problem)))
    elif cue.source is None:
        found.append(("preset", "a cue needs a preset or a source"))
    return [CueSheetError(told, file=sheet.path, row=cue.row, field=field) for field, told in found]


def _event(
    cue: Cue,
    sheet: CueSheet,
    project: Project,
    bank: Bank,
    specs: dict[str, CodecSpec],
    look_at: Callable[[Path], AudioInfo],
) -> Event:
    preset = bank[cue.preset] if cue.preset is not None else None
    codec = _codec_for(preset, specs) if preset else project.codecs[0]
    seed = cue.seed if cue.seed is not None else take_seed(project.seed, cue.id, project.take)
    rate_hz, codec_hz = project.clock().sample_rate, (specs.get(codec) or describe_codec(codec)).sample_rate

    def at_rate(samples: int) -> int:
        return -(-samples * rate_hz // codec_hz)

    try:
        own = look_at(cue.source).length_at(rate_hz) if cue.source is not None else None
    except AudioFileError as problem:
        raise CueSheetError(str(problem), file=sheet.path, row=cue.row, field="source") from problem
    whole = own if own is not None else at_rate(take_of(preset, seed).length_samples)
    length = _cue_length(cue, preset, whole)
    header = preset.header if preset else None
    fade_in, fade_out = _fades(cue, preset, seed, length, whole)
    gain = 10 ** ((cue.gain_db + (header.gain_db if header else 0)) / 20) * velocity_gain(cue.velocity)
    return Event(
        id=cue.id,
        note=cue.note,
        extra=cue.extra,
        sheet=sheet.path,
        row=cue.row,
        stem=cue.stem,
        start_samples=cue.start_samples,
        length_samples=length,
        preset=cue.preset,
        source=cue.source,
        codec=codec,
        seed=seed,
        gain=gain,
        pan=cue.pan,
        pitch_semitones=cue.pitch_semitones,
        fade_in_samples=at_rate(fade_in) if header and cue.source is None else 0,
        fade_out_samples=at_rate(fade_out) if header and cue.source is None else SOURCE_FADE_SAMPLES,
    )


def _fades(cue: Cue, preset: Preset | None, seed: int, length: int, whole: int) -> tuple[int, int]:
    """In and out, at the codec's rate. A take's own fade belongs to its end: a cue that ends sooner has the preset's.

    Args:
        length: of the cue.
        whole: what the take lasts at its own pitch, as long as the cue's length counts.
    """
    if preset is None:
        return 0, 0
    fade_in, fade_out = fades_of(preset, seed)
    ends = preset.header.kind == "hit" and length >= math.floor(whole / speed_of(cue.pitch_semitones))
    return fade_in, fade_out if ends else min(fade_out, preset.header.fade_out_samples)


def _codec_for(preset: Preset, specs: dict[str, CodecSpec]) -> str:
    """The model, of those there are by name, that a preset was made with."""
    header = preset.header
    if header.codec == PCM:
        check_fits(preset, describe_codec(PCM))
        return PCM
    made_by = next((name for name, spec in specs.items() if spec.fingerprint == header.fingerprint), None)
    if made_by is None:
        given = " or ".join(f"'{name}' ({spec.fingerprint})" for name, spec in specs.items())
        raise PresetError(
            f"preset '{preset.name}' was made with model '{header.codec}' ({header.fingerprint}), "
            f"not with {given}: {CHOOSE}"
        )
    check_fits(preset, specs[made_by])
    return made_by


def _cue_length(cue: Cue, preset: Preset | None, own_samples: int) -> int:
    """How long a cue sounds; ``own_samples`` is what its source or its take lasts at its own pitch."""
    texture = preset is not None and preset.header.kind == "texture" and cue.source is None
    asked = None if cue.gate and not texture else cue.duration_samples
    if texture and asked is not None:
        return asked
    return min(filter(None, (asked, math.ceil(own_samples / Fraction(speed_of(cue.pitch_semitones))))))


def _length(project: Project, last: int) -> int:
    rate_hz, length = project.clock().sample_rate, project.length_samples()
    if length is None:
        tail = round(project.tail_s * rate_hz)
        length = -(-(last + tail) // rate_hz) * rate_hz
    return length


def _check_length(samples: int, rate_hz: int) -> None:
    if samples > LONGEST_SAMPLES:
        raise ProjectError(f"the programme is {samples / rate_hz / 3600:.1f} h long; at most 12.4 h in one render")
