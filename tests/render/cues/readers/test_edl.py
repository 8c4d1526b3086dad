"""CMX3600 EDLs: exact positions, locators, comments, frame code modes, and the errors of bad lists."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES
from render.cues.read import read_cues
from render.cues.readers.edl import is_edl, read_edl
from render.cues.timeline import TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock, frames_of, samples_at
from tests.render.whole_file import check_whole

FILM = Clock(48_000, RATES["24"], 86_400)
DROP = Clock(48_000, RATES["29.97df"], frames_of("01:00:00;00", RATES["29.97df"]))
NON_DROP = "TITLE: R1\nFCM: NON-DROP FRAME\n"


def event(record_in: str, record_out: str, number: int = 1, reel: str = "AX", channels: str = "A", cut: str = "C"):
    return f"{number:03d}  {reel:8} {channels:5} {cut:8} 10:00:00:00 10:00:01:00 {record_in} {record_out} \n"


@pytest.fixture
def read(tmp_path):
    def read(text: str, clock: Clock = FILM, encoding: str = "utf-8"):
        path = tmp_path / "reel.edl"
        path.write_bytes(text.encode(encoding))
        assert is_edl(path.read_bytes()[:4096])
        return read_edl(path, clock)

    return read


def test_an_event_becomes_an_item(read):
    timeline = read(
        NON_DROP
        + event("01:00:01:00", "01:00:02:12")
        + "* FROM CLIP NAME:  heel 01 \n* AUDIO FILE: ../in/heel.wav\n* COMMENT: hard floor\n* dry\n"
        + '* PISADA: {"gain_db": "-3", "stem": "FEET"}\n'
    )
    extra = {"reel": "AX", "source_in": "10:00:00:00", "source_out": "10:00:01:00"}
    extra |= {"pisada.gain_db": "-3", "pisada.stem": "FEET"}
    assert timeline.items == [
        TimelineItem("clip", "heel 01", "A", 48_000, 72_000, 3, "hard floor; dry", Path("../in/heel.wav"), extra)
    ]
    assert (timeline.format, timeline.clock) == ("CMX3600 EDL", FILM)
    assert timeline.remarks == ["line 1: the list's title is 'R1'"]


def test_a_lower_number_is_another_event_and_another_key_a_note(read):
    first, second = event("01:00:01:00", "01:00:02:00", 2), event("01:00:03:00", "01:00:04:00", 1)
    unnamed, toe = read(f"{NON_DROP}{first}* ZOOM: in\n{second}* FROM CLIP NAME: toe\n").items
    assert (unnamed.name != "toe", unnamed.note, toe.name) == (True, "ZOOM: in", "toe")


def test_the_first_line_decides_whether_it_is_an_edl():
    one = event("01:00:01:00", "01:00:02:00").encode()
    assert is_edl(one + b"* COMMENT: dry\n")
    assert not is_edl(b"a remark\n" + one)


def test_locators_are_markers(read):
    locators = "* LOC: 01:00:05:10 RED     DOOR SLAM \n* LOC: 01:00:06:00 GREEN\n* LOC: 01:00:07:00 BIG DOOR\n"
    timeline = read(NON_DROP + event("01:00:01:00", "01:00:02:00") + locators)
    assert [(s.kind, s.name, s.start_samples, s.row, s.extra) for s in timeline.items[1:]] == [
        ("marker", "DOOR SLAM", 260_000, 4, {"color": "RED"}),
        ("marker", "", 288_000, 5, {"color": "GREEN"}),
        ("marker", "BIG DOOR", 336_000, 6, {}),
    ]


def test_drop_frame_follows_the_list_in_any_spelling(read):
    """Under FCM: DROP FRAME editors write colons and semicolons."""
    text = "TITLE: R1\nFCM: DROP FRAME\n" + event("01:01:00:02", "01:10:00;00") + "* LOC: 01:00:59:29 RED x\n"
    clip, marker = read(text, DROP).items
    first = samples_at(107_892, DROP.rate, 48_000)
    assert clip.start_samples == samples_at(107_892 + 1800, DROP.rate, 48_000) - first
    assert clip.start_samples + clip.duration_samples == samples_at(107_892 + 17_982, DROP.rate, 48_000) - first
    assert marker.start_samples == samples_at(107_892 + 1799, DROP.rate, 48_000) - first


@pytest.mark.parametrize("name", list(RATES))
def test_every_rate_lands_on_exact_samples(read, name):
    rate = RATES[name]
    mark = ":;"[rate.drop]
    (item,) = read("TITLE:\n" + event(f"01:00:00{mark}01", f"01:00:02{mark}00"), Clock(48_000, rate)).items
    first = frames_of(f"01:00:00{mark}00", rate)
    assert item.start_samples == samples_at(first + 1, rate, 48_000)
    assert item.duration_samples == samples_at(first + 2 * rate.nominal, rate, 48_000) - item.start_samples


def test_transitions_are_named_after_what_comes(read):
    """Of a dissolve the outgoing half is no frames long; the file named is the outgoing clip's."""
    text = NON_DROP + event("01:00:01:00", "01:00:01:00", 7) + event("01:00:01:00", "01:00:02:00", 7, cut="D    012")
    timeline = read(text + "* FROM CLIP NAME: out\n* TO CLIP NAME: in\n* SOURCE FILE: out.wav\n")
    (item,) = timeline.items
    assert (item.name, item.row, item.source) == ("in", 4, None)
    assert (item.extra["transition"], item.extra["from_clip"]) == ("D 012", "out")
    assert timeline.remarks[1] == "line 3: no frames long, as the outgoing half of a transition: no cues"


