"""The built VST3s in DawDreamer and pedalboard, with the real backend: to the bit what the Python engines make.

Jobs that need the same model go into one process a host; all start together, each once in the module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest

from plugin_backend.codecs import load_codec
from plugin_backend.dsp import make_stage
from plugin_backend.pcm_codec import PcmCodec
from plugin_backend.plugin.config import PluginConfig, write_config
from plugin_backend.plugin.memory import hop_of, parameter_row
from plugin_backend.plugin.parameters import EFFECT, INSTRUMENT, PLUGIN_PARAMETERS
from plugin_backend.transfer.node import TransferNode
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from render.apply.targets import target_of
from render.plugin.engines import RATES_HZ, engine_latency, make_engine
from render.plugin.shelf import Shelf
from tests.render.plugin_hosts import Heard, HostProcess, Job, Play

pytestmark = pytest.mark.juce
HOSTS = "dawdreamer", "pedalboard"
BLOCKS = 1, 64, 333, 512, 1000, 4096
RATE, HOP = 48_000, 512
ROWS = {parameter.id: parameter for parameter in PLUGIN_PARAMETERS}
SOUND = (np.random.default_rng(3).standard_normal((2, 12_000)) * 0.1).astype(np.float32)
BENT = {"ms", "Hz"}
"""Units of parameters whose middle is a tenth of their range."""

MOVED = {
    "mix": 0.75, "preset": 1, "preset_b": 2, "morph": 0.25, "strength": 0.9, "blend": 0.4, "follow": 0.7,
    "smooth_ms": 20, "gain_db": -3, "lfo_depth": 0.25, "latent1_bias": 0.5, "latent2_scale": 1.5, "latent3_on": 0,
}  # fmt: skip


def fractions(**values: float) -> dict[str, float]:
    """Parameters in their units, as hosts hand them over, by the names they show."""
    told = {}
    for name, value in values.items():
        row = ROWS[name].row
        told[ROWS[name].name] = ((value - row.low) / (row.high - row.low)) ** (
            np.log(0.5) / np.log(0.1) if row.unit in BENT else 1
        )
    return told


def rendered(
    kind: str,
    codec,
    bank: Path,
    sound: np.ndarray,
    values: dict | Callable[[int], dict],
    events=(),
    rate_hz: int = RATE,
) -> np.ndarray:
    """By the engine, here; its latency taken out. ``events`` are by sample."""
    hop, count = hop_of(rate_hz), sound.shape[1]
    engine = make_engine(kind, codec, Shelf(Bank(bank)), rate_hz, len(sound), hop, 0)
    whole = np.pad(sound, ((0, 0), (0, -(count + engine.latency_samples) % hop + engine.latency_samples)))
    out = []
    for at in range(0, whole.shape[1], hop):
        here = [(sample - at, message) for sample, message in events if at <= sample < at + hop]
        row = parameter_row(**(values(at) if callable(values) else values))
        out.append(engine.push(whole[:, at : at + hop], row, here, True))
    engine.close()
    assert engine.problems == []
    return np.concatenate(out, axis=1)[:, engine.latency_samples :][:, :count]


def through_node(codec, bank: Bank, sound: np.ndarray, values: dict, lfo_rate_hz: float = 4) -> np.ndarray:
    """By the transfer node, then LFO and gain."""
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


def told_latency(block: int, engine: int = 0, hop: int = HOP) -> int:
    return (-(-block // hop) + 1) * hop + engine


class Hosts:
    """Starts host processes, each with a config of its own and nothing of the user's."""

    def __init__(self, folder: Path, bundles: list[Path]):
        self._folder, self._count = folder, 0
        self.effect, self.instrument = (
            str(next(path for path in bundles if path.name == f"{name}.vst3"))
            for name in ("Pisada", "Pisada Instrument")
        )
        self._lv2 = next(path for path in bundles if path.name == "Pisada.lv2").parent

    def start(self, host: str, jobs: list[Job], model: str, bank: Path) -> HostProcess:
        self._count += 1
        own = self._folder / f"{self._count}-{host}"
        write_config(PluginConfig(sys.executable, model, str(bank)), own / "plugin.conf")
        (own / ".lv2").symlink_to(self._lv2)
        variables = {"PISADA_PLUGIN_CONFIG": str(own / "plugin.conf"), "XDG_CACHE_HOME": str(own / "cache")}
        variables["HOME"] = str(own)
        return HostProcess(host, own, jobs, variables)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory, built_bundles) -> Hosts:
    return Hosts(tmp_path_factory.mktemp("hosts"), built_bundles)


