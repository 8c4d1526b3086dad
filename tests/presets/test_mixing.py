"""Mixed presets: exact sums through the identity codec, aligned attacks, and words for what does not mix."""

import numpy as np
import pytest
from click.testing import CliRunner

from plugin_backend.errors import OutputError, PresetError
from plugin_backend.models.registry import PCM, load_codec
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.mixing import METHODS, mix_presets
from presets.store import load_preset
from studio.cli import pisada
from studio.commands.mix import METHODS as OFFERED

CODEC = load_codec(PCM)
HOP = CODEC.spec.hop_samples


def hit(name, *starts, level=0.5, **fields):
    """A preset with a take of two hops for each start: one impulse there."""
    pieces = []
    for start in starts:
        piece = np.zeros(2 * HOP, np.float32)
        piece[start] = level
        pieces.append(piece)
    return encode_pieces(CODEC, name, pieces, "hit", **fields)


def heard(preset, take=0):
    return CODEC.decode(preset.means[take][None])[0]


def test_the_command_offers_every_way():
    assert tuple(METHODS) == OFFERED


def test_a_sum_adds_samples_and_a_linear_mixture_weighs_them():
    a, b = hit("a", 100, level=0.5), hit("b", 100, level=0.25)
    assert heard(mix_presets([a, b], CODEC, "c", "sum"))[100] == pytest.approx(0.75)
    assert heard(mix_presets([a, b], CODEC, "c", "linear"))[100] == pytest.approx(0.375)
    assert heard(mix_presets([a, b], CODEC, "c", "linear", [3, 1]))[100] == pytest.approx(0.4375)


def test_a_spherical_mixture_keeps_the_length_of_the_latents():
    a, b = hit("a", 100), hit("b", 101)
    sound = heard(mix_presets([a, b], CODEC, "c", "spherical"))
    assert sound[100] == pytest.approx(0.5 / np.sqrt(2), rel=1e-4)
    assert np.linalg.norm(sound) == pytest.approx(0.5, rel=1e-4)


def test_attacks_of_different_frames_meet():
    early, late = hit("early", 100), hit("late", HOP + 100)
    mixed = mix_presets([early, late], CODEC, "c", "sum")
    sound = heard(mixed)
    assert np.flatnonzero(sound).tolist() == [HOP + 100]
    assert sound[HOP + 100] == pytest.approx(1.0)
    assert mixed.header.takes[0].skip_samples == HOP + 100 - 48


def test_takes_are_counted_round_and_credits_kept():
    a = hit("a", 100, 100, 100, level=0.5, credit="Ada", gain_db=-6.0)
    b = hit("b", 100, level=0.25, credit="Bo", gain_db=0.0)
    mixed = mix_presets([a, b], CODEC, "c", "sum", [1, 2])
    assert [heard(mixed, take)[100] for take in range(3)] == [pytest.approx(1.0)] * 3
    assert mixed.header.credit == "Ada; Bo"
    assert mixed.header.gain_db == pytest.approx(-2.0)
    assert mixed.header.description == "sum of a, b"


def test_textures_go_round_where_hits_end_in_silence():
    ones, twos = (
        encode_pieces(CODEC, name, [np.full(frames * HOP, level, np.float32)], "texture")
        for name, frames, level in (("short", 2, 0.25), ("long", 5, 0.5))
    )
    sound = heard(mix_presets([ones, twos], CODEC, "c", "sum"))
    np.testing.assert_allclose(sound, np.full(5 * HOP, 0.75))


def test_widths_are_averaged_by_weight_if_none_is_given():
    narrow, wide = (
        encode_pieces(CODEC, "t", [np.ones(HOP, np.float32)], "texture", stereo=True, width=width)
        for width in (0.0, 1.0)
    )
    assert mix_presets([narrow, wide], CODEC, "c", weights=[1, 3]).header.width == 0.75
    assert mix_presets([wide] * 3, CODEC, "c", weights=[0.1, 0.2, 0.7]).header.width == 1
    assert mix_presets([narrow, wide], CODEC, "c", width=0.25).header.width == 0.25


def test_deviations_mix_as_independent_ones():
    step = Bank(FACTORY_BANK)["step-wood"]
    mixed = mix_presets([step, step], load_codec("foley"), "c", "linear")
    np.testing.assert_allclose(mixed.means[0], step.means[0], atol=1e-6)
    np.testing.assert_allclose(mixed.deviations[0], step.deviations[0] / np.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize(
    ("presets", "how", "weights", "words"),
    [
        ("a", "linear", None, "at least two"),
        ("ab", "loud", None, "no way 'loud'"),
        ("aab", "spherical", None, "takes two presets, not 3"),
        ("ab", "dominance", [1, 2], "finds its own weights"),
        ("at", "linear", None, "one kind"),
        ("ab", "linear", [1], "1 weights for 2 presets"),
        ("ab", "linear", [0, 0], "one above"),
    ],
)
def test_what_does_not_mix_is_told(presets, how, weights, words):
    texture = encode_pieces(CODEC, "t", [np.ones(HOP, np.float32)], "texture")
    known = {"a": hit("a", 100), "b": hit("b", 100), "t": texture}
    with pytest.raises(PresetError, match=words):
        mix_presets([known[name] for name in presets], CODEC, "c", how, weights)


def test_presets_of_another_model_are_refused():
    bank = Bank(FACTORY_BANK)
    with pytest.raises(PresetError, match="belongs to model 'foley'"):
        mix_presets([bank["step-wood"], bank["step-stone"]], CODEC, "c")


def test_the_command_writes_a_preset_that_renders(tmp_path):
    done = CliRunner().invoke(
        pisada,
        ["mix", "step-wood", "step-stone", "--how", "dominance", "--name", "both", "--to", str(tmp_path)],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    preset, codec = load_preset(tmp_path / "both.preset.safetensors"), load_codec("foley")
    assert preset.header.description == "dominance of step-wood, step-stone"
    assert np.abs(codec.decode(preset.means[0][None])).max() > 0.01


def test_the_command_replaces_a_preset_only_when_told(tmp_path):
    def mix(how, *more):
        names = ["step-wood", "step-stone", "--how", how, "--name", "both", "--to", str(tmp_path)]
        return CliRunner().invoke(pisada, ["mix", *names, *more], catch_exceptions=False)

    assert mix("linear").exit_code == 0
    with pytest.raises(OutputError, match="both.preset.safetensors: is there already; give another --name, or --over"):
        mix("sum")
    path = tmp_path / "both.preset.safetensors"
    assert load_preset(path).header.description == "linear of step-wood, step-stone"
    assert mix("sum", "--overwrite").exit_code == 0
    assert load_preset(path).header.description == "sum of step-wood, step-stone"
