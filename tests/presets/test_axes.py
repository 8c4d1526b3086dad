"""Axes of the shipped bank and of others: inverse, orthonormal, obeyed, kept in a file that nobody has to trust."""

import dataclasses
import json

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save

from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.parameters import AXES
from presets.axes import KEY, SUFFIX, Axes, load_axes, pooled, save_axes, shift_preset
from presets.bank import FACTORY_BANK, Bank
from presets.find_axes import LEAST_MONOTONE, STEPS, find_axes, is_monotone, values_along
from tests.presets.preset_maker import make_preset


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.fixture(scope="module")
def axes(bank) -> Axes:
    return bank.axes(bank["step-gravel"].header.fingerprint)


def takes_of(bank: Bank) -> np.ndarray:
    return np.array([pooled(take) for preset in bank for take in preset.means])


def test_the_shipped_bank_has_axes_of_its_model(axes):
    assert {"brightness", "weight"} <= set(axes.names) <= set(AXES)
    assert all(axis.monotone >= LEAST_MONOTONE and axis.effect > 0 for axis in axes.header.axes)
    assert (FACTORY_BANK / f"foley{SUFFIX}").stat().st_size < 10_000


def test_values_come_back_from_the_latents_they_moved(bank, axes):
    values = dict(zip(axes.names, (1.5, -2.0, 0.25, 3.0, -3.0, 1.0, 2.0, -1.0), strict=False))
    for mean in takes_of(bank)[::20]:
        before, after = axes.from_latents(mean), axes.from_latents(mean + axes.to_latents(values))
        assert {name: after[name] - before[name] for name in values} == pytest.approx(values, abs=1e-9)
    assert axes.from_latents(axes.mean + axes.to_latents(values)) == pytest.approx(values, abs=1e-9)


def test_axes_are_orthonormal_in_deviations_of_the_banks_takes(bank, axes):
    """So a value of 1 is one standard deviation, and the values of the takes are not correlated."""
    takes = takes_of(bank)
    values = np.array([list(axes.from_latents(take).values()) for take in takes])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(values.T), np.eye(len(axes.names)), atol=0.05)
    np.testing.assert_allclose(axes.measures @ axes.vectors.T, np.eye(len(axes.names)), atol=1e-9)


@pytest.mark.parametrize("name", ["step-gravel", "door-slam", "splash"])
def test_presets_obey_the_shipped_axes(bank, axes, name):
    codec = load_codec("foley")
    for axis in axes.names:
        values = values_along(bank[name], codec, axis, axes.to_latents({axis: 1.0}))
        assert len(values) == len(STEPS)
        assert is_monotone(values), (axis, values)


def test_a_silent_frame_stays_silent_along_an_axis(axes):
    codec = load_codec("foley")
    for name in axes.names:
        for value in (-1.0, 1.0):
            decoded = codec.decode((codec.silence(32) + axes.to_latents({name: value})).astype(np.float32))
            assert np.abs(decoded).max() < 10 ** (-60 / 20)


@pytest.mark.parametrize(
    ("values", "rises"),
    [([0, 1, 2, 3], True), ([0, 1.0, 0.9, 3], True), ([0, 2, 1, 3], False), ([3, 2, 1, 0], False), ([1, 1], False)],
)
def test_small_setbacks_are_allowed(values, rises):
    assert is_monotone(values) == rises


def test_a_moved_preset_says_so_and_has_the_values(bank, axes):
    preset = bank["step-gravel"]
    moved = shift_preset(preset, axes, {"brightness": 1.0, "weight": -0.5}, "gravel-bright")
    before, after = axes.of_preset(preset), axes.of_preset(moved)
    assert after["brightness"] - before["brightness"] == pytest.approx(1.0, abs=1e-3)
    assert after["weight"] - before["weight"] == pytest.approx(-0.5, abs=1e-3)
    assert moved.name == "gravel-bright"
    assert moved.header.provenance.made == "step-gravel moved: brightness +1, weight -0.5"
    assert moved.header.provenance.recordings == []
    np.testing.assert_array_equal(moved.deviations[0], preset.deviations[0])


