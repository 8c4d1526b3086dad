"""The live instrument as a function: block sizes, positions, controls, effects, bad input."""

import numpy as np
import pytest

from plugin_backend.effects.stage import Stage
from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.parameters import Parameter, table
from presets.bank import Bank
from render.instrument.actions import Action
from render.instrument.effect_chain import Effect
from render.live.instrument import Instrument
from render.live.rig import Rig, read_rig

RATE = 48_000


class Offset(Stage):
    """A stage that adds a number, ten samples late."""

    parameters = table(Parameter("by", -1, 1, 0, "", ""))
    latency_samples = 10

    def __init__(self, channels: int):
        self.channels, self._by, self._held = channels, 0.0, np.zeros((channels, 10), np.float32)
        self.struck = []
        self._at = 0

    def set(self, name, value):
        self._by = value

    def trigger(self):
        self.struck.append(self._at)

    def push(self, block):
        joined = np.concatenate([self._held, block], axis=1)
        self._held = joined[:, block.shape[1] :]
        self._at += block.shape[1]
        return joined[:, : block.shape[1]] + np.float32(self._by)

    def state(self):
        return {}

    def restore(self, state):
        pass


def play_aligned(instrument: Instrument, sound: np.ndarray, block: int) -> np.ndarray:
    """Return the output, aligned with the input and as long."""
    count = -(-(sound.shape[1] + instrument.latency_samples) // block) * block
    padded = np.pad(sound, ((0, 0), (0, count - sound.shape[1])))
    out = np.concatenate([instrument.push(padded[:, at : at + block]) for at in range(0, count, block)], axis=1)
    return out[:, instrument.latency_samples :][:, : sound.shape[1]]


DEEDS = [
    Action(5_001, "mix", 0.5),
    Action(7_777, "latent.3.bias", 1.5),
    Action(9_000, "preset", text="cloth-page"),
    Action(9_001, "preset_b", text="cloth-leather"),
    Action(12_345, "strike", 0.7, "water-drop"),
    Action(13_000, "morph", 0.8),
    Action(20_000, "strike", 0.4, "amb-wind"),
    Action(26_003, "release"),
    Action(28_000, "bypass", 1.0),
    Action(31_000, "bypass", 0.0),
]


@pytest.mark.parametrize("mode", ["transfer", "hits"])
def test_block_size_changes_nothing(foley, factory, mode):
    rng = np.random.default_rng(1)
    sound = (0.01 * rng.standard_normal((2, 40_000))).astype(np.float32)
    for at in (3_003, 15_001, 25_000, 33_333):
        sound[:, at : at + 2_000] += np.outer([0.5, 0.2], np.exp(-np.arange(2_000) / 300)) * rng.uniform(-1, 1, 2_000)
    hits = mode == "hits"
    actions = [action for action in DEEDS if not hits or action.text != "cloth-page"]
    actions = [action for action in actions if not hits or action.control not in ("latent.3.bias", "morph", "preset_b")]
    outputs = []
    for block in (64, 333, 512):
        rig = Rig(preset="step-gravel", mode=mode, channels=2, block_samples=block, seed=7)
        instrument = Instrument(rig, foley, factory)
        for action in actions:
            instrument.act(instrument.resolve(action))
        outputs.append(play_aligned(instrument, sound, block))
        assert [(action.at_samples, action.control) for action in instrument.applied] == [
            (action.at_samples, action.control) for action in actions
        ]
    assert np.abs(outputs[0]).max() > 0.05
    for other in outputs[1:]:
        assert np.abs(other - outputs[0]).max() < 1e-6  # −120 dBFS


def test_effect_is_set_and_triggered_at_exact_sample(impulse_bank):
    sound, stage = np.zeros((1, 4_096), np.float32), Offset(1)
    instrument = Instrument(Rig(model="pcm", block_samples=64), load_codec("pcm"), Bank(impulse_bank), [stage])
    assert instrument.latency_samples == 448 + 10 + 64
    instrument.act(Action(1_001, "fx.0.by", 0.25))
    instrument.act(instrument.resolve(Action(2_003, "strike", 1.0, "click")))
    out = play_aligned(instrument, sound, 64)[0]
    # it is set when input sample 1001 enters the stage, so the output changes ten samples earlier
    assert np.flatnonzero(out)[0] == 1_001 - 10
    assert stage.struck == [2_003 + 448]
    assert int(np.argmax(out)) == 2_003
    assert out[2_003] == np.float32(0.75)


def test_effects_are_made_by_name(impulse_bank):
    rig = Rig(model="pcm", effects=[Effect(name="gain", settings={"gain_db": -6.0})])
    instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank))
    assert "fx.0.gain_db" in instrument.controls
    out = play_aligned(instrument, np.full((1, 48_000), 0.5, np.float32), 512)
    np.testing.assert_allclose(out[0, 24_000:40_000], 0.5 * 10 ** (-6 / 20), rtol=1e-4)


def test_bypass_is_dry_input_without_click(impulse_bank):
    time = np.arange(RATE)
    tone = (0.5 * np.sin(2 * np.pi * 100 * time / RATE)).astype(np.float32)[None]
    rig = Rig(model="pcm", controls={"gain_db": -12.0})
    instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank))
    instrument.act(Action(20_000, "bypass", 1.0))
    out = play_aligned(instrument, tone, 512)
    np.testing.assert_allclose(out[0, 10_000:20_000], tone[0, 10_000:20_000] * 10 ** (-12 / 20), atol=1e-6)
    np.testing.assert_allclose(out[0, 22_400:], tone[0, 22_400:], atol=1e-7)
    assert np.abs(np.diff(out[0, 1_000:], 2)).max() < np.abs(np.diff(tone[0], 2)).max() + 1e-3


