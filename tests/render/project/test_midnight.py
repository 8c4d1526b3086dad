"""Timecode restarts at midnight: clips across midnight keep their length, and later timecodes are on the next day."""

import json
import struct
from pathlib import Path

import aaf2
import numpy as np
import pytest

from plugin_backend.errors import CueSheetError, ProjectError
from render.cues.read import read_cues
from render.cues.writers.csv_sheet import write_csv
from render.project.project import Project
from render.project.timecode import RATES, Clock, frames_of, label_of
from render.spotting.hits_to_cues import cues_of_guide
from tests.plugin_backend.lying_files import encoded, hits
from tests.render.aaf_maker import Maker

START = "23:58:00:00"
HOUR = 3600 * 48_000
FIRST_S, LENGTH_S, SECOND_S = 118, 4, 125  # 23:59:58:00 to 00:00:02:00, and 00:00:05:00
FRAMES = tuple(24 * second for second in (FIRST_S, FIRST_S + LENGTH_S, SECOND_S, SECOND_S + 1))


def time(frames: int) -> dict:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": frames, "rate": 24}


def item(kind: str, frames: int, name: str = "a") -> dict:
    part = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(0), "duration": time(frames)}
    return {"OTIO_SCHEMA": kind, "name": name, "source_range": part}


def otio(start: int, *parts: dict) -> str:
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Audio", "children": [*parts]}
    stack = {"OTIO_SCHEMA": "Stack.1", "children": [track]}
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "global_start_time": time(start), "tracks": stack})


def xmeml(start: str, *bounds: tuple[int, int]) -> str:
    rate = "<rate><timebase>24</timebase></rate>"
    clips = "".join(
        f"<clipitem><name>a</name><start>{begin}</start><end>{end}</end></clipitem>" for begin, end in bounds
    )
    timecode = f"<timecode>{rate}<string>{start}</string></timecode>"
    return f"<xmeml><sequence>{rate}{timecode}<media><audio><track>{clips}</track></audio></media></sequence></xmeml>"


def fcpxml() -> str:
    begin = 24 * 3600 - 120
    clips = "".join(
        f'<clip name="a" offset="{begin + second}s" duration="{length}s"/>'
        for second, length in ((FIRST_S, LENGTH_S), (SECOND_S, 1))
    )
    return (
        '<fcpxml version="1.9"><resources><format id="f" frameDuration="1/24s"/></resources><project>'
        f'<sequence format="f" tcStart="{begin}s"><spine>{clips}</spine></sequence></project></fcpxml>'
    )


def pro_tools(first: str, second: str) -> str:
    return (
        f"SESSION NAME:\tR1\nSAMPLE RATE:\t48000\nSESSION START TIMECODE:\t{START}\nTIMECODE FORMAT:\t24 Frame\n\n"
        "T R A C K  L I S T I N G\nTRACK NAME:\tFEET\nCHANNEL\tEVENT\tCLIP NAME\tSTART TIME\tEND TIME\n"
        f"1\t1\ta\t{first}\n1\t2\ta\t{second}\n"
    )


EVENTS = ("23:59:58:00 00:00:02:00", "00:00:05:00 00:00:06:00")
REGIONS = "#,Name,Start,End,Length\n"
FILES = {
    "EDL": "TITLE: R1\n" + "".join(f"{n:03d} AX A C - - {e}\n* FROM CLIP NAME: a\n" for n, e in enumerate(EVENTS)),
    "CSV": "id,start,end,stem,preset\nx,23:59:58:00,00:00:02:00,F,a\ny,00:00:05:00,00:00:06:00,F,a\n",
    "CSV by durations": "id,start,duration,stem,preset\nx,23:59:58:00,00:00:04:00,F,a\ny,00:00:05:00,00:00:01:00,F,a\n",
    "Pro Tools text": pro_tools("23:59:58:00\t00:00:02:00", "00:00:05:00\t00:00:06:00"),
    "Pro Tools sub-frames": pro_tools("23:59:58:00.00\t00:00:01:23.100", "00:00:05:00.00\t00:00:06:00.00"),
    "REAPER project": f'<REAPER_PROJECT 0.1 "7" 1\nPROJOFFS {24 * 3600 - 120} 0 0\nTIMEMODE 1 5 -1 24 0 0 -1\n'
    f"<TRACK\nNAME F\n<ITEM\nPOSITION {FIRST_S}\nLENGTH {LENGTH_S}\nNAME a\n>\n"
    f"<ITEM\nPOSITION {SECOND_S}\nLENGTH 1\nNAME a\n>\n>\n>\n",
    "REAPER regions": f"{REGIONS}R1,a,23:59:58:00,00:00:02:00,\nR2,a,00:00:05:00,00:00:06:00,\n",
    "REAPER regions, counted on": f"{REGIONS}R1,a,23:59:58:00,24:00:02:00,\nR2,a,24:00:05:00,24:00:06:00,\n",
    "OTIO": otio(
        frames_of(START, RATES["24"]),
        item("Gap.1", FRAMES[0]), item("Clip.1", 96), item("Gap.1", 72), item("Clip.1", 24),
    ),
    "Final Cut Pro 7 XML": xmeml(START, FRAMES[:2], FRAMES[2:]),
    "FCPXML": fcpxml(),
}  # fmt: skip


def write_guide(path: Path, reference_samples: int, audio: np.ndarray) -> None:
    """Write a Broadcast-WAV file that begins so many samples after midnight."""
    data = encoded(audio, 48_000, "WAV", "PCM_16")
    bext = bytes(338) + struct.pack("<QH", reference_samples, 1) + bytes(254)
    path.write_bytes(data[:12] + b"bext" + struct.pack("<I", len(bext)) + bext + data[12:])


