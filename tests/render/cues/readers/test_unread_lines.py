"""Lines that look like a clip, marker or region and cannot be read: check finds them, a render refuses them."""

import json
import re

import pytest
from click.testing import CliRunner

from plugin_backend.errors import CueSheetError
from render.cues.read import read_cues
from render.cues.timeline import UnreadItem
from render.project.timecode import RATES, Clock
from studio.cli import pisada

FILM = Clock(48_000, RATES["24"], 86_400)
GOOD = "001  AX  A  C  10:00:00:00 10:00:01:00 01:00:01:00 01:00:02:00\n* FROM CLIP NAME: STEP-WOOD\n"
BAD = "002  AX  A  C  10:00:00:00 10:00:01:00 01:00:02:00\n* FROM CLIP NAME: STEP-STONE\n"
TEXT = (
    "SESSION NAME:\tR1\nSAMPLE RATE:\t48000\nSESSION START TIMECODE:\t01:00:00:00\nTIMECODE FORMAT:\t24 Frame\n\n"
    "T R A C K  L I S T I N G\nTRACK NAME:\tFEET\nCHANNEL\tEVENT\tCLIP NAME\tSTART TIME\tEND TIME\n"
    "1\t1\tstep-wood\t48000\t96000\n"
)
ITEM = "<ITEM\nPOSITION 1\nLENGTH 1\nNAME step-wood\n>\n"
NO_ITEM = ITEM.replace("POSITION 1", "POSITION x")
OTIO = {
    "OTIO_SCHEMA": "Timeline.1",
    "tracks": {
        "OTIO_SCHEMA": "Stack.1",
        "children": [
            {
                "OTIO_SCHEMA": "Track.1",
                "kind": "Audio",
                "children": [
                    {
                        "OTIO_SCHEMA": "Clip.1",
                        "name": "step-wood",
                        "source_range": {
                            "OTIO_SCHEMA": "TimeRange.1",
                            "start_time": {"OTIO_SCHEMA": "RationalTime.1", "value": 0, "rate": 24},
                            "duration": {"OTIO_SCHEMA": "RationalTime.1", "value": 24, "rate": 24},
                        },
                    },
                    {"OTIO_SCHEMA": "Scribble.1"},
                ],
            }
        ],
    },
}
FCPXML = (
    '<fcpxml version="1.9"><resources><format id="f" frameDuration="1/24s"/></resources><project><sequence format="f">'
    '<spine><clip name="step-wood" duration="1s"/><scribble/></spine></sequence></project></fcpxml>'
)
RATE = "<rate><timebase>24</timebase></rate>"
XMEML = (
    f"<xmeml><sequence>{RATE}<media><audio><track><clipitem><name>step-wood</name><start>0</start><end>24</end>"
    "</clipitem><clipitem><name>lost</name><end>24</end></clipitem></track></audio></media></sequence></xmeml>"
)
FILES = {
    "EDL": (f"TITLE: R1\n{GOOD}{BAD}", UnreadItem(4, "an event that cannot be read: " + repr(BAD.splitlines()[0]))),
    "EDL event cut off": (
        f"TITLE: R1\n{GOOD}002  A01 B  V     C        10:00:00:00\n",
        UnreadItem(4, "an event that cannot be read: '002  A01 B  V     C        10:00:00:00'"),
    ),
    "EDL event without timecodes": (
        f"TITLE: R1\n{GOOD}002  AX  NONE  W001\n",
        UnreadItem(4, "an event that cannot be read: '002  AX  NONE  W001'"),
    ),
    "EDL event with a letter in its number": (
        f"TITLE: R1\n{GOOD}{GOOD}".replace("001  AX", "002B AX").replace("002B AX", "001  AX", 1),
        UnreadItem(4, f"an event that cannot be read: {GOOD.splitlines()[0].replace('001  AX', '002B AX', 1)!r}"),
    ),
    "EDL locator": (
        f"TITLE: R1\n{GOOD}* LOC: soon RED x\n",
        UnreadItem(4, "a locator without a readable position: '* LOC: soon RED x'"),
    ),
    "EDL of frame numbers": (
        f"TITLE: R1\n{GOOD}002 AX A C 100 124 86500 86524\n",
        UnreadItem(
            4,
            "its positions are frame numbers, not timecodes: export the list with timecodes: "
            "'002 AX A C 100 124 86500 86524'",
        ),
    ),
    "EDL of endless lines": (
        f"TITLE: R1\n{GOOD}002 AX A C{' ' * 1024}10:00:00:00 10:00:01:00 01:00:02:00 01:00:03:00\n",
        UnreadItem(4, "an event of over 1024 characters"),
    ),
    "Pro Tools text": (
        f"{TEXT}x\t2\tstep-stone\t96000\t97000\n",
        UnreadItem(10, "a line of a track that is no event: "),
    ),
    "REAPER project": (
        f'<REAPER_PROJECT 0.1 "7" 1\n<TRACK\nNAME FEET\n{ITEM}>\n<GROUP\n{ITEM}>\n>\n',
        UnreadItem(11, "an item within GROUP, which is no track"),
    ),
    "EDL label of another rate": (
        f"TITLE: R1\n{GOOD}{GOOD}".replace("01:00:01:00", "01:00:01:24").replace("01:00:01:24", "01:00:01:00", 1),
        UnreadItem(4, "'01:00:01:24': frame 24 does not exist at 24 fps (00 to 23): wrong rate?"),
    ),
    "EDL locator of another rate": (
        f"TITLE: R1\n{GOOD}* LOC: 01:00:61:00 RED x\n",
        UnreadItem(4, "'01:00:61:00': second 61 does not exist (00 to 59)"),
    ),
    "Pro Tools row cut off": (
        f"{TEXT}1\t2\tstep-stone\t96000\n",
        UnreadItem(10, "4 columns, but the track has 5: cut off?"),
    ),
    "Pro Tools time": (
        f"{TEXT}1\t2\tstep-stone\tsoon\t97000\n",
        UnreadItem(10, "'soon' is not a time: export it with"),
    ),
    "Pro Tools marker": (
        f"{TEXT}\nM A R K E R S  L I S T I N G\n#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\n1\t3|1\t96000\tTicks\tx\n",
        UnreadItem(13, "'3|1' is bars and beats"),
    ),
    "REAPER item": (
        f'<REAPER_PROJECT 0.1 "7" 1\nTIMEMODE 1 5 -1 24 0\n<TRACK\nNAME FEET\n{ITEM}{NO_ITEM}>\n>\n',
        UnreadItem(11, "POSITION 'x' is not a number of seconds"),
    ),
    "REAPER marker": (
        f'<REAPER_PROJECT 0.1 "7" 1\nTIMEMODE 1 5 -1 24 0\n<TRACK\nNAME FEET\n{ITEM}>\nMARKER 1 2\n>\n',
        UnreadItem(11, "MARKER needs a number, a place and a name"),
    ),
    "REAPER regions": (
        "#,Name,Start,End,Length\nR1,step-wood,01:00:01:00,01:00:02:00,\nM2,x,01:00:0x:00,,\n",
        UnreadItem(3, "column 'Start': '01:00:0x:00' is not a time: set the ruler to"),
    ),
    "REAPER regions cut off": (
        "#,Name,Start,End,Length\nR1,step-wood,01:00:01:00,01:00:02:00,\nM2,x\n",
        UnreadItem(3, "2 fields, but the header has 5"),
    ),
    "OTIO": (json.dumps(OTIO), UnreadItem(2, "a Scribble on track 'A1' is not known")),
    "FCPXML": (FCPXML, UnreadItem(2, "a scribble is not known")),
    "Final Cut Pro 7 XML": (XMEML, UnreadItem(2, "clip 'lost' on track 'A1' has no start or no end")),
}


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments])


