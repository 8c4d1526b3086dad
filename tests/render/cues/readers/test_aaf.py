"""AAF written by pyaaf2: exact positions, and the items that each kind of segment becomes."""

from fractions import Fraction
from pathlib import Path

import pytest

from plugin_backend.errors import CueSheetError
from render.cues.readers.aaf import is_aaf, read_aaf
from render.cues.timeline import TimelineItem
from render.project.timecode import RATES, Clock

FILM = Clock(48_000, RATES["23.976"], 86_400)


@pytest.fixture
def read(made):
    def read(build, clock: Clock = Clock(), rate: str = "48000/1"):  # noqa: B008 (frozen)
        path = made(build, rate)
        assert is_aaf(path.read_bytes()[:4096])
        before = path.read_bytes()
        timeline = read_aaf(path, clock)
        assert path.read_bytes() == before
        return timeline

    return read


def test_a_clip_becomes_an_item(read):
    def build(maker):
        maker.timecode()
        step = maker.clip("Step", 678, Comments="wet", Scene="12A", pisada='{"gain_db": "-3", "seed": ""}')
        maker.track("FEET", maker.filler(12_345), step)

    timeline = read(build)
    extra = {"comment.Scene": "12A", "pisada.gain_db": "-3", "pisada.seed": ""}
    source = Path("/a b/../steps.wav")
    assert timeline.items == [TimelineItem("clip", "Step", "FEET", 12_345, 678, 1, "wet", source, extra)]
    assert (timeline.format, timeline.clock, timeline.remarks) == ("AAF", FILM, [])


# edit rate of the sound, the timecode's rate, its fps, drop-frame, first frame, the rate
RATE_CASES = [
    ("24000/1001", "24000/1001", 24, False, 86_400, "23.976"),
    ("2997/100", "2997/100", 30, True, 107_892, "29.97df"),
    ("48000/1", "30000/1001", 30, False, 108_000, "29.97ndf"),
    ("44100/1", "25/1", 25, False, 900_000, "25"),
    ("60000/1001", "60000/1001", 60, True, 215_784, "59.94df"),
]


@pytest.mark.parametrize(("edit", "rate", "fps", "drop", "first", "name"), RATE_CASES, ids=[c[-1] for c in RATE_CASES])
def test_every_rate_is_exact(read, edit, rate, fps, drop, first, name):
    def build(maker):
        maker.timecode(first, fps, drop, rate)
        maker.track("FEET", maker.filler(1_001), maker.clip("a", 3))

    clock = Clock(48_000, RATES[name], first)
    units = RATES[name].exact if Fraction(edit) < 100 else Fraction(edit)
    zero = first / RATES[name].exact
    begin, end, zero = (int(48_000 * at + Fraction(1, 2)) for at in (zero + 1_001 / units, zero + 1_004 / units, zero))
    timeline = read(build, rate=edit)
    assert timeline.clock == clock
    assert [(item.start_samples, item.duration_samples) for item in timeline.items] == [(begin - zero, end - begin)]
    from_midnight = read(build, Clock(48_000, RATES[name]), rate=edit).items[0]
    assert from_midnight.start_samples == begin


def test_fades_overlap_and_meet_at_their_cut(read):
    def build(maker):
        fade, out = maker.fade(200, 50), maker.fade(100, 100)
        maker.track(
            "FEET", maker.filler(10), maker.clip("a", 1_000), fade, maker.clip("b", 500), out, maker.filler(100)
        )

    a, b = read(build).items
    assert (a.start_samples, a.duration_samples) == (10, 850)  # b comes in 200 before a's end, the cut 50 after that
    assert (b.start_samples, b.duration_samples) == (860, 450)
    assert a.extra == {"transition_out": "Mono Audio Dissolve 200smp"}
    assert b.extra == {"transition_in": "Mono Audio Dissolve 200smp", "transition_out": "Mono Audio Dissolve 100smp"}


