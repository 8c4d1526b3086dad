"""Chains of stages: late ones in a row, any of them in any order, and what `pisada apply` makes of the same sound."""

import ctypes
import re

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_backend.effects.parameters import CONTROLS, FIXED, PER_CHANNEL
from plugin_backend.errors import RenderError, WorkerError
from plugin_backend.models.registry import load_codec
from plugin_backend.parameters import Choice, Text
from plugin_backend.transfer.settings import Settings
from presets.bank import FACTORY_BANK, Bank
from render.apply.applier import Applier
from render.engine.faust_bridge import BridgeNode
from render.engine.inserts import Insert, make_insert
from render.engine.stream import RenderProcess
from render.project import effect_schema as stage_tables
from render.project.effect_schema import Adsr, Gain, Plugin, Pulses, Transfer
from render.project.project import Stem

RATE, BLOCK, COUNT = 48_000, 512, 20 * 512
NOISE = (np.random.default_rng(3).standard_normal((2, COUNT)) * 0.1).astype(np.float32)
STRIKES = {700: "trigger", 4_000: "release", 4_096: "trigger"}
ROWS = [
    {"id": "a", "start": "700smp", "preset": "step-gravel", "pan": -0.4},
    {"id": "b", "start": "11000smp", "preset": "step-wood", "pan": 0.7},
]
FACTORY = {"model": "foley", "bank": None, "bits": 32, "tail_s": 0.1}


@pytest.fixture
def stems_of(write_sheet, render_sheet, tmp_path):
    """The same cues through each of several chains; answers their samples ``[channels, n]`` by name."""

    def render(chains: dict[str, list], rows=ROWS, layout="stereo", **fields) -> dict[str, np.ndarray]:
        alike = [{**row, "id": f"{name}{row['id']}", "stem": name, "seed": 7} for name in chains for row in rows]
        stems = [Stem(name=name, layout=layout, effects=effects) for name, effects in chains.items()]
        audio, _ = render_sheet(write_sheet(alike), stems=stems, **{"bits": 32, **fields})
        return {name: np.atleast_2d(audio[name].T) for name in chains}

    return render


def test_late_stages_in_a_row_stay_aligned_and_strike_when_their_sound_comes(stems_of):
    late, envelope = Transfer(preset="cloth-leather", mix=0), Adsr(attack_ms=2, release_ms=20)
    knocks = Pulses(rate_hz=9, sync="trigger")
    chains = {"DRY": [], "TWICE": [late, late], "NOW": [envelope, knocks], "LATE": [late, envelope, late, knocks]}
    heard = stems_of(chains, layout="mono", **FACTORY)
    np.testing.assert_array_equal(heard["TWICE"], heard["DRY"])
    assert np.abs(heard["NOW"] - heard["DRY"]).max() > 0.01
    np.testing.assert_array_equal(heard["LATE"], heard["NOW"])


def test_a_transfer_in_a_stem_is_the_file_that_apply_makes_as_it_goes(stems_of, tmp_path):
    effect = Transfer(preset="cloth-leather", mix=0.8, blend=0.7, gain_db=-2, smooth_ms=20, latents=["2:bias=0.5"])
    heard = stems_of({"DRY": [], "WET": [effect]}, **FACTORY)
    source = tmp_path / "dry.wav"
    soundfile.write(source, heard["DRY"].T, RATE, "FLOAT")
    controls = {"mix": 0.8, "blend": 0.7, "gain_db": -2.0, "smooth_ms": 20.0}
    how = Settings("transfer", controls, {2: {"bias": 0.5}}, running=True, bits=32)
    done = Applier(load_codec("foley"), Bank(FACTORY_BANK)["cloth-leather"], how).apply(source, tmp_path / "wet.wav")
    applied = soundfile.read(done.path, dtype="float32")[0].T
    assert np.abs(applied - heard["DRY"]).max() > 0.01
    np.testing.assert_allclose(applied, heard["WET"], rtol=0, atol=1e-7)


def value_of(row, share: float):
    """A value in a row's range, which ``share`` 0..1 picks."""
    if isinstance(row, Text):
        return ("room", "hall")[round(share)]
    if isinstance(row, Choice):
        return row.names[round(share * (len(row.names) - 1))]
    return row.low + share * (row.high - row.low)


