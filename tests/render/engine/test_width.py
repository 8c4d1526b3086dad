"""The width of stereo textures and transfers: offline, streamed, live and in the plug-in."""

from dataclasses import replace
from itertools import islice

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import Settings
from plugin_backend.transfer.transfer_node import NoiseSettings, TransferNode
from presets.bank import FACTORY_BANK, Bank
from presets.store import save_preset
from render.apply.applier import Applier
from render.engine.inserts import make_insert
from render.instrument.take_pool import TakePool
from render.instrument.voices import FADE_SAMPLES
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.offline_player import blocks_from, play_through
from render.live.rig import Rig
from render.plan.choose_draws import take_seed
from render.plan.resolve_effects import describe_effect
from render.project.effect_schema import Transfer
from tests.render.struck_keys import HOP, RATE, SEED, number, on, silence

HOPS = 280
WIDTHS = {"none": 0.0, "half": 0.5, "full": 1.0}


@pytest.fixture(scope="module")
def winds(tmp_path_factory) -> Bank:
    """The factory's wind at three widths, without fades and gain."""
    folder, wind = tmp_path_factory.mktemp("winds"), Bank(FACTORY_BANK)["amb-wind"]
    plain = {"gain_db": 0.0, "fade_in_samples": 0, "fade_out_samples": 0, "program": None}
    for name, width in WIDTHS.items():
        header = msgspec.structs.replace(wind.header, name=name, width=width, **plain)
        save_preset(replace(wind, header=header), folder)
    return Bank(folder)


def held(codec, preset) -> np.ndarray:
    """Return the audio of the first live strike, ``[2, samples]``."""
    pieces = TakePool([codec], SEED).texture(preset, "strike 0")
    return np.concatenate(list(islice(pieces, HOPS + 16)), axis=1)[:, : HOPS * HOP]


def power_db(sound: np.ndarray) -> float:
    return 10 * np.log10(np.square(sound, dtype=np.float64).mean())


@pytest.mark.parametrize("name", WIDTHS)
def test_left_and_right_correlate_by_what_is_left_of_the_width_and_mono_keeps_its_power(name, foley, winds):
    left, right = held(foley, winds[name])
    alike = np.corrcoef(left, right)[0, 1]
    assert 0.88 * (1 - WIDTHS[name]) - 0.04 < alike < 1.02 - WIDTHS[name]  # latents of left and right differ too
    assert -3.2 < power_db((left + right) / 2) - power_db(np.stack([left, right])) < 0.01
    if name == "none":
        np.testing.assert_array_equal(left, right)


def test_a_width_sounds_alike_offline_streamed_and_live(foley, winds, write_sheet, render_sheet):
    seed = take_seed(SEED, "strike 0", 1)
    cue = {"stem": "A", "duration": "1.0", "seed": seed}
    rows = [cue | {"id": name, "start": f"{second}.0", "preset": name} for second, name in enumerate(WIDTHS)]
    fields = {"model": "foley", "bank": str(winds.folders[0]), "bits": 32, "tail_s": 0.0}
    whole, _ = render_sheet(write_sheet(rows), out="whole", **fields)
    pieces, _ = render_sheet(write_sheet(rows), out="pieces", chunk_frames=4, **fields)
    np.testing.assert_array_equal(whole["A"], pieces["A"])
    for second, name in enumerate(WIDTHS):
        output = whole["A"][second * RATE : (second + 1) * RATE].T
        np.testing.assert_array_equal(output, held(foley, winds[name])[:, :RATE])


@pytest.mark.parametrize("name", WIDTHS)
def test_a_note_of_the_plug_in_has_its_presets_width(name, foley, winds, keys, plugin_values, played):
    row = plugin_values(preset=number(winds, name))
    out = played(keys(foley, winds, 2), silence(40, 2), row, [(0, on())])[:, FADE_SAMPLES:]
    wanted = held(foley, winds[name])[:, : 40 * HOP][:, FADE_SAMPLES:]
    np.testing.assert_allclose(out, wanted, atol=1e-7)
    if name == "none":
        np.testing.assert_array_equal(out[0], out[1])


def test_a_note_between_two_presets_has_a_width_between(foley, winds, keys, plugin_values, played):
    row = plugin_values(preset=number(winds, "none"), preset_b=number(winds, "full"), morph=0.5)
    between = played(keys(foley, winds, 2), silence(40, 2), row, [(0, on())])[:, FADE_SAMPLES:]
    half = held(foley, winds["half"])[:, : 40 * HOP][:, FADE_SAMPLES:]
    np.testing.assert_allclose(between, half, atol=1e-5)


def test_a_transfers_width_parts_alike_sides_in_files_effects_and_live(foley, tmp_path):
    preset = Bank(FACTORY_BANK)["step-gravel"]
    noise = np.random.default_rng(2).standard_normal(40 * HOP).astype(np.float32) * 0.1
    sound = np.repeat(noise[None], 2, axis=0)

    def node(width):
        made = TransferNode(foley, 2, noise=NoiseSettings(width=width))
        output = made.push(np.pad(sound, ((0, 0), (0, made.latency_samples))))[:, made.latency_samples :]
        assert np.array_equal(*output) == (width == 0)
        return output

    soundfile.write(tmp_path / "in.wav", sound.T, RATE, "FLOAT")
    still = {"strength": 0.0, "blend": 0.0}
    for width in (0.0, 0.5):
        wanted = node(width)
        settings = Settings(controls=still, width=width, bits=32)
        Applier(foley, preset, settings).apply(tmp_path / "in.wav", tmp_path / f"{width}.wav")
        output = soundfile.read(tmp_path / f"{width}.wav", dtype="float32")[0].T
        np.testing.assert_array_equal(output, wanted)
        effect = Transfer(preset="step-gravel", model="foley", width=width, **still)
        stage = make_insert(effect, RATE, 2, HOP, load_codec)
        late = stage.latency_samples
        output = stage.push(np.pad(sound, ((0, 0), (0, 2 * HOP))))[:, late:][:, : sound.shape[1]]
        np.testing.assert_array_equal(output, wanted)
        rig = Rig(preset="step-gravel", channels=2, controls=still, width=width)
        player = Player(Instrument(rig, foley, Bank(FACTORY_BANK)), rig.block_samples, rig.ahead_blocks, threaded=False)
        blocks = blocks_from(sound, 2, rig.block_samples, RATE, player.latency_samples)
        output = play_through(player, blocks)[:, player.latency_samples :][:, : sound.shape[1]]
        np.testing.assert_array_equal(output, wanted)


def test_a_transfer_without_a_width_has_the_same_description_as_before():
    preset = str(FACTORY_BANK / "step-gravel.preset.safetensors")
    plain, wide = (describe_effect(Transfer(preset=preset, model="foley", width=width)) for width in (0.0, 0.5))
    assert "width" not in plain
    assert wide == plain | {"width": 0.5}
