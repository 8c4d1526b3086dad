"""Our stages as stem effects: exact to the sample at any position in the chain."""

import ctypes

import numpy as np
import pytest
import soundfile

from plugin_backend.errors import AudioFileError, CheckpointError, PresetError, ProjectError, RenderError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import FACTORY_BANK
from presets.lookup import target_of
from presets.store import load_preset, save_preset
from render.delivery.incremental.sample_digests import chain_of
from render.engine.faust_bridge import BridgeNode, load_bridge
from render.engine.inserts import Insert, make_insert, schedule_triggers
from render.engine.make_plan import make_plan
from render.plan.plan import Event
from render.plan.resolve import read_sheet
from render.plan.resolve_effects import describe_effect
from render.project.effect_schema import (
    Adsr,
    Convolution,
    Eq,
    Filter,
    Gain,
    Lfo,
    Pan,
    Pulses,
    Reverb,
    Transfer,
    settings_of,
)
from render.project.project import Project, Stem, read_project

RATE, BLOCK = 48_000, 512
STARTS = (5, 511, 512, 1_023, 40_000)
CLICKS = [{"id": f"c{at}", "start": f"{at}smp", "stem": "A", "preset": "click", "pan": -1} for at in STARTS]
BURSTS = [
    {"id": "a", "start": "700smp", "stem": "A", "preset": "burst", "pan": -0.4, "duration": "0.5"},
    {"id": "b", "start": "50000smp", "stem": "A", "preset": "burst", "pan": 0.5, "duration": "0.7"},
]
THROUGH = Filter(mode="high", frequency_hz=10)


@pytest.fixture
def stems_of(write_sheet, render_sheet):
    """Return a function that renders the same rows through the effects of several stems.

    It returns their samples ``[channels, n]`` by name, and the stems' entries in the report.
    """

    def render(rows, chains, layout="stereo", **fields):
        alike = [{**row, "id": f"{name}{row['id']}", "stem": name, "seed": 7} for name in chains for row in rows]
        stems = [Stem(name=name, layout=layout, effects=effects) for name, effects in chains.items()]
        audio, report = render_sheet(write_sheet(alike), stems=stems, bits=32, **fields)
        return {name: np.atleast_2d(audio[name].T) for name in chains}, report["stems"]

    return render


def pushed(effects, sound, codec=None):
    """Return ``sound`` processed by the stages themselves, in blocks of another size."""
    stages = [make_insert(effect, RATE, len(sound), BLOCK, codec) for effect in effects]
    for stage in stages:
        step = BLOCK if stage.latency_samples else 777
        sound = np.concatenate([stage.push(sound[:, at : at + step]) for at in range(0, sound.shape[1], step)], axis=1)
    return sound


def test_an_impulse_passes_through_inserts_at_its_very_sample(stems_of):
    """Identity inserts, alone and among the engine's effects, change no bit and have no latency."""
    ours, among = [Gain(), Eq(), Pan()], [Eq(), THROUGH, Gain(), Lfo(depth=0), THROUGH, Pulses(depth=0)]
    output, message = stems_of(CLICKS, {"DRY": [], "OURS": ours, "TWICE": [THROUGH, THROUGH], "AMONG": among})
    assert np.flatnonzero(output["DRY"][0]).tolist() == list(STARTS)
    np.testing.assert_array_equal(output["OURS"], output["DRY"])
    np.testing.assert_array_equal(output["AMONG"], output["TWICE"])
    assert message["AMONG"]["effects_latency_samples"] == 0


CHAIN = [
    Eq(low_cut_hz=120, peak1_db=6, high_shelf_db=-9),
    Lfo(shape="random", rate_hz=7, depth=0.8, seed=3),
    Convolution(ir="room", mix=0.4, pre_delay_ms=3),
    Pan(pan=0.3),
]


