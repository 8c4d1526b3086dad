"""FCPXML: exact positions at every rate, also within clips of other rates, and the errors of bad files."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues.read import read_cues
from render.cues.readers.fcpxml import conform_factor, is_fcpxml, read_fcpxml
from render.cues.timeline import TimelineItem, UnreadItem
from render.project.timecode import RATES, Clock, samples_at

ASSETS = (
    '<asset id="w" name="steps" src="file:///a/steps.wav" duration="9s" hasAudio="1"/>'
    '<asset id="p" name="shot" hasVideo="1"><media-rep src="file:///a/shot.mov"/></asset>'
)


def fcpxml(spine: str, frame: str = "100/2500s", start: str = 'tcStart="3600s"', project: str = "R1") -> str:
    """A file of one project that starts at 01:00:00:00, 25 frames a second, if nothing else is stated."""
    resources = f'<resources><format id="f" frameDuration="{frame}"/>{ASSETS}</resources>'
    sequence = f'<sequence format="f" {start} tcFormat="NDF"><spine>{spine}</spine></sequence>'
    event = f'<event><project name="{project}">{sequence}</project></event>'
    inside = f"{resources}<library>{event}</library>"
    return f'<?xml version="1.0"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.10">{inside}</fcpxml>'


@pytest.fixture
def read(tmp_path):
    def read(text: str, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "reel.fcpxml"
        path.write_text(text, encoding="utf-8")
        assert is_fcpxml(path.read_bytes()[:4096])
        return read_fcpxml(path, clock)

    return read


def test_a_clip_becomes_an_item(read):
    inside = '<note>wet</note><marker start="21/5s" duration="1/25s" value="heel"/>'
    clip = f'<asset-clip ref="w" name="Step" offset="3602s" start="4s" duration="10/25s" audioRole="FEET">{inside}'
    timeline = read(fcpxml(clip + "</asset-clip>"))
    assert timeline.items == [
        TimelineItem("clip", "Step", "FEET", 96_000, 19_200, 1, "wet", Path("/a/steps.wav")),
        TimelineItem("marker", "heel", "FEET", 105_600, None, 2),
    ]
    assert (timeline.format, timeline.clock) == ("FCPXML", Clock(48_000, RATES["25"], 90_000))
    assert timeline.remarks == []


def test_thirds_of_a_sample_are_rounded_once(read):
    clips = [f'<asset-clip ref="w" offset="{3600 * 144000 + n}/144000s" duration="7/144000s"/>' for n in (4, 5, 7)]
    items = read(fcpxml("".join(clips), frame="1/24s")).items
    assert [(item.start_samples, item.duration_samples) for item in items] == [(1, 3), (2, 2), (2, 3)]


def test_clips_connected_to_others_count_their_time(read):
    """A lane's offset is in the time of what it hangs on; a storyline's clips count from their storyline."""
    story = (
        '<spine lane="1" offset="101s"><clip name="b" offset="2s" duration="1s"/><clip name="c" duration="1s"/></spine>'
    )
    deep = '<audio ref="w" name="d" lane="-1" offset="7s" duration="1s" role="PROPS"/>'
    hung = f'<asset-clip ref="w" name="a" lane="-2" offset="102s" start="6s" duration="3s">{deep}</asset-clip>'
    timeline = read(
        fcpxml(f'<gap offset="3600s" start="100s" duration="20s">{story}{hung}</gap><title duration="2s"/>')
    )
    assert [(item.name, item.track, item.start_samples // 48_000) for item in timeline.items] == [
        ("b", "lane 0", 3), ("c", "lane 0", 4), ("a", "lane -2", 2), ("d", "PROPS", 3), ("title", "lane 0", 20),
    ]  # fmt: skip


def test_picture_and_disabled_clips_are_marked(read):
    spine = '<video ref="p" name="v" duration="1s"/><asset-clip ref="p" duration="1s" enabled="0"/>'
    spine += (
        '<clip name="k" duration="1s"><video ref="p" duration="9s"/><audio ref="w" lane="-1" duration="1s"/></clip>'
    )
    spine += '<asset-clip ref="w" name="s" duration="1s" srcEnable="audio"/>'
    assert [item.extra for item in read(fcpxml(spine)).items] == [
        {"media": "picture"},
        {"media": "picture", "muted": "yes"},
        {"media": "picture"},
        {"lane": "-1"},
        {},
    ]


def test_unused_properties_are_remarked(read):
    spine = '<ref-clip name="N" duration="2s"><timeMap/><keyword value="x"/></ref-clip><transition name="X"/>'
    spine += '<audition><clip name="y" duration="1s"/><clip name="z"/></audition><colour/>'
    spine += '<gap duration="1s"><marker start="2s" value="late"/><marker value="m"/></gap>'
    timeline = read(fcpxml(spine))
    assert timeline.unreadable == [UnreadItem(5, "a colour is not known"), UnreadItem(7, "marker 'm' has no place")]
    assert timeline.remarks == [
        "event 2: transition 'X' is not used",
        "event 4: 'z' is not the audition's choice",
        "event 6: marker 'late' lies in a part of its clip that is cut off",
        "read and not used: the clips inside compound, synchronised and multicam clips (event 1)",
        "read and not used: changes of speed (event 1)",
        "read and not used: keywords (event 1)",
    ]


# frame duration, first frame in seconds, what the file says of drop-frame, the rate, its first frame
RATIONAL = [
    ("1001/24000s", "8648640000/2400000s", "NDF", "23.976", 86_400),
    ("15015/360000s", "18018/5s", "NDF", "23.976", 86_400),
    ("1001/30000s", "8999991/2500s", "DF", "29.97df", 107_892),
    ("1001/30000s", "18018/5s", "NDF", "29.97ndf", 108_000),
    ("1001/60000s", "8999991/2500s", "DF", "59.94df", 215_784),
    ("1001/60000s", "18018/5s", "NDF", "59.94ndf", 216_000),
    ("100/2400s", "3600s", "NDF", "24", 86_400),
    ("200/5000s", "3600s", "DF", "25", 90_000),
]


@pytest.mark.parametrize(("frame", "start", "drop", "name", "first"), RATIONAL, ids=[case[3] for case in RATIONAL])
def test_every_rate_is_read_by_its_exact_rationals(read, frame, start, drop, name, first):
    rate = RATES[name]
    begin = Fraction(first) / rate.exact
    places = [begin, begin + 1 / rate.exact, begin + 107_999 / rate.exact]
    clips = "".join(f'<clip offset="{place}s" duration="1001/30000s"/>' for place in places)
    text = fcpxml(clips, frame=frame, start=f'tcStart="{start}"').replace('tcFormat="NDF"', f'tcFormat="{drop}"')
    timeline = read(text)
    assert timeline.clock == Clock(48_000, rate, first)
    at = samples_at(first, rate, 48_000)
    assert [item.start_samples for item in timeline.items] == [
        samples_at(first + frames, rate, 48_000) - at for frames in (0, 1, 107_999)
    ]


def test_fps_completes_what_does_not_say_drop_frame_and_keeps_the_start(tmp_path, read):
    text = fcpxml(ONE, frame="1001/30000s", start='tcStart="18018/5s"').replace('tcFormat="NDF"', "")
    with pytest.raises(CueSheetError, match="does not say drop-frame: give --fps 29.97df or 29.97ndf"):
        read(text)
    clock = Clock(48_000, RATES["29.97df"])
    sheet = read_cues(tmp_path / "reel.fcpxml", clock, presets=["asset-clip"])
    assert sheet.clock == Clock(48_000, RATES["29.97df"], 108_000)
    assert sheet.cues[0].start_samples == 0


def conformed(rate: str, inside: str, start: str = "0s", offset: str = "3610s", more: str = "") -> str:
    conform = f'<conform-rate srcFrameRate="{rate}"{more}/>'
    return (
        f'<asset-clip ref="w" offset="{offset}" start="{start}" duration="200s" audioRole="F">{conform}{inside}'
        "</asset-clip>"
    )


def labels(timeline) -> list[str]:
    return [timeline.clock.label_at(item.start_samples) for item in timeline.items]


def test_a_marker_in_a_clip_of_another_rate_counts_the_clips_own_time(read):
    """100 s of 25 fps media last 100·25/24 s in a sequence of 24; after Final Cut Pro's own display."""
    inside = '<marker start="100s" duration="1/25s" value="slam"/>'
    timeline = read(fcpxml(conformed("25", inside), frame="100/2400s"))
    clip, marker = timeline.items
    assert marker.start_samples == round(Fraction(48_000) * (10 + Fraction(2500, 24)))
    assert labels(timeline) == ["01:00:10:00", "01:01:54:04"]
    assert (clip.duration_samples, marker.kind) == (200 * 48_000, "marker")
    switched_off = conformed("25", inside, more=' scaleEnabled="0"')
    assert labels(read(fcpxml(switched_off, frame="100/2400s")))[1] == "01:01:50:00"


