"""The plug-in's ceiling, and automation within hops: exact to the sample at any rate."""

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.daw_plugin.parameters import INDEX
from plugin_backend.daw_plugin.shared_memory import hop_of, parameter_row
from plugin_backend.effects.limiter import limiter_latency
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from render.plugin_server.engine import Change
from render.plugin_server.engine_factory import engine_latency, make_engine, make_sound_engine
from render.plugin_server.instance import _changes
from render.plugin_server.preset_slots import PresetPool

RATE = 48_000


def played(engine, sound: np.ndarray, steps=(), first=None) -> np.ndarray:
    """Play ``sound`` with changes of parameters at samples, as the dispatcher does."""
    row, out, hop = parameter_row(**(first or {})), [], engine.hop_samples
    for at in range(0, sound.shape[1], hop):
        here = [(sample - at, INDEX[name], value) for sample, name, value in steps if at <= sample < at + hop]
        for sample, index, value in here:
            if sample == 0:
                row[index] = value
        changes = [Change(*step) for step in here if step[0]]
        out.append(engine.push(sound[:, at : at + hop], row.copy(), [], True, changes))
        for _, index, value in here:
            row[index] = value
    return np.concatenate(out, axis=1)


@pytest.fixture
def engines(impulse_bank):
    """Make engines of a kind and rate; they are closed after the test."""
    made = []

    def make(rate_hz=RATE, kind="effect", codec=None, factory=make_engine):
        sizes = rate_hz, 1, hop_of(rate_hz), 0
        made.append(factory(kind, codec or PcmCodec(), PresetPool(Bank(impulse_bank)), *sizes))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


@pytest.mark.parametrize("kind", ["effect", "instrument"])
@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
def test_the_ceiling_adds_the_latency_that_is_announced(engines, rate_hz, kind):
    engine, without = engines(rate_hz, kind), engines(rate_hz, kind, factory=make_sound_engine)
    assert engine.latency_samples == without.latency_samples + limiter_latency(rate_hz)
    assert engine.latency_samples == engine_latency(kind, PcmCodec.spec, rate_hz)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_loud_square_stays_below_the_ceiling_and_passes_without_it(engines, rate_hz):
    square = np.sign(np.sin(2 * np.pi * 313 * np.arange(60 * hop_of(rate_hz)) / rate_hz)).astype(np.float32)[None]
    engine = engines(rate_hz)
    limited = played(engine, square, first={"gain_db": 24.0})
    assert 0.6 < np.abs(limited[:, 20_000:]).max() < 10 ** (-1 / 20)
    engine.reset()
    lower = played(engine, square, [(9_999, "ceiling_dbtp", -12.0)], {"gain_db": 24.0})
    at = 9_999 + engine.latency_samples
    np.testing.assert_array_equal(lower[:, : at - 64], limited[:, : at - 64])
    assert 0.15 < np.abs(lower[:, at + 100 :]).max() < 10 ** (-12 / 20)
    engine.reset()
    assert np.abs(played(engine, square, first={"gain_db": 24.0, "ceiling_on": 0.0})).max() > 15


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_a_level_acts_on_the_sound_of_its_sample(engines, rate_hz):
    """The steady tone changes at the very sample, later by the latency."""
    tone = (0.1 * np.cos(2 * np.pi * 100 * np.arange(40 * hop_of(rate_hz)) / rate_hz)).astype(np.float32)[None]
    engine = engines(rate_hz)
    steady = played(engine, tone)
    for at in (3_001, 3_002, 5 * hop_of(rate_hz), 5 * hop_of(rate_hz) + 1):
        engine.reset()
        turned = played(engine, tone, [(at, "gain_db", -60.0)])
        differs = np.flatnonzero(np.abs(turned - steady)[0] > 1e-7)
        assert 0 <= differs[0] - at - engine.latency_samples < 20, at  # a raised cosine begins flat
        np.testing.assert_array_equal(
            turned[:, : at + engine.latency_samples], steady[:, : at + engine.latency_samples]
        )


def test_the_mixture_of_a_model_with_latency_is_exact(engines):
    """From a change on, with its glide, only the dry sound is left, until a later change."""
    noise = (0.1 * np.random.default_rng(1).standard_normal((1, 40 * 512))).astype(np.float32)
    engine = engines(codec=load_codec("foley"))
    output = played(engine, noise, [(1_530, "mix", 0.0), (9_001, "mix", 1.0)])
    engine.reset()
    wet = played(engine, noise)
    first, dry, again = (at + engine.latency_samples for at in (1_530, 1_530 + 2_400, 9_001))
    np.testing.assert_array_equal(output[:, :first], wet[:, :first])
    np.testing.assert_array_equal(output[:, dry:again], noise[:, 1_530 + 2_400 : 9_001])


def test_a_slots_curves_are_its_changes_in_order():
    curves = np.zeros((6, 512), np.float32)
    assert _changes(curves) == []
    curves[0, 7:], curves[3, 7:], curves[3, 500:] = 0.5, -6, np.nan
    found = _changes(curves)
    assert found[:2] == [Change(7, INDEX["mix"], 0.5), Change(7, INDEX["gain_db"], -6.0)]
    assert [change.sample for change in found[2:]] == list(range(500, 512))