def test_effects_selectors_and_sequences_are_walked(read):
    def build(maker):
        inner = maker.file.create.Sequence("sound", 30)
        inner.components.extend([maker.filler(10), maker.clip("nested", 20)])
        gain = maker.group("Mono Audio Gain", 40, maker.clip("loud", 40), **{"Amplitude multiplier": Fraction(3, 2)})
        mute = maker.file.create.Selector("sound", 5)
        mute["Selected"].value, mute["Alternates"].value = maker.filler(5), [maker.clip("off", 5)]
        maker.track("", inner, gain, mute, number=7)

    assert [(s.name, s.track, s.start_samples, s.duration_samples, s.extra) for s in read(build).items] == [
        ("nested", "A7", 10, 20, {}),
        ("loud", "A7", 30, 40, {"gain": "3/2"}),
        ("off", "A7", 70, 5, {"muted": "yes"}),
    ]


def test_combined_channels_are_one_clip(read):
    def build(maker):
        maker.track(
            "FEET", maker.group("Audio Channel Combiner", 9, maker.clip("take 1.L", 9), maker.clip("take 1.R", 9))
        )

    (item,) = read(build).items
    assert (item.name, item.extra) == ("take 1", {"channels": "2"})


def test_clips_of_clips_and_nested_sequences(read):
    def build(maker):
        for name, usage in (("Sub.1", "Usage_SubClip"), ("Scene", None)):
            mob = maker.file.create.CompositionMob(name)
            mob.usage = usage
            maker.file.content.mobs.append(mob)
            mob.create_timeline_slot(48_000).segment = maker.clip(f"{name} master", 90)
            maker.track(name, mob.create_source_clip(1, 5, 30, media_kind="sound"))

    timeline = read(build)
    assert [(item.name, item.source, item.extra) for item in timeline.items] == [
        ("Sub.1", Path("/a b/../steps.wav"), {"nested": "Sub.1"}),
        ("Scene", Path("/a b/../steps.wav"), {"nested": "Scene"}),
    ]
    assert timeline.remarks == ["read and not used: the clips inside nested sequences (event 2)"]


def test_markers(read):
    def build(maker):
        maker.timecode()
        maker.track("FEET", maker.filler(9))
        maker.markers((24, "heel\nleft", 2, 1), (48, "room", 77, 24))

    timeline = read(build)
    assert timeline.items == [
        TimelineItem("marker", "heel left", "FEET", 48_048, None, 1),
        TimelineItem("region", "room", "", 96_096, 48_048, 2),
    ]
    assert timeline.remarks == ["event 1: control characters left out of the name 'heel left'"]


def test_picture_is_recognised_and_further_timecodes_are_remarked(read):
    def build(maker):
        maker.timecode(90_000, 25, rate="24000/1001", number=2)
        maker.timecode()
        maker.track("", maker.clip("v", 9), kind="picture", number=3)

    timeline = read(build)
    assert timeline.clock == FILM
    assert [(item.track, item.extra) for item in timeline.items] == [("V3", {"media": "picture"})]
    assert timeline.remarks == ["timecode tracks besides the first are not used: 1"]


def test_a_missing_source_is_noted(read):
    def build(maker):
        missing = maker.file.create.SourceClip(0, 9, media_kind="sound")
        empty = maker.clip("none", 9)
        empty.length = 0
        maker.track("FEET", missing, empty)

    timeline = read(build)
    assert [(item.name, item.extra) for item in timeline.items] == [("", {"missing": "its source is not in the file"})]
    assert timeline.remarks == ["event 2: clip 'none' has no length, not read"]


def test_without_timecode_zero_is_the_programmes(read):
    def build(maker):
        maker.track("FEET", maker.clip("a", 9))

    timeline = read(build, FILM)
    assert (timeline.items[0].start_samples, timeline.clock) == (0, FILM)
    assert read(build).clock == Clock()
    assert read(build, rate="25/1").clock == Clock(48_000, RATES["25"], 0)


def test_a_frame_count_on_a_track_in_samples_needs_fps(read):
    def build(maker):
        maker.timecode(rate="48000/1")
        maker.track("FEET", maker.clip("a", 9))

    with pytest.raises(CueSheetError, match="counts 24 frames a second on a track of 48000: .* give --fps"):
        read(build)
    assert read(build, Clock(48_000, RATES["23.976"], 86_400)).items[0].start_samples == 0
