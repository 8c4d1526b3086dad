"""A preset applied to files: the positions and numbers of samples, and the files that are refused."""

import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from plugin_backend.errors import AudioFileError, OutputError, PresetError, ProjectError
from plugin_backend.models.registry import load_codec
from plugin_backend.transfer.settings import HITS, Settings, parse_latents
from presets.bank import Bank
from presets.capture import encode_pieces
from render.apply.applier import Applier
from render.wav.riff import append, chunks_of

RATE = 48_000
STILL = {"strength": 0.0, "blend": 0.0}
"""The identity codec's latents stay where they are."""


@pytest.fixture
def applier(impulse_bank):
    """An applier of the identity codec; ``controls`` by name."""

    def make(preset: str = "click", mode: str = "transfer", to: str | None = None, controls=STILL, **fields) -> Applier:
        bank = Bank(impulse_bank)
        own = {} if mode == HITS and controls is STILL else controls
        settings = Settings(mode, own, **{"bits": 32, **fields})
        return Applier(load_codec("pcm"), bank[preset], settings, bank[to] if to else None)

    return make


def written(path, audio, rate=RATE, subtype="FLOAT"):
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


def stamped(path, samples: int):
    append(path, b"bext", bytes(338) + struct.pack("<QH", samples, 1) + bytes(254))
    return path


@pytest.mark.filterwarnings("ignore::scipy.io.wavfile.WavFileWarning")  # it skips bext
def test_unchanged_latents_return_the_input_bit_for_bit(tmp_path, applier):
    noise = np.random.default_rng(0).integers(-(2**23), 2**23, (70_001, 2), dtype=np.int32) << 8
    source = written(tmp_path / "in.wav", noise, subtype="PCM_24")
    done = applier(bits=24).apply(source, tmp_path / "out" / "in.wav")
    rate, output = wavfile.read(done.path)
    assert rate == RATE
    np.testing.assert_array_equal(output, noise)
    assert (done.hits, done.samples_over, done.remarks) == (None, 0, ())


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_processed_separately(tmp_path, applier, channels):
    tones = 0.1 * np.sin(np.outer(np.arange(3_001), np.arange(1, channels + 1)) / 20).astype(np.float32)
    done = applier().apply(written(tmp_path / "in.wav", tones), tmp_path / "out.wav")
    output = soundfile.read(done.path, dtype="float32", always_2d=True)[0]
    np.testing.assert_array_equal(output, tones)
    with open(done.path, "rb") as file:
        at, size = chunks_of(file)[b"fmt "]
        file.seek(at + 20)
        mask = struct.unpack("<I", file.read(4))[0] if size >= 40 else None
    assert channels == 1 or mask == {2: 0x3, 3: 0x7, 6: 0x3F}[channels]


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("length", [1, 30_007])
def test_length_and_position_are_kept_at_any_rate(tmp_path, applier, rate, length):
    time = np.arange(length)
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * time / rate) * np.hanning(length + 2)[1:-1]).astype(np.float32)
    done = applier().apply(written(tmp_path / "in.wav", tone, rate), tmp_path / "out.wav")
    output, output_rate = soundfile.read(done.path, dtype="float32")
    assert (len(output), output_rate) == (length, rate)
    if length > 1:
        assert np.abs(output - tone).max() < 1e-4  # a sample's shift is 0.03 and more


def test_the_timestamp_is_kept(tmp_path, applier):
    sound = np.zeros(1_000, np.float32)
    for stamp in (172_800_000, 2**33 + 5):
        source = stamped(written(tmp_path / f"{stamp}.wav", sound), stamp)
        done = applier().apply(source, tmp_path / "out.wav")
        with open(done.path, "rb") as file:
            at, _ = chunks_of(file)[b"bext"]
            file.seek(at + 338)
            assert struct.unpack("<Q", file.read(8))[0] == stamp