@pytest.fixture(params=[*FILES, "AAF"])
def file(request, tmp_path):
    path = tmp_path / "reel"
    if request.param != "AAF":
        path.write_text(FILES[request.param])
        return path
    with aaf2.open(str(path), "w") as opened:
        maker = Maker(opened, "24/1")
        maker.timecode(frames_of(START, RATES["24"]), rate="24/1")
        maker.track("F", maker.filler(FRAMES[0]), maker.clip("a", 96), maker.filler(72), maker.clip("a", 24))
    return path


def test_clips_keep_their_length_and_those_after_midnight_their_place(file, tmp_path):
    clock = Clock(48_000, RATES["24"], frames_of(START, RATES["24"]))
    sheet = read_cues(file, clock, presets=["a"])
    assert [(cue.start_samples, cue.duration_samples) for cue in sheet.cues] == [
        (FIRST_S * 48_000, LENGTH_S * 48_000),
        (SECOND_S * 48_000, 48_000),
    ]
    (message,) = (remark for remark in sheet.remarks if "midnight" in remark)
    assert message.startswith("1 cues lie after midnight, on the next day, the first at 00:00:05:00 (row ")
    write_csv(sheet, tmp_path / "back.csv", clock)
    back = read_cues(tmp_path / "back.csv", clock)
    assert [(cue.start_samples, cue.duration_samples) for cue in back.cues] == [
        (cue.start_samples, cue.duration_samples) for cue in sheet.cues
    ]


LATER = frames_of("00:00:05:00", RATES["24"])
AFTER_MIDNIGHT = {
    "REAPER project": '<REAPER_PROJECT 0.1 "7" 1\nPROJOFFS 5 0 0\nTIMEMODE 1 5 -1 24 0\n'
    "<TRACK\nNAME F\n<ITEM\nPOSITION 0\nLENGTH 1\nNAME a\n>\n>\n>\n",
    "OTIO": otio(LATER, item("Clip.1", 24)),
    "Final Cut Pro 7 XML": xmeml("00:00:00:00", (LATER, LATER + 24)),
    "FCPXML": '<fcpxml version="1.9"><resources><format id="f" frameDuration="1/24s"/></resources><project>'
    '<sequence format="f" tcStart="5s"><spine><clip name="a" offset="5s" duration="1s"/></spine></sequence></project>'
    "</fcpxml>",
}


@pytest.mark.parametrize("name", [*AFTER_MIDNIGHT, "AAF", "Broadcast-WAV"])
def test_a_session_that_begins_after_midnight_is_on_the_next_day(name, tmp_path):
    path = tmp_path / "a"
    if name == "AAF":
        with aaf2.open(str(path), "w") as opened:
            maker = Maker(opened, "24/1")
            maker.timecode(LATER, rate="24/1")
            maker.track("F", maker.clip("a", 24))
    elif name == "Broadcast-WAV":
        write_guide(path, 5 * 48_000, np.zeros(48_000, np.float32))
    else:
        path.write_text(AFTER_MIDNIGHT[name])
    clock = Clock(48_000, RATES["24"], frames_of(START, RATES["24"]))
    (cue,) = read_cues(path, clock, presets=["a"]).cues
    assert (cue.start_samples, cue.duration_samples) == (SECOND_S * 48_000, 48_000)


def test_the_hits_of_a_guide_from_after_midnight_are_on_the_next_day(tmp_path):
    write_guide(tmp_path / "a.wav", 5 * 48_000, hits(2, 48_000)[:, 0])
    sheet = cues_of_guide(tmp_path / "a.wav", Clock(48_000, RATES["24"], frames_of(START, RATES["24"])), "F", "a")
    assert [cue.start_samples for cue in sheet.cues[:2]] == [SECOND_S * 48_000 + at for at in (12_000, 36_000)]


@pytest.mark.parametrize("name", list(RATES))
def test_every_rate_goes_on_exactly(name):
    """A day of 23.976 has 86.4 s more than a day of the clock."""
    rate = RATES[name]
    last = rate.frames_per_day - 100
    clock = Clock(48_000, rate, last)
    for frames in (99, 100, 101, 5000):
        label = label_of(last + frames, rate)
        assert clock.timecode_samples(label) == round((last + frames) * 48_000 / rate.exact) - clock.start_samples
        assert clock.label_at(clock.timecode_samples(label)) == label


def test_before_the_start_is_still_before_it():
    clock = Clock(48_000, RATES["24"], 86_400)
    assert clock.timecode_samples("00:59:59:00") == -48_000
    assert clock.timecode_samples("13:00:00:00") == 12 * HOUR
    assert Clock(48_000, RATES["24"], 12 * 86_400).timecode_samples("00:00:00:00") == -12 * HOUR


def test_a_programme_may_end_after_midnight():
    assert Project(fps="24", start=START, end="00:10:00:00").length_samples() == 12 * 60 * 48_000
    with pytest.raises(ProjectError, match="is not after its start 23:58:00:00"):
        Project(fps="24", start=START, end="23:57:00:00").length_samples()


def test_an_end_before_its_start_is_not_taken_for_the_next_days(tmp_path):
    (tmp_path / "cues.csv").write_text("id,start,end,stem,preset\nx,01:00:02:00,01:00:01:00,F,a\n")
    with pytest.raises(CueSheetError, match="the end '01:00:01:00' is not after the start '01:00:02:00'"):
        read_cues(tmp_path / "cues.csv", Clock(48_000, RATES["24"]))
