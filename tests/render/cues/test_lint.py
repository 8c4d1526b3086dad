"""The findings of ``pisada cues check``, and sheets without findings."""

import random
import re
import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from presets.bank import FACTORY_BANK
from render.cues import Cue, CueSheet
from render.cues.lint import LintInput, lint
from render.project.timecode import RATES, Clock, samples_at

FILM = Clock(48_000, RATES["24"], 86_400)


def look(*cues: Cue, clock: Clock = FILM, unmatched: int = 0, **more) -> list[tuple]:
    sheet = CueSheet(Path("x"), sorted(cues, key=lambda cue: cue.start_samples), [], [], unmatched=unmatched)
    found = lint(LintInput(sheet, clock, presets=["p"], **more))
    return [(each.check, each.cue and each.cue.id, each.message) for each in found]


def cue(name: str, start: int, length: int | None = None, stem: str = "FEET", **more) -> Cue:
    return Cue(name, start, stem, more.pop("preset", "p"), length, **more)


def spotted(rate: str, count: int, clock: Clock = FILM, seconds: int = 3600) -> list[Cue]:
    """Cues on frames of a rate, counted from the programme's start, anywhere in an hour."""
    draw = random.Random(1)
    frames = sorted(draw.sample(range(int(seconds * RATES[rate].exact)), count))
    return [cue(f"c{n}", samples_at(frame, RATES[rate], clock.sample_rate)) for n, frame in enumerate(frames)]


def test_a_clean_sheet():
    assert look(cue("a", 0, 100), cue("b", 100), cue("c", 100, 50, "PROPS"), length_samples=150) == []


def test_a_sheet_without_a_frame_rate_is_checked_too():
    cues = [cue(f"c{n}", 1000 * n + n * n) for n in range(30)]
    assert look(*cues, clock=Clock()) == []
    assert [each[0] for each in look(*cues, cue("x", 1, preset="q"), clock=Clock())] == ["preset"]


def test_overlaps_are_on_one_stem_and_use_stated_durations():
    cues = [
        cue("long", 0, 1000),
        cue("inside", 10, 20),
        cue("after", 999),
        cue("clear", 1000, 5),
        cue("other", 10, 20, "PROPS"),
        cue("note", 2000, 500, gate=True),
        cue("next", 2100),
    ]
    assert look(*cues) == [
        ("overlap", "inside", "begins 990 samples before 'long' ends on FEET"),
        ("overlap", "after", "begins 1 samples before 'long' ends on FEET"),
    ]


def test_cues_outside_the_reel():
    cues = [cue("cut", 900, 101), cue("whole", 800, 200, "PROPS"), cue("out", 10**6, 5), cue("open", 999, stem="CLOTH")]
    assert look(*cues, length_samples=1000) == [
        ("outside", "cut", "ends 1 samples after the reel's end"),
        ("outside", "out", "begins 999000 samples after the reel's end"),
    ]