# Sequence, media, the clip's offset and start, the marker's start, and what Final Cut Pro shows: second, frame, 80th.
MEASURED = [
    ("23.976", "25", "760760/24000s", "0s", "177/25s", (39, 1, 0)),
    ("30", "23.98", "95000/3000s", "49390341/1000000s", "839839/12000s", (52, 7, 21)),
    ("50", "23.98", "158400/5000s", "49390341/1000000s", "839839/12000s", (52, 12, 62)),
    ("59.94ndf", "23.98", "11411400/360000s", "1481709229/30000000s", "839839/12000s", (52, 13, 24)),
    ("60", "23.98", "95000/3000s", "49390341/1000000s", "839839/12000s", (52, 14, 43)),
]


@pytest.mark.parametrize(("name", "media", "offset", "start", "place", "shown"), MEASURED)
def test_markers_lie_where_final_cut_pro_shows_them(read, name, media, offset, start, place, shown):
    """The display is cut to eightieths of a frame."""
    rate, (second, frame, part) = RATES[name], shown
    inside = f'<marker start="{place}" duration="1001/24000s" value="m"/>'
    text = fcpxml(conformed(media, inside, start, offset), frame=f"{1 / rate.exact}s", start='tcStart="0s"')
    frames = read(text).items[1].start_samples * rate.exact / 48_000
    assert 0 <= frames - second * rate.nominal - frame - Fraction(part, 80) + rate.exact / 96_000 < Fraction(1, 80)


