"""What may be wrong with a sheet that reads well: one small function a suspicion."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction

from plugin_backend.similar_names import did_you_mean
from presets.bank import is_file_name
from render.cues.cue import Cue, CueSheet
from render.project.stem_names import STEM_RULE, is_stem_name
from render.project.timecode import RATES, Clock, FrameRate, label_of, round_half_up, samples_at

DRIFT = Fraction(1, 1000)
FEWEST_STARTS = 8
RARE = 1e-4
LATE_S = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspicion.

    Attributes:
        check: its kind.
        told: what is wrong, on one line.
        cue: where; None for the sheet as a whole, or for what is no cue.
        row: line or number of what is no cue.
    """

    check: str
    told: str
    cue: Cue | None = None
    row: int | None = None


@dataclass(frozen=True)
class LintInput:
    """What is looked at, and by what.

    Attributes:
        sheet: with its cues by start.
        clock: the programme's time base.
        length_samples: the programme's length, if the project has an end.
        stems: the project's stems; empty: whatever the sheet names.
        presets: the names the bank has.
    """

    sheet: CueSheet
    clock: Clock
    length_samples: int | None = None
    stems: Collection[str] = ()
    presets: Collection[str] = ()


def lint(look: LintInput) -> list[Finding]:
    """All that the checks find, check by check, by start."""
    return [finding for check in CHECKS for finding in check(look)]


def unreadable(look: LintInput) -> Iterator[Finding]:
    """What looks like a clip, marker or region and was not read."""
    for unread in look.sheet.unreadable:
        yield Finding("unread", unread.why, row=unread.row)


def overlaps(look: LintInput) -> Iterator[Finding]:
    """Cues that begin before another on their stem ends by its own duration (a note's length is none)."""
    sounding: dict[str, Cue] = {}
    for cue in look.sheet.cues:
        before = sounding.get(cue.stem)
        if before is not None and cue.start_samples < _end(before):
            samples = _end(before) - cue.start_samples
            yield Finding("overlap", f"begins {samples} samples before {before.id!r} ends on {cue.stem}", cue)
        if cue.duration_samples is not None and not cue.gate and (before is None or _end(cue) > _end(before)):
            sounding[cue.stem] = cue


def outside(look: LintInput) -> Iterator[Finding]:
    """Cues that begin or end after the programme's end."""
    length = look.length_samples
    for cue in look.sheet.cues if length is not None else ():
        if cue.start_samples >= length:
            yield Finding("outside", f"begins {cue.start_samples - length} samples after the reel's end", cue)
        elif _end(cue) > length:
            yield Finding("outside", f"ends {_end(cue) - length} samples after the reel's end", cue)


def presets(look: LintInput) -> Iterator[Finding]:
    """Presets that the bank has not, and sources that are not there."""
    known = set(look.presets)
    for cue in look.sheet.cues:
        if cue.preset is None and cue.source is None:
            yield Finding("preset", "has no preset yet, nor a source", cue)
        elif cue.preset is not None and is_file_name(cue.preset):
            if not os.path.isfile(cue.preset):
                yield Finding("preset", f"no preset file {cue.preset}", cue)
        elif cue.preset is not None and cue.preset not in known:
            yield Finding("preset", f"no preset {cue.preset!r} in the bank{did_you_mean(cue.preset, known)}", cue)
        if cue.source is not None and not os.path.isfile(cue.source):  # also of a name no file can have
            yield Finding("source", f"no file {cue.source}", cue)


def stems(look: LintInput) -> Iterator[Finding]:
    """Stems that the project has not, that no file can be named after, or that differ only in capitals."""
    first_cues, spelt = {}, {}
    for cue in look.sheet.cues:
        first_cues.setdefault(cue.stem, cue)
    for stem, cue in first_cues.items():
        first = spelt.setdefault(stem.upper(), stem)
        if look.stems and stem not in look.stems:
            told = f"no stem {stem!r} in the project; it has {', '.join(sorted(look.stems))}"
            yield Finding("stem", f"{told}{did_you_mean(stem, look.stems)}", cue)
        elif not is_stem_name(stem):
            yield Finding("stem", f"{stem!r}: {STEM_RULE}", cue)
        elif first != stem:
            yield Finding("stem", f"{stem!r} and {first!r} differ only in capitals", cue)


def duplicates(look: LintInput) -> Iterator[Finding]:
    """Cues that perform the same preset or source on the same stem at the same sample as another."""
    seen: dict[tuple, Cue] = {}
    for cue in look.sheet.cues:
        first = seen.setdefault((cue.start_samples, cue.stem, cue.preset, cue.source), cue)
        if first is not cue:
            yield Finding("duplicate", f"the same sound at the same place as {first.id!r} (row {first.row})", cue)