@pytest.fixture(scope="module")
def tiny(tiny_models, tmp_path_factory):
    """A quick model's file, and banks of its: ``one`` of three presets, ``other`` of two that sound otherwise."""
    codec, rng, folder = load_codec(str(tiny_models[0])), np.random.default_rng(5), tmp_path_factory.mktemp("tiny")
    for bank, names in (("one", ("a", "b", "c")), ("other", ("a", "b"))):
        for name in names:
            kind = "texture" if name == "b" else "hit"
            pieces = [(rng.standard_normal(9_000 + 2_000 * take) * 0.2).astype(np.float32) for take in range(4)]
            save_preset(encode_pieces(codec, name, pieces, kind), folder / bank)
    (folder / "empty").mkdir()
    return str(tiny_models[0]), codec, folder


STRUCK = [(0, 100), (3_001, 64), (3_002, 32), (5_119, 1), (5_120, 127)]
"""Sample, velocity."""


def notes(struck=STRUCK, length: int = 100) -> list[tuple[int, int, int, int]]:
    return [(60 + index, velocity, at, length) for index, (at, velocity) in enumerate(struck)]


def midi_of(struck: list[tuple[int, int, int, int]]) -> list[tuple[int, bytes]]:
    """Notes as messages by sample."""
    messages = [(at, bytes([0x90, key, velocity])) for key, velocity, at, _ in struck]
    return sorted(messages + [(at + length, bytes([0x80, key, 0])) for key, _, at, length in struck])


SEEDS = 0, 471_123
AUTOMATED_BLOCKS = 512, 64, 1000
AUTOMATED = {"latent1_bias": (-0.5, 0.5), "morph": (0.0, 1.0), "gain_db": (-12.0, 0.0)}


def automation(count: int) -> dict[str, np.ndarray]:
    """At each sample, in units, on the grid of 0.0001: up and down by steps, a different one each."""
    steps = np.arange(count) // 700
    return {
        name: np.round(low + (high - low) * (steps * (3 + index) % 11) / 10, 4)
        for index, (name, (low, high)) in enumerate(AUTOMATED.items())
    }


Ran = dict[tuple[str, str], list[list[Heard]]]
"""By bank and host, what came of every job."""


def finished(begun: dict[tuple[str, str], HostProcess]) -> Ran:
    return {key: process.heard() for key, process in begun.items()}


@pytest.fixture(scope="module")
def quick(hosts, tiny) -> Ran:
    """Of the quick model; then what other processes, with other banks, made of the state that DawDreamer saved."""
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
def test_at_every_block_it_is_the_engine_to_the_bit(quick, tiny, host):
    _, codec, folder = tiny
    wanted = {channels: rendered(EFFECT, codec, folder / "one", SOUND[:channels], MOVED) for channels in (1, 2)}
    np.testing.assert_array_equal(wanted[2], through_node(codec, Bank(folder / "one"), SOUND, MOVED))
    assert np.abs(wanted[2]).max() > 0.01
    heard = iter(quick["one", host])
    for block in BLOCKS:
        for channels in (1, 2):
            (one,) = next(heard)
            np.testing.assert_array_equal(one.sound, wanted[channels], err_msg=f"block {block}, {channels} channels")
            assert one.latency == told_latency(block, engine_latency(EFFECT, codec.spec, RATE))
            assert one.texts["Failed"] == "no"
    (dry,) = next(heard)
    np.testing.assert_array_equal(dry.sound, SOUND)