def test_clips_connected_to_a_clip_of_another_rate_count_its_time(read):
    """A connected storyline begins in the time of its clip; its own clips count the sequence's."""
    story = '<spine lane="1" offset="24s"><clip name="a" offset="5s" duration="1s"/></spine>'
    hung = '<asset-clip ref="w" name="b" lane="2" offset="48s" duration="2s"/>'
    timeline = read(fcpxml(conformed("25", story + hung), frame="100/2400s"))
    assert [(s.name, s.start_samples / 48_000, s.duration_samples) for s in timeline.items[1:]] == [
        ("a", 10 + 25 + 5, 48_000),
        ("b", 10 + 50, 96_000),
    ]


def exact(name: str) -> Fraction:
    return RATES[name].exact


@pytest.mark.parametrize(
    ("media", "sequence", "factor"),
    [
        *(("23.976", name, Fraction(1000, 1001)) for name in ("24", "25", "30", "50", "29.97ndf", "59.94ndf", "60")),
        *((name, "60", Fraction(1000, 1001)) for name in ("29.97ndf", "59.94ndf")),
        *(("24", name, Fraction(1001, 1000)) for name in ("23.976", "47.952")),
        *((name, "29.97ndf", Fraction(1001, 1000)) for name in ("30", "60")),
        *((name, "24", Fraction(25, 24)) for name in ("25", "50")),
        ("24", "25", Fraction(24, 25)),
        *(("25", name, Fraction(1)) for name in ("30", "50", "59.94ndf")),
        *((name, "23.976", Fraction(1)) for name in ("23.976", "47.952", "30")),
    ],
)
def test_how_media_is_conformed(media, sequence, factor):
    assert conform_factor(exact(media), exact(sequence)) == factor