def clapped(tmp_path, rate: int, onsets: list[int], levels: list[tuple[float, ...]], length: int):
    """Bursts that begin with their loudest sample."""
    rng = np.random.default_rng(4)
    audio = np.zeros((length, len(levels[0])), np.float32)
    for at, gains in zip(onsets, levels, strict=True):
        burst = rng.uniform(-1, 1, rate // 10) * np.exp(-np.arange(rate // 10) / (rate / 100))
        burst[0] = 1.0
        audio[at : at + burst.size] += np.outer(burst, gains)
    return written(tmp_path / f"claps{rate}.wav", audio, rate)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_take_begins_at_the_exact_sample_of_each_hit(tmp_path, applier, rate):
    onsets = [rate // 2 + 17, rate + 1_001, 2 * rate - 3, 3 * rate + 12_345]
    source = clapped(tmp_path, rate, onsets, [(0.5,), (0.125,), (0.5,), (0.25,)], 4 * rate)
    done = applier(mode=HITS).apply(source, tmp_path / "out.wav")
    output, output_rate = soundfile.read(done.path, dtype="float32")
    assert (done.hits, len(output), output_rate) == (4, 4 * rate, rate)
    peaks = [at - 50 + int(np.abs(output[at - 50 : at + 50]).argmax()) for at in onsets]
    assert peaks == onsets
    ratio = np.abs(output[onsets]) / np.abs(output[onsets[0]])
    np.testing.assert_allclose(ratio, [1, 0.25, 1, 0.5], rtol=0.01)
    if rate == RATE:
        assert np.flatnonzero(output).tolist() == onsets
        np.testing.assert_allclose(output[onsets[0]], 0.5, rtol=1e-6)


def test_a_hit_keeps_its_balance_between_channels_and_its_dry_sound(tmp_path, applier):
    onsets = [24_001, 60_002]
    source = clapped(tmp_path, RATE, onsets, [(0.5, 0.25), (0.125, 0.5)], 2 * RATE)
    done = applier(mode=HITS).apply(source, tmp_path / "out.wav")
    output = soundfile.read(done.path, dtype="float32")[0]
    np.testing.assert_allclose(output[onsets], [(0.5, 0.25), (0.125, 0.5)], rtol=1e-6)
    louder = applier(mode=HITS, controls={"mix": 0.5, "gain_db": 6.0206, "follow": 0.0}).apply(
        source, tmp_path / "2.wav"
    )
    dry = soundfile.read(source, dtype="float32")[0]
    wet = soundfile.read(louder.path, dtype="float32")[0] - 0.5 * dry
    np.testing.assert_allclose(wet[onsets], [(0.5, 0.25), (0.125, 0.5)], rtol=1e-5)
    wet[onsets] = 0
    assert np.abs(wet).max() < 1e-7


def test_a_dc_offset_makes_no_hit_louder(tmp_path, applier):
    onsets = [24_001, 60_002]
    source = clapped(tmp_path, RATE, onsets, [(0.5, 0.25), (0.005, 0.02)], 2 * RATE)
    audio = soundfile.read(source, dtype="float32")[0]
    offset = written(tmp_path / "offset.wav", audio + np.float32([0.05, -0.1]))
    plain, output = (
        soundfile.read(applier(mode=HITS).apply(each, tmp_path / f"{each.stem}_.wav").path, dtype="float32")[0]
        for each in (source, offset)
    )
    np.testing.assert_allclose(output[onsets], plain[onsets], rtol=0.001)
    assert np.count_nonzero(output) == 4


def test_takes_depend_on_the_seed(tmp_path, applier, impulse_bank):
    pieces = [np.full(2_000, level, np.float32) for level in (0.1, 0.2, 0.3, 0.4)]
    codec = load_codec("pcm")
    preset = encode_pieces(codec, "four", pieces, "hit", variation=0.0, fade_in_samples=0, fade_out_samples=0)
    onsets = list(range(10_000, 130_000, 10_000))
    source = clapped(tmp_path, RATE, onsets, [(0.5,)] * len(onsets), 140_000)

    def played(seed: int) -> list[float]:
        done = Applier(codec, preset, Settings(HITS, seed=seed, bits=32)).apply(source, tmp_path / "out.wav")
        assert done.hits == len(onsets)
        return np.round(soundfile.read(done.path)[0][np.array(onsets) + 300], 3).tolist()

    assert played(1) == played(1) != played(2)
    assert set(played(1)) == {0.1, 0.2, 0.3, 0.4}


@pytest.mark.parametrize(
    "rate, seconds, most_bytes", [(RATE, (8, 32), 2**19), pytest.param(44_100, (16, 64), 2**18, marks=pytest.mark.slow)]
)
def test_memory_does_not_grow_with_the_file(tmp_path, applier, rate, seconds, most_bytes):
    """Four times the sound, which is 4.6 or 8.5 MB more: a fraction of a megabyte more is held."""
    most = []
    for length in (1, *seconds):  # the first fills what is kept for all
        sound = (np.random.default_rng(0).standard_normal(length * rate) * 0.1).astype(np.float32)
        source = written(tmp_path / f"{length}.wav", sound, rate)
        tracemalloc.start()
        done = applier().apply(source, tmp_path / "out.wav")
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert soundfile.info(done.path).frames == length * rate
    assert most[2] - most[1] < most_bytes


def test_files_are_refused_before_any_is_written(tmp_path, applier):
    sound, ready = np.zeros(1_000, np.float32), applier()
    one = written(tmp_path / "one.wav", sound)
    (tmp_path / "b").mkdir()
    twin = written(tmp_path / "b" / "one.wav", sound)
    with pytest.raises(OutputError, match="becomes one_click.wav too; apply them into different folders"):
        ready.outputs([one, twin], tmp_path)
    with pytest.raises(AudioFileError, match="none.wav: no such audio file"):
        ready.outputs([one, tmp_path / "none.wav"], tmp_path)
    with pytest.raises(AudioFileError, match=r"quad.wav: 4 channels; 1, 2, 3 \(L R C\) or 6 \(5.1\) can be used"):
        ready.outputs([written(tmp_path / "quad.wav", np.zeros((9, 4)))], tmp_path)
    there = written(tmp_path / "one_click.wav", sound)
    with pytest.raises(OutputError, match="one_click.wav: is there already; give another --out, or --overwrite$"):
        ready.outputs([one], tmp_path)
    assert ready.outputs([one], tmp_path, overwrite=True) == {one: there}
    itself = written(tmp_path / "x.wav", sound)
    (tmp_path / "x_click.wav").symlink_to(itself)
    with pytest.raises(OutputError, match="is there already; give another --out$"):
        ready.outputs([itself], tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="one_click.wav: is there already; give another --out$"):
        ready.outputs([one, there], tmp_path, overwrite=True)  # it would be replaced before anybody plays it
    long = written(tmp_path / f"{'x' * 216}.wav", sound)
    with pytest.raises(OutputError, match="with '_click' its name is over 224 bytes; rename it$"):
        ready.outputs([long], tmp_path)


def test_a_bad_recording_leaves_nothing(tmp_path, applier):
    bad = np.zeros(50_000, np.float32)
    bad[40_000] = np.nan
    source = written(tmp_path / "nan.wav", bad)
    with pytest.raises(AudioFileError, match="nan.wav: the file holds NaN or infinite samples"):
        applier().apply(source, tmp_path / "new" / "out.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["nan.wav"]


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"preset": "hum", "mode": HITS}, PresetError, "preset 'hum' is a texture, which cannot strike"),
        ({"to": "hum"}, ProjectError, "morph goes with a second preset"),
        ({"controls": {"morph": 0.5}}, ProjectError, "morph goes with a second preset"),
        ({"controls": {"mix": 2.0}}, ProjectError, "mix 2: 0 to 1 can be used"),
        ({"controls": {"blend": 1.0}, "mode": HITS}, ProjectError, "hits are played, not moved: blend cannot be used"),
        ({"mono": True, "mode": HITS}, ProjectError, "hits are played, not moved: mono cannot be used"),
        ({"width": 0.5, "mode": HITS}, ProjectError, "hits are played, not moved: width cannot be used"),
        ({"width": 0.5, "mono": True}, ProjectError, "has one noise for all channels: give mono or width"),
        ({"latents": {512: {"on": 0.0}}, "mode": HITS}, ProjectError, "latent 512: 0 to 511 can be used"),
        ({"latents": {1: {"loud": 0.0}}}, ProjectError, "no control 'loud'; there are value, scale, bias, on, freeze"),
    ],
)
def test_settings_that_exclude_each_other_are_refused_in_one_line(applier, fields, kind, message):
    with pytest.raises(kind, match=message) as error:
        applier(**fields)
    assert "\n" not in str(error.value)


