"""A held note walks: where its steps land, what cadence and effort do, and that it can be replayed."""

import mido
import numpy as np
import pytest

from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from presets.bank import Bank
from render.cues.walks.gaits import GAITS
from render.instrument.actions import Action
from render.instrument.held_walk import HeldWalk
from render.live.controllers.controller_map import LiveMap
from render.live.controllers.midi_learn import ControllerRouter
from render.live.instrument import Instrument
from render.live.rig import Rig, read_rig

RATE = 48_000
STEP = "step-tile"


@pytest.fixture(scope="module")
def codec():
    return load_codec("foley")


@pytest.fixture(scope="module")
def bank():
    return Bank()


def walked(codec, bank, actions, seconds, block=512, skipped=()):
    """Return the output of an instrument in silence, aligned with its input."""
    instrument = Instrument(Rig(preset=STEP, mode="hits", block_samples=block, ceiling_on=False), codec, bank)
    for action in actions:
        instrument.act(instrument.resolve(action))
    out = []
    while instrument.position < seconds * RATE + instrument.latency_samples:
        if instrument.position in skipped:
            instrument.skip(block)
            out.append(np.zeros((1, block), np.float32))
        else:
            out.append(instrument.push(np.zeros((1, block), np.float32)))
    return np.concatenate(out, axis=1)[0, instrument.latency_samples :][: seconds * RATE], instrument


def starts(audio, gap=2_000):
    """Return where sound begins after silence."""
    audible = np.flatnonzero(audio)
    return audible[np.flatnonzero(np.diff(audible, prepend=-gap - 1) > gap)].tolist()


def test_steps_land_where_the_walk_says_until_the_key_is_released(codec, bank):
    at = 3_001
    out, _ = walked(codec, bank, [Action(at, "walk", 1.0, STEP), Action(4 * RATE, "release", text=STEP)], 6)
    walk, expected = HeldWalk(at, f"0\0{STEP}\0{0}", RATE, 1.0), []
    while walk.next_samples < 4 * RATE:
        expected.append(walk.next_samples)
        walk.go_on(110)
    assert starts(out) == expected
    assert expected[0] == at and len(expected) == 8
    assert 60 * RATE / np.diff(expected)[2:].mean() == pytest.approx(110, rel=0.05)


def test_a_walk_is_the_same_in_any_blocks_and_varies_from_step_to_step(codec, bank):
    actions = [Action(1_000, "walk", 0.8, STEP), Action(70_000, "cadence", 180), Action(90_001, "effort", 0.4)]
    out, _ = walked(codec, bank, actions, 4, block=512)
    other, _ = walked(codec, bank, actions, 4, block=64)
    assert np.array_equal(out, other)
    begins = starts(out, 500)
    steps = [out[begin : begin + 4_000] for begin in begins[:-1]]
    assert all(np.corrcoef(a, b)[0, 1] < 0.9 for a, b in zip(steps, steps[1:], strict=False))


def test_cadence_and_effort_act_from_the_next_step(codec, bank):
    slow, _ = walked(codec, bank, [Action(0, "walk", 1.0, STEP), Action(0, "cadence", 60)], 5)
    fast, _ = walked(
        codec, bank, [Action(0, "walk", 1.0, STEP), Action(0, "cadence", 60), Action(RATE, "cadence", 120)], 5
    )
    places, others = starts(slow), starts(fast, 500)
    assert places[:2] == others[:2] and np.diff(others)[2] == pytest.approx(np.diff(places)[2] / 2, abs=1)
    soft, _ = walked(codec, bank, [Action(0, "effort", 0.3), Action(0, "walk", 1.0, STEP)], 2)
    assert np.abs(soft).max() < 0.25 * np.abs(slow[: 2 * RATE]).max()


def test_a_skip_does_not_play_the_steps_that_lie_in_it(codec, bank):
    skipped = range(24_576, 24_576 + 60 * 512, 512)
    out, _ = walked(codec, bank, [Action(0, "walk", 1.0, STEP)], 4, skipped=skipped)
    whole, _ = walked(codec, bank, [Action(0, "walk", 1.0, STEP)], 4)
    steps, heard = starts(whole), starts(out)
    lost = [step for step in steps if skipped.start <= step < skipped.stop]
    assert len(lost) == 1 and not set(lost) & set(heard)
    assert [step for step in heard if step >= skipped.stop] == [step for step in steps if step >= skipped.stop]


def test_keys_and_bindings_walk_and_textures_are_refused(codec, bank, tmp_path):
    done = []
    instrument = Instrument(Rig(preset=STEP, mode="hits"), codec, bank)
    router = ControllerRouter(
        lambda *action: done.append(action), instrument.controls, LiveMap(), {}, [], STEP, notes="walk"
    )
    router.midi(mido.Message("note_on", note=60, velocity=127))
    router.midi(mido.Message("note_off", note=60))
    router.learn("cadence")
    router.midi(mido.Message("control_change", control=1, value=127))
    assert done == [("walk", 1.0, STEP), ("release", 0.0, STEP), ("cadence", 600.0, "")]
    with pytest.raises(PresetError, match="texture, which cannot walk"):
        instrument.resolve(Action(0, "walk", 1.0, "amb-rain"))
    (tmp_path / "rig.toml").write_text('gait = "hop"\n')
    with pytest.raises(ProjectError, match=f"no gait 'hop'; there are {', '.join(GAITS)}"):
        read_rig(tmp_path / "rig.toml")


def test_a_long_walk_begins_with_the_steps_of_a_short_one():
    walk, places = HeldWalk(0, "key", RATE, 1.0), []
    for _ in range(1_000):
        places.append((walk.next_samples, walk.next_step(1.0).velocity))
        walk.go_on(110)
    intervals = np.diff([place for place, _ in places])
    assert 0.015 < intervals[2:].std() / intervals.mean() < 0.06
    assert {walk.next_step(1.0).foot} <= {-1, 1} and len({velocity for _, velocity in places}) > 50
