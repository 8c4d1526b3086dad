"""Presets: saving and loading, damaged files, and performances by seed."""

import errno
import os
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from plugin_backend.codecs.base import CodecSpec
from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import OutputError, PresetError
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.lookup import check_model
from presets.mixing import mix_presets
from presets.performance.texture_walk import walk_texture
from presets.preset import Preset, Take, check_fits
from presets.store import KEY, load_preset, save_preset
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.project import Project
from tests.presets.preset_maker import make_preset


def test_saved_presets_come_back_whole(tmp_path):
    preset = make_preset(description="Tür, größer", program=5, scale=[1.0] * 4, bias=[0.5] * 4)
    again = load_preset(save_preset(preset, tmp_path))
    assert again.header == preset.header
    for kept, given in zip(again.means + again.deviations, preset.means + preset.deviations, strict=True):
        np.testing.assert_array_equal(kept, given)
    assert [path.name for path in tmp_path.iterdir()] == ["door.preset.safetensors"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "../evil"}, "a name has 1 to 64"),
        ({"name": "Ünï"}, "a name has 1 to 64"),
        ({"takes": 0}, "no take"),
        ({"scale": [1.0, 2.0]}, "'scale' has 2 numbers; need 4"),
        ({"bias": [float("nan")] * 4}, "'bias' has 4 numbers; need 4, all finite"),
        ({"width": 1.5, "kind": "texture", "stereo": True}, "<= 1.0 - at `[$].width`"),
        ({"width": 0.5}, "its width is 0.5, and only a stereo texture can have another than 1"),
        ({"width": 0.5, "kind": "texture"}, "its width is 0.5, and only a stereo texture"),
        ({"width": 0.0, "stereo": True}, "its width is 0, and only a stereo texture"),
    ],
)
def test_bad_presets_are_refused(fields, message):
    with pytest.raises(PresetError, match=message):
        make_preset(**fields)


SPEC = CodecSpec("m", "f", 48_000, 512, 4, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"takes": [Take(10**18, 20_000)] * 3}, "take 0 skips 1000000000000000000 samples of the 25600 it holds"),
        ({"takes": [Take(7, 10**18)] * 3}, "take 0 lasts 1000000000000000000 samples, but holds 25600"),
        ({"takes": [Take(7, 100, 10**18)] * 3}, "take 0 lasts 1000000000000000000 samples"),
        ({"fade_in_samples": 10**18}, "take 0 lasts 1000000000000000000 samples"),
    ],
)
def test_numbers_that_its_latents_do_not_hold_are_refused_before_anything_is_decoded(change, message):
    preset = make_preset()
    check_fits(preset, SPEC)
    changed = Preset(msgspec.structs.replace(preset.header, **change), preset.means, preset.deviations)
    with pytest.raises(PresetError, match=f"preset 'door': {message}"):
        check_fits(changed, SPEC)


def test_latents_of_another_width_are_the_presets_fault_wherever_it_is_used(tmp_path):
    preset = make_preset(dims=3)
    with pytest.raises(PresetError, match="preset 'door': its latents are 3 wide; those of 'm' 4"):
        check_fits(preset, SPEC)
    pcm = msgspec.structs.replace(preset.header, codec="pcm", fingerprint="pcm")
    narrow = Preset(pcm, preset.means, preset.deviations)
    message = "preset 'door': its latents are 3 wide; those of 'pcm' 512"
    save_preset(narrow, tmp_path)
    (tmp_path / "c.csv").write_text("id,start,stem,preset\na,0.0,A,door\n")
    project = Project(bank=str(tmp_path), model="pcm")
    with pytest.raises(PresetError, match=message):
        make_plan(project, read_sheet(tmp_path / "c.csv", project))
    with pytest.raises(PresetError, match=message):
        check_model(narrow, PcmCodec())
    with pytest.raises(PresetError, match=message):
        mix_presets([narrow, narrow], PcmCodec(), "both")


def test_latents_that_no_model_makes_are_refused():
    preset = make_preset()
    for latents in (preset.means, preset.deviations):
        latents[2][0, 0] = 1e38
        with pytest.raises(PresetError, match="take 2: its latents exceed 1e"):
            Preset(preset.header, preset.means, preset.deviations)
        latents[2][0, 0] = 0