def test_automation_is_the_nodes_own_values_at_its_hops(quick, tiny):
    """A host sets them at its blocks; a hop takes what holds as its first sample comes."""
    _, codec, folder = tiny
    times = automation(2 * SOUND.shape[1])
    for (heard,), block in zip(quick["one", "dawdreamer"][13:], AUTOMATED_BLOCKS, strict=False):

        def values(at: int, block: int = block) -> dict:
            return MOVED | {name: own[at // block * block] for name, own in times.items()}

        wanted = rendered(EFFECT, codec, folder / "one", SOUND, values)
        np.testing.assert_array_equal(heard.sound, wanted, err_msg=f"block {block}")


def test_two_instruments_side_by_side_play_each_its_seeds_takes(quick, tiny):
    _, codec, folder = tiny
    plain, varied = quick["one", "dawdreamer"][16]
    for heard, seed in zip((plain, varied), SEEDS, strict=True):
        wanted = rendered(INSTRUMENT, codec, folder / "one", SOUND * 0, {"preset": 1, "seed": seed}, midi_of(notes()))
        np.testing.assert_array_equal(heard.sound, wanted)
        assert heard.texts["Variation Seed"] == str(seed)
    assert np.abs(plain.sound - varied.sound).max() > 0.01


@pytest.mark.parametrize("place", [("other", "dawdreamer"), ("empty", "pedalboard")])
def test_a_state_sounds_the_same_with_another_bank_and_with_none(quick, tiny, place):
    """DawDreamer's file is what pedalboard calls ``raw_state``."""
    ((saved,),), ((heard,),) = quick["one", "dawdreamer"][17:], quick[place]
    np.testing.assert_array_equal(heard.sound, saved.sound)
    assert {name: text for name, text in heard.texts.items() if name in saved.texts} == saved.texts
    assert heard.texts["Preset"] == "1 a"


def sweep(rate_hz: int) -> np.ndarray:
    """Two channels, 30 Hz to 17 kHz, faded at both ends."""
    count = rate_hz // 4
    phase = 2 * np.pi * np.cumsum(np.geomspace(30, 17_000, count)) / rate_hz
    ramp = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (count / 10), 0, 1)
    return (0.5 * np.sin(np.pi / 2 * ramp) ** 2 * np.stack([np.sin(phase), np.cos(phase)])).astype(np.float32)


SWITCHED = 3_000, 8_000
"""Bypass is on between these samples, as far as blocks of 64 tell."""


def impulses(count: int = 16_384) -> np.ndarray:
    sound = np.zeros((2, count), np.float32)
    sound[:, [0, 777, 5_001]] = [[1.0, 0.5, 0.25], [-1.0, 0.25, 0.5]]
    return sound


PLAYED = [Play("", fractions(preset=1), notes=notes()), Play("", fractions(preset=2), notes=notes([(700, 90)], 6_000))]
"""Clicks and a held hum."""

OTHERS = 44_100, 96_000
"""Rates, in Hz."""

PEDALLED = [
    (100, bytes([0x90, 60, 100])), (900, bytes([0xB0, 64, 127])), (1_500, bytes([0x80, 60, 0])),
    (4_001, bytes([0xB0, 64, 0])), (7_000, bytes([0x90, 62, 64])), (9_000, bytes([0x80, 62, 0])),
    (9_100, bytes([0xC0, 5])), (10_000, bytes([0x90, 64, 127])),
]  # fmt: skip
"""A held hum, let go under the pedal, another without; then by program a click."""


def controllers_at_blocks(messages: list[tuple[int, bytes]], block: int) -> list[tuple[int, bytes]]:
    """As JUCE's hosts hand a VST3 its controllers: where their block begins."""
    return [(at // block * block if message[0] == 0xB0 else at, message) for at, message in messages]


def write_midi(path: Path, messages: list[tuple[int, bytes]]) -> None:
    """In the middle of samples at 48 kHz, as hosts cut times off: two ticks a sample."""
    file, track, last = mido.MidiFile(ticks_per_beat=24_000), mido.MidiTrack(), 0
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=250_000))
    for at, message in messages:
        track.append(mido.Message.from_bytes(message, time=2 * at + 1 - last))
        last = 2 * at + 1
    file.save(path)


@pytest.fixture(scope="module")
def bank_of_samples(tmp_path_factory) -> Path:
    """Of the identity codec: ``click`` (number 1, program 5) is one sample, ``hum`` (2) 1 kHz without an end."""
    folder, click = tmp_path_factory.mktemp("samples"), np.zeros(2_048, np.float32)
    click[0] = 0.5
    tone = (0.25 * np.sin(2 * np.pi * np.arange(96_000) / 48)).astype(np.float32)
    own = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
    save_preset(encode_pieces(PcmCodec(), "click", [click], "hit", program=5, **own), folder)
    save_preset(encode_pieces(PcmCodec(), "hum", [tone], "texture", program=None, **own), folder)
    return folder


@pytest.fixture(scope="module")
def plain(hosts, bank_of_samples, tmp_path_factory) -> Ran:
    """Of the identity codec: latencies, rates, switches, notes; and the LV2s."""
    fx, keys, midi = hosts.effect, hosts.instrument, str(tmp_path_factory.mktemp("midi") / "played.mid")
    write_midi(Path(midi), PEDALLED)
    half = {mix: fractions(mix=mix, gain_db=-6 * mix) for mix in (0.5, 0)}
    jobs = [Job([Play(fx)], impulses(), block) for block in BLOCKS]
    jobs += [Job([Play(fx, half[mix])], sweep(rate), 512, rate) for rate in RATES_HZ for mix in half]
    on = np.isin(np.arange(32_768) // 64, np.arange(*(at // 64 for at in SWITCHED)))
    tone = (0.5 * np.sin(2 * np.pi * np.arange(16_384) / 400) * np.ones((2, 1))).astype(np.float32)
    lower, silence = fractions(gain_db=-6), np.zeros_like(SOUND)
    daw = [
        Job([Play(fx, lower, {"Bypass": on}), Play(fx, lower)], tone, 64),
        Job([Play(fx, fractions(gain_db=-6, bypass=1))], SOUND, 333),
        *(Job([Play(keys, play.set, notes=play.notes) for play in PLAYED], silence, block) for block in BLOCKS),
        Job([Play(keys, fractions(preset=2), midi=midi)], silence, 333),
        *(Job([Play(keys, PLAYED[0].set, notes=notes())], silence, 512, rate) for rate in OTHERS),
        Job([Play("urn:pisada:instrument", fractions(preset=2), midi=midi)], silence, 333),
        Job([Play("urn:pisada:effect", fractions(gain_db=-6, latent3_bias=0.25))], SOUND, 333),
    ]
    messages = [*((play.set, midi_of(play.notes)) for play in PLAYED), (fractions(preset=2), PEDALLED)]
    board = [Job([Play(keys, own, messages=heard) for own, heard in messages], silence, 333)]
    more = {"dawdreamer": daw, "pedalboard": board}
    return finished({("plain", host): hosts.start(host, jobs + more[host], "pcm", bank_of_samples) for host in HOSTS})


@pytest.mark.parametrize("host", HOSTS)
def test_the_latency_told_is_the_latency_measured(plain, host):
    for block, (heard,) in zip(BLOCKS, plain["plain", host], strict=False):
        assert heard.latency == told_latency(block)
        assert heard.before == 0
        np.testing.assert_array_equal(heard.sound, impulses(), err_msg=f"block {block}")


@pytest.mark.parametrize("host", HOSTS)
def test_at_every_rate_wet_and_dry_lie_on_each_other(plain, host):
    heard = iter(plain["plain", host][len(BLOCKS) :])
    for rate in RATES_HZ:
        (half,), (dry,) = next(heard), next(heard)
        assert (
            half.latency == dry.latency == told_latency(512, engine_latency(EFFECT, PcmCodec.spec, rate), hop_of(rate))
        )
        np.testing.assert_array_equal(dry.sound, sweep(rate), err_msg=f"{rate} Hz")
        wanted = sweep(rate) * 10 ** (-3 / 20)
        off = np.abs(half.sound - wanted).max() / np.abs(wanted).max()
        assert off < 1e-4, f"{rate} Hz: {20 * np.log10(off):.1f} dB"


def test_bypass_goes_on_and_off_without_a_jump(plain):
    (switched, wet), (whole,) = plain["plain", "dawdreamer"][len(BLOCKS) + 2 * len(RATES_HZ) :][:2]
    np.testing.assert_array_equal(whole.sound, SOUND)
    sound, late = (0.5 * np.sin(2 * np.pi * np.arange(16_384) / 400)).astype(np.float32), switched.latency
    heard, own, fade = switched.sound[0], wet.sound[0], RATE // 200
    on, off = (at // 64 * 64 - late for at in SWITCHED)  # of what is heard then
    np.testing.assert_array_equal(heard[:on], own[:on])
    np.testing.assert_array_equal(heard[on + fade : off], sound[on + fade : off])
    np.testing.assert_array_equal(heard[off + fade :], own[off + fade :])
    assert np.abs(heard - own)[on : off + fade].max() > 0.2
    assert np.abs(np.diff(heard)).max() < 1.5 * np.abs(np.diff(sound)).max()


def wanted_notes(bank: Path) -> tuple[list[np.ndarray], Callable[[int], np.ndarray]]:
    """What ``PLAYED`` is; and what ``PEDALLED``, its controllers at the blocks of so many samples."""

    def play(number: int, messages: list[tuple[int, bytes]]) -> np.ndarray:
        return rendered(INSTRUMENT, PcmCodec(), bank, np.zeros_like(SOUND), {"preset": number}, messages)

    played = [play(number, midi_of(own.notes)) for number, own in enumerate(PLAYED, 1)]
    return played, lambda block: play(2, controllers_at_blocks(PEDALLED, block))


def test_notes_begin_at_their_samples_and_are_the_engines_own(plain, bank_of_samples):
    wanted, pedalled = wanted_notes(bank_of_samples)
    assert np.flatnonzero(wanted[0][0]).tolist() == [at for at, _ in STRUCK]
    assert np.flatnonzero(pedalled(1)[0][:7_000])[-1] in range(4_001, 4_600)
    assert pedalled(1)[0, 10_000] == 0.5
    heard = plain["plain", "dawdreamer"][len(BLOCKS) + 2 * len(RATES_HZ) + 2 :]
    for block, both in zip(BLOCKS, heard, strict=False):
        for one, own in zip(both, wanted, strict=True):
            np.testing.assert_array_equal(one.sound, own, err_msg=f"block {block}")
            assert (one.latency, one.before) == (told_latency(block), 0)
    ((by_file,),) = heard[len(BLOCKS) :][:1]
    np.testing.assert_array_equal(by_file.sound, pedalled(333))
    (three,) = plain["plain", "pedalboard"][len(BLOCKS) + 2 * len(RATES_HZ) :]
    for one, own in zip(three, [*wanted, pedalled(333)], strict=True):
        np.testing.assert_array_equal(one.sound, own)


def test_at_other_rates_notes_are_the_engines_as_late_as_told(plain, bank_of_samples):
    for rate, (heard,) in zip(OTHERS, plain["plain", "dawdreamer"][-2 - len(OTHERS) :], strict=False):
        values, messages = {"preset": 1}, midi_of(notes())
        wanted = rendered(INSTRUMENT, PcmCodec(), bank_of_samples, np.zeros_like(SOUND), values, messages, rate)
        np.testing.assert_array_equal(heard.sound, wanted, err_msg=f"{rate} Hz")
        engine = engine_latency(INSTRUMENT, PcmCodec.spec, rate)
        assert heard.latency == told_latency(512, engine, hop_of(rate))


def test_the_lv2s_are_the_engines_too_and_get_controllers_at_their_samples(plain, bank_of_samples):
    ((played,), (moved,)) = plain["plain", "dawdreamer"][-2:]
    np.testing.assert_array_equal(played.sound, wanted_notes(bank_of_samples)[1](1))
    values = {"gain_db": -6, "latent3_bias": 0.25}
    np.testing.assert_array_equal(moved.sound, rendered(EFFECT, PcmCodec(), bank_of_samples, SOUND, values))
    assert played.latency == moved.latency == told_latency(333)


FACTORY = {"preset": Bank(FACTORY_BANK).names.index("step-gravel") + 1, "preset_b": 3}


def test_with_the_factorys_model_it_is_the_node_to_the_bit(hosts):
    jobs = [Job([Play(hosts.effect, fractions(**MOVED | FACTORY))], SOUND[:channels]) for channels in (1, 2)]
    for ((heard,),) in zip(hosts.start("dawdreamer", jobs, "foley", FACTORY_BANK).heard(), strict=True):
        wanted = through_node(load_codec("foley"), Bank(FACTORY_BANK), SOUND[: len(heard.sound)], MOVED | FACTORY)
        assert np.abs(wanted).max() > 0.01
        np.testing.assert_array_equal(heard.sound, wanted)


def test_a_validators_cases_find_nothing(hosts, bank_of_samples, tmp_path):
    """See ``plugin_checker.py``: ours, as no other is to be had."""
    write_config(PluginConfig(sys.executable, "pcm", str(bank_of_samples)), tmp_path / "plugin.conf")
    own = {"PISADA_PLUGIN_CONFIG": str(tmp_path / "plugin.conf"), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, str(Path(__file__).with_name("plugin_checker.py")), hosts.effect]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {}
