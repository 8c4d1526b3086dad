"""``pisada preset axes``, ``shift`` and ``--axis`` as a person meets them."""

import re

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import OutputError, PresetError, ProjectError
from presets.bank import Bank
from presets.descriptors import describe
from presets.store import SUFFIX, load_preset
from studio.cli import pisada


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments], catch_exceptions=False)


def brightness(path) -> float:
    audio, rate_hz = soundfile.read(path)
    return describe(audio, rate_hz)["brightness"]


@pytest.fixture
def knock(tmp_path):
    """A recording of a second: noise that dies away."""
    noise = np.random.default_rng(0).standard_normal(48_000) * np.exp(-np.arange(48_000) / 9_600)
    soundfile.write(tmp_path / "knock.wav", 0.1 * noise, 48_000)
    return tmp_path / "knock.wav"


def test_axes_are_listed_with_range_and_unit():
    header, *rows = run("preset", "axes").stdout.splitlines()
    assert header.split()[:2] == ["axis", "range"]
    found = {row.split()[0]: row for row in rows}
    assert re.search(r"-3 … 3 +\+\S+ octaves +\d+ %", found["brightness"])
    assert re.search(r"-3 … 3 +\+\S+ dB +\d+ %", found["weight"])


def test_a_presets_values_are_shown():
    rows = [line.split() for line in run("preset", "axes", "step-gravel").stdout.splitlines()]
    assert rows[0][:2] == ["axis", "value"]
    bank = Bank()
    preset = bank["step-gravel"]
    values = bank.axes(preset.header.fingerprint).of_preset(preset)
    assert {name: float(value) for name, value, *_ in rows[1:]} == pytest.approx(values, abs=0.006)


def test_a_preset_plays_brighter_along_its_axis(tmp_path):
    for value in (-1.5, 0, 1.5):
        out = tmp_path / f"{value:+g}.wav"
        assert run("preset", "play", "step-gravel", out, "--takes", 2, "--axis", f"brightness={value}").exit_code == 0
    played = [brightness(tmp_path / f"{value:+g}.wav") for value in (-1.5, 0, 1.5)]
    assert played[0] + 0.3 < played[1] < played[2] - 0.3


def test_shift_saves_a_moved_preset(tmp_path):
    arguments = ("preset", "shift", "step-gravel", "gravel-bright", "--to", tmp_path / "bank", "--axis", "brightness=1")
    done = run(*arguments)
    path = tmp_path / "bank" / f"gravel-bright{SUFFIX}"
    assert done.stdout == f"{path}: step-gravel moved: brightness +1\n"
    assert load_preset(path).header.provenance.made == "step-gravel moved: brightness +1"
    bank = Bank([tmp_path / "bank", "factory"])
    axes = bank.axes(bank["gravel-bright"].header.fingerprint)
    rise = axes.of_preset(bank["gravel-bright"])["brightness"] - axes.of_preset(bank["step-gravel"])["brightness"]
    assert rise == pytest.approx(1, abs=1e-3)
    with pytest.raises(OutputError, match="is there already; give another name, or --overwrite"):
        run(*arguments)
    assert run(*arguments, "--overwrite").exit_code == 0


@pytest.mark.parametrize("mode", ["transfer", "hits"])
def test_apply_moves_the_sound_along_the_axis(tmp_path, knock, mode):
    for value in (-2, 2):
        out = tmp_path / str(value)
        arguments = ("--mode", mode, "--out", out, "--bits", 32, "--axis", f"brightness={value}")
        assert run("apply", "step-gravel", knock, *arguments).exit_code == 0
    low, high = (brightness(next((tmp_path / str(value)).glob("*.wav"))) for value in (-2, 2))
    assert high > low + 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("play", "step-gravel", "x.wav", "--axis", "loud=1"), ProjectError, "^axis 'loud=1': write NAME=VALUE, as in"),
        (("play", "step-gravel", "x.wav", "--axis", "weight=much"), ProjectError, "^axis 'weight=much': 'much' is not"),
        (("play", "step-gravel", "x.wav", "--axis", "warmth=4"), ProjectError, "^warmth 4: -3 to 3 can be used"),
        (("play", "step-gravel", "x.wav", "--axis", "warmth=nan"), ProjectError, "^warmth nan: -3 to 3 can be used"),
        (("shift", "step-gravel", "new", "--to", "bank"), ProjectError, "^give --axis NAME=VALUE"),
        (("axes", "--find"), ProjectError, "^--find saves the axes in a bank: give --bank DIR"),
        (("axes", "step-gravel", "--find"), ProjectError, "^--find takes all presets of the bank: give no NAME"),
        (
            ("axes", "--find", "--bank", "factory"),
            OutputError,
            "axes.safetensors: is there already; give another",
        ),
        (("axes", "--model", "pcm"), PresetError, "^model 'pcm': no bank has its axes: find them with `pisada preset"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        run("preset", *arguments)
    assert list(tmp_path.iterdir()) == []
