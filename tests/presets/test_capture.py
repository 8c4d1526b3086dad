"""Captured presets: hits become takes, textures one take; levels and DC offsets."""

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import AudioFileError, PresetError
from presets.capture import CaptureSettings, capture, even_peaks
from presets.hit_slicing import Slice, split_hits


@pytest.fixture
def three_hits(tmp_path):
    audio = np.zeros(44_100 * 2, np.float32)
    rng = np.random.default_rng(0)
    for start in (4_410, 30_000, 60_000):
        audio[start : start + 4_410] = rng.standard_normal(4_410) * 0.2 * np.exp(-np.arange(4_410) / 800)
    path = tmp_path / "hits.wav"
    soundfile.write(path, audio, 44_100)
    return path


def test_each_hit_becomes_a_take_with_its_attack_at_the_start(three_hits):
    codec = PcmCodec()
    preset = capture(codec, "hits", [three_hits]).preset
    assert len(preset.means) == 3
    for mean, take in zip(preset.means, preset.header.takes, strict=True):
        output = codec.decode(mean[None])[0, take.skip_samples :][: take.length_samples]
        attack = np.argmax(np.abs(output) > 0.1 * np.abs(output).max())
        assert attack <= 96
    assert preset.header.fingerprint == "pcm"


def test_an_offset_of_a_recording_is_not_captured(three_hits, tmp_path):
    """The offset would be louder than the end of a hit, so no hit would end."""
    audio, rate = soundfile.read(three_hits)
    soundfile.write(tmp_path / "offset.wav", audio + 0.02, rate)
    plain, offset = (capture(PcmCodec(), "hits", [path]).preset for path in (three_hits, tmp_path / "offset.wav"))
    for kept, given in zip(offset.header.takes, plain.header.takes, strict=True):
        assert (kept.skip_samples, kept.length_samples) == (given.skip_samples, given.length_samples)
        assert kept.fade_out_samples == pytest.approx(given.fade_out_samples, abs=48)
    for kept, given in zip(offset.means, plain.means, strict=True):
        np.testing.assert_allclose(kept, given, atol=1e-4)


def test_split_hits_of_silence_is_nothing():
    assert split_hits(np.zeros(48_000, np.float32), 48_000) == []


def test_capturing_silence_or_nothing_says_so(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(48_000), 48_000)
    with pytest.raises(PresetError, match="no hit longer"):
        capture(PcmCodec(), "x", [tmp_path / "silent.wav"])
    with pytest.raises(AudioFileError, match="no such audio file"):
        capture(PcmCodec(), "x", [tmp_path / "absent.wav"])


def test_evened_takes_have_the_median_peak():
    pieces = [np.array(own, np.float32) for own in ([0.1, -0.05], [0.2], [0.8], [0.01])]
    moved = [own.audio for own in even_peaks([Slice(piece, (0,), 0) for piece in pieces])]
    median = 10 ** ((20 * np.log10(0.1) + 20 * np.log10(0.2)) / 40)
    np.testing.assert_allclose([np.abs(piece).max() for piece in moved[:2]], median, rtol=1e-5)
    np.testing.assert_allclose([moved[2][0], moved[3][0]], [0.8 * 10**-0.6, 0.01 * 10**0.6], rtol=1e-5)


def test_a_texture_is_one_take(three_hits):
    preset = capture(PcmCodec(), "t", [three_hits], CaptureSettings("texture")).preset
    assert [take.length_samples for take in preset.header.takes] == [96_000]