def test_a_wipe_out_of_its_columns_is_read(read):
    """pycmx alone counts columns from the line's end, and takes W for the channels here."""
    line = "002  TST V     W001    010 01:00:08:08 01:00:08:18 01:00:00:09 01:00:00:19\n"
    (item,) = read(NON_DROP + line).items
    assert (item.track, item.name, item.extra["transition"]) == ("V", "TST", "W001 010")


@pytest.mark.parametrize(
    ("line", "reel", "track"),
    [
        ("1  A_reel_of_many_letters_X1234 A2    C        ", "A_reel_of_many_letters_X1234", "A2"),
        ("0001  Z125C001_220217_ROLX    V     C         ", "Z125C001_220217_ROLX", "V"),
        ("001  ZZ100_50 V  C\t\t", "ZZ100_50", "V"),
        ("001 AX AA/V C ", "AX", "AA/V"),
    ],
)
def test_other_widths_are_read(read, line, reel, track):
    (item,) = read(NON_DROP + line + "10:00:00:00 10:00:01:00 01:00:01:00 01:00:02:00\n").items
    assert (item.extra["reel"], item.track, item.start_samples) == (reel, track, 48_000)


def test_further_audio_channels_are_the_track(read):
    both = event("01:00:01:00", "01:00:02:00", channels="AA") + "AUD  3    4\n"
    timeline = read(NON_DROP + both + event("01:00:01:00", "01:00:02:00", 2, channels="NONE") + "AUD       4\n")
    assert [item.track for item in timeline.items] == ["AA/A3/A4", "A4"]


def test_unread_lines_are_reported_with_their_number(read):
    timeline = read(
        "* no event yet\n".join([NON_DROP, event("01:00:01:00", "01:00:02:00")])
        + "M2   AX  000.0  01:00:10:21\n* ASC_SAT 0.9\nSPLIT:    AUDIO DELAY=  00:00:00:05\n???\n"
        + event("01:00:03:00", "01:00:02:00", 2)
        + event("01:00:03:00", "01:00:04:00", 3, reel="BL")
        + "x" * 2000
    )
    assert len(timeline.items) == 1
    assert sorted(timeline.remarks) == [
        "line 10: black or silence: no cues",
        "line 11: not read: over 1024 characters",
        "line 1: the list's title is 'R1'",
        "line 3: not read: * no event yet",
        "line 5: speed changes (M2): not read",
        "line 6: colour decisions: not read",
        "line 7: split edits: not read, both parts are where the event is",
        "line 8: not read: ???",
    ]
    assert timeline.unreadable == [UnreadItem(9, "its record out, 01:00:02:00, is before its in, 01:00:03:00")]


