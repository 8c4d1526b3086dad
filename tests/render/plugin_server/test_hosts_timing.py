"""The built plug-ins in hosts, with a codec of known samples: latency, rates, bypass, notes; the checks of a validator.

Jobs go into one process a host; both start together, once in the module.
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

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.config import PluginConfig, write_config
from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT
from plugin_backend.daw_plugin.shared_memory import hop_of
from presets.capture import encode_pieces
from presets.store import save_preset
from render.plugin_server.engine_factory import RATES_HZ, engine_latency
from tests.render.hosted_plugin import (
    BLOCKS,
    HOSTS,
    RATE,
    SOUND,
    STRUCK,
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


def sweep(rate_hz: int) -> np.ndarray:
    """Return a sweep of two channels, 30 Hz to 17 kHz, faded at both ends."""
    count = rate_hz // 4
    phase = 2 * np.pi * np.cumsum(np.geomspace(30, 17_000, count)) / rate_hz
    ramp = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / (count / 10), 0, 1)
    return (0.5 * np.sin(np.pi / 2 * ramp) ** 2 * np.stack([np.sin(phase), np.cos(phase)])).astype(np.float32)


SWITCHED = 3_000, 8_000
"""Bypass is on between these samples, to the nearest block of 64."""


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
"""A held hum, released under the pedal; another without pedal; then a click by program change."""


def controllers_at_blocks(messages: list[tuple[int, bytes]], block: int) -> list[tuple[int, bytes]]:
    """Move controllers to the start of their block, as JUCE's hosts pass them to a VST3."""
    return [(at // block * block if message[0] == 0xB0 else at, message) for at, message in messages]


def write_midi(path: Path, messages: list[tuple[int, bytes]]) -> None:
    """Write times in the middle of samples at 48 kHz (two ticks per sample), because hosts round down."""
    file, track, last = mido.MidiFile(ticks_per_beat=24_000), mido.MidiTrack(), 0
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=250_000))
    for at, message in messages:
        track.append(mido.Message.from_bytes(message, time=2 * at + 1 - last))
        last = 2 * at + 1
    file.save(path)


@pytest.fixture(scope="module")
def bank_of_samples(tmp_path_factory) -> Path:
    """Make a bank of the identity codec: ``click`` (1, program 5) is one sample, ``hum`` (2) endless 1 kHz."""
    folder, click = tmp_path_factory.mktemp("samples"), np.zeros(2_048, np.float32)
    click[0] = 0.5
    tone = (0.25 * np.sin(2 * np.pi * np.arange(96_000) / 48)).astype(np.float32)
    own = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
    save_preset(encode_pieces(PcmCodec(), "click", [click], "hit", program=5, **own), folder)
    save_preset(encode_pieces(PcmCodec(), "hum", [tone], "texture", program=None, **own), folder)
    return folder


@pytest.fixture(scope="module")
def plain(hosts, bank_of_samples, tmp_path_factory) -> Ran:
    """Results with the identity codec: latencies, rates, switches, notes; and the LV2s."""
    fx, keys, midi = hosts.effect, hosts.instrument, str(tmp_path_factory.mktemp("midi") / "played.mid")
    write_midi(Path(midi), PEDALLED)
    half = {mix: fractions(mix=mix, gain_db=-6 * mix) for mix in (0.5, 0)}
    jobs = [Job([Play(fx, fractions(ceiling_on=0))], impulses(), block) for block in BLOCKS]
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
    board = [Job([Play(keys, own, messages=output) for own, output in messages], silence, 333)]
    more = {"dawdreamer": daw, "pedalboard": board}
    return finished({("plain", host): hosts.start(host, jobs + more[host], "pcm", bank_of_samples) for host in HOSTS})


@pytest.mark.parametrize("host", HOSTS)
def test_reported_latency_equals_measured_latency(plain, host):
    for block, (output,) in zip(BLOCKS, plain["plain", host], strict=False):
        assert output.latency == told_latency(block)
        assert output.before == 0
        np.testing.assert_array_equal(output.sound, impulses(), err_msg=f"block {block}")


@pytest.mark.parametrize("host", HOSTS)
def test_wet_and_dry_are_aligned_at_every_rate(plain, host):
    output = iter(plain["plain", host][len(BLOCKS) :])
    for rate in RATES_HZ:
        (half,), (dry,) = next(output), next(output)
        assert (
            half.latency == dry.latency == told_latency(512, engine_latency(EFFECT, PcmCodec.spec, rate), hop_of(rate))
        )
        np.testing.assert_array_equal(dry.sound, sweep(rate), err_msg=f"{rate} Hz")
        expected = sweep(rate) * 10 ** (-3 / 20)
        off = np.abs(half.sound - expected).max() / np.abs(expected).max()
        assert off < 1e-4, f"{rate} Hz: {20 * np.log10(off):.1f} dB"