def test_samples_that_are_not_finite_are_silence(foley, factory):
    sound = np.full((1, 4_096), np.nan, np.float32)
    sound[0, 1_000:1_100] = np.inf
    sound[0, 2_000:2_100] = 1e-42
    for mode in ("transfer", "hits"):
        made = [Instrument(Rig(preset="step-gravel", mode=mode), foley, factory) for _ in range(2)]
        odd, none = play_aligned(made[0], sound, 512), play_aligned(made[1], np.zeros_like(sound), 512)
        np.testing.assert_array_equal(odd, none)


@pytest.mark.parametrize(
    "action, error, message",
    [
        (Action(0, "mixx", 1.0), ProjectError, "no control 'mixx'; there are mix, "),
        (Action(0, "mix", 1.5), ProjectError, "^mix 1.5: 0 to 1 can be used$"),
        (Action(0, "latent.32.bias", 1.0), ProjectError, "no control 'latent.32.bias'"),
        (Action(0, "fx.0.depth", 1.0), ProjectError, "no control 'fx.0.depth'"),
        (Action(0, "preset", text="step-grvel"), PresetError, "^no preset 'step-grvel'$"),
        (Action(0, "strike", 2.0, "step-gravel"), ProjectError, "^velocity 2: 0 to 1 can be used$"),
        (Action(0, "strike", 0.5, "99"), PresetError, "^no preset '99'$"),
    ],
)
def test_impossible_actions_are_refused(foley, factory, action, error, message):
    with pytest.raises(error, match=message):
        Instrument(Rig(preset="step-gravel"), foley, factory).resolve(action)


def test_texture_is_refused_in_mode_hits(foley, factory):
    with pytest.raises(PresetError, match="'amb-rain' is a texture, which cannot strike"):
        Instrument(Rig(preset="amb-rain", mode="hits"), foley, factory)


def test_every_control_has_a_range(foley, factory):
    controls = Instrument(Rig(preset="step-gravel"), foley, factory).controls
    assert {"mix", "gain_db", "morph", "latent.0.bias", "latent.15.freeze", "bypass"} <= set(controls)
    assert (controls["latent.3.scale"].low, controls["latent.3.scale"].high) == (-8, 8)


def test_rig_is_read_and_checked(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text(
        'schema = 1\npreset = "step-gravel"\nblock_samples = 128\n[controls]\nmix = 0.5\n[latents.3]\nbias = 1.0\n'
        '[pads]\n36 = "door-slam"\n[[effects]]\nname = "gain"\nsettings = {gain_db = -3.0}\n'
    )
    rig = read_rig(path)
    assert (rig.ahead, rig.pads, rig.settings.latents) == (4, {"36": "door-slam"}, {3: {"bias": 1.0}})
    for text, message in (
        ("block_samples = 32", r"rig.toml: .*>= 64.*block_samples"),
        ("[controls]\nmix = 2.0", "rig.toml: .*mix 2: 0 to 1 can be used"),
        ("sped = 1", "rig.toml: .*sped"),
    ):
        path.write_text(text)
        with pytest.raises(ProjectError, match=message):
            read_rig(path)


def test_ab_morphs_between_snapshots(impulse_bank):
    codec, bank = load_codec("pcm"), Bank(impulse_bank)
    effects = [Effect(name="gain", settings={})]
    a, b = {"gain_db": -12.0, "latent.3.bias": 1.0, "fx.0.gain_db": 0.0}, {"mix": 0.5, "fx.0.gain_db": -6.0}
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, (1, 24_576)).astype(np.float32)
    rig = Rig(model="pcm", effects=effects, a=a, b=b)
    expected = {"gain_db": -9.0, "latent.3.bias": 0.75, "fx.0.gain_db": -1.5, "mix": 0.875}
    actions = [Action(12_000, name, value) for name, value in expected.items()]
    started = [Action(0, name, value) for name, value in (a | {"mix": 1.0}).items()]
    outputs = []
    for own, done in ((rig, [Action(12_000, "ab", 0.25)]), (Rig(model="pcm", effects=effects), [*started, *actions])):
        instrument = Instrument(own, codec, bank)
        for action in done:
            instrument.act(instrument.resolve(action))
        outputs.append(play_aligned(instrument, sound, 512))
        assert [action.control for action in instrument.applied] == [action.control for action in done]
    np.testing.assert_array_equal(*outputs)
    with pytest.raises(ProjectError, match="no control 'mixx'"):
        Instrument(Rig(model="pcm", a={"mixx": 1.0}), codec, bank)
    with pytest.raises(ProjectError, match="no control 'ab'"):
        Instrument(Rig(model="pcm"), codec, bank).resolve(Action(0, "ab", 0.5))


@pytest.mark.slow
@pytest.mark.parametrize("mode, minutes", [("transfer", 3), ("hits", 1)])
def test_long_silence_stays_silent_and_uses_no_memory(impulse_bank, mode, minutes):
    import resource

    controls = {} if mode == "hits" else {"strength": 0.0, "blend": 0.0}
    rig = Rig(model="pcm", preset="click", mode=mode, block_samples=2048, controls=controls)
    instrument = Instrument(rig, load_codec("pcm"), Bank(impulse_bank))
    instrument.push(np.random.default_rng(0).uniform(-1, 1, (1, 2048)).astype(np.float32))
    silence, blocks = np.zeros((1, 2048), np.float32), minutes * 60 * RATE // 2048
    for block in range(blocks):
        out = instrument.push(silence)
        assert block < 2 or not out.any()
        if block == blocks // 10:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 2_000  # KiB
