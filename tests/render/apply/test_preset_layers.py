"""Several presets applied at once: summed before decoding, decoded beside one another, struck together."""

import struct

import numpy as np
import pytest
import soundfile

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CheckpointError, PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import HITS, Settings
from presets.bank import Bank
from presets.capture import encode_pieces
from render.apply.applier import Applier
from render.apply.preset_layers import Layer, parse_added, parse_sum
from render.wav.riff import chunks_of

RATE = 48_000
HALF_DB = 20 * np.log10(0.5)
STILL = {"strength": 0.0, "blend": 0.0}
PCM = PcmCodec()


def moving(name: str, scale: float, bias: float):
    """A preset that moves samples, which are the identity codec's latents."""
    return encode_pieces(PCM, name, [np.ones(512, np.float32)], "hit", scale=[scale] * 512, bias=[bias] * 512)


@pytest.fixture
def source(tmp_path):
    noise = np.random.default_rng(0).standard_normal((20_001, 2)).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "in.wav", noise, RATE, "FLOAT")
    return tmp_path / "in.wav"


def applied(applier: Applier, source) -> np.ndarray:
    return soundfile.read(applier.apply(source, source.with_name("out.wav")).path, dtype="float32")[0]


def test_presets_of_one_codec_are_summed_by_weight(source):
    controls = {"blend": 0.0, "follow": 0.0, "weight": 0.5}
    first, others = moving("one", 0.5, 0.1), [(moving("two", -1.0, 0.2), 2.0), (moving("three", 0.1, 0.0), -1.0)]
    dry = soundfile.read(source, dtype="float32")[0]
    by_hand = 0.5 * (0.5 * dry + 0.1) + 2 * (-dry + 0.2) - 0.1 * dry
    for summed in (others, others[::-1]):
        ready = Applier(PCM, first, Settings(controls=controls, bits=32), summed=summed)
        np.testing.assert_allclose(applied(ready, source), by_hand, atol=1e-6)


def test_layers_at_half_level_are_one(source, impulse_bank):
    click, settings = Bank(impulse_bank)["click"], Settings(controls=STILL | {"gain_db": HALF_DB}, bits=32)
    twice = Applier(PCM, click, settings, added=[Layer(PcmCodec(), click)])
    np.testing.assert_allclose(applied(twice, source), soundfile.read(source)[0], atol=1e-6)


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_models_of_other_hops_and_latencies_sound_as_they_do_alone(tmp_path, tiny_models, rate):
    noise = np.random.default_rng(0).standard_normal(15_000) * np.hanning(15_000)
    noise = np.convolve(noise, np.hanning(24) / 48, "same").astype(np.float32)  # dark enough for any resampling
    soundfile.write(tmp_path / "in.wav", noise, rate, "FLOAT")
    codecs = [load_codec(str(path)) for path in tiny_models]
    presets = [encode_pieces(codec, codec.spec.name, [noise[:9_000]], "hit") for codec in codecs]

    added = [Layer(codecs[1], presets[1], -6.0), Layer(PCM, moving("dry", 1.0, 0.0))]
    ready = Applier(codecs[0], presets[0], Settings(controls={"mix": 0.5, "blend": 0.0}, bits=32), added=added)
    assert ready.name == "quick+slow+dry"
    alone = [
        applied(Applier(*both, Settings(controls={"blend": 0.0}, bits=32)), tmp_path / "in.wav")
        for both in zip(codecs, presets, strict=True)
    ]
    by_hand = 0.5 * noise + 0.5 * (alone[0] + 10 ** (-6 / 20) * alone[1] + noise)
    assert np.abs(alone[1]).max() > 0.005
    np.testing.assert_allclose(applied(ready, tmp_path / "in.wav"), by_hand, atol=1e-6 if rate == RATE else 1e-4)


def test_takes_of_all_are_struck_at_the_hits_very_sample(tmp_path, impulse_bank):
    claps = np.zeros(2 * RATE, np.float32)
    onsets, burst = [24_000, 72_000], 0.5 * np.exp(-np.arange(3_000) / 300)
    for at in onsets:
        claps[at : at + 3_000] = burst * np.random.default_rng(0).choice([-1, 1], 3_000)
        claps[at] = 0.5
    soundfile.write(tmp_path / "claps.wav", claps, RATE, "FLOAT")
    plain = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
    step = encode_pieces(PCM, "step", [np.repeat([0.25, 0.1], [1, 999]).astype(np.float32)], "hit", **plain)
    ready = Applier(PCM, Bank(impulse_bank)["click"], Settings(HITS, bits=32), added=[Layer(PCM, step, HALF_DB)])
    done = ready.apply(tmp_path / "claps.wav", tmp_path / "out.wav")
    heard = soundfile.read(done.path, dtype="float32")[0]
    assert done.hits == 2
    np.testing.assert_allclose(heard[onsets], 0.5 + 0.125, rtol=1e-5)
    np.testing.assert_allclose(heard[np.array(onsets) + 500], 0.05, rtol=1e-5)
    assert not heard[onsets[0] + 1_000 : onsets[1]].any()


