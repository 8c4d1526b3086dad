"""The pieces into which files of a corpus are cut, and their band edges."""

import numpy as np
import pytest
import soundfile
import soxr

from tests.plugin_backend.corpus_sounds import RATE, noise, only, step

# Cutting


def test_every_hit_of_a_long_recording_is_in_one_piece_from_attack_to_tail(tmp_path):
    hits = np.sort(np.random.default_rng(0).choice(np.arange(1, 100), 60, replace=False)) * round(0.6 * RATE)
    audio = np.sign(noise(61)) * 1e-4
    for seed, at in enumerate(hits):
        audio[at : at + step(0).size] += step(seed)
    corpus = only(tmp_path, audio, subtype="FLOAT")
    spans = [(sound.start_samples, sound.start_samples + sound.audio.size) for sound in corpus.sounds]
    for at in hits:
        assert [start <= at and at + 9_600 <= stop for start, stop in spans].count(True) == 1
    assert all(0.02 * RATE <= stop - start <= 20 * RATE for start, stop in spans)
    assert spans[0][0] == 0
    assert spans[-1][1] == audio.size
    assert all(stop == start for (_, stop), (start, _) in zip(spans, spans[1:], strict=False))
    np.testing.assert_array_equal(np.concatenate([sound.audio for sound in corpus.sounds]), audio.astype(np.float32))


def test_clicks_of_one_sample_in_digital_silence_are_all_kept(tmp_path):
    audio, clicks = np.zeros(30 * RATE), np.arange(1, 30) * RATE + 7
    audio[clicks] = 0.5
    corpus = only(tmp_path, audio)
    assert len(corpus.sounds) == clicks.size
    for sound, at in zip(corpus.sounds, clicks, strict=True):
        assert np.flatnonzero(sound.audio).tolist() == [at - sound.start_samples]
        assert sound.audio.size == round(0.02 * RATE)


@pytest.mark.parametrize("seconds", [0.011, 0.05, 0.4, 0.99])
def test_a_short_file_stays_whole(tmp_path, seconds):
    audio = noise(seconds)
    audio[audio.size // 3 : audio.size // 2] = 0
    (sound,) = only(tmp_path, audio).sounds
    np.testing.assert_allclose(sound.audio, audio, atol=2**-15)


def test_only_digital_silence_is_trimmed(tmp_path):
    audio = np.concatenate([np.zeros(1_000), noise(0.5), noise(0.3, level=1e-4), np.zeros(2_000)])
    (sound,) = only(tmp_path, audio, subtype="FLOAT").sounds
    assert sound.start_samples == 1_000
    assert sound.audio.size == audio.size - 3_000


def test_a_texture_is_cut_into_even_pieces_and_loses_nothing(tmp_path):
    corpus = only(tmp_path, noise(45, 16_000), 16_000)
    assert sum(sound.audio.size for sound in corpus.sounds) == 45 * RATE
    assert [sound.audio.size / RATE for sound in corpus.sounds] == pytest.approx([15] * 3, abs=4)


def test_an_hour_is_read_in_little_memory(tmp_path):
    import subprocess
    import sys

    with soundfile.SoundFile(tmp_path / "hour.flac", "w", 4_000, 1) as file:
        for _ in range(60):
            file.write(noise(60, 4_000, level=0.05))
    code = (
        "import resource, sys; from pathlib import Path; from plugin_backend.corpus.dataset import prepare;"
        "import soxr, msgspec; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "c = prepare(Path(sys.argv[1]), None, 8_000);"
        "print(len(c.sounds), c.report['minutes'], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    pieces, minutes, grown_kb = done.stdout.split()
    assert 180 <= int(pieces) <= 240
    assert float(minutes) == 60
    assert int(grown_kb) < 60_000  # the hour itself is 115 MB


# Band edges


def dull(seconds=1.0, floor=1e-4):
    """Return a carpet step: nearly all below 0.8 kHz, over a noise floor that fills the band."""
    time, hz = np.arange(round(seconds * RATE)) / RATE, np.fft.rfftfreq(round(seconds * RATE), 1 / RATE)
    soft = np.fft.irfft(np.fft.rfft(noise(seconds)) / (1 + (hz / 400) ** 4), time.size) * np.exp(-time / 0.1)
    return soft * 3 + noise(seconds, seed=1, level=floor)


def low_passed(audio, hz):
    spectrum = np.fft.rfft(audio)
    spectrum[np.fft.rfftfreq(audio.size, 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, audio.size)


@pytest.mark.parametrize(
    ("name", "audio", "edge_hz"),
    [
        ("upsampled.wav", lambda: soxr.resample(noise(1, 22_050), 22_050, RATE, "VHQ"), 11_025),
        ("upsampled_hit.wav", lambda: soxr.resample(step(1, rate=22_050), 22_050, RATE, "VHQ"), 11_025),
        ("telephone.wav", lambda: soxr.resample(noise(1, 8_000), 8_000, RATE, "VHQ"), 4_000),
        ("lowpassed.wav", lambda: low_passed(noise(1), 16_000), 16_000),
        ("lowpassed_dull.wav", lambda: low_passed(dull(floor=0.002), 16_000), 16_000),
        ("lowpassed.ogg", lambda: low_passed(noise(1), 16_000), 16_000),
        ("lowpassed.mp3", lambda: low_passed(noise(1), 16_000), 16_000),
    ],
)
def test_a_steep_low_pass_is_found(tmp_path, name, audio, edge_hz):
    (sound,) = only(tmp_path, audio(), name=name).sounds
    assert sound.edge_hz == pytest.approx(edge_hz, rel=0.05)


@pytest.mark.parametrize(
    "audio",
    [dull, lambda: dull(floor=3e-5), lambda: dull(floor=0), lambda: noise(1), lambda: step(0),
     lambda: low_passed(noise(1), 9_000) + noise(1, seed=1, level=0.01)],
    ids=["dull", "duller", "without a floor", "noise", "step", "a shelf of 20 dB"],
)  # fmt: skip
def test_a_naturally_dull_sound_keeps_the_full_band(tmp_path, audio):
    (sound,) = only(tmp_path, audio()).sounds
    assert sound.edge_hz == 0.45 * RATE
