"""Check a readable sheet for suspicious cues; one small function for each check."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import CueSheetError, PresetError, combine_errors
from plugin_backend.similar_names import did_you_mean
from presets.bank import is_file_name
from presets.store import load_preset
from render.cues.cue import Cue, CueSheet
from render.cues.feet import UNNAMED, resolve_feet
from render.project.characters import Character
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import RATES, Clock, FrameRate, label_of, round_half_up, samples_at

DRIFT = Fraction(1, 1000)
FEWEST_STARTS = 8
RARE = 1e-4
LATE_S = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspicious thing.

    Attributes:
        check: the name of the check.
        message: what is wrong, on one line.
        cue: the cue; None for the whole sheet, or for a line that is no cue.
        row: line or event number, if it is no cue.
    """

    check: str
    message: str
    cue: Cue | None = None
    row: int | None = None


@dataclass(frozen=True)
class LintInput:
    """The sheet to check, and what to check it against.

    Attributes:
        sheet: its cues by start.
        clock: the programme's time base.
        length_samples: the programme's length, if the project has an end.
        stems: the project's stems; empty allows every stem.
        presets: the names of the bank's presets.
        characters: the project's characters, by name; none allows every character.
    """

    sheet: CueSheet
    clock: Clock
    length_samples: int | None = None
    stems: Collection[str] = ()
    presets: Collection[str] = ()
    characters: Mapping[str, Character] = field(default_factory=dict)


def lint(lint_input: LintInput) -> list[Finding]:
    """Return all findings, check by check, by start. A check that finds several steps of one walk reports the first."""
    return [finding for check in CHECKS for finding in _once_a_row(check(lint_input))]


def _once_a_row(findings: Iterable[Finding]) -> list[Finding]:
    """Return the first finding of each row, and how many more cues of that row have it. Only walks have several."""
    rows: dict[tuple[str, int], list[Finding]] = {}
    for number, finding in enumerate(findings):
        row = finding.cue.row if finding.cue is not None else 0
        rows.setdefault((finding.check, row or -number - 1), []).append(finding)  # row 0: of no file
    return [
        replace(first, message=f"{first.message} (and {len(more)} more of its row)") if more else first
        for first, *more in rows.values()
    ]


def refusal(lint_input: LintInput) -> CueSheetError | None:
    """Return all that is wrong with a sheet of which rows could not be read; None if all could be read.

    Besides these rows, these are the stems and presets that do not exist.
    """
    sheet = lint_input.sheet
    if not sheet.problems:
        return None
    reported = {(problem.row, problem.field) for problem in sheet.problems}
    cues = sorted([*sheet.cues, *sheet.partly_read], key=lambda cue: cue.row)
    named = dataclasses.replace(lint_input, sheet=dataclasses.replace(sheet, cues=cues))
    found = [
        CueSheetError(finding.message, file=sheet.path, row=finding.cue.row, field=finding.check)
        for finding in (*stems(named), *presets(named))
        if finding.cue is not None and (finding.cue.row, finding.check) not in reported
    ]
    return combine_errors([*sheet.problems, *found])


def unreadable(lint_input: LintInput) -> Iterator[Finding]:
    """Find items that look like a clip, marker or region and could not be read."""
    for unread in lint_input.sheet.unreadable:
        yield Finding("unread", unread.reason, row=unread.row)


def overlaps(lint_input: LintInput) -> Iterator[Finding]:
    """Find cues that begin before the last cue of their stem ends. Lengths of MIDI notes do not count."""
    sounding: dict[str, Cue] = {}
    for cue in lint_input.sheet.cues:
        before = sounding.get(cue.stem)
        if before is not None and cue.start_samples < _end(before):
            samples = _end(before) - cue.start_samples
            yield Finding("overlap", f"begins {samples} samples before {before.id!r} ends on {cue.stem}", cue)
        if cue.duration_samples is not None and not cue.gate and (before is None or _end(cue) > _end(before)):
            sounding[cue.stem] = cue


def outside(lint_input: LintInput) -> Iterator[Finding]:
    """Find cues that begin or end after the programme's end."""
    length = lint_input.length_samples
    if length is None:
        return
    for cue in lint_input.sheet.cues:
        if cue.start_samples >= length:
            yield Finding("outside", f"begins {cue.start_samples - length} samples after the reel's end", cue)
        elif _end(cue) > length:
            yield Finding("outside", f"ends {_end(cue) - length} samples after the reel's end", cue)


