"""Axes while playing: controls move what is heard, rigs keep them, a recording is rendered again with them."""

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import Settings
from presets.axes import load_axes, save_axes
from presets.bank import Bank
from presets.descriptors import describe
from presets.store import save_preset
from render.apply.applier import Applier
from render.instrument.actions import Action
from render.live.controllers.controller_map import LiveMap
from render.live.controllers.midi_learn import ControllerRouter
from render.live.instrument import Instrument
from render.live.player import Player
from render.live.recording.offline_player import blocks_from, play_through
from render.live.recording.recorder import Recorder
from render.live.recording.replay import replay
from render.live.rig import Rig, read_rig

RATE, HALF = 48_000, 36_864
"""The control is moved at HALF, a multiple of the hop."""


def scratching(seconds: float = 1.536) -> np.ndarray:
    """Return noise with five strokes a second, ``[1, samples]``."""
    rng = np.random.default_rng(4)
    at = np.arange(round(seconds * RATE))
    return (0.2 * rng.standard_normal(at.size) * np.exp(-(at % 9_600) / 3_000))[None].astype(np.float32)


def brightness(audio: np.ndarray) -> float:
    return describe(audio, RATE)["brightness"]


def played(instrument: Instrument, sound: np.ndarray, block: int = 512) -> np.ndarray:
    """Return the output, aligned with the input and as long, ``[samples]``."""
    late = instrument.latency_samples
    padded = np.pad(sound, ((0, 0), (0, late + -(sound.shape[1] + late) % block)))
    blocks = [instrument.push(padded[:, at : at + block]) for at in range(0, padded.shape[1], block)]
    return np.concatenate(blocks, axis=1)[0, late:][: sound.shape[1]]


def test_osc_moves_the_centroid_of_what_is_played(foley, factory):
    heard = {}
    for value in (-2.0, 2.0):
        instrument = Instrument(Rig(preset="step-gravel"), foley, factory)

        def act(control: str, number: float, text: str, instrument=instrument) -> None:
            instrument.act(instrument.resolve(Action(HALF, control, number, text)))

        router = ControllerRouter(act, instrument.controls, LiveMap(), {}, [])
        assert router.osc("/pisada/axis/brightness", [value])
        heard[value] = played(instrument, scratching())
    np.testing.assert_array_equal(heard[-2.0][: HALF - 2_048], heard[2.0][: HALF - 2_048])
    low, high = (brightness(heard[value][HALF:]) for value in (-2.0, 2.0))
    assert high > low + 1


def test_values_out_of_range_and_unknown_axes_are_refused(foley, factory):
    instrument = Instrument(Rig(preset="step-gravel"), foley, factory)
    assert (instrument.controls["axis.weight"].low, instrument.controls["axis.weight"].high) == (-3, 3)
    with pytest.raises(ProjectError, match=r"^axis.weight 4: -3 to 3 can be used"):
        instrument.resolve(Action(0, "axis.weight", 4.0))
    with pytest.raises(ProjectError, match=r"no control 'axis.loud'; there are .*axis.brightness"):
        instrument.resolve(Action(0, "axis.loud", 1.0))


@pytest.mark.parametrize("block", [64, 512])
def test_a_rigs_axes_equal_apply_to_the_bit(foley, factory, tmp_path, block):
    sound, values = scratching(), {"brightness": 1.0, "weight": -0.5}
    rig = Rig(preset="cloth-leather", axes=values, latents={"2": {"bias": 0.25}}, block_samples=block)
    live = played(Instrument(rig, foley, factory), sound, block)
    soundfile.write(tmp_path / "in.wav", sound[0], RATE, subtype="FLOAT")
    offset = tuple(factory.axes(foley.spec.fingerprint).to_latents(values).tolist())
    settings = Settings(latents={2: {"bias": 0.25}}, offset=offset, running=True, bits=32)
    Applier(foley, factory["cloth-leather"], settings).apply(tmp_path / "in.wav", tmp_path / "out.wav")
    applied, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    np.testing.assert_array_equal(live, applied)
    plain = played(Instrument(msgspec.structs.replace(rig, axes={}), foley, factory), sound, block)
    assert brightness(live) > brightness(plain) + 0.3


def test_takes_are_moved_in_mode_hits(foley, factory):
    sound = scratching()
    heard = [
        played(Instrument(Rig(preset="step-gravel", mode="hits", axes={"brightness": value}), foley, factory), sound)
        for value in (-1.5, 1.5)
    ]
    assert brightness(heard[1]) > brightness(heard[0]) + 1


def test_a_rig_file_keeps_axes_and_is_checked(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text('preset = "step-gravel"\naxes = { brightness = 1.5 }\na = { "axis.warmth" = 1.0 }\n')
    rig = read_rig(path)
    assert (rig.axes, rig.a) == ({"brightness": 1.5}, {"axis.warmth": 1.0})
    for text, message in (
        ("axes = { loud = 1.0 }", "rig.toml: .*no axis 'loud'; there are brightness, "),
        ("axes = { warmth = 9.0 }", "rig.toml: .*warmth 9: -3 to 3 can be used"),
    ):
        path.write_text(text)
        with pytest.raises(ProjectError, match=message):
            read_rig(path)


def test_a_model_without_axes_is_refused_only_where_they_are_used(tiny_models, factory):
    tiny = load_codec(str(tiny_models[0]))
    assert not any(name.startswith("axis.") for name in Instrument(Rig(), tiny, factory).controls)
    with pytest.raises(PresetError, match="no bank has its axes: find them with `pisada preset axes --find"):
        Instrument(Rig(axes={"warmth": 1.0}), tiny, factory)


def test_a_recording_is_rendered_again_with_its_axes(foley, factory, tmp_path):
    save_preset(factory["cloth-leather"], tmp_path / "bank")
    save_axes(factory.axes(foley.spec.fingerprint), tmp_path / "bank")
    rig = Rig(preset="cloth-leather", bank=[str(tmp_path / "bank")], axes={"weight": 1.0})
    instrument = Instrument(rig, foley, Bank(rig.bank))
    player = Player(instrument, 512, 1, Recorder(tmp_path / "take", rig, instrument), threaded=False)
    player.control("axis.brightness", 1.25, "", at_samples=20_000)
    play_through(player, blocks_from(scratching(), 1, 512, RATE), stalls={30: 2})
    player.close()
    replay(tmp_path / "take", tmp_path / "again.wav")
    heard, again = (soundfile.read(path)[0] for path in (tmp_path / "take" / "output.wav", tmp_path / "again.wav"))
    np.testing.assert_array_equal(again, heard)

    found = load_axes(next((tmp_path / "bank").glob("*.axes.*")))
    other = msgspec.structs.replace(found.header, axes=found.header.axes[::-1])
    save_axes(type(found)(other, found.vectors, found.measures, found.mean), tmp_path / "bank")
    with pytest.raises(PresetError, match="^the axes in .*bank are not those that were played"):
        replay(tmp_path / "take", tmp_path / "wrong.wav")
    assert not (tmp_path / "wrong.wav").exists()