def drift(look: LintInput) -> Iterator[Finding]:
    """Starts past the reel's end that would be inside, were timecodes 0.1 % earlier: 3.6 s in an hour."""
    if look.length_samples is None or not look.sheet.cues:
        return
    late = max(cue.start_samples for cue in look.sheet.cues) - look.length_samples
    if 0 <= late <= (look.clock.start_samples + look.length_samples) * DRIFT:
        late_s = late / look.clock.sample_rate
        yield Finding(
            "rate",
            f"the last cue begins {late_s:.3f} s past the reel's end, as a drift of 3.6 s/h has it; {_ask(look)}",
        )


def other_grid(look: LintInput) -> Iterator[Finding]:
    """Starts that all lie on frames of another rate, and mostly not on the programme's."""
    rate, hz = look.clock.rate, look.clock.sample_rate
    starts = sorted({cue.start_samples for cue in look.sheet.cues} - {0})
    if rate is None or len(starts) < FEWEST_STARTS:
        return
    here = sum(_on_frame(samples, rate.exact, hz) for samples in starts)
    for exact in {other.exact: None for other in RATES.values()} if 2 * here < len(starts) else ():
        if all(_on_frame(samples, exact, hz) for samples in starts):
            name = next(other.name for other in RATES.values() if other.exact == exact).removesuffix("df")
            yield Finding(
                "rate", f"all {len(starts)} starts are frames of {name} fps, {here} of {rate.name}; {_ask(look)}"
            )
            return


def unused_frames(look: LintInput) -> Iterator[Finding]:
    """Frame numbers that stop at a slower rate's last: 30 fps with no frames 24 to 29 was spotted at 24."""
    rate = look.clock.rate
    if rate is None:
        return
    numbers = [int(label[-2:]) for label in _labels(look)]
    for nominal in sorted({other.nominal for other in RATES.values()}):
        used = max(numbers, default=-1)
        if nominal < rate.nominal and nominal - 2 <= used < nominal and _chance(nominal, rate, len(numbers)) < RARE:
            told = f"none of {len(numbers)} timecodes has a frame from {nominal} to {rate.nominal - 1}"
            yield Finding("rate", f"{told}, as if they were of {nominal} fps; {_ask(look)}")
            return


def starts_late(look: LintInput) -> Iterator[Finding]:
    """A first cue so long after the programme's start that the start is not the one meant."""
    cues = look.sheet.cues
    for told in late_start(cues[0].start_samples, look.clock) if cues else ():
        yield Finding("start", told, cues[0])


def unmatched(look: LintInput) -> Iterator[Finding]:
    """Clips, markers and regions that became no cue."""
    if look.sheet.unmatched:
        yield Finding("unmatched", f"{look.sheet.unmatched} clips, markers or regions became no cue (see the notes)")


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
)


def late_start(first_samples: int, clock: Clock) -> list[str]:
    """A line if the first cue lies over ten minutes after the programme's start, with the start that fits.

    Args:
        first_samples: the first cue's place, from the programme's start.
        clock: the programme's time base.
    """
    if first_samples <= LATE_S * clock.sample_rate:
        return []
    told = f"the first cue lies {first_samples / clock.sample_rate / 60:.0f} min after the programme's start"
    if clock.rate is None:
        return [f"{told}, which is zero: so much silence comes first"]
    hour, minute, _ = (clock.label_at(first_samples)).split(":", 2)
    mark, tens = ":;"[clock.rate.drop], f"{int(minute) // 10}0"
    fitting = [f"{hour}:{minutes}:00{mark}00" for minutes in ("00", tens)]
    within = [label for label in fitting if first_samples - clock.timecode_samples(label) <= LATE_S * clock.sample_rate]
    start = (within or fitting[-1:])[0]
    return [f'{told}, {clock.label_at(0)}, so much silence comes first: give --start-tc "{start}"']


def _end(cue: Cue) -> int:
    return cue.start_samples + (cue.duration_samples or 0)


def _on_frame(samples: int, exact: Fraction, sample_rate: int) -> bool:
    """Whether a frame begins there, counted from the programme's start; a sample more or less, for its own rounding."""
    frames = round_half_up(samples * exact / sample_rate)
    return abs(round_half_up(frames * sample_rate / exact) - samples) <= 1


def _labels(look: LintInput) -> Iterator[str]:
    """The timecodes of starts and ends that are exactly a frame's first sample."""
    rate, hz = look.clock.rate, look.clock.sample_rate
    ends = (_end(cue) for cue in look.sheet.cues if cue.duration_samples is not None)
    for samples in (*(cue.start_samples for cue in look.sheet.cues), *ends):
        there = look.clock.start_samples + samples
        frames = round_half_up(there * rate.exact / hz)
        if samples_at(frames, rate, hz) == there:
            yield label_of(frames, rate)


def _chance(nominal: int, rate: FrameRate, count: int) -> float:
    """That so many timecodes have no frame from ``nominal`` on, if all are as likely."""
    return (nominal / rate.nominal) ** count


def _ask(look: LintInput) -> str:
    return f"is {look.clock.rate.name} fps right?" if look.clock.rate else "is the frame rate right?"