def presets(lint_input: LintInput) -> Iterator[Finding]:
    """Find presets that the bank does not have, preset files that cannot be used, and sources that do not exist."""
    known = set(lint_input.presets)
    problem_of = functools.cache(_preset_file_problem)
    for cue in lint_input.sheet.cues:
        if cue.preset is None and cue.source is None:
            yield Finding("preset", "has no preset yet, nor a source", cue)
        elif cue.preset is not None and is_file_name(cue.preset):
            if problem := problem_of(cue.preset):
                yield Finding("preset", problem, cue)
        elif cue.preset is not None and cue.preset not in known:
            yield Finding("preset", f"no preset {cue.preset!r} in the bank{did_you_mean(cue.preset, known)}", cue)
        if cue.source is not None and not os.path.isfile(cue.source):  # isfile also accepts names that no file can have
            yield Finding("source", f"no file {cue.source}", cue)


def stems(lint_input: LintInput) -> Iterator[Finding]:
    """Find stems that the project does not have, that cannot name a file, or that differ only in capitals."""
    first_cues: dict[str, Cue] = {}
    spelt: dict[str, str] = {}
    for cue in lint_input.sheet.cues:
        first_cues.setdefault(cue.stem, cue)
    for stem, cue in first_cues.items():
        first = spelt.setdefault(stem.upper(), stem)
        if lint_input.stems and stem not in lint_input.stems:
            message = f"no stem {stem!r} in the project; it has {', '.join(sorted(lint_input.stems))}"
            yield Finding("stem", f"{message}{did_you_mean(stem, lint_input.stems)}", cue)
        elif not is_stem_name(stem):
            yield Finding("stem", f"{stem!r}: {STEM_RULE}", cue)
        elif first != stem:
            yield Finding("stem", f"{stem!r} and {first!r} differ only in capitals", cue)


def duplicates(lint_input: LintInput) -> Iterator[Finding]:
    """Find cues with the same preset or source as another, on the same stem at the same sample."""
    seen: dict[tuple, Cue] = {}
    for cue in lint_input.sheet.cues:
        first = seen.setdefault((cue.start_samples, cue.stem, cue.preset, cue.source), cue)
        if first is not cue:
            yield Finding("duplicate", f"the same sound at the same place as {first.id!r} (row {first.row})", cue)


def characters(lint_input: LintInput) -> Iterator[Finding]:
    """Find characters that the project does not have, if it has any."""
    known = lint_input.characters
    first_cues: dict[str, Cue] = {}
    for cue in lint_input.sheet.cues:
        first_cues.setdefault(cue.character, cue)
    for name, cue in first_cues.items():
        if known and name and name not in known:
            message = f"no character {name!r} in the project; it has {', '.join(sorted(known))}"
            yield Finding("character", f"{message}{did_you_mean(name, known)}", cue)


def feet(lint_input: LintInput) -> Iterator[Finding]:
    """Find steps of the foot that the same character stepped with just before, and parts of no foot."""
    last: dict[tuple[str, str], Cue] = {}
    for cue in resolve_feet(lint_input.sheet.cues, lint_input.clock.sample_rate, lint_input.characters):
        if cue.foot is None:
            if cue.part is not None:
                yield Finding("foot", f"is the part {cue.part!r} of no foot: fill in 'foot' (L, R or auto)", cue)
            continue
        before = last.get((cue.stem, cue.character))
        pause = lint_input.characters.get(cue.character, UNNAMED).pause_samples(lint_input.clock.sample_rate)
        if before is not None and _steps_again(before, cue) and cue.start_samples - before.start_samples <= pause:
            yield Finding("foot", f"steps with foot {cue.foot} again, as {before.id!r} (row {before.row})", cue)
        last[cue.stem, cue.character] = cue


def _steps_again(before: Cue, cue: Cue) -> bool:
    """Return whether two steps are of the same foot, and the second is no further part of the first."""
    return before.foot == cue.foot and (cue.part is None or before.part in (None, cue.part))


def drift(lint_input: LintInput) -> Iterator[Finding]:
    """Find starts past the reel's end that would be inside if timecodes were 0.1 % earlier (3.6 s in an hour)."""
    if lint_input.length_samples is None or not lint_input.sheet.cues:
        return
    late = max(cue.start_samples for cue in lint_input.sheet.cues) - lint_input.length_samples
    if 0 <= late <= (lint_input.clock.start_samples + lint_input.length_samples) * DRIFT:
        late_s = late / lint_input.clock.sample_rate
        yield Finding(
            "rate",
            f"the last cue begins {late_s:.3f} s past the reel's end, as with a drift of 3.6 s/h; "
            f"{_question(lint_input)}",
        )


def other_grid(lint_input: LintInput) -> Iterator[Finding]:
    """Find sheets whose starts all fall on frames of another rate, and mostly not on the programme's frames."""
    rate, hz = lint_input.clock.rate, lint_input.clock.sample_rate
    starts = sorted({cue.start_samples for cue in lint_input.sheet.cues} - {0})
    if rate is None or len(starts) < FEWEST_STARTS:
        return
    here = sum(_on_frame(samples, rate.exact, hz) for samples in starts)
    for exact in {other.exact: None for other in RATES.values()} if 2 * here < len(starts) else ():
        if all(_on_frame(samples, exact, hz) for samples in starts):
            name = next(other.name for other in RATES.values() if other.exact == exact).removesuffix("df")
            yield Finding(
                "rate",
                f"all {len(starts)} starts are frames of {name} fps, {here} of {rate.name}; {_question(lint_input)}",
            )
            return


