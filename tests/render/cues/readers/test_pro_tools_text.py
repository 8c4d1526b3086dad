"""Pro Tools text exports: exact positions in every time format, and the errors of bad exports."""

from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.readers.pro_tools_text import is_pro_tools_text, read_pro_tools_text
from render.cues.timeline import TimelineItem
from render.project.timecode import RATES, Clock, frames_of, label_of, samples_at
from tests.render.cues.readers.pro_tools_exports import MARKERS, OLD_MARKERS, event, export, track
from tests.render.whole_file import check_whole


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "session.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        assert is_pro_tools_text(path.read_bytes()[:4096])
        return read_pro_tools_text(path, clock)

    return read


def test_a_clip_becomes_an_item(read):
    text = export(
        track(
            event("heel $QN=F1 {Note=hard}", "01:00:01:00.00", "01:00:02:12.50"), comments="old boots", state="Muted "
        )
    )
    timeline = read(text)
    extra = {"track_comments": "old boots", "track_state": "Muted", "track_muted": "yes"}
    assert timeline.items == [TimelineItem("clip", "heel $QN=F1 {Note=hard}", "Feet", 48_000, 73_000, 18, extra=extra)]
    assert (timeline.format, timeline.clock) == ("Pro Tools text", Clock(48_000, RATES["24"], 86_400))
    assert timeline.remarks == []


@pytest.mark.parametrize("name", [name for name in RATES if name not in ("47.952", "48")])
def test_every_rate_lands_on_exact_samples(read, name):
    rate = RATES[name]
    first = frames_of(f"01:00:00{':;'[rate.drop]}00", rate)
    labels = [label_of(first + frames, rate) for frames in (0, 1, 1799, 107_892)]
    words = name.replace("df", " Drop") if rate.drop else name.removesuffix("ndf")
    events = [event("x", f"{label}.25", f"{label}.75", number=n) for n, label in enumerate(labels)]
    items = read(export(track(*events), rate=words, start=labels[0])).items
    at = samples_at(first, rate, 48_000)
    for item, frames in zip(items, (0, 1, 1799, 107_892), strict=True):
        exact = (first + frames + 0.25) * 48_000 / float(rate.exact) - at
        assert abs(item.start_samples - exact) <= 0.51
        assert abs(item.duration_samples - 24_000 / float(rate.exact)) <= 1
    whole = read(export(track(*(event("x", label, labels[3]) for label in labels[:3])), rate=words, start=labels[0]))
    assert [item.start_samples for item in whole.items] == [
        samples_at(first + frames, rate, 48_000) - at for frames in (0, 1, 1799)
    ]
    assert "times from here on are cut to whole frames" in whole.remarks[0]


def test_samples_count_from_the_sessions_start(read):
    text = export(track(event("x", "384384", "26706709")), rate="29.97 Drop", start="01:00:00;00.00")
    assert [(s.start_samples, s.duration_samples) for s in read(text).items] == [(384_384, 26_322_325)]
    earlier = Clock(48_000, RATES["29.97df"], frames_of("00:59:58;00", RATES["29.97df"]))
    assert read(text, earlier).items[0].start_samples == 384_384 + 96_096
    assert read(text, Clock(96_000)).items[0].start_samples == 768_768
    assert read(text.replace("48000.0", "44100.0")).items[0].start_samples == 418_377  # 384384 × 48000 / 44100


def test_a_start_inside_a_frame_is_kept(read):
    text = export(track(event("x", "0", "480")), start="01:00:00:00.50")
    assert read(text).items[0].start_samples == 1000


def test_milliseconds_count_from_the_sessions_start_and_are_remarked(read):
    timeline = read(export(track(event("x", "4:24.130", "75:26.361"))))
    assert [(s.start_samples, s.duration_samples) for s in timeline.items] == [(12_678_240, 204_587_088)]
    assert timeline.remarks == [
        "line 18: times from here on are cut to whole milliseconds; "
        "export it with the time format Timecode (Show Sub Frames) or Samples"
    ]


