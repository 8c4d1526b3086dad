"""The built VST3s in DawDreamer and pedalboard, with the real backend: equal to the Python engines, bit for bit.

Jobs that need the same model go into one process a host; all start together, each once in the module.
"""

from __future__ import annotations

import numpy as np
import pytest

from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT
from plugin_backend.effects.registry import make_stage
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.lookup import target_of
from presets.store import save_preset
from render.plugin_server.engine_factory import engine_latency
from tests.render.hosted_plugin import (
    BLOCKS,
    HOP,
    HOSTS,
    RATE,
    ROWS,
    SOUND,
    Ran,
    finished,
    fractions,
    midi_of,
    notes,
    rendered,
    told_latency,
)
from tests.render.plugin_hosts import Job, Play

pytestmark = pytest.mark.juce

MOVED = {
    "mix": 0.75, "preset": 1, "preset_b": 2, "morph": 0.25, "strength": 0.9, "blend": 0.4, "follow": 0.7,
    "smooth_ms": 20, "gain_db": -3, "lfo_depth": 0.25, "latent1_bias": 0.5, "latent2_scale": 1.5, "latent3_on": 0,
}  # fmt: skip


def through_node(codec, bank: Bank, sound: np.ndarray, values: dict, lfo_rate_hz: float = 4) -> np.ndarray:
    """Process a sound with the transfer node, LFO and gain."""
    values = {name: float(np.float32(value)) for name, value in values.items()}
    node = TransferNode(codec, len(sound), multiple_samples=HOP)
    for name, slot in (("preset", "a"), ("preset_b", "b")):
        node.select(target_of(bank[bank.names[int(values[name]) - 1]], codec), slot)
    for name in ("mix", "morph", "strength", "blend", "follow", "smooth_ms"):
        node.set(name, values[name])
    for latent, name in ((1, "bias"), (2, "scale"), (3, "on")):
        node.set_latent(latent, name, values[f"latent{latent}_{name}"])
    lfo = make_stage("lfo", {"depth": values["lfo_depth"], "rate_hz": lfo_rate_hz}, RATE, len(sound))
    gain = make_stage("gain", {"gain_db": values["gain_db"]}, RATE, len(sound))
    late, count = node.latency_samples, sound.shape[1]
    whole = np.pad(sound, ((0, 0), (0, -(count + late) % HOP + late)))
    pieces = np.split(whole, whole.shape[1] // HOP, axis=1)
    return np.concatenate([gain.push(lfo.push(node.push(piece))) for piece in pieces], axis=1)[:, late:][:, :count]


@pytest.fixture(scope="module")
def tiny(tiny_models, tmp_path_factory):
    """Return a quick model's file and banks: ``one`` with three presets, ``other`` with two different ones."""
    codec, rng, folder = load_codec(str(tiny_models[0])), np.random.default_rng(5), tmp_path_factory.mktemp("tiny")
    for bank, names in (("one", ("a", "b", "c")), ("other", ("a", "b"))):
        for name in names:
            kind = "texture" if name == "b" else "hit"
            pieces = [(rng.standard_normal(9_000 + 2_000 * take) * 0.2).astype(np.float32) for take in range(4)]
            save_preset(encode_pieces(codec, name, pieces, kind), folder / bank)
    (folder / "empty").mkdir()
    return str(tiny_models[0]), codec, folder


SEEDS = 0, 471_123
AUTOMATED_BLOCKS = 512, 64, 1000
AUTOMATED = {"latent1_bias": (-0.5, 0.5), "morph": (0.0, 1.0), "gain_db": (-12.0, 0.0)}


def automation(count: int) -> dict[str, np.ndarray]:
    """Return values at each sample, in units, on a grid of 0.0001: different steps up and down for each parameter."""
    steps = np.arange(count) // 700
    return {
        name: np.round(low + (high - low) * (steps * (3 + index) % 11) / 10, 4)
        for index, (name, (low, high)) in enumerate(AUTOMATED.items())
    }


@pytest.fixture(scope="module")
def quick(hosts, tiny) -> Ran:
    """Results with the quick model; then those of processes with other banks, from DawDreamer's saved state."""
    model, _, folder = tiny
    fx, keys, state = hosts.effect, hosts.instrument, str(folder / "state")
    exact = [Job([Play(fx, fractions(**MOVED))], SOUND[:channels], block) for block in BLOCKS for channels in (1, 2)]
    dry = Job([Play(fx, fractions(**MOVED | {"mix": 0, "gain_db": 0, "lfo_depth": 0}))], SOUND, 333)
    automated = {
        ROWS[name].name: [fractions(**{name: value})[ROWS[name].name] for value in values]
        for name, values in automation(2 * SOUND.shape[1]).items()
    }
    more = [Job([Play(fx, fractions(**MOVED), automated)], SOUND, block) for block in AUTOMATED_BLOCKS]
    more += [Job([Play(keys, fractions(preset=1, seed=seed), notes=notes()) for seed in SEEDS], SOUND)]
    more += [Job([Play(fx, fractions(**MOVED), save=state)], SOUND)]
    jobs = {host: [*exact, dry] for host in HOSTS}
    jobs["dawdreamer"] += more
    done = finished({("one", host): hosts.start(host, jobs[host], model, folder / "one") for host in HOSTS})
    restored = [Job([Play(fx, load=state)], SOUND)]
    places = {("other", "dawdreamer"), ("empty", "pedalboard")}
    return done | finished({key: hosts.start(key[1], restored, model, folder / key[0]) for key in places})


@pytest.mark.parametrize("host", HOSTS)
def test_plugin_equals_engine_at_every_block_size(quick, tiny, host):
    _, codec, folder = tiny
    expected = {channels: rendered(EFFECT, codec, folder / "one", SOUND[:channels], MOVED) for channels in (1, 2)}
    np.testing.assert_array_equal(expected[2], through_node(codec, Bank(folder / "one"), SOUND, MOVED))
    assert np.abs(expected[2]).max() > 0.01
    output = iter(quick["one", host])
    for block in BLOCKS:
        for channels in (1, 2):
            (one,) = next(output)
            np.testing.assert_array_equal(one.sound, expected[channels], err_msg=f"block {block}, {channels} channels")
            assert one.latency == told_latency(block, engine_latency(EFFECT, codec.spec, RATE))
            assert one.texts["Failed"] == "no"
    (dry,) = next(output)
    np.testing.assert_array_equal(dry.sound, SOUND)


def test_automation_equals_node_values_at_hops(quick, tiny):
    """A host sets them at its blocks. Levels act there, the others from the next hop on."""
    _, codec, folder = tiny
    times = automation(2 * SOUND.shape[1])
    for (output,), block in zip(quick["one", "dawdreamer"][13:], AUTOMATED_BLOCKS, strict=False):

        def values(at: int, block: int = block) -> dict:
            return MOVED | {name: own[at // block * block] for name, own in times.items()}

        expected = rendered(EFFECT, codec, folder / "one", SOUND, values, block=block)
        np.testing.assert_array_equal(output.sound, expected, err_msg=f"block {block}")


def test_two_instruments_play_takes_of_their_seeds(quick, tiny):
    _, codec, folder = tiny
    plain, varied = quick["one", "dawdreamer"][16]
    for output, seed in zip((plain, varied), SEEDS, strict=True):
        expected = rendered(INSTRUMENT, codec, folder / "one", SOUND * 0, {"preset": 1, "seed": seed}, midi_of(notes()))
        np.testing.assert_array_equal(output.sound, expected)
        assert output.texts["Variation Seed"] == str(seed)
    assert np.abs(plain.sound - varied.sound).max() > 0.01


@pytest.mark.parametrize("place", [("other", "dawdreamer"), ("empty", "pedalboard")])
def test_saved_state_sounds_same_with_other_bank_or_none(quick, tiny, place):
    """pedalboard calls DawDreamer's file ``raw_state``."""
    ((saved,),), ((output,),) = quick["one", "dawdreamer"][17:], quick[place]
    np.testing.assert_array_equal(output.sound, saved.sound)
    assert {name: text for name, text in output.texts.items() if name in saved.texts} == saved.texts
    assert output.texts["Preset"] == "1 a"


FACTORY = {"preset": Bank(FACTORY_BANK).names.index("step-gravel") + 1, "preset_b": 3}


def test_plugin_with_factory_model_equals_node(hosts):
    jobs = [Job([Play(hosts.effect, fractions(**MOVED | FACTORY))], SOUND[:channels]) for channels in (1, 2)]
    for ((output,),) in zip(hosts.start("dawdreamer", jobs, "foley", FACTORY_BANK).results(), strict=True):
        expected = through_node(load_codec("foley"), Bank(FACTORY_BANK), SOUND[: len(output.sound)], MOVED | FACTORY)
        assert np.abs(expected).max() > 0.01
        np.testing.assert_array_equal(output.sound, expected)
