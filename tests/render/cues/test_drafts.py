"""Sheets to be filled in: what has no preset yet is written with its name, read back, found, and not rendered."""

import mido
import pytest
from click.testing import CliRunner

from plugin_backend.errors import CueSheetError
from render.cues.cue import ReadOptions
from render.cues.read import read_cues
from render.project.timecode import RATES, Clock
from studio.cli import pisada

FILM = Clock(48_000, RATES["24"], 86_400)
EDL = (
    "TITLE: R1\n"
    "001  AX  A  C  0:0:0:0 0:0:0:1 01:00:01:00 01:00:02:00\n* FROM CLIP NAME: heel left\n* COMMENT: wet\n"
    "002  AX  A2 C  0:0:0:0 0:0:0:1 01:00:03:00 01:00:04:12\n* FROM CLIP NAME: STEP-WOOD\n"
    "003  AX  A  C  0:0:0:0 0:0:0:1 00:59:58:00 00:59:59:00\n* FROM CLIP NAME: slate\n"
    "* LOC: 01:00:05:00 RED   door\n"
)
PLACE = ("--fps", "24", "--start-tc", "01:00:00:00")


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments])


@pytest.fixture
def edl(tmp_path):
    (tmp_path / "reel.edl").write_text(EDL)
    return tmp_path / "reel.edl"


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "rpp", "otio", "aaf"])
def test_a_list_of_names_that_are_no_presets_becomes_a_sheet_to_fill_in(edl, tmp_path, suffix):
    out = tmp_path / f"cues.{suffix}"
    answer = run("cues", "convert", edl, out, *PLACE)
    assert answer.exit_code == 0, answer.exception
    assert answer.stdout.endswith("3 cues from CMX3600 EDL\n")
    told = [line for line in answer.stderr.splitlines() if "preset" in line and "slate" not in line]
    assert told == [
        "note: 2 of 3 cues have no preset yet: fill in the column 'preset'; the clip's name begins the note"
    ]
    sheet = read_cues(out, FILM, wanted=ReadOptions(blank=True))
    assert [(cue.id[:9], cue.preset, cue.note, cue.stem) for cue in sheet.cues] == [
        ("heel left", None, "heel left; wet", "A"),
        ("STEP-WOOD", "step-wood", "", "A2"),
        ("door@1730", None, "door", "MARKERS"),
    ]
    places = [(cue.start_samples, cue.duration_samples) for cue in sheet.cues]
    assert places == [(48_000, 48_000), (144_000, 72_000), (240_000, None)]


def test_what_is_not_filled_in_is_not_rendered(edl, tmp_path):
    run("cues", "convert", edl, tmp_path / "cues.csv", *PLACE)
    refused = run("render", tmp_path / "cues.csv", *PLACE, "--dry-run").exception
    assert isinstance(refused, CueSheetError)
    assert [line.split(": ", 1)[1] for line in refused.lines] == ["a cue needs a preset or a source"] * 2
    assert [(problem.row, problem.field) for problem in (refused, *refused.others)] == [(2, "preset"), (4, "preset")]
    assert run("render", edl, *PLACE, "--dry-run").stdout.splitlines()[-1].startswith("1 cues, ")
    run("cues", "convert", edl, tmp_path / "cues.rpp", *PLACE)
    assert "a cue needs a preset or a source" in str(run("render", tmp_path / "cues.rpp", "--dry-run").exception)


def test_check_finds_what_is_not_filled_in(edl, tmp_path):
    run("cues", "convert", edl, tmp_path / "cues.csv", *PLACE)
    answer = run("cues", "check", tmp_path / "cues.csv", *PLACE)
    assert answer.exit_code == 1
    assert sum("has no preset yet, nor a source" in line for line in answer.stdout.splitlines()) == 2


def test_a_draft_is_converted_again(edl, tmp_path):
    run("cues", "convert", edl, tmp_path / "cues.csv", *PLACE)
    assert run("cues", "convert", tmp_path / "cues.csv", tmp_path / "cues.xlsx", *PLACE).exit_code == 0
    sheets = [
        read_cues(tmp_path / name, FILM, wanted=ReadOptions(blank=True)).cues for name in ("cues.csv", "cues.xlsx")
    ]
    assert sheets[0] == sheets[1]


def test_a_mapping_says_what_is_no_cue(edl, tmp_path):
    """What no rule is for stays out; a rule without a preset gives its stem."""
    (tmp_path / "show.toml").write_text("schema = 1\n[[rules]]\nname = 'heel left'\nstem = 'FEET'\ngain_db = -3\n")
    answer = run("cues", "convert", edl, tmp_path / "cues.csv", *PLACE, "--mapping", tmp_path / "show.toml")
    assert "marker 'door' matches no rule of the mapping" in answer.stderr
    (cue,) = read_cues(tmp_path / "cues.csv", FILM, wanted=ReadOptions(blank=True)).cues
    assert (cue.stem, cue.preset, cue.gain_db, cue.note) == ("FEET", None, -3, "heel left; wet")


def test_notes_of_a_midi_file_that_name_no_preset(tmp_path):
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name="Feet"))
    track.append(mido.Message("program_change", program=99))
    track += [mido.Message("note_on", note=60, velocity=90, time=480), mido.Message("note_off", note=60, time=240)]
    file.save(tmp_path / "steps.mid")
    with pytest.raises(CueSheetError, match="no preset for program 99, note 60"):
        read_cues(tmp_path / "steps.mid", Clock())
    answer = run("cues", "convert", tmp_path / "steps.mid", tmp_path / "cues.csv")
    assert "note: 1 of 1 cues have no preset yet: fill in the column 'preset'" in answer.stderr
    (cue,) = read_cues(tmp_path / "cues.csv", Clock(), wanted=ReadOptions(blank=True)).cues
    assert (cue.preset, cue.note, cue.stem, cue.gate) == (None, "Feet; program 99, note 60", "Feet", True)
