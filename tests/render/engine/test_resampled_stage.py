"""Models with another sample rate than the render: their audio is resampled, with exact positions."""

import numpy as np
import pytest
import soundfile
import soxr

from plugin_backend.models.rave.importer import import_rave
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.lookup import target_of
from presets.store import save_preset
from render.apply.applier import Applier
from render.project.effect_schema import Transfer
from render.project.project import Stem
from tests.plugin_backend.rave_like import RaveLike, RaveOneLike, saved

RATE, OWN_RATE = 48_000, 44_100
TAKE_SAMPLES = 3 * OWN_RATE // 2


def tone(rate: int, count: int) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * 441 * np.arange(count) / rate)).astype(np.float32)


@pytest.fixture
def rave(request, tmp_path, monkeypatch):
    """An imported model of 44.1 kHz that gives back what it gets, by default RAVE 2; a bank with 1.5 s of a tone."""
    monkeypatch.setenv("PISADA_CONFIG", str(tmp_path / "config"))
    kind = getattr(request, "param", RaveLike)
    model = import_rave(saved(kind(sr=OWN_RATE), tmp_path / "m.ts"), trusted=True, name="m")
    bank = tmp_path / "rave-bank"
    fields = {"variation": 0.0, "fade_in_samples": 441, "fade_out_samples": 0}
    codec = load_codec(str(model))
    for name, kind in (("tone", "hit"), ("hum", "texture")):
        preset = encode_pieces(codec, name, [tone(OWN_RATE, TAKE_SAMPLES)], kind, **fields)
        save_preset(preset, bank)
    return str(model), str(bank)


def frequency_hz(sound: np.ndarray) -> float:
    """Return the frequency of a tone, from its rising zero crossings."""
    crossings = np.flatnonzero((sound[:-1] < 0) & (sound[1:] >= 0))
    parts = -sound[crossings] / (sound[crossings + 1] - sound[crossings])
    places = crossings + parts
    return RATE * (len(places) - 1) / (places[-1] - places[0])


