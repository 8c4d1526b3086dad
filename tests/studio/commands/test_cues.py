"""``pisada cues`` and ``--mapping`` as a person meets them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin_backend.errors import CueSheetError, OutputError, PisadaError
from render.project.timecode import RATES, label_of, samples_at
from studio.cli import pisada

ROOT = Path(__file__).parents[3]
SESSION = """SESSION NAME:\tReel 1
SAMPLE RATE:\t48000.000000
BIT DEPTH:\t24-bit
SESSION START TIMECODE:\t01:00:00:00
TIMECODE FORMAT:\t23.976 Frame
# OF AUDIO TRACKS:\t1
# OF AUDIO CLIPS:\t1
# OF AUDIO FILES:\t1


T R A C K  L I S T I N G
TRACK NAME:\tSTEPS
COMMENTS:\t
USER DELAY:\t0 Samples
STATE: \t
CHANNEL \tEVENT   \tCLIP NAME                     \tSTART TIME    \tEND TIME      \tDURATION      \tSTATE
1       \t1       \tFS wood-01                    \t   01:00:01:00\t   01:00:01:12\t   00:00:00:12\tUnmuted
1       \t2       \tboom                          \t   01:00:02:00\t   01:00:02:12\t   00:00:00:12\tUnmuted
1       \t3       \tFS wood-02                    \t   01:00:03:12\t   01:00:04:00\t   00:00:00:12\tUnmuted
"""
MAPPING = """schema = 1
[[rules]]
name = { regex = 'FS (\\w+)-\\d+' }
stem = "FEET"
preset = 'step-\\1'
"""


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments])


@pytest.fixture
def session(tmp_path) -> Path:
    (tmp_path / "reel.txt").write_text(SESSION)
    (tmp_path / "show.toml").write_text(MAPPING)
    return tmp_path / "reel.txt"


def test_session_converts_with_its_own_rate_and_start(session, tmp_path):
    result = run("cues", "convert", session, tmp_path / "cues.csv", "--mapping", tmp_path / "show.toml")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("cues.csv: 2 cues from Pro Tools text\n")
    assert "'boom' on track 'STEPS' matches no rule of the mapping" in result.stderr
    rows = [line.split(",")[:5] for line in (tmp_path / "cues.csv").read_text().splitlines()]
    begin = samples_at(86_400, RATES["23.976"], 48_000)
    assert rows == [
        ["id", "start", "end", "stem", "preset"],
        [f"FS wood-01@{begin + 48_048}", "01:00:01:00", "01:00:01:12", "FEET", "step-wood"],
        [f"FS wood-02@{begin + 168_168}", "01:00:03:12", "01:00:04:00", "FEET", "step-wood"],
    ]


def test_clock_of_session_names_stems_and_report(session, tmp_path):
    """No flag gives a rate or a start: the session does."""
    command = ["render", session, "--mapping", tmp_path / "show.toml", "--out", tmp_path / "stems"]
    result = run(*command, "--jobs", "1")
    assert result.exit_code == 0, result.exception
    report = json.loads((tmp_path / "stems" / "report.json").read_text())
    assert (report["fps"], report["start"], report["start_samples"]) == ("23.976", "01:00:00:00", 172_972_800)
    assert [cue["timecode"] for cue in report["cues"]] == ["01:00:01:00", "01:00:03:12"]
    assert (tmp_path / "stems" / "reel_R1_FOLEY-FEET_v001_48k_24b_23976.wav").exists()


@pytest.mark.parametrize(
    ("flags", "first"),
    [
        ((), ("01:00:01:00", 48_048)),
        (("--fps", "23.976"), ("01:00:01:00", 48_048)),
        (("--start-tc", "00:59:58:00"), ("01:00:01:00", 144_144)),
        (("--fps", "23.976", "--start-tc", "00:00:00:00"), ("01:00:01:00", 172_972_800 + 48_048)),
    ],
)
def test_flags_and_session_complete_each_other(session, tmp_path, flags, first):
    out = tmp_path / "cues.csv"
    run("cues", "convert", session, out, "--mapping", tmp_path / "show.toml", *flags)
    assert out.read_text().splitlines()[1].split(",")[1] == first[0]
    from render.plan.resolve import read_sheet, with_sheet_rate
    from render.project.project import Project

    named = dict(zip(flags[::2], flags[1::2], strict=True))
    project = Project(fps=named.get("--fps"), start=named.get("--start-tc"), mapping=str(tmp_path / "show.toml"))
    sheet = read_sheet(session, project)
    assert sheet.cues[0].start_samples == first[1]
    begin = named.get("--start-tc", "01:00:00:00")
    assert with_sheet_rate(project, sheet).clock().start_samples == sheet.clock.start_samples
    assert with_sheet_rate(project, sheet).clock().label_at(0) == begin


def test_rate_other_than_session_rate_is_refused(session, tmp_path):
    result = run("cues", "check", session, "--fps", "24")
    assert isinstance(result.exception, CueSheetError)
    assert "23.976" in str(result.exception) and "24" in str(result.exception)
    assert str(session) in str(result.exception)


def test_mapping_path_is_relative_to_project_file(session, tmp_path):
    (tmp_path / "project.toml").write_text('mapping = "show.toml"\nend = "01:00:04:00"')
    result = run("cues", "check", session, "--project", tmp_path / "project.toml")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "check      row  id  start  found",
        "unmatched  -    -   -      1 clips, markers or regions became no cue (see the notes)",
        "Pro Tools text: 2 cues, 1 stems, 1 found",
    ]


def test_check_prints_table_and_exit_status(write_sheet, tmp_path):
    good = [{"id": "a", "start": "00:00:01:00", "duration": "0.5", "stem": "FEET", "preset": "step-wood"}]
    result = run("cues", "check", write_sheet(good), "--fps", "24")
    assert (result.exit_code, result.stdout) == (0, "CSV: 1 cues, 1 stems, nothing found\n")
    bad = [*good, good[0] | {"id": "b", "start": "00:00:01:06", "preset": "no"}]
    result = run("cues", "check", write_sheet(bad), "--fps", "24")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "check    row  id  start        found",
        "overlap  3    b   00:00:01:06  begins 12000 samples before 'a' ends on FEET",
        "preset   3    b   00:00:01:06  no preset 'no' in the bank",
        "CSV: 2 cues, 1 stems, 2 found",
    ]
    command = [sys.executable, "-m", "studio", "cues", "check", str(write_sheet(bad))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a frame rate: give --fps" in done.stderr


def test_convert_replaces_only_with_overwrite_and_never_source(write_sheet, tmp_path):
    rows = [{"id": "a", "start": "1.0", "stem": "FEET", "preset": "step-wood"}]
    sheet, out = write_sheet(rows), tmp_path / "out.xlsx"
    before = sheet.read_bytes()
    assert run("cues", "convert", sheet, out).exit_code == 0
    again = run("cues", "convert", sheet, out)
    assert isinstance(again.exception, OutputError)
    assert "is there already" in str(again.exception)
    assert run("cues", "convert", sheet, out, "--overwrite").exit_code == 0
    onto_itself = run("cues", "convert", sheet, sheet, "--overwrite").exception
    assert isinstance(onto_itself, OutputError)
    assert str(onto_itself) == f"{sheet}: this is the input file, which is never replaced; give another name"
    assert sheet.read_bytes() == before
    assert "cues can be written to" in str(run("cues", "convert", sheet, tmp_path / "out.doc").exception)


def test_midi_as_csv_renders_the_same(tmp_path):
    """A note's length does not cut a hit; the sheet has this in the column gate."""
    import mido

    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name="FEET"))
    track.append(mido.Message("program_change", program=5))
    for _ in range(3):
        track.append(mido.Message("note_on", note=60, velocity=101, time=480))
        track.append(mido.Message("note_off", note=60, time=10))
    file.save(tmp_path / "steps.mid")
    assert run("cues", "convert", tmp_path / "steps.mid", tmp_path / "steps.csv").exit_code == 0
    tables = [run("render", tmp_path / f"steps.{suffix}", "--dry-run").stdout for suffix in ("mid", "csv")]
    assert tables[0] == tables[1]
    assert "3 cues, 1 stems" in tables[0]


