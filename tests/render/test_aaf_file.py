"""AAF, written by pyaaf2: exact places, what each kind of segment becomes, and what each bad file is told."""

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import aaf2
import pytest
from aaf2.cfb import CompoundFileBinary
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from render.cues.aaf_file import is_aaf, read_aaf
from render.cues.spot import Spot
from render.timecode import RATES, Clock

FILM = Clock(48_000, RATES["23.976"], 86_400)


class Maker:
    """One composition in the making; ``rate`` is its sound slots' edit rate."""

    def __init__(self, file, rate: str, name: str = "R1"):
        self.file, self.rate = file, rate
        self.mob = file.create.CompositionMob(name)
        self.mob.usage = "Usage_TopLevel"
        file.content.mobs.append(self.mob)

    def timecode(
        self, start: int = 86_400, fps: int = 24, drop: bool = False, rate: str = "24000/1001", number: int = 1
    ):
        slot = self.mob.create_timeline_slot(rate)
        slot.segment = self.file.create.Timecode(fps, drop, 1_000)
        slot.segment.start = start
        slot["PhysicalTrackNumber"].value = number

    def source(self, name: str, url: str = "file:///a%20b/../steps.wav", **comments):
        """A master mob whose slot 1 plays a file."""
        create = self.file.create
        file_mob, master = create.SourceMob(f"{name} file"), create.MasterMob(name)
        self.file.content.mobs.extend([file_mob, master])
        file_mob.descriptor = create.PCMDescriptor()
        for key, value in {"SampleRate": 48_000, "AudioSamplingRate": 48_000, "Channels": 1, "Length": 9}.items():
            file_mob.descriptor[key].value = value
        for key, value in {"QuantizationBits": 24, "BlockAlign": 3, "AverageBPS": 144_000}.items():
            file_mob.descriptor[key].value = value
        locator = create.NetworkLocator()
        locator["URLString"].value = url
        file_mob.descriptor["Locator"].append(locator)
        file_mob.create_timeline_slot(48_000).segment = create.Filler("sound", 9)
        master.create_timeline_slot(48_000).segment = file_mob.create_source_clip(1, 0, 9, media_kind="sound")
        for key, value in comments.items():
            master.comments[key] = value
        return master

    def clip(self, name: str, length: int, **more):
        return self.source(name, **more).create_source_clip(1, 0, length, media_kind="sound")

    def filler(self, length: int):
        return self.file.create.Filler("sound", length)

    def group(self, name: str, length: int, *segments, **constants):
        """An effect around segments, with constant parameters."""
        create, dictionary = self.file.create, self.file.dictionary
        operation = create.OperationDef(aaf2.auid.AUID(int=hash(name) & 2**64 - 1), name, "")
        operation.media_kind = "sound"
        operation["NumberInputs"].value = 1
        dictionary.register_def(operation)
        group = create.OperationGroup(operation, length, media_kind="sound")
        for key, value in constants.items():
            parameter = create.ParameterDef(aaf2.auid.AUID(int=hash(key) & 2**64 - 1), key, "", "Rational")
            dictionary.register_def(parameter)
            group.parameters.append(create.ConstantValue(parameter, value))
        group.segments.extend(segments)
        return group

    def fade(self, length: int, cut: int):
        fade = self.file.create.Transition("sound", length)
        fade["OperationGroup"].value = self.group("Mono Audio Dissolve", length)
        fade.cutpoint = cut
        return fade

    def track(self, name: str, *parts, kind: str = "sound", number: int = 1):
        slot = self.mob.create_empty_sequence_slot(self.rate, media_kind=kind)
        slot.name = name
        slot["PhysicalTrackNumber"].value = number
        slot.segment.components.extend(parts)
        slot.segment.length = sum(part.length for part in parts)

    def markers(self, *places: tuple[int, str, int, int]):
        """Markers at a frame, with a comment, a described slot and a length in frames."""
        create = self.file.create
        slot = create.EventMobSlot(1_000, "")
        slot.edit_rate = "24000/1001"
        slot.segment = create.Sequence("DescriptiveMetadata")
        self.mob.slots.append(slot)
        for place, comment, described, length in places:
            marker = create.DescriptiveMarker()
            marker["Position"].value, marker["Comment"].value = place, comment
            marker["DescribedSlots"].value = [described]
            marker["Length"].value = length
            slot.segment.components.append(marker)


@pytest.fixture
def made(tmp_path):
    """Writes a file by a function of a ``Maker``; answers its path."""

    def made(build, rate: str = "48000/1", name: str = "reel.aaf") -> Path:
        path = tmp_path / name
        with aaf2.open(str(path), "w") as file:
            build(Maker(file, rate))
        return path

    return made


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


