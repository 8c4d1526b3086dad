"""The plug-in's axes: they move effect and notes, as the axes' vectors do; their ids come after all earlier ones."""

import numpy as np

from plugin_backend.daw_plugin.parameters import INDEX, PLUGIN_PARAMETERS
from plugin_backend.transfer.parameters import AXES
from plugin_backend.transfer.transfer_node import TransferNode
from presets.bank import Bank
from presets.descriptors import describe
from presets.lookup import target_of
from presets.store import save_preset
from tests.render.struck_keys import HOP, RATE, number, on, silence

SOUND = (np.random.default_rng(3).standard_normal((1, 40 * HOP)) * 0.1).astype(np.float32)


def test_newer_parameters_come_after_every_earlier_one():
    """A session of an older plug-in holds the parameters before them, by id and by place."""
    last = [f"axis_{name}" for name in AXES]
    newest = [*last, "walk", "cadence", "effort"]
    assert [parameter.id for parameter in PLUGIN_PARAMETERS][-len(newest) :] == newest
    assert PLUGIN_PARAMETERS[INDEX["axis_brightness"] - 1].id == "ceiling_on"
    assert [PLUGIN_PARAMETERS[INDEX[id_]].name for id_ in last] == [name.title() for name in AXES]


def test_the_effect_equals_a_node_with_the_axes_offset(foley, factory, effect, plugin_values, played):
    values = {"axis_brightness": 1.5, "axis_weight": -1.0}
    out = played(effect(foley, factory), SOUND, plugin_values(preset=number(factory, "cloth-page"), **values))
    node = TransferNode(foley, 1, multiple_samples=HOP)
    node.select(target_of(factory["cloth-page"], foley))
    node.set_offset(factory.axes(foley.spec.fingerprint).to_latents({"brightness": 1.5, "weight": -1.0}))
    blocks = [node.push(SOUND[:, at : at + HOP]) for at in range(0, SOUND.shape[1], HOP)]
    np.testing.assert_array_equal(out, np.concatenate(blocks, axis=1))
    assert np.abs(out).max() > 0.01


def test_notes_are_brighter_along_the_axis(foley, factory, keys, plugin_values, played):
    heard = []
    for value in (-1.5, 1.5):
        row = plugin_values(preset=number(factory, "step-gravel"), axis_brightness=value)
        heard.append(played(keys(foley, factory), silence(48), row, [(700, on(60, 127))])[0])
    assert not heard[0][:700].any()
    low, high = (describe(sound, RATE)["brightness"] for sound in heard)
    assert high > low + 1


def test_a_damaged_axes_file_is_reported_and_the_rest_plays(foley, factory, effect, plugin_values, played, tmp_path):
    save_preset(factory["cloth-page"], tmp_path)
    (tmp_path / "bad.axes.safetensors").write_bytes(b"no")
    engine = effect(foley, Bank(tmp_path))
    assert [problem.split(": ")[0] for problem in engine.problems] == ["axes have no effect"]
    out = played(engine, SOUND, plugin_values(preset=1))
    moved = played(effect(foley, Bank(tmp_path)), SOUND, plugin_values(preset=1, axis_warmth=1.0))
    np.testing.assert_array_equal(moved, out)
    assert np.abs(out).max() > 0.01
