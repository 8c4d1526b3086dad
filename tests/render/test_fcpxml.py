"""FCPXML: exact places at whole rates, refusal with the reason at fractional ones, and what each bad file is told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues.fcpxml import is_fcpxml, read_fcpxml
from render.cues.spot import Spot
from render.timecode import RATES, Clock

ASSETS = (
    '<asset id="w" name="steps" src="file:///a/steps.wav" duration="9s" hasAudio="1"/>'
    '<asset id="p" name="shot" hasVideo="1"><media-rep src="file:///a/shot.mov"/></asset>'
)


def fcpxml(spine: str, frame: str = "100/2500s", start: str = 'tcStart="3600s"', project: str = "R1") -> str:
    """A file of one project that starts at 01:00:00:00, 25 frames a second, unless told otherwise."""
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


def test_a_clip_is_a_spot(read):
    inside = '<note>wet</note><marker start="21/5s" duration="1/25s" value="heel"/>'
    clip = f'<asset-clip ref="w" name="Step" offset="3602s" start="4s" duration="10/25s" audioRole="FEET">{inside}'
    timeline = read(fcpxml(clip + "</asset-clip>"))
    assert timeline.spots == [
        Spot("clip", "Step", "FEET", 96_000, 19_200, 1, "wet", Path("/a/steps.wav")),
        Spot("marker", "heel", "FEET", 105_600, None, 2),
    ]
    assert (timeline.format, timeline.clock) == ("FCPXML", Clock(48_000, RATES["25"], 90_000))
    assert timeline.remarks == []


def test_thirds_of_a_sample_are_rounded_once(read):
    clips = [f'<asset-clip ref="w" offset="{3600 * 144000 + n}/144000s" duration="7/144000s"/>' for n in (4, 5, 7)]
    spots = read(fcpxml("".join(clips), frame="1/24s")).spots
    assert [(spot.start_samples, spot.duration_samples) for spot in spots] == [(1, 3), (2, 2), (2, 3)]


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
    assert [(spot.name, spot.track, spot.start_samples // 48_000) for spot in timeline.spots] == [
        ("b", "lane 0", 3), ("c", "lane 0", 4), ("a", "lane -2", 2), ("d", "PROPS", 3), ("title", "lane 0", 20),
    ]  # fmt: skip


def test_picture_and_what_is_switched_off_are_told_apart(read):
    spine = '<video ref="p" name="v" duration="1s"/><asset-clip ref="p" duration="1s" enabled="0"/>'
    spine += (
        '<clip name="k" duration="1s"><video ref="p" duration="9s"/><audio ref="w" lane="-1" duration="1s"/></clip>'
    )
    spine += '<asset-clip ref="w" name="s" duration="1s" srcEnable="audio"/>'
    assert [spot.extra for spot in read(fcpxml(spine)).spots] == [
        {"media": "picture"},
        {"media": "picture", "muted": "yes"},
        {"media": "picture"},
        {"lane": "-1"},
        {},
    ]


def test_what_is_not_used_is_remarked(read):
    spine = '<ref-clip name="N" duration="2s"><timeMap/><keyword value="x"/></ref-clip><transition name="X"/>'
    spine += '<audition><clip name="y" duration="1s"/><clip name="z"/></audition><colour/>'
    spine += '<gap duration="1s"><marker start="2s" value="late"/><marker value="m"/></gap>'
    assert read(fcpxml(spine)).remarks == [
        "event 2: transition 'X' is not used",
        "event 4: 'z' is not the audition's choice",
        "event 5: a colour is not a clip",
        "event 6: marker 'late' lies in a part of its clip that is cut off",
        "event 7: marker 'm' has no place",
        "read and not used: the clips inside compound, synchronised and multicam clips (event 1)",
        "read and not used: changes of speed (event 1)",
        "read and not used: keywords (event 1)",
    ]


@pytest.mark.parametrize(
    ("frame", "name"), [("1001/24000s", "23.976"), ("1001/30000s", "29.97"), ("1001/60000s", "59.94")]
)
def test_fractional_rates_are_refused_with_the_reason(read, frame, name):
    with pytest.raises(CueSheetError, match=f"FCPXML at {name} fps is refused: .*23.976 becomes 23.*: export an AAF"):
        read(fcpxml("", frame=frame))


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


WHOLE = fcpxml(
    f'<gap start="9s" duration="9s"><spine lane="1" offset="9s">{ONE}</spine></gap>{ONE}<marker start="1s"/>'
)
WEIRD = st.sampled_from(
    ["", "-1s", "0s", "1/0s", "999999999999999999s", "1/999999999999999999s", "<clip/>", 'lane="1"']
)


@given(place=st.integers(0, len(WHOLE)), length=st.integers(0, 40), patch=WEIRD, cut=st.integers(0, 3))
def test_damage_makes_no_traceback(tmp_path_factory, place, length, patch, cut):
    path = tmp_path_factory.getbasetemp() / "any.fcpxml"
    text = WHOLE[:place] + patch + WHOLE[place + length :]
    path.write_text(text[: len(text) // cut if cut > 1 else None], encoding="utf-8")
    try:
        assert {spot.kind for spot in read_fcpxml(path, Clock()).spots} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path