def test_a_missing_latent_is_refused_before_any_file_is_written(applier):
    with pytest.raises(ProjectError, match="latent 512: 0 to 511 can be used"):
        applier(latents={512: {"on": 0.0}})


def test_a_preset_of_another_model_is_refused(impulse_bank):
    with pytest.raises(PresetError, match=r"preset 'click' was made with model 'pcm' \(pcm\), not with 'foley'"):
        Applier(load_codec("foley"), Bank(impulse_bank)["click"], Settings())


def test_latent_options_are_parsed():
    assert parse_latents(("3:bias=0.5,scale=2", "4:off", "3:freeze")) == {
        3: {"bias": 0.5, "scale": 2.0, "freeze": 1.0},
        4: {"on": 0.0},
    }
    for wrong in ("3", "x:off", "3:bias=", "3:off=1=2", "3:"):
        with pytest.raises(ProjectError, match="^latent "):
            parse_latents((wrong,))


def test_the_output_is_nearer_to_the_preset_than_the_input(tmp_path):
    """A whistle to a dull thud of noise: the long-term mel spectrum halves its distance, whatever the model."""
    from plugin_backend.dsp.mel import mel_power

    codec, rng, count = load_codec("foley"), np.random.default_rng(0), 2 * RATE
    thud = (np.cumsum(rng.standard_normal(count)) / 100 * np.exp(-(np.arange(count) % 24_000) / 4_000)).astype(
        np.float32
    )
    whistle = (0.3 * np.sin(2 * np.pi * 1_800 * np.arange(count) / RATE) * np.hanning(count)).astype(np.float32)
    preset = encode_pieces(codec, "thud", [thud], "hit")
    source = written(tmp_path / "whistle.wav", whistle)

    def spectrum_db(audio: np.ndarray) -> np.ndarray:
        power = mel_power(audio, RATE).mean(axis=1)
        level = 10 * np.log10(np.maximum(power, power.max() * 1e-8))
        return level - level.mean()

    own = spectrum_db(codec.decode(preset.means[0][None])[0])
    for running in (False, True):
        done = Applier(codec, preset, Settings(running=running, bits=32)).apply(source, tmp_path / "out.wav")
        output = soundfile.read(done.path, dtype="float32")[0]
        after, before = (np.abs(spectrum_db(sound) - own).mean() for sound in (output, whistle))
        assert after < before / 2