def test_channels_of_a_clip_become_one_item(read):
    left, right = (event(f"amb-01.{side}", "48000", "96000", channel) for channel, side in ((1, "L"), (2, "R")))
    alone = event("bump.L", "96000", "96100", 1, 2)
    text = export(track(left, alone, "", "", right, name="Amb (Stereo)"), track(event("mono.L", "0", "1"), name="One"))
    assert [(s.name, s.track, s.start_samples, s.extra) for s in read(text).items] == [
        ("amb-01", "Amb", 48_000, {"track_width": "Stereo", "channels": "2"}),
        ("bump.L", "Amb", 96_000, {"track_width": "Stereo"}),
        ("mono.L", "One", 0, {}),
    ]


def test_channels_of_other_names_are_kept(read):
    (item,) = read(export(track(event("close", "0", "9"), event("far", "0", "9", 2)))).items
    assert (item.name, item.extra) == ("close", {"channels": "2", "name_2": "far"})


def test_muted_clips_groups_and_time_stamps(read):
    muted = event("steps.grp-02", "10", "20", state="Muted", more="   00:00:08:00.00\t")
    (item,) = read(export(track(muted, more="TIMESTAMP         \t"))).items
    assert (item.name, item.extra) == ("steps.grp-02", {"timestamp": "00:00:08:00.00", "muted": "yes"})


def test_fades_are_remarked_and_short_clips_have_no_duration(read):
    events = [event("(fade in)", "0", "9"), event("a", "9", "9"), event("(cross fade)", "9", "20")]
    timeline = read(export(track(*events)))
    assert [(s.name, s.duration_samples) for s in timeline.items] == [("a", None)]
    assert timeline.remarks == [
        "lines 18, 20: fades are not cues, and clips begin after them (export without crossfades)",
        "line 19: shorter than the file's times can say: no duration",
    ]


def test_markers_take_their_samples_not_their_label(read):
    old = OLD_MARKERS + "3   \t01:00:05:00  \t240007            \tSamples  \tdoor slam  \theavy\nand wet\n"
    new = MARKERS + (
        "1   \t01:00:00:00  \t1   \tSamples  \tone\tMarkers  \tRuler  \t\n"
        "2   \t3|1 \t01:00:01:00\tTicks  \ttwo\tFeet  \tTrack  \tlisten\n"
    )
    assert read(export(markers=old)).items == [
        TimelineItem("marker", "door slam", "", 240_007, None, 14, "heavy and wet", extra={"number": "3"})
    ]
    first, _ = new.rsplit("2   \t", 1)
    (ruler,) = read(export(markers=first)).items
    assert (ruler.start_samples, ruler.track, ruler.extra) == (1, "", {"number": "1", "ruler": "Markers"})
    on_track = first.replace("Markers  \tRuler", "Feet  \tTrack")
    assert read(export(markers=on_track)).items[0].track == "Feet"
    with pytest.raises(CueSheetError, match=r"row 15: '3\|1' is bars and beats"):
        check_whole(read(export(markers=new)), Path("session.txt"))


WIDE = (
    "M A R K E R S  L I S T I N G\n#   \tLOCATION     \tTIME REFERENCE    \tUNITS    \t"
    "NAME                             \tCOMMENTS\n"
)
EMPTY = "    \t             \t                  \t           \t                                 \t"


def marker(number: int, text: str) -> str:
    return f"{number:<4}\t01:00:0{number}:00  \t{48_000 * number:<18}\tSamples  \t{text}\n"