def test_a_clip_is_a_spot(read):
    def build(maker):
        maker.timecode()
        step = maker.clip("Step", 678, Comments="wet", Scene="12A", pisada='{"gain_db": "-3", "seed": ""}')
        maker.track("FEET", maker.filler(12_345), step)

    timeline = read(build)
    extra = {"comment.Scene": "12A", "pisada.gain_db": "-3", "pisada.seed": ""}
    source = Path("/a b/../steps.wav")
    assert timeline.spots == [Spot("clip", "Step", "FEET", 12_345, 678, 1, "wet", source, extra)]
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
    assert [(spot.start_samples, spot.duration_samples) for spot in timeline.spots] == [(begin - zero, end - begin)]
    from_midnight = read(build, Clock(48_000, RATES[name]), rate=edit).spots[0]
    assert from_midnight.start_samples == begin


def test_fades_overlap_and_meet_at_their_cut(read):
    def build(maker):
        fade, out = maker.fade(200, 50), maker.fade(100, 100)
        maker.track(
            "FEET", maker.filler(10), maker.clip("a", 1_000), fade, maker.clip("b", 500), out, maker.filler(100)
        )

    a, b = read(build).spots
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

    assert [(s.name, s.track, s.start_samples, s.duration_samples, s.extra) for s in read(build).spots] == [
        ("nested", "A7", 10, 20, {}),
        ("loud", "A7", 30, 40, {"gain": "3/2"}),
        ("off", "A7", 70, 5, {"muted": "yes"}),
    ]


def test_combined_channels_are_one_clip(read):
    def build(maker):
        maker.track(
            "FEET", maker.group("Audio Channel Combiner", 9, maker.clip("take 1.L", 9), maker.clip("take 1.R", 9))
        )

    (spot,) = read(build).spots
    assert (spot.name, spot.extra) == ("take 1", {"channels": "2"})


