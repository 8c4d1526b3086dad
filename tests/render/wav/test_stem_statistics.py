"""What is noted of a file is read back as it was; what is no such note counts as none."""

import io
from datetime import datetime

import numpy as np
import pytest

from plugin_backend.checksums import Checksum
from render.project.channel_layout import LAYOUTS
from render.wav.metadata import FileMetadata
from render.wav.r128_gating import LoudnessSteps
from render.wav.stem_samples import StemFile, StemSamples
from render.wav.stem_statistics import FIELDS, StemStatistics


def arrays(blocks: int = 3, steps: int = 2) -> dict[str, np.ndarray]:
    return {
        name: np.arange(blocks if name in ("peaks", "clipped") else steps, dtype=dtype)
        for name, dtype in FIELDS.items()
    } | {"whole": np.array(steps)}


def test_comes_back(tmp_path):
    noted = arrays()
    peaks, clipped = noted.pop("peaks"), noted.pop("clipped")
    StemStatistics(peaks, clipped, LoudnessSteps(**noted | {"whole": 2})).save(tmp_path / "a.npz")
    again = StemStatistics.load(tmp_path / "a.npz")
    assert (again.peaks.tolist(), again.outside_samples, again.steps.whole) == ([0, 1, 2], 3, 2)
    assert again.steps.peak_bound.tolist() == [0, 1]


@pytest.mark.parametrize("harm", [
    {"peaks": np.zeros(4, np.float32)},
    {"loudest": np.zeros(3)},
    {"momentary": np.zeros((1, 2))},
    {"clipped": np.zeros(3)},
    {"whole": np.array([2, 2])},
    {"whole": np.array("2")},
])  # fmt: skip
def test_notes_that_do_not_fit_together_are_none(tmp_path, harm):
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays() | harm)
    keep_sealed(tmp_path / "a.npz", packed.getvalue())
    assert StemStatistics.load(tmp_path / "a.npz") is None


def keep_sealed(path, data):
    seal = Checksum(path.stem)
    seal.add(data)
    path.write_bytes(data + seal.written)


def test_a_changed_bit_and_an_unknown_compression_are_none(tmp_path):
    noted = arrays()
    peaks, clipped = noted.pop("peaks"), noted.pop("clipped")
    StemStatistics(peaks, clipped, LoudnessSteps(**noted | {"whole": 2})).save(tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    for at in range(0, len(whole), 7):
        (tmp_path / "a.npz").write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert StemStatistics.load(tmp_path / "a.npz") is None
    unknown = whole[:-4].replace(b"-\x00\x00\x00\x08\x00", b"-\x00\x00\x00\x63\x00")
    keep_sealed(tmp_path / "a.npz", unknown)
    assert unknown != whole[:-4]
    assert StemStatistics.load(tmp_path / "a.npz") is None


def test_another_file_under_the_name_is_none(tmp_path):
    assert StemStatistics.load(tmp_path / "a.npz") is None
    with open(tmp_path / "a.npz", "wb") as file:
        np.save(file, np.zeros(5))
    assert StemStatistics.load(tmp_path / "a.npz") is None
    for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), b"\x80\x04."):
        (tmp_path / "a.npz").write_bytes(content)
        assert StemStatistics.load(tmp_path / "a.npz") is None
        keep_sealed(tmp_path / "a.npz", content)
        assert StemStatistics.load(tmp_path / "a.npz") is None


def stem_file(samples: int) -> StemFile:
    slate = FileMetadata("T", "R1", "T_R1", "", 1, None, datetime(2026, 1, 1))
    return StemFile("A", "T R1 A", LAYOUTS["stereo"], 24, 48_000, 0, samples, slate)


def test_blocks_of_any_size_leave_the_same_notes():
    rng = np.random.default_rng(2)
    sound = rng.standard_normal((2, 5_000)) * 0.5
    sound[:, 1_000:2_100] = 0
    whole, pieces = (StemSamples(stem_file(sound.shape[1])) for _ in range(2))
    whole.rendered(sound, 0)
    position = 0
    for size in (1, 511, 100, 412, 3_000, 976):
        pieces.rendered(sound[:, position : position + size], position)
        position += size
    assert whole.peaks.tolist() == pieces.peaks.tolist()
    assert whole.clipped.tolist() == pieces.clipped.tolist()
    steps = np.rint(sound * 2**23)
    assert whole.clipped.sum() == np.count_nonzero((steps > 2**23 - 1) | (steps < -(2**23))) > 0
    assert [index for index, peak in enumerate(whole.peaks) if peak == 0] == [2, 3]
