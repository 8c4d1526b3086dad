"""A WAVE file's chunks, read by the letter of RIFF and EBU Tech 3306; a reel whose every sample is known."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from render.session.session import Item, Marker, Session, Track
from render.timecode import RATES

SMALL = 1 << 20
REEL_START = 172_799_827  # 01:00:00;00 at 29.97 drop-frame: frame 107,892 × 1601.6, rounded


def chunks_by_the_letter(path: Path) -> dict[str, bytes]:
    """Chunk id → body (of at most 1 MiB), in order; asserts that every size is right."""
    found: dict[str, bytes] = {}
    length = path.stat().st_size
    with open(path, "rb") as file:
        form, size, kind = struct.unpack("<4sI4s", file.read(12))
        assert kind == b"WAVE"
        while file.tell() < length:
            name, body = struct.unpack("<4sI", file.read(8))
            if name == b"ds64":
                riff_size, data_size, _ = struct.unpack("<QQQ", file.read(24))
                file.seek(-24, 1)
            if name == b"data" and form == b"RF64":
                assert body == 0xFFFFFFFF
                body = data_size
            begin = file.tell()
            assert begin % 2 == 0
            assert begin + body <= length
            found[name.decode()] = file.read(min(body, SMALL))
            file.seek(begin + body + body % 2)
        assert file.tell() == length
    if form == b"RF64":
        assert size == 0xFFFFFFFF
        assert next(iter(found)) == "ds64"
        size = riff_size
    assert size == length - 8
    found["form"] = form
    return found


@pytest.fixture
def read_chunks():
    """Answers the chunks of a file, by the letter."""
    return chunks_by_the_letter


@pytest.fixture
def reel(tmp_path) -> Session:
    """Two stems of overlapping and trimmed clips, 24-bit noise, and FOLEY, their exact sum, muted."""
    rng, sum_of_all = np.random.default_rng(4), np.zeros((9_000, 2), np.int64)
    tracks = []
    for stem, places in {"FEET": ((5, 7, 3_000), (2_000, 0, 4_000)), "PROPS": ((1, 0, 1), (4_111, 13, 2_222))}.items():
        items = []
        for number, (at, offset, length) in enumerate(places):
            audio = rng.integers(-(2**20), 2**20, (4_000, 2), dtype=np.int32)
            path = tmp_path / "stems" / f"{stem} {number}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, audio << 8, 48_000, "PCM_24")
            sum_of_all[at : at + length] += audio[offset : offset + length]
            items.append(Item(f"{stem}-{number}", path, REEL_START + at, length, offset))
        tracks.append(Track(stem, tuple(items)))
    path = tmp_path / "stems" / "FOLEY.wav"
    soundfile.write(path, sum_of_all.astype(np.int32) << 8, 48_000, "PCM_24")
    tracks.append(Track("FOLEY", (Item("FOLEY", path, REEL_START, 9_000),), muted=True))
    markers = (Marker("first step", REEL_START + 5),)
    return Session("REEL R1", RATES["29.97df"], REEL_START, 48_000, tuple(tracks), markers)


@pytest.fixture
def pcm_of():
    """Reads a 24-bit WAV with SciPy (we write with libsndfile); answers integers ``[samples, channels]``."""
    from scipy.io import wavfile

    return lambda path: wavfile.read(path)[1] >> 8
