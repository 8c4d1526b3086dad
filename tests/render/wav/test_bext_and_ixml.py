"""Metadata of a stem's file, read by wavinfo, libsndfile and our own chunk reader."""

import json
import struct
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from wavinfo import WavInfoReader

from plugin_backend.errors import RenderError
from render.project.channel_layout import LAYOUTS
from render.project.timecode import FrameRate
from render.wav import riff as chunks
from render.wav.metadata import FileMetadata
from render.wav.stem_writer import StemFile, StemWriter

METADATA = FileMetadata("SHOW", "R1", "TAPE", "", 1, FrameRate.parse("23.976"), datetime(2026, 1, 2, 3, 4, 5))


def write(path: Path, frames: int = 1000, layout: str = "stereo", bits: int = 24, **fields) -> Path:
    """A stem of ``frames`` samples of a quiet ramp."""
    settled = {"length_samples": frames, "time_reference": 2**33 + 5, "note": "", **fields}
    file = StemFile(
        track="FEET",
        description="d",
        layout=LAYOUTS[layout],
        bits=bits,
        sample_rate=48_000,
        metadata=METADATA,
        **settled,
    )
    with StemWriter(path, file) as writer:
        writer.write(np.tile(np.arange(frames) / 2**20, (LAYOUTS[layout].channels, 1)))
    return path


@pytest.mark.parametrize(
    ("fps", "start", "rate", "flag", "first"),
    [
        ("23.976", "01:00:00:00", "24000/1001", "NDF", 172_972_800),
        ("25", "10:00:00:00", "25/1", "NDF", 1_728_000_000),
        ("29.97df", "01:00:00;00", "30000/1001", "DF", 172_799_827),
        ("29.97ndf", "01:00:00:00", "30000/1001", "NDF", 172_972_800),
        ("59.94df", "01:00:00;00", "60000/1001", "DF", 172_799_827),
    ],
)
def test_time_and_rate_are_written_exactly(
    fps, start, rate, flag, first, tmp_path, write_sheet, render_sheet, read_chunks
):
    rows = [{"id": "a", "start": start, "stem": "FEET", "preset": "burst"}]
    render_sheet(write_sheet(rows), fps=fps, start=start, take=7, tape='A <b> & "c"', note="naïve é")
    for path in (tmp_path / "out").glob("*.wav"):
        info, ixml = WavInfoReader(str(path)), ElementTree.fromstring(read_chunks(path)["iXML"].rstrip(b"\0"))
        assert (info.bext.version, info.bext.time_reference) == (2, first)
        assert ixml.findtext("SPEED/TIMECODE_RATE") == rate
        assert ixml.findtext("SPEED/TIMECODE_FLAG") == flag
        high, low = (int(ixml.findtext(f"SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{end}")) for end in ("HI", "LO"))
        assert (high << 32) + low == first
        assert (info.ixml.project, info.ixml.scene, info.ixml.take, info.ixml.tape) == ("T", "R1", "7", 'A <b> & "c"')
        assert ixml.findtext("NOTE") == "naïve é"
        track = "FOLEY" if "FEET" not in path.name else "FEET"
        assert [name.text for name in ixml.findall("TRACK_LIST/TRACK/NAME")] == [f"{track} L", f"{track} R"]
        assert [entry.name for entry in info.ixml.track_list] == [f"{track} L", f"{track} R"]