def test_bypass_switches_without_jump(plain):
    (switched, wet), (whole,) = plain["plain", "dawdreamer"][len(BLOCKS) + 2 * len(RATES_HZ) :][:2]
    np.testing.assert_array_equal(whole.sound, SOUND)
    sound, late = (0.5 * np.sin(2 * np.pi * np.arange(16_384) / 400)).astype(np.float32), switched.latency
    output, own, fade = switched.sound[0], wet.sound[0], RATE // 200
    on, off = (at // 64 * 64 - late for at in SWITCHED)  # in samples of the output
    np.testing.assert_array_equal(output[:on], own[:on])
    np.testing.assert_array_equal(output[on + fade : off], sound[on + fade : off])
    np.testing.assert_array_equal(output[off + fade :], own[off + fade :])
    assert np.abs(output - own)[on : off + fade].max() > 0.2
    assert np.abs(np.diff(output)).max() < 1.5 * np.abs(np.diff(sound)).max()


def wanted_notes(bank: Path) -> tuple[list[np.ndarray], Callable[[int], np.ndarray]]:
    """Return the expected output of ``PLAYED``; and a function from a block size to that of ``PEDALLED``."""

    def play(number: int, messages: list[tuple[int, bytes]]) -> np.ndarray:
        return rendered(INSTRUMENT, PcmCodec(), bank, np.zeros_like(SOUND), {"preset": number}, messages)

    played = [play(number, midi_of(own.notes)) for number, own in enumerate(PLAYED, 1)]
    return played, lambda block: play(2, controllers_at_blocks(PEDALLED, block))


def test_notes_begin_at_their_samples_and_equal_engine(plain, bank_of_samples):
    expected, pedalled = wanted_notes(bank_of_samples)
    assert np.flatnonzero(expected[0][0]).tolist() == [at for at, _ in STRUCK]
    assert np.flatnonzero(pedalled(1)[0][:7_000])[-1] in range(4_001, 4_600)
    assert pedalled(1)[0, 10_000] == 0.5
    output = plain["plain", "dawdreamer"][len(BLOCKS) + 2 * len(RATES_HZ) + 2 :]
    for block, both in zip(BLOCKS, output, strict=False):
        for one, own in zip(both, expected, strict=True):
            np.testing.assert_array_equal(one.sound, own, err_msg=f"block {block}")
            assert (one.latency, one.before) == (told_latency(block), 0)
    ((by_file,),) = output[len(BLOCKS) :][:1]
    np.testing.assert_array_equal(by_file.sound, pedalled(333))
    (three,) = plain["plain", "pedalboard"][len(BLOCKS) + 2 * len(RATES_HZ) :]
    for one, own in zip(three, [*expected, pedalled(333)], strict=True):
        np.testing.assert_array_equal(one.sound, own)


def test_notes_at_other_rates_have_reported_latency(plain, bank_of_samples):
    for rate, (output,) in zip(OTHERS, plain["plain", "dawdreamer"][-2 - len(OTHERS) :], strict=False):
        values, messages = {"preset": 1}, midi_of(notes())
        expected = rendered(INSTRUMENT, PcmCodec(), bank_of_samples, np.zeros_like(SOUND), values, messages, rate)
        np.testing.assert_array_equal(output.sound, expected, err_msg=f"{rate} Hz")
        engine = engine_latency(INSTRUMENT, PcmCodec.spec, rate)
        assert output.latency == told_latency(512, engine, hop_of(rate))


def test_lv2_equals_engine_with_controllers_at_their_samples(plain, bank_of_samples):
    ((played,), (moved,)) = plain["plain", "dawdreamer"][-2:]
    np.testing.assert_array_equal(played.sound, wanted_notes(bank_of_samples)[1](1))
    values = {"gain_db": -6, "latent3_bias": 0.25}
    np.testing.assert_array_equal(moved.sound, rendered(EFFECT, PcmCodec(), bank_of_samples, SOUND, values))
    assert played.latency == moved.latency == told_latency(333)


def test_validator_cases_find_nothing(hosts, bank_of_samples, tmp_path):
    """See ``plugin_checker.py``: our own, because no other validator is available."""
    write_config(PluginConfig(sys.executable, "pcm", (str(bank_of_samples),)), tmp_path / "plugin.conf")
    own = {"PISADA_PLUGIN_CONFIG": str(tmp_path / "plugin.conf"), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, str(Path(__file__).parents[1] / "plugin_checker.py"), hosts.effect]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {}
