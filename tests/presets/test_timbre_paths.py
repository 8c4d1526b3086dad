"""Paths between sounds: shapes and weights, pitch and level in equal steps, and folders that nothing leads out of."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError, OutputError, PresetError
from plugin_backend.models import registry
from presets.bank import Bank
from presets.capture import encode_pieces
from presets.store import save_preset
from presets.timbre_files import PathSettings, write_path
from presets.timbre_paths import corner_latents, decode_points, path_between, read_corner
from studio.cli import pisada
from tests.plugin_backend.models import tone_family

RATE, HOP = 16_000, 4800
NOTES = (60, 72, 67, 55)


@pytest.fixture
def codec(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, tone_family.NAME, tone_family.MODULE)
    return registry.load_codec(str(tone_family.write_model(tmp_path / "tones.safetensors", RATE, HOP, pitched=True)))


@pytest.fixture
def sounds(tmp_path):
    paths = []
    for number, note in enumerate(NOTES):
        paths.append(tmp_path / f"note {number}.wav")
        level, wait = 0.1 * (number + 1), 0.05 * number
        soundfile.write(paths[-1], tone_family.tone(note, 0.3, RATE, level, wait), RATE, "FLOAT")
    return [str(path) for path in paths]


def corners_of(sounds, codec):
    presets = [read_corner(sound, letter, Bank(), codec)[0] for sound, letter in zip(sounds, "abcd", strict=False)]
    return corner_latents(presets, codec)


@pytest.mark.parametrize(("count", "points"), [(2, 11), (3, 66), (4, 121)])
@pytest.mark.parametrize("method", ["linear", "spherical"])
def test_lines_triangles_and_squares_begin_and_end_at_their_corners(sounds, codec, count, points, method):
    corners = corners_of(sounds[:count], codec)
    path = path_between(corners, 11, method, codec.spec)
    assert path.latents.shape == (points, *corners.shape[1:])
    assert np.allclose(path.weights.sum(axis=1), 1)
    assert len(np.unique(path.weights.round(9), axis=0)) == points
    for corner in range(count):
        (there,) = np.flatnonzero(path.weights[:, corner] > 1 - 1e-9)
        assert np.allclose(path.latents[there], corners[corner], atol=1e-5)
    for dim in (codec.spec.pitch_dim, codec.spec.loudness_dim):  # in equal steps, whatever the method
        expected = path.weights @ corners[:, 0, dim].astype(np.float64)
        assert np.abs(path.latents[:, 0, dim] - expected).max() < 1e-6


def test_a_spherical_path_keeps_the_length_of_the_timbre_where_a_straight_one_loses_it(codec):
    corners = np.array([[[1, 0, 0, 0, 0]], [[0, 1, 0, 1, 1]]], np.float32)
    lengths = {
        how: np.linalg.norm(path_between(corners, 3, how, codec.spec).latents[1, 0, :3])
        for how in ("linear", "spherical")
    }
    assert lengths["linear"] == pytest.approx(np.sqrt(0.5))
    assert lengths["spherical"] > 0.95


def test_attacks_are_aligned_and_pitches_matched_where_asked(sounds, codec):
    presets = [read_corner(sound, letter, Bank(), codec)[0] for sound, letter in zip(sounds, "abcd", strict=True)]
    assert len({preset.header.takes[0].skip_samples for preset in presets}) == 1
    octaves = corner_latents(presets, codec)[:, 0, codec.spec.pitch_dim]
    assert np.abs(octaves - (np.array(NOTES) - 60) / 12).max() < 0.02
    matched = corner_latents(presets, codec, match_pitch=True)
    assert (matched[:, 0, codec.spec.pitch_dim] == octaves[0]).all()


def test_a_path_is_a_folder_of_its_own_with_the_originals_and_all_in_one(sounds, codec, tmp_path):
    out = tmp_path / "runs" / "first"
    files = write_path(sounds[:2], codec, out, PathSettings(steps=3))
    assert [path.name for path in files] == [
        "all.wav", "original_a.wav", "original_b.wav", "path.json", "step_000.wav", "step_001.wav", "step_002.wav",
    ]  # fmt: skip
    steps = [soundfile.read(out / f"step_{number:03d}.wav", dtype="float32")[0] for number in range(3)]
    together, rate_hz = soundfile.read(out / "all.wav", dtype="float32")
    assert (rate_hz, together.size) == (RATE, 3 * (HOP + RATE // 10))
    assert np.array_equal(together[:HOP], steps[0])
    assert np.array_equal(soundfile.read(out / "original_b.wav", dtype="float32")[0],
                          soundfile.read(sounds[1], dtype="float32")[0])  # fmt: skip
    report = json.loads((out / "path.json").read_text())
    assert report["steps"][1] == {"file": "step_001.wav", "weights": [0.5, 0.5]}
    assert str(tmp_path) not in (out / "path.json").read_text()
    loudness = [float(np.sqrt(np.mean(step**2))) for step in steps]
    assert loudness == sorted(loudness) and loudness[0] > 0.01
    before = {path.name: path.read_bytes() for path in files}
    with pytest.raises(OutputError, match="every path has its own"):  # nothing is shared between users and runs
        write_path(sounds[2:], codec, out, PathSettings(steps=3))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_silence_is_a_corner_and_stays_silent(codec, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(HOP), RATE)
    write_path([str(tmp_path / "silence.wav")] * 2, codec, tmp_path / "out", PathSettings(steps=2))
    audio = soundfile.read(tmp_path / "out" / "all.wav")[0]
    assert np.isfinite(audio).all() and np.abs(audio).max() < 1e-5


def test_a_sound_that_leads_out_names_no_file_and_a_failure_leaves_nothing(sounds, codec, tmp_path):
    (tmp_path / "in").mkdir()
    inside = tmp_path / "in" / "out"
    write_path([str(tmp_path / "in" / ".." / "note 0.wav"), sounds[1]], codec, inside, PathSettings(steps=2))
    assert {path.parent for path in inside.rglob("*")} == {inside}
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    absent = str(tmp_path / "absent.wav")
    for wrong, error in ((str(broken), AudioFileError), (absent, AudioFileError), ("step-gravel", PresetError)):
        with pytest.raises(error):
            write_path([sounds[0], wrong], codec, tmp_path / "new" / "out", PathSettings())
    assert not (tmp_path / "new").exists()


def test_batches_and_workers_change_no_sample(sounds, codec):
    path = path_between(corners_of(sounds, codec), 11, "linear", codec.spec)
    alone = np.concatenate([codec.decode(point[None]) for point in path.latents])
    for workers in (1, 3):
        assert np.array_equal(np.stack(list(decode_points(path.latents, codec, workers))), alone)


def test_models_of_frames_and_presets_work_too_and_what_cannot_is_one_line(sounds, codec, tiny_models, tmp_path):
    frames = registry.load_codec(str(tiny_models[0]))
    bank = tmp_path / "bank"
    bank.mkdir()
    save_preset(encode_pieces(frames, "hum", [np.full(9000, 0.2, np.float32)], "texture"), bank)
    save_preset(encode_pieces(frames, "knock", [tone_family.tone(60, 0.4, 48_000)], "hit"), bank)
    settings = PathSettings(steps=3, banks=[bank])
    write_path(["knock", sounds[3]], frames, tmp_path / "out", settings)
    audio = soundfile.read(tmp_path / "out" / "step_001.wav")[0]
    assert audio.size % frames.spec.hop_samples == 0 and np.isfinite(audio).all()
    presets = [read_corner(name, "a", Bank(bank), frames)[0] for name in ("knock", "hum")]
    with pytest.raises(PresetError, match="one kind"):
        corner_latents(presets, frames)
    with pytest.raises(PresetError, match="holds no pitch"):
        corner_latents(presets[:1] * 2, frames, match_pitch=True)
    for wrong in (1, 5):
        with pytest.raises(PresetError, match="two, three or four"):
            write_path(sounds[:1] * wrong, codec, tmp_path / "more", PathSettings())
    with pytest.raises(PresetError, match="2 to 101"):
        path_between(np.zeros((2, 1, 5), np.float32), 1, "linear", codec.spec)


def test_the_command_writes_a_square(sounds, codec, tmp_path):
    words = ["timbre", "interpolate", *sounds, "--steps", "2", "--model", str(tmp_path / "tones.safetensors")]
    done = CliRunner().invoke(pisada, [*words, "--out", str(tmp_path / "square")])
    assert done.exit_code == 0, done.output
    assert "4 steps, all.wav, 4 originals" in done.output
    assert len(list((tmp_path / "square").iterdir())) == 10
