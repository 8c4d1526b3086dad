"""Peaks at every zoom: the true lowest and highest samples, whatever the format and the cache."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend import waveform_peaks
from plugin_backend.errors import AudioFileError
from plugin_backend.waveform_peaks import FULL_SCALE, read_peaks

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Noise of 5 s, two channels, with one high sample at 100,003; as WAV and FLAC, and its samples as written."""
    folder = tmp_path_factory.mktemp("peaks")
    samples = np.random.default_rng(3).uniform(-0.5, 0.5, (5 * RATE_HZ + 77, 2))
    samples[100_003, 1] = 0.99
    for name in ("a.wav", "a.flac"):
        soundfile.write(folder / name, samples, RATE_HZ, "PCM_16")
    return folder, soundfile.read(folder / "a.wav", dtype="float32")[0]


@given(start=st.integers(-10, 250_000), length=st.integers(0, 250_000), bins=st.integers(1, 3000))
def test_every_slice_holds_the_true_peaks(recording, start, length, bins):
    folder, samples = recording
    peaks = read_peaks(folder / "a.wav", folder / "cache")
    found = peaks.slice(start, start + length, bins)
    step, at = found.step_samples, found.start_samples
    assert len(found.pairs) <= bins or step > len(samples)
    for index in {0, len(found.pairs) // 2, len(found.pairs) - 1} if len(found.pairs) else ():
        part = samples[at + index * step : at + (index + 1) * step]
        assert found.pairs[index].tolist() == pytest.approx([part.min() * FULL_SCALE, part.max() * FULL_SCALE], abs=1)
    if step > 1:  # a finer step would have needed more pairs than allowed
        assert -(-(min(start + length, len(samples))) // (step // 16)) - max(0, start) // (step // 16) > bins


def test_one_loud_sample_shows_at_every_zoom(recording):
    folder, samples = recording
    for name in ("a.wav", "a.flac"):
        peaks = read_peaks(folder / name, folder / "cache")
        for bins in (1, 20, 300, 5000):
            found = peaks.slice(0, len(samples), bins)
            index = (100_003 - found.start_samples) // found.step_samples
            assert found.pairs[:, 1].argmax() == index and found.pairs[index, 1] == round(0.99 * FULL_SCALE)
        found = peaks.slice(100_000, 100_010, 100)
        assert (found.step_samples, found.start_samples, len(found.pairs)) == (1, 100_000, 10)


def test_peaks_are_kept_by_content_and_checked(recording, tmp_path, monkeypatch):
    folder, _ = recording
    first = read_peaks(folder / "a.wav", tmp_path).slice(0, 10**6, 2000)
    (kept,) = (tmp_path / "peaks").iterdir()
    copy = tmp_path / "renamed.wav"
    copy.write_bytes((folder / "a.wav").read_bytes())
    with monkeypatch.context() as patch:
        patch.delattr(waveform_peaks, "read_large_blocks")  # it reads no samples
        assert (read_peaks(copy, tmp_path).slice(0, 10**6, 2000).pairs == first.pairs).all()
    data = bytearray(kept.read_bytes())
    data[100] ^= 1
    kept.write_bytes(data)
    assert (read_peaks(copy, tmp_path).slice(0, 10**6, 2000).pairs == first.pairs).all()
    soundfile.write(copy, np.zeros(9000), RATE_HZ)
    assert not read_peaks(copy, tmp_path).slice(0, 9000, 100).pairs.any()
    assert len(list((tmp_path / "peaks").iterdir())) == 2


def test_a_lossy_file_is_read_from_its_beginning(recording, tmp_path):
    folder, samples = recording
    soundfile.write(tmp_path / "a.ogg", samples, RATE_HZ)
    decoded = soundfile.read(tmp_path / "a.ogg", dtype="float32")[0]
    found = read_peaks(tmp_path / "a.ogg", tmp_path).slice(150_000, 150_100, 200)
    assert found.pairs[:, 1].tolist() == pytest.approx(decoded[150_000:150_100].max(axis=1) * FULL_SCALE, abs=1)


def test_what_is_no_audio_is_refused(tmp_path):
    (tmp_path / "a.wav").write_text("no audio")
    with pytest.raises(AudioFileError, match=r"a\.wav: not a readable audio file"):
        read_peaks(tmp_path / "a.wav", tmp_path)
