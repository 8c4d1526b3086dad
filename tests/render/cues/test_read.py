"""Reading any format: it is recognised by content, and no hostile file causes a traceback."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues import Cue, CueSheet, read_cues
from render.cues.read import HEAD_BYTES, READERS
from render.cues.write import WRITERS, write_cues
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["24"], 86_400)
SHEET = CueSheet(Path("x"), [Cue("a", 48_000, "FEET", "p", 24_000), Cue("b", 72_000, "FEET", "p", 2_000)], [], [])
HEADS = {
    "Pro Tools text": b"SESSION NAME:\tx\nSAMPLE RATE:\t48000.000000\nBIT DEPTH:\t24-bit\n",
    "CMX3600 EDL": b"TITLE: x\nFCM: NON-DROP FRAME\n001  AX AA/V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n",
    "REAPER project": b"<REAPER_PROJECT 0.1\n",
    "REAPER regions": b"#,Name,Start,End,Length\n",
    "xmeml": b'<?xml version="1.0"?>\n<xmeml version="4">',
    "fcpxml": b'<?xml version="1.0"?>\n<fcpxml version="1.10">',
    "otio": b'{"OTIO_SCHEMA": "Timeline.1", ',
    "wave": b"RIFF\0\0\0\0WAVEfmt ",
    "rf64": b"RF64\xff\xff\xff\xffWAVEds64",
    "zip": b"PK\x03\x04",
    "midi": b"MThd\0\0\0\6",
    "csv": b"id,start,stem,preset\n",
    "nothing": b"",
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_suffix_is_ignored(tmp_path, suffix):
    write_cues(SHEET, tmp_path / f"x{suffix}", FILM)
    (tmp_path / f"x{suffix}").rename(tmp_path / "x.doc")
    sheet = read_cues(tmp_path / "x.doc", FILM)
    assert [(cue.id, cue.start_samples, cue.duration_samples) for cue in sheet.cues] == [
        ("a", 48_000, 24_000),
        ("b", 72_000, 2_000),
    ]
    assert sheet.clock == FILM


@pytest.mark.parametrize("name", HEADS)
def test_a_head_matches_one_format_at_most(name):
    assert sum(recognises(HEADS[name]) for recognises, _ in READERS) == (name not in ("midi", "csv", "nothing"))


@pytest.mark.parametrize("name", HEADS)
def test_a_head_alone_is_refused_in_one_line(tmp_path, name):
    path = tmp_path / "x"
    path.write_bytes(HEADS[name])
    with pytest.raises(CueSheetError) as caught:
        read_cues(path, FILM)
    assert caught.value.file == path
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(head=st.sampled_from(list(HEADS.values())), tail=st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_raise_a_traceback(tmp_path, head, tail):
    path = tmp_path / "x"
    path.write_bytes(head + (tail if isinstance(tail, bytes) else tail.encode()))
    for clock in (FILM, Clock()):
        try:
            assert all(cue.start_samples >= 0 for cue in read_cues(path, clock).cues)
        except CueSheetError as error:
            assert error.file == path
            assert "\n" not in str(error)


def test_recognising_reads_only_the_head(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(HEADS["csv"] + b"a,1.0,A,p\n" + b"\n" * HEAD_BYTES + b"b,2.0,A,p\n")
    assert len(read_cues(path, FILM).cues) == 2


def test_a_device_and_an_impossible_file_name_are_refused():
    for path, message in (
        (Path("/dev/zero"), "not a cue sheet"),
        (Path("a\0b"), "no such file"),
        (Path("x" * 999), "cannot be read"),
    ):
        with pytest.raises(CueSheetError, match=message):
            read_cues(path, FILM)