@pytest.fixture(params=FILES)
def damaged(request, tmp_path):
    """A file of one good clip and a line that cannot be read, and the expected report of it."""
    text, expected = FILES[request.param]
    path = tmp_path / "reel"
    path.write_text(text)
    return path, expected


def test_an_unread_line_is_no_mere_remark(damaged):
    path, expected = damaged
    sheet = read_cues(path, Clock(48_000, RATES["24"]), presets=["step-wood"])
    assert [cue.preset for cue in sheet.cues] == ["step-wood"]
    (unread,) = sheet.unreadable
    assert (unread.row, unread.reason[: len(expected.reason)]) == (expected.row, expected.reason)
    assert not any(expected.reason in remark for remark in sheet.remarks)


def test_check_finds_it_with_its_line(damaged):
    path, expected = damaged
    result = run("cues", "check", path, "--fps", "24")
    assert result.exit_code == 1
    assert re.search(rf"^unread +{expected.row} .*{re.escape(expected.reason)}", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["render", "convert"])
def test_nothing_is_written_unless_unread_lines_are_skipped(damaged, tmp_path, command):
    path, expected = damaged
    arguments = {
        "render": ("render", path, "--fps", "24", "--dry-run"),
        "convert": ("cues", "convert", path, tmp_path / "cues.csv", "--fps", "24"),
    }[command]
    refused = run(*arguments)
    assert isinstance(refused.exception, CueSheetError)
    assert str(refused.exception).startswith(f"{path}, row {expected.row}: {expected.reason}")
    assert "--skip-unreadable goes on without it" in str(refused.exception)
    assert not (tmp_path / "cues.csv").exists()
    result = run(*arguments, "--skip-unreadable")
    assert result.exit_code == 0, result.exception
    assert f"note: row {expected.row}: left out, {expected.reason}" in result.stderr


