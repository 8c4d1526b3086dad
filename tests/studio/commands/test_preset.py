"""``pisada preset`` as a person meets it."""

import re

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import MissingExtraError, OutputError, PisadaError, PresetError, ProjectError
from plugin_backend.models.registry import describe_codec, load_codec
from presets.capture import encode_pieces
from presets.store import SUFFIX, load_preset, save_preset
from studio.cli import pisada

RATE = 48_000


def run(*arguments: object):
    return CliRunner().invoke(pisada, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def bank(tmp_path):
    """``knock`` and ``tap`` of wood, ``ring`` of metal, and the texture ``hum``; of the identity codec."""
    rng = np.random.default_rng(0)
    plain = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
    for name, kind, words in (
        ("knock", "hit", {"tags": ["dry", "door"], "material": "wood", "licence": "CC0-1.0", "program": 3}),
        ("tap", "hit", {"tags": ["dry"], "material": "wood", "gain_db": -6.0}),
        ("ring", "hit", {"material": "metal", "chain": [{"type": "gain", "gain_db": -6.0}]}),
        ("hum", "texture", {"stereo": True, "width": 0.5}),
    ):
        pieces = [(rng.standard_normal(4_800) * 0.1).astype(np.float32) for _ in range(2)]
        save_preset(encode_pieces(PcmCodec(), name, pieces, kind, **plain, **words), tmp_path / "bank")
    return tmp_path / "bank"


def listed(*arguments: object) -> list[str]:
    return [line.split()[0] for line in run("preset", "list", *arguments).stdout.splitlines()[1:]]


def test_presets_are_listed_by_kind_tag_and_material(bank):
    assert listed("--bank", bank) == ["hum", "knock", "ring", "tap"]
    assert listed("--bank", bank, "--kind", "texture") == ["hum"]
    assert listed("--bank", bank, "--tag", "dry") == ["knock", "tap"]
    assert listed("--bank", bank, "--tag", "dry", "--tag", "door", "--material", "wood") == ["knock"]
    with pytest.raises(PresetError, match="no preset of this kind, with these tags and of this material"):
        listed("--bank", bank, "--material", "glass")


def test_show_prints_all_fields_and_draws_latents(bank, tmp_path):
    shown = run("preset", "show", "knock", "--bank", bank, "--plot", tmp_path / "knock.png").stdout.splitlines()
    fields = dict(line.split(maxsplit=1) for line in shown[1:-1])
    assert fields["tags"] == "dry, door"
    assert (fields["material"], fields["licence"], fields["program"]) == ("wood", "CC0-1.0", "3")
    assert fields["takes"] == "2: 20 frames of 512 latents"
    assert shown[-1] == str(tmp_path / "knock.png")
    assert (tmp_path / "knock.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert re.search(r"^effect +type gain, gain_db -6.0$", run("preset", "show", "ring", "--bank", bank).stdout, re.M)
    assert re.search(r"^width +0.5$", run("preset", "show", "hum", "--bank", bank).stdout, re.M)
    with pytest.raises(OutputError, match="knock.png: is there already"):
        run("preset", "show", "knock", "--bank", bank, "--plot", tmp_path / "knock.png")


def test_texture_is_captured_and_mixed_with_width(bank, tmp_path):
    soundfile.write(tmp_path / "rain.wav", np.random.default_rng(1).standard_normal(9_600) * 0.1, RATE)
    given = tmp_path / "rain.wav", "--model", "pcm", "--bank", bank, "--width", 0.25
    run("capture", *given, "--name", "rain", "--kind", "texture")
    rain = load_preset(bank / f"rain{SUFFIX}")
    assert rain.header.width == 0.25
    with pytest.raises(PresetError, match="its width is 0.25, and only a stereo texture can have another than 1"):
        run("capture", *given, "--name", "drop", "--split", "file")
    weights = "--weight", 1, "--weight", 0
    run(
        "mix",
        "rain",
        "rain",
        *weights,
        "--width",
        0.75,
        "--name",
        "wide",
        "--to",
        bank,
        "--bank",
        bank,
        "--model",
        "pcm",
    )
    wide = load_preset(bank / f"wide{SUFFIX}")
    assert wide.header.width == 0.75
    np.testing.assert_array_equal(wide.means[0], rain.means[0])


def test_takes_are_played_into_file_with_gaps(bank, tmp_path):
    out = tmp_path / "tap.wav"
    message = run("preset", "play", "tap", out, "--bank", bank, "--takes", 8, "--gap-s", 0.1)
    assert message.stdout == f"{out}: 8 takes of tap, 1.50 s\n"
    audio, rate = soundfile.read(out, dtype="float32")
    assert (rate, audio.shape, soundfile.info(out).subtype) == (RATE, (8 * 4_800 + 7 * 4_800,), "FLOAT")
    preset, gain = load_preset(bank / f"tap{SUFFIX}"), np.float32(10 ** (-6 / 20))
    takes = [mean.ravel()[:4_800] * gain for mean in preset.means]
    output = [audio[at : at + 4_800] for at in range(0, audio.size, 2 * 4_800)]
    assert {min(range(2), key=lambda n: np.abs(one - takes[n]).max()) for one in output} == {0, 1}
    assert all(min(np.abs(one - take).max() for take in takes) < 1e-6 for one in output)
    assert not audio[4_800:9_600].any()
    with pytest.raises(OutputError, match="tap.wav: is there already"):
        run("preset", "play", "tap", out, "--bank", bank)
    run("preset", "play", bank / f"tap{SUFFIX}", out, "--overwrite", "--takes", 1)
    assert len(soundfile.read(out)[0]) == 4_800


def test_texture_is_played_in_stereo_for_given_time(bank, tmp_path):
    run("preset", "play", "hum", tmp_path / "hum.wav", "--bank", bank, "--takes", 2, "--texture-s", 0.5, "--gap-s", 0)
    audio = soundfile.read(tmp_path / "hum.wav", dtype="float32")[0]
    assert audio.shape == (RATE, 2)
    assert (np.abs(audio).reshape(10, -1).max(axis=1) > 0.05).all()


def test_without_file_missing_extra_is_named(bank, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pisada preset play without a file.*\[live\]"):
        run("preset", "play", "tap", "--bank", bank)


def test_random_preset_is_reproducible(bank, tmp_path):
    command = ("preset", "random", "--bank", bank, "--model", "pcm", "--material", "wood", "--seed", 7)
    message = run(*command, "--name", "porch", "--to", tmp_path / "new").stdout
    assert re.match(rf".*porch{SUFFIX}: random, seed 7: 0\.\d+ (knock|tap), 0\.\d+ (knock|tap)$", message.strip())
    run(*command, "--name", "porch", "--to", tmp_path / "again")
    files = [tmp_path / folder / f"porch{SUFFIX}" for folder in ("new", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "seed " in run(*command[:-2], "--name", "other", "--to", tmp_path / "new").stdout
    with pytest.raises(PresetError, match="3 such presets of model 'pcm', but 4 are needed"):
        run("preset", "random", "--bank", bank, "--model", "pcm", "--of", 4, "--name", "x", "--to", tmp_path / "new")


@pytest.fixture
def recorded(tmp_path):
    audio = np.zeros(RATE, np.float32)
    audio[9_000:18_000] = np.random.default_rng(1).standard_normal(9_000) * 0.2 * np.exp(-np.arange(9_000) / 900)
    soundfile.write(tmp_path / "boots.wav", audio, RATE)
    return tmp_path / "boots.wav"


def test_capture_fields_are_kept_and_preset_migrates_from_recordings(recorded, tmp_path, tiny_models):
    words = ("--tag", "boots", "--tag", "dry", "--material", "leather", "--licence", "CC0-1.0", "--credit", "me",
             "--description", "Boots", "--effect", "eq:low_cut_hz=80", "--effect", "lfo:shape=square,depth=0.2",
             )  # fmt: skip
    old, new = tiny_models
    capture = ("capture", recorded, "--name", "boots", "--bank", tmp_path / "old", "--model", old)
    run(*capture, *words)
    header = load_preset(tmp_path / "old" / f"boots{SUFFIX}").header
    assert (header.tags, header.material, header.licence) == (["boots", "dry"], "leather", "CC0-1.0")
    assert (header.credit, header.description) == ("me", "Boots")
    assert header.chain == [{"type": "eq", "low_cut_hz": 80.0}, {"type": "lfo", "shape": "square", "depth": 0.2}]
    assert [recording.name for recording in header.provenance.recordings] == ["boots.wav"]
    migrate = ("preset", "migrate", "--bank", tmp_path / "old", "--model", new)
    message = run(*migrate, "--to", tmp_path / "new", "--sources", tmp_path).stdout
    assert message == f"{tmp_path / 'new' / f'boots{SUFFIX}'}: captured again from its recordings\n"
    done = load_preset(tmp_path / "new" / f"boots{SUFFIX}").header
    assert done.fingerprint == describe_codec(str(new)).fingerprint
    assert (done.tags, done.chain) == (header.tags, header.chain)
    message = run(*migrate, "--to", tmp_path / "new", "--from", old, "--overwrite").stdout
    assert re.search(rf"boots{re.escape(SUFFIX)}: by its sound, \d+\.\d+ dB lost$", message.strip())
    message = run("preset", "migrate", "boots", "--bank", tmp_path / "new", "--model", new, "--to", tmp_path / "third")
    assert message.stdout.endswith("is of this model already, copied\n")


def test_failed_migration_does_not_stop_others(recorded, tmp_path, tiny_models):
    old, new = tiny_models
    for name, model in (("a", old), ("b", new), ("c", old)):
        piece = soundfile.read(recorded, dtype="float32")[0][9_000:18_000]
        save_preset(encode_pieces(load_codec(str(model)), name, [piece], "hit"), tmp_path / "old")
    with pytest.raises(PisadaError, match="2 of 3 presets could not be migrated"):
        run("preset", "migrate", "--bank", tmp_path / "old", "--to", tmp_path / "new", "--model", new)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"b{SUFFIX}"]
    with pytest.raises(PresetError, match="--sources nowhere: not a folder"):
        run("preset", "migrate", "a", "--bank", tmp_path / "old", "--to", tmp_path / "x", "--sources", "nowhere")


def test_malformed_effect_is_refused(recorded, tmp_path):
    capture = ("capture", recorded, "--name", "x", "--bank", tmp_path / "b", "--model", "pcm")
    with pytest.raises(ProjectError, match="effect 'eq:80': write TYPE:NAME=VALUE"):
        run(*capture, "--effect", "eq:80")
    with pytest.raises(PresetError, match="effect 1 of its chain is 'reverb'"):
        run(*capture, "--effect", "reverb")
    assert not (tmp_path / "b").exists()


def test_mix_joins_fields_and_reports_dropped_effects(bank, tmp_path):
    mix = ("mix", "--bank", bank, "--model", "pcm", "--to", tmp_path / "new")
    run(*mix, "knock", "tap", "--name", "both")
    header = load_preset(tmp_path / "new" / f"both{SUFFIX}").header
    assert (header.tags, header.material, header.licence) == (["dry", "door"], "wood", "")
    message = run(*mix, "knock", "ring", "--name", "other")
    assert message.stderr == "note: effects differ: those of ring are left out; give --effect\n"
    run(*mix, "knock", "ring", "--name", "third", "--effect", "gain:gain_db=-1", "--tag", "odd")
    header = load_preset(tmp_path / "new" / f"third{SUFFIX}").header
    assert (header.chain, header.tags) == ([{"type": "gain", "gain_db": -1.0}], ["odd"])