@pytest.mark.parametrize("rave", [RaveLike, RaveOneLike], ids=["RAVE 2", "RAVE 1"], indirect=True)
def test_a_hit_begins_at_its_sample_and_has_its_pitch_and_length(rave, write_sheet, render_sheet):
    model, bank = rave
    rows = [
        {"id": "a", "start": "10000smp", "stem": "A", "preset": "tone", "pan": -1},
        {"id": "up", "start": "200000smp", "stem": "A", "preset": "tone", "pan": -1, "pitch_semitones": 12},
    ]
    stems, report = render_sheet(write_sheet(rows), bits=32, model=model, bank=bank)
    whole = -(-TAKE_SAMPLES * RATE // OWN_RATE)
    assert [cue["length_samples"] for cue in report["cues"]] == [whole, -(-whole // 2)]
    output = stems["A"][10_000 : 10_000 + whole, 0]
    expected = tone(RATE, whole)
    np.testing.assert_allclose(output[1_000:-1_000], expected[1_000:-1_000], atol=2e-3)
    assert not stems["A"][:10_000].any()
    assert frequency_hz(stems["A"][201_000:230_000, 0]) == pytest.approx(882, abs=0.05)


def test_pieces_of_any_size_and_processes_make_the_same_samples(rave, write_sheet, render_sheet):
    model, bank = rave
    rows = [
        {"id": "a", "start": "0.1", "stem": "A", "preset": "tone"},
        {"id": "b", "start": "0.3", "end": "2.9", "stem": "B", "preset": "hum"},
        {"id": "c", "start": "1.0", "stem": "C", "preset": "tone", "pitch_semitones": -5},
    ]
    sheet = write_sheet(rows)
    whole, report = render_sheet(sheet, bits=32, model=model, bank=bank)
    assert report["cues"][1]["length_samples"] == round(2.6 * RATE)
    assert frequency_hz(whole["B"][40_000:120_000, 0]) == pytest.approx(441, abs=5)  # a walk through the take
    small, _ = render_sheet(sheet, out="small", bits=32, model=model, bank=bank, chunk_frames=4, jobs=2)
    for name, samples in whole.items():
        np.testing.assert_allclose(small[name], samples, atol=1e-6)


def test_a_source_goes_through_such_a_model_in_place(rave, tmp_path, write_sheet, render_sheet):
    model, bank = rave
    rng = np.random.default_rng(0)
    audio = soxr.resample(rng.standard_normal(40_000).astype(np.float32) * 0.1, 24_000, RATE)
    soundfile.write(tmp_path / "s.wav", audio, RATE, subtype="FLOAT")
    rows = [{"id": "a", "start": "5000smp", "stem": "A", "preset": "", "source": "s.wav", "pan": -1}]
    stems, report = render_sheet(write_sheet(rows), bits=32, model=model, bank=bank)
    assert report["cues"][0]["length_samples"] == len(audio)
    output = stems["A"][5_000 : 5_000 + len(audio), 0]
    error = np.std((output - audio)[2_000:-2_000])  # a steady offset is taken out, and a little of the lowest lows
    assert error < 0.05 * np.std(audio)
    assert np.std((output[1:] - audio[:-1])[2_000:-2_000]) > 5 * error  # a sample later


def test_models_of_two_rates_play_in_one_render(rave, impulse_bank, tmp_path, write_sheet, render_sheet):
    model, bank = rave
    for path in impulse_bank.glob("click*"):
        (tmp_path / "rave-bank" / path.name).write_bytes(path.read_bytes())
    rows = [
        {"id": "a", "start": "1000smp", "stem": "A", "preset": "tone", "pan": -1},
        {"id": "b", "start": "2000smp", "stem": "B", "preset": "click", "pan": -1},
    ]
    stems, _ = render_sheet(write_sheet(rows), bits=32, models=[model, "foley"], bank=bank)
    assert np.flatnonzero(stems["B"][:, 0]).tolist() == [2_000]
    assert frequency_hz(stems["A"][3_000:60_000, 0]) == pytest.approx(441, abs=0.05)


def test_a_transfer_by_such_a_model_is_the_node_between_resamplers_and_aligned(rave, write_sheet, render_sheet):
    model, bank = rave
    rows = [{"id": name, "start": "3000smp", "stem": name, "preset": "tone"} for name in ("DRY", "WET", "LATE")]
    moved = {"blend": 0.4, "mix": 0.8}
    stems = [
        Stem(name="DRY", layout="mono"),
        Stem(name="WET", layout="mono", effects=[Transfer(preset="tone", **moved)]),
        Stem(name="LATE", layout="mono", effects=[Transfer(preset="tone", mix=0)]),
    ]
    output, report = render_sheet(write_sheet(rows), bits=32, model=model, bank=bank, stems=stems, tail_s=0.3)
    dry, wet, late = (output[name] for name in ("DRY", "WET", "LATE"))
    assert np.abs(late - dry).max() < 2e-3  # the tone's beginning is not of the passband
    codec = load_codec(model)
    node = TransferNode(codec)
    node.select(target_of(Bank(bank)["tone"], codec))
    for name, value in moved.items():
        node.set(name, value)
    own = np.pad(soxr.resample(dry, RATE, OWN_RATE), (0, node.latency_samples))
    made = node.push(own[None].astype(np.float32))[0, node.latency_samples :]
    expected = soxr.resample(made, OWN_RATE, RATE)
    count = min(len(wet), len(expected))
    assert np.std(expected - dry[: len(expected)]) > 0.02
    assert np.std(wet[:count] - expected[:count]) < 1e-3 * np.std(expected)


@pytest.mark.parametrize("rate", [44_100, 22_050, 96_000])
def test_takes_at_hits_are_whole_at_any_rate_of_the_recording(impulse_bank, tmp_path, rate):
    """The take of four seconds is audible to its end at any sample rate."""
    claps = np.zeros(6 * rate, np.float32)
    claps[rate] = 0.8
    soundfile.write(tmp_path / "in.wav", claps, rate, subtype="FLOAT")
    settings = Settings("hits", {"mix": 1.0}, bits=32)
    done = Applier(load_codec("pcm"), Bank(impulse_bank)["tone"], settings).apply(
        tmp_path / "in.wav", tmp_path / "out.wav"
    )
    output = soundfile.read(done.path)[0]
    sounding = np.flatnonzero(np.abs(output) > 0.05)
    assert sounding[-1] - rate > 3.99 * rate
