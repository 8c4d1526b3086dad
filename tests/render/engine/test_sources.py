"""A cue's source file goes through the codec: any sample rate, mono or stereo, with exact positions."""

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import CueSheetError
from plugin_backend.models.registry import load_codec
from render.engine.source_latents import source_latents
from render.plan.plan import Event


@pytest.mark.parametrize("rate", [48_000, 44_100, 22_050, 96_000])
def test_a_source_begins_at_its_cue_and_keeps_its_pitch(rate, tmp_path, write_sheet, render_sheet):
    time = np.arange(rate) / rate
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), rate, subtype="FLOAT")
    rows = [{"id": "a", "start": "5000smp", "stem": "A", "preset": "", "source": "tone.wav", "pan": -1}]
    stems, report = render_sheet(write_sheet(rows), bits=32)
    output = stems["A"][5_000 : 5_000 + 48_000, 0]
    expected = 0.5 * np.sin(2 * np.pi * np.arange(48_000) / 48)
    assert not stems["A"][:5_000].any()
    assert not stems["A"][53_000:].any()
    np.testing.assert_allclose(output[500:-500], expected[500:-500], atol=2e-3)
    assert report["cues"][0]["length_samples"] == 48_000


def test_stereo_sources_are_mixed_to_mono(tmp_path, write_sheet, render_sheet):
    both = np.zeros((10_000, 2))
    both[1_000] = [0.8, 0.4]
    soundfile.write(tmp_path / "s.wav", both, 48_000, subtype="FLOAT")
    rows = [{"id": "a", "start": "100smp", "stem": "A", "preset": "", "source": "s.wav", "pan": 1}]
    stems, _ = render_sheet(write_sheet(rows), bits=32)
    assert np.flatnonzero(stems["A"][:, 1]).tolist() == [1_100]
    assert stems["A"][1_100, 1] == pytest.approx(0.6)


def test_a_source_moved_by_a_preset(tmp_path, write_sheet, render_sheet):
    from plugin_backend.codecs.pcm import PcmCodec
    from presets.capture import encode_pieces
    from presets.store import save_preset

    bank = tmp_path / "bank"
    bank.mkdir()
    halved = encode_pieces(PcmCodec(), "halved", [np.ones(512, np.float32)], "hit", scale=[0.5] * 512, bias=[0.1] * 512)
    save_preset(halved, bank)
    soundfile.write(tmp_path / "s.wav", np.full(48_000, 0.4), 48_000, subtype="FLOAT")
    rows = [{"id": "a", "start": "0smp", "stem": "A", "preset": "halved", "source": "s.wav", "pan": -1}]
    stems, _ = render_sheet(write_sheet(rows), bits=32, bank=str(bank))
    np.testing.assert_allclose(stems["A"][:40_000, 0], 0.3, atol=1e-6)


def test_a_dc_offset_of_a_source_is_removed(tmp_path, tiny_models):
    """The model works on magnitudes; the identity codec would keep the offset."""
    quiet = np.random.default_rng(0).standard_normal(30_000) * 1e-4
    for name, offset in (("plain", 0.0), ("offset", 0.01)):
        soundfile.write(tmp_path / f"{name}.wav", quiet + offset, 48_000, subtype="FLOAT")
    codec = load_codec(str(tiny_models[0]))
    plain, offset = (
        np.concatenate(list(source_latents(source_event(tmp_path / f"{name}.wav"), None, codec, 8)), axis=1)
        for name in ("plain", "offset")
    )
    assert plain.shape == offset.shape == (1, 118, 4)
    np.testing.assert_allclose(offset, plain, atol=0.02)
    assert np.abs(codec.encode(quiet[None] + 0.01) - plain).max() > 0.2


def source_event(path) -> Event:
    return Event("a", "A", 0, 30_000, None, path, "quick", 0)


def failing_source(tmp_path, write_sheet, render_sheet):
    rows = [
        {"id": "a", "start": "0smp", "stem": "A", "preset": "", "source": "s.wav"},
        {"id": "b", "start": "0smp", "stem": "B", "preset": "hum", "duration": "1000.0"},
    ]
    with pytest.raises(CueSheetError) as caught:
        render_sheet(write_sheet(rows))
    assert not (tmp_path / "out").exists()
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'cues.csv'}, row 2, column 'source': ")
    return message


def test_a_source_that_holds_nan_stops_the_render_at_once(tmp_path, write_sheet, render_sheet):
    audio = np.zeros(48_000)
    audio[30_000] = np.nan
    soundfile.write(tmp_path / "s.wav", audio, 48_000, subtype="FLOAT")
    assert "s.wav: the file holds NaN" in failing_source(tmp_path, write_sheet, render_sheet)


def test_a_damaged_source_is_named(tmp_path, write_sheet, render_sheet):
    soundfile.write(tmp_path / "s.flac", np.random.default_rng(0).standard_normal(96_000) * 0.1, 48_000)
    data = bytearray((tmp_path / "s.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4_000] = bytes(4_000)
    (tmp_path / "s.wav").write_bytes(data[: len(data) * 3 // 4])
    assert "s.wav: the audio is damaged" in failing_source(tmp_path, write_sheet, render_sheet)


def test_a_source_too_short_to_resample_is_silence(tmp_path, write_sheet, render_sheet):
    soundfile.write(tmp_path / "s.wav", np.ones(1), 192_000)
    rows = [{"id": "a", "start": "0smp", "stem": "A", "preset": "", "source": "s.wav"}]
    stems, _ = render_sheet(write_sheet(rows))
    assert np.abs(stems["A"][1:]).max() == 0
