"""Maps of sounds: stable, whatever the order; right with few and with equal sounds; a page that trusts no name."""

import json
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError, MissingExtraError, OutputError, PresetError, ProjectError
from plugin_backend.models import registry
from presets import sound_map_page
from presets.capture import encode_pieces
from presets.sound_map import NEIGHBOURS, MappedSound, place, sounds_to_map
from presets.sound_map_page import MapOptions, map_content, plot_map, write_map
from presets.store import save_preset
from studio.cli import pisada
from tests.plugin_backend.models import tone_family

RATE, HOP = 16_000, 4800
HOSTILE = "</script><script>alert(1)</script>$x_{"


def clusters(count: int, groups: int = 3) -> np.ndarray:
    """Return ``groups`` well separated groups of ``count`` sounds in ten dimensions."""
    rng = np.random.default_rng(2)
    centres = 20 * rng.standard_normal((groups, 10))
    return np.concatenate([centre + rng.standard_normal((count, 10)) for centre in centres])


def check_groups_and_order(method: str) -> None:
    """Check that groups stay apart, and that neither order nor another run moves a point."""
    features = clusters(12)
    places = place(features, method)
    assert np.abs(places).max() == pytest.approx(1)
    groups = places.reshape(3, 12, 2)
    within = np.linalg.norm(groups - groups.mean(axis=1, keepdims=True), axis=-1).max()
    centres = groups.mean(axis=1)
    between = min(np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert between > 1.5 * within
    order = np.random.default_rng(0).permutation(36)
    assert np.array_equal(place(features[order], method), places[order])


def check_few_and_equal(method: str, counts: tuple[int, ...]) -> None:
    """Check maps of few sounds, and that equal sounds have equal places."""
    for count in counts:
        features = np.random.default_rng(count).standard_normal((count, 6))
        twice = place(np.concatenate([features, features]), method)
        assert twice.shape == (2 * count, 2) and np.isfinite(twice).all()
        assert np.array_equal(twice[:count], twice[count:])
        assert len(np.unique(twice, axis=0)) == count
    assert not place(np.ones((9, 6)), method).any()


@pytest.fixture
def codec(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.FAMILIES, tone_family.NAME, tone_family.MODULE)
    return registry.load_codec(str(tone_family.write_model(tmp_path / "tones.safetensors", RATE, HOP, pitched=True)))


@pytest.fixture
def folder(tmp_path):
    for label, note in (("low", 48), ("low", 50), ("high", 72)):
        path = tmp_path / "sounds" / label / f"{note}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone_family.tone(note, 0.3, RATE), RATE)
    return tmp_path / "sounds"


def test_pca_is_stable_and_right_with_few_and_equal_sounds():
    check_groups_and_order("pca")
    check_few_and_equal("pca", (1, 2, 3, 16))
    assert place(np.zeros((0, 4))).shape == (0, 2)
    assert place(np.arange(3.0)[:, None])[:, 1].tolist() == [0, 0, 0]  # one dimension is a line


@pytest.mark.slow
def test_tsne_is_stable_and_right_with_few_and_equal_sounds():
    pytest.importorskip("openTSNE")
    check_groups_and_order("tsne")
    check_few_and_equal("tsne", (1, 3, 4, 5))


@pytest.mark.slow
def test_umap_is_stable_and_right_with_as_many_sounds_as_neighbours():
    pytest.importorskip("umap")
    check_groups_and_order("umap")
    check_few_and_equal("umap", (2, 4, NEIGHBOURS, NEIGHBOURS + 1))


@pytest.mark.parametrize(("method", "package"), [("tsne", "openTSNE"), ("umap", "umap")])
def test_without_the_extra_its_line_is_shown_and_pca_works(monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[map\]"):
        place(clusters(4), method)
    assert place(clusters(4)).shape == (12, 2)


def test_a_method_that_is_none_and_latents_that_are_none_are_refused():
    with pytest.raises(ProjectError, match="pca, tsne, umap"):
        place(clusters(4), "mds")
    with pytest.raises(PresetError, match="NaN"):
        place(np.full((4, 2), np.nan))


def test_a_folder_becomes_a_page_that_needs_no_other_file(codec, folder, tmp_path):
    words = ["map", str(folder), "--model", str(tmp_path / "tones.safetensors"), "--out", str(tmp_path / "map")]
    (folder / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    done = CliRunner().invoke(pisada, words)
    assert done.exit_code == 0, done.output
    assert "3 sounds, 2 labels, pca" in done.output and "broken.wav" in done.output
    assert sorted(path.name for path in (tmp_path / "map").iterdir()) == ["map.html", "map.json", "map.png"]
    content = json.loads((tmp_path / "map" / "map.json").read_text())
    x = {point["name"]: point["x"] for point in content["points"]}
    assert abs(x["low/48.wav"] - x["low/50.wav"]) < abs(x["low/48.wav"] - x["high/72.wav"])
    page = (tmp_path / "map" / "map.html").read_text()
    assert page.count("data:audio/flac;base64,") == 3 and "http" not in page.replace("http-equiv", "")
    again = write_map(
        list(sounds_to_map(str(folder), codec)), codec.spec, tmp_path / "again", MapOptions("sounds", "pca")
    )
    assert again["points"] == content["points"]
    assert (tmp_path / "again" / "map.png").read_bytes() == (tmp_path / "map" / "map.png").read_bytes()
    with pytest.raises(OutputError, match="is there already"):
        write_map([], codec.spec, tmp_path / "map", MapOptions("sounds", "pca"))


def test_a_bank_of_any_family_has_a_point_for_each_take(codec, tmp_path):
    bank = tmp_path / "bank"
    bank.mkdir()
    notes = [tone_family.tone(note, 0.3, RATE) for note in (60, 61)]
    save_preset(encode_pieces(codec, "flute", notes, "hit", material="air"), bank)
    save_preset(encode_pieces(codec, "bell", notes[:1], "hit", tags=["metal"]), bank)
    sounds = list(sounds_to_map(str(bank), codec))
    assert [(sound.name, sound.label) for sound in sounds] == [
        ("bell 1", "metal"),
        ("flute 1", "air"),
        ("flute 2", "air"),
    ]
    assert all(sound.audio.any() for sound in sounds)
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioFileError, match="no preset and no sound"):
        list(sounds_to_map(str(tmp_path / "empty"), codec))


def test_a_name_is_never_html_and_much_audio_lies_beside_the_page(codec, tmp_path, monkeypatch):
    monkeypatch.setattr(sound_map_page, "MOST_EMBEDDED_BYTES", 100)
    silence = np.zeros(0, np.float32)
    sounds = [MappedSound(HOSTILE, f"_{HOSTILE}{index % 25}", np.arange(3.0) * index, silence) for index in range(30)]
    write_map(sounds, codec.spec, tmp_path / "map", MapOptions(HOSTILE, "pca"))
    page = (tmp_path / "map" / "map.html").read_text()
    assert page.count("<script>") == 1 and page.count("</script>") == 2
    assert json.loads(page.split('id="data">')[1].split("</script>")[0])["points"][0]["name"] == HOSTILE
    assert len(list((tmp_path / "map" / "audio").iterdir())) == 30
    assert "audio/00029.flac" in page and str(tmp_path) not in page
    content = map_content(sounds, codec.spec, MapOptions("t", "pca"))
    assert len(content["colours"]) == 20 and "other" in content["colours"]
    assert plot_map(content).startswith(b"\x89PNG")