def test_line_breaks_and_tabs_in_markers_are_spaces(read):
    """As Pro Tools writes them: a name goes on in the next line, a comment in the next row behind empty columns."""
    texts = [
        "Marker Name\nWith New Line        \t",
        f"{'Normal Name':33}\tComment Here\n{EMPTY}With New Line",
        f"Marker Name Again\nWith New Line Again\tComment Here\n{EMPTY}With\n{EMPTY}New Line",
        "Marker Name\tWith Tab             \t",
        f"{'Normal Name':33}\tComment\tWith Tab",
        "Marker Name\tWith Tab             \tComment\tWith Tab",
        "Marker Name\tWith Tab\tAnd Another Tab\tComment\tWith Tab\tAnd Another",
        f"{'Last':33}\t",
    ]
    markers = WIDE + "".join(marker(number, text) for number, text in enumerate(texts, 1))
    timeline = read(export(markers=markers))
    assert [(s.name, s.note) for s in timeline.items] == [
        ("Marker Name With New Line", ""),
        ("Normal Name", "Comment Here With New Line"),
        ("Marker Name Again With New Line Again", "Comment Here With New Line"),
        ("Marker Name With Tab", ""),
        ("Normal Name", "Comment With Tab"),
        ("Marker Name With Tab", "Comment With Tab"),
        ("Marker Name With Tab And Another Tab", "Comment With Tab And Another"),
        ("Last", ""),
    ]
    assert [s.start_samples for s in timeline.items] == [48_000 * number for number in range(1, 9)]
    assert [s.row for s in timeline.items] == [14, 16, 18, 22, 23, 24, 25, 26]
    assert (timeline.unreadable, timeline.remarks) == ([], [])


def test_markers_of_tracks_may_hold_tabs_too(read):
    rows = "1\t01:00:01:00\t48000\tSamples\tdoor\tslam\tFeet  \tTrack  \theavy\tand wet\n"
    rows += "2\t01:00:02:00\t96000\tSamples\ttwo\nlines\tMarkers\tRuler\t\n"
    first, second = read(export(markers=MARKERS + rows)).items
    assert (first.name, first.track, first.note) == ("door slam", "Feet", "heavy and wet")
    assert (second.name, second.extra) == ("two lines", {"number": "2", "ruler": "Markers"})


def test_line_breaks_and_tabs_in_clips_and_comments_are_spaces(read):
    broken = event("heel\nleft\tfoot", "01:00:01:00.00", "01:00:02:00.00")
    timeline = read(export(track(broken, event("toe", "48000", "96000", number=2), comments="old\tboots\nwet")))
    assert [s.name for s in timeline.items] == ["heel left foot", "toe"]
    assert timeline.items[0].extra["track_comments"] == "old\tboots wet"
    assert timeline.unreadable == []


def test_a_hundred_sub_frames_are_the_next_frame(read):
    text = export(track(event("x", "01:00:05:12.100", "01:00:06:23.100")), start="00:59:59:23.100")
    timeline = read(text)
    assert timeline.clock.start_frames == 86_400
    assert [(s.start_samples, s.duration_samples) for s in timeline.items] == [(5 * 48_000 + 26_000, 70_000)]
    with pytest.raises(CueSheetError, match=r"row 18: '01:00:05:12.101' is not a time"):
        check_whole(read(export(track(event("x", "01:00:05:12.101", "01:00:06:00")))), Path("session.txt"))


def test_sources_come_from_the_clip_list(read):
    pools = (
        "O N L I N E  F I L E S  I N  S E S S I O N\nFilename  \tLocation\nstep.wav   \tMac:../Audio Files:\n\n\n"
        "O N L I N E  C L I P S  I N  S E S S I O N\nCLIP NAME   \tSource File\nstep-01   \tstep.wav\t[1]\n\n\n"
        "P L U G - I N S  L I S T I N G\nMANUFACTURER\tPLUG-IN NAME\nAvid\tEQ3\n\n\n"
    )
    timeline = read(export(track(event("step-01", "0", "9"))).replace("T R A C K", f"{pools}T R A C K"))
    assert (timeline.items[0].source, timeline.items[0].extra) == (
        Path("step.wav"),
        {"source_folder": "Mac:../Audio Files:"},
    )
    assert timeline.remarks == ["line 23: plug-ins listing: not read"]