def test_a_chain_of_stages_is_the_stages_themselves(stems_of):
    reverb, knocks = Reverb(room_size=0.6), Pulses(rate_hz=10, decay_ms=5)
    chains = {"DRY": [], "A": CHAIN, "WET": [reverb], "AFTER": [reverb, knocks], "BEFORE": [knocks, reverb]}
    output, _ = stems_of(BURSTS, chains)
    assert np.abs(output["A"] - output["DRY"]).max() > 0.05
    np.testing.assert_allclose(output["A"], pushed(CHAIN, output["DRY"].astype(np.float32)), atol=1e-6)
    np.testing.assert_allclose(output["AFTER"], pushed([knocks], output["WET"].astype(np.float32)), atol=1e-7)
    assert np.abs(output["BEFORE"] - output["AFTER"]).max() > 0.01


def test_a_mono_stem_is_one_channel_to_its_stages(stems_of):
    effects = [Eq(peak2_db=12), Convolution(mix=0.5), Gain(gain_db=-6)]
    output, _ = stems_of(BURSTS, {"DRY": [], "A": effects}, layout="mono")
    np.testing.assert_allclose(output["A"], pushed(effects, output["DRY"].astype(np.float32)), atol=1e-6)


def test_every_channel_of_a_wide_stem_gets_the_same(stems_of):
    effects = [Eq(low_shelf_db=6), Lfo(shape="random", seed=9), Pulses(rate_hz=6)]
    output, _ = stems_of(BURSTS, {"DRY": [], "A": effects}, layout="5.1")
    for channel in range(3):
        alone = pushed(effects, output["DRY"][[channel]].astype(np.float32))
        np.testing.assert_allclose(output["A"][[channel]], alone, atol=1e-7)
    assert np.abs(output["A"][:3]).max(axis=1).min() > 0.01
    assert not output["A"][3:].any()


def test_cues_trigger_stages_that_can_be_triggered(stems_of):
    """An envelope opens at each cue's first sample, and closes where the last audible cue ends."""
    starts = {"a": 1_000, "b": 6_000, "c": 30_000}
    rows = [{"id": id, "start": f"{at}smp", "preset": "tone", "duration": "10000smp"} for id, at in starts.items()]
    envelope = Adsr(attack_ms=10, sustain=1, release_ms=1)
    output, _ = stems_of(rows, {"DRY": [], "A": [envelope]})
    by_hand = make_insert(envelope, RATE, 2, BLOCK, None)
    for at in starts.values():
        by_hand.trigger(at)
    for at in (16_000, 40_000):
        by_hand.release(at)
    np.testing.assert_array_equal(output["A"].astype(np.float32), by_hand.push(output["DRY"].astype(np.float32)))
    np.testing.assert_allclose(output["A"][:, 1_480:6_000], output["DRY"][:, 1_480:6_000], atol=1e-7)


def test_triggers_are_delayed_by_the_latency_before_the_stage():
    def event(start: int, end: int) -> Event:
        fields = dict.fromkeys(Event.__slots__) | {"start_samples": start, "length_samples": end - start}
        return Event(**fields)

    stage = make_insert(Adsr(), RATE, 1, BLOCK, None)
    schedule_triggers(stage, [event(500, 900), event(100, 700), event(2_000, 2_100)], late_samples=768)
    assert stage.state()["coming"].tolist() == [[868, 1], [1268, 1], [1668, 0], [2768, 1], [2868, 0]]