def unused_frames(lint_input: LintInput) -> Iterator[Finding]:
    """Find frame numbers that stop at a slower rate's last.

    A sheet at 30 fps without frames 24 to 29 was probably made at 24 fps.
    """
    rate = lint_input.clock.rate
    if rate is None:
        return
    numbers = [int(label[-2:]) for label in _labels(lint_input, rate)]
    for nominal in sorted({other.nominal for other in RATES.values()}):
        used = max(numbers, default=-1)
        if nominal < rate.nominal and nominal - 2 <= used < nominal and _chance(nominal, rate, len(numbers)) < RARE:
            message = f"none of {len(numbers)} timecodes has a frame from {nominal} to {rate.nominal - 1}"
            yield Finding("rate", f"{message}, as if they were of {nominal} fps; {_question(lint_input)}")
            return


def starts_late(lint_input: LintInput) -> Iterator[Finding]:
    """Find a first cue so long after the programme's start that the start is probably wrong."""
    cues = lint_input.sheet.cues
    for message in late_start(cues[0].start_samples, lint_input.clock) if cues else ():
        yield Finding("start", message, cues[0])


def unmatched(lint_input: LintInput) -> Iterator[Finding]:
    """Find clips, markers and regions that became no cue."""
    if lint_input.sheet.unmatched:
        yield Finding(
            "unmatched", f"{lint_input.sheet.unmatched} clips, markers or regions became no cue (see the notes)"
        )


CHECKS: tuple[Callable[[LintInput], Iterator[Finding]], ...] = (
    unreadable,
    unmatched,
    starts_late,
    drift,
    other_grid,
    unused_frames,
    outside,
    overlaps,
    duplicates,
    stems,
    presets,
    characters,
    feet,
)


def late_start(first_samples: int, clock: Clock) -> list[str]:
    """Return one line if the first cue is over ten minutes after the programme's start; else an empty list.

    The line suggests a start that fits.

    Args:
        first_samples: the first cue's position, from the programme's start.
        clock: the programme's time base.
    """
    if first_samples <= LATE_S * clock.sample_rate:
        return []
    message = f"the first cue lies {first_samples / clock.sample_rate / 60:.0f} min after the programme's start"
    if clock.rate is None:
        return [f"{message}, which is zero: so much silence comes first"]
    hour, minute, _ = (clock.label_at(first_samples) or "").split(":", 2)
    mark, tens = ":;"[clock.rate.drop], f"{int(minute) // 10}0"
    fitting = [f"{hour}:{minutes}:00{mark}00" for minutes in ("00", tens)]
    within = [label for label in fitting if first_samples - clock.timecode_samples(label) <= LATE_S * clock.sample_rate]
    start = (within or fitting[-1:])[0]
    return [f'{message}, {clock.label_at(0)}, so much silence comes first: give --start-tc "{start}"']


def _preset_file_problem(file: str) -> str:
    """Return why a preset file cannot be used; empty if it can."""
    if not os.path.isfile(file):
        return f"no preset file {file}"
    try:
        load_preset(Path(file))
    except PresetError as problem:
        return str(problem)
    return ""


def _end(cue: Cue) -> int:
    return cue.start_samples + (cue.duration_samples or 0)


def _on_frame(samples: int, exact: Fraction, sample_rate: int) -> bool:
    """Return whether a frame begins here, counted from the programme's start, give or take one sample of rounding."""
    frames = round_half_up(samples * exact / sample_rate)
    return abs(round_half_up(frames * sample_rate / exact) - samples) <= 1


def _labels(lint_input: LintInput, rate: FrameRate) -> Iterator[str]:
    """Return the timecodes of starts and ends that are exactly a frame's first sample."""
    hz = lint_input.clock.sample_rate
    ends = (_end(cue) for cue in lint_input.sheet.cues if cue.duration_samples is not None)
    for samples in (*(cue.start_samples for cue in lint_input.sheet.cues), *ends):
        position = lint_input.clock.start_samples + samples
        frames = round_half_up(position * rate.exact / hz)
        if samples_at(frames, rate, hz) == position:
            yield label_of(frames, rate)


def _chance(nominal: int, rate: FrameRate, count: int) -> float:
    """Return the probability that ``count`` timecodes all stay below frame ``nominal``.

    All frames count as equally likely.
    """
    return (nominal / rate.nominal) ** count


def _question(lint_input: LintInput) -> str:
    return f"is {lint_input.clock.rate.name} fps right?" if lint_input.clock.rate else "is the frame rate right?"
