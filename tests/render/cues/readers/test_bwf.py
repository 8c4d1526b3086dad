"""Guide recordings: exact positions from the time stamp, cue points, and the errors of bad files."""

import struct
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError
from plugin_backend.text import NOT_IN_LINES
from render.cues.readers.bwf import is_bwf, read_bwf
from render.project.timecode import RATES, Clock, frames_of, samples_at

FILM = Clock(48_000, RATES["24"], 86_400)
SECOND = bytes(48_000 * 4)
IXML = "<?xml version='1.0'?><BWFXML><SCENE>12A</SCENE><SPEED><TIMECODE_RATE>{}</TIMECODE_RATE>{}</SPEED></BWFXML>"


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def fmt(rate: int = 48_000) -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, 2, rate, rate * 4, 4, 16))


def bext(reference: int, description: bytes = b"guide") -> bytes:
    head = description.ljust(256, b"\0") + b"Recorder".ljust(32, b"\0") + b"ref".ljust(32, b"\0")
    return chunk(b"bext", head + b"2026-01-0112:00:00" + struct.pack("<QH", reference, 1) + bytes(254))


def ixml(rate: str, flag: str | None = "NDF", more: str = "") -> bytes:
    flag = f"<TIMECODE_FLAG>{flag}</TIMECODE_FLAG>" if flag else ""
    return chunk(b"iXML", IXML.format(rate, flag + more).encode())


def points(*at: int) -> bytes:
    entries = [struct.pack("<II4sIII", number, frame, b"data", 0, 0, frame) for number, frame in enumerate(at, 1)]
    return chunk(b"cue ", struct.pack("<I", len(at)) + b"".join(entries))


def adtl(*texts: tuple[bytes, int, bytes]) -> bytes:
    parts = b"".join(chunk(name, struct.pack("<I", point) + content) for name, point, content in texts)
    return chunk(b"LIST", b"adtl" + parts)


def ranged(frames: int) -> bytes:
    return struct.pack("<I4sHHHH", frames, b"rgn ", 0, 0, 0, 0)