def test_texts_are_utf_8_else_latin_1(read):
    text = NON_DROP + event("01:00:01:00", "01:00:02:00") + "* FROM CLIP NAME: Füße\x07\n"
    plain, western = read(text), read(text, encoding="latin-1")
    assert plain.items[0].name == western.items[0].name == "Füße"
    assert "its text is not UTF-8: read as latin-1" in western.remarks
    assert "unprintable characters were taken out: line 4" in plain.remarks


def test_modes_that_change_describe_the_sources(read):
    """The record side is of the rate that is asked for."""
    text = NON_DROP + event("01:00:01:00", "01:00:02:00") + "FCM: DROP FRAME\n" + event("01:00:02:00", "01:00:03:00", 2)
    text += "FCM: NON-DROP FRAME\n* LOC: 01:00:03:00 RED x\n"
    for clock in (FILM, Clock(48_000, RATES["29.97ndf"], 108_000), DROP):
        timeline = read(text, clock)
        assert [clock.label_at(item.start_samples)[:8] for item in timeline.items] == [
            "01:00:01",
            "01:00:02",
            "01:00:03",
        ]
        assert timeline.remarks[-1] == (
            "lines 2, 4, 6: the frame code mode changes, so it describes the sources; record times are read at "
            f"{clock.rate.name} fps"
        )
    with pytest.raises(CueSheetError, match="row 3: '01:00:01;00' is drop-frame timecode"):
        check_whole(read(text.replace("01:00:01:00", "01:00:01;00"), FILM), Path("reel.edl"))


@pytest.mark.parametrize(
    ("label", "clock", "samples"),
    [
        ("1:00:01:12", FILM, 72_000),
        ("01:00:01.12", FILM, 72_000),
        ("01;00;01;12", DROP, 67_267),
        ("01:00:01.12", DROP, 67_267),
        ("1:00:01,12", DROP, 67_267),
    ],
)
def test_record_labels_of_other_programs(read, label, clock, samples):
    assert len(read("TITLE:\n" + event(label, label.replace("01", "09"), 1), clock).items) == 1
    (clip,) = read("TITLE:\n" + event(label, "02:00:00:00" if clock is FILM else "02:00:00;00"), clock).items
    assert clip.start_samples == samples


def resolve(*markers: tuple[str, str]) -> str:
    """What DaVinci Resolve exports as "Timeline Markers to EDL"."""
    lines = [
        f"{number:03d}  001      V     C        {place} 01:59:59:00 {place} 01:59:59:00  \n{text}\n\n"
        for number, (place, text) in enumerate(markers, 1)
    ]
    return "TITLE: Timeline 1\nFCM: NON-DROP FRAME\n\n" + "".join(lines)


def test_resolves_markers_are_markers_by_name(read):
    text = resolve(
        ("01:00:05:10", " |C:ResolveColorBlue |M:door slam |D:1"),
        ("01:00:06:00", "heavy, wet |C:ResolveColorRed |M:steps | left |D:48"),
        ("01:00:09:00", "* |C:ResolveColorGreen |M: |D:0"),
    )
    timeline = read(text)
    assert timeline.items == [
        TimelineItem("marker", "door slam", "", 260_000, None, 4, extra={"color": "Blue"}),
        TimelineItem("region", "steps | left", "", 288_000, 96_000, 7, "heavy, wet", extra={"color": "Red"}),
        TimelineItem("marker", "", "", 432_000, None, 10, extra={"color": "Green"}),
    ]
    assert timeline.remarks == ["line 1: the list's title is 'Timeline 1'"]


def test_a_mapping_makes_cues_of_resolves_markers(tmp_path):
    from render.cues.clip_mapping import read_mapping

    (tmp_path / "reel.edl").write_text(resolve(("01:00:05:10", " |C:ResolveColorBlue |M:door slam |D:1")))
    (tmp_path / "show.toml").write_text(
        "schema = 1\n[[rules]]\nkind = 'marker'\nname = {glob='*door*'}\nstem = 'DOORS'\npreset = 'creak'"
    )
    (cue,) = read_cues(tmp_path / "reel.edl", FILM, mapping=read_mapping(tmp_path / "show.toml")).cues
    assert (cue.stem, cue.preset, cue.start_samples, cue.duration_samples) == ("DOORS", "creak", 260_000, None)