def test_wrong_values_and_models_are_refused(axes):
    with pytest.raises(PresetError, match="^no axis 'brigthness'; there are brightness.*did you mean"):
        axes.to_latents({"brigthness": 1.0})
    with pytest.raises(ProjectError, match="^brightness 3.5: -3 to 3 can be used"):
        axes.to_latents({"brightness": 3.5})
    with pytest.raises(PresetError, match=r"^preset 'door' was made with model 'm' \(f\), and these axes with 'foley'"):
        axes.of_preset(make_preset())


def test_too_few_presets_are_refused():
    codec = load_codec("foley")
    with pytest.raises(PresetError, match="^2 presets; at least 8 are needed"):
        find_axes(list(Bank())[:2], codec)


def test_axes_are_saved_and_found_by_their_model(axes, tmp_path):
    other = dataclasses.replace(axes, header=msgspec.structs.replace(axes.header, codec="other", fingerprint="0" * 16))
    save_axes(axes, tmp_path)
    save_axes(other, tmp_path)
    found = Bank().axes(axes.header.fingerprint)
    assert found.digest == axes.digest
    again = load_axes(tmp_path / f"other{SUFFIX}")
    assert again.header == other.header
    np.testing.assert_array_equal(again.vectors, axes.vectors)
    assert Bank().axes("0" * 16) is None


def changed(axes: Axes, fields: dict, tensors: dict) -> bytes:
    header = msgspec.to_builtins(axes.header) | fields
    arrays = {"vectors": axes.vectors, "measures": axes.measures, "mean": axes.mean} | tensors
    return save(
        {name: array for name, array in arrays.items() if array is not None}, metadata={KEY: json.dumps(header)}
    )


AXIS = {"name": "brightness", "unit": "octaves", "effect": 1.0, "monotone": 1.0}
HOSTILE = [
    ({"schema": 9}, {}, "schema 9; this version"),
    ({"axes": []}, {}, "0 axes; 1 to 8"),
    ({"axes": [AXIS] * 2}, {}, "each name once"),
    ({"axes": [AXIS | {"name": "../loud"}]}, {}, "no axis is named '../loud'"),
    ({"axes": [AXIS | {"monotone": 7.0}]}, {}, "a share 0 to 1"),
    ({"axes": [AXIS | {"more": 1}]}, {}, "not readable axes .*more"),
    ({"fingerprint": 5}, {}, "not readable axes"),
    ({}, {"mean": None}, "not readable axes .*mean"),
    ({}, {"mean": np.zeros((3, 3))}, "need .dims."),
    ({}, {"mean": np.zeros(3)}, "vectors of shape"),
    ({}, {"mean": np.zeros(32, np.float32)}, "must be float64"),
    ({}, {"mean": np.full(32, np.nan)}, "must be finite"),
    ({}, {"mean": np.full(32, 1e300)}, "at most 1e.06"),
]


@pytest.mark.parametrize(("fields", "tensors", "message"), HOSTILE)
def test_a_hostile_file_gives_one_clear_line(axes, tmp_path, fields, tensors, message):
    path = tmp_path / f"foley{SUFFIX}"
    path.write_bytes(changed(axes, fields, tensors))
    with pytest.raises(PresetError, match=message) as refused:
        load_axes(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_vectors_that_are_not_the_inverse_are_refused(axes, tmp_path):
    path = tmp_path / f"foley{SUFFIX}"
    path.write_bytes(changed(axes, {}, {"measures": 2 * axes.measures}))
    with pytest.raises(PresetError, match="not the inverse"):
        load_axes(path)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 100, b"\0" * (2**20 + 1)])
def test_what_is_no_axes_file_is_refused(tmp_path, data):
    path = tmp_path / f"foley{SUFFIX}"
    path.write_bytes(data)
    with pytest.raises(PresetError, match=f"^{path}: (not readable axes|larger than)"):
        load_axes(path)