def test_a_transfer_is_the_node_sample_for_sample_and_aligned(stems_of):
    rows = [{"id": "a", "start": "700smp", "preset": "step-gravel"}]
    effect = Transfer(preset="cloth-leather", mix=0.7, blend=0.3, latents=["2:bias=0.5"])
    chains = {"DRY": [], "WET": [effect, Pulses(depth=0)], "LATE": [Transfer(preset="cloth-leather", mix=0)]}
    output, message = stems_of(rows, chains, layout="mono", model="foley", bank=None, tail_s=0.2)
    codec, dry = load_codec("foley"), output["DRY"]
    node = TransferNode(codec)
    node.select(target_of(load_preset(FACTORY_BANK / "cloth-leather.preset.safetensors"), codec))
    for name, value in (("mix", 0.7), ("blend", 0.3)):
        node.set(name, value)
    node.set_latent(2, "bias", 0.5)
    expected = node.push(np.pad(dry.astype(np.float32), ((0, 0), (0, node.latency_samples))))
    assert np.abs(output["WET"] - dry).max() > 0.01
    np.testing.assert_allclose(output["WET"], expected[:, node.latency_samples :], atol=1e-6)
    np.testing.assert_array_equal(output["LATE"], dry)
    assert message["WET"]["effects_latency_samples"] == codec.spec.latency_samples > 0


def plan_of(effects, write_sheet, bank, layout="stereo", **fields):
    project = Project(bank=str(bank), model="pcm", stems=[Stem(name="A", layout=layout, effects=effects)], **fields)
    return make_plan(project, read_sheet(write_sheet(CLICKS), project))


@pytest.mark.parametrize(
    ("effects", "layout", "kind", "message"),
    [
        ([Pan()], "mono", ProjectError, "stem A: pan is stereo and cannot run on mono: it has no sides"),
        (
            [Pan()],
            "lcr",
            ProjectError,
            "stem A: pan is stereo and cannot run on lcr: .*filter, eq, lfo, pulses, gain",
        ),
        ([Convolution()], "5.1", ProjectError, "stem A: convolution is stereo and cannot run on 5.1"),
        ([Adsr()], "lcr", ProjectError, "stem A: adsr is stereo and cannot run on lcr"),
        ([Transfer(preset="click")], "lcr", ProjectError, "stem A: transfer is stereo and cannot run on lcr"),
        ([Gain(gain_db=float("nan"))], "stereo", ProjectError, "stem A: gain_db nan: -60 to 24 can be used"),
        ([Convolution(ir="no.wav")], "stereo", AudioFileError, "stem A: no.wav: no such audio file"),
        ([Transfer(preset="clock")], "stereo", PresetError, "stem A: no preset 'clock' in .*; did you mean 'click'"),
        ([Transfer(preset="click", to="clock")], "stereo", PresetError, "stem A: no preset 'clock' in "),
        ([Transfer(preset="click", model="mine")], "stereo", CheckpointError, "stem A: no model 'mine': give one of"),
        (
            [Transfer(preset="click", model="foley")],
            "stereo",
            PresetError,
            "stem A: preset 'click' is of model 'pcm', not of 'foley'",
        ),
        ([Transfer(preset="click", morph=0.5)], "stereo", ProjectError, "stem A: morph needs a second preset"),
        ([Transfer(preset="click", width=1.5)], "stereo", ProjectError, "stem A: width 1.5: 0 to 1 can be used"),
        ([Transfer(preset="click", latents=["x"])], "stereo", ProjectError, "stem A: latent 'x'"),
        (
            [Transfer(preset="click", latents=["512:off"])],
            "stereo",
            ProjectError,
            "stem A: latent 512: 0 to 511 can be used",
        ),
    ],
)
def test_what_cannot_run_is_reported_before_anything_is_rendered(
    effects, layout, kind, message, write_sheet, impulse_bank
):
    with pytest.raises(kind, match=message):
        plan_of(effects, write_sheet, impulse_bank, layout)


