"""AAF that is refused: what each bad, damaged or hostile file is told, and what is no AAF or has no reader."""

import struct
import subprocess
import sys
from pathlib import Path

import aaf2
import pytest
from aaf2.cfb import CompoundFileBinary
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, pip_command
from render.cues.readers.aaf import is_aaf, read_aaf
from render.project.timecode import RATES, Clock
from tests.render.aaf_maker import Maker


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
        "from pathlib import Path\nfrom render.cues.readers.aaf import read_aaf\n"
        "from render.project.timecode import Clock\n"
        f"read_aaf(Path({str(path)!r}), Clock())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"MissingExtraError: reading AAF needs an optional part: {pip_command('aaf')}" in answer.stderr