def test_a_full_disk_gives_a_one_line_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="cannot write here \\(No space left on device\\)"):
        save_preset(make_preset(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_was_taken_meanwhile_is_not_replaced(tmp_path):
    path = save_preset(make_preset(), tmp_path, overwrite=False)
    first = path.read_bytes()
    with pytest.raises(OutputError, match="cannot write here \\(File exists\\)"):
        save_preset(make_preset(takes=1), tmp_path, overwrite=False)
    assert path.read_bytes() == first
    assert save_preset(make_preset(takes=1), tmp_path).read_bytes() != first


def test_leftovers_of_killed_runs_in_a_bank_are_removed(tmp_path):
    for name in (".tmpAb12Cd", ".door.preset.safetensors.0a1b2c3d.part", ".door.preset.safetensors.77.part", ".git"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".tmpYoung1").touch()
    save_preset(make_preset(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", ".tmpYoung1", "door.preset.safetensors"]


def test_latents_that_are_not_numbers_are_refused():
    preset = make_preset()
    preset.means[1][0, 0] = np.nan
    with pytest.raises(PresetError, match="take 1: latents must be finite"):
        Preset(preset.header, preset.means, preset.deviations)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable preset"),
        (b"\xff" * 64, "not a readable preset"),
        ({}, "header is missing"),
        ({KEY: "[]"}, "header is missing"),
        ({KEY: '{"schema": 99}'}, "schema 99 is newer"),
        ({KEY: '{"schema": 1, "name": "x"}'}, "missing required field `kind`"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "bad.preset.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file({"mean.0": np.zeros((1, 1), np.float32), "deviation.0": np.zeros((1, 1), np.float32)}, path, content)
    with pytest.raises(PresetError, match=message) as caught:
        load_preset(path)
    assert str(path) in str(caught.value)


def test_an_unknown_preset_suggests_near_names(tmp_path):
    for name in ("step-wood", "step-stone"):
        save_preset(make_preset(name=name), tmp_path)
    with pytest.raises(PresetError, match="no preset 'step-wod'.*step-wood"):
        Bank(tmp_path)["step-wod"]


def test_a_folder_without_presets_is_no_bank(tmp_path):
    with pytest.raises(PresetError, match="not a bank"):
        Bank(tmp_path)


def test_a_texture_goes_on_and_stays_inside_its_latents():
    preset = make_preset(kind="texture", takes=1, frames=100, variation=0.0, stereo=True)
    pieces = np.concatenate(list(islice(walk_texture(preset, 3), 60)), axis=1)
    assert pieces.shape[0] == 2
    assert pieces.shape[1] > 1500
    assert not np.array_equal(pieces[0], pieces[1])
    low, high = preset.means[0].min(0), preset.means[0].max(0)
    assert (pieces >= low - 1e-6).all()
    assert (pieces <= high + 1e-6).all()


def test_width_moves_the_right_latents_towards_the_left_ones():
    def performed(**fields) -> np.ndarray:
        preset = make_preset(kind="texture", takes=2, frames=300, **fields)
        return np.concatenate(list(islice(walk_texture(preset, 3), 20)), axis=1)

    left, right = performed(stereo=True)
    (mono,) = performed()
    np.testing.assert_array_equal(left, mono)
    assert np.abs(right - left).max() > 1
    for width in (0.0, 0.25, 1.0):
        near, far = performed(stereo=True, width=width)
        np.testing.assert_array_equal(near, left)
        np.testing.assert_allclose(far, left + width * (right - left), atol=1e-6)
        if width in (0, 1):
            np.testing.assert_array_equal(far, right if width else left)


def test_the_factory_bank_belongs_to_the_factory_model():
    from plugin_backend.models.registry import describe_codec

    fingerprint = describe_codec("foley").fingerprint
    bank = Bank(FACTORY_BANK)
    assert {preset.header.fingerprint for preset in bank} == {fingerprint}
    assert all(preset.header.credit for preset in bank)
    programs = bank.programs()
    assert sorted(programs) == list(range(len(bank.names)))


def test_encode_pieces_passes_header_fields_on():
    preset = encode_pieces(PcmCodec(), "x", [np.ones(600, np.float32)], "hit", program=3, fade_in_samples=0)
    assert (preset.header.program, preset.header.fade_in_samples) == (3, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"program": 999}, "<= 127"), ({"variation": float("nan")}, ">= 0.0"), ({"gain_db": 99.0}, "<= 24")],
)
def test_header_fields_are_checked_when_made_too(fields, message):
    with pytest.raises(PresetError, match=message):
        make_preset(**fields)


def test_a_renamed_preset_file_and_a_program_claimed_twice_are_reported(tmp_path):
    path = save_preset(make_preset(name="door", program=1), tmp_path)
    save_preset(make_preset(name="gate", program=1), tmp_path)
    with pytest.raises(PresetError, match="'door' and 'gate' both claim program 1"):
        Bank(tmp_path).programs()
    renamed = path.rename(tmp_path / "window.preset.safetensors")
    with pytest.raises(PresetError, match="it holds preset 'door', so its name must be door.preset"):
        load_preset(renamed)
    renamed.rename(tmp_path / "My Door.preset.safetensors")
    with pytest.raises(PresetError, match="My Door.*a name has 1 to 64"):
        Bank(tmp_path)
