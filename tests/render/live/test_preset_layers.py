"""Several presets at once, live: equal to ``pisada apply --running`` of the same recording."""

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import HITS, Settings
from presets.capture import encode_pieces
from render.apply.applier import Applier
from render.apply.preset_layers import Layer
from render.instrument.actions import Action
from render.live.instrument import Instrument
from render.live.rig import Added, Rig

RATE = 48_000
CONTROLS = {"mix": 0.8, "gain_db": -3.0, "follow": 0.5, "weight": 0.5, "blend": 0.4}


def noise(seconds: float, seed: int) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal((1, round(seconds * RATE)))).astype(np.float32)


@pytest.fixture(scope="module")
def quick_and_slow(tiny_models):
    """Return two codecs and a bank with two presets of the first and one of the second."""
    quick, slow = (load_codec(str(path)) for path in tiny_models)
    own = {"floor": quick, "cloth": quick, "metal": slow}
    pieces = {name: noise(0.3, number)[0] for number, name in enumerate(own)}
    return quick, slow, {name: encode_pieces(codec, name, [pieces[name]], "hit") for name, codec in own.items()}


def rig_of(tiny_models, block: int, mode: str = "transfer", **more) -> Rig:
    added = [Added(preset="metal", model=str(tiny_models[1]), gain_db=-6.0)]
    return Rig(model=str(tiny_models[0]), preset="floor", mode=mode, add=added, block_samples=block, **more)


def play_aligned(instrument: Instrument, sound: np.ndarray, block: int, actions=()) -> np.ndarray:
    """Return the output, aligned with the input and as long."""
    for action in actions:
        instrument.act(instrument.resolve(action))
    count = -(-(sound.shape[1] + instrument.latency_samples) // block) * block
    padded = np.pad(sound, ((0, 0), (0, count - sound.shape[1])))
    out = np.concatenate([instrument.push(padded[:, at : at + block]) for at in range(0, count, block)], axis=1)
    return out[:, instrument.latency_samples :][:, : sound.shape[1]]


@pytest.mark.parametrize("block", [64, 333, 512])
def test_summed_and_added_presets_equal_apply(tmp_path, tiny_models, quick_and_slow, block):
    quick, slow, bank = quick_and_slow
    sound = noise(0.6, 9)
    soundfile.write(tmp_path / "in.wav", sound.T, RATE, "FLOAT")
    settings = Settings(controls=CONTROLS, latents={1: {"bias": 0.5}}, running=True, bits=32)
    summed, added = [(bank["cloth"], 0.7)], [Layer(slow, bank["metal"], -6.0)]
    applier = Applier(quick, bank["floor"], settings, summed=summed, added=added)
    offline = soundfile.read(applier.apply(tmp_path / "in.wav", tmp_path / "out.wav").path, dtype="float32")[0]
    rig = rig_of(tiny_models, block, sum={"cloth": 0.7}, controls=CONTROLS, latents={"1": {"bias": 0.5}})
    live = play_aligned(Instrument(rig, quick, bank), sound, block)[0]
    assert np.abs(live).max() > 0.01
    assert np.abs(live - offline).max() < 1e-6  # −120 dBFS


def test_weights_and_layers_are_controls_and_survive_skip(tiny_models, quick_and_slow):
    quick, _, bank = quick_and_slow
    sound, whole = noise(0.6, 9), rig_of(tiny_models, 512, sum={"cloth": 0.7})
    actions = [Action(0, "weight.c", 0.0), Action(0, "layer.2.on", 0.0), Action(0, "layer.1.gain_db", -6.0)]
    alone = play_aligned(Instrument(Rig(model=whole.model, preset="floor"), quick, bank), sound, 512)[0]
    made = Instrument(whole, quick, bank)
    changed = play_aligned(made, sound, 512, actions)[0]
    settled = slice(RATE // 4, RATE // 2)
    np.testing.assert_allclose(changed[settled], alone[settled] * 10 ** (-6 / 20), atol=1e-5)
    made.skip(51_200)
    again = made.push(np.tile(sound[:, :512], 20))
    assert np.isfinite(again).all() and np.abs(again).max() > 1e-3
    both = play_aligned(Instrument(whole, quick, bank), sound, 512)[0]
    assert np.abs(both - alone).max() > 0.01


def test_every_layer_plays_the_take_of_apply_at_a_hit(tmp_path, tiny_models, quick_and_slow):
    quick, slow, bank = quick_and_slow
    sound = np.zeros((1, RATE), np.float32)
    for at in (10_000, 30_000):
        sound[0, at : at + 2_000] = noise(0.1, at)[0, :2_000] * np.exp(-np.arange(2_000) / 300)
        sound[0, at] = 0.9
    soundfile.write(tmp_path / "in.wav", sound.T, RATE, "FLOAT")
    applier = Applier(quick, bank["floor"], Settings(HITS, bits=32, seed=5), added=[Layer(slow, bank["metal"], -6.0)])
    offline = soundfile.read(applier.apply(tmp_path / "in.wav", tmp_path / "out.wav").path, dtype="float32")[0]
    live = play_aligned(Instrument(rig_of(tiny_models, 512, HITS, seed=5), quick, bank), sound, 512)[0]
    for at in (10_000, 30_000):
        here = slice(at + 1_000, at + 10_000)
        assert np.corrcoef(live[here], offline[here])[0, 1] > 0.9999
        assert np.abs(live[here]).max() > 0.005


def test_sum_needs_mode_transfer_and_a_preset():
    for fields, message in (
        ({"mode": "hits", "preset": "floor"}, "mode hits plays takes and cannot sum latents"),
        ({}, "sum and add need a preset"),
        ({"preset": "floor", "sum": {"cloth": 9.0}}, "weight 9: -4 to 4 can be used"),
    ):
        with pytest.raises((ProjectError, ValueError), match=message):
            Rig(**{"sum": {"cloth": 1.0}, **fields})
