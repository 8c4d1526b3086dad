"""One knob interpolates all controls from A to B."""

import math

import numpy as np
import pytest

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import ProjectError
from plugin_backend.transfer.parallel_nodes import ParallelNodes
from plugin_backend.transfer.snapshot_morph import morph_snapshots
from plugin_backend.transfer.transfer_node import TransferNode

NODE = TransferNode(PcmCodec(), multiple_samples=512, slots=3)


def test_every_control_is_linear_in_its_unit_and_absent_ones_have_their_default():
    a, b = {"gain_db": -12.0, "blend": 0.0, "weight.c": 0.4}, {"gain_db": 0.0, "mix": 0.5, "3:bias": 2.0}
    quarter = morph_snapshots(a, b, 0.25, NODE.parameters)
    assert quarter == {"gain_db": -9, "mix": 0.875, "blend": 0.125, "weight.c": pytest.approx(0.3), "3:bias": 0.5}
    assert morph_snapshots(a, b, 0, NODE.parameters) == a | {"mix": 1, "3:bias": 0}
    assert morph_snapshots(a, b, 1, NODE.parameters) == b | {"blend": 0.5, "weight.c": 0}


def test_switches_and_absent_values_change_halfway():
    a, b = {"1:on": 0.0, "2:value": 3.0}, {"1:on": 1.0, "5:freeze": 1.0}
    for amount, on in ((0.49, False), (0.51, True)):
        between = morph_snapshots(a, b, amount, NODE.parameters)
        assert (between["1:on"] >= 0.5, between["5:freeze"] >= 0.5) == (on, on)
        assert math.isnan(between["2:value"]) == on
    assert morph_snapshots({"2:value": 3.0}, {"2:value": 1.0}, 0.5, NODE.parameters) == {"2:value": 2.0}


def test_a_morph_can_be_set_on_layers():
    layers = ParallelNodes([TransferNode(PcmCodec(), 1, 512), TransferNode(PcmCodec(), 1, 512)])
    a, b = {"1.0:value": 0.25, "2.on": 0.0}, {"1.0:value": 0.75, "2.on": 1.0, "2.gain_db": -20.0, "gain_db": -40.0}
    for name, value in morph_snapshots(a, b, 0.5, layers.parameters).items():
        layers.set(name, value)
    for layer in (1, 2):
        layers.set(f"{layer}.follow", 0)
    output = layers.push(np.full((1, 512), 0.125, np.float32))[0]
    np.testing.assert_allclose(output[:2], 0.1 * np.array([0.5, 0.125]) + 0.1 * 0.5 * 10**-0.5 * 0.125, rtol=1e-6)


def test_unknown_controls_and_values_out_of_range_are_refused():
    with pytest.raises(ProjectError, match="^no control 'loud' in the stage of the snapshots$"):
        morph_snapshots({}, {"loud": 1.0}, 0.5, NODE.parameters)
    with pytest.raises(ProjectError, match="^mix 3: 0 to 1 can be used$"):
        morph_snapshots({"mix": 3.0}, {}, 0.5, NODE.parameters)