def test_the_loudness_fields_are_those_of_the_report(tmp_path, write_sheet, render_sheet, read_chunks):
    rows = [
        {"id": "a", "start": "0.5", "stem": "FEET", "preset": "tone"},
        {"id": "b", "start": "5.0", "stem": "FEET", "preset": "tone", "gain_db": -12},
        {"id": "c", "start": "0.5", "stem": "HUSH", "preset": "tone", "velocity": 0},
    ]
    _, report = render_sheet(write_sheet(rows))
    for name in ("FEET", "FOLEY"):
        stem, bext = report["stems"][name], WavInfoReader(str(tmp_path / "out" / report["stems"][name]["file"])).bext
        assert -21 < stem["integrated_lufs"] < -12
        assert 11 < stem["range_lu"] < 15
        assert bext.loudness_value == stem["integrated_lufs"]
        assert bext.loudness_range == stem["range_lu"]
        assert bext.max_true_peak == stem["true_peak_dbtp"]
        assert bext.max_momentary_loudness == stem["max_momentary_lufs"]
        assert bext.max_shortterm_loudness == stem["max_short_term_lufs"]
    hush = read_chunks(tmp_path / "out" / report["stems"]["HUSH"]["file"])["bext"]
    assert struct.unpack_from("<5h", hush, 412) == (0x7FFF,) * 5
    assert report["stems"]["HUSH"]["integrated_lufs"] is None
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report


@pytest.mark.parametrize("frames", [1, 2, 999])
def test_odd_sizes_are_padded(frames, tmp_path, read_chunks):
    path = write(tmp_path / "odd.wav", frames, "mono")
    found = read_chunks(path)
    assert found["form"] == b"RIFF"
    assert len(found["data"]) == 3 * frames
    assert soundfile.info(path).frames == frames


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_may_pass_four_gibibytes_is_rf64(bits, layout, tmp_path, read_chunks):
    path = write(tmp_path / "long.wav", 999, layout, bits, length_samples=2**31)
    found, info = read_chunks(path), WavInfoReader(str(path))
    assert found["form"] == b"RF64"
    assert len(found["data"]) == 999 * LAYOUTS[layout].channels * bits // 8
    assert b"<TRACK_COUNT>" in found["iXML"]
    assert info.bext.time_reference == 2**33 + 5
    assert info.ixml.project == "SHOW"
    assert soundfile.info(path).frames == 999


def test_a_chunk_is_appended_past_four_gibibytes(tmp_path, read_chunks):
    """A sparse file of 5 GiB whose sizes say so."""
    path, samples = tmp_path / "sparse.wav", 5 * 2**28
    with soundfile.SoundFile(path, "w", 48_000, 1, "FLOAT", format="RF64") as file:
        file.write(np.zeros(4))
    with open(path, "r+b") as file:
        body, size = chunks.chunks_of(file)[b"data"]
        assert size == 16
        file.truncate(body + 4 * samples)
        file.seek(20)
        file.write(struct.pack("<QQQ", body + 4 * samples - 8, 4 * samples, samples))
    chunks.append(path, b"iXML", b"<BWFXML><PROJECT>past</PROJECT></BWFXML>")
    assert path.stat().st_size > 2**32
    assert read_chunks(path)["iXML"].startswith(b"<BWFXML>")
    assert WavInfoReader(str(path)).ixml.project == "past"
    assert soundfile.info(path).frames == samples


def test_a_riff_file_never_grows_past_its_sizes(tmp_path):
    path = write(tmp_path / "full.wav", 2)
    with open(path, "r+b") as file:
        at = chunks.chunks_of(file)[b"iXML"][0] - 4
        file.truncate(2**32 - 2)
        file.seek(at)
        file.write(struct.pack("<I", 2**32 - 2 - at - 4))
    with pytest.raises(RenderError, match="at most"):
        chunks.append(path, b"note", b"more")


@pytest.mark.parametrize("damage", [b"", b"RIFF", b"RIFX\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\xff\0\0\0"])
def test_what_is_no_wave_file_is_refused(damage, tmp_path):
    (tmp_path / "x.wav").write_bytes(damage)
    with pytest.raises(RenderError):
        chunks.append(tmp_path / "x.wav", b"note", b"more")


def test_a_ds64_chunk_that_is_cut_off_is_reported(tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVEds64" + (4).to_bytes(4, "little") + b"\0\0\0\0")
    with open(path, "rb") as file, pytest.raises(RenderError, match="ds64' is cut off"):
        chunks.chunks_of(file)