@st.composite
def chains(draw, kinds=tuple(CONTROLS)):
    """One to five effects, about half of their settings anywhere in range."""
    effects = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5)):
        rows = {**FIXED.get(kind, {}), **CONTROLS[kind]}
        chosen = draw(st.dictionaries(st.sampled_from(list(rows)), st.floats(0, 1), max_size=len(rows) // 2 + 1))
        own = {name: value_of(rows[name], share) for name, share in chosen.items()}
        effects.append(getattr(stage_tables, kind.capitalize())(**own))
    return effects


def through(effects, sound: np.ndarray, size: int) -> np.ndarray:
    """``sound``, one channel or two, through the effects as one insert in blocks of ``size``; it is struck."""
    stages, sound = [make_insert(effect, RATE, len(sound), BLOCK, None) for effect in effects], sound.copy()
    insert = Insert("A", stages, mono=len(sound) == 1)
    for stage in stages:
        for at, what in STRIKES.items():
            if hasattr(stage, what):
                getattr(stage, what)(at)
    out = np.broadcast_to(sound, (2, sound.shape[1])).copy()
    for at in range(0, sound.shape[1], size):
        insert.process(at, out[:, at : at + size])
    return out


def assert_close(one: np.ndarray, other: np.ndarray) -> None:
    assert np.isfinite(one).all()
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * max(1.0, np.abs(other).max()))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(chains())
def test_any_chain_is_finite_and_the_same_in_the_engines_blocks_and_whole(effects):
    assert_close(through(effects, NOISE, BLOCK), through(effects, NOISE, COUNT))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(chains(PER_CHANNEL))
def test_two_equal_channels_are_one_to_what_works_on_each(effects):
    both = through(effects, NOISE[[0, 0]], BLOCK)
    np.testing.assert_array_equal(both[0], both[1])
    assert_close(both, through(effects, NOISE[:1], BLOCK))


def test_any_chain_in_the_graph_is_its_stages_in_a_row(stems_of):
    """Chains drawn by a seed, each a stem of one render; strikes are the cue's."""
    rng, drawn = np.random.default_rng(6), {"DRY": []}
    for number in range(8):
        kinds = rng.choice(list(CONTROLS), rng.integers(1, 6))
        tables = [(kind, {**FIXED.get(kind, {}), **CONTROLS[kind]}) for kind in kinds]
        drawn[f"S{number}"] = [
            getattr(stage_tables, kind.capitalize())(**{
                name: value_of(row, rng.random()) for name, row in rows.items() if rng.random() < 0.4
            })
            for kind, rows in tables
        ]  # fmt: skip
    heard = stems_of(drawn, rows=[{"id": "a", "start": "0smp", "preset": "burst"}], tail_s=0)
    dry = heard["DRY"].astype(np.float32)
    for name, effects in drawn.items():
        stages = [make_insert(effect, RATE, 2, BLOCK, None) for effect in effects]
        sound = dry
        for stage in stages:
            if hasattr(stage, "trigger"):
                stage.trigger(0)
                stage.release(48_000)
            sound = stage.push(sound)
        assert_close(heard[name], sound)


@pytest.mark.parametrize("after", [[], [Gain()]], ids=["alone", "before a stage"])
def test_what_a_plug_in_makes_of_no_number_fails_the_render(stems_of, poison, after):
    """A stage that hears it would take it for silence."""
    with pytest.raises(RenderError, match="an effect made NaN or infinite samples"):
        stems_of({"A": [Plugin(path=str(poison(3))), *after]}, rows=[{"id": "a", "start": "0smp", "preset": "burst"}])


def test_a_plug_in_that_never_returns_ends_the_render_and_is_named(stems_of, poison, monkeypatch):
    monkeypatch.setattr(RenderProcess, "hang_s", 2.0)
    told = f"the process rendering A with the plug-in {poison(2)} hangs: nothing came for 2 s"
    with pytest.raises(WorkerError, match=re.escape(told)):
        stems_of({"A": [Plugin(path=str(poison(2)))]}, rows=[{"id": "a", "start": "0smp", "preset": "burst"}])


@pytest.mark.parametrize("problem", [RuntimeError(), KeyboardInterrupt(), SystemExit()], ids=repr)
def test_whatever_a_callback_of_the_graph_raises_is_told(problem):
    told, block = [], np.zeros((2, BLOCK), np.float32)

    def fails(position, samples):
        raise problem

    node = BridgeNode(0, BLOCK, fails, fails, told.append)
    for callback in (node._pull, node._push):
        callback(0, 0, block.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), BLOCK)
    assert told == [problem, problem]