def test_sheet_stems_override_mapping(write_sheet, tmp_path):
    (tmp_path / "show.toml").write_text(MAPPING)
    sheet = write_sheet([{"id": "a", "start": "1.0", "stem": "FEET", "preset": "step-wood"}])
    result = run("render", sheet, "--dry-run", "--mapping", tmp_path / "show.toml")
    assert "note: the mapping was not used: CSV names its own stems" in result.stderr


@pytest.mark.parametrize("name", pisada.commands["cues"].commands)
def test_each_command_has_help_with_example(name):
    result = run("cues", name, "--help")
    assert re.search(rf"Example:\n +pisada cues {name} ", result.output)


def test_every_option_has_help():
    commands = pisada.commands["cues"].commands
    options = [each for command in commands.values() for each in command.params if each.param_type_name == "option"]
    assert [option.name for option in options if not option.help] == []


def test_five_thousand_cues_are_planned_fast(tmp_path):
    rate, presets = RATES["23.976"], ["step-wood", "step-stone", "step-gravel", "step-grass"]
    frames = [86_400 + n * 7200 * 24 // 5000 for n in range(5000)]
    rows = [f"C{n},{label_of(f, rate)},FEET,{presets[n % 4]},{n // 100}" for n, f in enumerate(frames)]
    (tmp_path / "big.csv").write_text("id,start,stem,preset,Scene\n" + "\n".join(rows))
    result = run("render", tmp_path / "big.csv", "--fps", "23.976", "--start-tc", "01:00:00:00", "--dry-run")
    assert result.stdout.splitlines()[-1].startswith("5000 cues, 1 stems, ")


def test_bad_mapping_is_one_line_and_exit_2(session, tmp_path):
    (tmp_path / "bad.toml").write_text("schema = 1\n[[rules]]\nname = 'a'\ngain_db = 99")
    result = run("cues", "check", session, "--mapping", tmp_path / "bad.toml")
    assert isinstance(result.exception, PisadaError)
    assert (result.exception.exit_status, "\n" in str(result.exception)) == (2, False)
    assert "$.rules[0].gain_db" in str(result.exception)