def test_missing_presets_and_sources(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    sources = [cue("a", 1, preset=None, source=tmp_path / "a.wav"), cue("b", 2, preset=None, source=tmp_path / "b.wav")]
    assert look(*sources, cue("c", 3, preset="q"), cue("d", 4)) == [
        ("source", "b", f"no file {tmp_path / 'b.wav'}"),
        ("preset", "c", "no preset 'q' in the bank"),
    ]
    files = [str(tmp_path / f"{name}.preset.safetensors") for name in ("gone", "other", "damaged")]
    shutil.copy(FACTORY_BANK / "step-wood.preset.safetensors", files[1])
    Path(files[2]).write_bytes(b"no preset")
    assert [each[2] for each in look(*(cue(name, at, preset=name) for at, name in enumerate(files)))] == [
        f"no preset file {files[0]}",
        f"{files[1]}: it holds preset 'step-wood', so its name must be step-wood.preset.safetensors",
        f"{files[2]}: not a readable preset (Error while deserializing: header too large)",
    ]
    unthinkable = cue("a", 1, preset=None, source=Path("x" * 5000))
    assert [each[0] for each in look(unthinkable)] == ["source"]


def test_duplicates():
    here = Path(__file__)
    others = [cue("c", 7, stem="PROPS"), cue("d", 7, preset=None, source=here), cue("e", 8)]
    same = [cue("a", 7, row=2), cue("b", 7, row=3), *others]
    assert look(*same) == [("duplicate", "b", "the same sound at the same place as 'a' (row 2)")]


def test_impossible_stems():
    cues = [cue(str(n), n, stem=stem) for n, stem in enumerate(["FEET", "Feet", "Foley", "a b"] * 2)]
    assert [(each[1], each[2][:33]) for each in look(*cues)] == [
        ("1", "'Feet' and 'FEET' differ only in "),
        ("2", "'Foley': a stem's name has 1 to 3"),
        ("3", "'a b': a stem's name has 1 to 32 "),
    ]
    assert look(cue("a", 0), cue("b", 1), stems=["PROPS", "CLOTH"]) == [
        ("stem", "a", "no stem 'FEET' in the project; it has CLOTH, PROPS")
    ]


def test_unmatched_items_are_found():
    assert look(cue("a", 0), unmatched=3) == [
        ("unmatched", None, "3 clips, markers or regions became no cue (see the notes)")
    ]


@pytest.mark.parametrize("rate", ["24", "25", "30"])
def test_a_last_cue_0_1_percent_past_the_end_is_a_drift(rate):
    """An hour spotted by a 1000/1001 rate's samples, laid against a programme of the whole rate."""
    clock, length = Clock(48_000, RATES[rate]), 3600 * 48_000
    true = [cue(str(n), samples_at(n * 10, RATES[rate], 48_000)) for n in range(360 * RATES[rate].nominal)]
    late = [cue(each.id, int(each.start_samples * Fraction(1001, 1000))) for each in true]
    assert [each for each in look(*true, clock=clock, length_samples=length) if each[0] == "rate"] == []
    found = [each for each in look(*late, clock=clock, length_samples=length) if each[0] == "rate"]
    assert found[0][2].startswith("the last cue begins 3.")
    assert found[0][2].endswith(f"s past the reel's end, as with a drift of 3.6 s/h; is {rate} fps right?")


def test_far_past_the_end_is_no_drift():
    clock, length = Clock(48_000, RATES["24"]), 3600 * 48_000
    assert [each[0] for each in look(cue("a", length + 4 * 48_000), clock=clock, length_samples=length)] == [
        "start",
        "outside",
    ]


@pytest.mark.parametrize(
    ("of", "by", "message"),
    [
        ("23.976", "24", "all 40 starts are frames of 23.976 fps"),
        ("24", "23.976", "all 40 starts are frames of 24 fps"),
        ("25", "24", "all 40 starts are frames of 25 fps"),
        ("29.97df", "25", "all 40 starts are frames of 29.97 fps"),
        ("59.94ndf", "30", "all 40 starts are frames of 59.94 fps"),
    ],
)
def test_starts_on_the_frames_of_another_rate(of, by, message):
    clock = Clock(48_000, RATES[by], 3600 * RATES[by].nominal)
    (found,) = look(*spotted(of, 40), clock=clock)
    assert found[0] == "rate"
    assert found[2].startswith(message)
    assert found[2].endswith(f"is {by} fps right?")


@pytest.mark.parametrize("rate", RATES)
def test_starts_on_the_programmes_own_frames_and_on_none_are_fine(rate):
    clock = Clock(48_000, RATES[rate], 3600 * RATES[rate].nominal)
    draw = random.Random(2)
    assert look(*spotted(rate, 300), clock=clock) == []
    assert look(*(cue(str(n), draw.randrange(10**9)) for n in range(300)), clock=clock) == []
    assert look(*spotted("25", 7), clock=clock) == []  # too few to tell


@pytest.mark.parametrize(("of", "by"), [("24", "25"), ("24", "30"), ("25", "30"), ("30", "60"), ("25", "29.97ndf")])
def test_frame_numbers_that_are_never_used(of, by):
    """A sheet whose labels were written at one rate and read at another."""
    draw, rate = random.Random(3), RATES[by]
    labels = {(draw.randrange(3600), draw.randrange(RATES[of].nominal)) for _ in range(400)}
    starts = sorted(samples_at(second * rate.nominal + frame, rate, 48_000) for second, frame in labels)
    cues = [cue(str(n), start) for n, start in enumerate(starts)]
    (found,) = look(*cues, clock=Clock(48_000, rate))
    message = f"none of {len(cues)} timecodes has a frame from {RATES[of].nominal} to {rate.nominal - 1}"
    assert found == ("rate", None, f"{message}, as if they were of {RATES[of].nominal} fps; is {by} fps right?")
    assert look(*cues[:5], clock=Clock(48_000, rate)) == []


HOUR = 3600 * 48_000


@pytest.mark.parametrize(
    ("rate", "start", "first", "message"),
    [
        (
            "24",
            0,
            HOUR + 48_000,
            '60 min after the programme\'s start, 00:00:00:00, so .*: give --start-tc "01:00:00:00"',
        ),
        ("24", 86_400, 9 * HOUR, '540 min .*, 01:00:00:00, so much silence .*--start-tc "10:00:00:00"'),
        ("24", 0, HOUR + 19_000_000, '67 min .*--start-tc "01:00:00:00"'),
        ("24", 0, HOUR + 25 * 60 * 48_000, '85 min .*--start-tc "01:20:00:00"'),
        ("29.97df", 0, HOUR + 48_000 * 5, '60 min .*, 00:00:00;00, so .*--start-tc "01:00:00;00"'),
        (None, 0, HOUR, "60 min after the programme's start, which is zero: so much silence comes first"),
        ("24", 0, 600 * 48_000, None),
        (None, 0, 600 * 48_000, None),
    ],
)
def test_a_first_cue_long_after_the_start_is_found_with_the_start_that_fits(rate, start, first, message):
    clock = Clock(48_000, RATES[rate] if rate else None, start)
    found = look(cue("a", first), cue("b", first + 10), clock=clock)
    assert [each[:2] for each in found] == ([("start", "a")] if message else [])
    if message:
        assert re.fullmatch(f"the first cue lies {message}", found[0][2])


def test_every_command_that_reads_a_sheet_reports_a_late_first_cue(tmp_path):
    from click.testing import CliRunner

    from studio.cli import pisada

    sheet = tmp_path / "reel.csv"
    sheet.write_text("id,start,stem,preset\na,01:00:01:00,FEET,step-wood\n")
    (tmp_path / "jobs.csv").write_text("name,cues,fps,start_tc\nlate,reel.csv,24,\nright,reel.csv,24,01:00:00:00\n")

    def message(*command: object, start: str | None = None) -> str:
        given = [] if start is None else ["--start-tc", start]
        result = CliRunner().invoke(pisada, [*map(str, command), *given])
        return result.stdout + result.stderr

    hint = 'give --start-tc "01:00:00:00"'
    commands = (
        ("render", sheet, "--fps", "24", "--dry-run"),
        ("cues", "check", sheet, "--fps", "24"),
        *(
            ("cues", "convert", sheet, tmp_path / f"a.{to}", "--fps", "24", "--overwrite")
            for to in ("rpp", "otio", "aaf")
        ),
    )
    for command in commands:
        assert hint in message(*command)
        assert "silence" not in message(*command, start="01:00:00:00")
    assert "silence" not in message("cues", "convert", sheet, tmp_path / "a.csv", "--fps", "24")  # it keeps timecodes
    planned = message("batch", tmp_path / "jobs.csv", "--out", tmp_path / "out", "--plan")
    assert (
        f"late: the first cue lies 60 min after the programme's start, 00:00:00:00, so much silence comes first: {hint}"
        in planned
    )
    assert "right: the first cue" not in planned


def test_five_thousand_cues_are_checked_quickly():
    clock = Clock(48_000, RATES["24"], 86_400)
    cues = spotted("23.976", 5_000, seconds=7200)
    found = look(*cues, clock=clock, length_samples=7300 * 48_000)
    assert [each[0] for each in found] == ["rate"]


def test_one_row_has_a_finding_of_each_kind_once():
    steps = [cue(f"W.{n}", 1000 * n, preset="q", row=2, source=Path("/no/file.wav")) for n in range(3)]
    assert look(*steps) == [
        ("preset", "W.0", "no preset 'q' in the bank (and 2 more of its row)"),
        ("source", "W.0", "no file /no/file.wav (and 2 more of its row)"),
    ]