def test_a_clip_with_all_audio_disabled_is_muted(read):
    sources = '<audio-channel-source srcCh="1" {0}/><audio-role-source role="dialogue" {1}/>'
    spine = "".join(
        f'<asset-clip ref="w" name="{name}" duration="1s">{sources.format(*flags)}</asset-clip>'
        for name, flags in {"off": ('enabled="0"', 'active="0"'), "half": ('enabled="0"', "")}.items()
    )
    assert [item.extra for item in read(fcpxml(spine)).items] == [{"muted": "yes"}, {}]


ONE = '<asset-clip ref="w" duration="1s"/>'
SECOND = '<project name="R2"><sequence/></project>'
BAD = {
    "another rate": (fcpxml(ONE), ["runs at 25 fps, the project at 24"]),
    "two projects": (fcpxml(ONE).replace("</event>", SECOND + "</event>"), ["'R1', 'R2'"]),
    "no project": ("<fcpxml><library/></fcpxml>", ["holds no project"]),
    "no format": (fcpxml(ONE).replace('format="f"', ""), ["states no frame duration"]),
    "frame of zero": (fcpxml(ONE, frame="0s"), ["states no frame duration"]),
    "frame below zero": (fcpxml(ONE, frame="-1/25s"), ["states no frame duration"]),
    "no time": (fcpxml('<clip duration="12"/>', frame="1/24s"), ["duration '12' is no time", "3600s or 1001/24000s"]),
    "division by zero": (fcpxml('<clip duration="1/0s"/>', frame="1/24s"), ["'1/0s' is no time"]),
    "no duration": (fcpxml('<clip name="x"/>', frame="1/24s"), ["'x' states no duration"]),
    "before its storyline": (fcpxml('<clip offset="0s" duration="1s"/>', frame="1/24s"), ["cannot be trusted"]),
    "no frame rate": (
        fcpxml(conformed("fast", ""), frame="1/24s"),
        ["the srcFrameRate 'fast' of 'asset-clip' is no frame rate"],
    ),
    "between frames": (fcpxml(ONE, frame="1/24s", start='tcStart="1/48s"'), ["between two frames"]),
    "past a day": (fcpxml('<clip duration="86401s"/>', frame="1/24s"), ["row 1", "24 hours"]),
    "clips in clips": (
        fcpxml('<clip lane="1" duration="1s">' * 70 + "</clip>" * 70, frame="1/24s"),
        ["nested more than 64 deep"],
    ),
    "outside file": ('<!DOCTYPE fcpxml [<!ENTITY x SYSTEM "/etc/passwd">]><fcpxml>&x;</fcpxml>', ["outside files"]),
    "cut off": (fcpxml(ONE)[:-9], ["not well-formed XML"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, text, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(text, Clock(48_000, RATES["24"]))
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == tmp_path / "reel.fcpxml"


STORY = f'<gap start="9s" duration="9s"><spine lane="1" offset="9s">{ONE}</spine></gap>'
INSIDE = '<asset-clip ref="w" lane="1" duration="1s"/><marker start="1s"/>'
CONFORMED = conformed("23.98", INSIDE, offset="18018/5s")
WHOLE = fcpxml(f'{STORY}{ONE}<marker start="1s"/>{CONFORMED}', "1001/24000s", 'tcStart="18018/5s"')
WEIRD = st.sampled_from(
    ["", "-1s", "0s", "1/0s", "999999999999999999s", "1/999999999999999999s", "<clip/>", 'lane="1"']
)


@given(place=st.integers(0, len(WHOLE)), length=st.integers(0, 40), patch=WEIRD, cut=st.integers(0, 3))
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, length, patch, cut):
    path = tmp_path_factory.getbasetemp() / "any.fcpxml"
    text = WHOLE[:place] + patch + WHOLE[place + length :]
    path.write_text(text[: len(text) // cut if cut > 1 else None], encoding="utf-8")
    try:
        assert {item.kind for item in read_fcpxml(path, Clock()).items} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path