def test_a_path_after_the_frame_code_mode_is_ignored(read):
    text = "TITLE: x\nFCM: NON-DROP FRAME/Users/me/a.edl\n" + event("01:00:01:00", "01:00:02:00")
    assert len(read(text).items) == 1


ONE = event("01:00:01:00", "01:00:02:00")
BAD = {
    "no rate": (NON_DROP + ONE, Clock(), ["does not state its frame rate", "--fps"]),
    "non-drop list": (NON_DROP + ONE, DROP, ["row 3", "non-drop-frame here (FCM)", "29.97df fps"]),
    "drop list": ("TITLE:\nFCM: DROP FRAME\n" + ONE, FILM, ["row 3", "drop-frame here (FCM)", "24 fps"]),
    "semicolons in a non-drop list": (NON_DROP + event("01:00:01;00", "01:00:02;00"), FILM, ["row 3", "drop-frame"]),
    "colons without FCM in a drop show": ("TITLE:\n" + ONE, DROP, ["row 2", "write 01:00:01;00"]),
    "no such mode": ("FCM: FILM\n" + ONE, FILM, ["row 1", "'FILM'", "NON-DROP FRAME"]),
    "frame 24 at 24": (NON_DROP + event("01:00:01:24", "01:00:02:00"), FILM, ["row 3", "frame 24", "wrong rate?"]),
    "hour 25": (NON_DROP + event("25:00:01:00", "25:00:02:00"), FILM, ["row 3", "hour 25"]),
    "bad locator": (NON_DROP + ONE + "* LOC: 01:00:61:00 RED x\n", FILM, ["row 4", "second 61"]),
    "bad own note": (NON_DROP + ONE + '* PISADA: {"a": 1}\n', FILM, ["row 4", "JSON object of strings"]),
    "deep own note": (NON_DROP + ONE + "* PISADA: " + "[" * 900 + "\n", FILM, ["row 4", "JSON object of strings"]),
}


@pytest.mark.parametrize(("text", "clock", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, clock, fragments):
    with pytest.raises(CueSheetError) as caught:
        check_whole(read(text, clock), tmp_path / "reel.edl")
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert (caught.value.file, "\n" in str(caught.value)) == (tmp_path / "reel.edl", False)


def test_five_thousand_events_are_read_quickly(read):
    lines = "".join(
        event(f"01:{n // 3000:02d}:{n // 50 % 60:02d}:00", f"01:59:{n // 50 % 60:02d}:12", n % 999 + 1)
        + f"* FROM CLIP NAME: step {n}\n"
        for n in range(5000)
    )
    assert len(read(NON_DROP + lines).items) == 5000


MARKER = resolve(("01:00:01:00", "x |C:ResolveColorBlue |M:slam |D:9"))
UNDER = '* FROM CLIP NAME: a\n* LOC: 01:00:05:10 RED x\n* PISADA: {"a": "b"}\n'
GOOD = f"{MARKER}FCM: DROP FRAME\n{ONE}{UNDER}" + event("01:00:02:00", "01:00:03:00", 2, cut="W001 010")


@settings(deadline=None)
@given(
    place=st.integers(0, len(GOOD)),
    patch=st.one_of(st.text(max_size=12), st.sampled_from(["\t", "\n", "../..", "9" * 40, "C C C", "\0", "::::"])),
    cut=st.integers(0, 60),
    clock=st.sampled_from([FILM, DROP]),
)
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut, clock):
    path = tmp_path_factory.getbasetemp() / "any.edl"
    text = GOOD[:place] + patch + GOOD[place + len(patch) :]
    path.write_bytes(text[: len(text) - cut].encode("utf-8", "replace"))
    try:
        for item in read_edl(path, clock).items:
            assert not NOT_IN_LINES.search(item.name) and isinstance(item.start_samples, int)
    except CueSheetError as error:
        assert error.file == path
        assert "\n" not in str(error)