def test_a_project_file_names_stages_and_their_files_from_its_folder(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[[stems]]\nname="A"\neffects=[{type="eq", low_cut_hz=80}, {type="lfo", shape="square", sync="tempo", bpm=90},'
        '{type="convolution", ir="hall.wav"}, {type="convolution", ir="hall"}, {type="transfer", preset="step-gravel",'
        'mix=0.5, blend=1}, {type="transfer", preset="own.preset.safetensors"}]\n'
    )
    eq, lfo, own, made, named, file = read_project(path).stems[0].effects
    assert settings_of(eq) == settings_of(Eq(low_cut_hz=80))
    assert (lfo.shape, lfo.sync, lfo.bpm) == ("square", "tempo", 90)
    assert (own.ir, made.ir) == (str(tmp_path / "hall.wav"), "hall")
    assert (named.preset, named.mix, named.blend) == ("step-gravel", 0.5, 1)
    assert file.preset == str(tmp_path / "own.preset.safetensors")


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        ("type='eq', peak1_db=99", "<= 24"),
        ("type='lfo', shape='saw'", "Invalid enum value 'saw'"),
        ("type='pulses', speed=3", "unknown field `speed`"),
        ("type='transfer'", "missing required field `preset`"),
        ("type='gain', gain_db=nan", ">= -60"),
        ("type='plugin', path=''", "length >= 1"),
    ],
)
def test_a_bad_stage_in_a_project_file_is_reported_with_its_place(effect, message, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(f"[[stems]]\nname='A'\neffects=[{{{effect}}}]\n")
    with pytest.raises(ProjectError, match=rf"p.toml: .*{message}.*\$\.stems\[0\]\.effects\[0\]"):
        read_project(path)


def test_a_revision_notices_what_is_in_the_files_of_an_effect(tmp_path, write_sheet, impulse_bank):
    bank = tmp_path / "bank"
    bank.mkdir()
    for path in impulse_bank.iterdir():
        (bank / path.name).write_bytes(path.read_bytes())
    soundfile.write(tmp_path / "ir.wav", np.array([1.0, 0.5]), RATE, "FLOAT")
    effects = [Convolution(ir=str(tmp_path / "ir.wav")), Transfer(preset="click"), Gain()]

    def chain(effects=effects) -> dict:
        return chain_of(plan_of(effects, write_sheet, bank).stems[0])

    before = chain()
    assert before == chain()
    assert str(tmp_path) not in str(before)
    assert chain([*effects[:2], Gain(gain_db=1)]) != before
    soundfile.write(tmp_path / "ir.wav", np.array([1.0, 0.25]), RATE, "FLOAT")
    after = chain()
    assert [a == b for a, b in zip(after["effects"], before["effects"], strict=True)] == [False, True, True]
    preset = load_preset(bank / "click.preset.safetensors")
    for mean in preset.means:
        mean *= 0.5
    save_preset(preset, bank)
    assert [a == b for a, b in zip(chain()["effects"], after["effects"], strict=True)] == [True, False, True]
    assert describe_effect(Reverb())["type"] == "reverb"


def test_a_mono_insert_gets_the_mean_of_both_channels():
    class Half:
        def push(self, block):
            assert block.shape == (1, 4)
            return block / 2

    block = np.array([[1, 2, 3, 4], [3, 2, 1, 0]], np.float32)
    Insert("A", [Half(), Half()], mono=True).process(0, block)
    assert block.tolist() == [[0.5] * 4, [0.5] * 4]


def test_an_insert_run_in_the_wrong_order_is_an_error():
    message, library = [], load_bridge()
    node = BridgeNode(255, 4, None, lambda position, block: block.__imul__(2), message.append)
    library.pisada_push.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_float]
    library.pisada_pull.restype = ctypes.c_float
    for t in range(4):
        for channel in (0, 1):
            library.pisada_push(255, channel, t, t + 10 * channel)
    assert [library.pisada_pull(255, 1, t) for t in range(4)] == [20, 22, 24, 26]
    assert not message
    library.pisada_pull(255, 0, 4)
    assert str(message[0]) == "the engine ran the two halves of an insert in the wrong order"
    assert node.number == 255


def test_inserts_are_counted_among_the_nodes():
    with pytest.raises(RenderError, match="at most 256 nodes; node 256 was requested"):
        BridgeNode(256, BLOCK, None, print, print)