def wave(*chunks: bytes, kind: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack("<I", 0xFFFFFFFF if kind == b"RF64" else len(body)) + body


@pytest.fixture
def read(tmp_path):
    def read(data: bytes, clock: Clock = FILM):
        path = tmp_path / "guide.wav"
        path.write_bytes(data)
        assert is_bwf(data[:4096])
        return read_bwf(path, clock)

    return read


def test_a_recording_is_a_region_at_its_time_stamp(read, tmp_path):
    timeline = read(wave(bext(172_800_000 + 96_000), fmt(), ixml("24/1"), chunk(b"data", SECOND)))
    (item,) = timeline.items
    assert (item.kind, item.name, item.start_samples, item.duration_samples) == ("region", "guide", 96_000, 48_000)
    assert (item.row, item.note, item.source) == (1, "guide", tmp_path / "guide.wav")
    assert item.extra == {"originator": "Recorder", "scene": "12A"}
    assert (timeline.format, timeline.clock, timeline.remarks) == ("Broadcast-WAV", FILM, [])


def test_wavinfo_reads_the_same(read, tmp_path):
    from wavinfo import WavInfoReader

    label, note = (b"labl", 1, b"door\0"), (b"note", 1, b"heavy\0")
    texts = adtl(label, note, (b"ltxt", 2, ranged(4_000)))
    read(wave(bext(172_896_000), fmt(), ixml("24/1"), chunk(b"data", SECOND), points(100, 2_000), texts))
    theirs, ours = WavInfoReader(tmp_path / "guide.wav"), read_bwf(tmp_path / "guide.wav", FILM).items
    assert ours[0].start_samples == theirs.bext.time_reference - FILM.start_samples
    assert ours[0].duration_samples == theirs.data.frame_count
    assert [(s.start_samples - 96_000, s.name or None, s.note or None, s.duration_samples) for s in ours[1:]] == [
        (frame, *theirs.cues.label_and_note(point), theirs.cues.range(point))
        for point, frame in theirs.cues.each_cue()
    ]  # fmt: skip


def test_cue_points_are_markers_and_long_ranges_regions(read):
    texts = adtl((b"labl", 1, "Füße\0".encode()), (b"labl", 2, b"cl\xf4th"), (b"ltxt", 2, ranged(40_000)))
    data = wave(bext(172_800_000), fmt(), chunk(b"data", SECOND), points(7, 100, 48_001), texts)
    timeline = read(data)
    assert [(s.kind, s.name, s.start_samples, s.duration_samples, s.row) for s in timeline.items[1:]] == [
        ("marker", "Füße", 7, None, 2),
        ("region", "clôth", 100, 40_000, 3),
        ("marker", "", 48_001, None, 4),
    ]
    assert timeline.remarks == ["event 4: cue point 3 lies after the recording's end"]


def test_ranges_past_a_code_page_byte_are_read(read):
    """65,536 frames and more, with a text: wavinfo 4.0.1 takes a byte of the length for the text's code page."""
    texts = adtl((b"ltxt", 1, ranged(70_000) + b"walk\0"))
    data = wave(bext(172_800_000), fmt(), chunk(b"data", SECOND * 2), points(7), texts)
    assert read(data).items[1].duration_samples == 70_000


def test_another_sample_rate_lands_on_the_nearest_sample(read):
    reference, length = 44_100 * 3600 + 12_345, bytes(4 * 10_001)
    (item,) = read(wave(bext(reference), fmt(44_100), chunk(b"data", length))).items
    exact = Fraction(12_345 * 48_000, 44_100)
    assert item.start_samples == int(exact + Fraction(1, 2))
    assert item.duration_samples == int(exact + Fraction(10_001 * 480, 441) + Fraction(1, 2)) - item.start_samples


@pytest.mark.parametrize(
    ("text", "flag", "name"),
    [
        ("24000/1001", "NDF", "23.976"), ("30000/1001", "DF", "29.97df"), ("30000/1001", "NDF", "29.97ndf"),
        ("25/1", "NDF", "25"), ("23.98", None, "23.976"), ("60000/1001", "DF", "59.94df"), ("24", None, "24"),
    ],
)  # fmt: skip
def test_rate_and_start_come_from_the_file(read, text, flag, name):
    rate = RATES[name]
    first = frames_of(f"10:00:00{':;'[rate.drop]}00", rate)
    at = samples_at(first, rate, 48_000)
    timeline = read(wave(bext(at + 5), fmt(), ixml(text, flag), chunk(b"data", SECOND)), Clock())
    assert timeline.clock == Clock(48_000, rate, first)
    assert timeline.items[0].start_samples == 5


def test_rf64_past_four_gibibytes(read, tmp_path):
    """Sparse on disk."""
    size = 5 * 2**30
    ds64 = chunk(b"ds64", struct.pack("<QQQI", size + 700, size, size // 4, 0xFFFFFFFF))
    path = tmp_path / "long.wav"
    path.write_bytes(wave(ds64, bext(0), fmt(), b"data" + b"\xff" * 4, kind=b"RF64"))
    after = path.stat().st_size + size
    with open(path, "r+b") as file:
        file.seek(after)
        file.write(points(2**30 + 5))
    items = read_bwf(path, Clock()).items
    assert [(s.start_samples, s.duration_samples) for s in items] == [(0, size // 4), (2**30 + 5, None)]


def test_a_recording_of_after_midnight_follows_a_programme_of_before(read):
    night = Clock(48_000, RATES["24"], frames_of("23:58:00:00", RATES["24"]))
    data = wave(bext(5 * 48_000), fmt(), points(480), chunk(b"data", SECOND))
    assert [item.start_samples for item in read(data, night).items] == [125 * 48_000, 125 * 48_000 + 480]


def test_without_a_time_stamp_a_recording_begins_with_the_programme(read):
    timeline = read(wave(fmt(), chunk(b"data", SECOND), chunk(b"axml", b"<x/>"), points(5)))
    assert [item.start_samples for item in timeline.items] == [0, 5]
    assert timeline.remarks == ["chunks not read: axml", "no time stamp (bext): placed at the programme's start"]


def test_invalid_ixml_is_remarked(read):
    timeline = read(wave(bext(172_800_000), fmt(), chunk(b"iXML", b"<BWFXML><SCENE>"), chunk(b"data", SECOND)))
    assert timeline.remarks[0].startswith("its iXML is not well-formed, so not read")
    timeline = read(wave(bext(172_800_000), fmt(), ixml("1e999999999"), chunk(b"data", SECOND)))
    assert timeline.remarks == ["its TIMECODE_RATE '1e999999999' is not a rate: not read"]


BOMB = b"<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d '&b;&b;'>]><BWFXML><SCENE>&d;</SCENE></BWFXML>"
OUTSIDE = b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><BWFXML><SCENE>&b;</SCENE></BWFXML>"
DATA = chunk(b"data", SECOND)
PULLED = ixml("24/1", "NDF", "<TIMESTAMP_SAMPLE_RATE>48048</TIMESTAMP_SAMPLE_RATE>")
BAD = {
    "another rate": (wave(bext(172_800_000), fmt(), ixml("25/1"), DATA), ["25 fps", "24"]),
    "pulled": (wave(bext(172_800_000), fmt(), PULLED, DATA), ["pulled up or down", "48048", "48000"]),
    "entities": (wave(bext(0), fmt(), chunk(b"iXML", BOMB), DATA), ["entities"]),
    "outside file": (wave(bext(0), fmt(), chunk(b"iXML", OUTSIDE), DATA), ["outside files"]),
    "cut off": (
        wave(bext(172_800_000), fmt(), DATA)[:-9],
        ["cut off", "b'data' should have 192000 bytes, but has 191991"],
    ),
    "no audio": (wave(bext(172_800_000), fmt()), ["no format or no audio"]),
    "no format": (wave(bext(172_800_000), DATA), ["no format or no audio"]),
    "no rate": (wave(fmt(0), DATA), ["no format or no audio"]),
    "short bext": (wave(chunk(b"bext", bytes(300)), fmt(), DATA), ["cut off: its bext chunk has 300 bytes"]),
    "gigantic time stamp": (wave(bext(2**64 - 1), fmt(), DATA), ["more than 24 hours"]),
    "more points than there are": (
        wave(fmt(), DATA, chunk(b"cue ", struct.pack("<I", 2**32 - 1) + bytes(24))),
        ["cut off: its cue chunk has 28 bytes"],
    ),
    "a million chunks": (wave(fmt(), DATA, chunk(b"JUNK", b"") * 10_001), ["over 10000 chunks"]),
    "gigantic metadata": (
        wave(fmt(), DATA, chunk(b"bext", bytes(9 * 2**20))),
        ["at most 4194304 bytes of a chunk are read"],
    ),
    "head alone": (wave(), ["no format or no audio"]),
}


@pytest.mark.parametrize(("data", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, data, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(data)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert (caught.value.file, "\n" in str(caught.value)) == (tmp_path / "guide.wav", False)


def test_a_hostile_ds64_takes_no_time(read):
    """Its table of 2^32 entries is what wavinfo 4.0.1 would walk."""
    ds64 = chunk(b"ds64", struct.pack("<QQQI", 0, len(SECOND), 0, 2**32 - 1) + bytes(12))
    data = wave(ds64, bext(172_800_000), fmt(), b"data" + b"\xff" * 4 + SECOND, kind=b"RF64")
    assert read(data).items[0].duration_samples == 48_000


TEXTS = adtl((b"labl", 1, b"a\0"), (b"ltxt", 2, ranged(5)))
GOOD = wave(bext(172_800_000), fmt(), ixml("24/1"), points(1, 2), TEXTS, chunk(b"data", bytes(64)))


@settings(deadline=None)
@given(place=st.integers(12, len(GOOD)), patch=st.binary(min_size=1, max_size=12), cut=st.integers(0, 200))
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut):
    path = tmp_path_factory.getbasetemp() / "any.wav"
    data = GOOD[:place] + patch + GOOD[place + len(patch) :]
    path.write_bytes(data[: len(data) - cut])
    try:
        for item in read_bwf(path, FILM).items:
            assert not NOT_IN_LINES.search(item.name) and isinstance(item.start_samples, int)
    except CueSheetError as error:
        assert error.file == path
        assert "\n" not in str(error)