def test_a_project_and_a_batch_can_skip_them_too(tmp_path):
    from render.batch import plan_batch, read_jobs

    (tmp_path / "reel.edl").write_text(f"TITLE: R1\n{GOOD}{BAD}")
    (tmp_path / "show.toml").write_text("skip_unreadable = true")
    assert run("render", tmp_path / "reel.edl", "--fps", "24", "--dry-run").exit_code == 1
    assert run("render", tmp_path / "reel.edl", "--fps", "24", "--dry-run", "--project", tmp_path / "show.toml")
    (tmp_path / "jobs.csv").write_text("name,cues,fps,skip_unreadable\na,reel.edl,24,\nb,reel.edl,24,yes\n")
    first, second = plan_batch(read_jobs(tmp_path / "jobs.csv"), tmp_path / "out").jobs
    assert "row 4: an event that cannot be read" in first.problem
    assert second.problem == ""


def test_without_a_frame_rate_one_line_asks_for_it(tmp_path):
    (tmp_path / "reel.csv").write_text("#,Name,Start,End,Length\n" + 9 * "M1,step-wood,01:00:01:00,,\n")
    problem = run("render", tmp_path / "reel.csv", "--dry-run").exception
    assert len(problem.lines) == 1
    assert "needs a frame rate: give --fps" in str(problem)


def test_a_list_of_unread_lines_is_reported_line_by_line(tmp_path):
    """All problems are reported at once, at most fifty."""
    (tmp_path / "reel.edl").write_text("TITLE: R1\n" + "".join(f"{n:03d} AX A C 1 2 3 4\n" for n in range(60)))
    checked = run("cues", "check", tmp_path / "reel.edl", "--fps", "24")
    assert (checked.exit_code, checked.stdout.splitlines()[-1]) == (1, "CMX3600 EDL: 0 cues, 0 stems, 60 found")
    problem = run("render", tmp_path / "reel.edl", "--fps", "24", "--dry-run").exception
    assert str(problem).endswith("(and 59 more)")
    assert len(problem.lines) == 51
    assert problem.lines[-1] == "and 10 more problems, not listed here"
    skipped = run("render", tmp_path / "reel.edl", "--fps", "24", "--dry-run", "--skip-unreadable").exception
    assert "nothing that could be read in it becomes a cue" in str(skipped)


def test_all_clips_before_the_start_are_reported_at_once(tmp_path):
    early = GOOD.replace("01:00:01:00 01:00:02:00", "00:59:01:00 00:59:02:00")
    (tmp_path / "reel.edl").write_text(f"TITLE: R1\n{early}{GOOD}{early}")
    for command in (["cues", "check"], ["render", "--dry-run"]):
        problem = run(*command, tmp_path / "reel.edl", "--fps", "24", "--start-tc", "01:00:00:00").exception
        assert [each.row for each in (problem, *problem.others)] == [2, 6]
        assert all("at 00:59:01:00 is before the programme's start, 01:00:00:00" in line for line in problem.lines)


def test_comments_below_an_unread_line_belong_to_no_other_event(tmp_path):
    (tmp_path / "reel.edl").write_text(f"TITLE: R1\n{GOOD}{BAD}")
    (cue,) = read_cues(tmp_path / "reel.edl", FILM, presets=["step-wood", "step-stone"]).cues
    assert cue.preset == "step-wood"


@pytest.mark.parametrize(
    "source", ["10;35;42;53 10;35;44;00", "10:35:42.12 10:35:44.00", "412+07 415+00", "- -", "1:2:3:4 1:2:3:5"]
)
def test_source_labels_of_an_edl_may_be_anything(tmp_path, source):
    """Only the record side places an event."""
    (tmp_path / "reel.edl").write_text(
        f"TITLE: R1\nFCM: NON-DROP FRAME\n001  A001C002 V     C        {source} 01:00:01:00 01:00:02:00\n"
        "* FROM CLIP NAME: heel\n"
    )
    from render.cues.readers.edl import read_edl

    timeline = read_edl(tmp_path / "reel.edl", FILM)
    assert timeline.unreadable == []
    (item,) = timeline.items
    assert (item.name, item.start_samples, item.duration_samples) == ("heel", 48_000, 48_000)
    assert f"{item.extra['source_in']} {item.extra['source_out']}" == source
