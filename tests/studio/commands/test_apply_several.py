"""``pisada apply`` with several presets, as a person meets it."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CheckpointError, PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from presets.capture import encode_pieces
from presets.store import save_preset
from studio.commands.apply import apply_preset

RATE = 48_000


@pytest.fixture
def bank(tmp_path, monkeypatch, tiny_models):
    """``half`` and ``flip`` move samples; ``knock`` is the first tiny model's; ``in.wav`` is noise."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).standard_normal(9_000).astype(np.float32) * 0.1
    soundfile.write("in.wav", noise, RATE, "FLOAT")
    for name, scale in (("half", 0.5), ("flip", -1.0)):
        moved = encode_pieces(PcmCodec(), name, [np.ones(512, np.float32)], "hit", scale=[scale] * 512, bias=[0] * 512)
        save_preset(moved, tmp_path / "bank")
    save_preset(encode_pieces(load_codec(str(tiny_models[0])), "knock", [noise], "hit"), tmp_path / "bank")
    return tmp_path / "bank"


def run(*arguments):
    given = ["--out", "out", "--bank", "bank", "--bits", 32, "--blend", 0, "--follow", 0, *arguments]
    return CliRunner().invoke(apply_preset, [str(each) for each in given], catch_exceptions=False)


def test_presets_are_summed_and_added(bank):
    message = run("half", "in.wav", "--sum", "flip=0.25", "--weight", "0.75", "--add", "flip=-6.0206")
    assert message.stdout == "out/in_half+flip+flip.wav\n"
    dry = soundfile.read("in.wav")[0]
    by_hand = (0.75 * 0.5 - 0.25 - 0.5) * dry
    np.testing.assert_allclose(soundfile.read("out/in_half+flip+flip.wav")[0], by_hand, atol=1e-6)


def test_addition_has_its_own_model(bank, tiny_models):
    run("half", "in.wav", "--add", f"{tiny_models[0]}:knock")
    run("knock", "in.wav", "--model", tiny_models[0])
    together, knock = (soundfile.read(f"out/in_{name}.wav")[0] for name in ("half+knock", "knock"))
    assert np.abs(knock).max() > 0.01
    np.testing.assert_allclose(together, 0.5 * soundfile.read("in.wav")[0] + knock, atol=1e-6)
    run("knock", "in.wav", "--model", tiny_models[0], "--add", "knock=-60")  # a model loaded serves again
    assert soundfile.info("out/in_knock+knock.wav").frames == 9_000
    with pytest.raises(CheckpointError, match="^no model 'quick': give one of foley, timbral, pcm, or the path of a"):
        run("half", "in.wav", "--add", "knock", "--overwrite")
    with pytest.raises(PresetError, match="^preset 'flip' was made with model 'pcm' .pcm., not with 'quick'"):
        run("half", "in.wav", "--add", f"{tiny_models[0]}:flip")


def test_both_presets_strike_at_every_hit(bank, impulse_bank):
    claps = np.zeros(2 * RATE, np.float32)
    for at in (24_000, 72_000):
        claps[at : at + 3_000] = 0.5 * np.exp(-np.arange(3_000) / 300) * np.random.default_rng(0).choice([-1, 1], 3_000)
        claps[at] = 0.5
    soundfile.write("claps.wav", claps, RATE, "FLOAT")
    common = ("claps.wav", "--out", "out", "--bank", impulse_bank, "--bits", 32, "--mode", "hits")
    arguments = [str(each) for each in ("click", *common, "--add", "click=-6.0206")]
    message = CliRunner().invoke(apply_preset, arguments, catch_exceptions=False)
    assert message.stdout == "out/claps_click+click.wav: 2 hits\n"
    output = soundfile.read("out/claps_click+click.wav")[0]
    assert np.flatnonzero(output).tolist() == [24_000, 72_000]
    np.testing.assert_allclose(output[[24_000, 72_000]], 0.75, rtol=1e-5)


def test_bad_values_are_refused_before_writing(bank):
    for wrong, kind, message in (
        (("--sum", "flip"), ProjectError, "^sum 'flip': write PRESET=WEIGHT, as in cloth-leather=0.5$"),
        (("--sum", "flip=5"), ProjectError, "^weight 5: -4 to 4 can be used$"),
        (
            ("--add", "flip=loud"),
            ProjectError,
            "^add 'flip=loud': write PRESET, PRESET=GAIN_DB or MODEL:PRESET=GAIN_DB",
        ),
        (("--sum", "none=1"), PresetError, "^no preset 'none' in bank"),
        (("--sum", "knock=1"), PresetError, "^preset 'knock' was made with model 'quick'"),
    ):
        with pytest.raises(kind, match=message) as error:
            run("half", "in.wav", *wrong)
        assert "\n" not in str(error.value)
    assert not bank.with_name("out").exists()