def test_two_takes_of_one_preset_vary_by_themselves(tmp_path):
    pieces = [np.full(1_000, level, np.float32) for level in (0.1, 0.2, 0.3, 0.4)]
    four = encode_pieces(PCM, "four", pieces, "hit", variation=0.0, fade_in_samples=0, fade_out_samples=0)
    claps = np.zeros(RATE * 3, np.float32)
    onsets = np.arange(1, 12) * 12_000
    for at in onsets:
        claps[at : at + 1_500] = (
            0.5 * np.exp(-np.arange(1_500) / 300) * np.random.default_rng(at).choice([-1, 1], 1_500)
        )
        claps[at] = 0.5
    soundfile.write(tmp_path / "claps.wav", claps, RATE, "FLOAT")
    heard = []
    for added in ([], [Layer(PCM, four)]):
        done = Applier(PCM, four, Settings(HITS, bits=32), added=added).apply(
            tmp_path / "claps.wav", tmp_path / "o.wav"
        )
        heard.append(np.round(soundfile.read(done.path)[0][onsets + 300], 3))
    second = np.round(heard[1] - heard[0], 3)  # the first layer's takes are those it plays alone
    assert set(second) <= {0.1, 0.2, 0.3, 0.4} and second.tolist() != heard[0].tolist()


def test_the_file_tells_what_was_applied(source):
    one, two = moving("one", 1.0, 0.0), moving("two", 1.0, 0.0)
    ready = Applier(PCM, one, Settings(bits=32), summed=[(two, 0.5)], added=[Layer(PCM, two, -6.0)])
    assert [path.name for path in ready.outputs([source], source.parent).values()] == ["in_one+two+two.wav"]
    many = Applier(
        PCM, one, Settings(), summed=[(moving(f"a-name-of-thirty-characters-{n:02}", 1.0, 0.0), 0.1) for n in range(9)]
    )
    assert [path.name for path in many.outputs([source], source.parent).values()] == ["in_one+9-more.wav"]
    applied(ready, source)
    with open(source.with_name("out.wav"), "rb") as file:
        at, _ = chunks_of(file)[b"bext"]
        file.seek(at)
        assert struct.unpack("256s", file.read(256))[0].rstrip(b"\0") == (
            b"one + 0.5 x two + two at -6 dB applied to in.wav"
        )


def test_what_does_not_go_together_is_told_in_one_line(tiny_models, impulse_bank):
    quick = load_codec(str(tiny_models[0]))
    click, hum = (Bank(impulse_bank)[name] for name in ("click", "hum"))
    other = encode_pieces(quick, "knock", [np.ones(2_000, np.float32)], "hit")

    class Slower(PcmCodec):
        spec = PcmCodec.spec.__class__("pcm", "pcm", 44_100, 512, 512, 0)

    for settings, several, kind, told in (
        (Settings(), {"summed": [(other, 1.0)]}, PresetError, r"'knock' was made with model 'quick' .*no sum; add the"),
        (Settings(), {"added": [Layer(PCM, other)]}, PresetError, "'knock' was made with model 'quick'"),
        (Settings(), {"summed": [(hum, 0.1)] * 25}, ProjectError, "^25 presets to sum; at most 24 can be"),
        (Settings(), {"added": [Layer(Slower(), click)]}, CheckpointError, "at 48000 Hz and 'pcm' at 44100 Hz"),
        (Settings(HITS), {"summed": [(click, 1.0)]}, ProjectError, "^hits are played, not moved: a sum cannot be used"),
        (Settings(HITS), {"added": [Layer(PCM, hum)]}, PresetError, "'hum' is a texture, which cannot strike"),
        (Settings(controls={"spherical": 1.0}), {}, ProjectError, "^spherical is a way to morph: give a second preset"),
    ):  # fmt: skip
        with pytest.raises(kind, match=told) as error:
            Applier(PCM, click, settings, **several)
        assert "\n" not in str(error.value)


def test_sums_and_additions_are_read_as_they_are_written():
    assert parse_sum("cloth-leather=-0.5") == ("cloth-leather", -0.5)
    assert parse_added("cloth") == (None, "cloth", 0.0)
    assert parse_added("cloth=-6") == (None, "cloth", -6.0)
    assert parse_added("a/my-doors.safetensors:b/knock.preset.safetensors=3") == (
        "a/my-doors.safetensors", "b/knock.preset.safetensors", 3.0,
    )  # fmt: skip
    for wrong in ("cloth", "=1", "cloth=", "cloth=loud", ""):
        with pytest.raises(ProjectError, match="^sum .*: write PRESET=WEIGHT, as in cloth-leather=0.5$"):
            parse_sum(wrong)
    for wrong in ("", "=1", ":cloth", "foley:", "cloth=loud", "foley:=2"):
        with pytest.raises(ProjectError, match="^add .*: write PRESET, PRESET=GAIN_DB or MODEL:PRESET=GAIN_DB"):
            parse_added(wrong)
    for read, text, told in (
        (parse_sum, "a=nan", "^weight nan: -4 to 4"),
        (parse_added, "a=99", "^gain_db 99: -60 to 24"),
    ):
        with pytest.raises(ProjectError, match=told):
            read(text)