def test_clips_of_clips_and_nested_sequences(read):
    def build(maker):
        for name, usage in (("Sub.1", "Usage_SubClip"), ("Scene", None)):
            mob = maker.file.create.CompositionMob(name)
            mob.usage = usage
            maker.file.content.mobs.append(mob)
            mob.create_timeline_slot(48_000).segment = maker.clip(f"{name} master", 90)
            maker.track(name, mob.create_source_clip(1, 5, 30, media_kind="sound"))

    timeline = read(build)
    assert [(spot.name, spot.source, spot.extra) for spot in timeline.spots] == [
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
    assert timeline.spots == [
        Spot("marker", "heel left", "FEET", 48_048, None, 1),
        Spot("region", "room", "", 96_096, 48_048, 2),
    ]
    assert timeline.remarks == ["event 1: control characters left out of the name 'heel left'"]


def test_picture_is_told_apart_and_further_timecodes_are_remarked(read):
    def build(maker):
        maker.timecode(90_000, 25, rate="24000/1001", number=2)
        maker.timecode()
        maker.track("", maker.clip("v", 9), kind="picture", number=3)

    timeline = read(build)
    assert timeline.clock == FILM
    assert [(spot.track, spot.extra) for spot in timeline.spots] == [("V3", {"media": "picture"})]
    assert timeline.remarks == ["timecode tracks besides the first are not used: 1"]


def test_a_source_that_is_not_there_is_told(read):
    def build(maker):
        missing = maker.file.create.SourceClip(0, 9, media_kind="sound")
        empty = maker.clip("none", 9)
        empty.length = 0
        maker.track("FEET", missing, empty)

    timeline = read(build)
    assert [(spot.name, spot.extra) for spot in timeline.spots] == [("", {"missing": "its source is not in the file"})]
    assert timeline.remarks == ["event 2: clip 'none' has no length, not read"]


def test_without_timecode_zero_is_the_programmes(read):
    def build(maker):
        maker.track("FEET", maker.clip("a", 9))

    timeline = read(build, FILM)
    assert (timeline.spots[0].start_samples, timeline.clock) == (0, FILM)
    assert read(build).clock == Clock()
    assert read(build, rate="25/1").clock == Clock(48_000, RATES["25"], 0)


def test_a_count_of_frames_on_a_track_of_samples_wants_fps(read):
    def build(maker):
        maker.timecode(rate="48000/1")
        maker.track("FEET", maker.clip("a", 9))

    with pytest.raises(CueSheetError, match="counts 24 frames a second on a track of 48000: .* give --fps"):
        read(build)
    assert read(build, Clock(48_000, RATES["23.976"], 86_400)).spots[0].start_samples == 0


def two(maker):
    Maker(maker.file, maker.rate, "R2").timecode()


def note(text: str):
    return lambda maker: maker.track("FEET", maker.clip("a", 9, pisada=text))


def loop(maker):
    """A sub-clip that plays itself: only its name is read."""
    maker.mob.usage = None
    deep = maker.clip("a", 9)
    for _ in range(70):
        around = maker.file.create.Sequence("sound", 9)
        around.components.append(deep)
        deep = around
    maker.track("FEET", deep)


BAD = {
    "another rate": (lambda maker: maker.timecode(90_000, 25, rate="25/1"), "48000/1", ["at 25 fps, the project"]),
    "drop-frame": (lambda maker: maker.timecode(0, 30, True, "30000/1001"), "48000/1", ["29.97 drop-frame fps"]),
    "two compositions": (two, "48000/1", ["2 compositions ('R1', 'R2'): export one"]),
    "no composition": (lambda maker: maker.file.content.mobs.pop(maker.mob.mob_id), "48000/1", ["no composition"]),
    "rate of zero": (note("{}"), "0/1", ["a rate of 0: it must be above 0"]),
    "rate below zero": (note("{}"), "-25/1", ["a rate of -25: it must be above 0"]),
    "start past a day": (lambda maker: maker.timecode(2_073_600, 24, rate="24/1"), "48000/1", ["a day at 24 fps"]),
    "length past a day": (lambda maker: maker.track("F", maker.clip("a", 2**60)), "48000/1", ["row 1", "24 hours"]),
    "length below zero": (lambda maker: maker.track("F", maker.filler(-9)), "48000/1", ["length of -9"]),
    "too deep": (loop, "48000/1", ["nested more than 64 deep"]),
    "a broken note": (note('{"gain_db": 3}'), "48000/1", ["row 1", "pisada note"]),
}  # fmt: skip


@pytest.mark.parametrize(("build", "rate", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(made, build, rate, fragments):
    path = made(build, rate)
    with pytest.raises(CueSheetError) as caught:
        read_aaf(path, Clock(48_000, RATES["24"]))
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == path


def whole(maker):
    maker.timecode()
    maker.track("FEET", maker.clip("a", 900), maker.fade(20, 9), maker.clip("b", 900))
    maker.markers((1, "m", 2, 1))


@pytest.mark.parametrize("place", [40, 44, 64, 72])
def test_a_header_that_promises_more_than_the_file_is_refused(made, place):
    path = made(whole)
    data = bytearray(path.read_bytes())
    data[place : place + 4] = b"\xff\xff\xff\x7f"
    path.write_bytes(data)
    with pytest.raises(CueSheetError, match="its header promises more sectors than the file holds"):
        read_aaf(path, Clock())


def test_an_index_that_promises_more_than_it_holds_is_refused(made):
    """pyaaf2 would reserve 10 GB for it."""
    path = made(whole)
    with open(path, "rb+") as file:
        compound = CompoundFileBinary(file, "rb+")
        entry = next(e for _, _, streams in compound.walk() for e in streams if e.name.endswith(" index"))
        entry.open("rw").write(struct.pack("<I", 2**31))
    with pytest.raises(CueSheetError, match="promises more entries than it holds"):
        read_aaf(path, Clock())


@pytest.fixture(scope="session")
def good(tmp_path_factory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("aaf") / "any.aaf"
    with aaf2.open(str(path), "w") as file:
        whole(Maker(file, "48000/1"))
    return path, path.read_bytes()


PATCH = st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8) | st.just(b"\xff" * 8) | st.just(bytes(8)))


@settings(max_examples=60, deadline=None)
@given(patches=st.lists(PATCH, min_size=1, max_size=30), keep=st.sampled_from([1, 1, 1, 0.7, 0.1, 0.01]))
def test_damage_makes_no_traceback(good, patches, keep):
    """Bytes overwritten and cut off anywhere: spots or a CueSheetError, nothing else."""
    path, data = good
    changed = bytearray(data)
    for place, patch in patches:
        begin = int(place * (len(data) - 8))
        changed[begin : begin + len(patch)] = patch
    path.write_bytes(changed[: int(len(data) * keep)])
    try:
        assert {spot.kind for spot in read_aaf(path, Clock()).spots} <= {"clip", "marker", "region"}
    except CueSheetError as error:
        assert error.file == path


def test_other_files_are_not_ours():
    word = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4088)
    assert [is_aaf(head) for head in (b"", b"RIFF", word)] == [False] * 3


def test_without_pyaaf2_the_extra_is_named(made):
    path = made(whole)
    code = (
        "import sys; sys.modules['aaf2'] = None\n"
        "from pathlib import Path\nfrom render.cues.aaf_file import read_aaf\nfrom render.timecode import Clock\n"
        f"read_aaf(Path({str(path)!r}), Clock())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'MissingExtraError: reading AAF needs an optional part: pip install "pisada[aaf]"' in answer.stderr
